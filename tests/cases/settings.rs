//! Settings are read again while the server runs: by SIGHUP and by an operator; all of them, or none.

use crate::admin::{connect_as_new, make_operator};
use crate::documents::{read, root};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::{Profile, UserReply};
use vestry_server::config::Config;
use vestry_tests::harness::{PASSWORD, Server, from_environment, program, with_settings};
use vestry_tests::light;
use vestry_tests::programs::Person;
use vestry_tests::talk::{Operator, Refusable};

/// Replaces the file with one that has other settings besides those that `init` wrote, as an editor does.
fn set(file: &Path, before: &str, settings: &str) {
    let fresh = file.with_extension("new");
    std::fs::write(&fresh, with_settings(before, settings)).unwrap();
    std::fs::rename(&fresh, file).unwrap();
}

fn settings_of(server: &Server) -> (PathBuf, String) {
    let file = server.folder().join("vestryd.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    (file, text)
}

/// Whether a stranger may register.
async fn is_open(server: &Server, name: &str) -> bool {
    match light::register(&mut server.connect().await, name, PASSWORD, Profile::default()).await {
        UserReply::Registered { .. } => true,
        reply => {
            reply.expect_refusal(RefusalCode::RegistrationClosed);
            false
        }
    }
}

/// An operator closes registration, and mistypes a number below it; closes it while a certificate is damaged; and at last puts both
/// right. Until then nothing of the file may be in force.
#[tokio::test]
async fn sec_0105_settings_and_certificates_are_read_again_whole_or_not_at_all() {
    let (server, operator) = (Server::start(), Person::new());
    let (file, before) = settings_of(&server);
    set(&file, &before, "accounts.registration = \"closed\"\naudit.keep_days = -1");
    let refused = operator.vestryctl(&server, &["reload"]).ended_with(78);
    assert!(refused.err.contains("audit.keep_days cannot be -1; use 0 to 36500 days"), "{}", refused.err);
    set(&file, &before, "accounts.registration = \"closed\"\nno_such_key = 1");
    let refused = operator.vestryctl(&server, &["reload"]).ended_with(78);
    assert!(refused.err.contains("vestryd.toml, line 1: no_such_key is not a setting"), "{}", refused.err);
    assert!(is_open(&server, "ann").await);

    set(&file, &before, "accounts.registration = \"closed\"");
    let certificate = server.certs().server_certificate();
    let good = std::fs::read(&certificate).unwrap();
    std::fs::write(&certificate, "damaged").unwrap();
    let refused = operator.vestryctl(&server, &["reload"]).ended_with(78);
    assert!(refused.err.contains("nothing was changed: the certificates cannot be used"), "{}", refused.err);
    server.signal(rustix::process::Signal::HUP);
    server.talk_until("the reload failed; settings and certificates stay as they were: the certificates");
    assert!(is_open(&server, "ben").await, "half of a change is in force");

    std::fs::write(&certificate, good).unwrap();
    let told = operator.vestryctl(&server, &["--format", "tsv", "reload"]).ended_with(0);
    assert_eq!(told.out, "setting\twas\tis\tin_force\naccounts.registration\t\"open\"\t\"closed\"\tnow\n");
    assert!(!is_open(&server, "cid").await);
    let events = server.select("select actor, detail from audit where action = 'settings.read'").await;
    assert_eq!(
        events,
        [["admin", "accounts.registration: \"open\" -> \"closed\""]],
        "an event for what was done alone"
    );
}

#[tokio::test]
async fn a_setting_that_needs_a_restart_is_told_and_stays_until_then() {
    let (server, operator) = (Server::start(), Person::new());
    let (file, before) = settings_of(&server);
    set(&file, &before, "connections.max = 77\naccounts.password_chars_min = 20");
    for _ in 0..2 {
        let told = operator.vestryctl(&server, &["--json", "reload"]).ended_with(0);
        let rows: serde_json::Value = serde_json::from_str(&told.out).unwrap();
        let restart =
            rows.as_array().unwrap().iter().find(|row| row["setting"] == "connections.max").unwrap();
        assert_eq!((&restart["was"], &restart["is"]), (&"10000".into(), &"77".into()));
        assert_eq!(restart["in_force"], "after a restart");
        let status = operator.vestryctl(&server, &["--json", "status"]).ended_with(0);
        assert!(status.out.contains("\"connections_max\":10000"), "{}", status.out);
    }
    let server = Server::start_in(server.stop());
    let status = operator.vestryctl(&server, &["--json", "status"]).ended_with(0);
    assert!(status.out.contains("\"connections_max\":77"), "{}", status.out);
    let told = operator.vestryctl(&server, &["reload"]).ended_with(0);
    assert_eq!(told.out, "setting\twas\tis\tin_force\n");
    set(&file, &before, "");
    server.signal(rustix::process::Signal::HUP);
    let talk = server.talk_until("a change needs a restart; the old value stays key=connections.max was=77");
    assert!(talk.contains("a setting has changed key=accounts.password_chars_min was=20 is=15"), "{talk}");
}

/// Whoever confines itself to its folders still has to find settings that are elsewhere, in a file that an editor made.
#[tokio::test]
async fn settings_that_are_elsewhere_are_read_again_by_a_confined_server() {
    let (folder, elsewhere) = (Arc::new(tempfile::tempdir().unwrap()), tempfile::tempdir().unwrap());
    Server::init(folder.path(), "");
    let file = elsewhere.path().join("settings.toml");
    std::fs::rename(folder.path().join("vestryd.toml"), &file).unwrap();
    let before = std::fs::read_to_string(&file).unwrap();
    let mut vestryd = Command::new(program("vestryd"));
    vestryd.args(["--admin-listen", "127.0.0.1:0", "--config"]).arg(&file);
    let server = Server::start_by(folder, vestryd);
    assert!(is_open(&server, "ann").await);
    let before = before.replace("admin_listen = \"127.0.0.1:0\"", "admin_listen = \"127.0.0.1:1\"");
    set(&file, &before, "accounts.registration = \"closed\"");
    let told = Person::new().vestryctl(&server, &["--format", "tsv", "reload"]).ended_with(0);
    // The command line says where to listen, so the file has not changed it.
    assert_eq!(told.out, "setting\twas\tis\tin_force\naccounts.registration\t\"open\"\t\"closed\"\tnow\n");
    assert!(!is_open(&server, "ben").await);
}

/// Settings go back and forth while people log in and register; each act has one of them, whole.
#[tokio::test(flavor = "multi_thread")]
async fn settings_that_change_under_open_connections_break_nothing() {
    let server = Arc::new(Server::start_with("gate.attempts_per_address_max = 100000"));
    server.register("naman").await;
    let (file, before) = settings_of(&server);
    let people: Vec<_> = (0..4)
        .map(|_| {
            let server = server.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    server.log_in("naman", PASSWORD).await;
                }
            })
        })
        .collect();
    for round in 0..20 {
        let secs = 5 + round;
        let settings = format!(
            "accounts.registration = \"closed\"\ngate.exchange_secs_max = {secs}\nconnections.idle_secs_max = {}",
            60 + round
        );
        set(&file, &before, &settings);
        let (operated, by) = (server.clone(), Person::new());
        let ran =
            tokio::task::spawn_blocking(move || by.vestryctl(&operated, &["--format", "tsv", "reload"]));
        let out = ran.await.unwrap().ended_with(0).out;
        assert!(
            out.contains(&format!(
                "gate.exchange_secs_max\t{}\t{secs}\tnow",
                if round == 0 { 30 } else { 4 + round }
            )),
            "{out}"
        );
    }
    for person in people {
        person.await.unwrap();
    }
    assert!(!server.talk().contains("panicked"), "{}", server.talk());
}

/// L-5 of the review: helpdesk is every user, since it sees the one-time codes that it issues and may redeem them. A site that does
/// not want that says so; a connection that is open already is held to it, and every way to a code is closed.
#[tokio::test]
async fn sec_0106_where_reset_by_is_admin_helpdesk_issues_no_one_time_code() {
    let (server, person) = (Server::start(), Person::new());
    server.register("naman").await;
    make_operator(&server, "hana", "helpdesk");
    let mut hana = connect_as_new(&server, "hana").await;
    let name = |name: &str| name.to_owned();
    let codes: [fn(String) -> AdminCall; 2] = [
        |name| AdminCall::ResetAccount { name },
        |name| AdminCall::CreateAccount { name, profile: Profile::default() },
    ];
    for (call, account) in codes.iter().zip(["naman", "maria"]) {
        assert!(matches!(hana.call(call(name(account))).await.unwrap(), AdminReply::CodeIssued { .. }));
    }
    let (file, before) = settings_of(&server);
    set(&file, &before, "accounts.reset_by = \"admin\"");
    person.vestryctl(&server, &["reload"]).ended_with(0);
    for (call, account) in codes.iter().zip(["naman", "zoe"]) {
        hana.ask(call(name(account))).await.expect_refusal(RefusalCode::Forbidden);
    }
    let words: [&[&str]; 2] =
        [&["account", "reset", "naman", "--confirm", "naman"], &["account", "create", "zoe"]];
    for words in words {
        let refused = person.vestryctl(&server, &[&["--operator", "hana"], words].concat()).ended_with(77);
        let said =
            "your role is helpdesk; this needs admin, as accounts.reset_by in this server's settings says";
        assert!(refused.err.contains(said), "{}", refused.err);
        person.vestryctl(&server, words).ended_with(0);
    }
    // What else helpdesk does, it still may.
    let suspend = AdminCall::SuspendAccount { name: name("naman"), until: None, reason: None };
    assert!(matches!(hana.call(suspend).await.unwrap(), AdminReply::AccountChanged(_)));
    let refused = "select actor, detail from audit where action = 'operator.refused'";
    assert_eq!(server.select(refused).await, [["hana", "admin"]; 4]);
}

/// The command that writes what is compared below.
const WRITE: &str =
    "VESTRY_WRITE_SETTINGS=1 cargo nextest run -p vestry-tests -E 'test(files_that_are_written)'";

/// The lines between which `docs/OPERATIONS.md` has the table.
const MARKS: [&str; 2] = [
    "<!-- This table is written from the settings; crates/vestry-server/src/config/mod.rs says how. -->\n",
    "<!-- end of the table -->\n",
];

/// An operator reads what the program does: both files come from the entries of `crates/vestry-server/src/config/`.
#[test]
fn the_files_that_are_written_from_the_settings_are_up_to_date() {
    let operations = read("docs/OPERATIONS.md");
    let (before, rest) = operations.split_once(MARKS[0]).unwrap();
    let (_, after) = rest.split_once(MARKS[1]).unwrap();
    let table = Config::table_of_settings();
    let operations = format!("{before}{}{table}{}{after}", MARKS[0], MARKS[1]);
    let is_to_write = from_environment("VESTRY_WRITE_SETTINGS", 0) == 1;
    for (path, text) in
        [("config/vestryd.toml", Config::default().to_toml()), ("docs/OPERATIONS.md", operations)]
    {
        if is_to_write {
            std::fs::write(root().join(path), text).unwrap();
        } else {
            assert!(read(path) == text, "{path} is not what the settings say; write it by: {WRITE}");
        }
    }
}
