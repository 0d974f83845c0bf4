//! One attempt while it is under way: what it is aimed at, which shares it holds, and what becomes of its lanes.

use super::lane::{Part, Role};
use super::ledger::Shares;
use crate::audit::act::AttemptFailed;
use crate::names::Target;
use crate::source::Source;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use vestry_protocol::UnixSeconds;
use vestry_store::change::CountAttempt;
use vestry_store::{Noted, OprfId, Permits, StoreError, Streak, WriteTx};

/// What is attempted, and how it stands.
pub(super) struct Attempt {
    pub(super) source: Source,
    pub(super) act: AttemptFailed,
    pub(super) target: Target,
    pub(super) parts: Vec<Part>,
    pub(super) tells: Tells,
    pub(super) device: Option<i64>,
    pub(super) state: AtomicU8,
    pub(super) shares: Mutex<Option<Shares>>,
}

/// Who is told of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tells {
    Nobody,
    /// Whoever logs in next by this key. When this is itself a login and right, it tells of those before it.
    AtLogin(OprfId),
    /// The same, from within a session, whose success is no login.
    AtNextLogin(OprfId),
}

/// Half-open, or under way.
pub(super) const OPEN: u8 = 0;
/// Its second half is being judged: its deadline does not end it any more.
pub(super) const CLAIMED: u8 = 1;
/// It has an outcome.
pub(super) const OVER: u8 = 2;

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempt").field("act", &self.act).finish_non_exhaustive()
    }
}

impl Attempt {
    /// Goes from one state to another; whether it was in the first.
    pub(super) fn leave(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// It is over, and its shares are free.
    pub(super) fn end(&self) {
        self.state.store(OVER, Ordering::Release);
        self.give_shares_back();
    }

    pub(super) fn give_shares_back(&self) {
        drop(self.shares.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    pub(super) fn count(
        &self,
        tx: &WriteTx<'_>,
        noted: &Noted<'_, impl Permits<CountAttempt>>,
        now: UnixSeconds,
        counts: impl Fn(Role) -> bool,
    ) -> Result<(), StoreError> {
        for Part { key, policy, role } in self.parts.iter().filter(|part| counts(part.role)) {
            let streak: Option<Streak> = tx.streak(key.lane, &key.subject)?;
            let streak = policy.after_failure(streak.as_ref(), now);
            let name = if *role == Role::Secret { self.target.name.as_str() } else { "" };
            tx.set_streak(noted, (key.lane, &key.subject), name, &streak)?;
        }
        Ok(())
    }

    pub(super) fn count_failure(
        &self,
        tx: &WriteTx<'_>,
        noted: &Noted<'_, impl Permits<CountAttempt>>,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        self.count(tx, noted, now, |role| role != Role::Made)?;
        match self.tells {
            Tells::Nobody => Ok(()),
            Tells::AtLogin(id) | Tells::AtNextLogin(id) => tx.count_unseen(noted, id, &self.target.name, now),
        }
    }
}
