//! One row of a file of accounts, and what ends the reading of it.

use std::io;
use thiserror::Error;
use vestry_protocol::escape::Escaped;
use vestry_protocol::import::ImportRow;

/// A row with every field as long as it may be, and every character of it escaped, has less.
pub(crate) const ROW_BYTES_MAX: usize = 4 * 1024;

/// Why a file is not read any further.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    /// The system refused.
    #[error("the input could not be read: {0}")]
    Input(#[from] io::Error),
    /// Where this row ends cannot be known.
    #[error(
        "the row that begins in line {line} is longer than {ROW_BYTES_MAX} bytes or has no end; is a quotation mark missing?"
    )]
    Endless {
        /// Its first line.
        line: u64,
    },
    /// The first row does not name columns, or the file is of another kind.
    #[error("line {line}: {}", Escaped(rule))]
    Header {
        /// Where it is.
        line: u64,
        /// What is wrong with it.
        rule: String,
        /// What to do, in lines.
        advice: String,
    },
}

/// A row, or why it is none.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its first line.
    pub(crate) line: u64,
    /// What it says, or the rule that it breaks.
    pub(crate) row: Result<ImportRow, String>,
}

/// A row as it is in the file, so that it can be written again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Raw {
    /// Its values, under the columns of the header; more or fewer than these in a bad row.
    Values(Vec<Vec<u8>>),
    /// Its line.
    Line(Vec<u8>),
}
