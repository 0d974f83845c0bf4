//! An account's life on the user port: register, log in, look after it, delete it; and every refusal on the way.

use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::{Change, Profile, ProfileUpdate, UserCall, UserReply};
use vestry_tests::harness::{
    OTHER_PASSWORD, PASSWORD, Server, UserWire, imported_login, refusal_of, with_settings,
};
use vestry_tests::light::{
    self, Halfway, any_request, change_password, finish_login, log_in, prove_and, set_new_password,
};
use vestry_tests::talk::{Operator, Refusable, User, age, logged_in};

fn profile() -> Profile {
    Profile { email: Some("naman@gmail.com".to_owned()), age: Some(40), gender: Some("male".to_owned()) }
}

async fn register(wire: &mut UserWire, name: &str) -> UserReply {
    light::register(wire, name, PASSWORD, profile()).await
}

#[tokio::test]
async fn the_tour_of_the_report_register_log_in_retrieve_update_retrieve_log_out() {
    let server = Server::start();
    let mut wire = server.connect().await;
    let registered = register(&mut wire, " Naman ").await;
    assert!(matches!(&registered, UserReply::Registered { name } if name == "naman"), "{registered:?}");
    let session = logged_in(log_in(&mut wire, "NAMAN", PASSWORD).await);
    assert_eq!((session.name.as_str(), session.last_login, session.device_known), ("naman", None, false));
    let before = wire.show().await;
    assert_eq!(before.profile, profile());
    let after = wire.update(age(35)).await;
    assert_eq!(after.profile, Profile { age: Some(35), ..before.profile });
    let shown = wire.show().await;
    assert_eq!(shown, after);
    let out = wire.call(UserCall::LogOut { everywhere: false }).await.unwrap();
    assert!(matches!(out, UserReply::LoggedOut { sessions_ended: 1 }), "{out:?}");
    wire.ask(UserCall::ShowAccount).await.expect_refusal(RefusalCode::NotLoggedIn);
}

#[tokio::test]
async fn a_field_that_breaks_its_rule_is_refused_by_name_and_the_connection_goes_on() {
    let server = Server::start();
    let mut wire = server.connect().await;
    let of = |email: Option<&str>, age, gender: Option<&str>| Profile {
        email: email.map(str::to_owned),
        age,
        gender: gender.map(str::to_owned),
    };
    let cases = [
        ("n", Profile::default(), "name"),
        ("root", Profile::default(), "name"),
        ("nаman", Profile::default(), "name"),
        ("naman", of(Some("not an address"), None, None), "e-mail"),
        ("naman", of(None, Some(151), None), "age"),
        ("naman", of(None, None, Some("\u{1b}[31m")), "gender"),
    ];
    for (name, profile, field) in cases {
        let refusal =
            light::register(&mut wire, name, PASSWORD, profile).await.expect_refusal(RefusalCode::BadField);
        assert!(refusal.message.starts_with(field), "{refusal:?}");
    }
    assert!(matches!(register(&mut wire, "naman").await, UserReply::Registered { .. }));
}

/// What the name is, the connection knows from the first half: a second half that is refused for a field leaves it there.
#[tokio::test]
async fn a_profile_that_is_refused_can_be_mended_without_another_first_half() {
    let server = Server::start();
    let mut wire = server.connect().await;
    let start = |request| UserCall::StartRegistration { name: "naman".to_owned(), request, invitation: None };
    let envelope = light::seal(&mut wire, PASSWORD, start).await.unwrap();
    let again = || vestry_protocol::user::Envelope { upload: envelope.upload.clone(), ..envelope };
    let bad = Profile { age: Some(151), ..profile() };
    wire.ask(UserCall::FinishRegistration { envelope: again(), profile: bad })
        .await
        .expect_refusal(RefusalCode::BadField);
    let mended = UserCall::FinishRegistration { envelope: again(), profile: profile() };
    assert!(matches!(wire.call(mended).await.unwrap(), UserReply::Registered { .. }));
    let twice = UserCall::FinishRegistration { envelope: again(), profile: profile() };
    wire.ask(twice).await.expect_refusal(RefusalCode::NotStarted);
}

#[tokio::test]
async fn a_stricter_password_rule_lets_every_password_that_is_there_log_in() {
    let server = Server::start();
    server.register("naman").await;
    let folder = server.stop();
    let file = folder.path().join("vestryd.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, with_settings(&text, "accounts.password_chars_min = 40")).unwrap();
    let stricter = Server::start_in(folder);
    let (mut wire, _) = stricter.log_in("naman", PASSWORD).await;
    let about = wire.describe().await;
    assert_eq!(about.password_chars_min, 40);
}

#[tokio::test]
async fn the_same_password_typed_in_another_unicode_form_logs_in() {
    let server = Server::start();
    let mut wire = server.connect().await;
    let typed = "cafe\u{301} under the old oak";
    let made = light::register(&mut wire, "naman", typed, Profile::default()).await;
    assert!(matches!(made, UserReply::Registered { .. }), "{made:?}");
    server.log_in("naman", "caf\u{e9} under the old oak").await;
}

#[tokio::test]
async fn sec_0002_case_and_space_variants_of_a_name_are_one_account() {
    let server = Server::start();
    server.register("naman").await;
    let mut wire = server.connect().await;
    for variant in ["Naman", "NAMAN", " naman", "naman\t"] {
        assert_eq!(refusal_of(register(&mut wire, variant).await), RefusalCode::NameTaken, "{variant:?}");
        server.log_in(variant, PASSWORD).await;
    }
}

#[tokio::test]
async fn sec_0003_unknown_name_and_wrong_password_get_the_same_bytes() {
    let server = Server::start_with("hashing.imported_login_ms = 500");
    for name in ["naman", "barred", "erased"] {
        server.register(name).await;
    }
    server.operate(AdminCall::SuspendAccount { name: "barred".to_owned(), until: None, reason: None }).await;
    server.operate(AdminCall::DeleteAccount { name: "erased".to_owned() }).await;
    server
        .operate(AdminCall::CreateAccount { name: "invited".to_owned(), profile: Profile::default() })
        .await;
    let mut answers = Vec::new();
    let tries = [
        ("naman", OTHER_PASSWORD),
        ("nobody-here", PASSWORD),
        ("not a name!", PASSWORD),
        ("barred", OTHER_PASSWORD),
        ("erased", OTHER_PASSWORD),
        ("erased", PASSWORD),
        ("invited", PASSWORD),
    ];
    for (name, password) in tries {
        let mut wire = server.connect().await;
        for reply in [
            log_in(&mut wire, name, password).await,
            wire.call(imported_login(name, password)).await.unwrap(),
        ] {
            let refusal = reply.expect_refusal(RefusalCode::WrongCredentials);
            answers.push(refusal);
        }
    }
    assert_eq!(answers.len(), 2 * tries.len());
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    // Only the right password is told more.
    assert!(server.refused_login("barred", PASSWORD).await.is(RefusalCode::Suspended));
}

#[tokio::test]
async fn a_changed_email_asks_for_the_password_and_nothing_else_does() {
    let server = Server::start();
    server.register("naman").await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let email = || {
        let email = Change::Set("n@example.org".to_owned());
        UserCall::UpdateAccount(ProfileUpdate { email, ..ProfileUpdate::default() })
    };
    wire.ask(email()).await.expect_refusal(RefusalCode::NotProven);
    prove_and(&mut wire, OTHER_PASSWORD, email()).await.expect_refusal(RefusalCode::WrongCredentials);
    let reply = prove_and(&mut wire, PASSWORD, email()).await;
    let UserReply::AccountUpdated(account) = reply else { panic!("{reply:?}") };
    assert_eq!(account.profile.email.as_deref(), Some("n@example.org"));
    let clear = ProfileUpdate { gender: Change::Clear, age: Change::Set(1), ..ProfileUpdate::default() };
    let account = wire.update(clear).await;
    assert_eq!(account.profile.age, Some(1));
    let none = ProfileUpdate { email: Change::Clear, ..ProfileUpdate::default() };
    let unproven = wire.call(UserCall::UpdateAccount(none)).await.unwrap();
    assert_eq!(refusal_of(unproven), RefusalCode::NotProven, "having none is a change as well");
}

#[tokio::test]
async fn an_update_with_one_bad_field_changes_none() {
    let server = Server::start();
    server.register("naman").await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let half = ProfileUpdate {
        age: Change::Set(35),
        gender: Change::Set("\u{202e}".to_owned()),
        ..ProfileUpdate::default()
    };
    wire.ask(UserCall::UpdateAccount(half)).await.expect_refusal(RefusalCode::BadField);
    let account = wire.show().await;
    assert_eq!(account.profile, Profile::default());
}

/// What the database holds is never parsed again: a rule that became stricter since then is for what is new.
#[tokio::test]
async fn an_account_that_a_later_rule_would_refuse_is_used_changed_and_shown() {
    let server = Server::start();
    server.register("naman").await;
    drop(server.log_in("naman", PASSWORD).await);
    let folder = server.stop();
    let (email, gender, device) = ("näman@example", "\u{202e}", "a\nlaptop");
    let database = rusqlite::Connection::open(folder.path().join("vestry.db")).unwrap();
    let stored = database.execute("update account set email = ?1, gender = ?2", [email, gender]).unwrap();
    let called = database.execute("update session set device = ?1", [device]).unwrap();
    assert_eq!((stored, called), (1, 1));
    drop(database);
    let server = Server::start_in(folder);
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let kept = Profile { email: Some(email.to_owned()), age: None, gender: Some(gender.to_owned()) };
    assert_eq!(wire.show().await.profile, kept);
    let changed = Profile { age: Some(35), ..kept };
    assert_eq!(wire.update(age(35)).await.profile, changed);
    assert!(wire.sessions().await.iter().any(|session| session.device == device));
    let mut operator = server.connect_as("admin").await;
    let answer = operator.ask(AdminCall::ShowAccount { name: "naman".to_owned() }).await;
    let AdminReply::AccountShown(shown) = answer.reply else { panic!("{answer:?}") };
    assert_eq!(shown.profile, changed);
    let email = Change::Set(email.to_owned());
    let again = UserCall::UpdateAccount(ProfileUpdate { email, ..ProfileUpdate::default() });
    prove_and(&mut wire, PASSWORD, again).await.expect_refusal(RefusalCode::BadField);
}

/// A new password carries the device's name over to the session that it opens.
#[tokio::test]
async fn a_device_that_a_later_rule_would_refuse_does_not_block_a_new_password() {
    let server = Server::start();
    server.register("naman").await;
    let (_, session) = server.log_in("naman", PASSWORD).await;
    let folder = server.stop();
    let database = rusqlite::Connection::open(folder.path().join("vestry.db")).unwrap();
    assert_eq!(database.execute("update session set device = 'a\nlaptop'", []).unwrap(), 1);
    drop(database);
    let server = Server::start_in(folder);
    let mut wire = server.connect().await;
    wire.ask(UserCall::ResumeSession { token: session.token }).await;
    let changed = change_password(&mut wire, PASSWORD, OTHER_PASSWORD).await;
    assert!(matches!(changed, UserReply::PasswordChanged(_)), "{changed:?}");
    assert_eq!(wire.sessions().await[0].device, "a\nlaptop");
}

#[tokio::test]
async fn sec_0004_old_password_and_old_sessions_are_refused_after_a_change() {
    let server = Server::start();
    server.register("naman").await;
    let (mut other, _) = server.log_in("naman", PASSWORD).await;
    let (mut wire, old) = server.log_in("naman", PASSWORD).await;
    change_password(&mut wire, "wrong", OTHER_PASSWORD).await.expect_refusal(RefusalCode::WrongCredentials);
    set_new_password(&mut wire, OTHER_PASSWORD).await.expect_refusal(RefusalCode::NotProven);
    let reply = change_password(&mut wire, PASSWORD, OTHER_PASSWORD).await;
    let UserReply::PasswordChanged(new) = reply else { panic!("{reply:?}") };
    wire.show().await;
    other.ask(UserCall::ShowAccount).await.expect_refusal(RefusalCode::SessionEnded);
    let mut fresh = server.connect().await;
    fresh.ask(UserCall::ResumeSession { token: old.token }).await.expect_refusal(RefusalCode::SessionEnded);
    log_in(&mut fresh, "naman", PASSWORD).await.expect_refusal(RefusalCode::WrongCredentials);
    let resumed = fresh.call(UserCall::ResumeSession { token: new.token }).await.unwrap();
    assert!(matches!(resumed, UserReply::SessionResumed { .. }), "{resumed:?}");
    server.log_in("naman", OTHER_PASSWORD).await;
}

#[tokio::test]
async fn a_deleted_account_is_gone_for_everybody_and_comes_back_whole_when_restored() {
    let server = Server::start();
    register(&mut server.connect().await, "naman").await;
    let (mut wire, session) = server.log_in("naman", PASSWORD).await;
    prove_and(&mut wire, OTHER_PASSWORD, UserCall::DeleteAccount)
        .await
        .expect_refusal(RefusalCode::WrongCredentials);
    let deleted = prove_and(&mut wire, PASSWORD, UserCall::DeleteAccount).await;
    assert!(matches!(deleted, UserReply::AccountDeleted { .. }), "{deleted:?}");
    log_in(&mut wire, "naman", PASSWORD).await.expect_refusal(RefusalCode::WrongCredentials);
    register(&mut wire, "naman").await.expect_refusal(RefusalCode::NameTaken);
    server.operate(AdminCall::RestoreAccount { name: "naman".to_owned() }).await;
    wire.ask(UserCall::ResumeSession { token: session.token })
        .await
        .expect_refusal(RefusalCode::SessionEnded);
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let account = wire.show().await;
    assert_eq!(account.profile.email.as_deref(), Some("naman@gmail.com"));
}

#[tokio::test]
async fn a_server_that_is_closed_to_registrations_says_so_and_lets_others_in() {
    let server = Server::start();
    server.register("naman").await;
    let folder = server.stop();
    let file = folder.path().join("vestryd.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, with_settings(&text, "accounts.registration = \"closed\"")).unwrap();
    let server = Server::start_in(folder);
    let mut wire = server.connect().await;
    let about = wire.describe().await;
    assert!(!about.registration_open);
    register(&mut wire, "anirudh").await.expect_refusal(RefusalCode::RegistrationClosed);
    let mut sealed = server.log_in("naman", PASSWORD).await.0;
    light::prove(&mut sealed, PASSWORD).await;
    let start = |request| UserCall::StartNewPassword { request };
    let envelope = light::seal(&mut sealed, PASSWORD, start).await.unwrap();
    let second = UserCall::FinishRegistration { envelope, profile: Profile::default() };
    wire.ask(second).await.expect_refusal(RefusalCode::RegistrationClosed);
}

/// What names an OPRF key is made of the name and of how often it was given up: what was evaluated under one account's key
/// is worth nothing for the next account of its name, and a name without an account is evaluated as its next account will be.
#[tokio::test]
async fn sec_0068_the_next_owner_of_a_name_is_evaluated_under_another_key() {
    let server = Server::start();
    let request = any_request();
    let start = || UserCall::StartRegistration {
        name: "naman".to_owned(),
        request: request.clone(),
        invitation: None,
    };
    let mut wire = server.connect().await;
    let evaluated = |reply| match reply {
        UserReply::NewPasswordStarted { response, .. } => response,
        other => panic!("{other:?}"),
    };
    let before = evaluated(wire.call(start()).await.unwrap());
    assert_eq!(evaluated(wire.call(start()).await.unwrap()), before);
    server.register("naman").await;
    // Within its session, the same request is evaluated under the account's key.
    let (mut session, _) = server.log_in("naman", PASSWORD).await;
    light::prove(&mut session, PASSWORD).await;
    let call = UserCall::StartNewPassword { request: request.clone() };
    assert_eq!(evaluated(session.call(call).await.unwrap()), before);
    drop(session);
    let folder = server.stop();
    let database = rusqlite::Connection::open(folder.path().join("vestry.db")).unwrap();
    database.execute("pragma foreign_keys = on", []).ok();
    assert_eq!(database.execute("delete from account where name = 'naman'", []).unwrap(), 1);
    drop(database);
    let server = Server::start_in(folder);
    let mut wire = server.connect().await;
    assert_ne!(evaluated(wire.call(start()).await.unwrap()), before);
}

#[tokio::test]
async fn a_login_whose_device_has_no_name_is_refused_and_can_be_finished_with_one() {
    let server = Server::start();
    server.register("naman").await;
    let mut wire = server.connect().await;
    let ke3 = Halfway::login(&mut wire, "naman", PASSWORD).await.ke3(&wire).unwrap();
    let nameless =
        UserCall::FinishLogin { ke3: ke3.clone(), device: "\u{1b}[2J".to_owned(), witness: Vec::new() };
    wire.ask(nameless).await.expect_refusal(RefusalCode::BadField);
    logged_in(wire.call(finish_login(ke3)).await.unwrap());
}
