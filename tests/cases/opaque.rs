//! Logins by OPAQUE: who gets through, who does not, and what happens to exchanges that are cut, mixed up, replayed,
//! bent or relayed. And how an account that was imported moves from its password hash to OPAQUE, and never back.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use vestry_client::Wire;
use vestry_protocol::USER_ALPN;
use vestry_protocol::admin::AdminCall;
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::{Change, Envelope, Profile, ProfileUpdate, Stretching, UserCall, UserReply};
use vestry_tests::harness::{
    OTHER_PASSWORD, PASSWORD, Server, UserWire, imported_login, program, refusal_of, secret, token_again,
    with_settings,
};
use vestry_tests::imported::import;
use vestry_tests::light::{
    self, Halfway, change_password, finish_login, log_in, prove, prove_and, reset, seal, set_new_password,
    start_login,
};
use vestry_tests::programs::Person;
use vestry_tests::talk::{Operator, Refusable, User, logged_in};
use vestry_tls::config;

async fn kind_of(server: &Server, name: &str) -> String {
    server.select(&format!("select credential from accounts where name = '{name}'")).await[0][0].clone()
}

fn show() -> UserCall {
    UserCall::ShowAccount
}

fn email() -> UserCall {
    let email = Change::Set("n@example.org".to_owned());
    UserCall::UpdateAccount(ProfileUpdate { email, ..ProfileUpdate::default() })
}

/// A first login with an imported password, on a connection of its own.
async fn enter_imported(server: &Server, name: &str, password: &str) -> UserReply {
    server.connect().await.call(imported_login(name, password)).await.unwrap()
}

#[tokio::test]
async fn an_account_is_made_used_and_changed_without_its_password_ever_being_sent() {
    let server = Server::start();
    server.register("naman").await;
    assert_eq!(kind_of(&server, "naman").await, "opaque");
    let (mut wire, old) = server.log_in("naman", PASSWORD).await;
    assert!(matches!(wire.call(show()).await.unwrap(), UserReply::AccountShown(_)));
    let updated = prove_and(&mut wire, PASSWORD, email()).await;
    assert!(matches!(updated, UserReply::AccountUpdated(_)), "{updated:?}");
    let changed = change_password(&mut wire, PASSWORD, OTHER_PASSWORD).await;
    assert!(matches!(changed, UserReply::PasswordChanged(_)), "{changed:?}");
    server
        .connect()
        .await
        .ask(UserCall::ResumeSession { token: old.token })
        .await
        .expect_refusal(RefusalCode::SessionEnded);
    assert!(server.refused_login("naman", PASSWORD).await.is(RefusalCode::WrongCredentials));
    let (mut wire, _) = server.log_in("naman", OTHER_PASSWORD).await;
    let deleted = prove_and(&mut wire, OTHER_PASSWORD, UserCall::DeleteAccount).await;
    assert!(matches!(deleted, UserReply::AccountDeleted { .. }), "{deleted:?}");
    assert!(server.refused_login("naman", OTHER_PASSWORD).await.is(RefusalCode::WrongCredentials));
}

#[tokio::test]
async fn sec_0029_every_account_state_answers_opaque_as_it_answers_a_password() {
    let server = Server::start_with("hashing.imported_login_ms = 500");
    for name in ["naman", "barred", "erased"] {
        server.register(name).await;
    }
    import(&server, &[("hashed", PASSWORD), ("stopped", PASSWORD), ("gone", PASSWORD)]).await;
    let name = |name: &str| name.to_owned();
    for barred in ["barred", "stopped"] {
        server.operate(AdminCall::SuspendAccount { name: name(barred), until: None, reason: None }).await;
    }
    for erased in ["erased", "gone"] {
        server.operate(AdminCall::DeleteAccount { name: name(erased) }).await;
    }
    server.operate(AdminCall::CreateAccount { name: name("invited"), profile: Profile::default() }).await;
    // By OPAQUE, and by the call that takes a password: each opens what is of its own kind and nothing else.
    let (wrong, barred) = (Some(RefusalCode::WrongCredentials), Some(RefusalCode::Suspended));
    let cases = [
        ("naman", PASSWORD, None, wrong),
        ("naman", OTHER_PASSWORD, wrong, wrong),
        ("barred", PASSWORD, barred, wrong),
        ("barred", OTHER_PASSWORD, wrong, wrong),
        ("erased", PASSWORD, wrong, wrong),
        ("invited", PASSWORD, wrong, wrong),
        ("hashed", OTHER_PASSWORD, wrong, wrong),
        ("hashed", PASSWORD, wrong, None),
        ("stopped", OTHER_PASSWORD, wrong, wrong),
        ("stopped", PASSWORD, wrong, barred),
        ("gone", PASSWORD, wrong, wrong),
        ("nobody-here", PASSWORD, wrong, wrong),
        ("not a name!", PASSWORD, wrong, wrong),
    ];
    let mut refusals = Vec::new();
    for (name, password, by_opaque, by_password) in cases {
        server.let_everybody_try_again().await;
        let proven = log_in(&mut server.connect().await, name, password).await;
        let sent = enter_imported(&server, name, password).await;
        for (reply, expected) in [(proven, by_opaque), (sent, by_password)] {
            match (reply, expected) {
                (UserReply::LoggedIn(_), None) => {}
                (UserReply::Refused(refusal), Some(code)) => {
                    assert!(refusal.is(code), "{name}: {refusal:?}");
                    refusals.extend((code == RefusalCode::WrongCredentials).then_some(refusal));
                }
                (other, _) => panic!("{name}: {other:?}"),
            }
        }
    }
    assert_eq!(refusals.len(), 22);
    assert!(refusals.windows(2).all(|pair| pair[0] == pair[1]), "{refusals:?}");
}

#[tokio::test]
async fn sec_0030_an_opaque_account_takes_its_password_on_no_path_whoever_sends_it() {
    let server = Server::start_with("hashing.imported_login_ms = 500");
    server.register("naman").await;
    import(&server, &[("shubham", PASSWORD)]).await;
    assert!(matches!(enter_imported(&server, "shubham", PASSWORD).await, UserReply::LoggedIn(_)));
    // The only call that takes a password: of an account that registered, and of one whose hash is gone.
    for name in ["naman", "shubham"] {
        let mut wire = server.connect().await;
        let sent = wire.call(imported_login(name, PASSWORD)).await.unwrap();
        assert_eq!(refusal_of(sent), RefusalCode::WrongCredentials, "{name}");
        Halfway::login(&mut wire, name, PASSWORD).await;
        let sent = wire.call(imported_login(name, PASSWORD)).await.unwrap();
        assert_eq!(refusal_of(sent), RefusalCode::WrongCredentials, "{name}");
        wire.ask(show()).await.expect_refusal(RefusalCode::NotLoggedIn);
        assert_eq!(kind_of(&server, name).await, "opaque");
    }
    // A one-time code leads to OPAQUE and nowhere else, and nothing leads back from there.
    let code = server.issue_code("shubham").await;
    let redeemed = reset(&mut server.connect().await, "shubham", code.expose_secret(), OTHER_PASSWORD).await;
    assert!(matches!(redeemed, UserReply::PasswordReset { .. }), "{redeemed:?}");
    for password in [PASSWORD, OTHER_PASSWORD] {
        enter_imported(&server, "shubham", password).await.expect_refusal(RefusalCode::WrongCredentials);
    }
    server.log_in("shubham", OTHER_PASSWORD).await;
    // Within a session a proof is one of OPAQUE, or none.
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    wire.ask(imported_login("naman", PASSWORD)).await.expect_refusal(RefusalCode::WrongCredentials);
    wire.ask(UserCall::DeleteAccount).await.expect_refusal(RefusalCode::NotProven);
}

#[tokio::test]
async fn sec_0031_half_finished_exchanges_are_never_mixed_up_or_used_twice() {
    let server = Server::start();
    for name in ["naman", "anirudh"] {
        server.register(name).await;
    }
    let refused = |reply| refusal_of(reply) == RefusalCode::NotStarted;
    let mut wire = server.connect().await;
    // Nothing was started.
    assert!(refused(wire.call(finish_login(vec![0; 64])).await.unwrap()));
    // The second start throws the first away: its KE3 does not fit, and uses the second up.
    let first = Halfway::login(&mut wire, "naman", PASSWORD).await;
    let second = Halfway::login(&mut wire, "anirudh", PASSWORD).await;
    let (first, second) = (first.ke3(&wire).unwrap(), second.ke3(&wire).unwrap());
    wire.ask(finish_login(first)).await.expect_refusal(RefusalCode::WrongCredentials);
    assert!(refused(wire.call(finish_login(second)).await.unwrap()));
    wire.ask(show()).await.expect_refusal(RefusalCode::NotLoggedIn);
    // A KE3 that got through does not get through again, here or on another connection.
    let halfway = Halfway::login(&mut wire, "naman", PASSWORD).await;
    let ke3 = halfway.ke3(&wire).unwrap();
    assert!(matches!(wire.call(finish_login(ke3.clone())).await.unwrap(), UserReply::LoggedIn(_)));
    assert!(refused(wire.call(finish_login(ke3.clone())).await.unwrap()));
    let mut other = server.connect().await;
    Halfway::login(&mut other, "naman", PASSWORD).await;
    other.ask(finish_login(ke3)).await.expect_refusal(RefusalCode::WrongCredentials);
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
    logged_in(log_in(&mut wire, "anirudh", PASSWORD).await);
    assert!(refused(wire.call(UserCall::FinishProof { ke3 }).await.unwrap()));
    // One slot for all kinds: each first half throws the one before it away, and each second half fits its own kind alone.
    server.let_everybody_try_again().await;
    let code = server.issue_code("naman").await;
    assert!(matches!(prove(&mut wire, PASSWORD).await, UserReply::PasswordProven));
    let of_new_password = seal(&mut wire, PASSWORD, |request| UserCall::StartNewPassword { request }).await;
    let finish = UserCall::FinishReset { envelope: of_new_password.unwrap() };
    assert!(refused(wire.call(finish).await.unwrap()));
    let (name, code) = ("naman".to_owned(), secret(code.expose_secret()));
    let of_reset = seal(&mut wire, PASSWORD, |request| UserCall::StartReset { name, code, request }).await;
    let finish = UserCall::FinishNewPassword { envelope: of_reset.unwrap() };
    assert!(refused(wire.call(finish).await.unwrap()));
    let name = "navneet".to_owned();
    let of_name =
        seal(&mut wire, PASSWORD, |request| UserCall::StartRegistration { name, request, invitation: None })
            .await;
    let finish = UserCall::FinishNewPassword { envelope: of_name.unwrap() };
    assert!(refused(wire.call(finish).await.unwrap()));
    let accounts = server.select("select name from accounts order by name").await;
    assert_eq!(accounts, [["anirudh"], ["naman"]]);
    server.log_in("naman", PASSWORD).await;
}

#[tokio::test]
async fn sec_0066_a_login_begun_before_a_password_change_opens_nothing() {
    let server = Server::start();
    server.register("naman").await;
    let mut late = server.connect().await;
    let ke3 = Halfway::login(&mut late, "naman", PASSWORD).await.ke3(&late).unwrap();
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let changed = change_password(&mut wire, PASSWORD, OTHER_PASSWORD).await;
    assert!(matches!(changed, UserReply::PasswordChanged(_)));
    late.ask(finish_login(ke3)).await.expect_refusal(RefusalCode::WrongCredentials);
    late.ask(show()).await.expect_refusal(RefusalCode::NotLoggedIn);
    // The same with a code in the place of the change, and with the second half of another change.
    let mut late = server.connect().await;
    let ke3 = Halfway::login(&mut late, "naman", OTHER_PASSWORD).await.ke3(&late).unwrap();
    let code = server.issue_code("naman").await;
    let redeemed = reset(&mut server.connect().await, "naman", code.expose_secret(), PASSWORD).await;
    assert!(matches!(redeemed, UserReply::PasswordReset { .. }));
    late.ask(finish_login(ke3)).await.expect_refusal(RefusalCode::WrongCredentials);
    late.ask(show()).await.expect_refusal(RefusalCode::NotLoggedIn);
    let (mut slow, _) = server.log_in("naman", PASSWORD).await;
    assert!(matches!(prove(&mut slow, PASSWORD).await, UserReply::PasswordProven));
    let envelope =
        seal(&mut slow, "a password that comes too late", |request| UserCall::StartNewPassword { request });
    let envelope = envelope.await.unwrap();
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let changed = change_password(&mut wire, PASSWORD, OTHER_PASSWORD).await;
    assert!(matches!(changed, UserReply::PasswordChanged(_)));
    slow.ask(UserCall::FinishNewPassword { envelope }).await.expect_refusal(RefusalCode::SessionEnded);
    server.log_in("naman", OTHER_PASSWORD).await;
}

#[tokio::test]
async fn sec_0032_a_proof_is_asked_for_each_time_and_a_login_is_not_one() {
    let server = Server::start();
    server.register("naman").await;
    let refused = |reply| refusal_of(reply) == RefusalCode::NotProven;
    let start = || UserCall::StartNewPassword { request: light::any_request() };
    let calls: [fn() -> UserCall; 2] = [email, || UserCall::DeleteAccount];
    let (mut wire, session) = server.log_in("naman", PASSWORD).await;
    for call in calls {
        assert!(refused(wire.call(call()).await.unwrap()), "a login was taken for a proof");
    }
    assert!(refused(wire.call(start()).await.unwrap()), "a login was taken for a proof");
    prove(&mut wire, OTHER_PASSWORD).await.expect_refusal(RefusalCode::WrongCredentials);
    assert!(refused(wire.call(UserCall::DeleteAccount).await.unwrap()), "a failed proof was taken");
    // Each use uses it up, whatever comes behind.
    let updated = prove_and(&mut wire, PASSWORD, email()).await;
    assert!(matches!(updated, UserReply::AccountUpdated(_)), "{updated:?}");
    for call in calls {
        assert!(refused(wire.call(call()).await.unwrap()), "a proof was used twice");
    }
    let begun = prove_and(&mut wire, PASSWORD, start()).await;
    assert!(matches!(begun, UserReply::NewPasswordStarted { .. }), "{begun:?}");
    for call in calls {
        assert!(refused(wire.call(call()).await.unwrap()), "a first half left its proof");
    }
    assert!(refused(wire.call(start()).await.unwrap()), "a first half left its proof");
    // It is of one connection and one session.
    assert!(matches!(prove(&mut wire, PASSWORD).await, UserReply::PasswordProven));
    let mut other = server.connect().await;
    other.call(UserCall::ResumeSession { token: token_again(&session.token) }).await.unwrap();
    assert!(
        refused(other.call(UserCall::DeleteAccount).await.unwrap()),
        "a proof crossed to another connection"
    );
    logged_in(log_in(&mut wire, "naman", PASSWORD).await);
    assert!(refused(wire.call(UserCall::DeleteAccount).await.unwrap()), "a proof crossed to another session");
    // A new password does not prove itself.
    let changed = change_password(&mut wire, PASSWORD, OTHER_PASSWORD).await;
    assert!(matches!(changed, UserReply::PasswordChanged(_)), "{changed:?}");
    for call in calls {
        assert!(refused(wire.call(call()).await.unwrap()), "a new password was taken for a proof");
    }
    assert!(refused(set_new_password(&mut wire, PASSWORD).await));
    server.log_in("naman", OTHER_PASSWORD).await;
}

#[tokio::test]
async fn bent_and_cut_messages_open_nothing_and_break_nothing() {
    let server = Server::start();
    server.register("naman").await;
    let mut wire = server.connect().await;
    for at in 0..64 {
        server.let_everybody_try_again().await;
        let halfway = Halfway::login(&mut wire, "naman", PASSWORD).await;
        let mut ke3 = halfway.ke3(&wire).unwrap();
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
        let call = start_login("naman", None)(vec![7; length]);
        assert_eq!(refusal_of(wire.call(call).await.unwrap()), RefusalCode::BadField, "{length}");
        let call = UserCall::StartRegistration {
            name: "other".to_owned(),
            request: vec![7; length],
            invitation: None,
        };
        assert_eq!(refusal_of(wire.call(call).await.unwrap()), RefusalCode::BadField, "{length}");
    }
    let start = |request| UserCall::StartRegistration { name: "other".to_owned(), request, invitation: None };
    let whole = seal(&mut wire, PASSWORD, start).await.unwrap();
    let bends: [fn(&mut Vec<u8>); 3] =
        [|upload| upload.push(0), |upload| upload.truncate(191), |upload| upload[..32].fill(0xff)];
    for bend in bends {
        let mut upload = whole.upload.clone();
        bend(&mut upload);
        let envelope = Envelope { upload, stretching: whole.stretching };
        let finish = UserCall::FinishRegistration { envelope, profile: Profile::default() };
        wire.ask(finish).await.expect_refusal(RefusalCode::BadField);
    }
    assert_eq!(server.select("select name from accounts").await, [["naman"]]);
    server.let_everybody_try_again().await;
    server.log_in("naman", PASSWORD).await;
}

#[tokio::test]
async fn sec_0033_a_relay_that_the_client_trusts_cannot_complete_a_login() {
    let server = Server::start();
    server.register("naman").await;
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
    wire.describe().await;
    let halfway = Halfway::login(&mut wire, "naman", PASSWORD).await;
    assert!(halfway.ke3(&wire).is_err(), "the client did not notice the relay");
    log_in(&mut wire, "naman", PASSWORD).await.expect_refusal(RefusalCode::WrongCredentials);
    server.log_in("naman", PASSWORD).await;
}

/// Were the cost the client's to choose, an account at another cost could be told from a name without one, which is answered
/// with the server's.
#[tokio::test]
async fn an_envelope_of_another_cost_is_refused_and_every_answer_has_the_same_cost() {
    let server = Server::start_with("hashing.imported_login_ms = 500");
    server.register("naman").await;
    import(&server, &[("imported", PASSWORD), ("entered", PASSWORD)]).await;
    assert!(matches!(enter_imported(&server, "entered", PASSWORD).await, UserReply::LoggedIn(_)));
    let mut wire = server.connect().await;
    let asked = Stretching { memory_kib: 65_536, iterations: 6, parallelism: 1 };
    for name in ["naman", "imported", "entered", "nobody-here", "not a name!"] {
        let reply = wire.call(start_login(name, None)(light::any_ke1())).await.unwrap();
        let UserReply::LoginStarted { ke2, stretching } = reply else { panic!("{reply:?}") };
        assert_eq!((ke2.len(), stretching), (320, asked), "{name}");
    }
    let others = [
        Stretching { memory_kib: 19_456, iterations: 2, parallelism: 1 },
        Stretching { iterations: 7, ..asked },
        Stretching { memory_kib: u32::MAX, ..asked },
    ];
    let (mut session, _) = server.log_in("naman", PASSWORD).await;
    let code = server.issue_code("naman").await;
    for stretching in others {
        server.let_everybody_try_again().await;
        let bend = |envelope: Result<Envelope, UserReply>| Envelope { stretching, ..envelope.unwrap() };
        let start =
            |request| UserCall::StartRegistration { name: "late".to_owned(), request, invitation: None };
        let envelope = bend(seal(&mut wire, PASSWORD, start).await);
        let finish = UserCall::FinishRegistration { envelope, profile: Profile::default() };
        wire.ask(finish).await.expect_refusal(RefusalCode::BadField);
        assert!(matches!(prove(&mut session, PASSWORD).await, UserReply::PasswordProven));
        let start = |request| UserCall::StartNewPassword { request };
        let envelope = bend(seal(&mut session, OTHER_PASSWORD, start).await);
        let finish = UserCall::FinishNewPassword { envelope };
        session.ask(finish).await.expect_refusal(RefusalCode::BadField);
        let (name, code) = ("naman".to_owned(), secret(code.expose_secret()));
        let start = |request| UserCall::StartReset { name, code, request };
        let envelope = bend(seal(&mut wire, OTHER_PASSWORD, start).await);
        wire.ask(UserCall::FinishReset { envelope }).await.expect_refusal(RefusalCode::BadField);
    }
    server.log_in("naman", PASSWORD).await;
}

#[tokio::test]
async fn an_account_with_a_hash_moves_to_opaque_in_one_session_and_never_back() {
    let server = Server::start_with("hashing.imported_login_ms = 500");
    import(&server, &[("naman", PASSWORD)]).await;
    assert_eq!(kind_of(&server, "naman").await, "imported");
    let wrong = enter_imported(&server, "naman", OTHER_PASSWORD).await;
    wrong.expect_refusal(RefusalCode::WrongCredentials);
    assert_eq!(kind_of(&server, "naman").await, "imported", "a wrong password was sealed");
    // The attempt of an OPAQUE login that cannot succeed goes on with the password itself.
    let mut wire = server.connect().await;
    assert!(Halfway::login(&mut wire, "naman", PASSWORD).await.ke3(&wire).is_err());
    let entered = wire.call(imported_login("NAMAN", PASSWORD)).await.unwrap();
    let session = logged_in(entered);
    assert_eq!((session.name.as_str(), session.last_login), ("naman", None));
    assert!(matches!(wire.call(show()).await.unwrap(), UserReply::AccountShown(_)));
    assert_eq!(kind_of(&server, "naman").await, "opaque");
    let events =
        "select action, detail from audit where subject = 'naman' and action like 'login.%' order by id";
    let expected = [["login.failed", ""], ["login.ok", "with an imported password, which is sealed now"]];
    assert_eq!(server.select(events).await, expected);
    enter_imported(&server, "naman", PASSWORD).await.expect_refusal(RefusalCode::WrongCredentials);
    // The server sealed it as a client would: stretched, so that a client that does not stretch is out.
    assert!(server.refused_login("naman", PASSWORD).await.is(RefusalCode::WrongCredentials));
    let password = vestry_protocol::fields::Password::parse(&secret(PASSWORD)).unwrap();
    let mut random = vestry_opaque::SystemRandom::open().unwrap();
    let (proving, ke1) = vestry_opaque::ProvingPassword::start(&password, &mut random).unwrap();
    let mut wire = server.connect().await;
    let started = wire.call(start_login("naman", None)(ke1)).await.unwrap();
    let UserReply::LoginStarted { ke2, stretching } = started else { panic!("{started:?}") };
    let cost = vestry_protocol::fields::StretchingCost::parse(stretching).unwrap();
    let ke3 = proving
        .finish(
            &ke2,
            cost,
            &mut vestry_opaque::StretchingMemory::default(),
            &wire.exporter().unwrap(),
            &mut random,
        )
        .unwrap();
    logged_in(wire.call(finish_login(ke3)).await.unwrap());
}

/// Two logins with the imported password at once: one of them seals it, and the other one's proof is of a hash that is gone.
#[tokio::test]
async fn sec_0080_logins_at_once_seal_an_imported_password_once() {
    let server = Arc::new(Server::start_with(
        "hashing.imported_login_ms = 500
hashing.threads = 4",
    ));
    import(&server, &[("naman", PASSWORD)]).await;
    let tries: Vec<_> = (0..4)
        .map(|_| {
            let server = server.clone();
            tokio::spawn(async move {
                match enter_imported(&server, "naman", PASSWORD).await {
                    UserReply::LoggedIn(_) => true,
                    other => {
                        other.expect_refusal(RefusalCode::WrongCredentials);
                        false
                    }
                }
            })
        })
        .collect();
    assert_eq!(vestry_tests::harness::how_many_won(tries).await, 1);
    let opened = server.select("select count(*) from audit where action = 'login.ok'").await;
    assert_eq!(opened, [["1"]]);
}

#[tokio::test]
async fn a_weak_imported_password_logs_in_and_its_user_is_told_until_it_is_changed() {
    let server = Server::start_with("hashing.imported_login_ms = 500");
    import(&server, &[("naman", "naman1"), ("anirudh", PASSWORD)]).await;
    let notices = async |wire: &mut UserWire| match wire.call(UserCall::ShowNotices).await.unwrap() {
        UserReply::NoticesShown(notices) => notices,
        other => panic!("{other:?}"),
    };
    let mut wire = server.connect().await;
    assert!(matches!(wire.call(imported_login("anirudh", PASSWORD)).await.unwrap(), UserReply::LoggedIn(_)));
    assert!(!notices(&mut wire).await.password_is_weak);
    let person = Person::new();
    person.join(&server);
    let first = ["login", "naman", "--imported", "--password-stdin"];
    let told = person.vestry(&first, "naman1").ended_with(0);
    assert!(told.err.contains("easy to guess"), "{}", told.err);
    let both = format!("naman1\n{OTHER_PASSWORD}");
    person.vestry(&["passwd", "--password-stdin"], &both).ended_with(0);
    let told = person.vestry(&["login", "naman", "--password-stdin"], OTHER_PASSWORD).ended_with(0);
    assert!(!told.err.contains("easy to guess"), "{}", told.err);
}

#[tokio::test]
async fn sec_0034_opaque_only_closes_every_path_that_takes_a_password() {
    let server = Server::start_with("accounts.password_mode = \"opaque_only\"");
    server.register("naman").await;
    import(&server, &[("imported", PASSWORD)]).await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    for name in ["imported", "naman", "nobody-here", "not a name!"] {
        for sent in [
            server.connect().await.call(imported_login(name, PASSWORD)).await.unwrap(),
            wire.call(imported_login(name, OTHER_PASSWORD)).await.unwrap(),
        ] {
            assert_eq!(refusal_of(sent), RefusalCode::PasswordsNotTaken, "{name}");
        }
    }
    assert_eq!(kind_of(&server, "imported").await, "imported");
    // It is the only call with a password: a new one does not compile before it is judged here.
    for example in vestry_tests::vectors::examples() {
        let shown = format!("{:?}", example.message);
        let is_the_call = example.name.starts_with("user/request-log-in-imported");
        assert_eq!(shown.contains("password: SecretText"), is_the_call, "{}: {shown}", example.name);
    }
    // What is left for such an account is a one-time code.
    let code = server.issue_code("imported").await;
    let redeemed = reset(&mut server.connect().await, "imported", code.expose_secret(), OTHER_PASSWORD).await;
    assert!(matches!(redeemed, UserReply::PasswordReset { .. }), "{redeemed:?}");
    server.log_in("imported", OTHER_PASSWORD).await;
}

#[tokio::test]
async fn a_one_time_code_seals_a_password_that_the_server_never_sees() {
    let server = Server::start_with("hashing.imported_login_ms = 500");
    import(&server, &[("naman", PASSWORD)]).await;
    let code = server.issue_code("naman").await;
    let mut wire = server.connect().await;
    let code = code.expose_secret();
    for (tried, refused) in [
        ("00000-00000-00000-00000", Some(RefusalCode::WrongCode)),
        (code, None),
        (code, Some(RefusalCode::CodeUsed)),
    ] {
        let reply = reset(&mut wire, "naman", tried, OTHER_PASSWORD).await;
        match refused {
            None => assert!(matches!(reply, UserReply::PasswordReset { .. }), "{reply:?}"),
            Some(code) => assert_eq!(refusal_of(reply), code),
        }
    }
    assert_eq!(kind_of(&server, "naman").await, "opaque");
    server.log_in("naman", OTHER_PASSWORD).await;
    let hash = enter_imported(&server, "naman", PASSWORD).await;
    assert_eq!(refusal_of(hash), RefusalCode::WrongCredentials, "the hash outlived the code");
}

#[tokio::test]
async fn the_client_seals_an_imported_account_at_login_and_sends_no_password_again() {
    let server = Server::start_with("hashing.imported_login_ms = 500");
    import(&server, &[("naman", PASSWORD)]).await;
    let person = Person::new();
    // `vestryctl` and `vestry` are programs: they must not hold up the server's runtime, which is another process.
    person.join(&server);
    // Without its user's word nothing is sent.
    person.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(77);
    assert_eq!(kind_of(&server, "naman").await, "imported");
    let first = ["login", "naman", "--imported", "--password-stdin"];
    person.vestry(&first, PASSWORD).ended_with(0);
    assert_eq!(kind_of(&server, "naman").await, "opaque");
    person.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    person.vestry(&["login", "naman", "--password-stdin"], OTHER_PASSWORD).ended_with(77);
    let details = server.select("select detail from audit where action = 'login.ok' and detail <> ''").await;
    assert_eq!(details, [["with an imported password, which is sealed now"]]);
    // On this machine the account is known to be OPAQUE: a wrong password is not sent either, whatever is asked for. A server
    // that takes none tells which call came.
    let port = server.user.port();
    let folder = server.stop();
    let file = folder.path().join("vestryd.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replacen("127.0.0.1:0", &format!("127.0.0.1:{port}"), 1);
    std::fs::write(&file, with_settings(&text, "accounts.password_mode = \"opaque_only\"")).unwrap();
    let server = Server::start_in(folder);
    person.vestry(&first, OTHER_PASSWORD).ended_with(77);
    let stranger = Person::new();
    stranger.join(&server);
    let sent = stranger.vestry(&first, OTHER_PASSWORD).ended_with(77);
    assert!(sent.err.contains("takes no passwords"), "{}", sent.err);
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
    for secret in ["opaque.key", "pepper", "names.seed"] {
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

/// All of them are between their halves at the same moment: 250 users, and as many guesses at names without an account.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_logins_at_once_leave_memory_flat() {
    let limits = [
        "gate.registrations_per_address_max",
        "gate.registrations_per_network_max",
        "gate.attempts_per_address_max",
        "gate.attempts_per_network_max",
    ];
    let server = Arc::new(Server::start_with(&limits.map(|key| format!("{key} = 1000\n")).concat()));
    for person in 0..250 {
        server.register(&format!("person{person}")).await;
    }
    let peak_kib = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    let (before, halfway) = (peak_kib(), Arc::new(tokio::sync::Barrier::new(501)));
    let tries: Vec<_> = (0..500)
        .map(|number| {
            let (server, halfway) = (server.clone(), halfway.clone());
            let (is_known, name) = (number < 250, format!("person{number}"));
            tokio::spawn(async move {
                let mut wire = server.connect().await;
                let half = Halfway::login(&mut wire, &name, PASSWORD).await;
                halfway.wait().await;
                halfway.wait().await;
                let ke3 = half.ke3_or_zeros(&wire);
                match wire.call(finish_login(ke3)).await.unwrap() {
                    UserReply::LoggedIn(_) => assert!(is_known, "{name}"),
                    refused => {
                        assert!(!is_known, "{name}: {refused:?}");
                        assert_eq!(refusal_of(refused), RefusalCode::WrongCredentials, "{name}");
                    }
                }
            })
        })
        .collect();
    halfway.wait().await;
    let status = server.connect_as("admin").await.status().await;
    assert_eq!((status.connections, status.attempts_under_way), (500, 500));
    halfway.wait().await;
    for attempt in tries {
        attempt.await.unwrap();
    }
    let grown = peak_kib() - before;
    println!("{grown} KiB more at the peak, {} each", grown / 500);
    assert!(grown < 24 * 1024, "{grown} KiB more at the peak");
}
