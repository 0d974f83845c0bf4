//! What the settings of a server promise: how much of something one attacker gets within some seconds.
//!
//! The formulas are those of SECURITY.md, "The gate", written here once more. They share no code with the server, which would
//! promise whatever it does.

use crate::failure::Failure;
use vestry_protocol::admin::Limit;

/// The longest delay between two guesses at one account.
const DELAY_SECS_MAX: u64 = 3_600;

/// The limits that a server says are in force.
#[derive(Debug)]
pub(super) struct Limits(Vec<Limit>);

/// How much an attacker gets at most; `None` where the settings set no limit.
pub(super) type Promise = Option<u64>;

impl Limits {
    pub(super) fn new(limits: Vec<Limit>) -> Self {
        Self(limits)
    }

    /// Returns what a bucket lets through in some seconds: what fits, and what drains meanwhile.
    pub(super) fn bucket(&self, key: &str, seconds: u64) -> Result<Promise, Failure> {
        let Limit { at_once, interval_ms, .. } = self.find(key)?;
        Ok(promise_of_bucket(*at_once, *interval_ms, seconds))
    }

    /// Returns how many guesses strangers have at one account in some seconds, all ways together.
    pub(super) fn guesses_of_strangers(&self, seconds: u64) -> Result<Promise, Failure> {
        let free = self.find("gate.account_guesses_at_once")?.at_once;
        // As many again may be under way, each of a network that holds none.
        Ok(Some(failures_within(free, free, self.find("gate.account_guesses_max")?.at_once, seconds)))
    }

    /// Returns how many guesses one session has at its password in some seconds.
    pub(super) fn guesses_in_session(&self, seconds: u64) -> Result<Promise, Failure> {
        let free = self.find("gate.account_guesses_at_once")?.at_once;
        Ok(Some(failures_within(free, 0, self.find("gate.account_guesses_max")?.at_once, seconds)))
    }

    fn find(&self, key: &str) -> Result<&Limit, Failure> {
        self.0.iter().find(|limit| limit.key == key).ok_or(Failure::UnexpectedReply)
    }
}

fn promise_of_bucket(at_once: u64, interval_ms: Option<u64>, seconds: u64) -> Promise {
    match interval_ms {
        None => Some(at_once),
        Some(0) => None,
        Some(interval) => Some(at_once.saturating_add(seconds.saturating_mul(1_000) / interval)),
    }
}

/// Returns how many failures fit: `free` and `guests` at once, then each behind a delay that doubles from one second on. The
/// server's clock tells whole seconds, so it adds one to each.
fn failures_within(free: u64, guests: u64, most: u64, seconds: u64) -> u64 {
    let mut failures = free.saturating_add(guests);
    let mut passed = 0_u64;
    while failures < most {
        let doublings = u32::try_from(failures.saturating_sub(free)).unwrap_or(u32::MAX);
        let delay = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX).min(DELAY_SECS_MAX);
        passed = passed.saturating_add(delay.saturating_add(1));
        if passed > seconds {
            break;
        }
        failures = failures.saturating_add(1);
    }
    failures.min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_are_the_numbers_of_security_md() {
        assert_eq!(failures_within(5, 5, 100, 10), 10, "strangers at one account in 10 s");
        assert_eq!(failures_within(5, 5, 100, 3_600), 16, "in an hour");
        assert_eq!(failures_within(5, 0, 100, 10), 8, "with one session in 10 s");
        for (at_once, interval_ms, promise) in
            [(20, 60_000, 20), (60, 30_000, 60), (10, 1_000, 20), (60, 200, 110), (120, 30_000, 120)]
        {
            assert_eq!(promise_of_bucket(at_once, Some(interval_ms), 10), Some(promise));
        }
        assert_eq!(promise_of_bucket(3, None, 600), Some(3));
        assert_eq!(promise_of_bucket(30, Some(0), 1), None);
    }

    #[test]
    fn a_lane_closes_at_its_last_guess_whatever_the_time() {
        assert_eq!(failures_within(5, 5, 100, u64::MAX), 100);
        assert_eq!(failures_within(20, 20, 30, 0), 30);
    }

    #[test]
    fn a_server_that_does_not_name_a_limit_is_not_understood() {
        let limits = Limits::new(Vec::new());
        assert!(matches!(limits.bucket("gate.writes_at_once", 1), Err(Failure::UnexpectedReply)));
    }
}
