//! What a server counts of itself since it started: for the log, for `vestryctl status`, for a gauge on a dashboard.
//!
//! A new figure is a field of [`Counters`]; whoever causes it adds to it, and nobody else needs to know who shows it.

use std::sync::atomic::{AtomicU64, Ordering};

/// One figure that only grows.
#[derive(Debug, Default)]
pub struct Counter {
    all: AtomicU64,
    reported: AtomicU64,
}

impl Counter {
    /// Counts one more.
    pub fn add_one(&self) {
        self.all.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many there were since the start.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.all.load(Ordering::Relaxed)
    }

    /// Returns how many came since this was last asked: for a report that tells each of them once.
    #[must_use]
    pub fn take_new(&self) -> u64 {
        let all = self.total();
        all.saturating_sub(self.reported.swap(all, Ordering::Relaxed))
    }
}

/// Every figure of a server.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections that were closed before their handshake: their source had or made too many.
    pub connections_refused: Counter,
    /// Connections of load balancers that were closed: they did not say for whom they connect.
    pub connections_unsaid: Counter,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_reported_once_and_stays_in_the_total() {
        let counter = Counter::default();
        assert_eq!((counter.total(), counter.take_new()), (0, 0));
        (0..3).for_each(|_| counter.add_one());
        assert_eq!((counter.take_new(), counter.take_new(), counter.total()), (3, 0, 3));
        counter.add_one();
        assert_eq!((counter.take_new(), counter.total()), (1, 4));
    }
}
