//! Rows become text: a box, a list, tab-separated or comma-separated lines, or JSON.
//!
//! Rows are written as they come; only the box holds some, because it has to know how wide they are. Whatever came
//! from outside is spelled out before it is written, so that no value, column name or format can drive a terminal.
//!
//! When a query breaks off after some rows, what was written stays, the error goes to stderr and the exit code says
//! so. A JSON array is closed only at a good end: a reader of half an answer gets a parse error, not half a table.

mod json;
mod separated;
mod table;
#[cfg(test)]
mod tests;
mod vertical;
mod writer;

pub(crate) use writer::{RowWriter, shown};

use clap::ValueEnum;
use vestry_protocol::admin::Cell;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A box around columns, and the count
    Table,
    /// A line for each column of a row, and the count
    Vertical,
    /// One array of objects
    Json,
    /// One object a line
    Ndjson,
    /// RFC 4180, safe to open in a spreadsheet
    Csv,
    /// Tab-separated
    Tsv,
}

impl Format {
    /// Whether a person reads it: with the count, and hints that can be typed.
    pub(crate) fn is_for_people(self) -> bool {
        match self {
            Self::Table | Self::Vertical => true,
            Self::Json | Self::Ndjson | Self::Csv | Self::Tsv => false,
        }
    }

    /// Whether a row is written whole when it comes, without knowing what comes behind it.
    pub(crate) fn writes_rows_as_they_come(self) -> bool {
        match self {
            Self::Vertical | Self::Ndjson | Self::Csv | Self::Tsv => true,
            Self::Table | Self::Json => false,
        }
    }

    /// Writes in this format; a box is kept within `width` columns where there is one.
    pub(crate) fn writer(self, width: Option<usize>) -> Box<dyn RowWriter> {
        match self {
            Self::Table => Box::new(table::Boxes::new(width)),
            Self::Vertical => Box::new(vertical::Vertical::new(width)),
            Self::Json => Box::new(json::Objects::array()),
            Self::Ndjson => Box::new(json::Objects::lines()),
            Self::Csv => Box::new(separated::Separated::csv()),
            Self::Tsv => Box::new(separated::Separated::tsv()),
        }
    }
}

/// One field of a record for people: the name, padded with its colon to `width`, and the value or a dash.
pub(crate) fn field_line(name: &str, cell: &Cell, width: usize) -> String {
    let value = if *cell == Cell::Null { "-".to_owned() } else { shown(cell) };
    format!("{:width$} {value}", format!("{name}:"))
}

/// One object, without an array around it.
pub(crate) fn json_object(names: &[&str], cells: &[Cell]) -> String {
    json::object(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), cells)
}
