//! No change of what was written that is not found: rows, the end, the whole, a copy that was put back, and what removal and
//! erasure leave.

use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use vestry_protocol::UnixSeconds;
use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::audit::{AuditFault, AuditVerdict, Checkpoint};
use vestry_protocol::item::Open;
use vestry_store::backup::Offline;
use vestry_store::{ActorKind, ChainKey, Event, Party, Store};
use vestry_tests::harness::{OTHER_PASSWORD, PASSWORD, Server, copy_folder, copy_of};
use vestry_tests::played::Played;
use vestry_tests::programs::{Person, Ran};

/// What somebody does who has the file and not the key, while no server runs.
fn change(folder: &Path, sql: &str) {
    let database = rusqlite::Connection::open(folder.join("vestry.db")).unwrap();
    database.execute_batch(sql).unwrap();
}

/// The whole database as it is, while no server runs.
fn take_a_copy(folder: &Path) -> Vec<u8> {
    change(folder, "pragma wal_checkpoint(truncate)");
    std::fs::read(folder.join("vestry.db")).unwrap()
}

fn put_in_place(folder: &Path, database: &[u8]) {
    for log in ["vestry.db-wal", "vestry.db-shm"] {
        let _ = std::fs::remove_file(folder.join(log));
    }
    std::fs::write(folder.join("vestry.db"), database).unwrap();
}

pub(super) async fn verdict_of(server: &Server, checkpoints: Vec<Checkpoint>) -> AuditVerdict {
    match server.operate(AdminCall::VerifyAudit { checkpoints }).await {
        AdminReply::AuditVerified(verdict) => verdict,
        other => panic!("{other:?}"),
    }
}

pub(super) fn vestryd(folder: &Path, arguments: &[&str]) -> Ran {
    Person::new().run("vestryd", &[arguments, &["--data-dir", folder.to_str().unwrap()]].concat(), "")
}

/// The last checkpoint in a server's log, as an operator copies it.
fn last_checkpoint(talk: &str) -> String {
    let line = talk.lines().rfind(|line| line.contains("audit checkpoint")).expect("a checkpoint");
    let value = |name: &str| line.split(name).nth(1).unwrap().split_whitespace().next().unwrap();
    format!("{}:{}", value(" id="), value(" mac="))
}

/// Some people, and a server that is stopped; with the checkpoint of its end.
async fn stopped_with_events() -> (Arc<TempDir>, String) {
    let server = Server::start();
    for name in ["anirudh", "naman", "navneet", "shubham"] {
        server.register(name).await;
    }
    server.signal(rustix::process::Signal::TERM);
    let folder = server.shared_folder();
    let talk = server.talk_after_stop();
    (folder, last_checkpoint(&talk))
}

#[tokio::test]
async fn sec_0050_a_changed_audit_row_is_named() {
    let (folder, checkpoint) = stopped_with_events().await;
    vestryd(folder.path(), &["check"]).ended_with(0);
    change(folder.path(), "update audit_event set actor = 'nobody' where id = 3");
    let checked = vestryd(folder.path(), &["check"]).ended_with(78);
    assert!(checked.out.contains("FAIL  audit: event 3 was changed"), "{}", checked.out);
    let server = Server::start_in(folder);
    assert_eq!(verdict_of(&server, Vec::new()).await.fault, Some(AuditFault::Changed { id: 3 }.into()));
    let person = Person::new();
    let told = person.vestryctl(&server, &["audit", "verify"]).ended_with(65);
    assert!(told.err.contains("the audit is not as it was written: event 3 was changed"), "{}", told.err);
    let told = person.vestryctl(&server, &["--json", "audit", "verify"]).ended_with(65);
    assert!(told.out.contains(r#""fault":"event 3 was changed""#), "{}", told.out);
    let folder = server.stop();
    change(folder.path(), "update audit_event set actor = 'account:2' where id = 3");
    let server = Server::start_in(folder);
    let whole = person.vestryctl(&server, &["audit", "verify", "--checkpoint", &checkpoint]).ended_with(0);
    assert!(whole.out.contains("are as written; checkpoints that fit: 1"), "{}", whole.out);
    for sql in [
        "delete from audit_event where id = 2",
        "update audit_event set id = -1 where id = 4; update audit_event set id = 4 where id = 5;
         update audit_event set id = 5 where id = -1",
        "insert into audit_event values (0, 1, 'user', 'x', 'login.ok', '', '', '', null)",
    ] {
        let (folder, _) = stopped_with_events().await;
        change(folder.path(), sql);
        let fault = verdict_of(&Server::start_in(folder), Vec::new()).await.fault;
        let expected = [
            AuditFault::Missing { first: 2, last: 2 },
            AuditFault::Swapped { id: 4, with: 5 },
            AuditFault::Inserted { id: 0 },
        ];
        assert!(
            fault.as_ref().and_then(Open::known).is_some_and(|fault| expected.contains(fault)),
            "{sql}: {fault:?}"
        );
    }
}

#[tokio::test]
async fn sec_0051_a_truncated_audit_tail_is_found() {
    let (folder, _) = stopped_with_events().await;
    change(folder.path(), "delete from audit_event where id > 3");
    let checked = vestryd(folder.path(), &["check"]).ended_with(78);
    assert!(checked.out.contains("FAIL  audit: the end was cut off: events 4 to 5"), "{}", checked.out);
    let server = Server::start_in(folder);
    assert_eq!(
        verdict_of(&server, Vec::new()).await.fault,
        Some(AuditFault::Truncated { first: 4, last: 5 }.into())
    );
    // Nothing that is written behind it hides it.
    server.register("maria").await;
    assert_eq!(
        verdict_of(&server, Vec::new()).await.fault,
        Some(AuditFault::Missing { first: 4, last: 5 }.into())
    );
    drop(server);
    // The end and its mark were put back to an earlier state, and so was what lies beside the key: only what is kept on another
    // machine can tell.
    let (folder, _) = stopped_with_events().await;
    change(folder.path(), "create table kept as select * from audit_mark");
    let server = Server::start_in(folder);
    server.register("maria").await;
    server.signal(rustix::process::Signal::TERM);
    let folder = server.shared_folder();
    let checkpoint = last_checkpoint(&server.talk_after_stop());
    change(
        folder.path(),
        "delete from audit_event where id > 5; delete from audit_mark;
         insert into audit_mark select * from kept; drop table kept",
    );
    let checked = vestryd(folder.path(), &["check"]).ended_with(78);
    assert!(checked.out.contains("event 6, which was the newest, is not there any more"), "{}", checked.out);
    std::fs::remove_file(folder.path().join("secrets/audit.head")).unwrap();
    let (server, person) = (Server::start_in(folder), Person::new());
    person.vestryctl(&server, &["audit", "verify"]).ended_with(0);
    let told = person.vestryctl(&server, &["audit", "verify", "--checkpoint", &checkpoint]).ended_with(65);
    assert!(told.err.contains("event 6 is not the one of the checkpoint"), "{}", told.err);
    for bad in ["6", "6:0123", "x:0123456789abcdef"] {
        person.vestryctl(&server, &["audit", "verify", "--checkpoint", bad]).ended_with(65);
    }
}

/// H-5: three statements wiped the whole chain, and the next start began another one without a word.
#[tokio::test]
async fn a_chain_that_was_stripped_whole_is_found_at_the_next_start() {
    let (folder, _) = stopped_with_events().await;
    change(
        folder.path(),
        "delete from audit_event; delete from audit_mark; delete from fact where name = 'secrets/audit.key'",
    );
    let gone = "the marks of where the chain begins and ends are gone";
    let checked = vestryd(folder.path(), &["check"]).ended_with(78);
    assert!(checked.out.contains(&format!("FAIL  audit: {gone}")), "{}", checked.out);
    let server = Server::start_in(folder);
    server.register("maria").await;
    let told = Person::new().vestryctl(&server, &["audit", "verify"]).ended_with(65);
    assert!(told.err.contains(gone), "{}", told.err);
    server.signal(rustix::process::Signal::TERM);
    assert!(server.talk_after_stop().contains("the audit chain has lost its head"));
}

#[tokio::test]
async fn a_lost_audit_key_is_named_and_the_audit_can_go_on_under_a_new_one() {
    let (folder, _) = stopped_with_events().await;
    let key = folder.path().join("secrets/audit.key");
    let in_place = vestryd(folder.path(), &["audit", "rekey"]).ended_with(78);
    assert!(in_place.err.contains("move it away first"), "{}", in_place.err);
    let lost = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    for command in [["serve"], ["init"], ["check"]] {
        let ran = vestryd(folder.path(), &command).ended_with(78);
        let said = ran.err + &ran.out;
        assert!(said.contains("audit.key is missing") && said.contains("vestryd audit rekey"), "{said}");
    }
    assert!(!key.exists());
    vestryd(folder.path(), &["audit", "rekey"]).ended_with(0);
    assert_ne!(std::fs::read(&key).unwrap(), lost);
    let server = Server::start_in(folder);
    server.register("maria").await;
    let verdict = verdict_of(&server, Vec::new()).await;
    assert_eq!((verdict.older_to, verdict.fault), (5, None));
    let acts = server.select("select action, source from audit where id = 6").await;
    assert_eq!(acts, [["audit.rekeyed", "this machine"]]);
    let folder = server.stop();
    std::fs::write(&key, &lost).unwrap();
    let foreign = vestryd(folder.path(), &["serve"]).ended_with(78);
    assert!(foreign.err.contains("secrets/audit.key is not the one"), "{}", foreign.err);
}

#[tokio::test]
async fn a_backup_whose_audit_key_is_lost_can_be_restored_under_a_new_one() {
    let server = Server::start();
    server.register("naman").await;
    let person = Person::new();
    let backup = person.home().join("backup").display().to_string();
    vestryd(server.folder(), &["backup", &backup]).ended_with(0);
    assert_eq!(verdict_of(&server, Vec::new()).await.fault, None);
    let folder = Arc::new(tempfile::tempdir().unwrap());
    Server::init(folder.path(), "");
    std::fs::remove_file(folder.path().join("vestry.db")).unwrap();
    for name in ["pepper", "opaque.key", "names.seed"] {
        let place = Path::new("secrets").join(name);
        std::fs::copy(server.folder().join(&place), folder.path().join(&place)).unwrap();
    }
    std::fs::remove_file(folder.path().join("secrets/audit.key")).unwrap();
    let refused = vestryd(folder.path(), &["restore", &backup]).ended_with(78);
    assert!(refused.err.contains("--new-audit-key"), "{}", refused.err);
    vestryd(folder.path(), &["restore", "--new-audit-key", &backup]).ended_with(0);
    vestryd(folder.path(), &["check"]).ended_with(0);
    let restored = Server::start_in(folder);
    assert_eq!(verdict_of(&restored, Vec::new()).await.fault, None);
    let acts = restored.select("select action from audit where id > 3 and id < 6 order by id").await;
    assert_eq!(acts, [["audit.rekeyed"], ["database.restored"]]);
}

#[tokio::test]
async fn a_tampered_audit_in_a_backup_is_said_at_the_restore() {
    let (folder, _) = stopped_with_events().await;
    change(folder.path(), "delete from audit_event where id = 3");
    let person = Person::new();
    let backup = person.home().join("backup").display().to_string();
    vestryd(folder.path(), &["backup", "--with-secrets", &backup]).ended_with(0);
    let target = tempfile::tempdir().unwrap();
    let said = vestryd(target.path(), &["restore", &backup]).ended_with(0).err;
    assert!(said.contains("the audit in the backup is not as it was written: event 3 is missing"), "{said}");
}

/// H-5 of the review: whoever could write the database alone wiped the whole audit with three statements, and only a checkpoint from
/// another machine told.
#[tokio::test]
async fn sec_0088_an_audit_wiped_shortened_or_put_back_is_named_without_a_checkpoint() {
    let first = Server::start();
    first.register("anirudh").await;
    let folder = first.stop();
    let earlier = take_a_copy(folder.path());
    let server = Server::start_in(folder);
    server.register("naman").await;
    let newest = server.select("select max(id) from audit").await[0][0].parse::<i64>().unwrap();
    let folder = server.stop();
    let whole = take_a_copy(folder.path());
    vestryd(folder.path(), &["check"]).ended_with(0);
    let wiped =
        "delete from audit_event; delete from audit_mark; delete from fact where name = 'secrets/audit.key'";
    let shortened = format!(
        "delete from audit_event where id = {newest};
         update audit_mark set id = {newest} - 1 where name = 'head'"
    );
    for (attack, sql) in [("wiped", wiped), ("shortened", &shortened), ("put back", "")] {
        match attack {
            "put back" => put_in_place(folder.path(), &earlier),
            _ => {
                put_in_place(folder.path(), &whole);
                change(folder.path(), sql);
            }
        }
        let checked = vestryd(folder.path(), &["check"]).ended_with(78);
        assert!(checked.out.contains("FAIL  audit: "), "{attack}: {}", checked.out);
    }
    let checked = vestryd(folder.path(), &["check"]).ended_with(78).out;
    assert!(
        checked.contains("which was the newest, is not there any more")
            && checked.contains("vestryd audit accept"),
        "{checked}"
    );
    // It does not go away by itself: not by a start, not by a new event with the same number.
    for _ in 0..2 {
        let server = Server::start_in(folder.clone());
        server.register(&format!("shubham{newest}")).await;
        let verdict = verdict_of(&server, Vec::new()).await;
        assert_eq!(verdict.fault, Some(AuditFault::PutBack { id: newest }.into()));
        server.signal(rustix::process::Signal::TERM);
        let talk = server.talk_after_stop();
        assert!(talk.contains("the audit was wiped, shortened or put back"), "{talk}");
        put_in_place(folder.path(), &earlier);
    }
    vestryd(folder.path(), &["check"]).ended_with(78);
}

/// Waits until the newest event is written down beside the key; its number.
async fn written_down(server: &Server) -> i64 {
    let newest: i64 = server.select("select max(id) from audit").await[0][0].parse().unwrap();
    let file = server.folder().join("secrets/audit.head");
    let is_there = |text: String| text.lines().any(|line| line.starts_with(&format!("known {newest} ")));
    while !std::fs::read_to_string(&file).is_ok_and(is_there) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    newest
}

/// The head was compared at a start alone, and by its own row: a running server wrote down whatever head it was shown.
#[tokio::test]
async fn sec_0108_a_running_server_does_not_follow_a_head_that_was_put_back() {
    for is_running in [true, false] {
        let server = Server::start();
        server.register("anirudh").await;
        let early = written_down(&server).await;
        let database = rusqlite::Connection::open(server.folder().join("vestry.db")).unwrap();
        let kept: (i64, Vec<u8>, Vec<u8>) = database
            .query_row("select id, value, seal from audit_mark where name = 'head'", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .unwrap();
        for name in ["naman", "shubham", "hana"] {
            server.register(name).await;
        }
        let newest = written_down(&server).await;
        assert!(newest > early + 2);
        let put_back = |last: i64| {
            database.execute("delete from audit_event where id > ?1 and id < ?2", [early, last]).unwrap();
            let (id, value, seal) = &kept;
            let values = rusqlite::params![id, value, seal];
            database
                .execute("update audit_mark set id = ?1, value = ?2, seal = ?3 where name = 'head'", values)
                .unwrap();
        };
        let server = match is_running {
            true => {
                put_back(newest + 1);
                server
            }
            // The one row that is written down stays where it was.
            false => {
                let folder = server.stop();
                put_back(newest);
                Server::start_in(folder)
            }
        };
        server.wait_for(PUT_BACK).await;
        server.signal(rustix::process::Signal::TERM);
        let folder = server.shared_folder();
        server.talk_after_stop();
        vestryd(folder.path(), &["check"]).ended_with(78);
        let text = std::fs::read_to_string(folder.path().join("secrets/audit.head")).unwrap();
        assert!(text.contains(&format!("known {newest} ")), "{text}");
    }
}

#[tokio::test]
async fn who_puts_a_database_back_says_how_many_events_are_lost() {
    let (folder, _) = stopped_with_events().await;
    let earlier = take_a_copy(folder.path());
    let nothing = vestryd(folder.path(), &["audit", "accept"]).ended_with(0);
    assert!(nothing.err.contains("nothing to accept"), "{}", nothing.err);
    let server = Server::start_in(folder);
    for name in ["hana", "vera"] {
        server.register(name).await;
    }
    let folder = server.stop();
    put_in_place(folder.path(), &earlier);
    // Somebody starts it before: what was lost is counted from what that start found.
    let server = Server::start_in(folder);
    server.register("jo").await;
    let folder = server.stop();
    let asked = vestryd(folder.path(), &["audit", "accept"]).ended_with(78);
    assert!(
        asked.err.contains("2 events are lost from the audit") && asked.err.contains("--lost 2"),
        "{}",
        asked.err
    );
    assert!(
        asked.out.contains("written down  event 7 mac=") && asked.out.contains("found         event 5 mac="),
        "{}",
        asked.out
    );
    vestryd(folder.path(), &["audit", "accept", "--lost", "3"]).ended_with(78);
    vestryd(folder.path(), &["audit", "accept", "--lost", "2"]).ended_with(0);
    vestryd(folder.path(), &["check"]).ended_with(0);
    let server = Server::start_in(folder);
    assert_eq!(verdict_of(&server, Vec::new()).await.fault, None);
    let told = server.select("select detail from audit where action = 'audit.accepted'").await;
    assert!(told[0][0].starts_with("2 events are lost: event 7 mac="), "{told:?}");
}

fn put_image_in_place(folder: &Path, image: &TempDir) {
    for log in ["vestry.db-wal", "vestry.db-shm"] {
        let _ = std::fs::remove_file(folder.join(log));
    }
    copy_folder(image.path(), folder);
}

const PUT_BACK: &str = "ERROR the audit was wiped, shortened or put back";

/// H-5 of the review, its second half: with the secrets put back too, nothing on the machine knows what was lost. People do.
#[tokio::test]
async fn sec_0100_people_are_witnesses_of_a_machine_that_was_put_back_whole() {
    let server = Server::start();
    let settings = server.folder().join("vestryd.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    // People find it again where it was.
    let stays = text.replace("\nlisten = \"127.0.0.1:0\"", &format!("\nlisten = \"{}\"", server.user));
    std::fs::write(&settings, stays).unwrap();
    let person = Person::new();
    person.join(&server);
    let log_in = |name| person.vestry(&["login", name, "--password-stdin"], PASSWORD).ended_with(0);
    let everybody = ["naman", "anirudh", "shubham"];
    for name in everybody {
        person.vestry(&["register", name, "--password-stdin"], PASSWORD).ended_with(0);
        log_in(name);
    }
    let folder = server.stop();
    let image = copy_of(folder.path());
    let server = Server::start_in(folder);
    for name in everybody {
        log_in(name);
    }
    let folder = server.stop();
    put_image_in_place(folder.path(), &image);
    // The machine is content.
    vestryd(folder.path(), &["check"]).ended_with(0);
    let server = Server::start_in(folder);
    assert_eq!(verdict_of(&server, Vec::new()).await.fault, None);
    // A wrong password hands nothing in.
    person.vestry(&["login", "naman", "--password-stdin"], OTHER_PASSWORD).ended_with(77);
    assert_eq!(server.select("select count(*) from audit where action = 'audit.put_back'").await, [["0"]]);
    log_in("naman");
    log_in("anirudh");
    log_in("naman");
    assert_eq!(server.select("select count(*) from audit where action = 'audit.put_back'").await, [["1"]]);
    let fault = verdict_of(&server, Vec::new()).await.fault;
    assert!(matches!(fault.as_ref().and_then(Open::known), Some(AuditFault::PutBack { .. })), "{fault:?}");
    server.signal(rustix::process::Signal::TERM);
    let folder = server.shared_folder();
    let talk = server.talk_after_stop();
    assert_eq!(talk.matches(PUT_BACK).count(), 1, "{talk}");
    vestryd(folder.path(), &["check"]).ended_with(78);
    let asked = vestryd(folder.path(), &["audit", "accept"]).ended_with(78).err;
    let lost = asked.split("--lost ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    // Logging in is one event, and anirudh was the second: at least two are known to be lost.
    assert!(lost.parse::<i64>().unwrap() >= 2, "{asked}");
    vestryd(folder.path(), &["audit", "accept", "--lost", &lost]).ended_with(0);
    vestryd(folder.path(), &["check"]).ended_with(0);
    // Whoever comes later saw what is lost, too, and that is known. So is what was seen under an earlier key.
    let server = Server::start_in(folder);
    log_in("shubham");
    log_in("naman");
    let folder = server.stop();
    vestryd(folder.path(), &["secrets", "rotate", "audit"]).ended_with(0);
    let server = Server::start_in(folder);
    for name in everybody {
        log_in(name);
    }
    assert_eq!(server.select("select count(*) from audit where action = 'audit.put_back'").await, [["1"]]);
    assert_eq!(verdict_of(&server, Vec::new()).await.fault, None);
    server.signal(rustix::process::Signal::TERM);
    let talk = server.talk_after_stop();
    assert!(!talk.contains(PUT_BACK), "{talk}");
}

#[tokio::test]
async fn old_events_are_removed_at_the_start_and_the_rest_still_passes() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    Server::init(folder.path(), "audit.keep_days = 30");
    let database = folder.path().join("vestry.db");
    std::fs::remove_file(&database).unwrap();
    let key = ChainKey::from_bytes(&std::fs::read(folder.path().join("secrets/audit.key")).unwrap()).unwrap();
    Store::create(&database, &key).unwrap();
    let old = |seconds| {
        let (actor_kind, actor, subject) = (ActorKind::Server, Party::Text("x"), Party::NONE);
        let at = UnixSeconds::from_seconds(seconds);
        Event { at, actor_kind, actor, subject, source: "", detail: "" }
    };
    let mut database = Offline::open(&database, key).unwrap();
    database
        .write(|tx| (0..1_200).try_for_each(|at| tx.note(&Played("login.ok"), &old(at)).map(drop)))
        .unwrap();
    database.write(|tx| tx.note(&Played("login.ok"), &old(i64::MAX)).map(drop)).unwrap();
    drop(database);
    let server = Server::start_in(folder);
    let gone = "select count(*) from audit where at < '2000'";
    while server.select(gone).await != [["0"]] {
        tokio::task::yield_now().await;
    }
    let verdict = verdict_of(&server, Vec::new()).await;
    assert_eq!((verdict.purged_to, verdict.fault), (1_200, None));
    let purged = server.select("select detail from audit where action = 'audit.purged' order by id").await;
    assert_eq!(purged, [["500 events, up to 500"], ["500 events, up to 1000"], ["200 events, up to 1200"]]);
}

/// Who erases a name from the audit must not need the key, and the rest must stay as good as it was.
#[tokio::test]
async fn names_in_the_audit_can_be_erased_and_are_shown_and_found_until_then() {
    let server = Server::start();
    server.register("naman").await;
    server.refused_login("naman", OTHER_PASSWORD).await;
    server.refused_login("nobody.here", OTHER_PASSWORD).await;
    server.operate(AdminCall::ClearThrottle { subject: Some("nobody.here".to_owned()) }).await;
    let of =
        |name: &str| format!("select actor, action, subject from audit where subject = '{name}' order by id");
    let own = [["naman", "account.registered", "naman"], ["", "login.failed", "naman"]];
    assert_eq!(server.select(&of("naman")).await, own);
    let without = [["", "login.failed", "nobody.here"], ["admin", "throttle.cleared", "nobody.here"]];
    assert_eq!(server.select(&of("nobody.here")).await, without);
    let person = Person::new();
    let filter = ["audit", "--where", "subject = 'nobody.here'", "--columns", "action", "--format", "tsv"];
    let listed = person.vestryctl(&server, &filter).ended_with(0);
    assert_eq!(listed.out.lines().skip(1).collect::<Vec<_>>(), ["login.failed", "throttle.cleared"]);
    let stored = |folder: &Path| {
        let database = rusqlite::Connection::open(folder.join("vestry.db")).unwrap();
        let mut rows = database.prepare("select actor || subject from audit_event").unwrap();
        let texts: Vec<String> = rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        texts.join(" ")
    };
    let folder = server.stop();
    let texts = stored(folder.path());
    assert!(!texts.contains("naman") && !texts.contains("nobody.here"), "{texts}");
    change(folder.path(), "delete from audit_name; delete from account");
    change(folder.path(), "delete from audit_name");
    let server = Server::start_in(folder);
    assert_eq!(verdict_of(&server, Vec::new()).await.fault, None);
    let numbered = [["account:1", "account.registered", "account:1"], ["", "login.failed", "account:1"]];
    assert_eq!(server.select(&of("account:1")).await, numbered);
    assert_eq!(server.select("select id from audit where subject like 'name:%'").await.len(), 2);
}
