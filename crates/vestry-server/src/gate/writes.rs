//! What one account may write within its sessions: each write is an event that is kept for a year.
//!
//! In memory: a restart gives every account its burst again, and nobody can restart the server. It knows no clock: the time
//! is a parameter.

use crate::failure::Failure;
use crate::settings::Settings;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;
use vestry_store::AccountId;

/// Accounts that are remembered before those that have rested are looked for.
const ACCOUNTS_BEFORE_SWEEP: usize = 10_000;

/// The writes of late, by account. Cloning shares them.
#[derive(Clone)]
pub struct Writes {
    /// When an account's bucket will be empty.
    empty_at: Arc<Mutex<HashMap<AccountId, Instant>>>,
    settings: Settings,
}

impl Writes {
    /// So many at once, then one an interval, as the settings say at each write.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { empty_at: Arc::default(), settings }
    }

    /// Counts a write of an account.
    ///
    /// # Errors
    /// [`Failure::Throttled`] when it has written too much; nothing is counted then.
    pub fn take(&self, account: AccountId, now: Instant) -> Result<(), Failure> {
        let limits = self.settings.now().gate;
        let (burst, interval) = (limits.writes_at_once, limits.write_interval);
        let mut accounts = self.empty_at.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= ACCOUNTS_BEFORE_SWEEP && !accounts.contains_key(&account) {
            accounts.retain(|_, empty_at| *empty_at > now);
        }
        let full = interval.saturating_mul(burst.saturating_sub(1));
        // A bucket that filled under longer intervals is no fuller than one of these can be.
        let empty_at = accounts.get(&account).copied().unwrap_or(now).clamp(now, now + full + interval);
        let wait = (empty_at - now).saturating_sub(full);
        accounts.insert(account, empty_at);
        if !wait.is_zero() {
            let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
            return Err(Failure::Throttled { wait_ms: ms });
        }
        accounts.insert(account, empty_at + interval);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, GateConfig, Overrides};
    use std::time::Duration;

    fn settings(writes_at_once: u32, write_interval: Duration) -> Settings {
        let gate = GateConfig { writes_at_once, write_interval, ..GateConfig::default() };
        Settings::new(Config { gate, ..Config::default() }, Overrides::default())
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_account_writes_thirty_at_once_and_then_one_in_two_seconds() {
        let (writes, start) = (Writes::new(settings(30, 2 * SECOND)), Instant::now());
        let [one, other] = [1, 2].map(AccountId::for_tests);
        let taken = |account, now| (0..100).filter(|_| writes.take(account, now).is_ok()).count();
        assert_eq!(taken(one, start), 30);
        assert!(matches!(writes.take(one, start), Err(Failure::Throttled { wait_ms: 2_000 })));
        assert_eq!(taken(other, start), 30);
        assert_eq!((taken(one, start + SECOND), taken(one, start + 2 * SECOND)), (0, 1));
        assert_eq!(taken(one, start + 12 * SECOND), 5);
        assert_eq!(taken(one, start + 1_000 * SECOND), 30);
    }

    #[test]
    fn accounts_that_have_rested_are_forgotten() {
        let (writes, start) = (Writes::new(settings(30, SECOND)), Instant::now());
        for number in 0..3 * i64::try_from(ACCOUNTS_BEFORE_SWEEP).unwrap() {
            let now = start + Duration::from_millis(u64::try_from(number).unwrap());
            writes.take(AccountId::for_tests(number), now).unwrap();
            assert!(writes.empty_at.lock().unwrap().len() <= ACCOUNTS_BEFORE_SWEEP);
        }
    }
}
