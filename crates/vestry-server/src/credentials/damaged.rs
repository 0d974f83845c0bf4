//! Password records that cannot be read: a login with one fails like a wrong password, so the operator has to be told by the
//! log. One line an account and hour, however often a login is tried, and a bounded number of accounts.
//!
//! It never sees a name that was typed, and knows no clock: the time is a parameter. `vestryd check` names the accounts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use vestry_protocol::typed::vestryd;
use vestry_store::AccountId;

/// Between two lines about one account.
const TIME_BETWEEN_LINES: Duration = Duration::from_secs(60 * 60);

/// As many accounts have lines of their own; all others share one.
const ACCOUNTS_MAX: usize = 1_024;

/// Remembers which accounts the log has a recent line about. Cloning shares it.
#[derive(Clone, Default)]
pub struct DamagedRecords(Arc<Mutex<HashMap<Option<AccountId>, Instant>>>);

impl DamagedRecords {
    /// Logs that the password record of an account cannot be read, unless the log has a recent line about it.
    pub fn log(&self, account: AccountId, now: Instant) {
        if self.is_due(account, now) {
            tracing::error!(
                %account,
                "a password record is damaged, so that no password is right; this names its account: {}",
                vestryd("check")
            );
        }
    }

    fn is_due(&self, account: AccountId, now: Instant) -> bool {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        logged.retain(|_, last| now.saturating_duration_since(*last) < TIME_BETWEEN_LINES);
        let has_room = logged.len() < ACCOUNTS_MAX || logged.contains_key(&Some(account));
        let key = has_room.then_some(account);
        match logged.contains_key(&key) {
            true => false,
            false => logged.insert(key, now).is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_record_is_one_line_an_hour_and_the_accounts_are_bounded() {
        let (damaged, start) = (DamagedRecords::default(), Instant::now());
        let second = Duration::from_secs(1);
        let account = AccountId::for_tests(1);
        let lines = (0..3 * 3_600).filter(|at| damaged.is_due(account, start + second * *at)).count();
        assert_eq!(lines, 3);
        let later = start + 24 * TIME_BETWEEN_LINES;
        let lines = (0..5_000).filter(|number| damaged.is_due(AccountId::for_tests(*number), later)).count();
        assert_eq!(lines, ACCOUNTS_MAX + 1, "the others share one");
        assert!(damaged.0.lock().unwrap().len() <= ACCOUNTS_MAX + 1);
    }
}
