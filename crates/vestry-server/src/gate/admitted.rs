//! The witness that an attempt was admitted, and the verdicts that end it.

use super::attempt::{Attempt, CLAIMED, OPEN, OVER, Tells};
use super::deadlines::{Deadlines, Due};
use super::lane::{Part, Role};
use super::policy::{UnderWay, Verdict};
use super::recorder::Recorder;
use super::right::Right;
use crate::failure::Failure;
use crate::hashing::pool::NotRun;
use crate::names::Target;
use crate::source::Source;
use std::sync::Arc;
use std::time::Duration;
use vestry_protocol::UnixSeconds;
use vestry_store::change::CountAttempt;
use vestry_store::{Act, Noted, Permits, ReadTx, ResetCode, StoreError, WriteTx};

/// An attempt that was admitted: the witness that whatever is guarded asks for. Dropped without a verdict, it is a failure.
#[derive(Debug)]
pub struct Admitted {
    pub(super) attempt: Arc<Attempt>,
    pub(super) recorder: Recorder,
    pub(super) deadlines: Deadlines,
    /// What it has between its halves.
    pub(super) exchange_timeout: Duration,
}

/// An attempt between its two halves. Claimed in time by the second, or a failure.
#[derive(Debug)]
pub struct HalfOpen {
    admitted: Admitted,
    due: Due,
}

/// Writes down the outcome of an attempt, in the transaction of what came of it.
#[derive(Debug, Clone)]
pub struct Verdicts(Arc<Attempt>);

/// That the outcome of an attempt is on disk, once its transaction is.
#[derive(Debug)]
#[must_use = "an attempt without its verdict is a failure"]
pub struct Written(Arc<Attempt>);

/// That too many of its kind were wrong before it, from the same source.
#[derive(Debug)]
pub struct OverLimit {
    wait_ms: u64,
}

impl From<&OverLimit> for Failure {
    fn from(over: &OverLimit) -> Self {
        Self::Throttled { wait_ms: over.wait_ms }
    }
}

impl Admitted {
    /// Where it comes from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.attempt.source
    }

    /// What it is aimed at.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.attempt.target
    }

    /// What writes its outcome down.
    #[must_use]
    pub fn verdicts(&self) -> Verdicts {
        Verdicts(self.attempt.clone())
    }

    /// Keeps it for its second half, for as long as the settings say.
    #[must_use]
    pub fn half_open(self) -> HalfOpen {
        let due = self.deadlines.push(&self.attempt, self.exchange_timeout);
        HalfOpen { admitted: self, due }
    }

    /// It has an outcome, which is on disk.
    pub fn conclude(self, written: &Written) {
        if Arc::ptr_eq(&self.attempt, &written.0) {
            self.attempt.end();
        }
    }

    /// No hashing thread took it: nothing was tried, unless this is the second half of what was evaluated before.
    pub fn conclude_not_run(self, _: &NotRun) {
        if self.attempt.leave(OPEN, OVER) {
            self.attempt.give_shares_back();
        }
    }

    /// The password was right, and nothing of that needs to be written down, or can be.
    pub fn conclude_right(self, _: Right) {
        self.attempt.end();
    }

    /// It was refused because of those before it.
    pub fn conclude_over_limit(self, _: &OverLimit) {
        self.attempt.end();
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if self.attempt.leave(OPEN, OVER) || self.attempt.leave(CLAIMED, OVER) {
            self.recorder.record(self.attempt.clone());
        }
    }
}

impl HalfOpen {
    /// For the second half: the attempt, if its time is not over.
    ///
    /// # Errors
    /// [`Failure::NotStarted`] when it is; it was a failure then.
    pub fn claim(self) -> Result<Admitted, Failure> {
        self.admitted.deadlines.remove(self.due);
        if self.admitted.attempt.leave(OPEN, CLAIMED) { Ok(self.admitted) } else { Err(Failure::NotStarted) }
    }
}

impl Verdicts {
    /// It was right: its own lanes start over, and what was made counts. Returns the failures that the user was not told of
    /// yet.
    ///
    /// # Errors
    /// When the store does.
    pub fn right(
        &self,
        tx: &WriteTx<'_>,
        noted: &Noted<'_, impl Permits<CountAttempt>>,
        now: UnixSeconds,
    ) -> Result<(Written, u64), StoreError> {
        let unseen = match self.0.tells {
            Tells::AtLogin(id) => tx.see_failures(noted, id)?,
            Tells::Nobody | Tells::AtNextLogin(_) => 0,
        };
        // A source does not start over: who guesses can have successes at will.
        for Part { key, role, .. } in &self.0.parts {
            if *role == Role::Secret {
                tx.forget_streak(noted, key.lane, &key.subject)?;
            }
        }
        self.0.count(tx, noted, now, |role| role == Role::Made)?;
        if let Some(device) = self.0.device {
            tx.touch_device(noted, device, now)?;
        }
        Ok((Written(self.0.clone()), unseen))
    }

    /// Nothing was right or wrong: it led to an act that has its event in this transaction, or to a refusal that tells
    /// nothing but that the password was right.
    pub fn passed(&self, _: &Noted<'_, impl Act>) -> Written {
        Written(self.0.clone())
    }

    /// It was wrong: its lanes count it, and the user is told at the next login.
    ///
    /// # Errors
    /// When the store does.
    pub fn wrong(
        &self,
        tx: &WriteTx<'_>,
        noted: &Noted<'_, impl Permits<CountAttempt>>,
        now: UnixSeconds,
    ) -> Result<Written, StoreError> {
        self.0.count_failure(tx, noted, now)?;
        Ok(Written(self.0.clone()))
    }

    /// A name was told to be taken; nothing was evaluated.
    ///
    /// # Errors
    /// When the store does.
    pub fn told(
        &self,
        tx: &WriteTx<'_>,
        noted: &Noted<'_, impl Permits<CountAttempt>>,
        now: UnixSeconds,
    ) -> Result<Written, StoreError> {
        self.0.count(tx, noted, now, |role| role == Role::Told)?;
        Ok(Written(self.0.clone()))
    }

    /// Whether its source may have another wrong code.
    ///
    /// # Errors
    /// When the store does.
    pub fn allow_wrong_code(
        &self,
        tx: &ReadTx<'_>,
        now: UnixSeconds,
    ) -> Result<Result<(), OverLimit>, StoreError> {
        for Part { key, policy, .. } in self.0.parts.iter().filter(|part| part.role == Role::WrongCode) {
            let streak = tx.streak(key.lane, &key.subject)?;
            let under_way = UnderWay::default();
            if let Verdict::Wait { ms } = policy.judge(streak.as_ref(), under_way, now) {
                return Ok(Err(OverLimit { wait_ms: ms }));
            }
        }
        Ok(Ok(()))
    }

    /// The code was right, and was used too often to be used again.
    pub fn right_code(&self, _: &ResetCode) -> Written {
        Written(self.0.clone())
    }

    /// Whether its own lanes have failures to start over from.
    ///
    /// # Errors
    /// When the store does.
    pub fn has_failures(&self, tx: &ReadTx<'_>) -> Result<bool, StoreError> {
        for Part { key, .. } in self.0.parts.iter().filter(|part| part.role == Role::Secret) {
            if tx.streak(key.lane, &key.subject)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
