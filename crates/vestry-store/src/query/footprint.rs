//! What a compiled statement can take in memory while it runs, read off its program before it runs.
//!
//! SQLite has no limit for it: each table that it makes on the way and each sort keep a cache of their own, each
//! value that is computed a register. So the program is asked for (`explain`), and what it opens is summed from above.

use super::error::QueryError;
use rusqlite::Statement;
use std::collections::BTreeSet;
use vestry_protocol::limits::CELL_BYTES_MAX;

/// What one statement may take. Four run at once: with their caches and with what compiling takes,
/// 128 MiB together, which a test measures.
const STATEMENT_BYTES_MAX: usize = 28 * 1024 * 1024;

/// A table that SQLite makes on the way, an index that it makes for a join, or a sort, before it goes to a file: SQLite gives each
/// as much as a connection's cache (`guard.rs`), and some for keeping the pages apart.
const WORK_TABLE_BYTES: usize = 9 * 256 * 1024;

/// Calls of functions in one program. A call over the longest values takes a millisecond at most, and SQLite asks whether
/// to go on at jumps only, so this is what a program without one can take.
const CALLS_MAX: usize = 500;

/// What makes a table on the way.
const WORK_TABLES: &[&str] = &["OpenEphemeral", "OpenAutoindex", "SorterOpen"];

/// What calls a function; an aggregate is called in a loop, which has a jump.
const CALLS: &[&str] = &["Function", "PureFunc"];

/// What may leave a value as long as any in the register of the virtual machine that this operand names.
#[rustfmt::skip]
const VALUES: &[(&str, &str)] = &[
    ("Function", "p3"), ("PureFunc", "p3"), ("Concat", "p3"), ("Column", "p3"),
    ("MakeRecord", "p3"), ("AggStep", "p3"), ("AggStep1", "p3"), ("AggInverse", "p3"),
    ("AggValue", "p3"), ("AggFinal", "p1"), ("Copy", "p2"), ("RowData", "p2"),
    ("SorterData", "p2"), ("Cast", "p1"),
];

/// What a program opens and keeps.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Footprint {
    work_tables: usize,
    calls: usize,
    /// The registers that may hold a long value.
    registers: BTreeSet<i64>,
    /// Of filters that leave rows out of a join early.
    filter_bytes: usize,
}

impl Footprint {
    /// Reads a program from the rows of an `explain`.
    pub(super) fn of(explain: &mut Statement<'_>) -> rusqlite::Result<Self> {
        let mut footprint = Self::default();
        // Its parameters need no values: nothing runs.
        let mut program = explain.raw_query();
        while let Some(step) = program.next()? {
            let opcode: String = step.get("opcode")?;
            footprint.work_tables += usize::from(WORK_TABLES.contains(&opcode.as_str()));
            footprint.calls += usize::from(CALLS.contains(&opcode.as_str()));
            if opcode == "Blob" {
                let bytes = usize::try_from(step.get::<_, i64>("p1")?).unwrap_or(0);
                footprint.filter_bytes = footprint.filter_bytes.saturating_add(bytes);
            }
            if let Some((_, operand)) = VALUES.iter().find(|(name, _)| *name == opcode) {
                footprint.registers.insert(step.get(*operand)?);
            }
        }
        Ok(footprint)
    }

    /// Refuses a program that could take too much.
    pub(super) fn require_small(&self) -> Result<(), QueryError> {
        if self.calls > CALLS_MAX {
            let reason = format!(
                "it calls functions in more than {CALLS_MAX} places; compare with IN or OR, or split it"
            );
            return Err(QueryError::refused(reason));
        }
        let tables = self.work_tables.saturating_mul(WORK_TABLE_BYTES);
        let values = self.registers.len().saturating_mul(CELL_BYTES_MAX);
        match tables.saturating_add(values).saturating_add(self.filter_bytes) > STATEMENT_BYTES_MAX {
            true => Err(QueryError::refused(
                "it sorts, groups, joins or keeps too much at once; use fewer subqueries, WITH tables, DISTINCT and ORDER BY",
            )),
            false => Ok(()),
        }
    }
}
