//! An account's life on the user port: register, log in, look after it, delete it; and every refusal on the way.

use vestry_protocol::admin::AdminCall;
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::{Change, Profile, ProfileUpdate, Registration, UserCall, UserReply};
use vestry_tests::harness::{OTHER_PASSWORD, PASSWORD, Server, login, refusal_of, registration, secret};

fn naman() -> UserCall {
    UserCall::Register(Registration {
        name: " Naman ".to_owned(),
        password: secret(PASSWORD),
        profile: Profile {
            email: Some("naman@gmail.com".to_owned()),
            age: Some(40),
            gender: Some("male".to_owned()),
        },
    })
}

#[tokio::test]
async fn the_tour_of_the_report_register_log_in_retrieve_update_retrieve_log_out() {
    let server = Server::start();
    let mut wire = server.connect().await;
    let UserReply::Registered { name } = wire.call(naman()).await.unwrap() else { panic!("not registered") };
    assert_eq!(name, "naman");
    let UserReply::LoggedIn(session) = wire.call(login("NAMAN", PASSWORD)).await.unwrap() else {
        panic!("not logged in")
    };
    assert_eq!((session.name.as_str(), session.last_login), ("naman", None));
    let UserReply::AccountShown(before) = wire.call(UserCall::ShowAccount).await.unwrap() else { panic!() };
    assert_eq!(before.profile.age, Some(40));
    let update = ProfileUpdate { age: Change::Set(35), ..ProfileUpdate::default() };
    let UserReply::AccountUpdated(after) = wire.call(UserCall::UpdateAccount(update)).await.unwrap() else {
        panic!("not updated")
    };
    assert_eq!(after.profile, Profile { age: Some(35), ..before.profile });
    let UserReply::AccountShown(shown) = wire.call(UserCall::ShowAccount).await.unwrap() else { panic!() };
    assert_eq!(shown, after);
    let out = wire.call(UserCall::LogOut { everywhere: false }).await.unwrap();
    assert!(matches!(out, UserReply::LoggedOut { sessions_ended: 1 }));
    assert_eq!(refusal_of(wire.call(UserCall::ShowAccount).await.unwrap()), RefusalCode::NotLoggedIn);
}

#[tokio::test]
async fn a_field_that_breaks_its_rule_is_refused_by_name_and_the_connection_goes_on() {
    let server = Server::start();
    let mut wire = server.connect().await;
    let with = |name: &str, email: Option<&str>, age: Option<u16>, gender: Option<&str>| {
        let profile = Profile { email: email.map(str::to_owned), age, gender: gender.map(str::to_owned) };
        UserCall::Register(Registration { name: name.to_owned(), password: secret(PASSWORD), profile })
    };
    let cases = [
        (with("n", None, None, None), "name"),
        (with("root", None, None, None), "name"),
        (with("nаman", None, None, None), "name"),
        (with("naman", Some("not an address"), None, None), "e-mail"),
        (with("naman", None, Some(151), None), "age"),
        (with("naman", None, None, Some("\u{1b}[31m")), "gender"),
    ];
    for (call, field) in cases {
        let UserReply::Refused(refusal) = wire.call(call).await.unwrap() else { panic!("{field} was taken") };
        assert!(refusal.is(RefusalCode::BadField), "{refusal:?}");
        assert!(refusal.message.starts_with(field), "{refusal:?}");
    }
    assert!(matches!(wire.call(naman()).await.unwrap(), UserReply::Registered { .. }));
}

#[tokio::test]
async fn new_passwords_are_judged_and_any_old_one_still_logs_in() {
    let server = Server::start();
    let mut wire = server.connect().await;
    for weak in
        ["short", "passwordpassword", "naman-naman-naman", &"x".repeat(1025), "tab\tin the middle of it"]
    {
        let refused = refusal_of(wire.call(registration("naman", weak)).await.unwrap());
        assert_eq!(refused, RefusalCode::PasswordRefused, "{weak:?}");
    }
    server.register("naman").await;
    let folder = server.stop();
    let file = folder.path().join("vestryd.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("password_chars_min = 40\n{text}")).unwrap();
    let stricter = Server::start_in(folder);
    stricter.log_in("naman", PASSWORD).await;
}

#[tokio::test]
async fn the_same_password_typed_in_another_unicode_form_logs_in() {
    let server = Server::start();
    let mut wire = server.connect().await;
    wire.call(registration("naman", "cafe\u{301} under the old oak")).await.unwrap();
    server.log_in("naman", "caf\u{e9} under the old oak").await;
}

#[tokio::test]
async fn sec_0002_case_and_space_variants_of_a_name_are_one_account() {
    let server = Server::start();
    server.register("naman").await;
    let mut wire = server.connect().await;
    for variant in ["Naman", "NAMAN", " naman", "naman\t"] {
        assert_eq!(
            refusal_of(wire.call(registration(variant, PASSWORD)).await.unwrap()),
            RefusalCode::NameTaken,
            "{variant:?}"
        );
    }
}

#[tokio::test]
async fn sec_0003_unknown_name_and_wrong_password_get_the_same_bytes() {
    let server = Server::start();
    for name in ["naman", "barred", "erased"] {
        server.register(name).await;
    }
    server.operate(AdminCall::SuspendAccount { name: "barred".to_owned(), until: None, reason: None }).await;
    server.operate(AdminCall::DeleteAccount { name: "erased".to_owned() }).await;
    server
        .operate(AdminCall::CreateAccount { name: "invited".to_owned(), profile: Profile::default() })
        .await;
    let mut wire = server.connect().await;
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
        let UserReply::Refused(refusal) = wire.call(login(name, password)).await.unwrap() else {
            panic!("{name} was let in")
        };
        assert!(refusal.is(RefusalCode::WrongCredentials), "{name}: {refusal:?}");
        answers.push(refusal);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    // Only the right password is told more.
    let told = refusal_of(wire.call(login("barred", PASSWORD)).await.unwrap());
    assert_eq!(told, RefusalCode::Suspended);
}

#[tokio::test]
async fn a_changed_email_asks_for_the_password_and_nothing_else_does() {
    let server = Server::start();
    server.register("naman").await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let email = |password: Option<&str>| {
        UserCall::UpdateAccount(ProfileUpdate {
            email: Change::Set("n@example.org".to_owned()),
            password: password.map(secret),
            ..ProfileUpdate::default()
        })
    };
    assert_eq!(refusal_of(wire.call(email(None)).await.unwrap()), RefusalCode::BadField);
    assert_eq!(refusal_of(wire.call(email(Some("wrong"))).await.unwrap()), RefusalCode::WrongCredentials);
    let UserReply::AccountUpdated(account) = wire.call(email(Some(PASSWORD))).await.unwrap() else {
        panic!()
    };
    assert_eq!(account.profile.email.as_deref(), Some("n@example.org"));
    let clear = ProfileUpdate { gender: Change::Clear, age: Change::Set(1), ..ProfileUpdate::default() };
    let UserReply::AccountUpdated(account) = wire.call(UserCall::UpdateAccount(clear)).await.unwrap() else {
        panic!()
    };
    assert_eq!(account.profile.age, Some(1));
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
    assert_eq!(refusal_of(wire.call(UserCall::UpdateAccount(half)).await.unwrap()), RefusalCode::BadField);
    let UserReply::AccountShown(account) = wire.call(UserCall::ShowAccount).await.unwrap() else { panic!() };
    assert_eq!(account.profile, Profile::default());
}

#[tokio::test]
async fn sec_0004_old_password_and_old_sessions_are_refused_after_a_change() {
    let server = Server::start();
    server.register("naman").await;
    let (mut other, _) = server.log_in("naman", PASSWORD).await;
    let (mut wire, old) = server.log_in("naman", PASSWORD).await;
    let change =
        |current: &str, new: &str| UserCall::ChangePassword { current: secret(current), new: secret(new) };
    assert_eq!(
        refusal_of(wire.call(change("wrong", OTHER_PASSWORD)).await.unwrap()),
        RefusalCode::WrongCredentials
    );
    assert_eq!(refusal_of(wire.call(change(PASSWORD, "short")).await.unwrap()), RefusalCode::PasswordRefused);
    let UserReply::PasswordChanged(new) = wire.call(change(PASSWORD, OTHER_PASSWORD)).await.unwrap() else {
        panic!("not changed")
    };
    assert!(matches!(wire.call(UserCall::ShowAccount).await.unwrap(), UserReply::AccountShown(_)));
    assert_eq!(refusal_of(other.call(UserCall::ShowAccount).await.unwrap()), RefusalCode::SessionEnded);
    let mut fresh = server.connect().await;
    let resumed = fresh.call(UserCall::ResumeSession { token: old.token }).await.unwrap();
    assert_eq!(refusal_of(resumed), RefusalCode::SessionEnded);
    assert_eq!(
        refusal_of(fresh.call(login("naman", PASSWORD)).await.unwrap()),
        RefusalCode::WrongCredentials
    );
    let resumed = fresh.call(UserCall::ResumeSession { token: new.token }).await.unwrap();
    assert!(matches!(resumed, UserReply::SessionResumed { .. }));
}

#[tokio::test]
async fn a_deleted_account_is_gone_for_everybody_and_comes_back_whole_when_restored() {
    let server = Server::start();
    let mut wire = server.connect().await;
    wire.call(naman()).await.unwrap();
    let (mut wire, session) = server.log_in("naman", PASSWORD).await;
    let wrong = wire.call(UserCall::DeleteAccount { password: secret("wrong") }).await.unwrap();
    assert_eq!(refusal_of(wrong), RefusalCode::WrongCredentials);
    let deleted = wire.call(UserCall::DeleteAccount { password: secret(PASSWORD) }).await.unwrap();
    assert!(matches!(deleted, UserReply::AccountDeleted { .. }));
    assert_eq!(refusal_of(wire.call(login("naman", PASSWORD)).await.unwrap()), RefusalCode::WrongCredentials);
    assert_eq!(refusal_of(wire.call(naman()).await.unwrap()), RefusalCode::NameTaken);
    server.operate(AdminCall::RestoreAccount { name: "naman".to_owned() }).await;
    let resumed = wire.call(UserCall::ResumeSession { token: session.token }).await.unwrap();
    assert_eq!(refusal_of(resumed), RefusalCode::SessionEnded);
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let UserReply::AccountShown(account) = wire.call(UserCall::ShowAccount).await.unwrap() else { panic!() };
    assert_eq!(account.profile.email.as_deref(), Some("naman@gmail.com"));
}

#[tokio::test]
async fn a_server_that_is_closed_to_registrations_says_so_and_lets_others_in() {
    let server = Server::start_with("registration = \"closed\"");
    let mut wire = server.connect().await;
    let UserReply::ServerDescribed(about) = wire.call(UserCall::DescribeServer).await.unwrap() else {
        panic!()
    };
    assert!(!about.registration_open);
    let refused = refusal_of(wire.call(registration("naman", PASSWORD)).await.unwrap());
    assert_eq!(refused, RefusalCode::RegistrationClosed);
}

#[tokio::test]
async fn changed_hash_parameters_renew_the_hash_at_the_next_login() {
    let server = Server::start();
    server.register("naman").await;
    let folder = server.stop();
    let file = folder.path().join("vestryd.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("argon2id_iterations = 3\n{text}")).unwrap();
    let server = Server::start_in(folder);
    assert!(stored_hash(server.folder()).contains("t=2"));
    server.log_in("naman", PASSWORD).await;
    assert!(stored_hash(server.folder()).contains("t=3"));
    server.log_in("naman", PASSWORD).await;
}

/// The PHC string as it lies in the file: the tests may read it, no program prints it.
fn stored_hash(folder: &std::path::Path) -> String {
    let mut bytes = std::fs::read(folder.join("vestry.db")).unwrap();
    bytes.extend(std::fs::read(folder.join("vestry.db-wal")).unwrap_or_default());
    let text = String::from_utf8_lossy(&bytes);
    let last = text.rfind("$argon2id$").expect("a hash");
    text[last..].chars().take(60).collect()
}
