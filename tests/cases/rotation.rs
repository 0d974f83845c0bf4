//! Replacing the OPAQUE key, the pepper and the audit key: what moves, when, who is told, and what nobody can tell.

use rustix::process::Signal;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use vestry_protocol::admin::{AdminCall, OpaqueRotation};
use vestry_protocol::fields::StretchingCost;
use vestry_protocol::refusal::{Detail, RefusalCode, SessionEnd};
use vestry_protocol::user::{NewSession, UserCall, UserReply};
use vestry_tests::harness::{OTHER_PASSWORD, PASSWORD, Server, UserWire, imported_login, token_again};
use vestry_tests::imported;
use vestry_tests::light::{self, any_ke1, prove, seal, start_login};
use vestry_tests::programs::{Person, Ran};
use vestry_tests::talk::{Operator, Refusable, User, logged_in};

fn vestryd(folder: &Path, arguments: &[&str]) -> Ran {
    Person::new().run("vestryd", &[arguments, &["--data-dir", folder.to_str().unwrap()]].concat(), "")
}

fn stop(server: Server) -> Arc<TempDir> {
    server.signal(Signal::TERM);
    let folder = server.shared_folder();
    server.talk_after_stop();
    folder
}

/// Stops a server, runs `vestryd`, and starts it again.
fn between(server: Server, arguments: &[&str]) -> (Server, Ran) {
    let folder = stop(server);
    let ran = vestryd(folder.path(), arguments).ended_with(0);
    (Server::start_in(folder), ran)
}

async fn rotation(server: &Server) -> Option<(u64, u64)> {
    let status = server.connect_as("admin").await.status().await;
    status.opaque_rotation.map(|OpaqueRotation { moved, left, .. }| (moved, left))
}

async fn log_in(server: &Server, name: &str, password: &str) -> (UserWire, NewSession) {
    let mut wire = server.connect().await;
    match light::log_in(&mut wire, name, password).await {
        UserReply::LoggedIn(session) => (wire, session),
        other => panic!("{other:?}"),
    }
}

async fn move_record(wire: &mut UserWire, password: &str) -> UserReply {
    match seal(wire, password, |request| UserCall::StartRecordMove { request }).await {
        Ok(envelope) => wire.call(UserCall::FinishRecordMove { envelope }).await.unwrap(),
        Err(refused) => refused,
    }
}

#[tokio::test]
async fn each_account_moves_to_a_new_opaque_key_at_its_own_login_and_the_old_one_can_go() {
    let server = Server::start();
    for name in ["anirudh", "naman", "shubham"] {
        server.register(name).await;
    }
    let (_, before) = log_in(&server, "naman", PASSWORD).await;
    let (server, ran) = between(server, &["secrets", "rotate", "opaque"]);
    assert_eq!(ran.out, "a new OPAQUE key is made; 3 accounts are to move to it\n");
    assert_eq!(rotation(&server).await, Some((0, 3)));
    // Nobody is logged out by it.
    let mut elsewhere = server.connect().await;
    let resumed =
        elsewhere.call(UserCall::ResumeSession { token: token_again(&before.token) }).await.unwrap();
    assert!(matches!(resumed, UserReply::SessionResumed { .. }), "{resumed:?}");
    let (mut wire, session) = log_in(&server, "naman", PASSWORD).await;
    assert!(session.move_record);
    let moved = move_record(&mut wire, PASSWORD).await;
    assert!(matches!(moved, UserReply::RecordMoved { sessions_ended: 1 }), "{moved:?}");
    assert_eq!(rotation(&server).await, Some((1, 2)));
    let refusal = elsewhere.ask(UserCall::ShowAccount).await.refusal().unwrap();
    assert_eq!(refusal.detail(), Some(Detail::Ended(Some(SessionEnd::RecordMoved.into()))));
    // The connection that moved it goes on, and the user is told from now on.
    assert!(wire.notices().await.record_moved.is_some());
    let (mut again, session) = log_in(&server, "naman", PASSWORD).await;
    assert!(!session.move_record);
    assert!(again.notices().await.record_moved.is_some());
    move_record(&mut again, PASSWORD).await.expect_refusal(RefusalCode::NoFreshLogin);
    let events = server.select("select actor, subject from audit where action = 'record.moved'").await;
    assert_eq!(events, [["naman", "naman"]]);
    // A new password, and a new account, are of the new key at once.
    let (mut wire, _) = log_in(&server, "anirudh", PASSWORD).await;
    let changed = light::change_password(&mut wire, PASSWORD, OTHER_PASSWORD).await;
    assert!(
        matches!(changed, UserReply::PasswordChanged(NewSession { move_record: false, .. })),
        "{changed:?}"
    );
    server.register("navneet").await;
    assert_eq!(rotation(&server).await, Some((3, 1)));

    let folder = stop(server);
    let checked = vestryd(folder.path(), &["check"]).ended_with(0);
    assert!(
        checked.out.contains("3 password records have moved to a new OPAQUE key, 1 are left"),
        "{}",
        checked.out
    );
    let refused = vestryd(folder.path(), &["secrets", "rotate", "opaque"]).ended_with(78);
    assert!(refused.err.contains("1 are left"), "{}", refused.err);
    let refused = vestryd(folder.path(), &["secrets", "finish", "opaque"]).ended_with(78);
    assert!(refused.err.contains("vestryd secrets finish opaque --without 1"), "{}", refused.err);
    vestryd(folder.path(), &["secrets", "finish", "opaque", "--without", "2"]).ended_with(78);
    let finished = vestryd(folder.path(), &["secrets", "finish", "opaque", "--without", "1"]).ended_with(0);
    assert_eq!(finished.out, "the new OPAQUE key is in force; 1 account is without a password\n");
    assert!(!folder.path().join("secrets/opaque-next.key").exists());
    vestryd(folder.path(), &["check"]).ended_with(0);
    let server = Server::start_in(folder);
    assert_eq!(rotation(&server).await, None);
    for (name, password) in [("naman", PASSWORD), ("anirudh", OTHER_PASSWORD), ("navneet", PASSWORD)] {
        assert!(!log_in(&server, name, password).await.1.move_record, "{name}");
    }
    assert!(server.refused_login("shubham", PASSWORD).await.is(RefusalCode::WrongCredentials));
    let code = server.issue_code("shubham").await;
    let reset = light::reset(&mut server.connect().await, "shubham", code.expose_secret(), PASSWORD).await;
    assert!(matches!(reset, UserReply::PasswordReset { .. }), "{reset:?}");
    log_in(&server, "shubham", PASSWORD).await;
}

/// M-9: whoever has a session for a second must not get a second password in.
#[tokio::test]
async fn sec_0084_a_record_moves_once_by_the_login_itself_and_never_by_a_session() {
    let server = Server::start();
    server.register("naman").await;
    server.register("jo.other").await;
    let (server, _) = between(server, &["secrets", "rotate", "opaque"]);
    let (mut owner, session) = log_in(&server, "naman", PASSWORD).await;
    // A session that was resumed proves nothing; neither does a proof within it.
    let mut thief = server.connect().await;
    let token = token_again(&session.token);
    thief.call(UserCall::ResumeSession { token }).await.unwrap();
    move_record(&mut thief, OTHER_PASSWORD).await.expect_refusal(RefusalCode::NoFreshLogin);
    assert!(matches!(prove(&mut thief, PASSWORD).await, UserReply::PasswordProven));
    move_record(&mut thief, OTHER_PASSWORD).await.expect_refusal(RefusalCode::NoFreshLogin);
    // A second half without its first, and one whose first was thrown away.
    let envelope = seal(&mut owner, PASSWORD, |request| UserCall::StartRecordMove { request }).await.unwrap();
    owner.call(start_login("naman", None)(any_ke1())).await.unwrap();
    owner.ask(UserCall::FinishRecordMove { envelope }).await.expect_refusal(RefusalCode::NotStarted);
    // It was used up.
    move_record(&mut owner, PASSWORD).await.expect_refusal(RefusalCode::NoFreshLogin);
    // A login of another account on the same connection does not move the first one's.
    let (mut both, _) = log_in(&server, "naman", PASSWORD).await;
    logged_in(light::log_in(&mut both, "jo.other", PASSWORD).await);
    assert!(matches!(move_record(&mut both, PASSWORD).await, UserReply::RecordMoved { .. }));
    assert!(log_in(&server, "naman", PASSWORD).await.1.move_record);
    assert!(!log_in(&server, "jo.other", PASSWORD).await.1.move_record);
    // The password was changed in between: the proof is of an old one.
    let (mut first, _) = log_in(&server, "naman", PASSWORD).await;
    let envelope = seal(&mut first, PASSWORD, |request| UserCall::StartRecordMove { request }).await.unwrap();
    let code = server.issue_code("naman").await;
    light::reset(&mut server.connect().await, "naman", code.expose_secret(), OTHER_PASSWORD).await;
    first.ask(UserCall::FinishRecordMove { envelope }).await.expect_refusal(RefusalCode::SessionEnded);
    log_in(&server, "naman", OTHER_PASSWORD).await;
}

/// What a client sees of the key that answers: the evaluated element of KE2, which is a function of key, name and KE1.
async fn answers(server: &Server, ke1: &[u8], names: &[String]) -> BTreeMap<String, Vec<u8>> {
    let mut seen = BTreeMap::new();
    for name in names {
        server.let_everybody_try_again().await;
        let reply = server.connect().await.call(start_login(name, None)(ke1.to_vec())).await.unwrap();
        let UserReply::LoginStarted { ke2, stretching } = reply else { panic!("{reply:?}") };
        assert_eq!((ke2.len(), stretching), (320, StretchingCost::default().numbers()), "{name}");
        seen.insert(name.clone(), ke2[..32].to_vec());
    }
    seen
}

/// Threat 65: during a rotation, who has an account must not be told by which key answers.
#[tokio::test]
async fn sec_0085_names_without_an_account_follow_a_rotation_and_never_go_back() {
    let server = Server::start();
    let people: Vec<String> = (0..8).map(|number| format!("person{number}")).collect();
    let strangers: Vec<String> = (0..40).map(|number| format!("stranger{number}")).collect();
    for name in &people {
        server.register(name).await;
    }
    let everybody: Vec<String> = people.iter().chain(&strangers).cloned().collect();
    let ke1 = any_ke1();
    let before = answers(&server, &ke1, &everybody).await;
    let (mut server, _) = between(server, &["secrets", "rotate", "opaque"]);
    assert!(answers(&server, &ke1, &everybody).await == before, "the beginning shows");
    let mut followed: Vec<String> = Vec::new();
    for (moved, name) in (1..).zip(&people[..6]) {
        let (mut wire, _) = log_in(&server, name, PASSWORD).await;
        assert!(matches!(move_record(&mut wire, PASSWORD).await, UserReply::RecordMoved { .. }));
        if moved == 3 {
            // A restart forgets nothing of it.
            server = Server::start_in(stop(server));
        }
        let now = answers(&server, &ke1, &everybody).await;
        for (at, person) in (1..).zip(&people) {
            assert_eq!(now[person] != before[person], at <= moved, "{person} answers by its own record");
        }
        let changed: Vec<String> =
            strangers.iter().filter(|name| now[*name] != before[*name]).cloned().collect();
        assert!(followed.iter().all(|name| changed.contains(name)), "a name went back");
        followed = changed;
        // 40 names, each with the chance of the share: five standard deviations either way.
        let (share, got) = (f64::from(moved) / 8.0, f64::from(u32::try_from(followed.len()).unwrap()));
        let spread = 5.0 * (40.0 * share * (1.0 - share)).sqrt();
        assert!((got - 40.0 * share).abs() <= spread, "{got} of 40 followed {moved} of 8");
    }
    // A deleted account lowers no share; the end takes all of them along.
    let seen = answers(&server, &ke1, &strangers).await;
    server.operate(AdminCall::DeleteAccount { name: people[0].clone() }).await;
    assert!(answers(&server, &ke1, &strangers).await == seen, "a deletion shows");
    let (server, _) = between(server, &["secrets", "finish", "opaque", "--without", "2"]);
    let after = answers(&server, &ke1, &everybody).await;
    assert!(everybody.iter().all(|name| after[name] != before[name]), "a name stayed behind");
    assert!(followed.iter().all(|name| after[name] == seen[name]), "a name changed twice");
}

#[tokio::test]
async fn an_imported_account_is_sealed_under_the_new_key_and_survives_a_new_pepper() {
    let server = Server::start();
    imported::import(&server, &[("naman", PASSWORD), ("jo.other", PASSWORD)]).await;
    let (server, ran) = between(server, &["secrets", "rotate", "pepper"]);
    assert_eq!(ran.out, "a new pepper is made; 2 imported password hashes are sealed under it\n");
    let (server, _) = between(server, &["secrets", "rotate", "opaque"]);
    assert_eq!(rotation(&server).await, Some((0, 0)));
    let reply = server.connect().await.call(imported_login("naman", PASSWORD)).await.unwrap();
    assert!(matches!(reply, UserReply::LoggedIn(NewSession { move_record: false, .. })), "{reply:?}");
    assert_eq!(rotation(&server).await, Some((1, 0)));
    let (server, _) = between(server, &["secrets", "finish", "opaque"]);
    let reply = server.connect().await.call(imported_login("jo.other", PASSWORD)).await.unwrap();
    assert!(matches!(reply, UserReply::LoggedIn(_)), "{reply:?}");
}

#[tokio::test]
async fn a_new_audit_key_ends_one_chain_and_begins_the_next_with_an_event_in_both() {
    let server = Server::start();
    server.register("naman").await;
    let folder = stop(server);
    let old = std::fs::read(folder.path().join("secrets/audit.key")).unwrap();
    let ran = vestryd(folder.path(), &["secrets", "rotate", "audit"]).ended_with(0);
    assert!(ran.out.contains("3 events were checked and sealed under it"), "{}", ran.out);
    assert_ne!(std::fs::read(folder.path().join("secrets/audit.key")).unwrap(), old);
    assert!(!folder.path().join("secrets/audit-next.key").exists());
    vestryd(folder.path(), &["check"]).ended_with(0);
    let server = Server::start_in(folder);
    let events = server.select("select action from audit where action like 'audit.%' order by id").await;
    assert_eq!(events, [["audit.rotated"], ["audit.rekeyed"]]);
    // A chain that was tampered with is not sealed over.
    let folder = stop(server);
    let database = rusqlite::Connection::open(folder.path().join("vestry.db")).unwrap();
    database.execute("update audit_event set source = 'elsewhere' where id = 2", []).unwrap();
    drop(database);
    let refused = vestryd(folder.path(), &["secrets", "rotate", "audit"]).ended_with(78);
    assert!(refused.err.contains("one of the events up to"), "{}", refused.err);
    assert!(!folder.path().join("secrets/audit-next.key").exists());
}

/// A crash between the database and the file must leave a server that starts.
#[tokio::test]
async fn a_rotation_that_was_broken_off_is_finished_at_the_next_start() {
    let server = Server::start();
    server.register("naman").await;
    let folder = stop(server);
    let secrets = folder.path().join("secrets");
    for (kind, file, next) in [("pepper", "pepper", "pepper-next"), ("audit", "audit.key", "audit-next.key")]
    {
        let old = std::fs::read(secrets.join(file)).unwrap();
        vestryd(folder.path(), &["secrets", "rotate", kind]).ended_with(0);
        // As if the machine had stopped before the file was put in place.
        std::fs::rename(secrets.join(file), secrets.join(next)).unwrap();
        std::fs::write(secrets.join(file), &old).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(secrets.join(file), private).unwrap();
    }
    let server = Server::start_in(folder);
    log_in(&server, "naman", PASSWORD).await;
    let folder = stop(server);
    assert!(!secrets.join("pepper-next").exists() && !secrets.join("audit-next.key").exists());
    vestryd(folder.path(), &["check"]).ended_with(0);
}

#[tokio::test]
async fn a_restore_names_the_key_that_its_records_need_and_that_is_gone() {
    let server = Server::start();
    server.register("naman").await;
    let folder = stop(server);
    let backup = folder.path().join("of-before.backup");
    vestryd(folder.path(), &["backup", backup.to_str().unwrap()]).ended_with(0);
    let server = Server::start_in(folder);
    let (server, _) = between(server, &["secrets", "rotate", "opaque"]);
    let (mut wire, _) = log_in(&server, "naman", PASSWORD).await;
    move_record(&mut wire, PASSWORD).await;
    let (server, _) = between(server, &["secrets", "finish", "opaque"]);
    let folder = stop(server);
    for file in ["vestry.db", "vestry.db-wal", "vestry.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(file));
    }
    let refused = vestryd(folder.path(), &["restore", backup.to_str().unwrap()]).ended_with(78);
    assert!(refused.err.contains("1 of its 1 password records need the OPAQUE key"), "{}", refused.err);
    assert!(!folder.path().join("vestry.db").exists());
}

/// The real program moves by itself, and says what it did.
#[tokio::test]
async fn vestry_moves_its_password_at_a_login_and_says_so() {
    let server = Server::start();
    let person = Person::new();
    person.join(&server);
    person.vestry(&["register", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    let (server, _) = between(server, &["secrets", "rotate", "opaque"]);
    person.join(&server);
    let login = person.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    assert!(
        login.err.contains("The server has a new key, and your password was moved to it."),
        "{}",
        login.err
    );
    assert_eq!(rotation(&server).await, Some((1, 0)));
    let status = person.vestry(&["status"], "").ended_with(0);
    assert!(status.err.contains("Your password was moved to the server's new key on"), "{}", status.err);
    let again = person.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    assert!(!again.err.contains("has a new key"), "{}", again.err);
}
