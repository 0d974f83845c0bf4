//! What a run saw: times in histograms, refusals with how long they asked to wait, and broken connections.
//!
//! A time is counted from the moment at which a request was due. In a closed loop that is when it was sent; at a fixed
//! rate it is the moment of the schedule, so that a server that keeps everybody waiting pays for each of those who
//! should have been asking meanwhile (coordinated omission). `service` counts from when it was really sent.

use crate::failure::Failure;
use crate::operation::Operation;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Times beyond this are counted as this; no server lets anybody wait for so long.
const LONGEST: Duration = Duration::from_secs(300);

/// Three digits of every time are kept.
const DIGITS: u8 = 3;

/// How one request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Done,
    /// The server said no: the name of its code, and how long to wait.
    Refused(String, Option<Duration>),
    /// The connection was not made or broke, or what came was no answer.
    Broken(String),
}

/// When a request was due, when it was sent, and when its answer was there.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// By the schedule.
    pub due: Instant,
    /// In fact.
    pub sent: Instant,
    /// The answer.
    pub answered: Instant,
}

/// Times, to three digits, in fixed memory.
#[derive(Debug, Clone)]
pub struct Times(Histogram<u64>);

impl Times {
    /// None yet.
    ///
    /// # Errors
    /// Never for these bounds; the library cannot know that.
    pub fn new() -> Result<Self, Failure> {
        let histogram = Histogram::new_with_bounds(1_000, nanoseconds(LONGEST), DIGITS);
        histogram.map(Self).map_err(|error| Failure::other(format!("no histogram: {error}")))
    }

    /// One more.
    pub fn record(&mut self, time: Duration) {
        self.0.saturating_record(nanoseconds(time));
    }

    /// All of another's.
    pub fn add(&mut self, other: &Self) {
        // Both have the same bounds.
        let _ = self.0.add(&other.0);
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// In numbers, in microseconds.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let at = |quantile| microseconds(self.0.value_at_quantile(quantile));
        Summary {
            mean_us: self.0.mean() / 1_000.0,
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: microseconds(self.0.max()),
        }
    }
}

/// Times in numbers, in microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Summary {
    /// The average.
    pub mean_us: f64,
    /// Half were faster.
    pub p50_us: f64,
    /// Nine of ten were faster.
    pub p90_us: f64,
    /// All but one of a hundred.
    pub p99_us: f64,
    /// All but one of a thousand.
    pub p999_us: f64,
    /// The slowest.
    pub max_us: f64,
}

/// Refusals of one code.
#[derive(Debug, Clone)]
pub struct Refusals {
    /// How long the refusal took.
    pub times: Times,
    /// How many said when to come back.
    pub with_retry: u64,
    /// The longest wait that was asked for.
    pub retry_max: Duration,
    /// All waits together.
    pub retry_sum: Duration,
}

/// Everything of one operation.
#[derive(Debug, Clone)]
pub struct Tally {
    /// Of those that were done, from when they were due.
    pub latency: Times,
    /// Of those that were done, from when they were sent.
    pub service: Times,
    /// By the name of the code.
    pub refused: BTreeMap<String, Refusals>,
    /// By what broke.
    pub broken: BTreeMap<String, u64>,
}

impl Tally {
    /// Nothing yet.
    ///
    /// # Errors
    /// As [`Times::new`].
    pub fn new() -> Result<Self, Failure> {
        let (latency, service) = (Times::new()?, Times::new()?);
        Ok(Self { latency, service, refused: BTreeMap::new(), broken: BTreeMap::new() })
    }

    /// One more.
    ///
    /// # Errors
    /// As [`Times::new`].
    pub fn record(&mut self, outcome: Outcome, timing: Timing) -> Result<(), Failure> {
        let latency = timing.answered.saturating_duration_since(timing.due);
        match outcome {
            Outcome::Done => {
                self.latency.record(latency);
                self.service.record(timing.answered.saturating_duration_since(timing.sent));
            }
            Outcome::Refused(code, retry) => self.refusals(&code)?.record(latency, retry),
            Outcome::Broken(what) => *self.broken.entry(what).or_default() += 1,
        }
        Ok(())
    }

    fn refusals(&mut self, code: &str) -> Result<&mut Refusals, Failure> {
        if !self.refused.contains_key(code) {
            self.refused.insert(code.to_owned(), Refusals::new()?);
        }
        self.refused.get_mut(code).ok_or_else(|| Failure::other("a refusal was lost"))
    }

    /// All of another's.
    ///
    /// # Errors
    /// As [`Times::new`].
    pub fn add(&mut self, other: &Self) -> Result<(), Failure> {
        self.latency.add(&other.latency);
        self.service.add(&other.service);
        for (code, refusals) in &other.refused {
            self.refusals(code)?.add(refusals);
        }
        for (what, count) in &other.broken {
            *self.broken.entry(what.clone()).or_default() += count;
        }
        Ok(())
    }

    /// How many were done.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.latency.count()
    }
}

impl Refusals {
    fn new() -> Result<Self, Failure> {
        let zero = Duration::ZERO;
        Ok(Self { times: Times::new()?, with_retry: 0, retry_max: zero, retry_sum: zero })
    }

    fn record(&mut self, latency: Duration, retry: Option<Duration>) {
        self.times.record(latency);
        if let Some(retry) = retry {
            self.with_retry += 1;
            self.retry_max = self.retry_max.max(retry);
            self.retry_sum = self.retry_sum.saturating_add(retry);
        }
    }

    fn add(&mut self, other: &Self) {
        self.times.add(&other.times);
        self.with_retry += other.with_retry;
        self.retry_max = self.retry_max.max(other.retry_max);
        self.retry_sum = self.retry_sum.saturating_add(other.retry_sum);
    }
}

/// A tally for each operation.
pub type Tallies = BTreeMap<Operation, Tally>;

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn microseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(due_ms: u64, sent_ms: u64, answered_ms: u64) -> Timing {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        Timing { due: at(due_ms), sent: at(sent_ms), answered: at(answered_ms) }
    }

    /// A server stands still for a second; ten requests were due meanwhile and went out after it.
    #[test]
    fn whoever_should_have_asked_while_the_server_stood_still_has_waited_for_it() {
        let mut tally = Tally::new().unwrap();
        for late in (0..10).map(|number| number * 100) {
            tally.record(Outcome::Done, timing(late, 1_000, 1_001)).unwrap();
        }
        let (latency, service) = (tally.latency.summary(), tally.service.summary());
        assert!((latency.max_us - 1_001_000.0).abs() < 1_001.0, "{latency:?}");
        assert!((latency.p50_us - 501_000.0).abs() < 1_000.0, "{latency:?}");
        assert!(service.max_us < 1_100.0, "{service:?}");
    }

    #[test]
    fn refusals_are_no_times_of_what_was_done_and_keep_their_waits() {
        let mut tally = Tally::new().unwrap();
        let busy = |ms| Outcome::Refused("Busy".to_owned(), Some(Duration::from_millis(ms)));
        tally.record(Outcome::Done, timing(0, 0, 5)).unwrap();
        tally.record(busy(50), timing(0, 0, 1)).unwrap();
        tally.record(busy(150), timing(0, 0, 1)).unwrap();
        tally.record(Outcome::Broken("reset".to_owned()), timing(0, 0, 1)).unwrap();
        let mut all = Tally::new().unwrap();
        all.add(&tally).unwrap();
        all.add(&tally).unwrap();
        let refused = &all.refused["Busy"];
        assert_eq!((all.done(), all.broken["reset"], refused.with_retry), (2, 2, 4));
        assert_eq!(refused.retry_max, Duration::from_millis(150));
        assert_eq!(refused.retry_sum, Duration::from_millis(400));
    }

    #[test]
    fn the_longest_time_is_counted_and_not_lost() {
        let mut times = Times::new().unwrap();
        times.record(LONGEST * 10);
        assert_eq!(times.count(), 1);
    }
}
