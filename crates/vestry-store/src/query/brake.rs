//! What a running statement asks whether it goes on: SQLite at its jumps, our functions by themselves.
//!
//! The clock is monotonic; nothing here knows what the query is.

use super::caps::{CancelFlag, QueryCaps};
use super::error::QueryError;
use super::text::Steps;
use rusqlite::{Connection, ffi};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often SQLite asks: every so many steps of its machine, some 5 µs apart, when none of them calls a function.
const STEPS_BETWEEN_LOOKS: i32 = 250;

/// How often our functions ask: every so many bytes or comparisons, some 100 µs apart.
const WORK_BETWEEN_LOOKS: usize = 64 * 1024;

/// How often the disk is looked at. A sort writes some 10 MiB meanwhile.
const TIME_BETWEEN_DISK_LOOKS: Duration = Duration::from_millis(50);

/// No query takes more than this share of what is free on the disk, and all that run together neither.
const SHARE_OF_FREE_DISK: u64 = 4;

/// What a connection asks whether its statement goes on. It is the connection's for good; what it says is the watch's.
#[derive(Debug, Clone, Default)]
pub(super) struct Brake(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    running: Mutex<Option<Running>>,
    work: AtomicUsize,
}

/// The query that runs.
#[derive(Debug)]
pub(super) struct Running {
    caps: QueryCaps,
    started: Instant,
    cancel: Option<CancelFlag>,
    disk: Option<Disk>,
    disk_is_used_up: bool,
}

impl Running {
    /// One that begins now, on a connection to this file.
    pub(super) fn begin(caps: QueryCaps, cancel: Option<CancelFlag>, database: Option<&str>) -> Self {
        let disk = database.map(|path| {
            let path = PathBuf::from(path);
            Disk { budget: Budget::of(free_bytes(&path), caps.disk_bytes_max), path, looked: Duration::ZERO }
        });
        Self { caps, started: Instant::now(), cancel, disk, disk_is_used_up: false }
    }

    /// When it has to be at its end.
    pub(super) fn until(&self) -> Instant {
        self.started + self.caps.time_max
    }

    /// Why it has to end, if it has.
    pub(super) fn verdict(&mut self) -> Result<(), QueryError> {
        let elapsed = self.started.elapsed();
        self.disk_is_used_up |= self.disk.as_mut().is_some_and(|disk| disk.is_used_up(elapsed));
        if self.cancel.as_ref().is_some_and(CancelFlag::is_raised) {
            return Err(QueryError::Cancelled);
        }
        if self.disk_is_used_up {
            return Err(QueryError::TooLarge);
        }
        match elapsed >= self.caps.time_max {
            true => Err(QueryError::TimedOut { limit: self.caps.time_max }),
            false => Ok(()),
        }
    }
}

impl Brake {
    /// Has SQLite ask at its jumps.
    pub(super) fn attach(&self, connection: &Connection) -> rusqlite::Result<()> {
        let brake = self.clone();
        connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || brake.verdict().is_err()))
    }

    pub(super) fn running(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn verdict(&self) -> Result<(), QueryError> {
        self.running().as_mut().map_or(Err(QueryError::Cancelled), Running::verdict)
    }
}

impl Steps for Brake {
    type Ended = rusqlite::Error;

    fn spend(&self, steps: usize) -> Result<(), rusqlite::Error> {
        if self.0.work.fetch_add(steps, Ordering::Relaxed) < WORK_BETWEEN_LOOKS {
            return Ok(());
        }
        self.0.work.store(0, Ordering::Relaxed);
        // SQLite only carries the code; the watch says why.
        let interrupted = |_| rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_INTERRUPT), None);
        self.verdict().map_err(interrupted)
    }
}

/// The free room of the disk that the database is on. SQLite has no limit for what a sort writes to temporary files,
/// and a full disk would stop every write of the database.
#[derive(Debug)]
struct Disk {
    path: PathBuf,
    looked: Duration,
    budget: Budget,
}

impl Disk {
    fn is_used_up(&mut self, elapsed: Duration) -> bool {
        if elapsed < self.looked.saturating_add(TIME_BETWEEN_DISK_LOOKS) {
            return false;
        }
        self.looked = elapsed;
        self.budget.is_used_up(free_bytes(&self.path))
    }
}

/// Down to where the free room may fall; nothing where it is not known.
#[derive(Debug)]
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
