//! Failures in a row: they hold strangers up and nobody else, whichever way was tried and however often the server or
//! the connection began anew.

use crate::inside::Inside;
use vestry_protocol::admin::AdminCall;
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::secret::SessionToken;
use vestry_protocol::user::{Change, ProfileUpdate, UserCall, UserReply};
use vestry_tests::exchanges::{Halfway, finish_login};
use vestry_tests::harness::{
    OTHER_PASSWORD, PASSWORD, Server, UserWire, login, refusal_of, registration, secret,
};
use vestry_tests::light;
use vestry_tests::programs::Person;

/// So many failures cost an account nothing yet.
const FREE: usize = 5;

async fn fail(wire: &mut UserWire, name: &str) -> RefusalCode {
    refusal_of(wire.call(login(name, OTHER_PASSWORD)).await.unwrap())
}

async fn fail_until_held(server: &Server, name: &str) {
    for _ in 0..FREE {
        assert_eq!(fail(&mut server.connect().await, name).await, RefusalCode::WrongCredentials);
    }
}

async fn refusal(server: &Server, call: UserCall) -> Refusal {
    match server.connect().await.call(call).await.unwrap() {
        UserReply::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

async fn remembered(wire: &mut UserWire) -> SessionToken {
    match wire.call(UserCall::RememberDevice).await.unwrap() {
        UserReply::DeviceRemembered { token } => token,
        other => panic!("{other:?}"),
    }
}

async fn present(wire: &mut UserWire, token: &SessionToken) -> bool {
    let token = SessionToken::from_bytes(*token.expose_secret());
    match wire.call(UserCall::PresentDevice { token }).await.unwrap() {
        UserReply::DevicePresented { known } => known,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn sec_0045_a_thousand_failures_of_strangers_do_not_hold_up_a_session_or_a_known_device() {
    let server = Server::start();
    light::register(&server, "naman").await;
    let mut inside = server.connect().await;
    light::log_in(&mut inside, "naman").await;
    let token = remembered(&mut inside).await;
    let mut stranger = server.connect().await;
    let mut counted = 0;
    for _ in 0..1_000 {
        counted += usize::from(fail(&mut stranger, "naman").await == RefusalCode::WrongCredentials);
    }
    assert!((FREE..20).contains(&counted), "{counted} guesses were taken");
    assert_eq!(refusal(&server, login("naman", PASSWORD)).await.known_code(), Some(RefusalCode::Throttled));
    assert!(matches!(inside.call(UserCall::ShowAccount).await.unwrap(), UserReply::AccountShown(_)));
    let mut device = server.connect().await;
    assert!(present(&mut device, &token).await);
    let opened = light::log_in(&mut device, "naman").await;
    assert!(matches!(opened, UserReply::LoggedIn(_)), "{opened:?}");
}

#[tokio::test]
async fn a_token_that_is_not_of_a_device_changes_nothing() {
    let server = Server::start();
    light::register(&server, "naman").await;
    let mut wire = server.connect().await;
    let UserReply::LoggedIn(session) = light::log_in(&mut wire, "naman").await else { panic!("refused") };
    let mut other = server.connect().await;
    assert!(!present(&mut other, &session.token).await, "a session's token was taken for a device's");
    let token = remembered(&mut wire).await;
    let resumed = other.call(UserCall::ResumeSession { token }).await.unwrap();
    assert_eq!(refusal_of(resumed), RefusalCode::SessionEnded);
}

/// A client knows from KE2 whether its password is right, and need not say so.
#[tokio::test]
async fn sec_0048_an_exchange_that_is_broken_off_counts_as_a_failure() {
    let server = Server::start();
    light::register(&server, "naman").await;
    let mut held = Vec::new();
    for _ in 0..FREE {
        let mut wire = server.connect().await;
        Halfway::login(&mut wire, "naman", OTHER_PASSWORD).await;
        held.push(wire);
    }
    let call = || UserCall::StartLogin { name: "naman".to_owned(), ke1: vec![7; 96] };
    assert_eq!(refusal(&server, call()).await.known_code(), Some(RefusalCode::Throttled), "while under way");
    drop(held);
    let counted = "select failures from throttle where lane = 'account naman'";
    while server.select(counted).await != [["5"]] {
        tokio::task::yield_now().await;
    }
    let events = server.select("select detail from audit where action = 'login.failed'").await;
    assert_eq!(events, [["broken off"]; FREE]);
    // Starting over on one connection is no way around.
    server.let_everybody_try_again().await;
    let mut wire = server.connect().await;
    let mut refused = 0;
    for _ in 0..20 {
        let reply =
            wire.call(UserCall::StartLogin { name: "naman".to_owned(), ke1: real_ke1() }).await.unwrap();
        refused += usize::from(matches!(reply, UserReply::Refused(_)));
    }
    assert!(refused >= 20 - FREE - 2, "{refused} of 20 were refused");
}

/// Found by a mutant: a server that stops waits until what it broke off is written down, or a guess would be free.
#[tokio::test]
async fn tries_that_a_stop_breaks_off_are_written_down_before_it() {
    let server = Server::start_with("connections_per_source_max = 100");
    light::register(&server, "naman").await;
    let mut halfway = Vec::new();
    for number in 0..60 {
        let mut wire = server.connect().await;
        let name = format!("stranger{number}");
        let reply = wire.call(UserCall::StartLogin { name, ke1: real_ke1() }).await.unwrap();
        if matches!(reply, UserReply::LoginStarted { .. }) {
            halfway.push(wire);
        }
    }
    assert!(halfway.len() >= FREE, "{}", halfway.len());
    let server = Server::start_in(server.stop());
    let events = server.select("select count(*) from audit where action = 'login.failed'").await;
    assert_eq!(events, [[halfway.len().to_string()]]);
}

/// Found by a mutant: whoever begins a login to a name that nobody has must not guess another's password on its account.
#[tokio::test]
async fn sec_0065_a_login_that_was_begun_for_one_name_does_not_pay_for_a_guess_at_another() {
    let server = Server::start();
    server.register("naman").await;
    let mut wire = server.connect().await;
    for number in 0..=FREE {
        let begun = UserCall::StartLogin { name: format!("stranger{number}"), ke1: real_ke1() };
        let begun = wire.call(begun).await.unwrap();
        assert!(matches!(begun, UserReply::LoginStarted { .. }), "{begun:?}");
        let expected = if number < FREE { RefusalCode::WrongCredentials } else { RefusalCode::Throttled };
        assert_eq!(fail(&mut wire, "naman").await, expected, "guess {number}");
    }
}

fn real_ke1() -> Vec<u8> {
    let password = vestry_tests::exchanges::password(OTHER_PASSWORD);
    let mut random = vestry_opaque::SystemRandom::open().unwrap();
    vestry_opaque::ProvingPassword::start(&password, &mut random).unwrap().1
}

/// Found by fuzzing: the answer came from the connection, and nobody asked whether the session was live.
#[tokio::test]
async fn sec_0040_a_session_that_has_ended_is_told_of_no_failures_and_another_user_of_none_of_its() {
    let server = Server::start();
    for name in ["naman", "anirudh"] {
        server.register(name).await;
    }
    fail(&mut server.connect().await, "naman").await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let shown = wire.call(UserCall::ShowFailures).await.unwrap();
    assert!(matches!(shown, UserReply::FailuresShown { since_last_login: 1 }), "{shown:?}");
    let (mut other, session) = server.log_in("anirudh", PASSWORD).await;
    let resumed = wire.call(UserCall::ResumeSession { token: session.token }).await.unwrap();
    assert!(matches!(resumed, UserReply::SessionResumed { .. }), "{resumed:?}");
    let shown = wire.call(UserCall::ShowFailures).await.unwrap();
    assert!(matches!(shown, UserReply::FailuresShown { since_last_login: 0 }), "{shown:?}");
    other.call(UserCall::LogOut { everywhere: true }).await.unwrap();
    assert_eq!(refusal_of(wire.call(UserCall::ShowFailures).await.unwrap()), RefusalCode::SessionEnded);
}

#[tokio::test]
async fn one_time_codes_are_guessed_as_slowly_as_passwords_and_a_right_one_opens_every_lane() {
    let server = Server::start();
    server.register("naman").await;
    fail_until_held(&server, "naman").await;
    let issued = server.operate(AdminCall::ResetAccount { name: "naman".to_owned() }).await;
    let vestry_protocol::admin::AdminReply::CodeIssued { code, .. } = issued else { panic!("{issued:?}") };
    let redeem = |code: &str| UserCall::RedeemResetCode {
        name: "naman".to_owned(),
        code: secret(code),
        new: secret(OTHER_PASSWORD),
    };
    for _ in 0..FREE - 1 {
        let refused = refusal(&server, redeem("00000-00000-00000-00000")).await;
        assert_eq!(refused.known_code(), Some(RefusalCode::WrongCredentials));
    }
    let redeemed = server.connect().await.call(redeem(code.expose_secret())).await.unwrap();
    assert!(matches!(redeemed, UserReply::PasswordReset { .. }), "{redeemed:?}");
    server.log_in("naman", OTHER_PASSWORD).await;
}

/// The code is not looked at when the new password breaks a rule, so whoever types it is not held up by that.
#[tokio::test]
async fn a_new_password_that_is_refused_is_no_failed_try_of_the_code() {
    let server = Server::start();
    server.register("naman").await;
    let issued = server.operate(AdminCall::ResetAccount { name: "naman".to_owned() }).await;
    let vestry_protocol::admin::AdminReply::CodeIssued { code, .. } = issued else { panic!("{issued:?}") };
    let redeem = |new: &str| UserCall::RedeemResetCode {
        name: "naman".to_owned(),
        code: secret(code.expose_secret()),
        new: secret(new),
    };
    for _ in 0..=FREE {
        let refused = refusal(&server, redeem("too short")).await;
        assert_eq!(refused.known_code(), Some(RefusalCode::PasswordRefused));
    }
    let redeemed = server.connect().await.call(redeem(OTHER_PASSWORD)).await.unwrap();
    assert!(matches!(redeemed, UserReply::PasswordReset { .. }), "{redeemed:?}");
}

#[tokio::test]
async fn asking_by_registration_who_has_a_name_is_slowed_down() {
    let server = Server::start();
    server.register("naman").await;
    let mut taken = 0;
    loop {
        match refusal(&server, registration("naman", PASSWORD)).await.known_code() {
            Some(RefusalCode::NameTaken) => taken += 1,
            Some(RefusalCode::Throttled) => break,
            other => panic!("{other:?}"),
        }
        assert!(taken < 100, "nobody was held up");
    }
    assert!(taken >= 20, "{taken}");
}

#[tokio::test]
async fn a_new_password_makes_every_device_a_stranger_again() {
    let server = Server::start();
    server.register("naman").await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let token = remembered(&mut wire).await;
    let call = UserCall::ChangePassword { current: secret(PASSWORD), new: secret(OTHER_PASSWORD) };
    assert!(matches!(wire.call(call).await.unwrap(), UserReply::PasswordChanged(_)));
    assert!(!present(&mut server.connect().await, &token).await);
}

#[tokio::test]
async fn a_right_password_starts_its_own_lane_anew_and_no_sources() {
    let server = Server::start();
    server.register("naman").await;
    let lanes = async || server.select("select lane, failures from throttle order by lane").await;
    for _ in 0..3 {
        fail(&mut server.connect().await, "naman").await;
    }
    let sources = [["source 127.0.0.0/24", "3"], ["source 127.0.0.1/32", "3"]];
    assert_eq!(lanes().await, [&[["account naman", "3"]], &sources[..]].concat());
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    assert_eq!(lanes().await, sources);
    // The lane of the account's sessions, too.
    let prove = async |wire: &mut UserWire, password| {
        let email = Change::Set("n@example.org".to_owned());
        let update = ProfileUpdate { email, password: Some(secret(password)), ..ProfileUpdate::default() };
        wire.call(UserCall::UpdateAccount(update)).await.unwrap()
    };
    assert_eq!(refusal_of(prove(&mut wire, OTHER_PASSWORD).await), RefusalCode::WrongCredentials);
    assert!(lanes().await.contains(&vec!["session naman".to_owned(), "1".to_owned()]));
    assert!(matches!(prove(&mut wire, PASSWORD).await, UserReply::AccountUpdated(_)));
    assert_eq!(lanes().await, sources, "who guesses in a session is known by its account");
    let proven = server.select("select count(*) from audit where action = 'password.proven'").await;
    assert_eq!(proven, [["1"]], "a proof that nothing failed before leaves no trace");
    assert!(matches!(prove(&mut wire, PASSWORD).await, UserReply::AccountUpdated(_)));
    assert_eq!(server.select("select count(*) from audit where action = 'password.proven'").await, proven);
}

#[tokio::test]
async fn the_programs_tell_the_user_of_failures_and_the_operator_who_is_held_up() {
    let server = Server::start();
    let person = Person::new();
    person.join(&server);
    server.register("naman").await;
    let log_in = ["login", "naman", "--password-stdin"];
    person.vestry(&log_in, PASSWORD).ended_with(0);
    fail_until_held(&server, "naman").await;
    let listed = person.vestryctl(&server, &["--format", "csv", "throttle"]).ended_with(0);
    assert!(listed.out.contains("\"account naman\",5,"), "{}", listed.out);
    assert!(listed.out.contains("\"source 127.0.0.0/24\",5,"), "{}", listed.out);
    // The machine is known by now and is not held up.
    let again = person.vestry(&log_in, PASSWORD).ended_with(0);
    assert!(again.err.contains("5 logins failed since then"), "{}", again.err);
    // Another one is.
    let stranger = Person::new();
    stranger.join(&server);
    // After the seventh failure four seconds are waited, which no start of a program takes.
    let mut wire = server.connect().await;
    while server.select("select failures from throttle where lane = 'account naman'").await != [["7"]] {
        fail(&mut wire, "naman").await;
    }
    let held = stranger.vestry(&log_in, PASSWORD).ended_with(75);
    assert!(held.err.contains("too many failed attempts; try again in "), "{}", held.err);
    let cleared = person.vestryctl(&server, &["throttle", "clear", "Naman"]).ended_with(0);
    assert_eq!(cleared.out, "1 lane is open again\n");
    stranger.vestry(&log_in, PASSWORD).ended_with(0);
}

#[tokio::test]
async fn sec_0046_neither_a_new_connection_nor_a_restart_forgets_a_failure() {
    let server = Server::start();
    server.register("naman").await;
    // After the seventh failure four seconds are waited, which no restart takes.
    let failures = "select failures from throttle where lane = 'account naman'";
    while server.select(failures).await != [["7"]] {
        fail(&mut server.connect().await, "naman").await;
    }
    let server = Server::start_in(server.stop());
    let refused = refusal(&server, login("naman", PASSWORD)).await;
    assert_eq!(server.select(failures).await, [["7"]]);
    assert_eq!(refused.known_code(), Some(RefusalCode::Throttled), "{refused:?}");
}

#[tokio::test]
async fn a_device_has_a_lane_of_its_own_which_is_held_up_by_its_own_failures() {
    let server = Inside::start().await;
    for name in ["naman", "anirudh"] {
        server.call(registration(name, PASSWORD)).await;
    }
    let (mut wire, _) = server.log_in("naman").await;
    let token = remembered(&mut wire).await;
    let mut device = server.connect().await;
    present(&mut device, &token).await;
    for _ in 0..FREE {
        assert_eq!(fail(&mut device, "naman").await, RefusalCode::WrongCredentials);
    }
    assert_eq!(fail(&mut device, "naman").await, RefusalCode::Throttled);
    // To any other account it is a stranger, and strangers are not held up by it.
    let opened = device.call(login("anirudh", PASSWORD)).await.unwrap();
    assert!(matches!(opened, UserReply::LoggedIn(_)), "{opened:?}");
    server.log_in("naman").await;
}

#[tokio::test]
async fn sec_0047_whichever_way_and_however_a_name_is_written_one_counter_counts() {
    let server = Inside::start().await;
    server.call(registration("naman", PASSWORD)).await;
    for name in ["naman", " NAMAN ", "Naman"] {
        assert_eq!(fail(&mut server.connect().await, name).await, RefusalCode::WrongCredentials);
    }
    for name in ["naMan", "naman\t"] {
        let mut wire = server.connect().await;
        Halfway::login(&mut wire, name, OTHER_PASSWORD).await;
        let refused = wire.call(finish_login(vec![0; 64])).await.unwrap();
        assert_eq!(refusal_of(refused), RefusalCode::WrongCredentials);
    }
    for name in ["naman", "NAMAN"] {
        assert_eq!(fail(&mut server.connect().await, name).await, RefusalCode::Throttled);
        let call = UserCall::StartLogin { name: name.to_owned(), ke1: real_ke1() };
        assert_eq!(refusal_of(server.call(call).await), RefusalCode::Throttled);
    }
    // A second is waited at least, and the clock tells only whole ones.
    server.jump(1);
    assert_eq!(fail(&mut server.connect().await, "naman").await, RefusalCode::Throttled);
    server.jump(1);
    server.log_in("naman").await;
}

#[tokio::test]
async fn sec_0049_who_is_held_up_learns_nothing_about_the_account() {
    let server = Inside::start().await;
    for name in ["naman", "barred"] {
        server.call(registration(name, PASSWORD)).await;
    }
    let barred = AdminCall::SuspendAccount { name: "barred".to_owned(), until: None, reason: None };
    server.operate(barred).await;
    let mut told = Vec::new();
    for name in ["naman", "barred", "stranger"] {
        for _ in 0..FREE {
            assert_eq!(fail(&mut server.connect().await, name).await, RefusalCode::WrongCredentials);
        }
        let UserReply::Refused(refusal) = server.call(login(name, PASSWORD)).await else { panic!("{name}") };
        told.push(refusal);
    }
    assert!(told.iter().all(|refusal| *refusal == told[0]), "{told:?}");
    assert_eq!((told[0].known_code(), told[0].retry_after_ms), (Some(RefusalCode::Throttled), Some(2_000)));
}

#[tokio::test]
async fn a_stolen_session_cannot_be_used_to_guess_the_password() {
    let server = Inside::start().await;
    server.call(registration("naman", PASSWORD)).await;
    let (mut wire, _) = server.log_in("naman").await;
    let guess = || UserCall::DeleteAccount { password: secret(OTHER_PASSWORD) };
    for _ in 0..FREE {
        assert_eq!(refusal_of(wire.call(guess()).await.unwrap()), RefusalCode::WrongCredentials);
    }
    assert_eq!(refusal_of(wire.call(guess()).await.unwrap()), RefusalCode::Throttled);
    assert!(matches!(wire.call(UserCall::ShowAccount).await.unwrap(), UserReply::AccountShown(_)));
    // The user, who logs in, is told.
    let (mut wire, _) = server.log_in("naman").await;
    let told = wire.call(UserCall::ShowFailures).await.unwrap();
    assert!(matches!(told, UserReply::FailuresShown { since_last_login: 5 }), "{told:?}");
}
