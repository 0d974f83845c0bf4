//! Runs one compiled statement: rows leave as they are read, within rows and bytes, under a watch.
//!
//! Holds one row at a time and never a result. Text that is not UTF-8 is shown with replacement characters.

use super::caps::RowSink;
use super::error::{QueryError, classify};
use super::watch::Watch;
use rusqlite::Row;
use rusqlite::types::{Value, ValueRef};
use std::ops::ControlFlow;
use std::time::Instant;
use vestry_protocol::admin::Cell;

/// A statement with the values that it binds; only our own statements bind any.
pub(super) struct Query<'a> {
    pub(super) sql: &'a str,
    pub(super) parameters: &'a [Value],
}

/// What becomes of the rows.
pub(super) trait RowTaker {
    /// The names of all columns of the statement.
    fn columns(&mut self, names: Vec<String>, until: Instant) -> ControlFlow<()>;
    /// One row.
    fn row(&mut self, row: &Row<'_>, bytes_max: usize) -> Result<ControlFlow<()>, QueryError>;
}

/// Compiles the statement, runs it, and says how many rows it had.
pub(super) fn run(watch: &Watch<'_>, query: &Query<'_>, taker: &mut dyn RowTaker) -> Result<u64, QueryError> {
    run_watched(watch, query, taker).map_err(|error| watch.explain(error))
}

fn run_watched(watch: &Watch<'_>, query: &Query<'_>, taker: &mut dyn RowTaker) -> Result<u64, QueryError> {
    let mut statement = watch.compile(query.sql, query.parameters.len())?;
    let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    if names.iter().map(String::len).sum::<usize>() > watch.caps().row_bytes_max {
        return Err(QueryError::TooLarge);
    }
    if taker.columns(names, watch.until()).is_break() {
        return Err(QueryError::Cancelled);
    }
    let parameters = rusqlite::params_from_iter(query.parameters);
    let mut rows = statement.query(parameters).map_err(classify)?;
    let (caps, mut taken) = (watch.caps(), 0);
    while let Some(row) = rows.next().map_err(classify)? {
        // A slow taker spends the time between two rows, where SQLite does not look at the clock.
        watch.check()?;
        if taken == caps.rows_max {
            return Err(QueryError::TooManyRows { limit: caps.rows_max });
        }
        if taker.row(row, caps.row_bytes_max)?.is_break() {
            return Err(QueryError::Cancelled);
        }
        taken += 1;
    }
    Ok(taken)
}

/// Hands every column of every row on.
pub(super) struct EveryColumn<'a>(pub(super) &'a mut dyn RowSink);

impl RowTaker for EveryColumn<'_> {
    fn columns(&mut self, names: Vec<String>, until: Instant) -> ControlFlow<()> {
        self.0.columns(names, until)
    }

    fn row(&mut self, row: &Row<'_>, bytes_max: usize) -> Result<ControlFlow<()>, QueryError> {
        Ok(self.0.row(cells(row, row.as_ref().column_count(), bytes_max)?))
    }
}

/// The first `count` values of a row.
pub(super) fn cells(row: &Row<'_>, count: usize, bytes_max: usize) -> Result<Vec<Cell>, QueryError> {
    let mut cells = Vec::with_capacity(count);
    let mut bytes = 0;
    for column in 0..count {
        let cell = cell(row.get_ref(column)?);
        // What it takes in a message, at most: a number of one byte, the length of its content, and in that a length or a
        // number, each of up to nine bytes.
        bytes += 19
            + match &cell {
                Cell::Null | Cell::Integer(_) | Cell::Real(_) => 0,
                Cell::Text(text) => text.len(),
                Cell::Blob(bytes) => bytes.len(),
                Cell::Unknown(item) => item.content.len(),
            };
        if bytes > bytes_max {
            return Err(QueryError::TooLarge);
        }
        cells.push(cell);
    }
    Ok(cells)
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(bytes) => Cell::Text(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => Cell::Blob(bytes.to_owned()),
    }
}
