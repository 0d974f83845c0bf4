//! What a compiled statement can take in memory while it runs, read off its program before it runs.
//!
//! SQLite has no limit for it: each table that it makes on the way and each sort keep a cache of their own, each
//! value that is computed a database. So the program is asked for (`explain`), and what it opens is summed from above.

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

/// What may leave a value as long as any in the database of this operand.
#[rustfmt::skip]
const VALUES: &[(&str, Operand)] = &[
    ("Function", Operand::P3), ("PureFunc", Operand::P3), ("Concat", Operand::P3), ("Column", Operand::P3),
    ("MakeRecord", Operand::P3), ("AggStep", Operand::P3), ("AggStep1", Operand::P3), ("AggInverse", Operand::P3),
    ("AggValue", Operand::P3), ("AggFinal", Operand::P1), ("Copy", Operand::P2), ("RowData", Operand::P2),
    ("SorterData", Operand::P2), ("Cast", Operand::P1),
];

/// The operand that names a database.
#[derive(Debug, Clone, Copy)]
enum Operand {
    P1,
    P2,
    P3,
}

/// What a program opens and keeps.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Footprint {
    work_tables: usize,
    calls: usize,
    databases: BTreeSet<i64>,
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
            footprint.add(&opcode, [step.get("p1")?, step.get("p2")?, step.get("p3")?]);
        }
        Ok(footprint)
    }

    fn add(&mut self, opcode: &str, [p1, p2, p3]: [i64; 3]) {
        self.work_tables += usize::from(WORK_TABLES.contains(&opcode));
        self.calls += usize::from(CALLS.contains(&opcode));
        if opcode == "Blob" {
            self.filter_bytes = self.filter_bytes.saturating_add(usize::try_from(p1).unwrap_or(0));
        }
        if let Some((_, operand)) = VALUES.iter().find(|(name, _)| *name == opcode) {
            self.databases.insert(match operand {
                Operand::P1 => p1,
                Operand::P2 => p2,
                Operand::P3 => p3,
            });
        }
    }

    fn bytes(&self) -> usize {
        let tables = self.work_tables.saturating_mul(WORK_TABLE_BYTES);
        let values = self.databases.len().saturating_mul(CELL_BYTES_MAX);
        tables.saturating_add(values).saturating_add(self.filter_bytes)
    }

    /// Refuses a program that could take too much.
    pub(super) fn require_small(&self) -> Result<(), QueryError> {
        if self.calls > CALLS_MAX {
            let reason = format!(
                "it calls functions in more than {CALLS_MAX} places; compare with IN or OR, or split it"
            );
            return Err(QueryError::refused(reason));
        }
        match self.bytes() > STATEMENT_BYTES_MAX {
            true => Err(QueryError::refused(
                "it sorts, groups, joins or keeps too much at once; use fewer subqueries, WITH tables, DISTINCT and ORDER BY",
            )),
            false => Ok(()),
        }
    }
}
