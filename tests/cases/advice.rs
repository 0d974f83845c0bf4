//! What is printed works as it is typed: every command that a start, `vestryd check` or an error advises is run in the state that
//! printed it, by a shell, and the complaint is gone.

use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use vestry_protocol::UnixSeconds;
use vestry_server::clock::Clock;
use vestry_tests::harness::{PASSWORD, Server, program};
use vestry_tests::programs::{Person, Ran};
use vestry_tls::{CertsDir, Validity};

const DAY: i64 = 24 * 60 * 60;

/// A data directory whose name a shell would split and run.
struct Somewhere {
    folder: Arc<TempDir>,
    person: Person,
}

impl Somewhere {
    fn new() -> Self {
        let folder = Arc::new(tempfile::Builder::new().prefix("it's a $(dir) ").tempdir().unwrap());
        Server::init(folder.path(), "");
        Self { folder, person: Person::new() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn certs(&self) -> CertsDir {
        CertsDir::at(self.path().join("certs"))
    }

    fn vestryd(&self, words: &[&str]) -> Ran {
        self.person.run("vestryd", &[words, &["--data-dir", self.path().to_str().unwrap()]].concat(), "")
    }

    fn check(&self) -> String {
        self.vestryd(&["check"]).out
    }

    /// What a shell makes of a line.
    fn shell(&self, line: &str) -> Ran {
        let programs = program("vestryd").parent().unwrap().display().to_string();
        let output = std::process::Command::new("sh")
            .args(["-c", line])
            .env_clear()
            .env("PATH", format!("{programs}:/usr/bin:/bin"))
            .env("HOME", self.person.home())
            .current_dir("/")
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs the command that ends the line with `complaint`, and asserts that the next check does not complain so.
    #[track_caller]
    fn heed(&self, said: &str, complaint: &str) -> Ran {
        let line = said.lines().find(|line| line.contains(complaint));
        let line = line.unwrap_or_else(|| panic!("no {complaint:?} in:\n{said}"));
        let ran = self.shell(&command_in(line)).ended_with(0);
        let again = self.check();
        let complains = |line: &str| line.contains(complaint) && !line.starts_with("ok ");
        assert!(!again.lines().any(complains), "{line}\n--- and then\n{again}");
        ran
    }
}

/// The command at the end of a line.
#[track_caller]
fn command_in(line: &str) -> String {
    let starts = [": mkdir ", ": mv ", ": vestryd ", ": vestryctl ", ": chmod ", ": chown "];
    let at = starts.iter().filter_map(|start| line.find(start)).min();
    line[at.unwrap_or_else(|| panic!("no command in {line}")) + 2..].to_owned()
}

fn now() -> UnixSeconds {
    Clock::system().now()
}

fn ended(days: u32) -> Validity {
    Validity { not_before: now().minus(i64::from(days) * DAY + DAY), days }
}

/// O6 of the trials of public bug reports: `check` said "EXPIRED; run: vestryd certs renew" of an operator's certificate and of the
/// CA's, where that helps neither; and no command named the data directory.
#[test]
fn sec_0096_what_check_says_to_run_mends_what_it_found() {
    let place = Somewhere::new();
    let certs = place.certs();
    let hosts = certs.server_hosts().unwrap();
    let remove =
        |paths: [std::path::PathBuf; 2]| paths.iter().for_each(|path| std::fs::remove_file(path).unwrap());
    // The certificates, each ended.
    certs.renew_server(&hosts, ended(3)).unwrap();
    place.heed(&place.check(), "server.pem: until");
    remove([certs.operator_certificate("admin"), certs.operator_key("admin")]);
    certs.create_operator("admin", "helpdesk", ended(3)).unwrap();
    place.heed(&place.check(), "EXPIRED");
    assert_eq!(certs.operators().unwrap()[0].role, "helpdesk");
    // Made while the clock was ahead: the next start renews the server's, so that it is no failure.
    certs.renew_server(&hosts, Validity { not_before: now().plus(90 * DAY), days: 30 }).unwrap();
    place.vestryd(&["check"]).ended_with(0);
    place.heed(&place.check(), "NOT VALID YET");
    // A half of the server's pair, missing or damaged.
    std::fs::remove_file(certs.server_key()).unwrap();
    place.heed(&place.check(), "server.key is missing");
    std::fs::write(certs.server_certificate(), "x").unwrap();
    place.heed(&place.check(), "server.pem cannot be used");
    std::fs::write(certs.operator_certificate("admin"), "x").unwrap();
    place.heed(&place.check(), "admin.pem cannot be used");
    // A host that the certificate lacks.
    let file = place.path().join("vestryd.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("hosts = [", "hosts = [\"new.example.org\", ")).unwrap();
    place.heed(&place.check(), "hosts: the settings name");
    // Files that others can read.
    for name in ["vestry.db", "secrets/pepper", "secrets", "certs/ca.key"] {
        use std::os::unix::fs::PermissionsExt;
        let path = place.path().join(name);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        place.heed(&place.check(), "others");
    }
    // The key of the audit, lost and damaged.
    let key = place.path().join("secrets/audit.key");
    std::fs::remove_file(&key).unwrap();
    place.heed(&place.check(), "audit: ");
    std::fs::write(&key, "short").unwrap();
    place.heed(&place.check(), "FAIL  audit: ");
    std::fs::write(place.path().join("secrets/audit.head"), "x").unwrap();
    place.heed(&place.check(), "audit.head is damaged");
    // The CA: its key gone, and the whole of it ended.
    std::fs::remove_file(certs.ca_key()).unwrap();
    place.heed(&place.check(), "CA: the server certificate cannot be renewed");
    assert!(certs.server_hosts().unwrap().to_string().starts_with("new.example.org, "));
    std::fs::remove_dir_all(certs.path()).unwrap();
    std::fs::create_dir(certs.path()).unwrap();
    certs.create_authority("Vestry CA", ended(30)).unwrap();
    let during = Validity { not_before: now().minus(10 * DAY), days: 5 };
    certs.create_server(&hosts, during).unwrap();
    certs.create_operator("admin", "admin", during).unwrap();
    let said = place.check();
    assert!(
        said.contains("server.pem: until") && said.contains("EXPIRED; first see to the CA, then run:"),
        "{said}"
    );
    place.heed(&said, "ca.pem: until");
    place.vestryd(&["check"]).ended_with(0);
    // What was moved away stands in the way of nothing.
    place
        .vestryd(&["backup", "--with-secrets", place.person.home().join("backup").to_str().unwrap()])
        .ended_with(0);
    Server::start_in(place.folder.clone()).stop();
}

#[test]
fn the_first_lines_of_a_server_work_as_typed_and_vestryctl_finds_its_folder() {
    let place = Somewhere::new();
    let server = Server::start_in(place.folder.clone());
    let talk = server.talk_until("operators type next: ");
    let next = |what: &str| talk.lines().find_map(|line| line.split_once(what)).unwrap().1.trim().to_owned();
    let table = place.shell(&next("operators type next: ")).ended_with(0);
    assert!(table.out.contains("name"), "{}", table.out);
    place.shell(&next("users type next: ")).ended_with(0);
    // What a command advises leads to the same server.
    let data = place.path().to_str().unwrap();
    let missing =
        place.person.run("vestryctl", &["--data-dir", data, "account", "show", "absent"], "").ended_with(77);
    let list = missing.err.lines().find(|line| line.contains("List the accounts")).unwrap();
    place.shell(command_in(list).split(" (or").next().unwrap()).ended_with(0);
    // A certificate that was made says how this very server takes it.
    let made = place.vestryd(&["certs", "operator", "hana"]).ended_with(0);
    assert!(made.err.contains(&format!("kill -HUP {}", server.pid())), "{}", made.err);
    assert!(place.path().join("vestryd.running").exists());
    server.stop();
    assert!(!place.path().join("vestryd.running").exists());
    let gone = place.person.run("vestryctl", &["--data-dir", data, "--admin", "127.0.0.1:1", "status"], "");
    assert!(gone.err.contains("vestryd serve --data-dir"), "{}", gone.err);
    assert_eq!(place.vestryd(&["certs", "operator", "jo"]).ended_with(0).err, "");
}

#[test]
fn an_audit_that_was_put_back_is_accepted_by_the_commands_that_are_advised() {
    let place = Somewhere::new();
    let copy = std::fs::read(place.path().join("vestry.db")).unwrap();
    let server = Server::start_in(place.folder.clone());
    place.person.vestryctl(&server, &["account", "create", "naman"]).ended_with(0);
    server.stop();
    for suffix in ["-wal", "-shm"] {
        // Where the last connection left one.
        let _ = std::fs::remove_file(place.path().join(format!("vestry.db{suffix}")));
    }
    std::fs::write(place.path().join("vestry.db"), copy).unwrap();
    let said = place.check();
    let line = said.lines().find(|line| line.starts_with("FAIL  audit")).expect(&said);
    let shown = place.shell(&command_in(line)).ended_with(78);
    place.shell(&command_in(&shown.err)).ended_with(0);
    place.vestryd(&["check"]).ended_with(0);
}

#[test]
fn what_an_error_advises_can_be_typed_and_the_next_run_goes_on() {
    let place = Somewhere::new();
    let backup = place.person.home().join("backup").display().to_string();
    place.vestryd(&["backup", &backup]).ended_with(0);
    let refused = place.vestryd(&["restore", &backup]).ended_with(78);
    place.shell(&command_in(&refused.err)).ended_with(0);
    place.vestryd(&["restore", &backup]).ended_with(0);
    // Each names the other.
    let refused = place.vestryd(&["secrets", "finish", "opaque"]).ended_with(78);
    place.shell(&command_in(&refused.err)).ended_with(0);
    let refused = place.vestryd(&["secrets", "rotate", "opaque"]).ended_with(78);
    place.shell(&command_in(&refused.err)).ended_with(0);
    // The names of the settings, and another.
    let refused = place.vestryd(&["init", "--host", "new.example.org"]).ended_with(2);
    place.shell(&command_in(&refused.err)).ended_with(0);
    place.vestryd(&["init", "--host", "new.example.org"]).ended_with(0);
    // A certificate that has ended stands in the way of a start, where the CA's has, too.
    let certs = place.certs();
    std::fs::remove_dir_all(certs.path()).unwrap();
    std::fs::create_dir(certs.path()).unwrap();
    certs.create_authority("Vestry CA", ended(30)).unwrap();
    let during = Validity { not_before: now().minus(10 * DAY), days: 5 };
    certs.create_server(&vestry_tls::Hosts::parse(["localhost"]).unwrap(), during).unwrap();
    let refused = place.vestryd(&["serve"]).ended_with(78);
    assert!(refused.err.contains("the CA ended on"), "{}", refused.err);
    place.shell(&command_in(&refused.err)).ended_with(0);
    Server::start_in(place.folder.clone()).stop();
}

#[test]
fn what_vestry_advises_is_for_the_server_that_was_named() {
    let (one, other) = (Server::start(), Server::start());
    let person = Person::new();
    let port = |server: &Server| format!("localhost:{}", server.user.port());
    person.join(&one);
    // The one that was joined last is the default.
    person.join(&other);
    let named = port(&one);
    let refused = person.run("vestry", &["--server", &named, "show"], "").ended_with(77);
    assert!(refused.err.contains(&format!("vestry --server {named} login NAME")), "{}", refused.err);
    let register = ["--server", &named, "register", "naman", "--no-login", "--password-stdin"];
    let made = person.vestry(&register, PASSWORD).ended_with(0);
    let advised = made.err.lines().find_map(|line| line.strip_prefix("Log in with: vestry ")).unwrap();
    let words: Vec<&str> = advised.split(' ').chain(["--password-stdin"]).collect();
    person.vestry(&words, PASSWORD).ended_with(0);
    let refused = person.run("vestry", &["show"], "").ended_with(77);
    assert!(refused.err.contains("Log in: vestry login NAME"), "{}", refused.err);
}

/// O14 of the trials: the code was lost, the advice was to try again, and that was refused: the name is taken.
#[test]
fn sec_0098_a_code_that_could_not_be_written_says_what_was_done_and_how_to_get_one() {
    let server = Server::start();
    let person = Person::new();
    let data = server.folder().display().to_string();
    let vestryctl = program("vestryctl").display().to_string();
    let place = Somewhere { folder: server.shared_folder(), person };
    for (words, done) in [
        ("account create naman", "the account naman was made.\n"),
        ("account reset naman --confirm naman", "a code for naman was issued.\n"),
    ] {
        let lost = place.shell(&format!("{vestryctl} --data-dir {data} {words} > /dev/full")).ended_with(74);
        assert!(
            lost.err.contains(&format!("{done}vestryctl: its code could not be written")),
            "{}",
            lost.err
        );
        let advised = command_in(lost.err.lines().find(|line| line.contains("Another code: ")).unwrap());
        assert_eq!(advised, format!("vestryctl --data-dir {data} account reset naman"));
        let words: Vec<&str> = advised.split(' ').skip(1).collect();
        let mut terminal = place.person.open("vestryctl", &words);
        terminal.answer("naman", "naman");
        terminal.wait_for("-");
        assert_eq!(terminal.finish().0, 0);
    }
    let closed =
        place.shell(&format!("{vestryctl} --data-dir {data} account create hana | true; true")).ended_with(0);
    assert!(closed.err.is_empty() || closed.err.contains("the account hana was made"), "{}", closed.err);
}
