//! The gate itself: in which lanes an attempt runs, and whether they have room.

use super::admitted::Admitted;
use super::attempt::{Attempt, OPEN, OVER, Tells};
use super::deadlines::Deadlines;
use super::lane::{AttemptKind, LaneKey, Part, Role};
use super::ledger::{Ledger, NoShares};
use super::policy::{Policy, StreakPolicy};
use super::recorder::Recorder;
use super::right::Right;
use crate::audit::act::AttemptFailed;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::names::Target;
use crate::settings::Settings;
use crate::source::Source;
use std::sync::atomic::AtomicU8;
use std::sync::{Arc, Mutex};
use vestry_protocol::UnixSeconds;
use vestry_protocol::admin::Limit;
use vestry_store::{Lane, OprfId, ReadTx, Store, StoreError};

/// The source of registrations from everywhere.
const EVERYBODY: &str = "";

/// Counts what is under way and admits attempts. Cloning shares it.
#[derive(Clone)]
pub struct Gate {
    ledger: Ledger,
    recorder: Recorder,
    deadlines: Deadlines,
    clock: Clock,
    settings: Settings,
}

impl Gate {
    /// With tasks of its own that end attempts in time and write failures down.
    #[must_use]
    pub fn start(store: Store, clock: Clock, settings: Settings) -> Self {
        let supervisor = store.supervisor().clone();
        let recorder = Recorder::start(store, clock.clone());
        let deadlines = Deadlines::new();
        supervisor.task("deadlines", end_late_attempts(deadlines.clone(), recorder.clone()));
        Self { ledger: Ledger::default(), recorder, deadlines, clock, settings }
    }

    /// Admits an attempt, or refuses it. The view must not have been read from before: what is written meanwhile would be
    /// counted neither as under way nor as a failure.
    ///
    /// # Errors
    /// [`Failure::Throttled`] with the longest wait of its lanes; [`StoreError::NotWritable`] while failures cannot be
    /// written down.
    pub fn admit(
        &self,
        tx: &ReadTx<'_>,
        kind: AttemptKind<'_>,
        target: &Target,
        source: &Source,
    ) -> Result<Admitted, Failure> {
        if self.recorder.is_behind() {
            return Err(StoreError::NotWritable.into());
        }
        let parts = self.parts_of(kind, target.oprf_id, source);
        let streak = |key: &LaneKey| tx.streak(key.lane, &key.subject);
        let shares = self.ledger.enter(&parts, source.network_shared(), || self.clock.now(), streak);
        let shares = shares.map_err(|refused| match refused {
            NoShares::Wait { ms } => Failure::Throttled { wait_ms: ms },
            NoShares::Store(error) => error.into(),
        })?;
        let oprf_id = target.oprf_id;
        let (act, tells, device) = match kind {
            AttemptKind::Login => (AttemptFailed::Login, Tells::AtLogin(oprf_id), None),
            AttemptKind::LoginFromDevice(device) => {
                (AttemptFailed::Login, Tells::AtLogin(oprf_id), Some(device.id))
            }
            AttemptKind::Session(_) => (AttemptFailed::Login, Tells::AtNextLogin(oprf_id), None),
            AttemptKind::Registration => (AttemptFailed::Registration, Tells::Nobody, None),
            AttemptKind::Code => (AttemptFailed::Code, Tells::Nobody, None),
        };
        let (source, target) = (source.clone(), target.clone());
        let (state, shares) = (AtomicU8::new(OPEN), Mutex::new(Some(shares)));
        Ok(self.admitted(Attempt { source, act, target, parts, tells, device, state, shares }))
    }

    /// Admits a step that a right password leads to. It guesses nothing, so it is counted nowhere and never told to wait.
    #[must_use]
    pub fn admit_proven(&self, _: Right, target: Target, source: &Source) -> Admitted {
        self.admitted(Attempt {
            source: source.clone(),
            act: AttemptFailed::Proven,
            target,
            parts: Vec::new(),
            tells: Tells::Nobody,
            device: None,
            state: AtomicU8::new(OVER),
            shares: Mutex::new(None),
        })
    }

    fn admitted(&self, attempt: Attempt) -> Admitted {
        Admitted {
            attempt: Arc::new(attempt),
            recorder: self.recorder.clone(),
            deadlines: self.deadlines.clone(),
            exchange_timeout: self.settings.now().gate.exchange_timeout,
        }
    }

    fn parts_of(&self, kind: AttemptKind<'_>, oprf_id: OprfId, source: &Source) -> Vec<Part> {
        let limits = &self.settings.now().gate;
        let own = StreakPolicy {
            free: limits.account_guesses_at_once,
            guests: 0,
            closes_at: limits.account_guesses_max,
        };
        let strangers = StreakPolicy { guests: own.free, ..own };
        let secret = |lane, subject, policy| Part {
            key: LaneKey { lane, subject },
            policy: Policy::Streak(policy),
            role: Role::Secret,
        };
        let bucket = |lane, subject: &str, role, policy| Part {
            key: LaneKey { lane, subject: subject.to_owned() },
            policy: Policy::Bucket(policy),
            role,
        };
        let (address, network) = (source.address(), source.network());
        let around = [
            bucket(Lane::Source, address, Role::Source, limits.attempts_per_address()),
            bucket(Lane::Source, network, Role::Source, limits.attempts_per_network()),
        ];
        match kind {
            AttemptKind::Login => {
                let mut parts = vec![secret(Lane::Account, oprf_id.to_hex(), strangers)];
                parts.extend(around);
                parts
            }
            AttemptKind::LoginFromDevice(device) => vec![
                secret(Lane::Device, device.id.to_string(), own),
                secret(Lane::Devices, oprf_id.to_hex(), own),
            ],
            AttemptKind::Session(session) => {
                vec![secret(Lane::Session, format!("{:016x}", session.to_wire()), own)]
            }
            AttemptKind::Registration => {
                let (made, told) = (Lane::Registrations, Lane::Names);
                vec![
                    secret(Lane::Account, oprf_id.to_hex(), strangers),
                    bucket(made, address, Role::Made, limits.registrations_per_address()),
                    bucket(made, network, Role::Made, limits.registrations_per_network()),
                    bucket(made, EVERYBODY, Role::Made, limits.registrations_per_hour()),
                    bucket(told, address, Role::Told, limits.names_per_address()),
                    bucket(told, network, Role::Told, limits.names_per_network()),
                ]
            }
            AttemptKind::Code => vec![
                bucket(Lane::Codes, address, Role::WrongCode, limits.wrong_codes_per_address()),
                bucket(Lane::Codes, network, Role::WrongCode, limits.wrong_codes_per_network()),
            ],
        }
    }

    /// Returns every limit in force, by its key in `vestryd.toml`.
    #[must_use]
    pub fn limits(&self) -> Vec<Limit> {
        self.settings.now().gate.shown()
    }

    /// How many of the registrations that everybody together has in an hour are used up. When all are, accounts come from the
    /// operator.
    ///
    /// # Errors
    /// When the store does.
    pub fn registrations_used(&self, tx: &ReadTx<'_>, now: UnixSeconds) -> Result<u32, StoreError> {
        let streak = tx.streak(Lane::Registrations, EVERYBODY)?;
        Ok(self.settings.now().gate.registrations_per_hour().level(streak.as_ref(), now))
    }

    /// Resolves when every failure so far is written down; never, while none can be.
    pub async fn flush(&self) {
        self.recorder.flush().await;
    }

    /// How many attempts at a secret are under way now.
    #[must_use]
    pub fn attempts_under_way(&self) -> u32 {
        self.ledger.attempts()
    }

    /// What is under way now: lane, subject, how much.
    #[cfg(test)]
    pub(crate) fn under_way(&self) -> Vec<(Lane, String, u32)> {
        self.ledger.shown()
    }
}

async fn end_late_attempts(deadlines: Deadlines, recorder: Recorder) {
    loop {
        let late = deadlines.next().await;
        if late.leave(OPEN, OVER) {
            recorder.record(late);
        }
    }
}
