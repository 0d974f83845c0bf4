//! Stops a query that takes too long, that nobody waits for any more, or that fills the disk.
//!
//! SQLite asks every few microseconds whether to go on, while it compiles too. The clock is monotonic; nothing here
//! knows what the query is.

use super::error::QueryError;
use super::{CancelFlag, QueryCaps};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often SQLite asks: every so many steps of its machine, some 20 µs apart.
const STEPS_BETWEEN_LOOKS: i32 = 1_000;

/// How often the disk is looked at. A sort writes some 10 MiB meanwhile.
const TIME_BETWEEN_DISK_LOOKS: Duration = Duration::from_millis(50);

/// No query takes more than this share of what is free on the disk, and all that run together neither.
const SHARE_OF_FREE_DISK: u64 = 4;

/// One query under watch.
pub(super) struct Watch {
    caps: QueryCaps,
    started: Instant,
    cancel: Option<CancelFlag>,
    disk_is_used_up: Arc<AtomicBool>,
}

impl Watch {
    /// Takes the place of the watch of the query before on this connection.
    pub(super) fn start(
        connection: &Connection,
        caps: &QueryCaps,
        cancel: Option<CancelFlag>,
    ) -> Result<Self, rusqlite::Error> {
        let (started, time_max) = (Instant::now(), caps.time_max);
        let watch = Self { caps: *caps, started, cancel, disk_is_used_up: Arc::default() };
        let (flag, used_up) = (watch.cancel.clone(), Arc::clone(&watch.disk_is_used_up));
        let mut disk = connection.path().map(|path| Disk::watched(path, caps.disk_bytes_max));
        let stop = move || {
            let elapsed = started.elapsed();
            if disk.as_mut().is_some_and(|disk| disk.is_used_up(elapsed)) {
                used_up.store(true, Ordering::Relaxed);
            }
            elapsed >= time_max
                || flag.as_ref().is_some_and(CancelFlag::is_raised)
                || used_up.load(Ordering::Relaxed)
        };
        connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(stop))?;
        Ok(watch)
    }

    /// Looks between two rows, where SQLite does not ask: a slow taker spends its time there.
    pub(super) fn check(&self) -> Result<(), QueryError> {
        if self.cancel.as_ref().is_some_and(CancelFlag::is_raised) {
            return Err(QueryError::Cancelled);
        }
        if self.disk_is_used_up.load(Ordering::Relaxed) {
            return Err(QueryError::TooLarge);
        }
        match self.started.elapsed() >= self.caps.time_max {
            true => Err(QueryError::TimedOut { limit: self.caps.time_max }),
            false => Ok(()),
        }
    }

    /// SQLite only says that it was interrupted; this says by what.
    pub(super) fn explain(&self, error: QueryError) -> QueryError {
        match matches!(error, QueryError::Cancelled) {
            true => self.check().err().unwrap_or(error),
            false => error,
        }
    }
}

/// The free room of the disk that the register is on. SQLite has no limit for what a sort writes to temporary files,
/// and a full disk would stop every write of the register.
struct Disk {
    path: PathBuf,
    looked: Duration,
    budget: Budget,
}

impl Disk {
    fn watched(path: &str, bytes_max: u64) -> Self {
        let path = PathBuf::from(path);
        Self { budget: Budget::of(free_bytes(&path), bytes_max), path, looked: Duration::ZERO }
    }

    fn is_used_up(&mut self, elapsed: Duration) -> bool {
        if elapsed < self.looked.saturating_add(TIME_BETWEEN_DISK_LOOKS) {
            return false;
        }
        self.looked = elapsed;
        self.budget.is_used_up(free_bytes(&self.path))
    }
}

/// Down to where the free room may fall; nothing where it is not known.
struct Budget {
    free_min: Option<u64>,
}

impl Budget {
    fn of(free: Option<u64>, bytes_max: u64) -> Self {
        Self { free_min: free.map(|free| free.saturating_sub(bytes_max.min(free / SHARE_OF_FREE_DISK))) }
    }

    fn is_used_up(&self, free: Option<u64>) -> bool {
        matches!((self.free_min, free), (Some(least), Some(free)) if free < least)
    }
}

fn free_bytes(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_may_take_its_cap_of_a_large_disk_and_a_quarter_of_a_small_one() {
        let large = Budget::of(Some(1_000), 100);
        assert!(!large.is_used_up(Some(900)));
        assert!(large.is_used_up(Some(899)));
        let small = Budget::of(Some(200), 100);
        assert!(!small.is_used_up(Some(150)));
        assert!(small.is_used_up(Some(149)));
    }

    #[test]
    fn a_disk_that_cannot_be_asked_stops_no_query() {
        assert!(!Budget::of(None, 100).is_used_up(Some(0)));
        assert!(!Budget::of(Some(1_000), 100).is_used_up(None));
        assert_eq!(free_bytes(Path::new("/nowhere/at/all")), None);
        assert!(free_bytes(Path::new("/")).is_some());
    }
}
