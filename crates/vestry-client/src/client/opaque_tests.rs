//! Which calls a password leads to: against an honest server, one that lies, and one that sees another connection.

use super::fake_server::{CHEAP, FakeServer, password, refusal, session};
use super::*;
use vestry_opaque::{NO_PROOF, OpaqueError};
use vestry_protocol::refusal::Refusal;
use vestry_protocol::user::Stretching;

const RIGHT: &str = "correct horse battery staple";
const WRONG: &str = "incorrect horse battery staple";

const MIGRATION: [&str; 4] = ["StartNewPassword", "FinishMigration", "StartProof", "FinishProof"];

fn naman() -> Username {
    Username::parse("naman").unwrap()
}

fn device() -> Device {
    Device::parse("device", "laptop").unwrap()
}

async fn log_in(
    server: &mut FakeServer,
    text: &str,
    path: PasswordPath,
) -> Result<Proven<NewSession>, CallError> {
    let password = password(text);
    let offer = OfferedPassword { password: &password, path };
    server.meet(async |mut client| client.log_in(&naman(), offer, &device()).await).await
}

#[tokio::test]
async fn an_account_is_made_and_logged_in_to_without_its_password() {
    let mut server = FakeServer::new();
    let made = server
        .meet(async |mut client| client.register(&naman(), &password(RIGHT), &Profile::default()).await);
    assert_eq!(made.await.unwrap(), "naman");
    for path in [PasswordPath::Open, PasswordPath::Closed] {
        assert!(log_in(&mut server, RIGHT, path).await.unwrap().by_opaque);
    }
    let login = ["StartLogin", "FinishLogin"];
    let expected = [["StartRegistration", "FinishRegistration"], login, login].concat();
    assert_eq!(server.seen, expected);
}

#[tokio::test]
async fn a_wrong_password_is_refused_by_the_server_which_counts_the_try() {
    let mut server = FakeServer::with_record(RIGHT).await;
    let refused = log_in(&mut server, WRONG, PasswordPath::Closed).await.unwrap_err();
    assert!(refused.is_refusal(RefusalCode::WrongCredentials));
    assert_eq!(
        (server.seen.as_slice(), server.ke3.as_slice()),
        (&["StartLogin", "FinishLogin"][..], &NO_PROOF[..])
    );
}

/// The server claims that an account which is known to be OPAQUE has only a hash, to get the password.
#[tokio::test]
async fn the_password_of_a_remembered_account_is_never_sent_whatever_the_server_says() {
    let mut server = FakeServer::with_hash(RIGHT);
    let refused = log_in(&mut server, RIGHT, PasswordPath::Closed).await.unwrap_err();
    assert!(refused.is_refusal(RefusalCode::WrongCredentials));
    assert_eq!(server.seen, ["StartLogin", "FinishLogin"]);
}

#[tokio::test]
async fn a_server_that_takes_no_passwords_gets_none() {
    let mut server = FakeServer::with_hash(RIGHT);
    server.takes_passwords = false;
    let refused = log_in(&mut server, RIGHT, PasswordPath::Open).await.unwrap_err();
    assert!(refused.is_refusal(RefusalCode::WrongCredentials));
    assert_eq!(server.seen, ["StartLogin", "FinishLogin"]);
}

#[tokio::test]
async fn an_account_with_a_hash_sends_its_password_once_and_is_moved() {
    let mut server = FakeServer::with_hash(RIGHT);
    assert!(log_in(&mut server, RIGHT, PasswordPath::Open).await.unwrap().by_opaque);
    assert_eq!(server.seen, [["StartLogin", "LogIn"].as_slice(), &MIGRATION].concat());
    assert!(server.record.is_some() && server.hashed.is_none());
    server.seen.clear();
    assert!(log_in(&mut server, RIGHT, PasswordPath::Closed).await.unwrap().by_opaque);
    assert_eq!(server.seen, ["StartLogin", "FinishLogin"]);
}

#[tokio::test]
async fn a_wrong_password_for_an_account_with_a_hash_is_one_try_and_moves_nothing() {
    let mut server = FakeServer::with_hash(RIGHT);
    let refused = log_in(&mut server, WRONG, PasswordPath::Open).await.unwrap_err();
    assert!(refused.is_refusal(RefusalCode::WrongCredentials));
    assert_eq!(server.seen, ["StartLogin", "LogIn"]);
}

#[tokio::test]
async fn a_migration_that_fails_leaves_the_login_as_it_is() {
    for (step, failing) in MIGRATION.into_iter().enumerate() {
        let mut server = FakeServer::with_hash(RIGHT);
        server.lie = Box::new(move |call| fails(failing, call).then(|| refusal(RefusalCode::Unavailable)));
        let opened = log_in(&mut server, RIGHT, PasswordPath::Open).await.unwrap();
        assert_eq!((opened.value.name.as_str(), opened.by_opaque), ("naman", false), "{failing}");
        let until_then = [["StartLogin", "LogIn"].as_slice(), &MIGRATION[..=step]].concat();
        assert_eq!(server.seen, until_then);
    }
}

/// What arrives on a connection after that may belong to the migration.
#[tokio::test]
async fn a_connection_that_broke_in_a_migration_is_not_used_again_and_the_login_stands() {
    let offered = password(RIGHT);
    let offer = OfferedPassword { password: &offered, path: PasswordPath::Open };
    for (hangs_up_at, is_usable) in [(Some("FinishMigration"), false), (None, true)] {
        let mut server = FakeServer::with_hash(RIGHT);
        server.hangs_up_at = hangs_up_at;
        let (name, usable) = server
            .meet(async |mut client| {
                let opened = client.log_in(&naman(), offer, &device()).await.unwrap();
                (opened.value.name, client.is_usable())
            })
            .await;
        assert_eq!((name.as_str(), usable), ("naman", is_usable));
    }
}

/// Only the last call of an exchange does anything.
#[tokio::test]
async fn only_a_lost_answer_to_the_last_call_leaves_it_open_whether_it_was_done() {
    for (hangs_up_at, was_not_done) in [("StartRegistration", true), ("FinishRegistration", false)] {
        let mut server = FakeServer::new();
        server.hangs_up_at = Some(hangs_up_at);
        let (text, profile) = (password(RIGHT), Profile::default());
        let lost = server.meet(async |mut client| client.register(&naman(), &text, &profile).await).await;
        let Err(CallError::Wire(lost)) = lost else { panic!("{lost:?}") };
        assert_eq!(lost.was_not_sent(), was_not_done, "{hangs_up_at}");
    }
}

fn fails(step: &str, call: &UserCall) -> bool {
    match step {
        "StartNewPassword" => matches!(call, UserCall::StartNewPassword { .. }),
        "FinishMigration" => matches!(call, UserCall::FinishMigration { .. }),
        "StartProof" => matches!(call, UserCall::StartProof { .. }),
        "FinishProof" => matches!(call, UserCall::FinishProof { .. }),
        other => panic!("no step: {other}"),
    }
}

#[tokio::test]
async fn a_server_that_asks_for_a_cost_out_of_bounds_gets_nothing_more() {
    let hostile = [
        Stretching { memory_kib: 8, ..CHEAP },
        Stretching { iterations: 1, ..CHEAP },
        Stretching { parallelism: 0, ..CHEAP },
        Stretching { memory_kib: u32::MAX, ..CHEAP },
        Stretching { iterations: u32::MAX, ..CHEAP },
        Stretching { parallelism: u32::MAX, ..CHEAP },
    ];
    for stretching in hostile {
        let mut server = FakeServer::with_hash(RIGHT);
        server.stretching = stretching;
        let asked =
            |error: &CallError| matches!(error, CallError::StretchingOutOfBounds(at) if *at == stretching);
        assert!(asked(&log_in(&mut server, RIGHT, PasswordPath::Open).await.unwrap_err()));
        let (text, profile) = (password(RIGHT), Profile::default());
        let made = server.meet(async |mut client| client.register(&naman(), &text, &profile).await).await;
        assert!(asked(&made.unwrap_err()));
        let offer = OfferedPassword { password: &text, path: PasswordPath::Open };
        let gone = server.meet(async |mut client| client.delete(offer).await).await;
        assert!(asked(&gone.unwrap_err()));
        assert_eq!(server.seen, ["StartLogin", "StartRegistration", "StartProof"]);
    }
}

/// A relay with a certificate that the client was fooled into trusting.
#[tokio::test]
async fn a_login_over_another_connection_than_the_server_sees_fails() {
    let mut server = FakeServer::with_record(RIGHT).await;
    server.sees_another_connection = true;
    let refused = log_in(&mut server, RIGHT, PasswordPath::Closed).await.unwrap_err();
    assert!(refused.is_refusal(RefusalCode::WrongCredentials));
    assert_eq!(
        (server.seen.as_slice(), server.ke3.as_slice()),
        (&["StartLogin", "FinishLogin"][..], &NO_PROOF[..])
    );
}

#[tokio::test]
async fn a_session_for_a_proof_that_failed_is_not_taken() {
    let mut server = FakeServer::with_record(RIGHT).await;
    server.lie =
        Box::new(|call| matches!(call, UserCall::FinishLogin { .. }).then(|| UserReply::LoggedIn(session())));
    let error = log_in(&mut server, WRONG, PasswordPath::Closed).await.unwrap_err();
    assert!(matches!(error, CallError::UnexpectedReply));
}

#[tokio::test]
async fn an_answer_that_is_no_opaque_ends_the_login_without_the_password() {
    let mut server = FakeServer::with_hash(RIGHT);
    server.lie = Box::new(|_| {
        let ke2 = vec![0xff; 320];
        Some(UserReply::LoginStarted { ke2, stretching: CHEAP, takes_passwords: true })
    });
    let error = log_in(&mut server, RIGHT, PasswordPath::Open).await.unwrap_err();
    assert!(matches!(error, CallError::Opaque(OpaqueError::Malformed)));
    assert_eq!(server.seen, ["StartLogin"]);
}

#[tokio::test]
async fn a_suspended_account_is_told_so_after_the_right_password() {
    let mut server = FakeServer::with_record(RIGHT).await;
    server.lie = Box::new(|call| {
        matches!(call, UserCall::FinishLogin { .. }).then(|| refusal(RefusalCode::Suspended))
    });
    let refused = log_in(&mut server, RIGHT, PasswordPath::Open).await.unwrap_err();
    assert!(refused.is_refusal(RefusalCode::Suspended));
    assert_eq!(server.seen, ["StartLogin", "FinishLogin"]);
}

/// The server uses each state once, so its second half alone cannot be asked again.
#[tokio::test]
async fn a_login_that_meets_a_busy_server_begins_anew() {
    let mut server = FakeServer::with_record(RIGHT).await;
    let mut was_busy = false;
    server.lie = Box::new(move |call| {
        let is_first =
            matches!(call, UserCall::FinishLogin { .. }) && !std::mem::replace(&mut was_busy, true);
        let code = RefusalCode::Busy.number();
        is_first
            .then(|| UserReply::Refused(Refusal { code, message: String::new(), retry_after_ms: Some(1) }))
    });
    let password = password(RIGHT);
    let offer = OfferedPassword { password: &password, path: PasswordPath::Closed };
    let opened = server.meet(async |client| {
        client.with_patience(Box::new(|tries, _| tries <= 1)).log_in(&naman(), offer, &device()).await
    });
    assert!(opened.await.unwrap().by_opaque);
    // The busy answer was a lie, so the first state of this server is still there: the second login replaced it.
    assert_eq!(server.seen, ["StartLogin", "FinishLogin", "StartLogin", "FinishLogin"]);
}

/// What is done within a session, and the calls that the server saw.
async fn within(
    mut server: FakeServer,
    text: &str,
    path: PasswordPath,
) -> Vec<(Result<bool, CallError>, Vec<&'static str>)> {
    let (current, new) = (password(text), password("another horse battery staple"));
    let offer = OfferedPassword { password: &current, path };
    let (email, age, gender) = (Change::Set("n@example.org".to_owned()), Change::Keep, Change::Keep);
    let mut outcomes = Vec::new();
    let updated =
        server.meet(async |mut client| client.update(&email, &age, &gender, Some(offer)).await).await;
    outcomes.push((updated.map(|done| done.by_opaque), std::mem::take(&mut server.seen)));
    let deleted = server.meet(async |mut client| client.delete(offer).await).await;
    outcomes.push((deleted.map(|done| done.by_opaque), std::mem::take(&mut server.seen)));
    let changed = server.meet(async |mut client| client.change_password(offer, &new).await).await;
    outcomes.push((changed.map(|done| done.by_opaque), std::mem::take(&mut server.seen)));
    outcomes
}

#[tokio::test]
async fn within_a_session_a_proof_stands_for_the_password() {
    let server = FakeServer::with_record(RIGHT).await;
    let proof = ["StartProof", "FinishProof"].as_slice();
    let expected = [
        [proof, &["UpdateAccount"]].concat(),
        [proof, &["DeleteProvenAccount"]].concat(),
        [proof, &["StartNewPassword", "FinishNewPassword"]].concat(),
    ];
    for ((outcome, seen), expected) in
        within(server, RIGHT, PasswordPath::Open).await.into_iter().zip(expected)
    {
        assert!(outcome.unwrap());
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn within_a_session_a_wrong_password_does_nothing() {
    let server = FakeServer::with_record(RIGHT).await;
    for (outcome, seen) in within(server, WRONG, PasswordPath::Closed).await {
        assert!(outcome.unwrap_err().is_refusal(RefusalCode::WrongCredentials));
        assert_eq!(seen, ["StartProof", "FinishProof"]);
    }
}

#[tokio::test]
async fn within_a_session_an_account_with_a_hash_still_sends_its_password() {
    let expected = ["UpdateAccount with password", "DeleteAccount", "ChangePassword"];
    let outcomes = within(FakeServer::with_hash(RIGHT), RIGHT, PasswordPath::Open).await;
    for ((outcome, seen), expected) in outcomes.into_iter().zip(expected) {
        assert!(!outcome.unwrap());
        assert_eq!(seen, ["StartProof", expected]);
    }
}

#[tokio::test]
async fn within_a_session_a_remembered_account_never_sends_its_password() {
    for (outcome, seen) in within(FakeServer::with_hash(RIGHT), RIGHT, PasswordPath::Closed).await {
        assert!(outcome.unwrap_err().is_refusal(RefusalCode::WrongCredentials));
        assert_eq!(seen, ["StartProof", "FinishProof"]);
    }
}

#[tokio::test]
async fn a_new_password_works_and_the_old_one_does_not() {
    let mut server = FakeServer::with_record(RIGHT).await;
    let (current, new) = (password(RIGHT), password("another horse battery staple"));
    let offer = OfferedPassword { password: &current, path: PasswordPath::Closed };
    server.meet(async |mut client| client.change_password(offer, &new).await).await.unwrap();
    assert!(log_in(&mut server, "another horse battery staple", PasswordPath::Closed).await.is_ok());
    assert!(log_in(&mut server, RIGHT, PasswordPath::Closed).await.is_err());
}

#[tokio::test]
async fn a_reset_code_sets_a_password_that_the_server_never_sees() {
    let mut server = FakeServer::with_hash("forgotten");
    let (code, new) = (SecretText::new("code".to_owned()), password(RIGHT));
    let reset = server.meet(async |mut client| client.redeem_reset_code(&naman(), &code, &new).await).await;
    assert_eq!(reset.unwrap(), "naman");
    assert_eq!(server.seen, ["StartReset", "FinishReset"]);
    assert!(log_in(&mut server, RIGHT, PasswordPath::Closed).await.unwrap().by_opaque);
}

#[tokio::test]
async fn a_change_that_needs_no_password_proves_none() {
    let mut server = FakeServer::with_record(RIGHT).await;
    let (email, age, gender) = (Change::Keep, Change::Set(35), Change::Keep);
    let updated = server.meet(async |mut client| client.update(&email, &age, &gender, None).await).await;
    // This server wants a proof for every change; what counts is that none was offered.
    assert!(updated.unwrap_err().is_refusal(RefusalCode::WrongCredentials));
    assert_eq!(server.seen, ["UpdateAccount"]);
}
