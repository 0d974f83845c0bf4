//! One truth about the names of a server: its settings, its certificate, its join string and what `vestryd check` says of them.

use crate::inside::{DAY, Inside};
use std::path::Path;
use vestry_tests::harness::{PASSWORD, Server};
use vestry_tests::programs::{Person, Ran};
use vestry_tls::{CertsDir, JoinString};

fn vestryd(folder: &Path, words: &[&str]) -> Ran {
    Person::new().run("vestryd", &[words, &["--data-dir", folder.to_str().unwrap()]].concat(), "")
}

fn certified(folder: &Path) -> String {
    CertsDir::at(folder.join("certs")).server_hosts().unwrap().to_string()
}

fn set(folder: &Path) -> String {
    let text = std::fs::read_to_string(folder.join("vestryd.toml")).unwrap();
    text.lines().find(|line| line.starts_with("hosts = ")).unwrap().to_owned()
}

/// The host of the join string that a running server gives out.
fn joined(server: &Server) -> String {
    let line = Person::new().vestryctl(server, &["join-string"]).ended_with(0).out;
    line.trim().parse::<JoinString>().unwrap().host
}

/// Sends SIGHUP, and waits until the server has read the certificates again.
fn reload(server: &Server) {
    let before = server.talk().matches("the certificates were read again").count();
    server.signal(rustix::process::Signal::HUP);
    while server.talk().matches("the certificates were read again").count() == before {
        std::thread::yield_now();
    }
}

/// O2 of the trials of public bug reports: `certs renew --host` locked out who had joined, and everybody who joined later by the
/// server's own join string; three weeks later the renewal took the new name away again.
#[test]
fn sec_0095_a_new_host_is_in_settings_certificate_and_join_string_beside_the_old() {
    let server = Server::start();
    let person = Person::new();
    person.join(&server);
    let folder = server.shared_folder();
    let renewed = vestryd(folder.path(), &["certs", "renew", "--host", "New.Example.org."]).ended_with(0);
    assert!(renewed.err.contains("hosts: new.example.org, localhost"), "{}", renewed.err);
    assert_eq!(set(folder.path()), "hosts = [\"new.example.org\", \"localhost\"]");
    assert_eq!(certified(folder.path()), "new.example.org, localhost, 127.0.0.1, ::1");
    reload(&server);
    assert_eq!(joined(&server), "new.example.org");
    person.vestry(&["register", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    let checked = vestryd(folder.path(), &["check"]).ended_with(0);
    assert!(checked.out.contains("ok    hosts: new.example.org, localhost, in settings"), "{}", checked.out);
    assert!(checked.out.contains("the join string names new.example.org"), "{}", checked.out);
    // A restart changes nothing of it, nor does another renewal.
    let server = Server::start_in(server.stop());
    vestryd(folder.path(), &["certs", "renew"]).ended_with(0);
    reload(&server);
    assert_eq!(joined(&server), "new.example.org");
    assert_eq!(certified(folder.path()), "new.example.org, localhost, 127.0.0.1, ::1");
}

#[tokio::test]
async fn a_renewal_by_the_server_itself_keeps_every_name() {
    let server = Inside::start().await;
    let folder = server.folder.path();
    vestryd(folder, &["certs", "renew", "--host", "new.example.org"]).ended_with(0);
    // No SIGHUP came: it is the renewal that finds the new name.
    server.jump(21 * DAY);
    server.reload().await;
    assert_eq!(certified(folder), "new.example.org, localhost, 127.0.0.1, ::1");
    assert_eq!(server.certificate().not_after, server.now().plus(30 * DAY));
}

#[test]
fn a_host_is_dropped_when_that_is_said_and_one_always_stays() {
    let folder = tempfile::tempdir().unwrap();
    Server::init(folder.path(), "");
    let renew = |words: &[&str]| vestryd(folder.path(), &[&["certs", "renew"], words].concat());
    renew(&["--host", "new.example.org", "--host", "192.0.2.7"]).ended_with(0);
    assert_eq!(set(folder.path()), "hosts = [\"new.example.org\", \"192.0.2.7\", \"localhost\"]");
    renew(&["--drop-host", "new.example.org"]).ended_with(0);
    assert_eq!(certified(folder.path()), "192.0.2.7, localhost, 127.0.0.1, ::1");
    let before = set(folder.path());
    let refused = renew(&["--drop-host", "other.example.org"]).ended_with(2);
    assert!(refused.err.contains("is not one of the server's hosts"), "{}", refused.err);
    let refused = renew(&["--drop-host", "localhost", "--drop-host", "192.0.2.7"]).ended_with(2);
    assert!(refused.err.contains("at least one host must stay"), "{}", refused.err);
    renew(&["--host", "two words"]).ended_with(2);
    // What cannot be signed changes no setting either.
    std::fs::rename(folder.path().join("certs/ca.key"), folder.path().join("ca.key")).unwrap();
    renew(&["--host", "later.example.org"]).ended_with(78);
    assert_eq!(set(folder.path()), before);
}

#[test]
fn a_host_that_the_certificate_lacks_fails_the_check_until_the_next_start() {
    let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
    Server::init(folder.path(), "");
    let file = folder.path().join("vestryd.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("hosts = [", "hosts = [\"typed.example.org\", ")).unwrap();
    let checked = vestryd(folder.path(), &["check"]).ended_with(78);
    assert!(checked.out.contains("FAIL  hosts: the settings name typed.example.org"), "{}", checked.out);
    // Without the CA's key the join string names a host that works.
    let (key, hidden) = (folder.path().join("certs/ca.key"), folder.path().join("hidden"));
    std::fs::rename(&key, &hidden).unwrap();
    let server = Server::start_in(folder.clone());
    assert_eq!(joined(&server), "localhost");
    std::fs::rename(&hidden, &key).unwrap();
    let server = Server::start_in(server.stop());
    assert_eq!(joined(&server), "typed.example.org");
    vestryd(folder.path(), &["check"]).ended_with(0);
    // The other way round: the certificate has one more, until somebody renews it.
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap().replace("\"typed.example.org\", ", ""))
        .unwrap();
    let checked = vestryd(folder.path(), &["check"]).ended_with(0);
    assert!(
        checked.out.contains("warn  hosts: the certificate names typed.example.org, too"),
        "{}",
        checked.out
    );
    vestryd(folder.path(), &["certs", "renew"]).ended_with(0);
    assert_eq!(certified(folder.path()), "localhost, 127.0.0.1, ::1");
}

/// U11 of the trials: with a dot at its end, the name was one that no client found in the certificate.
#[test]
fn sec_0110_init_drops_the_dot_of_a_name_and_takes_the_names_already_there() {
    let folder = tempfile::tempdir().unwrap();
    vestryd(folder.path(), &["init", "--host", "Accounts.Example.org."]).ended_with(0);
    assert_eq!(certified(folder.path()), "accounts.example.org, localhost, 127.0.0.1, ::1");
    assert_eq!(set(folder.path()), "hosts = [\"accounts.example.org\"]");
    let refused = vestryd(folder.path(), &["init", "--host", "other.example.org"]).ended_with(2);
    assert!(refused.err.contains("certs renew --host other.example.org"), "{}", refused.err);
    // A new CA and certificate are for the hosts of the settings, and new settings for those of the certificate.
    std::fs::rename(folder.path().join("certs"), folder.path().join("certs.old")).unwrap();
    vestryd(folder.path(), &["init"]).ended_with(0);
    assert_eq!(certified(folder.path()), "accounts.example.org, localhost, 127.0.0.1, ::1");
    std::fs::remove_file(folder.path().join("vestryd.toml")).unwrap();
    vestryd(folder.path(), &["init"]).ended_with(0);
    assert_eq!(set(folder.path()), "hosts = [\"accounts.example.org\"]");
}
