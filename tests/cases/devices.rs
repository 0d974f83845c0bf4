//! Devices that logged in before: a token lets its holder try a password in a lane of its own, and opens nothing.

use crate::inside::Inside;
use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::secret::{DeviceToken, SessionToken};
use vestry_protocol::user::{UserCall, UserReply};
use vestry_tests::harness::{OTHER_PASSWORD, PASSWORD, Server, device_token_again, token_again};
use vestry_tests::light::{change_password, log_in_from, prove_and, reset};
use vestry_tests::talk::{Refusable, User, logged_in};

/// So many failures cost a lane nothing yet.
const FREE: usize = 5;

/// Whether the device of a token is remembered for an account; logs in to find out.
async fn is_known(server: &Server, name: &str, password: &str, token: &DeviceToken) -> bool {
    match log_in_from(&mut server.connect().await, name, password, Some(token)).await {
        UserReply::LoggedIn(session) => session.device_known,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_token_that_is_not_of_a_device_changes_nothing() {
    let server = Server::start();
    for name in ["naman", "anirudh"] {
        server.register(name).await;
    }
    let (mut wire, session) = server.log_in("naman", PASSWORD).await;
    let of_session = DeviceToken::from_bytes(*session.token.expose_secret());
    assert!(!is_known(&server, "naman", PASSWORD, &of_session).await, "a session's token was taken");
    let token = wire.remember().await;
    assert!(is_known(&server, "naman", PASSWORD, &token).await);
    assert!(!is_known(&server, "anirudh", PASSWORD, &token).await, "another account's token was taken");
    let as_session = SessionToken::from_bytes(*token.expose_secret());
    server
        .connect()
        .await
        .ask(UserCall::ResumeSession { token: as_session })
        .await
        .expect_refusal(RefusalCode::SessionEnded);
    // A guess with any of them is a stranger's.
    for made_up in [&of_session, &DeviceToken::from_bytes([7; 32])] {
        log_in_from(&mut server.connect().await, "naman", OTHER_PASSWORD, Some(made_up))
            .await
            .expect_refusal(RefusalCode::WrongCredentials);
    }
    let lanes = "select lane, failures from throttle where lane like '%naman%'";
    assert_eq!(server.select(lanes).await, [["account naman", "2"]]);
}

#[tokio::test]
async fn a_device_has_a_lane_of_its_own_which_is_held_up_by_its_own_failures() {
    let server = Inside::start().await;
    for name in ["naman", "anirudh"] {
        server.register(name).await;
    }
    let (mut wire, _) = server.log_in("naman").await;
    let token = wire.remember().await;
    let mut device = server.connect().await;
    for _ in 0..FREE {
        log_in_from(&mut device, "naman", OTHER_PASSWORD, Some(&token))
            .await
            .expect_refusal(RefusalCode::WrongCredentials);
    }
    log_in_from(&mut device, "naman", PASSWORD, Some(&token)).await.expect_refusal(RefusalCode::Throttled);
    // To any other account it is a stranger, and strangers are not throttled by it.
    let opened = log_in_from(&mut device, "anirudh", PASSWORD, Some(&token)).await;
    assert!(matches!(&opened, UserReply::LoggedIn(session) if !session.device_known), "{opened:?}");
    server.log_in("naman").await;
    // After its wait the device's right password starts its lane over.
    server.jump(2);
    let opened = log_in_from(&mut device, "naman", PASSWORD, Some(&token)).await;
    assert!(matches!(&opened, UserReply::LoggedIn(session) if session.device_known), "{opened:?}");
}

/// More tokens are no more guesses: who stole one password list cannot multiply it by the devices of an account.
#[tokio::test]
async fn all_devices_of_an_account_together_have_as_many_guesses_as_one() {
    let server = Server::start();
    server.register("naman").await;
    let mut tokens = Vec::new();
    for _ in 0..FREE {
        let (mut wire, _) = server.log_in("naman", PASSWORD).await;
        tokens.push(wire.remember().await);
    }
    for token in &tokens {
        log_in_from(&mut server.connect().await, "naman", OTHER_PASSWORD, Some(token))
            .await
            .expect_refusal(RefusalCode::WrongCredentials);
    }
    let lanes = "select lane, failures from throttle where lane like 'devices %'";
    assert_eq!(server.select(lanes).await, [["devices naman", "5"]]);
    let of_each = "select count(*), max(failures) from throttle where lane like 'device naman/%'";
    assert_eq!(server.select(of_each).await, [["5", "1"]]);
    log_in_from(&mut server.connect().await, "naman", PASSWORD, Some(&tokens[0]))
        .await
        .expect_refusal(RefusalCode::Throttled);
    server.log_in("naman", PASSWORD).await;
}

#[tokio::test]
async fn sec_0072_a_device_is_remembered_once_and_only_on_the_connection_that_logged_in() {
    let server = Server::start();
    server.register("naman").await;
    let (mut wire, session) = server.log_in("naman", PASSWORD).await;
    let mut resumed = server.connect().await;
    resumed.call(UserCall::ResumeSession { token: token_again(&session.token) }).await.unwrap();
    resumed.ask(UserCall::RememberDevice).await.expect_refusal(RefusalCode::NoFreshLogin);
    wire.remember().await;
    wire.ask(UserCall::RememberDevice).await.expect_refusal(RefusalCode::NoFreshLogin);
    // A login is not saved up for another session on the same connection.
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    wire.call(UserCall::ResumeSession { token: session.token }).await.unwrap();
    wire.ask(UserCall::RememberDevice).await.expect_refusal(RefusalCode::NoFreshLogin);
    assert_eq!(wire.devices().await.len(), 1);
}

#[tokio::test]
async fn devices_are_listed_and_forgotten_by_their_owner_alone() {
    let server = Server::start();
    for name in ["naman", "anirudh"] {
        server.register(name).await;
    }
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let token = wire.remember().await;
    let listed = wire.devices().await;
    assert_eq!((listed.len(), listed[0].device.as_str()), (1, "test"));
    let (mut other, _) = server.log_in("anirudh", PASSWORD).await;
    assert_eq!(other.devices().await, []);
    let forget = UserCall::ForgetDevice { id: listed[0].id };
    other.ask(&forget).await.expect_refusal(RefusalCode::NotFound);
    assert!(is_known(&server, "naman", PASSWORD, &token).await);
    assert!(matches!(wire.call(&forget).await.unwrap(), UserReply::DeviceForgotten));
    wire.ask(&forget).await.expect_refusal(RefusalCode::NotFound);
    assert!(!is_known(&server, "naman", PASSWORD, &token).await);
}

#[tokio::test]
async fn the_device_that_was_used_least_recently_makes_room_for_another() {
    let server = Inside::start_with("gate.devices_max = 2").await;
    server.register("naman").await;
    let mut tokens = Vec::new();
    let mut wire = server.log_in("naman").await.0;
    for _ in 0..3 {
        wire = server.log_in("naman").await.0;
        tokens.push(wire.remember().await);
        // Uses are told apart by the day.
        server.jump(2 * 86_400);
        wire = server.log_in("naman").await.0;
        if let [first, _] = tokens.as_slice() {
            let used = log_in_from(&mut server.connect().await, "naman", PASSWORD, Some(first)).await;
            assert!(matches!(&used, UserReply::LoggedIn(session) if session.device_known), "{used:?}");
        }
    }
    assert_eq!(wire.devices().await.len(), 2);
    let mut known = Vec::new();
    for token in &tokens {
        let opened = log_in_from(&mut server.connect().await, "naman", PASSWORD, Some(token)).await;
        let session = logged_in(opened);
        known.push(session.device_known);
    }
    assert_eq!(known, [true, false, true]);
}

/// What takes the trust in an account's devices away, and what password it has then.
#[tokio::test]
async fn a_new_password_makes_every_device_a_stranger_again() {
    let server = Server::start();
    server.register("naman").await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let token = wire.remember().await;
    let changed = change_password(&mut wire, PASSWORD, OTHER_PASSWORD).await;
    assert!(matches!(changed, UserReply::PasswordChanged(_)), "{changed:?}");
    assert!(!is_known(&server, "naman", OTHER_PASSWORD, &token).await);
    let (mut wire, _) = server.log_in("naman", OTHER_PASSWORD).await;
    let token = wire.remember().await;
    let code = server.issue_code("naman").await;
    assert!(is_known(&server, "naman", OTHER_PASSWORD, &token).await, "a code that waits changes nothing");
    let redeemed = reset(&mut server.connect().await, "naman", code.expose_secret(), PASSWORD).await;
    assert!(matches!(redeemed, UserReply::PasswordReset { .. }), "{redeemed:?}");
    assert!(!is_known(&server, "naman", PASSWORD, &token).await);
}

#[tokio::test]
async fn sec_0082_the_end_of_trust_in_an_account_forgets_devices_and_a_logout_does_not() {
    let server = Server::start();
    server.register("naman").await;
    let name = || "naman".to_owned();
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let mut token = wire.remember().await;
    wire.log_out(false).await;
    assert!(is_known(&server, "naman", PASSWORD, &token).await, "a logout");
    for cause in ["revoked", "everywhere", "suspended", "deleted", "deleted by the operator"] {
        let (mut wire, _) = server.log_in("naman", PASSWORD).await;
        token = wire.remember().await;
        let (mut other, _) = server.log_in("naman", PASSWORD).await;
        let sessions = wire.sessions().await;
        let id = sessions.iter().find(|session| session.current).unwrap().id;
        match cause {
            "revoked" => drop(other.call(UserCall::RevokeSession { id }).await.unwrap()),
            "everywhere" => drop(other.log_out(true).await),
            "deleted" => drop(prove_and(&mut other, PASSWORD, UserCall::DeleteAccount).await),
            "suspended" => {
                let suspend = AdminCall::SuspendAccount { name: name(), until: None, reason: None };
                drop(server.operate(suspend).await);
                drop(server.operate(AdminCall::ResumeAccount { name: name() }).await);
            }
            _ => drop(server.operate(AdminCall::DeleteAccount { name: name() }).await),
        }
        if cause.starts_with("deleted") {
            drop(server.operate(AdminCall::RestoreAccount { name: name() }).await);
        }
        assert!(!is_known(&server, "naman", PASSWORD, &device_token_again(&token)).await, "{cause}");
    }
    // A session that has ended already can still be revoked, for what it left.
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    token = wire.remember().await;
    let sessions = wire.sessions().await;
    let id = sessions.iter().find(|session| session.current).unwrap().id;
    wire.log_out(false).await;
    let (mut other, _) = server.log_in("naman", PASSWORD).await;
    let revoked = other.call(UserCall::RevokeSession { id }).await.unwrap();
    assert!(matches!(revoked, UserReply::SessionRevoked), "{revoked:?}");
    assert!(!is_known(&server, "naman", PASSWORD, &token).await);
}

/// An operator ends a session that is not its user's: whoever opened it does not keep the lane of its device.
#[tokio::test]
async fn a_session_that_an_operator_revokes_takes_its_device_with_it() {
    let server = Server::start();
    server.register("naman").await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let token = wire.remember().await;
    let id = server.select("select id from sessions").await[0][0].clone();
    let id = u64::from_str_radix(&id, 16).unwrap();
    let revoked = server.operate(AdminCall::RevokeSession { id }).await;
    assert!(matches!(revoked, AdminReply::SessionRevoked), "{revoked:?}");
    assert!(!is_known(&server, "naman", PASSWORD, &token).await);
}
