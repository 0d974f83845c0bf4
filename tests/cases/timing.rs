//! Whether the time of an answer tells who has an account. Two distributions are compared, never a time with a
//! bound: Welch's t-test on interleaved tries, without the slowest tenth of all, which is the machine's noise.

use std::time::Instant;
use vestry_protocol::admin::AdminCall;
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::{Profile, UserReply};
use vestry_tests::harness::{OTHER_PASSWORD, PASSWORD, Server, UserWire, imported_login, refusal_of};
use vestry_tests::imported::import;
use vestry_tests::light::{any_ke1, finish_login, start_login};

/// Two sets of measurements with a larger |t| than this differ (dudect's bound).
const T_MAX: f64 = 4.5;

/// How many tries of each kind the short form makes. `scripts/prove.sh` sets more.
fn tries() -> usize {
    std::env::var("VESTRY_TIMING_TRIES").ok().and_then(|text| text.parse().ok()).unwrap_or(150)
}

/// Welch's t of the measurements that are not in the slowest tenth of both together.
fn welch_t(one: &[f64], other: &[f64]) -> f64 {
    let mut all: Vec<f64> = one.iter().chain(other).copied().collect();
    all.sort_by(f64::total_cmp);
    let cut = all[all.len() * 9 / 10];
    let of = |set: &[f64]| {
        let kept: Vec<f64> = set.iter().copied().filter(|value| *value <= cut).collect();
        let count = kept.len() as f64;
        let mean = kept.iter().sum::<f64>() / count;
        let variance = kept.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    };
    let ((mean_one, error_one), (mean_other, error_other)) = (of(one), of(other));
    (mean_one - mean_other) / (error_one + error_other).sqrt()
}

#[test]
fn the_comparison_tells_different_distributions_apart_and_equal_ones_not() {
    let noise = |at: usize| ((at * 7919) % 101) as f64;
    let same: Vec<f64> = (0..400).map(noise).collect();
    let shifted: Vec<f64> = (0..400).map(|at| noise(at + 13) + 20.0).collect();
    let again: Vec<f64> = (0..400).map(|at| noise(at + 50)).collect();
    assert!(welch_t(&same, &again).abs() < T_MAX);
    assert!(welch_t(&same, &shifted).abs() > T_MAX);
}

async fn time_opaque(wire: &mut UserWire, name: &str, ke1: &[u8]) -> f64 {
    let start = start_login(name, None)(ke1.to_vec());
    let begun = Instant::now();
    let started = wire.call(start).await.unwrap();
    let refused = wire.call(finish_login(vec![0; 64])).await.unwrap();
    let took = begun.elapsed().as_secs_f64();
    assert!(matches!(started, UserReply::LoginStarted { .. }), "{started:?}");
    assert_eq!(refusal_of(refused), RefusalCode::WrongCredentials);
    took
}

async fn time_password(wire: &mut UserWire, name: &str) -> f64 {
    let begun = Instant::now();
    let refused = wire.call(imported_login(name, OTHER_PASSWORD)).await.unwrap();
    let took = begun.elapsed().as_secs_f64();
    assert_eq!(refusal_of(refused), RefusalCode::WrongCredentials);
    took
}

#[tokio::test]
async fn sec_0035_the_time_of_an_answer_does_not_tell_who_has_an_account() {
    let server = Server::start_with("imported_login_ms = 500");
    for name in ["naman", "barred", "gone"] {
        server.register(name).await;
    }
    import(&server, &[("hashed", PASSWORD), ("stopped", PASSWORD)]).await;
    for name in ["barred", "stopped"] {
        let name = name.to_owned();
        server.operate(AdminCall::SuspendAccount { name, until: None, reason: None }).await;
    }
    let (invited, gone) = ("invited".to_owned(), "gone".to_owned());
    server.operate(AdminCall::CreateAccount { name: invited, profile: Profile::default() }).await;
    server.operate(AdminCall::DeleteAccount { name: gone }).await;
    let mut wire = server.connect().await;
    // A real one: two group elements and a nonce, fixed, since the server does not care.
    let ke1 = any_ke1();
    let opaque = ["naman", "barred", "nobody1", "hashed", "invited", "gone"];
    let hashed = ["hashed", "stopped", "nobody1", "naman", "invited", "gone"];
    let kinds = opaque.len();
    let mut times = [(); 12].map(|()| Vec::new());
    // An answer to a password comes at a fixed time, half a second each, whatever was found.
    let password_tries = tries() / 15;
    for round in 0..tries() {
        // Each round begins with another kind, so that none always follows the same one.
        for step in 0..kinds {
            let at = (round + step) % kinds;
            server.let_everybody_try_again().await;
            times[at].push(time_opaque(&mut wire, opaque[at], &ke1).await);
            if round < password_tries {
                server.let_everybody_try_again().await;
                times[kinds + at].push(time_password(&mut wire, hashed[at]).await);
            }
        }
    }
    assert!(times[kinds..].iter().flatten().all(|took| *took >= 0.5), "an answer came before its time");
    for (path, names, times) in [("OPAQUE", opaque, &times[..kinds]), ("password", hashed, &times[kinds..])] {
        let (reference, others) = times.split_first().unwrap();
        for (name, measured) in names[1..].iter().zip(others) {
            let t = welch_t(reference, measured);
            println!("{path}: {} against {name}: t = {t:.2}", names[0]);
            assert!(t.abs() < T_MAX, "{path}: {} and {name} are told apart: t = {t:.2}", names[0]);
        }
    }
}

/// How long sealing took does not show: right passwords are answered at the same moment as wrong ones.
#[tokio::test]
async fn a_first_login_with_an_imported_password_is_answered_at_its_fixed_time() {
    let server = Server::start_with("imported_login_ms = 1000");
    let names: Vec<String> = (0..6).map(|number| format!("person{number}")).collect();
    let accounts: Vec<_> = names.iter().map(|name| (name.as_str(), PASSWORD)).collect();
    import(&server, &accounts).await;
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    for name in &names {
        let mut wire = server.connect().await;
        wrong.push(time_password(&mut wire, name).await);
        let begun = Instant::now();
        let reply = wire.call(imported_login(name, PASSWORD)).await.unwrap();
        right.push(begun.elapsed().as_secs_f64());
        assert!(matches!(reply, UserReply::LoggedIn(_)), "{name}: {reply:?}");
    }
    assert!(right.iter().chain(&wrong).all(|took| *took >= 1.0), "before its time: {right:?} {wrong:?}");
    let t = welch_t(&right, &wrong);
    assert!(t.abs() < T_MAX, "right and wrong ones are told apart: t = {t:.2}, {right:?} {wrong:?}");
}
