//! Stops a query that takes too long, that nobody waits for any more, or that fills the disk.
//!
//! SQLite asks every few microseconds whether to go on, while it compiles too, and our functions ask by themselves
//! (`functions.rs`). It asks at jumps only, and counts the rows of a whole table in one step, so a thread beside the query
//! interrupts that. The clock is monotonic; nothing here knows what the query is.
//!
//! A statement is compiled by a [`Watch`] and by nothing else, and one that runs without a watch is stopped.

use super::error::QueryError;
use super::footprint::Footprint;
use super::guard::GuardedConnection;
use super::text::Steps;
use super::{CancelFlag, QueryCaps};
use rusqlite::{Connection, InterruptHandle, ffi};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often SQLite asks: every so many steps of its machine, some 5 µs apart, when none of them calls a function.
const STEPS_BETWEEN_LOOKS: i32 = 250;

/// How often our functions ask: every so many bytes or comparisons, some 100 µs apart.
const WORK_BETWEEN_LOOKS: usize = 64 * 1024;

/// How often the thread beside a query looks whether to interrupt it.
const TIME_BETWEEN_INTERRUPTS: Duration = Duration::from_millis(100);

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
struct Running {
    caps: QueryCaps,
    started: Instant,
    cancel: Option<CancelFlag>,
    disk: Option<Disk>,
    disk_is_used_up: bool,
}

impl Running {
    /// Why it has to end, if it has.
    fn verdict(&mut self) -> Result<(), QueryError> {
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

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn verdict(&self) -> Result<(), QueryError> {
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

/// One query under watch, from its first statement to its last row.
pub(super) struct Watch<'c> {
    connection: &'c GuardedConnection,
    caps: QueryCaps,
    until: Instant,
    /// Ends with the watch, so that what it interrupts is never the next query of the connection.
    interrupter: Option<JoinHandle<()>>,
}

impl<'c> Watch<'c> {
    /// Begins; it ends when it is dropped.
    pub(super) fn start(
        connection: &'c GuardedConnection,
        caps: &QueryCaps,
        cancel: Option<CancelFlag>,
    ) -> Result<Self, QueryError> {
        let disk = connection.path().map(|path| Disk::watched(path, caps.disk_bytes_max));
        let started = Instant::now();
        let running = Running { caps: *caps, started, cancel, disk, disk_is_used_up: false };
        *connection.brake().running() = Some(running);
        let mut watch = Self { connection, caps: *caps, until: started + caps.time_max, interrupter: None };
        let (brake, handle) = (connection.brake().clone(), connection.interrupt_handle());
        let interrupt = move || interrupt_in_time(&brake, &handle);
        let started = thread::Builder::new().name("vestry-watch".to_owned()).spawn(interrupt);
        watch.interrupter = Some(started.map_err(|_| QueryError::Busy)?);
        Ok(watch)
    }

    /// The caps of this query.
    pub(super) fn caps(&self) -> &QueryCaps {
        &self.caps
    }

    /// When the query has to be at its end.
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    /// Compiles one statement that only reads, takes as many parameters as we bind, and stays small while it runs.
    pub(super) fn compile(
        &self,
        sql: &str,
        parameters: usize,
    ) -> Result<rusqlite::Statement<'c>, QueryError> {
        self.compile_small(sql, parameters).map_err(|error| self.explain(error))
    }

    fn compile_small(&self, sql: &str, parameters: usize) -> Result<rusqlite::Statement<'c>, QueryError> {
        let statement = self.connection.compile(sql, parameters)?;
        Footprint::of(&mut self.connection.explain(sql)?).map_err(super::error::classify)?.require_small()?;
        Ok(statement)
    }

    /// Looks between two rows, where SQLite does not ask: a slow taker spends its time there.
    pub(super) fn check(&self) -> Result<(), QueryError> {
        self.connection.brake().verdict()
    }

    /// SQLite only says that it was interrupted; this says by what.
    pub(super) fn explain(&self, error: QueryError) -> QueryError {
        match matches!(error, QueryError::Cancelled) {
            true => self.check().err().unwrap_or(error),
            false => error,
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        *self.connection.brake().running() = None;
        if let Some(interrupter) = self.interrupter.take() {
            interrupter.thread().unpark();
            // It has nothing to say.
            let _ = interrupter.join();
        }
    }
}

/// Interrupts a query that has to end, until its watch is gone.
fn interrupt_in_time(brake: &Brake, handle: &InterruptHandle) {
    loop {
        thread::park_timeout(TIME_BETWEEN_INTERRUPTS);
        match brake.running().as_mut().map(Running::verdict) {
            Some(Ok(())) => {}
            Some(Err(_)) => handle.interrupt(),
            None => return,
        }
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
