//! What time does: sessions, codes and suspensions end, deleted accounts are purged, clocks jump. The server runs
//! inside the test, with a clock that the test moves.

use crate::inside::{DAY, HOUR, Inside, machine_time};
use std::sync::atomic::Ordering;
use vestry_protocol::UnixSeconds;
use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::refusal::{Detail, RefusalCode, SessionEnd};
use vestry_protocol::user::{Profile, UserCall, UserReply};
use vestry_server::sweep::Swept;
use vestry_tests::harness::{OTHER_PASSWORD, PASSWORD, rows_of};
use vestry_tests::light::{self, prove_and, reset};
use vestry_tests::played::Played;
use vestry_tests::talk::{Operator, Refusable, User, age};

#[tokio::test]
async fn a_session_ends_an_hour_after_its_last_use_and_a_day_after_its_login() {
    let server = Inside::start().await;
    server.register("naman").await;
    let (mut open, token) = server.log_in("naman").await;
    for _ in 0..23 {
        server.jump(HOUR - 1);
        assert!(server.is_live(&token).await);
    }
    server.jump(HOUR);
    assert!(!server.is_live(&token).await, "a day has passed");
    let refusal = open.ask(UserCall::ShowAccount).await.refusal().unwrap();
    assert_eq!(refusal.detail(), Some(Detail::Ended(Some(SessionEnd::Expired.into()))));
    let (_, token) = server.log_in("naman").await;
    server.jump(HOUR);
    assert!(!server.is_live(&token).await, "an hour without use has passed");
}

#[tokio::test]
async fn sec_0023_a_clock_that_jumps_revives_no_session_and_lets_a_new_login_in() {
    let server = Inside::start().await;
    server.register("naman").await;
    for jump in [-DAY, 10 * 365 * DAY, i64::from(i32::MAX) - machine_time().seconds() + 1] {
        let (_, token) = server.log_in("naman").await;
        server.jump(DAY + 1);
        assert!(!server.is_live(&token).await);
        server.sweep().await;
        server.jump(-DAY);
        assert!(!server.is_live(&token).await, "the clock went back and the session came back");
        server.jump(jump);
        let (_, token) = server.log_in("naman").await;
        assert!(server.is_live(&token).await);
    }
}

#[tokio::test]
async fn a_suspension_ends_by_its_date_even_before_the_housekeeping_comes_by() {
    let server = Inside::start().await;
    server.register("naman").await;
    let until = server.now().plus(DAY);
    suspend(&server, Some(until)).await;
    assert!(server.refused_login("naman", PASSWORD).await.is(RefusalCode::Suspended));
    server.jump(DAY);
    server.log_in("naman").await;
    assert_eq!(server.sweep().await, Swept { purged: 0, resumed: 1 });
    suspend(&server, None).await;
    server.jump(3650 * DAY);
    assert!(server.refused_login("naman", PASSWORD).await.is(RefusalCode::Suspended));
    assert_eq!(server.sweep().await, Swept { purged: 0, resumed: 0 });
}

async fn suspend(server: &Inside, until: Option<UnixSeconds>) {
    let now = server.now();
    let act = move |tx: &vestry_store::WriteTx<'_>| {
        let name = vestry_protocol::fields::Username::parse("naman").unwrap();
        let account = tx.account(&name, now)?.unwrap();
        let noted = tx.note_on(account.id, &Played("test"), &EVENT)?;
        tx.suspend_account(&noted, until, None, now)
    };
    server.store.write(act).await.unwrap();
}

const EVENT: vestry_store::Event<'_> = vestry_store::Event {
    at: UnixSeconds::from_seconds(0),
    actor_kind: vestry_store::ActorKind::Server,
    actor: vestry_store::Party::Text("test"),
    subject: vestry_store::Party::Text("naman"),
    source: "",
    detail: "",
};

#[tokio::test]
async fn a_deleted_account_keeps_its_name_for_seven_days_and_is_then_gone_for_good() {
    let server = Inside::start().await;
    server.register("naman").await;
    let (mut wire, _) = server.log_in("naman").await;
    let reply = prove_and(&mut wire, PASSWORD, UserCall::DeleteAccount).await;
    let UserReply::AccountDeleted { restorable_until } = reply else { panic!("{reply:?}") };
    assert_eq!(restorable_until, server.now().plus(7 * DAY));
    server.jump(7 * DAY - 1);
    assert_eq!(server.sweep().await, Swept { purged: 0, resumed: 0 });
    light::register(&mut server.connect().await, "naman", PASSWORD, Profile::default())
        .await
        .expect_refusal(RefusalCode::NameTaken);
    server.jump(1);
    assert_eq!(server.sweep().await, Swept { purged: 1, resumed: 0 });
    server.register("naman").await;
}

/// M-1 of the review: one start 400 days ahead removed the whole audit and every restorable account, within seconds.
#[tokio::test]
async fn sec_0087_one_start_with_a_clock_that_is_ahead_removes_nothing_for_good() {
    let server = Inside::start_with("audit.keep_days = 30").await;
    for name in ["naman", "gone"] {
        server.register(name).await;
    }
    let (mut wire, _) = server.log_in("gone").await;
    let deleted = prove_and(&mut wire, PASSWORD, UserCall::DeleteAccount).await;
    assert!(matches!(deleted, UserReply::AccountDeleted { .. }), "{deleted:?}");
    drop(wire);
    let ahead = 400 * DAY;
    let server = Inside::start_in(server.stop().await, ahead).await;
    let now = server.now();
    let jump = server.store.read(move |tx| tx.clock_jump(now)).await.unwrap();
    assert!(jump.is_some_and(|jump| jump.to.since(jump.from) >= ahead - HOUR), "it was not ahead: {jump:?}");
    let server = Inside::start_in(server.stop().await, 0).await;
    let oldest = AdminCall::Query { sql: "select id, action from audit where id = 1".to_owned() };
    let rows = rows_of(&mut server.connect_as_operator().await, oldest).await.unwrap();
    assert_eq!(rows, [["1", "operator.enrolled"]]);
    let restored = server.operate(AdminCall::RestoreAccount { name: "gone".to_owned() }).await;
    assert!(matches!(restored, AdminReply::AccountChanged(_)), "{restored:?}");
    server.log_in("gone").await;
    // Both jumps are told, the last one for a month.
    let status = server.connect_as_operator().await.status().await;
    let jump = status.clock_jump.expect("the clock came back");
    assert!(jump.from.since(jump.to) >= ahead - HOUR, "{jump:?}");
    let folder = server.stop().await;
    let checked = vestry_tests::programs::Person::new()
        .run("vestryd", &["check", "--data-dir", folder.path().to_str().unwrap()], "")
        .ended_with(0);
    assert!(checked.out.contains("warn  clock: it said 20"), "{}", checked.out);
}

/// Where a clock may jump to: a day back, ten years ahead, and past the second that 32 bits cannot count.
fn jumps() -> [i64; 3] {
    [-DAY, 10 * 365 * DAY, i64::from(i32::MAX) - machine_time().seconds() + 1]
}

#[tokio::test]
async fn a_clock_that_jumps_revives_no_one_time_code() {
    let server = Inside::start().await;
    for (number, jump) in jumps().into_iter().enumerate() {
        let name = format!("person{number}");
        server.register(&name).await;
        let issued = server.operate(AdminCall::ResetAccount { name: name.clone() }).await;
        let AdminReply::CodeIssued { code, .. } = issued else { panic!("{issued:?}") };
        server.jump(DAY + 1);
        let redeem =
            async || reset(&mut server.connect().await, &name, code.expose_secret(), OTHER_PASSWORD).await;
        redeem().await.expect_refusal(RefusalCode::WrongCode);
        server.sweep().await;
        for back_and_forth in [-DAY - 1, jump, -jump] {
            server.jump(back_and_forth);
            redeem().await.expect_refusal(RefusalCode::WrongCode);
        }
    }
}

/// Whoever lost the answer to a `FinishReset` finds out by asking again; whoever has another code learns nothing.
#[tokio::test]
async fn a_code_that_set_a_password_says_so_and_when_for_ten_minutes() {
    let server = Inside::start().await;
    server.register("naman").await;
    let issued = server.operate(AdminCall::ResetAccount { name: "naman".to_owned() }).await;
    let AdminReply::CodeIssued { code, .. } = issued else { panic!("{issued:?}") };
    let redeem = async |code: &str| reset(&mut server.connect().await, "naman", code, OTHER_PASSWORD).await;
    let at = server.now();
    assert!(matches!(redeem(code.expose_secret()).await, UserReply::PasswordReset { .. }));
    server.jump(10 * 60 - 1);
    let refusal = redeem(code.expose_secret()).await.refusal().unwrap();
    assert_eq!(
        (refusal.known_code(), refusal.detail()),
        (Some(RefusalCode::CodeUsed), Some(Detail::UsedAt(at)))
    );
    redeem("00000-00000-00000-00000").await.expect_refusal(RefusalCode::WrongCode);
    server.jump(1);
    redeem(code.expose_secret()).await.expect_refusal(RefusalCode::WrongCode);
    // A new code takes the place of one that was used.
    let issued = server.operate(AdminCall::ResetAccount { name: "naman".to_owned() }).await;
    let AdminReply::CodeIssued { code, .. } = issued else { panic!("{issued:?}") };
    assert!(matches!(redeem(code.expose_secret()).await, UserReply::PasswordReset { .. }));
}

#[tokio::test]
async fn a_clock_jump_keeps_the_failures_and_throttles_nobody_for_the_skipped_time() {
    let server = Inside::start().await;
    let start = server.now();
    for (number, jump) in jumps().into_iter().chain([29 * DAY]).enumerate() {
        let name = format!("person{number}");
        server.register(&name).await;
        for _ in 0..5 {
            assert!(server.refused_login(&name, OTHER_PASSWORD).await.is(RefusalCode::WrongCredentials));
        }
        assert!(server.refused_login(&name, PASSWORD).await.is(RefusalCode::Throttled));
        let counted = async || {
            let sql = format!("select failures from throttle where lane = 'account {name}'");
            // Where the clock jumps to, no operator's certificate is in use.
            let jumped = server.now.swap(start.seconds(), Ordering::Relaxed);
            let rows =
                rows_of(&mut server.connect_as_operator().await, AdminCall::Query { sql }).await.unwrap();
            server.now.store(jumped, Ordering::Relaxed);
            rows
        };
        server.jump(jump);
        assert_eq!(counted().await, [["5"]], "a jump of {jump} s forgot failures");
        // It is open, and the next failure is one more, unless those before it are 30 days old by this clock.
        assert!(server.refused_login(&name, OTHER_PASSWORD).await.is(RefusalCode::WrongCredentials));
        let is_forgotten = jump >= 30 * DAY;
        assert_eq!(counted().await, [[if is_forgotten { "1" } else { "6" }]], "after a jump of {jump} s");
        assert_eq!(
            server.refused_login(&name, OTHER_PASSWORD).await.is(RefusalCode::Throttled),
            !is_forgotten
        );
        server.jump(4);
        server.log_in(&name).await;
        assert_eq!(counted().await, [[""; 1]; 0]);
        server.jump(-4 - jump);
        server.operate(AdminCall::ClearThrottle { subject: None }).await;
    }
}

#[tokio::test]
async fn a_clock_that_jumps_ends_a_suspension_once_and_without_a_storm_of_events() {
    for jump in jumps() {
        let server = Inside::start().await;
        server.register("naman").await;
        suspend(&server, Some(server.now().plus(DAY))).await;
        server.jump(jump);
        let mut resumed = 0;
        for _ in 0..50 {
            resumed += server.sweep().await.resumed;
        }
        assert_eq!(resumed, usize::from(jump > DAY));
        match jump > DAY {
            true => drop(server.log_in("naman").await),
            false => {
                assert!(server.refused_login("naman", PASSWORD).await.is(RefusalCode::Suspended));
            }
        }
    }
}

#[tokio::test]
async fn the_certificate_renews_by_itself_when_a_third_of_its_days_is_left_and_once() {
    let server = Inside::start().await;
    server.reload().await;
    let first = server.certificate();
    server.jump(19 * DAY);
    server.reload().await;
    assert_eq!(server.certificate().serial, first.serial, "eleven days are left");
    server.jump(2 * DAY);
    server.reload().await;
    let renewed = server.certificate();
    assert_eq!((renewed.not_after, renewed.pin), (server.now().plus(30 * DAY), first.pin));
    server.reload().await;
    assert_eq!(server.certificate().serial, renewed.serial);
}

#[tokio::test]
async fn a_certificate_made_while_the_clock_was_ahead_is_made_again_when_it_is_right() {
    for jump in jumps() {
        let server = Inside::start().await;
        server.jump(jump);
        server.reload().await;
        let jumped = server.certificate().serial;
        server.reload().await;
        assert_eq!(server.certificate().serial, jumped, "one certificate a jump");
        server.jump(-jump);
        server.reload().await;
        // The client goes by the machine's clock.
        server.register("naman").await;
        server.log_in("naman").await;
    }
}

#[tokio::test]
async fn a_panic_in_a_request_ends_its_connection_and_no_other() {
    let server = Inside::start().await;
    server.register("naman").await;
    let ((mut one, _), (mut other, token)) = (server.log_in("naman").await, server.log_in("naman").await);
    server.panics.store(true, Ordering::Relaxed);
    assert!(one.call(UserCall::ShowAccount).await.is_err(), "the panic was answered");
    assert!(!server.panics.load(Ordering::Relaxed), "nothing panicked");
    other.show().await;
    assert!(server.is_live(&token).await);
    server.log_in("naman").await;
}

#[tokio::test]
async fn the_use_of_a_session_is_written_down_once_a_minute() {
    let server = Inside::start().await;
    server.register("naman").await;
    let uses: [fn() -> UserCall; 2] = [|| UserCall::ShowAccount, || UserCall::UpdateAccount(age(20))];
    for used in uses {
        let (mut wire, _) = server.log_in("naman").await;
        let mut last_used = async |after_seconds| {
            server.jump(after_seconds);
            let answer = wire.call(used()).await.unwrap();
            assert!(!matches!(answer, UserReply::Refused(_)), "{answer:?}");
            let listed = wire.call(UserCall::ListSessions).await.unwrap();
            let UserReply::SessionsListed(listed) = listed else { panic!("{listed:?}") };
            let own = listed.iter().find(|session| session.current).unwrap();
            own.last_used.since(own.created)
        };
        let seen = [last_used(59).await, last_used(1).await, last_used(59).await, last_used(61).await];
        assert_eq!(seen, [0, 60, 60, 180], "{:?}", used());
    }
}

/// `vestryd` by another clock; `None`, and says so, where there is no faketime.
fn by_the_clock(of: &str, arguments: &[&str]) -> Option<std::process::Output> {
    let mut faketime = std::process::Command::new("faketime");
    faketime.args(["-f", of]).arg(vestry_tests::harness::program("vestryd")).args(arguments);
    let output = faketime.output();
    if output.is_err() {
        println!("skipped: faketime is not installed");
    }
    output.ok()
}

/// O5 of the trials of public bug reports: a board without a battery made a CA of the past, and no start with a right clock
/// did anything but complain, for good.
#[test]
fn sec_0109_a_first_start_in_1970_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    for first in ["init", "serve"] {
        let at = "@1970-01-02 00:00:00";
        let Some(output) = by_the_clock(at, &[first, "--data-dir", &data]) else { return };
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{told}");
        assert!(told.contains("the clock says 1970-01-0") && told.contains("timedatectl"), "{told}");
        assert!(!folder.path().join("data").exists(), "something was made");
    }
}
