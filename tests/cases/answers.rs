//! Whether the content of an answer tells who has an account. The first answer to a login has an evaluated element, which is
//! a function of the name and of what was sent, and bytes that are random each time: both are compared between names that
//! have an account, of every kind and state, and names that have none.

use std::collections::BTreeSet;
use std::sync::Arc;
use vestry_protocol::admin::AdminCall;
use vestry_protocol::user::{Profile, Stretching, UserReply};
use vestry_tests::harness::{PASSWORD, Server, UserWire, imported_login};
use vestry_tests::imported::import;
use vestry_tests::light::{any_ke1, register, start_login};

/// The evaluated element, which comes first in KE2.
const ELEMENT_BYTES: usize = 32;

/// KE2 as RFC 9807 has it: the element, two nonces, the masked key and envelope, a key share, a MAC.
const KE2_BYTES: usize = 320;

/// So many names have an account, and as many have none.
const NAMES: usize = 120;

/// Two samples of one distribution differ by more standard deviations than this in one of some 500 million cases.
const DEVIATIONS_MAX: f64 = 6.0;

const LIMITS: &str = "hashing.imported_login_ms = 500\ngate.account_guesses_at_once = 20\n\
    gate.attempts_per_address_max = 1000000\ngate.attempts_per_network_max = 1000000\n\
    gate.registrations_per_address_max = 1000000\ngate.registrations_per_network_max = 1000000\n";

/// What the first half of a login is answered with.
async fn answer(wire: &mut UserWire, name: &str, ke1: &[u8]) -> (Vec<u8>, Stretching) {
    match wire.call(start_login(name, None)(ke1.to_vec())).await.unwrap() {
        UserReply::LoginStarted { ke2, stretching } => (ke2, stretching),
        other => panic!("{name}: {other:?}"),
    }
}

async fn element(wire: &mut UserWire, name: &str, ke1: &[u8]) -> Vec<u8> {
    answer(wire, name, ke1).await.0[..ELEMENT_BYTES].to_vec()
}

/// Accounts of every kind, in every state; their names do not tell which.
async fn make_accounts(server: &Server, names: &[String]) {
    let imported: Vec<_> = names.iter().skip(4).step_by(5).map(|name| (name.as_str(), PASSWORD)).collect();
    import(server, &imported).await;
    let mut wire = server.connect().await;
    let entered = wire.call(imported_login(imported[0].0, PASSWORD)).await.unwrap();
    assert!(matches!(entered, UserReply::LoggedIn(_)), "{entered:?}");
    for (at, name) in names.iter().enumerate().filter(|(at, _)| at % 5 != 4) {
        let name = name.clone();
        if at % 5 == 3 {
            server.operate(AdminCall::CreateAccount { name, profile: Profile::default() }).await;
            continue;
        }
        let made = register(&mut wire, &name, PASSWORD, Profile::default()).await;
        assert!(matches!(made, UserReply::Registered { .. }), "{made:?}");
        match at % 5 {
            1 => drop(server.operate(AdminCall::SuspendAccount { name, until: None, reason: None }).await),
            2 => drop(server.operate(AdminCall::DeleteAccount { name }).await),
            _ => {}
        }
    }
}

/// How many standard deviations two counts of ones, of as many samples each, lie apart.
fn deviations(one: usize, other: usize, samples: usize) -> f64 {
    let share = (one + other) as f64 / (2 * samples) as f64;
    let deviation = (2.0 * samples as f64 * share * (1.0 - share)).sqrt();
    if deviation == 0.0 { 0.0 } else { (one as f64 - other as f64).abs() / deviation }
}

fn is_set(bytes: &[u8], bit: usize) -> bool {
    bytes[bit / 8] >> (bit % 8) & 1 == 1
}

/// Compares each bit on its own, and how often each byte occurs among all but the element, which has bits that are fixed.
fn assert_alike(known: &[Vec<u8>], unknown: &[Vec<u8>]) {
    let samples = known.len();
    assert_eq!(samples, unknown.len());
    for bit in 0..8 * KE2_BYTES {
        let [one, other] = [known, unknown].map(|set| set.iter().filter(|ke2| is_set(ke2, bit)).count());
        let apart = deviations(one, other, samples);
        assert!(apart < DEVIATIONS_MAX, "bit {bit} is set {one} times with an account and {other} without");
    }
    let count = |set: &[Vec<u8>]| {
        let mut counts = [0_u32; 256];
        set.iter().flat_map(|ke2| &ke2[ELEMENT_BYTES..]).for_each(|byte| counts[usize::from(*byte)] += 1);
        counts
    };
    let pairs = count(known).into_iter().zip(count(unknown));
    let chi_square: f64 =
        pairs.map(|(one, other)| (f64::from(one) - f64::from(other)).powi(2) / f64::from(one + other)).sum();
    // Of 255 degrees of freedom.
    let bound = 255.0 + DEVIATIONS_MAX * (2.0 * 255.0_f64).sqrt();
    println!("chi-square of the bytes: {chi_square:.0}, at most {bound:.0}");
    assert!(chi_square < bound, "{chi_square}");
}

#[test]
fn the_comparison_of_contents_tells_only_different_distributions_apart() {
    assert!(deviations(60, 60, 120) < 0.1 && deviations(120, 120, 120) < 0.1 && deviations(0, 0, 120) < 0.1);
    assert!(deviations(120, 60, 120) > DEVIATIONS_MAX && deviations(40, 90, 120) > DEVIATIONS_MAX);
    let made_up = |seed: u8| {
        let ke2 = |at: usize| {
            (0..KE2_BYTES).map(move |byte| {
                u8::try_from((byte * 167 + at * 101 + (byte * at) % 251) % 256).unwrap() ^ seed
            })
        };
        (0..NAMES).map(|at| ke2(at).collect()).collect::<Vec<Vec<u8>>>()
    };
    assert_alike(&made_up(0), &made_up(0));
    let biased: Vec<Vec<u8>> =
        made_up(0).into_iter().map(|ke2| ke2.iter().map(|b| b & 0xef).collect()).collect();
    assert!(std::panic::catch_unwind(|| assert_alike(&made_up(0), &biased)).is_err());
}

#[tokio::test]
async fn what_a_login_is_answered_with_is_distributed_alike_for_known_and_unknown_names() {
    let server = Server::start_with(LIMITS);
    let names = |kind: &str| (0..NAMES).map(|number| format!("{kind}{number}")).collect::<Vec<_>>();
    let (known, unknown) = (names("person"), names("nobody"));
    make_accounts(&server, &known).await;
    let (mut wire, ke1) = (server.connect().await, any_ke1());
    let mut of_both = [Vec::new(), Vec::new()];
    let mut elements = BTreeSet::new();
    // One cost: the server's.
    let asked = Stretching { memory_kib: 65_536, iterations: 6, parallelism: 1 };
    for at in 0..NAMES {
        for (ke2s, name) in of_both.iter_mut().zip([&known[at], &unknown[at]]) {
            let (ke2, cost) = answer(&mut wire, name, &ke1).await;
            let (again, _) = answer(&mut wire, name, &ke1).await;
            assert_eq!((ke2.len(), again.len(), cost), (KE2_BYTES, KE2_BYTES, asked), "{name}");
            assert_eq!(
                ke2[..ELEMENT_BYTES],
                again[..ELEMENT_BYTES],
                "{name}: the element is a function of the name"
            );
            // Nonces, masked parts, share and MAC are new each time, with an account or without.
            for field in [32..64, 64..96, 96..192, 192..224, 224..256, 256..320] {
                assert_ne!(ke2[field.clone()], again[field.clone()], "{name}: {field:?} is not fresh");
            }
            assert!(elements.insert(ke2[..ELEMENT_BYTES].to_vec()), "{name} has another name's element");
            ke2s.push(ke2);
        }
    }
    let [of_known, of_unknown] = &of_both;
    assert_alike(of_known, of_unknown);
}

/// Whoever polls a name sees no change when somebody takes it, whatever becomes of the account, as long as it has the name.
#[tokio::test]
async fn the_evaluated_element_of_a_name_is_the_same_before_and_after_it_has_an_account() {
    let server = Server::start_with(LIMITS);
    import(&server, &[("control", PASSWORD)]).await;
    let ke1 = any_ke1();
    let mut wire = server.connect().await;
    let names = ["made", "invited", "imported", "nobody"];
    let mut before = Vec::new();
    for name in names {
        before.push(element(&mut wire, name, &ke1).await);
    }
    server.register("made").await;
    let invited = AdminCall::CreateAccount { name: "invited".to_owned(), profile: Profile::default() };
    server.operate(invited).await;
    import(&server, &[("imported", PASSWORD)]).await;
    let assert_unchanged = async |server: &Server, when: &str| {
        server.let_everybody_try_again().await;
        let mut wire = server.connect().await;
        for (name, before) in names.iter().zip(&before) {
            assert_eq!(element(&mut wire, name, &ke1).await, *before, "{name} {when}");
        }
        assert_ne!(element(&mut wire, "nobody", &any_ke1()).await, before[3], "of another KE1");
    };
    assert_unchanged(&server, "with an account").await;
    let entered = server.connect().await.call(imported_login("imported", PASSWORD)).await.unwrap();
    assert!(matches!(entered, UserReply::LoggedIn(_)), "{entered:?}");
    let suspend = AdminCall::SuspendAccount { name: "made".to_owned(), until: None, reason: None };
    server.operate(suspend).await;
    assert_unchanged(&server, "entered, or suspended").await;
    server.operate(AdminCall::DeleteAccount { name: "made".to_owned() }).await;
    let folder: Arc<_> = server.stop();
    let server = Server::start_in(folder);
    assert_unchanged(&server, "deleted, after a restart").await;
}
