//! Root helps once: what root does in the data directory of another user leaves nothing that this user's server cannot use, and
//! `vestryd check` names what was left by other hands. Without root there is nothing to try.

use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use vestry_tests::harness::{Server, program};
use vestry_tests::programs::Person;

/// The user of the service; any but root.
const SERVICE: u32 = 65_534;

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        println!("skipped: only root helps");
    }
    is_root
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found
}

/// A data directory of the service's user.
fn of_the_service() -> Arc<tempfile::TempDir> {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    Server::init(folder.path(), "");
    for path in files_below(folder.path()) {
        chown(path, Some(SERVICE), Some(SERVICE)).unwrap();
    }
    folder
}

#[track_caller]
fn assert_all_is_the_services(folder: &Path, after: &str) {
    for path in files_below(folder) {
        let facts = path.metadata().unwrap();
        assert_eq!((facts.uid(), facts.gid()), (SERVICE, SERVICE), "{} after {after}", path.display());
    }
}

fn as_service(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.uid(SERVICE).gid(SERVICE).current_dir("/");
    command
}

fn vestryd_of_service(folder: &Path, words: &[&str]) -> (Option<i32>, String) {
    let output = as_service(program("vestryd")).args(words).arg("--data-dir").arg(folder).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// O7 of the trials of public bug reports: after `sudo vestryd certs operator` the nightly backup of the service's user ended with
/// 78, and `vestryd check` was content.
#[test]
fn sec_0097_what_root_does_in_the_services_folder_is_the_services() {
    if !is_root() {
        return;
    }
    let folder = of_the_service();
    let data = folder.path().to_str().unwrap();
    let root = Person::new();
    let home = |name: &str| root.home().join(name).display().to_string();
    // Of root, and for root alone, as the documents write it.
    let passphrase = home("passphrase");
    std::fs::write(&passphrase, "a passphrase of root's\n").unwrap();
    std::fs::set_permissions(&passphrase, std::fs::Permissions::from_mode(0o600)).unwrap();
    let backup = home("everything.backup");
    let acts: [&[&str]; 10] = [
        &["certs", "operator", "hana", "--role", "helpdesk"],
        &["certs", "renew", "--host", "new.example.org"],
        &["init"],
        &["check"],
        &["secrets", "rotate", "audit"],
        &["secrets", "rotate", "pepper"],
        &["secrets", "rotate", "opaque"],
        &["audit", "accept"],
        &["backup", "--with-secrets", "--passphrase-file", &passphrase, &backup],
        &["certs", "show"],
    ];
    for act in acts {
        root.run("vestryd", &[act, &["--data-dir", data]].concat(), "").ended_with(0);
        assert_all_is_the_services(folder.path(), &act.join(" "));
    }
    let facts = Path::new(&backup).metadata().unwrap();
    assert_eq!((facts.uid(), facts.mode() & 0o777), (0, 0o600), "the backup is not that of who made it");
    let (code, said) = vestryd_of_service(folder.path(), &["check"]);
    assert_eq!(code, Some(0), "{said}");
    let nightly = tempfile::tempdir().unwrap();
    chown(nightly.path(), Some(SERVICE), Some(SERVICE)).unwrap();
    let file = nightly.path().join("night.backup");
    let (code, said) =
        vestryd_of_service(folder.path(), &["backup", "--with-secrets", file.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    // A server that root starts, and one of the service's user after it.
    let server = Server::start_in(folder.clone());
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap();
    assert!(ids.split_whitespace().all(|id| id == SERVICE.to_string()), "{ids}");
    assert_all_is_the_services(folder.path(), "serve");
    server.stop();
    Server::start_by(folder.clone(), as_service(program("vestryd"))).stop();
    // A restore, into a folder that is not there yet, in one of the service's.
    let restored = nightly.path().join("restored");
    let words =
        ["restore", "--passphrase-file", &passphrase, "--data-dir", restored.to_str().unwrap(), &backup];
    root.run("vestryd", &words, "").ended_with(0);
    assert_all_is_the_services(&restored, "restore");
}

#[test]
fn check_names_the_files_that_its_user_cannot_open_with_the_way_out() {
    if !is_root() {
        return;
    }
    let folder = of_the_service();
    let names = ["certs/operators/admin.key", "certs/ca.key", "vestry.db", "secrets/pepper", "vestryd.toml"];
    for name in names {
        let path = folder.path().join(name);
        chown(&path, Some(0), Some(0)).unwrap();
        let (code, said) = vestryd_of_service(folder.path(), &["check"]);
        let line = said
            .lines()
            .find(|line| line.starts_with("FAIL  file owners"))
            .unwrap_or_else(|| panic!("{said}"));
        assert!(code == Some(78) && line.contains(name), "{said}");
        // Root sees the same, since it looks as that user.
        let by_root =
            Person::new().run("vestryd", &["check", "--data-dir", folder.path().to_str().unwrap()], "");
        assert!(by_root.ended_with(78).out.contains(line), "{line}");
        let command = line.split_once("run: ").unwrap().1;
        assert!(Command::new("sh").args(["-c", command]).status().unwrap().success(), "{command}");
        let (code, said) = vestryd_of_service(folder.path(), &["check"]);
        assert_eq!(code, Some(0), "{said}");
    }
}
