//! Which calls a password leads to: against an honest server, one that lies, and one that sees another connection.

use super::fake_server::{CHEAP, FakeServer, password, session, strong_password};
use super::*;
use crate::state::{Folders, OpaqueAccounts};
use vestry_opaque::{NO_PROOF, OpaqueError};
use vestry_protocol::item::{Item, Open};
use vestry_protocol::refusal::{Detail, Refusal};
use vestry_protocol::user::Stretching;
use vestry_protocol::{Pin, UnixSeconds};

const RIGHT: &str = "correct horse battery staple";
const WRONG: &str = "incorrect horse battery staple";

fn naman() -> Username {
    Username::parse("naman").unwrap()
}

fn device() -> Device {
    Device::parse(vestry_protocol::fields::Field::Device, "laptop").unwrap()
}

async fn log_in(server: &mut FakeServer, text: &str) -> Result<NewSession, CallError> {
    let password = password(text);
    server
        .meet(async |mut client| {
            client.log_in(&naman(), &password, &device(), &KeptFromLogin::default()).await
        })
        .await
}

/// What nothing is known of, in a home of its own.
fn unknown() -> NotKnownAsOpaque {
    let home = tempfile::tempdir().unwrap();
    let folder = |name: &str| (name == "HOME").then(|| home.path().into());
    let server = Address::new("127.0.0.1", 7443).unwrap();
    let known =
        OpaqueAccounts::of(&Folders::from_environment(folder, home.path().into()), &server, Pin([1; 32]))
            .unwrap();
    known.unless_known(&naman()).unwrap().unwrap()
}

async fn log_in_imported(server: &mut FakeServer, text: &str) -> Result<NewSession, CallError> {
    let (account, password) = (unknown(), password(text));
    server.meet(async |mut client| client.log_in_imported(&account, &password, &device()).await).await
}

#[tokio::test]
async fn an_account_is_made_and_logged_in_to_without_its_password() {
    let mut server = FakeServer::new();
    let made = server.meet(async |mut client| {
        client.register(&naman(), &strong_password(RIGHT), &Profile::default()).await
    });
    assert_eq!(made.await.unwrap(), "naman");
    assert_eq!(log_in(&mut server, RIGHT).await.unwrap().name, "naman");
    assert_eq!(server.seen, ["StartRegistration", "FinishRegistration", "StartLogin", "FinishLogin"]);
}

#[tokio::test]
async fn a_wrong_password_is_refused_by_the_server_which_counts_the_attempt() {
    let mut server = FakeServer::with_record(RIGHT).await;
    let refused = log_in(&mut server, WRONG).await.unwrap_err();
    assert!(refused.is_refusal(RefusalCode::WrongCredentials));
    assert_eq!(
        (server.seen.as_slice(), server.ke3.as_slice()),
        (&["StartLogin", "FinishLogin"][..], &NO_PROOF[..])
    );
}

/// There is no other way to send a password than the one that its user chooses.
#[tokio::test]
async fn a_login_never_sends_the_password_whatever_the_server_holds() {
    let mut server = FakeServer::with_imported(RIGHT);
    let refused = log_in(&mut server, RIGHT).await.unwrap_err();
    assert!(refused.is_refusal(RefusalCode::WrongCredentials));
    assert_eq!(server.seen, ["StartLogin", "FinishLogin"]);
}

#[tokio::test]
async fn an_imported_account_sends_its_password_after_a_proof_failed() {
    let mut server = FakeServer::with_imported(RIGHT);
    assert_eq!(log_in_imported(&mut server, RIGHT).await.unwrap().name, "naman");
    assert_eq!(server.seen, ["StartLogin", "LogInImported"]);
    server.seen.clear();
    let refused = log_in_imported(&mut server, WRONG).await.unwrap_err();
    assert!(refused.is_refusal(RefusalCode::WrongCredentials));
    assert_eq!(server.seen, ["StartLogin", "LogInImported"]);
}

/// The answer to the first login was lost: the account is OPAQUE by now.
#[tokio::test]
async fn an_imported_login_that_is_repeated_sends_no_password() {
    let mut server = FakeServer::with_record(RIGHT).await;
    assert!(log_in_imported(&mut server, RIGHT).await.is_ok());
    assert_eq!(server.seen, ["StartLogin", "FinishLogin"]);
}

/// Only the last call of an exchange does anything.
#[tokio::test]
async fn only_a_lost_answer_to_the_last_call_leaves_it_open_whether_it_was_done() {
    for (hangs_up_at, was_not_done) in [("StartRegistration", true), ("FinishRegistration", false)] {
        let mut server = FakeServer::new();
        server.hangs_up_at = Some(hangs_up_at);
        let (text, profile) = (strong_password(RIGHT), Profile::default());
        let lost = server.meet(async |mut client| client.register(&naman(), &text, &profile).await).await;
        let Err(CallError::Wire(lost)) = lost else { panic!("{lost:?}") };
        assert_eq!(lost.was_not_sent(), was_not_done, "{hangs_up_at}");
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
        let mut server = FakeServer::with_imported(RIGHT);
        server.stretching = stretching;
        let asked =
            |error: &CallError| matches!(error, CallError::StretchingOutOfBounds(at) if *at == stretching);
        assert!(asked(&log_in(&mut server, RIGHT).await.unwrap_err()));
        assert!(asked(&log_in_imported(&mut server, RIGHT).await.unwrap_err()));
        let (text, profile) = (strong_password(RIGHT), Profile::default());
        let made = server.meet(async |mut client| client.register(&naman(), &text, &profile).await).await;
        assert!(asked(&made.unwrap_err()));
        let gone = server.meet(async |mut client| client.delete(text.as_password()).await).await;
        assert!(asked(&gone.unwrap_err()));
        assert_eq!(server.seen, ["StartLogin", "StartLogin", "StartRegistration", "StartProof"]);
    }
}

/// A relay with a certificate that the client was fooled into trusting.
#[tokio::test]
async fn a_login_over_another_connection_than_the_server_sees_fails() {
    let mut server = FakeServer::with_record(RIGHT).await;
    server.sees_another_connection = true;
    let refused = log_in(&mut server, RIGHT).await.unwrap_err();
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
    let error = log_in(&mut server, WRONG).await.unwrap_err();
    assert!(matches!(error, CallError::UnexpectedReply));
}

#[tokio::test]
async fn an_answer_that_is_no_opaque_ends_the_login_without_the_password() {
    let mut server = FakeServer::with_imported(RIGHT);
    server.lie = Box::new(|_| Some(UserReply::LoginStarted { ke2: vec![0xff; 320], stretching: CHEAP }));
    let error = log_in_imported(&mut server, RIGHT).await.unwrap_err();
    assert!(matches!(error, CallError::Opaque(OpaqueError::Malformed)));
    assert_eq!(server.seen, ["StartLogin"]);
}

#[tokio::test]
async fn a_suspended_account_is_told_so_after_the_right_password() {
    let mut server = FakeServer::with_record(RIGHT).await;
    server.lie = Box::new(|call| {
        let detail = Detail::Suspended { until: None, reason: None };
        let suspended = Refusal::new(RefusalCode::Suspended, "no").with(&detail);
        matches!(call, UserCall::FinishLogin { .. }).then_some(UserReply::Refused(suspended))
    });
    let refused = log_in(&mut server, RIGHT).await.unwrap_err();
    assert!(refused.is_refusal(RefusalCode::Suspended));
    assert_eq!(server.seen, ["StartLogin", "FinishLogin"]);
}

#[tokio::test]
async fn a_factor_that_this_version_does_not_know_is_a_no_and_is_shown() {
    let mut server = FakeServer::with_record(RIGHT).await;
    let factors = || vec![Open::Unknown(Item { number: 7, content: vec![1, 2] })];
    server.lie = Box::new(move |call| {
        matches!(call, UserCall::FinishLogin { .. }).then(|| UserReply::LoginContinues { factors: factors() })
    });
    let refused = log_in(&mut server, RIGHT).await.unwrap_err();
    assert!(refused.to_string().ends_with("unknown 7 (0102)"), "{refused}");
    assert_eq!(server.seen, ["StartLogin", "FinishLogin"]);
}

/// The server uses each state once, so its second half alone cannot be asked again.
#[tokio::test]
async fn a_login_that_is_to_wait_starts_over() {
    for code in [RefusalCode::Busy, RefusalCode::Throttled] {
        let mut server = FakeServer::with_record(RIGHT).await;
        let mut was_refused = false;
        server.lie = Box::new(move |call| {
            let is_first =
                matches!(call, UserCall::FinishLogin { .. }) && !std::mem::replace(&mut was_refused, true);
            let refusal = Refusal { retry_after_ms: Some(1), ..Refusal::new(code, "") };
            is_first.then_some(UserReply::Refused(refusal))
        });
        let password = password(RIGHT);
        let opened = server.meet(async |client| {
            let mut client = client.with_patience(Box::new(|wait| wait.tries <= 1));
            client.log_in(&naman(), &password, &device(), &KeptFromLogin::default()).await
        });
        assert!(opened.await.is_ok());
        // The refusal was a lie, so the first state of this server is still there: the second login replaced it.
        assert_eq!(server.seen, ["StartLogin", "FinishLogin", "StartLogin", "FinishLogin"]);
    }
}

/// What is done within a session, and the calls that the server saw.
async fn within(mut server: FakeServer, text: &str) -> Vec<(Result<(), CallError>, Vec<&'static str>)> {
    let (current, new) = (password(text), strong_password("another horse battery staple"));
    let (email, age, gender) = (Change::Set("n@example.org".to_owned()), Change::Keep, Change::Keep);
    let mut outcomes = Vec::new();
    let updated =
        server.meet(async |mut client| client.update(&email, &age, &gender, Some(&current)).await).await;
    outcomes.push((updated.map(drop), std::mem::take(&mut server.seen)));
    let deleted = server.meet(async |mut client| client.delete(&current).await).await;
    outcomes.push((deleted.map(drop), std::mem::take(&mut server.seen)));
    let changed = server.meet(async |mut client| client.change_password(&current, &new).await).await;
    outcomes.push((changed.map(drop), std::mem::take(&mut server.seen)));
    outcomes
}

#[tokio::test]
async fn within_a_session_a_proof_stands_for_the_password() {
    let server = FakeServer::with_record(RIGHT).await;
    let proof = ["StartProof", "FinishProof"].as_slice();
    let expected = [
        [proof, &["UpdateAccount"]].concat(),
        [proof, &["DeleteAccount"]].concat(),
        [proof, &["StartNewPassword", "FinishNewPassword"]].concat(),
    ];
    for ((outcome, seen), expected) in within(server, RIGHT).await.into_iter().zip(expected) {
        outcome.unwrap();
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn within_a_session_a_wrong_password_does_nothing() {
    let server = FakeServer::with_record(RIGHT).await;
    for (outcome, seen) in within(server, WRONG).await {
        assert!(outcome.unwrap_err().is_refusal(RefusalCode::WrongCredentials));
        assert_eq!(seen, ["StartProof", "FinishProof"]);
    }
}

#[tokio::test]
async fn a_new_password_works_and_the_old_one_does_not() {
    let mut server = FakeServer::with_record(RIGHT).await;
    let (current, new) = (password(RIGHT), strong_password("another horse battery staple"));
    server.meet(async |mut client| client.change_password(&current, &new).await).await.unwrap();
    assert!(log_in(&mut server, "another horse battery staple").await.is_ok());
    assert!(log_in(&mut server, RIGHT).await.is_err());
}

#[tokio::test]
async fn a_reset_code_sets_a_password_that_the_server_never_sees() {
    let mut server = FakeServer::with_imported("forgotten");
    let (code, new) = (SecretText::new("code".to_owned()), strong_password(RIGHT));
    let reset = server.meet(async |mut client| client.redeem_reset_code(&naman(), &code, &new).await).await;
    assert_eq!(
        reset.unwrap(),
        ("naman".to_owned(), CodeIssued { by: "hana".to_owned(), at: UnixSeconds::from_seconds(7) })
    );
    assert_eq!(server.seen, ["StartReset", "FinishReset"]);
    assert!(log_in(&mut server, RIGHT).await.is_ok());
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

/// Runs a test of this file again in a process of its own that may have so much address space and no more.
fn under_limit(test: &str, mebibytes: u32) -> std::process::Output {
    let this = std::env::current_exe().unwrap();
    let line = format!(
        "ulimit -v {}; exec \"$0\" --exact client::opaque_tests::{test} --nocapture",
        mebibytes * 1024
    );
    std::process::Command::new("sh").args(["-c", &line]).arg(this).env(LIMITED, "1").output().unwrap()
}

/// Set in such a process.
const LIMITED: &str = "VESTRY_TEST_LIMITED";

#[tokio::test]
async fn a_server_that_wants_more_memory_than_there_is_gets_no_second_half() {
    if std::env::var_os(LIMITED).is_none() {
        let test = "a_server_that_wants_more_memory_than_there_is_gets_no_second_half";
        let ran = under_limit(test, 400);
        let said = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let mut server = FakeServer::with_record(RIGHT).await;
    server.stretching = Stretching { memory_kib: 1024 * 1024, ..CHEAP };
    let error = log_in(&mut server, RIGHT).await.unwrap_err();
    assert!(matches!(error, CallError::Opaque(OpaqueError::NotStretched)), "{error}");
    assert!(error.to_string().contains("what was begun is not finished, and nothing was changed"));
    assert_eq!(server.seen, ["StartLogin"]);
}

/// Takes what this process may have, but for so many pieces of 8 MiB.
fn take_all_but(pieces: usize) -> Vec<Vec<u8>> {
    let mut ballast = Vec::new();
    loop {
        let mut more = Vec::new();
        if more.try_reserve_exact(8 << 20).is_err() {
            ballast.truncate(ballast.len() - pieces);
            return ballast;
        }
        ballast.push(more);
    }
}

#[tokio::test]
async fn nothing_is_sent_when_there_is_no_memory_to_stretch_a_password_in() {
    if std::env::var_os(LIMITED).is_none() {
        let test = "nothing_is_sent_when_there_is_no_memory_to_stretch_a_password_in";
        let ran = under_limit(test, 400);
        let said = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let mut server = FakeServer::with_record(RIGHT).await;
    server.seen.clear();
    let ballast = take_all_but(6);
    let error = log_in(&mut server, RIGHT).await.unwrap_err();
    drop(ballast);
    assert!(matches!(error, CallError::Opaque(OpaqueError::NoMemory)), "{error}");
    assert!(server.seen.is_empty(), "{:?}", server.seen);
}
