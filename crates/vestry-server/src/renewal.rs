//! The server's certificate through time: renewed when it is due, without a restart. What cannot be renewed is told
//! once a day and not once a minute, and so is a CA that comes to its end.
//!
//! It makes no certificate: `identity.rs` does.

use crate::clock::{Clock, as_date};
use crate::identity::Identity;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use vestry_protocol::UnixSeconds;

const DAY_SECS: i64 = 24 * 60 * 60;

/// Every user has to join again when the CA ends: that takes weeks of notice.
pub const AUTHORITY_NOTICE_SECS: i64 = 90 * DAY_SECS;

/// Measured on the monotonic clock: one that jumps makes no storm.
const TIME_BETWEEN_WARNINGS: Duration = Duration::from_secs(24 * 60 * 60);

/// Keeps the certificate fresh, and knows when it complained last.
#[derive(Default)]
pub struct Renewal {
    warned: Mutex<Option<Instant>>,
}

impl Renewal {
    /// Renews the certificate when it is due, and says what its operator should know.
    pub fn look(&self, identity: &Identity, clock: &Clock) {
        let now = clock.now();
        let trouble = match clock.plausible_now().map(|now| identity.renew_when_due(now)) {
            Err(implausible) => Some(implausible.to_string()),
            Ok(Ok(true)) => {
                tracing::info!("the server certificate was renewed: until {}", as_date(identity.not_after()));
                authority_trouble(identity, now)
            }
            Ok(Ok(false)) => authority_trouble(identity, now),
            Ok(Err(error)) => {
                let not_after = identity.not_after();
                let (until, fix) = (as_date(not_after), "put that right, then send SIGHUP");
                let trouble = if not_after <= now {
                    format!("the server certificate ended on {until}, and no client connects any more")
                } else {
                    format!("the server certificate cannot be renewed and ends on {until}")
                };
                Some(format!("{trouble}; {fix}: {error}"))
            }
        };
        if let Some(trouble) = trouble.filter(|_| self.may_warn(Instant::now())) {
            tracing::error!("{trouble}");
        }
    }

    fn may_warn(&self, now: Instant) -> bool {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_some_and(|last| now.saturating_duration_since(last) < TIME_BETWEEN_WARNINGS) {
            return false;
        }
        *warned = Some(now);
        true
    }
}

fn authority_trouble(identity: &Identity, now: UnixSeconds) -> Option<String> {
    let not_after = identity.authority_not_after();
    (not_after.since(now) < AUTHORITY_NOTICE_SECS).then(|| {
        let until = as_date(not_after);
        format!("the CA ends on {until}: make a new one before, and have every user join again")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_once_a_day() {
        let (renewal, start) = (Renewal::default(), Instant::now());
        let minute = Duration::from_secs(60);
        let told = (0..3 * 24 * 60).filter(|number| renewal.may_warn(start + minute * *number)).count();
        assert_eq!(told, 3);
    }
}
