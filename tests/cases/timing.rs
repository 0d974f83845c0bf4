//! Whether the time of an answer tells who has an account. Two distributions are compared, never a time with a
//! bound: Welch's t-test on interleaved tries, without the slowest tenth of all, which is the machine's noise, and again
//! without the slower half.

use std::collections::BTreeMap;
use std::time::Instant;
use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::secret::DeviceToken;
use vestry_protocol::user::{Envelope, Profile, UserCall, UserReply};
use vestry_tests::harness::{
    AdminWire, OTHER_PASSWORD, PASSWORD, Server, UserWire, from_environment, imported_login, secret,
};
use vestry_tests::imported::import;
use vestry_tests::light::{any_ke1, any_request, finish_login, register, seal, start_login};
use vestry_tests::talk::{Refusable, User};

/// Two sets of measurements with a larger |t| than this differ (dudect's bound).
const T_MAX: f64 = 4.5;

/// A set of fewer has no t.
const KEPT_MIN: usize = 5;

/// How many tries of each kind the short form makes. `scripts/prove.sh` sets more.
fn tries() -> usize {
    from_environment("VESTRY_TIMING_TRIES", 150)
}

/// The larger of Welch's t of the measurements that are not in the slowest tenth of both together, and of those in the
/// faster half, which have the least of the machine's noise.
fn welch_t(one: &[f64], other: &[f64]) -> f64 {
    let mut all: Vec<f64> = one.iter().chain(other).copied().collect();
    all.sort_by(f64::total_cmp);
    let of = |set: &[f64], cut: f64| {
        let kept: Vec<f64> = set.iter().copied().filter(|value| *value <= cut).collect();
        let count = kept.len() as f64;
        let mean = kept.iter().sum::<f64>() / count;
        let variance = kept.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (kept.len(), mean, variance / count)
    };
    let below = |cut: f64| {
        let ((count_one, mean_one, error_one), (count_other, mean_other, error_other)) =
            (of(one, cut), of(other, cut));
        // Of a few left in one set nothing can be said; how many are left is a difference in the other cut.
        let is_enough = count_one.min(count_other) >= KEPT_MIN;
        is_enough.then(|| (mean_one - mean_other) / (error_one + error_other).sqrt())
    };
    let crops = [all[all.len() * 9 / 10], all[all.len() / 2]];
    let larger = crops.into_iter().filter_map(below).max_by(|a, b| a.abs().total_cmp(&b.abs()));
    larger.expect("nine tenths of both sets are enough")
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

/// Whoever measures: what was found to differ is told at the end, when every path was measured.
#[derive(Default)]
struct Comparison {
    differences: Vec<String>,
}

impl Comparison {
    /// Compares every kind of name with the first, by each of the calls of one path. Each round begins with another kind, so
    /// that none always follows the same one.
    async fn compare<const CALLS: usize, const KINDS: usize>(
        &mut self,
        calls: [&str; CALLS],
        kinds: [&str; KINDS],
        tries: usize,
        mut measure: impl AsyncFnMut(&str) -> [f64; CALLS],
    ) {
        let mut times = [(); CALLS].map(|()| [(); KINDS].map(|()| Vec::new()));
        for round in 0..tries {
            for step in 0..KINDS {
                let at = (round + step) % KINDS;
                let took = measure(kinds[at]).await;
                times.iter_mut().zip(took).for_each(|(times, took)| times[at].push(took));
            }
        }
        for (call, times) in calls.iter().zip(&times) {
            self.judge(call, kinds, times);
        }
    }

    fn judge<const KINDS: usize>(&mut self, call: &str, kinds: [&str; KINDS], times: &[Vec<f64>; KINDS]) {
        for at in 1..KINDS {
            let t = welch_t(&times[0], &times[at]);
            println!("{call}: {} against {}: t = {t:.2}", kinds[0], kinds[at]);
            if t.abs() >= T_MAX {
                self.differences
                    .push(format!("{call}: {} and {} are told apart: t = {t:.2}", kinds[0], kinds[at]));
            }
        }
    }

    fn assert_none(self) {
        assert!(self.differences.is_empty(), "{:#?}", self.differences);
    }
}

/// Of an answer, and what it was.
async fn timed(wire: &mut UserWire, call: UserCall) -> (f64, UserReply) {
    let begun = Instant::now();
    let reply = wire.call(call).await.unwrap();
    (begun.elapsed().as_secs_f64(), reply)
}

/// Of a call that is refused.
async fn time_refused(wire: &mut UserWire, call: UserCall, expected: RefusalCode) -> f64 {
    let (took, reply) = timed(wire, call).await;
    reply.expect_refusal(expected);
    took
}

/// Both halves of a login with a wrong password, from a device or not.
async fn time_login(wire: &mut UserWire, name: &str, device: Option<&DeviceToken>, ke1: &[u8]) -> [f64; 2] {
    let (first, started) = timed(wire, start_login(name, device)(ke1.to_vec())).await;
    assert!(matches!(started, UserReply::LoginStarted { .. }), "{started:?}");
    [first, time_refused(wire, finish_login(vec![0; 64]), RefusalCode::WrongCredentials).await]
}

/// A server without limits that this many tries would reach, so that what is compared is never what throttles.
const PATIENT: &str = "hashing.imported_login_ms = 1000\nhashing.threads = 2\ngate.account_guesses_at_once = 20\ngate.account_guesses_max = 20\n\
    gate.attempts_per_address_max = 1000000\ngate.attempts_per_network_max = 1000000\n\
    gate.wrong_codes_per_address_max = 1000000\ngate.wrong_codes_per_network_max = 1000000\n\
    gate.registrations_per_address_max = 1000000\ngate.registrations_per_network_max = 1000000\n\
    gate.registrations_per_hour_max = 1000000\ngate.names_per_address_max = 1000000\ngate.names_per_network_max = 1000000\n\
    connections.idle_secs_max_before_login = 3600\nconnections.secs_max_before_login = 3600\n";

/// Every account there can be: `naman` is active, and the others are called by what they are. Nobody has `nobody1`.
async fn server_with_every_state() -> Server {
    let server = Server::start_with(PATIENT);
    for name in ["naman", "coded", "barred", "gone"] {
        server.register(name).await;
    }
    import(&server, &[("hashed", PASSWORD), ("stopped", PASSWORD), ("entered", PASSWORD)]).await;
    let entered = server.connect().await.call(imported_login("entered", PASSWORD)).await.unwrap();
    assert!(matches!(entered, UserReply::LoggedIn(_)), "{entered:?}");
    for name in ["barred", "stopped"] {
        let name = name.to_owned();
        server.operate(AdminCall::SuspendAccount { name, until: None, reason: None }).await;
    }
    let (invited, gone) = ("invited".to_owned(), "gone".to_owned());
    server.operate(AdminCall::CreateAccount { name: invited, profile: Profile::default() }).await;
    server.operate(AdminCall::DeleteAccount { name: gone }).await;
    server.issue_code("coded").await;
    server
}

/// Opens every lane, over one connection: a handshake for each would be most of the time that these tests take.
async fn clear(operator: &mut AdminWire) {
    let cleared = operator.call(AdminCall::ClearThrottle { subject: None }).await.unwrap();
    assert!(matches!(cleared, AdminReply::ThrottleCleared { .. }), "{cleared:?}");
}

#[tokio::test]
async fn sec_0035_the_time_of_an_answer_does_not_tell_who_has_an_account() {
    let server = server_with_every_state().await;
    let (mut wire, mut operator) = (server.connect().await, server.connect_as("admin").await);
    // A real one: two group elements and a nonce, fixed, since the server does not care.
    let (ke1, mut all) = (any_ke1(), Comparison::default());
    let kinds = ["naman", "barred", "nobody1", "hashed", "entered", "invited", "gone"];
    all.compare(["StartLogin", "FinishLogin"], kinds, tries(), async |name| {
        clear(&mut operator).await;
        time_login(&mut wire, name, None, &ke1).await
    })
    .await;
    // An answer to a password comes at a fixed time, a second each, whatever was found: two at a time, one a core.
    let kinds = ["hashed", "stopped", "nobody1", "naman", "invited", "gone"];
    let (mut beside, mut times) = (server.connect().await, [(); 6].map(|()| Vec::new()));
    for round in 0..(tries() / 15).max(6) {
        for step in [0, 2, 4] {
            clear(&mut operator).await;
            let (one, two) = ((round + step) % 6, (round + step + 1) % 6);
            let [first, second] = [one, two].map(|at| imported_login(kinds[at], OTHER_PASSWORD));
            let wrong = RefusalCode::WrongCredentials;
            let took =
                tokio::join!(time_refused(&mut wire, first, wrong), time_refused(&mut beside, second, wrong));
            times[one].push(took.0);
            times[two].push(took.1);
        }
    }
    assert!(times.iter().flatten().all(|took| *took >= 1.0), "an answer came before its time");
    all.judge("LogInImported", kinds, &times);
    all.assert_none();
}

/// I-7: both halves of a reset, of a registration and of a proof, a device token that is shown, and names that are
/// throttled.
#[tokio::test]
async fn the_time_of_every_other_answer_does_not_tell_who_has_an_account_either() {
    let server = server_with_every_state().await;
    let (mut wire, mut operator) = (server.connect().await, server.connect_as("admin").await);
    let (ke1, mut all) = (any_ke1(), Comparison::default());
    let sealed =
        seal(&mut wire, OTHER_PASSWORD, |request| start_registration("nobody2", request)).await.unwrap();
    let kinds = ["naman", "coded", "barred", "gone", "invited", "hashed", "nobody1"];
    all.compare(["StartReset", "FinishReset"], kinds, tries(), async |name| {
        clear(&mut operator).await;
        let start =
            UserCall::StartReset { name: name.to_owned(), code: secret("wrong"), request: any_request() };
        let first = time_refused(&mut wire, start, RefusalCode::WrongCode).await;
        let finish = UserCall::FinishReset { envelope: again(&sealed) };
        [first, time_refused(&mut wire, finish, RefusalCode::NotStarted).await]
    })
    .await;
    let taken = ["naman", "barred", "gone", "invited", "hashed"];
    all.compare(["StartRegistration"], taken, tries(), async |name| {
        clear(&mut operator).await;
        let start = start_registration(name, any_request());
        [time_refused(&mut wire, start, RefusalCode::NameTaken).await]
    })
    .await;
    let (mut own, _) = server.log_in("naman", PASSWORD).await;
    let token = own.remember().await;
    let kinds = ["coded", "barred", "gone", "invited", "hashed", "nobody1"];
    let shown = [
        (["StartLogin with a made-up token", "FinishLogin behind it"], DeviceToken::from_bytes([7; 32])),
        (["StartLogin with the token of another", "FinishLogin behind it"], token),
    ];
    for (calls, device) in shown {
        all.compare(calls, kinds, tries(), async |name| {
            clear(&mut operator).await;
            time_login(&mut wire, name, Some(&device), &ke1).await
        })
        .await;
    }
    all.assert_none();
}

/// Names that were free at the first half, and whose accounts were in one state or another at the second.
#[tokio::test]
async fn the_time_of_a_name_taken_meanwhile_does_not_tell_the_state_of_its_account() {
    let server = server_with_every_state().await;
    let (mut wire, mut other) = (server.connect().await, server.connect().await);
    let (mut operator, mut all) = (server.connect_as("admin").await, Comparison::default());
    let mut number = 0;
    all.compare(["FinishRegistration"], ["active", "suspended", "deleted"], tries(), async |state| {
        number += 1;
        let name = format!("{state}{number}");
        let envelope = seal(&mut wire, PASSWORD, |request| start_registration(&name, request)).await.unwrap();
        let made = register(&mut other, &name, PASSWORD, Profile::default()).await;
        assert!(matches!(made, UserReply::Registered { .. }), "{made:?}");
        let act = match state {
            "active" => None,
            "suspended" => Some(AdminCall::SuspendAccount { name, until: None, reason: None }),
            _ => Some(AdminCall::DeleteAccount { name }),
        };
        if let Some(act) = act {
            let done = operator.call(act).await.unwrap();
            assert!(matches!(done, AdminReply::AccountChanged(_)), "{done:?}");
        }
        // The same commit before each, so that none finds a warmer disk.
        clear(&mut operator).await;
        let finish = UserCall::FinishRegistration { envelope, profile: Profile::default() };
        [time_refused(&mut wire, finish, RefusalCode::NameTaken).await]
    })
    .await;
    all.assert_none();
}

#[tokio::test]
async fn the_time_of_a_throttled_name_and_of_a_proof_does_not_tell_of_the_account() {
    let server = server_with_every_state().await;
    let (mut wire, mut all) = (server.connect().await, Comparison::default());
    let ke1 = any_ke1();
    let mut sessions = BTreeMap::new();
    let mut operator = server.connect_as("admin").await;
    // One whose code waits, and one that never had any.
    server.register("other").await;
    for name in ["coded", "other"] {
        sessions.insert(name, server.log_in(name, PASSWORD).await.0);
    }
    all.compare(["StartProof", "FinishProof"], ["coded", "other"], 3 * tries(), async |name| {
        clear(&mut operator).await;
        let wire = sessions.get_mut(name).unwrap();
        let (first, started) = timed(wire, UserCall::StartProof { ke1: ke1.clone() }).await;
        assert!(matches!(started, UserReply::LoginStarted { .. }), "{started:?}");
        let finish = UserCall::FinishProof { ke3: vec![0; 64] };
        [first, time_refused(wire, finish, RefusalCode::WrongCredentials).await]
    })
    .await;
    let kinds = ["naman", "barred", "gone", "invited", "hashed", "nobody1"];
    for name in kinds {
        for _ in 0..20 {
            time_login(&mut wire, name, None, &ke1).await;
        }
    }
    let throttled = RefusalCode::Throttled;
    all.compare(["StartLogin, throttled"], kinds, tries(), async |name| {
        [time_refused(&mut wire, start_login(name, None)(ke1.clone()), throttled).await]
    })
    .await;
    all.compare(["LogInImported, throttled"], kinds, tries(), async |name| {
        [time_refused(&mut wire, imported_login(name, OTHER_PASSWORD), throttled).await]
    })
    .await;
    all.compare(["StartRegistration, throttled"], kinds, tries(), async |name| {
        [time_refused(&mut wire, start_registration(name, any_request()), throttled).await]
    })
    .await;
    all.assert_none();
}

fn start_registration(name: &str, request: Vec<u8>) -> UserCall {
    UserCall::StartRegistration { name: name.to_owned(), request, invitation: None }
}

fn again(envelope: &Envelope) -> Envelope {
    Envelope { upload: envelope.upload.clone(), stretching: envelope.stretching }
}

/// How long sealing took does not show: right passwords are answered at the same moment as wrong ones.
#[tokio::test]
async fn a_first_login_with_an_imported_password_is_answered_at_its_fixed_time() {
    let server = Server::start_with("hashing.imported_login_ms = 1000");
    let names: Vec<String> = (0..6).map(|number| format!("person{number}")).collect();
    let accounts: Vec<_> = names.iter().map(|name| (name.as_str(), PASSWORD)).collect();
    import(&server, &accounts).await;
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    for name in &names {
        let mut wire = server.connect().await;
        let call = imported_login(name, OTHER_PASSWORD);
        wrong.push(time_refused(&mut wire, call, RefusalCode::WrongCredentials).await);
        let begun = Instant::now();
        let reply = wire.call(imported_login(name, PASSWORD)).await.unwrap();
        right.push(begun.elapsed().as_secs_f64());
        assert!(matches!(reply, UserReply::LoggedIn(_)), "{name}: {reply:?}");
    }
    assert!(right.iter().chain(&wrong).all(|took| *took >= 1.0), "before its time: {right:?} {wrong:?}");
    let t = welch_t(&right, &wrong);
    assert!(t.abs() < T_MAX, "right and wrong ones are told apart: t = {t:.2}, {right:?} {wrong:?}");
}
