//! The operator's read-only SQL: any `select` over the views, for an operator who may be hostile.
//!
//! Four walls stand behind one another, and each holds alone:
//! 1. the connection cannot write: the file is opened read-only, with `query_only` and without triggers (`guard`);
//! 2. SQLite's authorizer knows every column and function that may be named, and refuses the rest (`guard`);
//! 3. what runs is bounded in rows, bytes, time, memory and disk, and rows are handed on one by one, never collected
//!    (`stream`, `watch`, `footprint`), whatever functions it calls (`functions`, `text`);
//! 4. nothing typed is compiled before its size was measured, or spliced into our own SQL before it was proven to
//!    be one expression (`shape`, `listing`).
//!
//! Nothing here writes, opens a second file, reads a clock other than a monotonic one, or knows of the network.
//! All of it blocks: call it from a blocking thread.

mod cursor;
mod error;
mod follow;
mod footprint;
mod functions;
mod guard;
mod listing;
mod shape;
mod stream;
#[cfg(test)]
mod tests;
mod text;
mod views;
mod watch;
mod words;

pub use error::QueryError;

use guard::GuardedFile;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use vestry_protocol::admin::{Cell, Listing};
use vestry_protocol::limits::{REPLY_BYTES_MAX, ROW_CHUNK_BYTES_SOFT};
use watch::Watch;

/// Operators are few; more connections than this only hold more snapshots of the database.
const CONNECTIONS_MAX: u32 = 4;

/// How long a query waits for one of the connections before it is told that all are busy.
const CONNECTION_WAIT_MAX: Duration = Duration::from_secs(3);

/// What one query may cost the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryCaps {
    /// Rows handed out. The largest database can be exported; a cross join of it cannot.
    pub rows_max: u64,
    /// From the first look at the statement to its last row, the receiver's slowness included: a query holds a
    /// snapshot, and the write-ahead log cannot be folded back while one is held.
    pub time_max: Duration,
    /// One row in memory. With the chunk that it joins and their frame it must fit a reply.
    pub row_bytes_max: usize,
    /// Temporary files of a sort, on the database's disk; ten million accounts sorted take 2 GB. Never more than a
    /// quarter of what is free.
    pub disk_bytes_max: u64,
}

impl Default for QueryCaps {
    fn default() -> Self {
        Self {
            rows_max: 10_000_000,
            time_max: Duration::from_secs(30),
            row_bytes_max: REPLY_BYTES_MAX - 2 * ROW_CHUNK_BYTES_SOFT,
            disk_bytes_max: 4 * 1024 * 1024 * 1024,
        }
    }
}

/// How a query ended that was not refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryEnd {
    /// How many rows the sink was given.
    pub rows: u64,
    /// For a listing with more rows: the cursor of the next page.
    pub next: Option<String>,
}

/// Where rows go as they are read. A `Break` ends the query at once.
pub trait RowSink {
    /// The names of the columns, and until when the query may run; called once, before the first row. A sink that waits for its
    /// receiver waits no longer.
    fn columns(&mut self, names: Vec<String>, until: Instant) -> ControlFlow<()>;

    /// One row, as long as the header.
    fn row(&mut self, cells: Vec<Cell>) -> ControlFlow<()>;

    /// A flag that ends the query from elsewhere, also while it works on a row that is still to come.
    fn cancel_flag(&self) -> Option<CancelFlag> {
        None
    }
}

/// Ends a running query from another thread, as when its receiver is gone.
#[derive(Debug, Clone, Default)]
pub struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    /// Ends the query at its next step.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Raises a flag when it is dropped: held by whoever waits for the work, it ends the work however the wait ends.
#[derive(Debug)]
pub struct RaisedWhenDropped(pub CancelFlag);

impl Drop for RaisedWhenDropped {
    fn drop(&mut self) {
        self.0.raise();
    }
}

/// Reads the database for operators, through guarded connections of its own.
#[derive(Debug, Clone)]
pub struct OperatorReader {
    pool: r2d2::Pool<GuardedFile>,
    file: GuardedFile,
    caps: QueryCaps,
}

impl OperatorReader {
    /// Opens the database, which must exist with its schema.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(database: &Path, caps: QueryCaps) -> Result<Self, QueryError> {
        let file = GuardedFile::at(database);
        // The first one is opened here, so that a database that cannot be read is known at start.
        drop(file.open()?);
        let pool = r2d2::Pool::builder()
            .max_size(CONNECTIONS_MAX)
            .min_idle(Some(0))
            .test_on_check_out(false)
            .connection_timeout(CONNECTION_WAIT_MAX)
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .build(file.clone())
            .map_err(|_| QueryError::Busy)?;
        Ok(Self { pool, file, caps })
    }

    /// Runs one `select` and hands its rows on as they are read.
    ///
    /// # Errors
    /// When it is not one statement that only reads the views, or goes over a cap; rows may have been handed on.
    pub fn run(&self, sql: &str, sink: &mut dyn RowSink) -> Result<QueryEnd, QueryError> {
        shape::require_one_select(sql)?;
        let connection = self.connection()?;
        let watch = Watch::start(&connection, &self.caps, sink.cancel_flag())?;
        let query = stream::Query { sql, parameters: &[] };
        let rows = stream::run(&watch, &query, &mut stream::EveryColumn(sink))?;
        Ok(QueryEnd { rows, next: None })
    }

    /// Hands on one page of a view, in a stable order, and says where the next one starts.
    ///
    /// NULL is lower than every value, in both directions; rows with equal values are ordered by the view's key.
    ///
    /// # Errors
    /// When a column, the condition or the cursor is not one of this view, or a cap is met.
    pub fn list(&self, listing: &Listing, sink: &mut dyn RowSink) -> Result<QueryEnd, QueryError> {
        let page = listing::Page::plan(listing)?;
        let connection = self.connection()?;
        page.run(&Watch::start(&connection, &self.caps, sink.cancel_flag())?, sink)
    }

    fn connection(&self) -> Result<r2d2::PooledConnection<GuardedFile>, QueryError> {
        self.pool.get().map_err(|_| {
            let state = self.pool.state();
            let all_taken = state.connections >= CONNECTIONS_MAX && state.idle_connections == 0;
            // The pool does not tell why it could not open one more; opening it here does.
            match self.file.open() {
                Err(error) if !all_taken => QueryError::Store(error),
                _ => QueryError::Busy,
            }
        })
    }
}
