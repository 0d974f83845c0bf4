//! Throttling: every try of a secret runs in lanes, and a lane that failed too often holds the next try up.
//!
//! ```text
//!   begin ──▶ Attempt ──▶ admit (in the transaction that reads the credential) ──▶ the secret is tried
//!                │                                                                    │
//!                │ held up: dropped, nothing is counted               right: was_right, in the login's transaction
//!                ▼                                                    wrong: was_wrong, in its event's transaction
//!             nothing                                               no word: dropped, and counted as a failure
//! ```
//!
//! An [`Attempt`] that was admitted is a guess even when its second half never comes: in OPAQUE a client knows from KE2
//! whether the password was right. So whatever is dropped without a verdict is written down as a failure, and until
//! then counts as one under way. Failures are in the store: a restart or a new connection changes nothing. Addresses
//! are not looked at for what they are; loopback is as good as any.
//!
//! Which lanes a try runs in is in [`Way`]. What their counts mean is in `policy.rs`. Nothing here knows a password.

mod ledger;
pub mod policy;
mod source;

use crate::audit::{Action, Actor};
use crate::clock::Clock;
use crate::failure::Failure;
use ledger::{Ledger, UnderWay};
use policy::{OF_A_NETWORK, OF_AN_ACCOUNT, OF_AN_ADDRESS, Policy, Verdict};
pub use source::Source;
use std::sync::Arc;
use tokio::sync::mpsc;
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::Username;
use vestry_store::{KnownDevice, Lane, Noted, ReadTx, Store, StoreError, WriteTx};

/// So many lanes are kept; beyond them the ones that failed longest ago are forgotten.
pub const LANES_MAX: u32 = 1_000_000;

/// How a secret is tried.
#[derive(Debug, Clone, Copy)]
pub enum Way<'a> {
    /// A login. The name is missing when what was typed cannot be one.
    Login(Option<&'a Username>),
    /// A login from a device that did so before. Strangers do not hold it up.
    LoginFromDevice(&'a Username, &'a KnownDevice),
    /// Proving the password again within a session of this account. Strangers do not hold it up.
    Proof(&'a Username),
    /// Redeeming a one-time code.
    Reset(&'a Username),
    /// Learning by registration who has a name.
    Registration,
}

/// A lane with its policy: its own lock on whoever is in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct LaneKey {
    lane: Lane,
    subject: String,
}

/// Counts what is under way and hands out attempts. Cloning shares it.
#[derive(Clone)]
pub struct Throttle {
    ledger: Ledger,
    dropped: mpsc::UnboundedSender<Dropped>,
}

/// One try of a secret. Dropped without a verdict after it was admitted, it counts as a failure.
pub struct Attempt {
    tried: Arc<Tried>,
    admitted: bool,
    over: bool,
    dropped: mpsc::UnboundedSender<Dropped>,
}

/// What is tried, for the transaction that writes the verdict down.
pub struct Tried {
    name: Option<Username>,
    source: Source,
    action: Action,
    /// The lane that a success starts anew, if there is one, then the others.
    lanes: Vec<(LaneKey, Policy)>,
    device: Option<i64>,
    /// Not over before what it counts for is on disk, so that there is no moment at which it is not counted.
    under_way: UnderWay,
}

/// What the recorder is told.
enum Dropped {
    Failed(Arc<Tried>),
    Flush(tokio::sync::oneshot::Sender<()>),
}

impl Throttle {
    /// With a task of its own that writes down the attempts that were dropped.
    #[must_use]
    pub fn start(store: Store, clock: Clock) -> Self {
        let (dropped, told) = mpsc::unbounded_channel();
        tokio::spawn(record_dropped(store, clock, told));
        Self { ledger: Ledger::default(), dropped }
    }

    /// A try that is about to be made.
    ///
    /// # Errors
    /// [`Failure::Throttled`] when more are under way than are kept account of.
    pub fn begin(&self, way: Way<'_>, source: &Source) -> Result<Attempt, Failure> {
        let lanes = lanes_of(way, source);
        let under_way = self.ledger.enter(lanes.iter().map(|(key, _)| key.clone()).collect());
        let under_way = under_way.ok_or(Failure::Throttled { wait_secs: 1 })?;
        let (name, device, action) = match way {
            Way::Login(name) => (name, None, Action::LoginFailed),
            Way::LoginFromDevice(name, device) => (Some(name), Some(device.id), Action::LoginFailed),
            Way::Proof(name) => (Some(name), None, Action::LoginFailed),
            Way::Reset(name) => (Some(name), None, Action::ResetFailed),
            Way::Registration => (None, None, Action::RegistrationRefused),
        };
        let name = name.cloned();
        let tried = Arc::new(Tried { name, source: source.clone(), action, lanes, device, under_way });
        Ok(Attempt { tried, admitted: false, over: false, dropped: self.dropped.clone() })
    }

    /// Resolves when everything that was dropped so far is written down.
    pub async fn flush(&self) {
        let (done, flushed) = tokio::sync::oneshot::channel();
        if self.dropped.send(Dropped::Flush(done)).is_ok() {
            let _ = flushed.await;
        }
    }
}

fn lanes_of(way: Way<'_>, source: &Source) -> Vec<(LaneKey, Policy)> {
    let of_account = |lane, subject| (LaneKey { lane, subject }, OF_AN_ACCOUNT);
    let from = |prefix: &str, policy| (LaneKey { lane: Lane::Source, subject: prefix.to_owned() }, policy);
    let around = [from(source.address(), OF_AN_ADDRESS), from(source.network(), OF_A_NETWORK)];
    match way {
        Way::Login(Some(name)) => {
            [of_account(Lane::Account, name.to_string())].into_iter().chain(around).collect()
        }
        Way::Login(None) | Way::Registration => around.into(),
        Way::LoginFromDevice(name, device) => {
            vec![of_account(Lane::Device, format!("{name}/{}", device.id))]
        }
        Way::Proof(name) => vec![of_account(Lane::Session, name.to_string())],
        Way::Reset(name) => [of_account(Lane::Reset, name.to_string())].into_iter().chain(around).collect(),
    }
}

impl Attempt {
    /// Whether the secret may be tried now. From here on the attempt is a guess.
    ///
    /// # Errors
    /// [`Failure::Throttled`] with the longest wait of its lanes.
    pub fn admit(&mut self, tx: &ReadTx<'_>, now: UnixSeconds) -> Result<(), Failure> {
        if !self.admitted {
            let wait_secs = self.tried.wait_secs(tx, now)?;
            if wait_secs > 0 {
                return Err(Failure::Throttled { wait_secs });
            }
            self.admitted = true;
        }
        Ok(())
    }

    /// Where it comes from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.tried.source
    }

    /// Whether it is a try of this name.
    #[must_use]
    pub fn is_of(&self, name: Option<&Username>) -> bool {
        self.tried.name.is_some() && self.tried.name.as_ref() == name
    }

    /// What is tried, for the transaction that writes the verdict down.
    #[must_use]
    pub fn tried(&self) -> Arc<Tried> {
        self.tried.clone()
    }

    /// Ends the attempt without counting it: its verdict is written down, or nothing was tried after all.
    pub fn withdraw(mut self) {
        self.over = true;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.admitted && !self.over {
            // At the very end of the process nobody is there to write it down.
            let _ = self.dropped.send(Dropped::Failed(self.tried.clone()));
        }
    }
}

impl Tried {
    fn wait_secs(&self, tx: &ReadTx<'_>, now: UnixSeconds) -> Result<i64, StoreError> {
        let mut longest = 0;
        for ((key, policy), others) in self.lanes.iter().zip(self.under_way.others()) {
            let streak = tx.streak(key.lane, &key.subject)?;
            if let Verdict::Held { wait_secs } = policy.judge(streak.as_ref(), *others, now) {
                longest = longest.max(wait_secs);
            }
        }
        Ok(longest)
    }

    /// Whether its own lane has failures to start anew from, or the user has some to be told of.
    ///
    /// # Errors
    /// When the store does.
    pub fn has_failures(&self, tx: &ReadTx<'_>) -> Result<bool, StoreError> {
        match self.lanes.first() {
            Some((key, _)) => Ok(tx.streak(key.lane, &key.subject)?.is_some()),
            None => Ok(false),
        }
    }

    /// The secret was right: its lane starts anew. Returns the failures that the user was not told of yet.
    ///
    /// # Errors
    /// When the store does.
    pub fn was_right(
        &self,
        tx: &WriteTx<'_>,
        noted: &Noted<'_>,
        now: UnixSeconds,
    ) -> Result<u64, StoreError> {
        let unseen = self.name.as_ref().map_or(Ok(0), |name| tx.see_failures(noted, name.as_str()))?;
        // A source is not reset: whoever guesses can have a success of his own at will.
        if let Some((key, _)) = self.lanes.first().filter(|(key, _)| key.lane != Lane::Source) {
            tx.forget_streak(noted, key.lane, &key.subject)?;
        }
        if let Some(device) = self.device {
            tx.touch_device(noted, device, now)?;
        }
        Ok(unseen)
    }

    /// The secret was wrong: every lane counts it, and the user is told at the next login.
    ///
    /// # Errors
    /// When the store does.
    pub fn was_wrong(&self, tx: &WriteTx<'_>, noted: &Noted<'_>, now: UnixSeconds) -> Result<(), StoreError> {
        for (key, policy) in &self.lanes {
            let streak = tx.streak(key.lane, &key.subject)?;
            let streak = policy.after_failure(streak.as_ref(), now);
            tx.set_streak(noted, key.lane, &key.subject, &streak)?;
        }
        self.name.as_ref().map_or(Ok(()), |name| tx.count_unseen(noted, name, now))
    }
}

async fn record_dropped(store: Store, clock: Clock, mut told: mpsc::UnboundedReceiver<Dropped>) {
    while let Some(dropped) = told.recv().await {
        match dropped {
            Dropped::Flush(done) => {
                let _ = done.send(());
            }
            Dropped::Failed(tried) => {
                if let Err(error) = record_failure(&store, clock.now(), tried).await {
                    tracing::warn!(%error, "a try that was broken off was not written down");
                }
            }
        }
    }
}

async fn record_failure(store: &Store, now: UnixSeconds, tried: Arc<Tried>) -> Result<(), StoreError> {
    let held = tried.clone();
    let recorded = store.write(move |tx| {
        let subject = tried.name.as_ref().map_or("", Username::as_str);
        let actor = Actor::user("", tried.source.text());
        let noted = actor.note(tx, now, tried.action, subject, "broken off")?;
        tried.was_wrong(tx, &noted, now)
    });
    let outcome = recorded.await;
    drop(held);
    outcome
}
