//! The wall clock as a parameter: everything that expires asks this one, and a test can bring its own.
//!
//! Timers (idle, handshake, drain) are not here: they use tokio's monotonic clock, which no clock jump moves.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use thiserror::Error;
use vestry_protocol::UnixSeconds;
use vestry_protocol::calendar::rfc3339;

/// Tells the time in seconds since 1970. Cloning shares it.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixSeconds + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(|| {
            UnixSeconds::from_seconds(i64::try_from(since_1970().as_secs()).unwrap_or(i64::MAX))
        }))
    }

    /// A clock of the caller's, for tests.
    pub fn from_fn(tell: impl Fn() -> UnixSeconds + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> UnixSeconds {
        (self.0)()
    }
}

/// A day before the newest commit of this program: no clock that is right says less. It stands in the source, so that a build
/// stays the same whenever it is made.
pub const WRITTEN: UnixSeconds = UnixSeconds::from_seconds(1_795_824_000);

/// A reading that may be true. What is made once and for long (a CA, a certificate, a chain) asks for it: dated wrongly, it would stay
/// so when the clock is right again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plausible(UnixSeconds);

/// The clock says less than it can.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "the clock says {}, but this program is from {}: what is made now would have a wrong date for good. Set the clock (timedatectl set-ntp true, or date --set), then run this again",
    as_date(*.0),
    as_date(WRITTEN)
)]
pub struct ImplausibleClock(pub UnixSeconds);

impl Plausible {
    /// Returns the reading.
    #[must_use]
    pub fn reading(self) -> UnixSeconds {
        self.0
    }
}

impl Clock {
    /// Returns the time now when it may be true.
    ///
    /// # Errors
    /// When the clock says that it is before this program was written.
    pub fn plausible_now(&self) -> Result<Plausible, ImplausibleClock> {
        let now = self.now();
        if now < WRITTEN { Err(ImplausibleClock(now)) } else { Ok(Plausible(now)) }
    }
}

/// Milliseconds since 1970 by the machine's clock: for what is to be roughly in the order of time and never expires by it.
pub(crate) fn milliseconds() -> u64 {
    u64::try_from(since_1970().as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A time as RFC 3339, in UTC.
#[must_use]
pub fn as_date(at: UnixSeconds) -> String {
    // A number that is no date is still better than none.
    rfc3339(at).unwrap_or_else(|| at.seconds().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_from_before_this_program_is_told_with_both_dates_and_the_way_on() {
        let at = |now| Clock::from_fn(move || now).plausible_now();
        assert_eq!(at(WRITTEN).map(Plausible::reading), Ok(WRITTEN));
        let told = at(UnixSeconds::from_seconds(86_400)).unwrap_err().to_string();
        assert!(
            told.starts_with("the clock says 1970-01-02T00:00:00Z, but this program is from 20"),
            "{told}"
        );
        assert!(told.contains("timedatectl"), "{told}");
    }
}
