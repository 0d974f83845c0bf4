//! Stops a query that takes too long, that nobody waits for any more, or that fills the disk.
//!
//! SQLite asks every few microseconds whether to go on, while it compiles too, and our functions ask by themselves
//! (`brake.rs`). It asks at jumps only, and counts the rows of a whole table in one step, so a thread beside the query
//! interrupts that. The clock is monotonic; nothing here knows what the query is.
//!
//! A statement is compiled by a [`Watch`] and by nothing else, and one that runs without a watch is stopped.

use super::brake::Running;
use super::caps::{CancelFlag, QueryCaps};
use super::error::{QueryError, classify};
use super::footprint::Footprint;
use super::guard::GuardedConnection;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often the thread beside a query looks whether to interrupt it.
const TIME_BETWEEN_INTERRUPTS: Duration = Duration::from_millis(100);

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
        let running = Running::begin(*caps, cancel, connection.path());
        let mut watch = Self { connection, caps: *caps, until: running.until(), interrupter: None };
        *connection.brake().running() = Some(running);
        let (brake, handle) = (connection.brake().clone(), connection.interrupt_handle());
        // Interrupts a query that has to end, until its watch is gone.
        let interrupt = move || {
            loop {
                thread::park_timeout(TIME_BETWEEN_INTERRUPTS);
                match brake.running().as_mut().map(Running::verdict) {
                    Some(Ok(())) => {}
                    Some(Err(_)) => handle.interrupt(),
                    None => return,
                }
            }
        };
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
        let compiled = self.connection.compile(sql, parameters);
        let statement = compiled.map_err(|error| QueryError::from(error).found_in(sql))?;
        Footprint::of(&mut self.connection.explain(sql)?).map_err(classify)?.require_small()?;
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
