//! What a folder of certificates does, and what it refuses: never overwritten, never exposed, never mismatched.

use super::*;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use tempfile::TempDir;
use vestry_protocol::UnixSeconds;

const START: UnixSeconds = UnixSeconds::from_seconds(1_767_225_600);
const LONG: Validity = Validity { not_before: START, days: 36_500 };

fn hosts() -> Hosts {
    Hosts::parse(["localhost", "127.0.0.1"]).unwrap()
}

fn filled() -> (TempDir, CertsDir) {
    let folder = TempDir::new().unwrap();
    let certs = CertsDir::at(folder.path().join("certs"));
    certs.create_authority("Vestry CA", LONG).unwrap();
    certs.create_server(&hosts(), Validity { not_before: START, days: 90 }).unwrap();
    certs.create_operator("admin", "admin", LONG).unwrap();
    (folder, certs)
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn keys_are_made_private_and_folders_too() {
    let (_folder, certs) = filled();
    for key in [certs.ca_key(), certs.server_key(), certs.operator_key("admin")] {
        assert_eq!(mode_of(&key), 0o600, "{key:?}");
    }
    for folder in [certs.path(), &certs.path().join("operators")] {
        assert_eq!(mode_of(folder), 0o700, "{folder:?}");
    }
}

#[test]
fn nothing_is_made_twice() {
    let (_folder, certs) = filled();
    let before = fs::read(certs.ca_key()).unwrap();
    let refused = certs.create_authority("again", LONG).unwrap_err();
    assert!(matches!(refused, TlsError::AlreadyThere(path) if path == certs.ca_certificate()));
    let refused = certs.create_server(&hosts(), LONG).unwrap_err();
    assert!(matches!(refused, TlsError::AlreadyThere(path) if path == certs.server_certificate()));
    let refused = certs.create_operator("admin", "viewer", LONG).unwrap_err();
    assert!(matches!(refused, TlsError::AlreadyThere(path) if path == certs.operator_certificate("admin")));
    assert_eq!(fs::read(certs.ca_key()).unwrap(), before);
}

#[test]
fn a_key_alone_is_not_overwritten_either() {
    let (_folder, certs) = filled();
    fs::remove_file(certs.server_certificate()).unwrap();
    let refused = certs.create_server(&hosts(), LONG).unwrap_err();
    assert!(matches!(refused, TlsError::AlreadyThere(path) if path == certs.server_key()));
}

#[test]
fn an_operators_name_cannot_leave_the_folder() {
    let (folder, certs) = filled();
    for name in ["../../stray", "/tmp/stray", "", "Admin", "a/b"] {
        let refused = certs.create_operator(name, "admin", LONG);
        assert!(matches!(refused, Err(TlsError::BadOperatorName(_))), "{name:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_renewal_keeps_key_hosts_and_pin_and_moves_the_dates() {
    let (_folder, certs) = filled();
    let (pin, key) = (certs.authority_pin().unwrap(), fs::read(certs.server_key()).unwrap());
    let old = certs.describe().unwrap()[1].clone();
    certs
        .renew_server(&certs.server_hosts().unwrap(), Validity { not_before: START.plus(1000), days: 180 })
        .unwrap();
    let new = certs.describe().unwrap()[1].clone();
    assert_eq!((new.sans.join(", "), new.pin), (hosts().to_string(), old.pin));
    assert_eq!(new.not_after, START.plus(1000 + 180 * 86_400));
    assert_ne!(new.serial, old.serial);
    assert_eq!(fs::read(certs.server_key()).unwrap(), key);
    assert_eq!(certs.load_server().unwrap().authority_pin(), pin);
    certs.renew_server(&Hosts::parse(["new.example"]).unwrap(), LONG).unwrap();
    assert_eq!(certs.describe().unwrap()[1].sans, ["new.example"]);
}

#[test]
fn a_failed_renewal_changes_nothing() {
    let (_folder, certs) = filled();
    let before = fs::read(certs.server_certificate()).unwrap();
    assert!(certs.renew_server(&hosts(), Validity { not_before: START, days: 0 }).is_err());
    assert_eq!(fs::read(certs.server_certificate()).unwrap(), before);
}

#[test]
fn operators_are_listed_by_name_with_their_roles() {
    let (_folder, certs) = filled();
    certs.create_operator("zoe", "viewer", LONG).unwrap();
    certs.create_operator("jo", "helpdesk", LONG).unwrap();
    let listed = certs.operators().unwrap();
    let listed: Vec<_> = listed.iter().map(|o| (o.name.as_str(), o.role.as_str())).collect();
    assert_eq!(listed, [("admin", "admin"), ("jo", "helpdesk"), ("zoe", "viewer")]);
}

#[test]
fn every_certificate_is_described() {
    let (_folder, certs) = filled();
    let described = certs.describe().unwrap();
    let subjects: Vec<&str> = described.iter().map(|facts| facts.subject.as_str()).collect();
    assert_eq!(subjects, ["CN=Vestry CA", "CN=localhost", "OU=admin, CN=admin"]);
    assert_eq!(described[0].pin, certs.authority_pin().unwrap());
    assert!(CertsDir::at("/nowhere").describe().unwrap().is_empty());
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let (_folder, certs) = filled();
    set_mode(&certs.server_key(), 0o644);
    let refused = certs.load_server().unwrap_err();
    assert!(matches!(refused, TlsError::File(FileError::Exposed { mode: 0o644, .. })));
    set_mode(&certs.ca_key(), 0o640);
    assert!(matches!(certs.load_authority(), Err(TlsError::File(FileError::Exposed { mode: 0o640, .. }))));
}

#[test]
fn every_damage_names_its_file_and_what_to_do() {
    type Load = fn(&CertsDir) -> Result<(), TlsError>;
    let server: Load = |certs| certs.load_server().map(drop);
    let authority: Load = |certs| certs.load_authority().map(drop);
    let operators: Load = |certs| certs.operators().map(drop);
    let damage: [(&str, &[u8], Load); 12] = [
        ("server.pem", b"", server),
        ("server.pem", b"not PEM at all", server),
        ("server.pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", server),
        ("server.pem", b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", server),
        ("server.pem", b"-----BEGIN CERTIFICATE-----\nAAAA", server),
        ("server.key", b"\xff\xfe", server),
        ("server.key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", server),
        ("ca.pem", b"\0\0\0", server),
        ("ca.pem", b"", authority),
        ("ca.key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", authority),
        ("ca.key", b"\xff", authority),
        ("operators/admin.pem", b"nothing", operators),
    ];
    for (name, bytes, load) in damage {
        let (_folder, certs) = filled();
        let path = certs.path().join(name);
        fs::write(&path, bytes).unwrap();
        let error = load(&certs).unwrap_err();
        assert!(
            matches!(&error, TlsError::Damaged { path: named, .. } if *named == path),
            "{name}: {error:?}"
        );
        assert!(error.to_string().contains("cannot be used"), "{error}");
    }
}

#[test]
fn a_missing_file_is_said_to_be_missing() {
    for name in ["ca.pem", "server.pem", "server.key"] {
        let (_folder, certs) = filled();
        let path = certs.path().join(name);
        fs::remove_file(&path).unwrap();
        assert!(matches!(certs.load_server(), Err(TlsError::Missing(named)) if named == path), "{name}");
    }
}

#[test]
fn keys_and_certificates_that_were_mixed_up_are_refused() {
    let (_folder, certs) = filled();
    let (_other_folder, other) = filled();
    fs::copy(other.server_key(), certs.server_key()).unwrap();
    fs::copy(other.ca_key(), certs.ca_key()).unwrap();
    let refused = certs.load_server().unwrap_err();
    assert!(matches!(refused, TlsError::Damaged { path, .. } if path == certs.server_key()));
    let refused = certs.load_authority().unwrap_err();
    assert!(matches!(refused, TlsError::Damaged { path, .. } if path == certs.ca_key()));
}

#[test]
fn openssl_reads_the_keys_and_verifies_the_chain() {
    let (_folder, certs) = filled();
    let run = |arguments: &[&str]| Command::new("openssl").args(arguments).output();
    if run(&["version"]).is_err() {
        println!("skipped: openssl is not installed");
        return;
    }
    for key in [certs.ca_key(), certs.server_key(), certs.operator_key("admin")] {
        let output = run(&["pkey", "-check", "-noout", "-in", key.to_str().unwrap()]).unwrap();
        assert!(output.status.success(), "{key:?}: {output:?}");
    }
    let (ca, server) = (certs.ca_certificate(), certs.server_certificate());
    let operator = certs.operator_certificate("admin");
    let verify = |purpose: &str, leaf: &Path| {
        let (ca, leaf) = (ca.to_str().unwrap(), leaf.to_str().unwrap());
        let at = START.plus(1000).seconds().to_string();
        let options = ["verify", "-x509_strict", "-attime", &at, "-purpose", purpose, "-CAfile", ca, leaf];
        run(&options).unwrap().status.success()
    };
    assert!(verify("sslserver", &server) && verify("sslclient", &operator));
    assert!(!verify("sslclient", &server) && !verify("sslserver", &operator));
}
