//! The wall clock as a parameter: everything that expires asks this one, and a test can bring its own.
//!
//! Timers (idle, handshake, drain) are not here: they use tokio's monotonic clock, which no clock jump moves.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use vestry_protocol::UnixSeconds;

/// Tells the time in seconds since 1970. Cloning shares it.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixSeconds + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(system_seconds))
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

/// Milliseconds since 1970 by the machine's clock: for what is to be roughly in the order of time and never expires by it.
pub(crate) fn milliseconds() -> u64 {
    u64::try_from(since_1970().as_millis()).unwrap_or(u64::MAX)
}

fn system_seconds() -> UnixSeconds {
    UnixSeconds::try_from(since_1970().as_secs()).unwrap_or(UnixSeconds::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A time as RFC 3339, in UTC.
#[must_use]
pub fn as_date(seconds: UnixSeconds) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp(seconds).ok();
    let text = at.and_then(|at| at.format(&time::format_description::well_known::Rfc3339).ok());
    // A number that is no date is still better than none.
    text.unwrap_or_else(|| seconds.to_string())
}
