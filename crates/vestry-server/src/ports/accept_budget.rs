//! How many new connections a second each source may make: a bucket of tokens for each, in a map that stays small
//! however many sources there are. What is refused here is closed before a handshake costs anything.
//!
//! It knows no clock and no socket: the time is a parameter.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Sources that are remembered one by one: 1.5 MB when all are. Those beyond share one bucket.
const SOURCES_MAX: usize = 16_384;

/// A bucket holds what comes in within so many seconds: people who arrive at once are not a flood.
const BURST_SECS: f64 = 5.0;

/// How often a full map is looked through for sources that can be forgotten. A look takes 0.1 ms.
const TIME_BETWEEN_SWEEPS: Duration = Duration::from_millis(100);

/// Cloning shares it.
#[derive(Clone)]
pub struct AcceptBudget(Arc<Mutex<Buckets>>);

struct Buckets {
    per_second: f64,
    sources: HashMap<IpAddr, Bucket>,
    /// For the sources that the map has no room for.
    others: Bucket,
    swept: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    counted: Instant,
}

impl AcceptBudget {
    /// With so many new connections a second for each source.
    #[must_use]
    pub fn new(per_source_per_sec_max: u32, now: Instant) -> Self {
        let per_second = f64::from(per_source_per_sec_max);
        let others = Bucket { tokens: per_second * BURST_SECS, counted: now };
        Self(Arc::new(Mutex::new(Buckets { per_second, sources: HashMap::new(), others, swept: None })))
    }

    /// Whether a source may make one more connection now; if so, it is counted.
    #[must_use]
    pub fn take(&self, source: IpAddr, now: Instant) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take(source, now)
    }
}

impl Buckets {
    fn take(&mut self, source: IpAddr, now: Instant) -> bool {
        let (per_second, full) = (self.per_second, self.per_second * BURST_SECS);
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&source) {
            if self.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= TIME_BETWEEN_SWEEPS) {
                self.swept = Some(now);
                // A full bucket says the same as none.
                self.sources.retain(|_, bucket| bucket.tokens_at(per_second, full, now) < full);
            }
            if self.sources.len() >= SOURCES_MAX {
                return self.others.take(per_second, full, now);
            }
        }
        let fresh = Bucket { tokens: full, counted: now };
        self.sources.entry(source).or_insert(fresh).take(per_second, full, now)
    }
}

impl Bucket {
    fn tokens_at(&self, per_second: f64, full: f64, now: Instant) -> f64 {
        let since = now.saturating_duration_since(self.counted).as_secs_f64();
        (self.tokens + since * per_second).min(full)
    }

    fn take(&mut self, per_second: f64, full: f64, now: Instant) -> bool {
        self.tokens = self.tokens_at(per_second, full, now);
        self.counted = self.counted.max(now);
        let may = self.tokens >= 1.0;
        if may {
            self.tokens -= 1.0;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const SECOND: Duration = Duration::from_secs(1);

    fn source(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(0x7f00_0000 | number))
    }

    fn taken(budget: &AcceptBudget, from: IpAddr, tries: usize, now: Instant) -> usize {
        (0..tries).filter(|_| budget.take(from, now)).count()
    }

    fn remembered(budget: &AcceptBudget) -> usize {
        budget.0.lock().unwrap().sources.len()
    }

    #[test]
    fn a_source_has_its_burst_and_then_its_rate() {
        let start = Instant::now();
        let budget = AcceptBudget::new(10, start);
        assert_eq!(taken(&budget, source(1), 100, start), 50);
        assert_eq!(taken(&budget, source(1), 100, start + SECOND), 10);
        assert_eq!(taken(&budget, source(1), 100, start + 100 * SECOND), 50);
    }

    #[test]
    fn one_source_uses_nothing_of_anothers_budget() {
        let start = Instant::now();
        let budget = AcceptBudget::new(1, start);
        assert_eq!(taken(&budget, source(1), 100, start), 5);
        assert_eq!(taken(&budget, source(2), 100, start), 5);
    }

    #[test]
    fn a_time_that_stands_still_or_goes_back_gives_nothing() {
        let start = Instant::now() + SECOND;
        let budget = AcceptBudget::new(1, start);
        assert_eq!(taken(&budget, source(1), 100, start), 5);
        assert_eq!(taken(&budget, source(1), 100, start - SECOND), 0);
        assert_eq!(taken(&budget, source(1), 100, start), 0, "the second that was taken back counted twice");
    }

    #[test]
    fn the_map_stays_bounded_under_a_million_sources_and_forgets_them_in_seconds() {
        let start = Instant::now();
        let budget = AcceptBudget::new(1, start);
        for number in 0..1_000_000 {
            let _ = budget.take(source(number), start + Duration::from_micros(u64::from(number)));
            assert!(remembered(&budget) <= SOURCES_MAX);
        }
        let later = start + 6 * SECOND;
        assert!(budget.take(source(0x00ff_ffff), later));
        assert_eq!(remembered(&budget), 1, "who has rested is forgotten when there is need of room");
        assert_eq!(taken(&budget, source(0x00ff_fffe), 100, later), 5);
    }

    /// A bucket of 4,000 a second is full again 0.25 ms after it was used, so that the map forgets a source at once.
    #[test]
    fn a_million_sources_at_the_default_rate_get_in_and_one_that_floods_does_not() {
        let start = Instant::now();
        let default = crate::config::ConnectionConfig::default().per_source_per_sec_max;
        let budget = AcceptBudget::new(default, start);
        let full = 5 * usize::try_from(default).unwrap();
        // Each as fast as a machine accepts, and one source in between that has used up what it had.
        assert_eq!(taken(&budget, source(0), 2 * full, start), full);
        let mut flood = 0;
        for number in 1..=1_000_000 {
            let now = start + Duration::from_micros(10 * u64::from(number));
            assert!(budget.take(source(number), now), "source {number} was refused");
            assert!(remembered(&budget) <= SOURCES_MAX);
            flood += usize::from(number % 10 == 0 && budget.take(source(0), now));
        }
        // In ten seconds, at its rate; in each of which it tried ten thousand times.
        let allowed = 10 * usize::try_from(default).unwrap();
        assert!(flood.abs_diff(allowed) <= full, "{flood} of 100,000, and {allowed} are its rate");
    }

    #[test]
    fn sources_beyond_the_map_share_one_bucket_and_known_ones_keep_theirs() {
        let start = Instant::now();
        let budget = AcceptBudget::new(1, start);
        for number in 0..u32::try_from(SOURCES_MAX).unwrap() {
            assert!(budget.take(source(number), start));
        }
        let strangers = (0..100).filter(|number| budget.take(source(1_000_000 + number), start)).count();
        assert_eq!(strangers, 5);
        assert_eq!(taken(&budget, source(7), 100, start), 4);
    }
}
