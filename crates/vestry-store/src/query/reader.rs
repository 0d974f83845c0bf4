//! The one way in: a pool of guarded connections, a statement or a listing at a time.

use super::caps::{QueryCaps, QueryEnd, RowSink};
use super::error::QueryError;
use super::guard::GuardedFile;
use super::listing::Page;
use super::shape;
use super::stream::{self, EveryColumn, Query};
use super::watch::Watch;
use std::path::Path;
use std::time::Duration;
use vestry_protocol::admin::Listing;

/// Operators are few; more connections than this only hold more snapshots of the database.
const CONNECTIONS_MAX: u32 = 4;

/// How long a query waits for one of the connections before it is told that all are busy.
const CONNECTION_WAIT_MAX: Duration = Duration::from_secs(3);

/// Reads the database for operators, through guarded connections of its own.
#[derive(Debug, Clone)]
pub struct OperatorReader {
    pool: r2d2::Pool<GuardedFile>,
    file: GuardedFile,
    pub(super) caps: QueryCaps,
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
        let query = Query { sql, parameters: &[] };
        let rows = stream::run(&watch, &query, &mut EveryColumn(sink))?;
        Ok(QueryEnd { rows, next: None })
    }

    /// Hands on one page of a view, in a stable order, and says where the next one starts.
    ///
    /// NULL is lower than every value, in both directions; rows with equal values are ordered by the view's key.
    ///
    /// # Errors
    /// When a column, the condition or the cursor is not one of this view, or a cap is met.
    pub fn list(&self, listing: &Listing, sink: &mut dyn RowSink) -> Result<QueryEnd, QueryError> {
        let page = Page::plan(listing)?;
        let connection = self.connection()?;
        page.run(&Watch::start(&connection, &self.caps, sink.cancel_flag())?, sink)
    }

    pub(super) fn connection(&self) -> Result<r2d2::PooledConnection<GuardedFile>, QueryError> {
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
