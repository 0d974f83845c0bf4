//! Logins by OPAQUE: who gets through, who does not, and what happens to exchanges that are cut, mixed up, replayed,
//! bent or relayed. And how an account moves from a password hash to OPAQUE, and never back.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use vestry_client::Wire;
use vestry_protocol::USER_ALPN;
use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::{Change, Profile, ProfileUpdate, UserCall, UserReply};
use vestry_tests::exchanges::{Halfway, finish_login, log_in, logged_in, prove, register, seal};
use vestry_tests::harness::{
    OTHER_PASSWORD, PASSWORD, Server, UserWire, login, program, refusal_of, registration, secret,
};
use vestry_tests::light;
use vestry_tests::programs::Person;
use vestry_tls::config;

async fn kind_of(server: &Server, name: &str) -> String {
    server.select(&format!("select credential from accounts where name = '{name}'")).await[0][0].clone()
}

/// Seals another password in a session, and what the server says to it.
async fn seal_new_password(wire: &mut UserWire, text: &str) -> UserReply {
    let envelope = seal(wire, text, |request| UserCall::StartNewPassword { request }).await;
    wire.call(UserCall::FinishNewPassword { envelope }).await.unwrap()
}

fn show() -> UserCall {
    UserCall::ShowAccount
}

#[tokio::test]
async fn an_account_is_made_used_and_changed_without_its_password_ever_being_sent() {
    let server = Server::start();
    register(&server, "naman", PASSWORD).await;
    assert_eq!(kind_of(&server, "naman").await, "opaque");
    let (mut wire, old) = logged_in(&server, "naman", PASSWORD).await;
    assert!(matches!(wire.call(show()).await.unwrap(), UserReply::AccountShown(_)));

    let email = ProfileUpdate { email: Change::Set("n@example.org".to_owned()), ..ProfileUpdate::default() };
    assert!(matches!(prove(&mut wire, PASSWORD).await, UserReply::PasswordProven));
    assert!(matches!(wire.call(UserCall::UpdateAccount(email)).await.unwrap(), UserReply::AccountUpdated(_)));

    assert!(matches!(prove(&mut wire, PASSWORD).await, UserReply::PasswordProven));
    let changed = seal_new_password(&mut wire, OTHER_PASSWORD).await;
    assert!(matches!(changed, UserReply::PasswordChanged(_)));
    let resumed = server.connect().await.call(UserCall::ResumeSession { token: old.token }).await.unwrap();
    assert_eq!(refusal_of(resumed), RefusalCode::SessionEnded);
    let stale = log_in(&mut server.connect().await, "naman", PASSWORD).await;
    assert_eq!(refusal_of(stale), RefusalCode::WrongCredentials);

    let (mut wire, _) = logged_in(&server, "naman", OTHER_PASSWORD).await;
    assert!(matches!(prove(&mut wire, OTHER_PASSWORD).await, UserReply::PasswordProven));
    assert!(matches!(
        wire.call(UserCall::DeleteProvenAccount).await.unwrap(),
        UserReply::AccountDeleted { .. }
    ));
    let gone = log_in(&mut server.connect().await, "naman", OTHER_PASSWORD).await;
    assert_eq!(refusal_of(gone), RefusalCode::WrongCredentials);
}

#[tokio::test]
async fn sec_0029_every_state_of_an_account_answers_an_opaque_login_as_it_answers_a_password() {
    let server = Server::start();
    for name in ["naman", "barred", "erased"] {
        register(&server, name, PASSWORD).await;
    }
    server.register("hashed").await;
    let name = |name: &str| name.to_owned();
    server.operate(AdminCall::SuspendAccount { name: name("barred"), until: None, reason: None }).await;
    server.operate(AdminCall::DeleteAccount { name: name("erased") }).await;
    server.operate(AdminCall::CreateAccount { name: name("invited"), profile: Profile::default() }).await;
    let cases = [
        ("naman", PASSWORD, None),
        ("naman", OTHER_PASSWORD, Some(RefusalCode::WrongCredentials)),
        ("barred", PASSWORD, Some(RefusalCode::Suspended)),
        ("barred", OTHER_PASSWORD, Some(RefusalCode::WrongCredentials)),
        ("erased", PASSWORD, Some(RefusalCode::WrongCredentials)),
        ("invited", PASSWORD, Some(RefusalCode::WrongCredentials)),
        ("hashed", PASSWORD, Some(RefusalCode::WrongCredentials)),
        ("nobody-here", PASSWORD, Some(RefusalCode::WrongCredentials)),
        ("not a name!", PASSWORD, Some(RefusalCode::WrongCredentials)),
    ];
    let mut refusals = Vec::new();
    for (name, password, expected) in cases {
        match (log_in(&mut server.connect().await, name, password).await, expected) {
            (UserReply::LoggedIn(_), None) => {}
            (UserReply::Refused(refusal), Some(code)) => {
                assert!(refusal.is(code), "{name}: {refusal:?}");
                refusals.extend((code == RefusalCode::WrongCredentials).then_some(refusal));
            }
            (other, _) => panic!("{name}: {other:?}"),
        }
    }
    assert!(refusals.windows(2).all(|pair| pair[0] == pair[1]), "{refusals:?}");
}

#[tokio::test]
async fn sec_0030_an_opaque_account_takes_its_password_on_no_path_whoever_sends_it() {
    let server = Server::start();
    register(&server, "naman", PASSWORD).await;
    let mut wire = server.connect().await;
    assert_eq!(refusal_of(wire.call(login("naman", PASSWORD)).await.unwrap()), RefusalCode::WrongCredentials);
    let (mut wire, _) = logged_in(&server, "naman", PASSWORD).await;
    let update = ProfileUpdate {
        email: Change::Set("n@example.org".to_owned()),
        password: Some(secret(PASSWORD)),
        ..ProfileUpdate::default()
    };
    for call in [
        UserCall::ChangePassword { current: secret(PASSWORD), new: secret(OTHER_PASSWORD) },
        UserCall::DeleteAccount { password: secret(PASSWORD) },
        UserCall::UpdateAccount(update),
    ] {
        assert_eq!(refusal_of(wire.call(call).await.unwrap()), RefusalCode::WrongCredentials);
    }
    // Nor does a one-time code lead back: refused, it is still good for OPAQUE.
    let AdminReply::CodeIssued { code, .. } =
        server.operate(AdminCall::ResetAccount { name: "naman".to_owned() }).await
    else {
        panic!("no code")
    };
    let (name, typed) = ("naman".to_owned(), secret(code.expose_secret()));
    let clear = UserCall::RedeemResetCode { name: name.clone(), code: typed, new: secret(OTHER_PASSWORD) };
    assert_eq!(refusal_of(wire.call(clear).await.unwrap()), RefusalCode::PasswordRefused);
    let start = |request| UserCall::StartReset { name: name.clone(), request };
    let envelope = seal(&mut wire, OTHER_PASSWORD, start).await;
    let sealed = wire.call(UserCall::FinishReset { name, code, envelope }).await.unwrap();
    assert!(matches!(sealed, UserReply::PasswordReset { .. }));
}

#[tokio::test]
async fn sec_0031_half_finished_exchanges_are_never_mixed_up_or_used_twice() {
    let server = Server::start();
    for name in ["naman", "anirudh"] {
        register(&server, name, PASSWORD).await;
    }
    let refused = |reply| refusal_of(reply) == RefusalCode::WrongState;
    let mut wire = server.connect().await;
    // Nothing was started.
    assert!(refused(wire.call(finish_login(vec![0; 64])).await.unwrap()));
    // The second start throws the first away: its KE3 does not fit, and uses the second up.
    let first = Halfway::login(&mut wire, "naman", PASSWORD).await;
    let second = Halfway::login(&mut wire, "anirudh", PASSWORD).await;
    let (first, second) = (first.ke3(&wire).unwrap(), second.ke3(&wire).unwrap());
    assert_eq!(refusal_of(wire.call(finish_login(first)).await.unwrap()), RefusalCode::WrongCredentials);
    assert!(refused(wire.call(finish_login(second)).await.unwrap()));
    assert_eq!(refusal_of(wire.call(show()).await.unwrap()), RefusalCode::NotLoggedIn);
    // A KE3 that got through does not get through again, here or on another connection.
    let halfway = Halfway::login(&mut wire, "naman", PASSWORD).await;
    let ke3 = halfway.ke3(&wire).unwrap();
    assert!(matches!(wire.call(finish_login(ke3.clone())).await.unwrap(), UserReply::LoggedIn(_)));
    assert!(refused(wire.call(finish_login(ke3.clone())).await.unwrap()));
    let mut other = server.connect().await;
    Halfway::login(&mut other, "naman", PASSWORD).await;
    assert_eq!(refusal_of(other.call(finish_login(ke3)).await.unwrap()), RefusalCode::WrongCredentials);
    // A login is no proof and a proof is no login.
    let halfway = Halfway::login(&mut wire, "naman", PASSWORD).await;
    let ke3 = halfway.ke3(&wire).unwrap();
    assert!(refused(wire.call(UserCall::FinishProof { ke3 }).await.unwrap()));
    let halfway = Halfway::proof(&mut wire, PASSWORD).await;
    let ke3 = halfway.ke3(&wire).unwrap();
    assert!(refused(wire.call(finish_login(ke3)).await.unwrap()));
    // A proof of one person does not serve another who logs in meanwhile.
    let halfway = Halfway::proof(&mut wire, PASSWORD).await;
    let ke3 = halfway.ke3(&wire).unwrap();
    let UserReply::LoggedIn(_) = log_in(&mut wire, "anirudh", PASSWORD).await else {
        panic!("not logged in")
    };
    assert!(refused(wire.call(UserCall::FinishProof { ke3 }).await.unwrap()));
}

#[tokio::test]
async fn sec_0066_a_login_that_was_begun_with_a_password_that_was_changed_meanwhile_opens_nothing() {
    let server = Server::start();
    register(&server, "naman", PASSWORD).await;
    let mut late = server.connect().await;
    let ke3 = Halfway::login(&mut late, "naman", PASSWORD).await.ke3(&late).unwrap();
    let (mut wire, _) = logged_in(&server, "naman", PASSWORD).await;
    assert!(matches!(prove(&mut wire, PASSWORD).await, UserReply::PasswordProven));
    let changed = seal_new_password(&mut wire, OTHER_PASSWORD).await;
    assert!(matches!(changed, UserReply::PasswordChanged(_)));
    assert_eq!(refusal_of(late.call(finish_login(ke3)).await.unwrap()), RefusalCode::WrongCredentials);
    assert_eq!(refusal_of(late.call(show()).await.unwrap()), RefusalCode::NotLoggedIn);
}

#[tokio::test]
async fn sec_0032_a_proof_is_asked_for_each_time_and_a_login_is_not_one() {
    let server = Server::start();
    register(&server, "naman", PASSWORD).await;
    let (mut wire, _) = logged_in(&server, "naman", PASSWORD).await;
    let refused = |reply| [RefusalCode::WrongState, RefusalCode::BadField].contains(&refusal_of(reply));
    let email = || {
        UserCall::UpdateAccount(ProfileUpdate {
            email: Change::Set("n@x.org".to_owned()),
            ..Default::default()
        })
    };
    assert!(refused(wire.call(UserCall::DeleteProvenAccount).await.unwrap()));
    assert!(refused(wire.call(email()).await.unwrap()));
    assert_eq!(refusal_of(prove(&mut wire, OTHER_PASSWORD).await), RefusalCode::WrongCredentials);
    assert!(refused(wire.call(UserCall::DeleteProvenAccount).await.unwrap()));
    assert!(matches!(prove(&mut wire, PASSWORD).await, UserReply::PasswordProven));
    assert!(matches!(wire.call(email()).await.unwrap(), UserReply::AccountUpdated(_)));
    assert!(refused(wire.call(email()).await.unwrap()), "a proof was used twice");
    // The login's own proof moves a hash to OPAQUE and nothing else; here there is none to move.
    let (mut wire, _) = logged_in(&server, "naman", PASSWORD).await;
    let envelope = seal(&mut wire, OTHER_PASSWORD, |request| UserCall::StartNewPassword { request }).await;
    assert!(refused(wire.call(UserCall::FinishMigration { envelope }).await.unwrap()));
    let (mut wire, _) = logged_in(&server, "naman", PASSWORD).await;
    assert!(refused(seal_new_password(&mut wire, OTHER_PASSWORD).await));
    logged_in(&server, "naman", PASSWORD).await;
}

#[tokio::test]
async fn bent_and_cut_messages_open_nothing_and_break_nothing() {
    let server = Server::start();
    register(&server, "naman", PASSWORD).await;
    let mut wire = server.connect().await;
    for at in 0..64 {
        server.let_everybody_try_again().await;
        let halfway = Halfway::login(&mut wire, "naman", PASSWORD).await;
        // Stretching each time would test the client; KE3 of another exchange, bent, is as good.
        let mut ke3 = if at == 0 { halfway.ke3(&wire).unwrap() } else { vec![0x11; 64] };
        ke3[at] ^= 1 << (at % 8);
        assert_eq!(
            refusal_of(wire.call(finish_login(ke3)).await.unwrap()),
            RefusalCode::WrongCredentials,
            "{at}"
        );
    }
    for length in [0, 1, 63, 65, 1000] {
        server.let_everybody_try_again().await;
        Halfway::login(&mut wire, "naman", PASSWORD).await;
        let refused = refusal_of(wire.call(finish_login(vec![7; length])).await.unwrap());
        assert_eq!(refused, RefusalCode::WrongCredentials, "{length}");
    }
    for length in [0, 95, 97, 2000] {
        let call = UserCall::StartLogin { name: "naman".to_owned(), ke1: vec![7; length] };
        assert_eq!(refusal_of(wire.call(call).await.unwrap()), RefusalCode::BadField, "{length}");
        let call = UserCall::StartRegistration { name: "other".to_owned(), request: vec![7; length] };
        assert_eq!(refusal_of(wire.call(call).await.unwrap()), RefusalCode::BadField, "{length}");
    }
    let start = |request| UserCall::StartRegistration { name: "other".to_owned(), request };
    let mut envelope = seal(&mut wire, PASSWORD, start).await;
    envelope.upload.push(0);
    let finish =
        UserCall::FinishRegistration { name: "other".to_owned(), envelope, profile: Profile::default() };
    assert_eq!(refusal_of(wire.call(finish).await.unwrap()), RefusalCode::BadField);
    server.let_everybody_try_again().await;
    logged_in(&server, "naman", PASSWORD).await;
}

#[tokio::test]
async fn sec_0033_a_relay_that_the_client_was_fooled_into_trusting_cannot_complete_a_login() {
    let server = Server::start();
    register(&server, "naman", PASSWORD).await;
    // Its own CA and certificate, which the client trusts; its own TLS to the real server; bytes passed as they are.
    let fake = Server::start();
    let identity = fake.certs().load_server().unwrap();
    let acceptor = TlsAcceptor::from(config::user_server(&identity).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (to_server, address) = (config::user_client(&server.trust()).unwrap(), server.user);
    tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut client = acceptor.accept(tcp).await.unwrap();
        let tcp = TcpStream::connect(address).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let mut server = TlsConnector::from(to_server).connect(name, tcp).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    });
    let tls = config::user_client(&fake.trust()).unwrap();
    let mut wire: UserWire = Wire::connect("localhost", port, tls, USER_ALPN).await.unwrap();
    assert!(matches!(wire.call(UserCall::DescribeServer).await.unwrap(), UserReply::ServerDescribed(_)));
    let halfway = Halfway::login(&mut wire, "naman", PASSWORD).await;
    assert!(halfway.ke3(&wire).is_err(), "the client did not notice the relay");
    assert_eq!(refusal_of(log_in(&mut wire, "naman", PASSWORD).await), RefusalCode::WrongCredentials);
    logged_in(&server, "naman", PASSWORD).await;
}

#[tokio::test]
async fn an_account_with_a_hash_moves_to_opaque_in_one_session_and_never_back() {
    let server = Server::start();
    server.register("naman").await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let envelope = seal(&mut wire, PASSWORD, |request| UserCall::StartNewPassword { request }).await;
    let moved = wire.call(UserCall::FinishMigration { envelope }).await.unwrap();
    assert!(matches!(moved, UserReply::CredentialMigrated));
    // Until the envelope is proven to work, the password still does.
    assert_eq!(kind_of(&server, "naman").await, "argon2id");
    server.log_in("naman", PASSWORD).await;
    assert!(matches!(prove(&mut wire, PASSWORD).await, UserReply::PasswordProven));
    assert_eq!(kind_of(&server, "naman").await, "opaque");
    let again = server.connect().await.call(login("naman", PASSWORD)).await.unwrap();
    assert_eq!(refusal_of(again), RefusalCode::WrongCredentials);
    logged_in(&server, "naman", PASSWORD).await;
}

#[tokio::test]
async fn a_login_by_opaque_ends_the_password_path_of_an_account_that_was_half_moved() {
    let server = Server::start();
    server.register("naman").await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let envelope = seal(&mut wire, PASSWORD, |request| UserCall::StartNewPassword { request }).await;
    wire.call(UserCall::FinishMigration { envelope }).await.unwrap();
    drop(wire);
    logged_in(&server, "naman", PASSWORD).await;
    let clear = server.connect().await.call(login("naman", PASSWORD)).await.unwrap();
    assert_eq!(refusal_of(clear), RefusalCode::WrongCredentials);
}

#[tokio::test]
async fn a_new_password_by_hash_takes_the_place_of_an_envelope_that_was_never_proven() {
    let server = Server::start();
    server.register("naman").await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let envelope = seal(&mut wire, PASSWORD, |request| UserCall::StartNewPassword { request }).await;
    wire.call(UserCall::FinishMigration { envelope }).await.unwrap();
    let change = UserCall::ChangePassword { current: secret(PASSWORD), new: secret(OTHER_PASSWORD) };
    assert!(matches!(wire.call(change).await.unwrap(), UserReply::PasswordChanged(_)));
    let stale = log_in(&mut server.connect().await, "naman", PASSWORD).await;
    assert_eq!(refusal_of(stale), RefusalCode::WrongCredentials);
    server.log_in("naman", OTHER_PASSWORD).await;
}

#[tokio::test]
async fn sec_0034_opaque_only_closes_every_path_that_takes_a_password() {
    let server = Server::start_with("password_mode = \"opaque_only\"");
    register(&server, "naman", PASSWORD).await;
    let (mut wire, _) = logged_in(&server, "naman", PASSWORD).await;
    let email = ProfileUpdate {
        email: Change::Set("n@x.org".to_owned()),
        password: Some(secret(PASSWORD)),
        ..ProfileUpdate::default()
    };
    for call in [
        registration("anirudh", PASSWORD),
        login("naman", PASSWORD),
        UserCall::ChangePassword { current: secret(PASSWORD), new: secret(OTHER_PASSWORD) },
        UserCall::DeleteAccount { password: secret(PASSWORD) },
        UserCall::UpdateAccount(email),
        UserCall::RedeemResetCode {
            name: "naman".to_owned(),
            code: secret("x"),
            new: secret(OTHER_PASSWORD),
        },
    ] {
        let shown = format!("{call:?}");
        assert_eq!(refusal_of(wire.call(call).await.unwrap()), RefusalCode::PasswordRefused, "{shown}");
    }
    assert!(!Halfway::login(&mut wire, "naman", PASSWORD).await.takes_passwords);
}

#[tokio::test]
async fn a_one_time_code_seals_a_password_that_the_server_never_sees() {
    let server = Server::start();
    server.register("naman").await;
    let AdminReply::CodeIssued { code, .. } =
        server.operate(AdminCall::ResetAccount { name: "naman".to_owned() }).await
    else {
        panic!("no code")
    };
    let mut wire = server.connect().await;
    for (tried, refused) in
        [("00000-00000-00000-00000", true), (code.expose_secret(), false), (code.expose_secret(), true)]
    {
        let start = |request| UserCall::StartReset { name: "naman".to_owned(), request };
        let envelope = seal(&mut wire, OTHER_PASSWORD, start).await;
        let call = UserCall::FinishReset { name: "naman".to_owned(), code: secret(tried), envelope };
        let reply = wire.call(call).await.unwrap();
        match refused {
            true => assert_eq!(refusal_of(reply), RefusalCode::WrongCredentials),
            false => assert!(matches!(reply, UserReply::PasswordReset { .. })),
        }
    }
    assert_eq!(kind_of(&server, "naman").await, "opaque");
    logged_in(&server, "naman", OTHER_PASSWORD).await;
}

#[tokio::test]
async fn the_client_moves_an_account_with_a_hash_at_its_next_login_and_sends_no_password_again() {
    let server = Server::start();
    server.register("naman").await;
    let person = Person::new();
    // `vestryctl` and `vestry` are programs: they must not hold up the server's runtime, which is another process.
    person.join(&server);
    person.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    assert_eq!(kind_of(&server, "naman").await, "opaque");
    person.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    person.vestry(&["login", "naman", "--password-stdin"], OTHER_PASSWORD).ended_with(77);
    let events = server.select("select action, detail from audit where action like 'credential%'").await;
    assert_eq!(events, [["credential.migrated", "stored"], ["credential.migrated", "proven"]]);
}

#[test]
fn a_lost_or_foreign_opaque_key_is_named_and_the_server_does_not_start() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    Server::init(folder.path(), "");
    // The first start writes down which secrets the database belongs to.
    Server::start_in(folder.clone()).stop();
    let run = |command: &str| {
        let done = Command::new(program("vestryd"))
            .arg(command)
            .arg("--data-dir")
            .arg(folder.path())
            .output()
            .unwrap();
        let said = [done.stdout, done.stderr].concat();
        (done.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    let other = tempfile::tempdir().unwrap();
    Server::init(other.path(), "");
    for secret in ["opaque.key", "pepper"] {
        let path = folder.path().join("secrets").join(secret);
        let own = std::fs::read(&path).unwrap();
        std::fs::copy(other.path().join("secrets").join(secret), &path).unwrap();
        for command in ["serve", "check"] {
            let (code, said) = run(command);
            assert_eq!(code, Some(78), "{said}");
            assert!(said.contains(&format!("secrets/{secret} is not the one")), "{said}");
        }
        std::fs::remove_file(&path).unwrap();
        let (code, said) = run("serve");
        assert_eq!(code, Some(78), "{said}");
        assert!(said.contains(secret) && said.contains("missing"), "{said}");
        assert_eq!(run("init").0, Some(78), "init made a new secret for an old database");
        std::fs::write(&path, own).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    Server::start_in(folder).stop();
}

#[tokio::test]
async fn five_hundred_logins_at_once_leave_memory_flat() {
    let server = Arc::new(Server::start());
    // No more than five tries of one account are under way at once.
    for person in 0..100 {
        light::register(&server, &format!("person{person}")).await;
    }
    let peak_kib = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    let before = peak_kib();
    let tries: Vec<_> = (0..500)
        .map(|number| {
            let server = server.clone();
            tokio::spawn(async move {
                let mut wire = server.connect().await;
                let reply = light::log_in(&mut wire, &format!("person{}", number % 100)).await;
                assert!(matches!(reply, UserReply::LoggedIn(_)), "{reply:?}");
            })
        })
        .collect();
    for attempt in tries {
        attempt.await.unwrap();
    }
    let grown = peak_kib() - before;
    assert!(grown < 24 * 1024, "{grown} KiB more at the peak");
}
