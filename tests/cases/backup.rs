//! Backups through the real programs: what is in one and what is not, and that one comes back whole or not at all.

use std::collections::BTreeMap;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::{UserCall, UserReply};
use vestry_tests::harness::{
    OTHER_PASSWORD, PASSWORD, Server, device_token_again, imported_login, token_again,
};
use vestry_tests::imported::import;
use vestry_tests::light::{log_in_from, reset};
use vestry_tests::programs::{Person, Ran};
use vestry_tests::talk::{Refusable, User};

const PASSPHRASE: &str = "seven crows built a wooden clock";

/// Somebody at the server's machine, with a place for backups.
struct Keeper {
    person: Person,
    folder: TempDir,
}

impl Keeper {
    fn new() -> Self {
        let keeper = Self { person: Person::new(), folder: tempfile::tempdir().unwrap() };
        keeper.write_private("passphrase", PASSPHRASE);
        keeper
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn write_private(&self, name: &str, line: &str) {
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(self.path(name)).unwrap();
        std::io::Write::write_all(&mut &file, format!("{line}\n").as_bytes()).unwrap();
    }

    fn vestryd(&self, data_dir: &Path, arguments: &[&str]) -> Ran {
        let place = ["--data-dir", data_dir.to_str().unwrap()];
        self.person.run("vestryd", &[arguments, &place].concat(), "")
    }

    /// A backup, taken beside the server; its path.
    fn back_up(&self, server: &Server, name: &str, options: &[&str]) -> String {
        let path = self.path(name);
        self.vestryd(server.folder(), &[&["backup", &path], options].concat()).ended_with(0);
        path
    }

    fn everything(&self, server: &Server) -> String {
        self.back_up(server, "everything", &["--with-secrets", "--passphrase-file", &self.path("passphrase")])
    }

    fn restore(&self, backup: &str, data_dir: &Path, options: &[&str]) -> Ran {
        self.vestryd(data_dir, &[&["restore", backup], options].concat())
    }
}

fn new_folder() -> Arc<TempDir> {
    Arc::new(tempfile::tempdir().unwrap())
}

/// The keys of a server in another folder, as an operator keeps them apart.
fn copy_secrets(from: &Path, to: &Path, names: &[&str]) {
    let folder = to.join("secrets");
    std::fs::DirBuilder::new().mode(0o700).create(&folder).unwrap();
    for name in names {
        std::fs::copy(from.join("secrets").join(name), folder.join(name)).unwrap();
    }
}

const ALL_SECRETS: [&str; 4] = ["pepper", "opaque.key", "names.seed", "audit.key"];

/// Every file below a folder with its bytes, but for the lock, which holds nothing.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.insert(path.clone(), Vec::new());
                folders.push(path);
            } else if !path.ends_with("vestryd.lock") {
                found.insert(path.clone(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn with_an_opaque_user() -> Server {
    let (server, person) = (Server::start(), Person::new());
    person.join(&server);
    let profile = ["--email", "naman@example.org", "--age", "40"];
    let register = [&["register", "naman", "--password-stdin"], &profile[..]].concat();
    person.vestry(&register, PASSWORD).ended_with(0);
    server
}

#[tokio::test]
async fn a_backup_with_its_keys_restores_into_an_empty_folder_and_everybody_logs_in() {
    let (server, keeper) = (with_an_opaque_user(), Keeper::new());
    server.register("light").await;
    import(&server, &[("hashed", PASSWORD)]).await;
    let backup = keeper.everything(&server);
    assert_eq!(Path::new(&backup).metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let pin = server.certs().authority_pin().unwrap();
    drop(server);
    let folder = new_folder();
    let restored = keeper.restore(&backup, folder.path(), &["--passphrase-file", &keeper.path("passphrase")]);
    let restored = restored.ended_with(0);
    assert!(restored.out.trim_end().ends_with("vestry.db"), "{}", restored.out);
    keeper.vestryd(folder.path(), &["check"]).ended_with(0);
    let server = Server::start_in(folder);
    assert_eq!(server.certs().authority_pin().unwrap(), pin, "users notice nothing");
    let person = Person::new();
    person.join(&server);
    person.vestry(&["login", "naman", "--password-stdin"], OTHER_PASSWORD).ended_with(77);
    person.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    assert!(person.run("vestry", &["show"], "").ended_with(0).out.contains("naman@example.org"));
    server.log_in("light", PASSWORD).await;
    let entered = server.connect().await.call(imported_login("hashed", PASSWORD)).await.unwrap();
    assert!(matches!(entered, UserReply::LoggedIn(_)), "the hash or its pepper was lost: {entered:?}");
    let events = "select action, actor_kind, source from audit where action like 'database.%' order by id";
    let noted = server.select(events).await;
    let expected = [
        ["database.backed_up", "operator", "this machine"],
        ["database.restored", "operator", "this machine"],
    ];
    assert_eq!(noted, expected);
    let left = snapshot(server.folder());
    assert!(left.keys().all(|path| !path.display().to_string().contains("work-")), "{:?}", left.keys());
}

#[tokio::test]
async fn a_running_server_is_backed_up_by_both_programs_under_writes() {
    let (server, keeper) = (Arc::new(Server::start()), Keeper::new());
    server.register("person0").await;
    let writing = tokio::spawn({
        let server = server.clone();
        async move {
            for number in 1..30 {
                server.register(&format!("person{number}")).await;
            }
        }
    });
    let (server, keeper) = tokio::task::spawn_blocking(move || {
        let sent = keeper.path("sent");
        keeper.person.vestryctl(&server, &["backup", &sent]).ended_with(0);
        keeper.back_up(&server, "beside", &[]);
        let sealed = ["backup", &keeper.path("sealed"), "--passphrase-file", &keeper.path("passphrase")];
        keeper.person.vestryctl(&server, &sealed).ended_with(0);
        (server, keeper)
    })
    .await
    .unwrap();
    writing.await.unwrap();
    let by = server
        .select("select actor_kind, actor from audit where action = 'database.backed_up' order by id")
        .await;
    assert_eq!(
        (by.len(), &by[0], by[1][0].as_str()),
        (3, &vec!["operator".to_owned(), "admin".to_owned()], "operator")
    );
    for (name, options) in [
        ("sent", vec![]),
        ("beside", vec![]),
        ("sealed", vec!["--passphrase-file".to_owned(), keeper.path("passphrase")]),
    ] {
        let folder = new_folder();
        copy_secrets(server.folder(), folder.path(), &ALL_SECRETS);
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        assert_eq!(Path::new(&keeper.path(name)).metadata().unwrap().permissions().mode() & 0o777, 0o600);
        keeper.restore(&keeper.path(name), folder.path(), &options).ended_with(0);
        // The certificates are keys, so that a server makes new ones.
        Server::make_what_is_missing(folder.path());
        let restored = Server::start_in(folder);
        restored.log_in("person0", PASSWORD).await;
    }
}

#[test]
fn a_wrong_passphrase_a_flipped_bit_and_a_cut_are_refused_and_change_nothing() {
    let (server, keeper) = (with_an_opaque_user(), Keeper::new());
    let backup = keeper.everything(&server);
    keeper.write_private("other", OTHER_PASSWORD);
    let (whole, bent) = (std::fs::read(&backup).unwrap(), keeper.path("bent"));
    let folder = new_folder();
    let refused = |backup: &str, passphrase: &str, what: &str| {
        let ran = keeper.restore(backup, folder.path(), &["--passphrase-file", &keeper.path(passphrase)]);
        let ran = ran.ended_with(65);
        assert!(ran.err.contains("does not open"), "{what}: {}", ran.err);
        assert_eq!(snapshot(folder.path()), BTreeMap::new(), "{what}");
    };
    refused(&backup, "other", "a wrong passphrase");
    for at in [17, 40, 70, 1_000, whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        std::fs::write(&bent, bytes).unwrap();
        refused(&bent, "passphrase", &format!("byte {at}"));
    }
    let chunk = 64 * 1024 + 16;
    for length in [61, 60 + chunk, 60 + chunk + 1, whole.len() - 1] {
        std::fs::write(&bent, &whole[..length]).unwrap();
        refused(&bent, "passphrase", &format!("cut to {length}"));
    }
    let forgotten = keeper.restore(&backup, folder.path(), &[]).ended_with(78);
    assert!(forgotten.err.contains("--passphrase-file"), "{}", forgotten.err);
    let plain = keeper.back_up(&server, "plain", &["--with-secrets"]);
    let options = ["--passphrase-file", &keeper.path("passphrase")];
    let unproven = keeper.restore(&plain, folder.path(), &options).ended_with(65);
    assert!(unproven.err.contains("is not encrypted"), "{}", unproven.err);
    let mut bytes = std::fs::read(&plain).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&bent, bytes).unwrap();
    keeper.restore(&bent, folder.path(), &[]).ended_with(65);
    assert_eq!(snapshot(folder.path()), BTreeMap::new());
}

#[test]
fn sec_0036_an_encrypted_backup_holds_no_readable_name() {
    let (server, keeper) = (with_an_opaque_user(), Keeper::new());
    let beside = keeper.everything(&server);
    let sent = keeper.path("sent");
    let options = ["backup", &sent, "--passphrase-file", &keeper.path("passphrase")];
    keeper.person.vestryctl(&server, &options).ended_with(0);
    let plain = std::fs::read(keeper.back_up(&server, "plain", &[])).unwrap();
    for name in
        ["naman", "naman@example.org", "account", "vestry.db", "opaque", "create table", "BEGIN", "admin"]
    {
        for sealed in [&beside, &sent] {
            assert!(!holds(&std::fs::read(sealed).unwrap(), name.as_bytes()), "{name}");
        }
    }
    // The search would have found them.
    assert!(holds(&plain, b"naman@example.org") && holds(&plain, b"vestry.db"));
}

#[test]
fn sec_0037_a_restore_without_the_keys_fails_and_changes_nothing() {
    let (server, keeper) = (with_an_opaque_user(), Keeper::new());
    let backup = keeper.back_up(&server, "vestry", &[]);
    let nobody = "nobody with an OPAQUE credential can log in";
    let cases: [(&[&str], [&str; 2]); 5] = [
        (&[], ["secrets/pepper is missing", "nobody with an imported password can log in"]),
        (&["pepper", "names.seed"], ["secrets/opaque.key is missing", nobody]),
        (
            &["opaque.key", "names.seed"],
            ["secrets/pepper is missing", "nobody with an imported password can log in"],
        ),
        (
            &["opaque.key", "pepper"],
            ["secrets/names.seed is missing", "no account is found by its name again"],
        ),
        (&["opaque.key", "pepper", "names.seed"], ["secrets/audit.key is missing", "the audit cannot go on"]),
    ];
    for (kept, said) in cases {
        let folder = new_folder();
        copy_secrets(server.folder(), folder.path(), kept);
        let before = snapshot(folder.path());
        let ran = keeper.restore(&backup, folder.path(), &[]).ended_with(78);
        assert!(said.iter().all(|part| ran.err.contains(part)), "{}", ran.err);
        assert_eq!(snapshot(folder.path()), before);
    }
    let another = new_folder();
    Server::init(another.path(), "");
    for foreign in ALL_SECRETS {
        let folder = new_folder();
        copy_secrets(server.folder(), folder.path(), &ALL_SECRETS);
        let file = Path::new("secrets").join(foreign);
        std::fs::copy(another.path().join(&file), folder.path().join(&file)).unwrap();
        let before = snapshot(folder.path());
        let ran = keeper.restore(&backup, folder.path(), &[]).ended_with(78);
        assert!(ran.err.contains(foreign) && ran.err.contains("is not the key"), "{}", ran.err);
        assert_eq!(snapshot(folder.path()), before);
        // Keys of one's own and others in the backup: nobody but the operator can know which are right.
        let everything = keeper.path(&format!("everything-{foreign}"));
        keeper.vestryd(server.folder(), &["backup", "--with-secrets", &everything]).ended_with(0);
        let ran = keeper.restore(&everything, folder.path(), &[]).ended_with(78);
        assert!(ran.err.contains(foreign) && ran.err.contains("differs"), "{}", ran.err);
        assert_eq!(snapshot(folder.path()), before);
    }
}

#[tokio::test]
async fn sec_0038_a_session_of_before_the_backup_is_dead_after_the_restore() {
    let (server, keeper) = (Server::start(), Keeper::new());
    server.register("naman").await;
    let (mut wire, session) = server.log_in("naman", PASSWORD).await;
    let token = wire.remember().await;
    let code = server.issue_code("naman").await;
    let backup = keeper.everything(&server);
    drop(server);
    let folder = new_folder();
    let options = ["--passphrase-file", &keeper.path("passphrase")];
    let said = keeper.restore(&backup, folder.path(), &options).ended_with(0).err;
    assert!(said.contains("ended 1 session and 1 one-time code\n"), "{said}");
    let server = Server::start_in(folder);
    let mut wire = server.connect().await;
    let resume = UserCall::ResumeSession { token: token_again(&session.token) };
    wire.ask(resume).await.expect_refusal(RefusalCode::SessionEnded);
    reset(&mut wire, "naman", code.expose_secret(), OTHER_PASSWORD)
        .await
        .expect_refusal(RefusalCode::WrongCode);
    assert_eq!(server.select("select count(*) from sessions").await, [["0"]]);
    let opened = log_in_from(&mut wire, "naman", PASSWORD, Some(&device_token_again(&token))).await;
    assert!(matches!(&opened, UserReply::LoggedIn(session) if !session.device_known), "{opened:?}");
}

#[test]
fn sec_0039_a_backup_holds_no_secret_unless_asked() {
    let (server, keeper) = (with_an_opaque_user(), Keeper::new());
    let sent = keeper.path("sent");
    keeper.person.vestryctl(&server, &["backup", &sent]).ended_with(0);
    let beside = keeper.back_up(&server, "beside", &[]);
    let asked = keeper.path("asked");
    let warned = keeper.vestryd(server.folder(), &["backup", "--with-secrets", &asked]).ended_with(0).err;
    assert!(warned.contains("whoever has the file has everything"), "{warned}");
    let keys = [
        "secrets/pepper",
        "secrets/opaque.key",
        "secrets/names.seed",
        "secrets/audit.key",
        "certs/ca.key",
        "certs/server.key",
        "certs/operators/admin.key",
    ];
    for key in keys {
        let bytes = std::fs::read(server.folder().join(key)).unwrap();
        // Short enough to be within one page of the database, long enough to be nothing else.
        let part = &bytes[bytes.len() / 4..][..bytes.len() / 2];
        for backup in [&sent, &beside] {
            assert!(!holds(&std::fs::read(backup).unwrap(), part), "{key} is in {backup}");
        }
        assert!(holds(&std::fs::read(&asked).unwrap(), part), "{key} was asked for");
    }
    keeper.person.vestryctl(&server, &["backup", "--with-secrets", &keeper.path("never")]).ended_with(2);
}

#[test]
fn neither_a_backup_nor_a_restore_overwrites_and_a_failed_one_leaves_no_file() {
    let (server, keeper) = (with_an_opaque_user(), Keeper::new());
    let backup = keeper.everything(&server);
    let whole = std::fs::read(&backup).unwrap();
    for ran in [
        keeper.vestryd(server.folder(), &["backup", &backup]).ended_with(74),
        keeper.person.vestryctl(&server, &["backup", &backup]).ended_with(74),
    ] {
        assert!(ran.err.contains("never overwritten"), "{}", ran.err);
    }
    assert!(std::fs::read(&backup).unwrap() == whole);
    let options = ["--passphrase-file", &keeper.path("passphrase")];
    keeper.restore(&backup, server.folder(), &options).ended_with(75);
    let folder = server.stop();
    let before = snapshot(folder.path());
    let ran = keeper.restore(&backup, folder.path(), &options).ended_with(78);
    assert!(ran.err.contains("mkdir ") && ran.err.contains("/vestry.db* "), "{}", ran.err);
    assert_eq!(snapshot(folder.path()), before);
    let server = Server::start_in(folder);
    std::fs::write(server.folder().join("certs/not a key"), b"").unwrap();
    let never = keeper.path("never");
    let ran = keeper.vestryd(server.folder(), &["backup", "--with-secrets", &never]).ended_with(78);
    assert!(ran.err.contains("not a key"), "{}", ran.err);
    keeper.write_private("short", "too short");
    keeper
        .vestryd(server.folder(), &["backup", &never, "--passphrase-file", &keeper.path("short")])
        .ended_with(78);
    keeper
        .person
        .vestryctl(&server, &["backup", &never, "--passphrase-file", &keeper.path("short")])
        .ended_with(65);
    let admin = server.admin.to_string();
    server.stop();
    let folder = keeper.person.home().display().to_string();
    keeper
        .person
        .run("vestryctl", &["--admin", &admin, "--data-dir", &folder, "backup", &never], "")
        .ended_with(78);
    assert!(!Path::new(&never).exists());
}
