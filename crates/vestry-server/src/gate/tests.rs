//! What an attempt becomes: concluded, dropped, late, or impossible to write down.

use super::fixture::Fixture;
use super::*;
use crate::audit::act;
use crate::audit::actor::Actor;
use crate::config::GateConfig;
use crate::failure::Failure;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;
use vestry_protocol::UnixSeconds;
use vestry_store::{Lane, Noted, OprfId, Party, StoreError, WriteTx};

/// As [`Fixture::login`] names it.
fn id_of(name: &str) -> OprfId {
    let mut id = [0; 32];
    id.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    OprfId(id)
}

async fn failures(fixture: &Fixture, name: &str) -> u32 {
    fixture.gate.flush().await;
    let subject = id_of(name).to_hex();
    let streak = fixture.store.read(move |tx| tx.streak(Lane::Account, &subject)).await.unwrap();
    streak.map_or(0, |streak| streak.failures)
}

/// Writes down a verdict, in the transaction of an event.
async fn write(
    fixture: &Fixture,
    admitted: &Admitted,
    judge: fn(&Verdicts, &WriteTx<'_>, &Noted<'_, act::LoginFailed>) -> Result<Written, StoreError>,
) -> Written {
    let verdicts = admitted.verdicts();
    let written = fixture.store.write(move |tx| {
        let at = UnixSeconds::from_seconds(1);
        let noted = Actor::stranger("test").note(tx, at, act::LoginFailed, Party::NONE, "")?;
        judge(&verdicts, tx, &noted)
    });
    written.await.unwrap()
}

#[tokio::test]
async fn an_attempt_that_is_dropped_is_a_failure_and_a_concluded_one_is_not() {
    let fixture = Fixture::new();
    drop(fixture.login("naman").await);
    assert_eq!(failures(&fixture, "naman").await, 1);
    let admitted = fixture.login("naman").await;
    let written = write(&fixture, &admitted, |verdicts, _, noted| Ok(verdicts.passed(noted))).await;
    admitted.conclude(&written);
    assert_eq!(failures(&fixture, "naman").await, 1);
    let admitted = fixture.login("naman").await;
    let right = |verdicts: &Verdicts, tx: &WriteTx<'_>, noted: &Noted<'_, act::LoginFailed>| {
        verdicts.right(tx, noted, UnixSeconds::from_seconds(1_700_000_000)).map(|(written, unseen)| {
            assert_eq!(unseen, 1);
            written
        })
    };
    let written = write(&fixture, &admitted, right).await;
    admitted.conclude(&written);
    assert_eq!((failures(&fixture, "naman").await, fixture.gate.under_way()), (0, Vec::new()));
}

/// A failure that was written while another attempt waited, or before the clock was set back a little, is none of the future.
#[tokio::test]
async fn a_clock_that_goes_back_a_second_opens_no_lane() {
    let fixture = Fixture::new();
    for _ in 0..6 {
        let now = fixture.now.fetch_add(2, Ordering::Relaxed);
        assert!(now > 0);
        drop(fixture.login("naman").await);
        fixture.gate.flush().await;
    }
    fixture.now.fetch_sub(1, Ordering::Relaxed);
    let again = fixture.try_login("naman", "192.0.2.1").await;
    assert!(matches!(again, Err(Failure::Throttled { .. })), "{again:?}");
}

#[tokio::test]
async fn the_verdict_of_one_attempt_does_not_conclude_another() {
    let fixture = Fixture::new();
    let (one, other) = (fixture.login("naman").await, fixture.login("anirudh").await);
    let written = write(&fixture, &one, |verdicts, _, noted| Ok(verdicts.passed(noted))).await;
    other.conclude(&written);
    assert_eq!(failures(&fixture, "anirudh").await, 1);
    one.conclude(&written);
    assert_eq!(failures(&fixture, "naman").await, 0);
}

/// H-1: an exchange without its second half held its share for as long as its connection lived.
#[tokio::test]
async fn sec_0071_a_half_open_exchange_ends_in_time_and_is_a_failure_then() {
    let limits = GateConfig { exchange_timeout: Duration::from_millis(50), ..GateConfig::default() };
    let fixture = Fixture::with(limits);
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(fixture.login("naman").await.half_open());
    }
    assert!(matches!(fixture.try_login("naman", "192.0.2.2").await, Err(Failure::Throttled { .. })));
    while !fixture.gate.under_way().is_empty() {
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(failures(&fixture, "naman").await, 5);
    // Too late for the second half, which counts nothing more.
    for late in held {
        assert!(matches!(late.claim(), Err(Failure::NotStarted)));
    }
    assert_eq!(failures(&fixture, "naman").await, 5);
}

#[tokio::test]
async fn an_exchange_whose_second_half_came_is_judged_by_it_however_long_that_takes() {
    let limits = GateConfig { exchange_timeout: Duration::from_millis(20), ..GateConfig::default() };
    let fixture = Fixture::with(limits);
    let claimed = fixture.login("naman").await.half_open().claim().unwrap();
    let late = fixture.login("anirudh").await.half_open();
    while failures(&fixture, "anirudh").await == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    drop(late);
    let written = write(&fixture, &claimed, |verdicts, _, noted| Ok(verdicts.passed(noted))).await;
    claimed.conclude(&written);
    assert_eq!(failures(&fixture, "naman").await, 0);
}

#[tokio::test]
async fn held_work_of_one_network_leaves_slots_for_others() {
    let fixture = Fixture::new();
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(fixture.login("naman").await);
    }
    assert!(fixture.try_login("naman", "192.0.2.200").await.is_err(), "the same network");
    for network in 0..5 {
        let from = format!("198.51.{network}.1");
        held.push(fixture.try_login("naman", &from).await.unwrap());
        assert!(fixture.try_login("naman", &from).await.is_err(), "it holds one");
    }
    assert!(fixture.try_login("naman", "203.0.113.1").await.is_err(), "there are ten");
    assert!(fixture.try_login("anirudh", "203.0.113.1").await.is_ok());
}

/// M-6: what was under way did not count for an address.
#[tokio::test]
async fn sec_0077_an_address_has_twenty_attempts_at_once_and_its_network_sixty() {
    let fixture = Fixture::new();
    let mut held = Vec::new();
    for (address, expected) in [(1, 20), (2, 20), (3, 20), (4, 0)] {
        let before = held.len();
        for number in 0..30 {
            // Each at a name of its own, so that no name is what stands in the way.
            let name = format!("name{address}-{number}");
            held.extend(fixture.try_login(&name, &format!("192.0.2.{address}")).await.ok());
        }
        assert_eq!(held.len() - before, expected, "address {address}");
    }
    assert!(fixture.try_login("another", "198.51.100.1").await.is_ok(), "another network");
}

/// H-4: on a full disk nothing was counted, and everything was served.
#[tokio::test]
async fn sec_0074_no_attempt_is_admitted_while_failures_cannot_be_written() {
    let fixture = Fixture::new();
    let held = fixture.login("naman").await;
    fixture.store.close().await;
    drop(held);
    let refused = loop {
        match fixture.try_login("anirudh", "192.0.2.1").await {
            // What is dropped meanwhile is not written either.
            Ok(admitted) => drop(admitted),
            Err(Failure::Throttled { .. }) => {}
            Err(refused) => break refused,
        }
        tokio::task::yield_now().await;
    };
    assert!(matches!(refused, Failure::Store(StoreError::NotWritable)), "{refused}");
    // It still is counted, where it can be.
    assert!(fixture.gate.under_way().iter().any(|(lane, ..)| *lane == Lane::Account));
}
