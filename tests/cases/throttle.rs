//! Failures in a row: they throttle strangers and nobody else, whichever way was tried and however often the server or
//! the connection began anew. And what else is limited: names that are told, codes, registrations, writes.

use crate::inside::{DAY, Inside};
use vestry_protocol::admin::AdminCall;
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::user::{Change, Profile, ProfileUpdate, Stretching, UserCall, UserReply};
use vestry_tests::harness::{
    OTHER_PASSWORD, PASSWORD, Server, UserWire, imported_login, refusal_of, rows_of, secret, token_again,
};
use vestry_tests::imported::import;
use vestry_tests::light::{
    self, Halfway, any_ke1, any_request, change_password, finish_login, log_in, log_in_from, prove,
    prove_and, reset, seal, start_login,
};
use vestry_tests::programs::Person;
use vestry_tests::talk::{self, Operator, Refusable, User, logged_in};

/// So many failures cost an account nothing yet.
const FREE: usize = 5;

/// So many failures cost an address nothing yet.
const FREE_OF_ADDRESS: usize = 20;

async fn fail(wire: &mut UserWire, name: &str) -> RefusalCode {
    refusal_of(log_in(wire, name, OTHER_PASSWORD).await)
}

async fn fail_until_throttled(server: &Server, name: &str) {
    for _ in 0..FREE {
        assert_eq!(fail(&mut server.connect().await, name).await, RefusalCode::WrongCredentials);
    }
}

/// As many failures as throttle an address, each on a connection of its own; the first five are the account's.
async fn fail_until_the_address_is_throttled(server: &Server, name: &str) {
    fail_until_throttled(server, name).await;
    for number in FREE..FREE_OF_ADDRESS {
        let code = fail(&mut server.connect().await, &format!("stranger{number}")).await;
        assert_eq!(code, RefusalCode::WrongCredentials, "{number}");
    }
}

fn refused(reply: UserReply) -> Refusal {
    match reply {
        UserReply::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

const LANES: &str = "select lane, failures from throttle where lane not like 'registrations %' order by lane";

async fn wait_for_failures(server: &Server, lane: &str, failures: usize) {
    let sql = format!("select failures from throttle where lane like '{lane}'");
    while server.select(&sql).await != [[failures.to_string()]] {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn sec_0045_a_thousand_failures_throttle_no_session_and_no_known_device() {
    let server = Server::start();
    server.register("naman").await;
    let (mut inside, _) = server.log_in("naman", PASSWORD).await;
    let token = inside.remember().await;
    let mut stranger = server.connect().await;
    let mut counted = 0;
    for _ in 0..1_000 {
        counted += usize::from(fail(&mut stranger, "naman").await == RefusalCode::WrongCredentials);
    }
    assert!((FREE..20).contains(&counted), "{counted} guesses were taken");
    assert!(server.refused_login("naman", PASSWORD).await.is(RefusalCode::Throttled));
    inside.show().await;
    assert!(matches!(prove(&mut inside, PASSWORD).await, UserReply::PasswordProven));
    let mut device = server.connect().await;
    let opened = log_in_from(&mut device, "naman", PASSWORD, Some(&token)).await;
    assert!(matches!(&opened, UserReply::LoggedIn(session) if session.device_known), "{opened:?}");
}

#[tokio::test]
async fn what_follows_a_proof_is_not_told_to_wait() {
    let server = Server::start();
    server.register("naman").await;
    let (mut owner, session) = server.log_in("naman", PASSWORD).await;
    let mut thief = server.connect().await;
    thief.call(UserCall::ResumeSession { token: token_again(&session.token) }).await.unwrap();
    assert!(matches!(prove(&mut owner, PASSWORD).await, UserReply::PasswordProven));
    while refusal_of(prove(&mut thief, OTHER_PASSWORD).await) != RefusalCode::Throttled {}
    assert!(matches!(
        owner.call(UserCall::RememberDevice).await.unwrap(),
        UserReply::DeviceRemembered { .. }
    ));
    let envelope = seal(&mut owner, OTHER_PASSWORD, |request| UserCall::StartNewPassword { request }).await;
    let finish = UserCall::FinishNewPassword { envelope: envelope.unwrap() };
    let changed = owner.call(finish).await.unwrap();
    assert!(matches!(changed, UserReply::PasswordChanged(_)), "{changed:?}");
}

/// A client knows from KE2 whether its password is right, and need not say so.
#[tokio::test]
async fn sec_0048_an_exchange_that_is_broken_off_counts_as_a_failure() {
    let server = Server::start();
    server.register("naman").await;
    let mut held = Vec::new();
    for _ in 0..FREE {
        let mut wire = server.connect().await;
        Halfway::login(&mut wire, "naman", OTHER_PASSWORD).await;
        held.push(wire);
    }
    let another = server.refused_login("naman", PASSWORD).await;
    assert!(another.is(RefusalCode::Throttled), "while they are under way: {another:?}");
    drop(held);
    wait_for_failures(&server, "account naman", FREE).await;
    let events = server.select("select subject, detail from audit where action = 'login.failed'").await;
    assert_eq!(events, [["naman", "broken off"]; FREE]);
    // Starting over on one connection is no way around.
    server.let_everybody_try_again().await;
    let mut wire = server.connect().await;
    let mut refused = 0;
    for _ in 0..20 {
        let reply = wire.call(start_login("naman", None)(any_ke1())).await.unwrap();
        refused += usize::from(matches!(reply, UserReply::Refused(_)));
    }
    // What is under way while the one before is written down: together they are ten at most.
    assert!(refused >= 20 - 2 * FREE, "{refused} of 20 were refused");
}

/// Holding a connection open is no way around either.
#[tokio::test]
async fn an_exchange_that_is_left_open_is_a_failure_when_its_time_is_over() {
    let server = Server::start_with("gate.exchange_secs_max = 1");
    server.register("naman").await;
    let mut login = server.connect().await;
    let ke3 = Halfway::login(&mut login, "naman", PASSWORD).await.ke3(&login).unwrap();
    let (mut session, _) = server.log_in("naman", PASSWORD).await;
    let proof = Halfway::proof(&mut session, PASSWORD).await.ke3(&session).unwrap();
    wait_for_failures(&server, "account naman", 1).await;
    wait_for_failures(&server, "session naman/%", 1).await;
    login.ask(finish_login(ke3)).await.expect_refusal(RefusalCode::NotStarted);
    session.ask(UserCall::FinishProof { ke3: proof }).await.expect_refusal(RefusalCode::NotStarted);
    let events = server.select("select detail from audit where action = 'login.failed'").await;
    assert_eq!(events, [["broken off"]; 2]);
}

/// Each first half is a guess or tells something; what each lane counts is in `gate/calls.rs`.
#[tokio::test]
async fn every_first_half_that_is_broken_off_is_counted_where_it_belongs() {
    let server = Server::start();
    server.register("naman").await;
    let mut wire = server.connect().await;
    let start = |name: &str| UserCall::StartRegistration {
        name: name.to_owned(),
        request: any_request(),
        invitation: None,
    };
    let begun = wire.call(start("anirudh")).await.unwrap();
    assert!(matches!(begun, UserReply::NewPasswordStarted { .. }), "{begun:?}");
    drop(wire);
    wait_for_failures(&server, "account anirudh", 1).await;
    assert_eq!(
        server.select(LANES).await,
        [["account anirudh", "1"], ["names 127.0.0.0/24", "1"], ["names 127.0.0.1/32", "1"]]
    );
    server.let_everybody_try_again().await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    Halfway::proof(&mut wire, PASSWORD).await;
    drop(wire);
    wait_for_failures(&server, "session naman/%", 1).await;
    let lanes = server.select(LANES).await;
    assert_eq!(lanes.len(), 1, "strangers and sources have no part in it: {lanes:?}");
    server.let_everybody_try_again().await;
    let code = server.issue_code("naman").await;
    let mut wire = server.connect().await;
    let code = || secret(code.expose_secret());
    let start = |request| UserCall::StartReset { name: "naman".to_owned(), code: code(), request };
    drop(seal(&mut wire, OTHER_PASSWORD, start).await.unwrap());
    drop(wire);
    let started = server.select("select subject from audit where action = 'reset.started'").await;
    assert_eq!(started, [["naman"]], "an evaluation by a code is on disk before it is answered");
    assert_eq!(server.select(LANES).await, [[""; 2]; 0]);
}

/// Found by a mutant: a server that stops waits until what it broke off is written down, or a guess would be free.
#[tokio::test]
async fn tries_that_a_stop_breaks_off_are_written_down_before_it() {
    let settings = "gate.attempts_per_address_max = 100\ngate.attempts_per_network_max = 100";
    let server = Server::start_with(settings);
    server.register("naman").await;
    let mut halfway = Vec::new();
    for number in 0..60 {
        let mut wire = server.connect().await;
        Halfway::login(&mut wire, &format!("stranger{number}"), OTHER_PASSWORD).await;
        halfway.push(wire);
    }
    let server = Server::start_in(server.stop());
    let events = server.select("select count(*) from audit where action = 'login.failed'").await;
    assert_eq!(events, [["60"]]);
    drop(halfway);
}

/// Found by a mutant: whoever begins a login to a name that nobody has must not guess another's password on its account.
#[tokio::test]
async fn sec_0065_a_login_begun_for_one_name_does_not_pay_for_a_guess_at_another() {
    let server = Server::start_with("hashing.imported_login_ms = 500");
    server.register("anirudh").await;
    import(&server, &[("naman", PASSWORD)]).await;
    let mut wire = server.connect().await;
    for number in 0..=FREE {
        let begun = wire.call(start_login(&format!("stranger{number}"), None)(any_ke1())).await.unwrap();
        assert!(matches!(begun, UserReply::LoginStarted { .. }), "{begun:?}");
        let guess = refusal_of(wire.call(imported_login("naman", OTHER_PASSWORD)).await.unwrap());
        let expected = if number < FREE { RefusalCode::WrongCredentials } else { RefusalCode::Throttled };
        assert_eq!(guess, expected, "guess {number}");
    }
    // Those that were begun are failures at their own names, and one at the same name is the same guess.
    wait_for_failures(&server, "account stranger0", 1).await;
    server.let_everybody_try_again().await;
    Halfway::login(&mut wire, " NAMAN ", OTHER_PASSWORD).await;
    let guess = refusal_of(wire.call(imported_login("naman", OTHER_PASSWORD)).await.unwrap());
    assert_eq!(guess, RefusalCode::WrongCredentials);
    wait_for_failures(&server, "account naman", 1).await;
    // What was begun with a registration or in a session pays for nothing.
    server.let_everybody_try_again().await;
    let start =
        UserCall::StartRegistration { name: "navneet".to_owned(), request: any_request(), invitation: None };
    wire.call(start).await.unwrap();
    wire.call(imported_login("navneet", OTHER_PASSWORD)).await.unwrap();
    wait_for_failures(&server, "account navneet", 2).await;
}

/// Found in review: what a full queue turned away was forgotten, with the evaluation that had been made before it.
#[tokio::test]
async fn sec_0083_a_guess_that_ends_in_a_busy_answer_counts_as_a_failure() {
    let settings = "hashing.imported_login_ms = 500\nhashing.threads = 1\nhashing.queue_max = 1\n";
    let server = std::sync::Arc::new(Server::start_with(&format!(
        "{settings}gate.attempts_per_address_max = 1000\ngate.attempts_per_network_max = 1000"
    )));
    server.register("naman").await;
    // Somebody keeps the only thread and the only place busy.
    let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let crowd: Vec<_> = (0..6)
        .map(|number| {
            let (server, over) = (server.clone(), over.clone());
            tokio::spawn(async move {
                let mut wire = server.connect().await;
                for round in 0.. {
                    if over.load(std::sync::atomic::Ordering::Relaxed) {
                        return;
                    }
                    let name = format!("crowd{number}.{round}");
                    wire.call(imported_login(&name, OTHER_PASSWORD)).await.unwrap();
                }
            })
        })
        .collect();
    let mut turned_away = 0;
    let mut evaluated = 0;
    while turned_away < 3 {
        let mut wire = server.connect().await;
        // Here a client learns whether its guess is right.
        let Ok(_) = Halfway::start(&mut wire, OTHER_PASSWORD, start_login("naman", None)).await else {
            assert!(evaluated >= FREE, "only {evaluated} guesses were taken");
            break;
        };
        evaluated += 1;
        let reply = wire.call(imported_login("naman", OTHER_PASSWORD)).await.unwrap();
        turned_away += usize::from(refused(reply).is(RefusalCode::Busy));
    }
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    for one in crowd {
        one.await.unwrap();
    }
    assert!(turned_away > 0, "the server was never busy");
    // What is broken off is written down by another task, which a stop waits for.
    let server = std::sync::Arc::into_inner(server).expect("the crowd has gone");
    let server = Server::start_in(server.stop());
    let counted = server.select("select failures from throttle where lane = 'account naman'").await;
    assert_eq!(counted, [[evaluated.to_string()]], "{turned_away} of {evaluated} were turned away");
}

/// Found by fuzzing: the answer came from the connection, and nobody asked whether the session was live.
#[tokio::test]
async fn sec_0040_an_ended_session_and_another_user_see_no_failures_of_an_account() {
    let server = Server::start();
    for name in ["naman", "anirudh"] {
        server.register(name).await;
    }
    fail(&mut server.connect().await, "naman").await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    assert_eq!(wire.notices().await.failures_since_last_login, 1);
    let (mut other, session) = server.log_in("anirudh", PASSWORD).await;
    let resumed = wire.call(UserCall::ResumeSession { token: session.token }).await.unwrap();
    assert!(matches!(resumed, UserReply::SessionResumed { .. }), "{resumed:?}");
    assert_eq!(wire.notices().await.failures_since_last_login, 0);
    other.log_out(true).await;
    wire.ask(UserCall::ShowNotices).await.expect_refusal(RefusalCode::SessionEnded);
}

#[tokio::test]
async fn sec_0081_wrong_codes_are_counted_by_source_and_a_right_one_is_never_throttled() {
    let server = Inside::start().await;
    server.register("naman").await;
    for _ in 0..FREE {
        assert!(server.refused_login("naman", OTHER_PASSWORD).await.is(RefusalCode::WrongCredentials));
    }
    let code = server.issue_code("naman").await;
    let redeem = async |code: &str| reset(&mut server.connect().await, "naman", code, OTHER_PASSWORD).await;
    let mut told = Vec::new();
    for number in 0..12 {
        told.push(refused(redeem(&format!("00000-00000-00000-000{number:02}")).await));
    }
    let (wrong, throttled) = told.split_at(10);
    assert!(wrong.iter().all(|refusal| refusal.is(RefusalCode::WrongCode)), "{told:?}");
    assert!(throttled.iter().all(|refusal| refusal.retry_after_ms == Some(60_000)), "{told:?}");
    server.jump(60);
    assert_eq!(refusal_of(redeem("x").await), RefusalCode::WrongCode, "one a minute");
    redeem("x").await.expect_refusal(RefusalCode::Throttled);
    // A right one is taken all the same: nobody can keep a user from it.
    let redeemed = redeem(code.expose_secret()).await;
    assert!(matches!(redeemed, UserReply::PasswordReset { .. }), "{redeemed:?}");
    logged_in(log_in(&mut server.connect().await, "naman", OTHER_PASSWORD).await);
}

/// The code is used up by a password that is set, and by nothing else.
#[tokio::test]
async fn a_new_password_that_is_refused_is_no_failed_try_of_the_code() {
    let server = Server::start();
    server.register("naman").await;
    let code = server.issue_code("naman").await;
    let mut wire = server.connect().await;
    let start = |request| UserCall::StartReset {
        name: "naman".to_owned(),
        code: secret(code.expose_secret()),
        request,
    };
    let envelope = seal(&mut wire, OTHER_PASSWORD, start).await.unwrap();
    let with = |stretching| {
        let upload = envelope.upload.clone();
        UserCall::FinishReset { envelope: vestry_protocol::user::Envelope { upload, stretching } }
    };
    for _ in 0..=FREE {
        let cheap = Stretching { iterations: envelope.stretching.iterations - 1, ..envelope.stretching };
        wire.ask(with(cheap)).await.expect_refusal(RefusalCode::BadField);
    }
    assert_eq!(server.select(LANES).await, [[""; 2]; 0]);
    let redeemed = wire.call(with(envelope.stretching)).await.unwrap();
    assert!(matches!(redeemed, UserReply::PasswordReset { .. }), "{redeemed:?}");
    server.log_in("naman", OTHER_PASSWORD).await;
}

/// Each evaluation is a guess at the password that the code is to replace.
#[tokio::test]
async fn a_code_is_evaluated_three_times_and_the_codes_of_an_account_six_times_a_day() {
    let server = Inside::start().await;
    server.register("naman").await;
    let first_half = async |code: &str| {
        let code = secret(code);
        let start = |request| UserCall::StartReset { name: "naman".to_owned(), code, request };
        seal(&mut server.connect().await, OTHER_PASSWORD, start).await.map(drop)
    };
    for _ in 0..2 {
        let code = server.issue_code("naman").await;
        for _ in 0..3 {
            first_half(code.expose_secret()).await.unwrap();
        }
        let spent = refused(first_half(code.expose_secret()).await.unwrap_err());
        assert!(spent.is(RefusalCode::CodeSpent), "{spent:?}");
    }
    let code = server.issue_code("naman").await;
    let throttled = refused(first_half(code.expose_secret()).await.unwrap_err());
    assert!(throttled.is(RefusalCode::Throttled) && throttled.retry_after_ms.is_some(), "{throttled:?}");
    // Back and forth through the day that they are counted for.
    server.jump(-DAY);
    assert!(refused(first_half(code.expose_secret()).await.unwrap_err()).is(RefusalCode::Throttled));
    server.jump(2 * DAY);
    let code = server.issue_code("naman").await;
    let redeemed = reset(&mut server.connect().await, "naman", code.expose_secret(), OTHER_PASSWORD).await;
    assert!(matches!(redeemed, UserReply::PasswordReset { .. }), "{redeemed:?}");
}

#[tokio::test]
async fn asking_by_registration_who_has_a_name_is_slowed_down() {
    let server = Inside::start().await;
    server.register("naman").await;
    let ask = async |name: &str| {
        let call =
            UserCall::StartRegistration { name: name.to_owned(), request: any_request(), invitation: None };
        refused(server.call(call).await)
    };
    for variant in ["naman", "NAMAN"].repeat(5) {
        assert!(ask(variant).await.is(RefusalCode::NameTaken));
    }
    let throttled = ask("naman").await;
    assert_eq!(
        (throttled.known_code(), throttled.retry_after_ms),
        (Some(RefusalCode::Throttled), Some(1_000))
    );
    // A free name tells as much.
    assert!(ask("nobody-here").await.is(RefusalCode::Throttled));
    server.jump(1);
    assert!(ask("naman").await.is(RefusalCode::NameTaken), "one a second");
    assert!(ask("naman").await.is(RefusalCode::Throttled));
    // Nobody is kept from logging in by it.
    server.log_in("naman").await;
}

#[tokio::test]
async fn registrations_are_limited_by_address_and_by_the_hour() {
    for (settings, wait_ms) in [
        ("gate.registrations_per_address_max = 3", 60_000),
        ("gate.registrations_per_network_max = 3", 30_000),
        ("gate.registrations_per_hour_max = 3", 1_200_000),
    ] {
        let server = Inside::start_with(settings).await;
        for number in 0..3 {
            server.register(&format!("person{number}")).await;
        }
        let refused =
            light::register(&mut server.connect().await, "late", PASSWORD, Profile::default()).await;
        let UserReply::Refused(refused) = refused else { panic!("{settings}: {refused:?}") };
        assert_eq!(
            (refused.known_code(), refused.retry_after_ms),
            (Some(RefusalCode::Throttled), Some(wait_ms)),
            "{settings}"
        );
        let status = server.connect_as_operator().await.status().await;
        assert_eq!(status.registrations, 3, "{settings}");
        assert_eq!(status.registrations == status.registrations_max, settings.contains("hour"), "{settings}");
        assert_eq!(status.attempts_under_way, 0);
        server.jump(i64::try_from(wait_ms / 1_000).unwrap());
        server.register("late").await;
    }
}

/// Each is an event that is kept for a year.
#[tokio::test]
async fn sec_0079_writes_are_throttled_after_thirty_and_ending_a_session_never_is() {
    let server = Server::start_with("gate.write_interval_ms = 3600000");
    for name in ["naman", "anirudh"] {
        server.register(name).await;
    }
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let (mut second, _) = server.log_in("naman", PASSWORD).await;
    let update = |age| UserCall::UpdateAccount(talk::age(age));
    for age in 0..30 {
        let wire = if age % 2 == 0 { &mut wire } else { &mut second };
        let updated = wire.call(update(age)).await.unwrap();
        assert!(matches!(updated, UserReply::AccountUpdated(_)), "{age}: {updated:?}");
    }
    for wire in [&mut wire, &mut second] {
        let throttled = refused(wire.call(update(99)).await.unwrap());
        assert!(throttled.is(RefusalCode::Throttled), "{throttled:?}");
        assert!(throttled.retry_after_ms.is_some_and(|ms| (1..=3_600_000).contains(&ms)), "{throttled:?}");
    }
    let account = wire.show().await;
    assert_eq!(account.profile.age, Some(29));
    let (mut other, _) = server.log_in("anirudh", PASSWORD).await;
    assert!(matches!(other.call(update(1)).await.unwrap(), UserReply::AccountUpdated(_)));
    // Whoever stole a session and writes all the time keeps its owner from nothing that ends it.
    let sessions = wire.sessions().await;
    let id = sessions.iter().find(|session| !session.current).unwrap().id;
    let revoked = wire.call(UserCall::RevokeSession { id }).await.unwrap();
    assert!(matches!(revoked, UserReply::SessionRevoked), "{revoked:?}");
    let changed = change_password(&mut wire, PASSWORD, OTHER_PASSWORD).await;
    assert!(matches!(changed, UserReply::PasswordChanged(_)), "{changed:?}");
    let email = ProfileUpdate { email: Change::Clear, ..ProfileUpdate::default() };
    let updated = prove_and(&mut wire, OTHER_PASSWORD, UserCall::UpdateAccount(email)).await;
    assert!(matches!(updated, UserReply::AccountUpdated(_)), "{updated:?}");
    let (mut second, _) = server.log_in("naman", OTHER_PASSWORD).await;
    let out = wire.call(UserCall::LogOut { everywhere: true }).await.unwrap();
    assert!(matches!(out, UserReply::LoggedOut { sessions_ended: 2 }), "{out:?}");
    second.ask(UserCall::ShowAccount).await.expect_refusal(RefusalCode::SessionEnded);
    let (mut last, _) = server.log_in("naman", OTHER_PASSWORD).await;
    let deleted = prove_and(&mut last, OTHER_PASSWORD, UserCall::DeleteAccount).await;
    assert!(matches!(deleted, UserReply::AccountDeleted { .. }), "{deleted:?}");
}

#[tokio::test]
async fn a_right_password_starts_its_own_lane_anew_and_no_sources() {
    let server = Server::start();
    server.register("naman").await;
    let lanes = async || server.select(LANES).await;
    for _ in 0..3 {
        fail(&mut server.connect().await, "naman").await;
    }
    let sources = [["source 127.0.0.0/24", "3"], ["source 127.0.0.1/32", "3"]];
    assert_eq!(lanes().await, [&[["account naman", "3"]], &sources[..]].concat());
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    assert_eq!(lanes().await, sources);
    // The lane of the session, too.
    prove(&mut wire, OTHER_PASSWORD).await.expect_refusal(RefusalCode::WrongCredentials);
    let id = server.select("select id from sessions").await[0][0].clone();
    assert!(lanes().await.contains(&vec![format!("session naman/{id}"), "1".to_owned()]));
    assert!(matches!(prove(&mut wire, PASSWORD).await, UserReply::PasswordProven));
    assert_eq!(lanes().await, sources, "who guesses in a session is known by its account");
    let proven = server.select("select count(*) from audit where action = 'password.proven'").await;
    assert_eq!(proven, [["1"]], "a proof that nothing failed before leaves no trace");
    assert!(matches!(prove(&mut wire, PASSWORD).await, UserReply::PasswordProven));
    assert_eq!(server.select("select count(*) from audit where action = 'password.proven'").await, proven);
}

#[tokio::test]
async fn the_programs_tell_the_user_of_failures_and_the_operator_who_is_held_up() {
    let server = Server::start();
    let person = Person::new();
    person.join(&server);
    person.vestry(&["register", "naman", "--no-login", "--password-stdin"], PASSWORD).ended_with(0);
    let log_in = ["login", "naman", "--password-stdin"];
    person.vestry(&log_in, PASSWORD).ended_with(0);
    fail_until_the_address_is_throttled(&server, "naman").await;
    let listed = person.vestryctl(&server, &["--format", "csv", "throttle"]).ended_with(0);
    assert!(listed.out.contains("\"account naman\",5,"), "{}", listed.out);
    assert!(listed.out.contains("\"source 127.0.0.0/24\",20,"), "{}", listed.out);
    // The machine is known by now and is not throttled.
    let again = person.vestry(&log_in, PASSWORD).ended_with(0);
    assert!(again.err.contains("5 logins failed since then"), "{}", again.err);
    // Another one is, for longer than its program waits by itself.
    let stranger = Person::new();
    stranger.join(&server);
    let held = stranger.vestry(&log_in, PASSWORD).ended_with(75);
    assert!(held.err.contains("too many attempts; try again in "), "{}", held.err);
    let cleared = person.vestryctl(&server, &["throttle", "clear", "Naman"]).ended_with(0);
    assert_eq!(cleared.out, "1 lane is open again\n");
    let cleared = person.vestryctl(&server, &["throttle", "clear", "127.0.0.1/32"]).ended_with(0);
    assert_eq!(cleared.out, "2 lanes are open again\n", "failures, and the account that was registered");
    stranger.vestry(&log_in, PASSWORD).ended_with(0);
}

#[tokio::test]
async fn the_client_waits_by_itself_for_a_lane_that_opens_within_seconds() {
    let server = Server::start();
    let person = Person::new();
    person.join(&server);
    person.vestry(&["register", "naman", "--no-login", "--password-stdin"], PASSWORD).ended_with(0);
    fail_until_throttled(&server, "naman").await;
    let opened = person.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    assert!(opened.err.contains("5 logins failed before it"), "{}", opened.err);
}

/// Each computes for as long as its password stretches, and more than five at once have to wait for a slot.
#[tokio::test]
async fn ten_right_logins_of_one_account_at_once_all_succeed() {
    let server = Server::start();
    let people: Vec<Person> = (0..10).map(|_| Person::new()).collect();
    people.iter().for_each(|person| person.join(&server));
    people[0].vestry(&["register", "naman", "--no-login", "--password-stdin"], PASSWORD).ended_with(0);
    std::thread::scope(|scope| {
        for person in &people {
            scope.spawn(|| person.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(0));
        }
    });
    assert_eq!(server.select("select count(*) from sessions").await, [["10"]]);
}

#[tokio::test]
async fn sec_0046_neither_a_new_connection_nor_a_restart_forgets_a_failure() {
    let server = Server::start();
    server.register("naman").await;
    // An address waits for a minute, which no restart takes.
    fail_until_the_address_is_throttled(&server, "naman").await;
    let all = "select lane, failures, opens from throttle order by lane";
    let before = server.select(all).await;
    assert!(before.len() > FREE_OF_ADDRESS - FREE, "{before:?}");
    let server = Server::start_in(server.stop());
    let refused = server.refused_login("naman", PASSWORD).await;
    assert!(refused.is(RefusalCode::Throttled), "{refused:?}");
    assert_eq!(server.select(all).await, before);
    let server = Server::start_in(server.kill());
    assert!(server.refused_login("naman", PASSWORD).await.is(RefusalCode::Throttled));
    assert_eq!(server.select(all).await, before);
}

#[tokio::test]
async fn sec_0047_whichever_way_and_however_a_name_is_written_one_counter_counts() {
    let server = Inside::start_with("hashing.imported_login_ms = 500").await;
    server.register("naman").await;
    for name in ["naman", " NAMAN "] {
        let refused = server.refused_login(name, OTHER_PASSWORD).await;
        assert!(refused.is(RefusalCode::WrongCredentials), "{name:?}: {refused:?}");
    }
    for name in ["Naman", "naMan"] {
        let refused = refusal_of(server.call(imported_login(name, OTHER_PASSWORD)).await);
        assert_eq!(refused, RefusalCode::WrongCredentials, "{name:?}");
    }
    let mut wire = server.connect().await;
    Halfway::login(&mut wire, "naman\t", OTHER_PASSWORD).await;
    wire.ask(finish_login(vec![0; 64])).await.expect_refusal(RefusalCode::WrongCredentials);
    for name in ["naman", "NAMAN"] {
        assert!(server.refused_login(name, PASSWORD).await.is(RefusalCode::Throttled), "{name:?}");
        let imported = server.call(imported_login(name, PASSWORD)).await;
        assert_eq!(refusal_of(imported), RefusalCode::Throttled, "{name:?}");
    }
    // A second is waited at least, and the clock tells only whole ones.
    server.jump(1);
    assert!(server.refused_login("naman", PASSWORD).await.is(RefusalCode::Throttled));
    server.jump(1);
    server.log_in("naman").await;
    // A name without an account: what begins a registration of it is a guess at whoever gets it, in the same lane.
    for name in ["maria", "MARIA"] {
        assert!(server.refused_login(name, PASSWORD).await.is(RefusalCode::WrongCredentials), "{name:?}");
    }
    let registration = |name: &str| UserCall::StartRegistration {
        name: name.to_owned(),
        request: any_request(),
        invitation: None,
    };
    let mut held = Vec::new();
    for name in ["Maria", "mariA", " maria"] {
        let mut wire = server.connect().await;
        let begun = wire.call(registration(name)).await.unwrap();
        assert!(matches!(begun, UserReply::NewPasswordStarted { .. }), "{name:?}: {begun:?}");
        held.push(wire);
    }
    drop(held);
    let lane =
        || AdminCall::Query { sql: "select failures from throttle where lane = 'account maria'".to_owned() };
    while rows_of(&mut server.connect_as_operator().await, lane()).await.unwrap() != [["5"]] {
        tokio::task::yield_now().await;
    }
    assert!(server.refused_login("maria", PASSWORD).await.is(RefusalCode::Throttled));
    server.call(registration("maria")).await.expect_refusal(RefusalCode::Throttled);
    server.call(imported_login("maria", PASSWORD)).await.expect_refusal(RefusalCode::Throttled);
}

#[tokio::test]
async fn sec_0049_who_is_held_up_learns_nothing_about_the_account() {
    let settings = "hashing.imported_login_ms = 500\ngate.attempts_per_address_max = 100\ngate.attempts_per_network_max = 100";
    let server = Inside::start_with(settings).await;
    for name in ["naman", "barred"] {
        server.register(name).await;
    }
    let barred = AdminCall::SuspendAccount { name: "barred".to_owned(), until: None, reason: None };
    server.operate(barred).await;
    let invited = AdminCall::CreateAccount { name: "invited".to_owned(), profile: Profile::default() };
    server.operate(invited).await;
    let mut told = Vec::new();
    for name in ["naman", "barred", "invited", "stranger", "not a name!"] {
        for _ in 0..FREE {
            let wrong = server.refused_login(name, OTHER_PASSWORD).await;
            assert!(wrong.is(RefusalCode::WrongCredentials), "{name}: {wrong:?}");
        }
        told.push(server.refused_login(name, PASSWORD).await);
        told.push(refused(server.call(imported_login(name, PASSWORD)).await));
    }
    assert!(told.iter().all(|refusal| *refusal == told[0]), "{told:?}");
    assert_eq!((told[0].known_code(), told[0].retry_after_ms), (Some(RefusalCode::Throttled), Some(2_000)));
}

#[tokio::test]
async fn a_stolen_session_cannot_be_used_to_guess_the_password() {
    let server = Inside::start().await;
    server.register("naman").await;
    let (mut wire, token) = server.log_in("naman").await;
    let guess = || UserCall::DeleteAccount;
    for _ in 0..FREE {
        prove_and(&mut wire, OTHER_PASSWORD, guess()).await.expect_refusal(RefusalCode::WrongCredentials);
    }
    prove_and(&mut wire, PASSWORD, guess()).await.expect_refusal(RefusalCode::Throttled);
    // Another connection with the same session is no way around.
    let mut other = server.connect().await;
    other.call(UserCall::ResumeSession { token }).await.unwrap();
    prove(&mut other, PASSWORD).await.expect_refusal(RefusalCode::Throttled);
    wire.show().await;
    // The user, who logs in, is not kept out by it, and is told.
    let (mut own, _) = server.log_in("naman").await;
    assert_eq!(own.notices().await.failures_since_last_login, u64::try_from(FREE).unwrap());
    server.jump(2);
    assert!(matches!(prove(&mut wire, PASSWORD).await, UserReply::PasswordProven));
}
