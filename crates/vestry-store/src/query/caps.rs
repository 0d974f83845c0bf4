//! What one query may cost, where its rows go, and what ends it from elsewhere.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use vestry_protocol::admin::Cell;
use vestry_protocol::limits::{REPLY_BYTES_MAX, ROW_CHUNK_BYTES_SOFT};

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
