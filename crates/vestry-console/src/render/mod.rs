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

use clap::ValueEnum;
use std::io::{self, Write};
use std::time::Duration;
use vestry_protocol::admin::Cell;
use vestry_protocol::escape::Escaped;

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
            Self::Vertical => Box::new(vertical::Vertical::default()),
            Self::Json => Box::new(json::Objects::array()),
            Self::Ndjson => Box::new(json::Objects::lines()),
            Self::Csv => Box::new(separated::Separated::csv()),
            Self::Tsv => Box::new(separated::Separated::tsv()),
        }
    }
}

/// One format at work on one stream of rows.
pub(crate) trait RowWriter {
    /// The header, once.
    fn columns(&mut self, names: Vec<String>, out: &mut dyn Write) -> io::Result<()>;
    /// One row, as long as the header.
    fn row(&mut self, cells: &[Cell], out: &mut dyn Write) -> io::Result<()>;
    /// The end of all rows.
    fn end(&mut self, elapsed: Duration, out: &mut dyn Write) -> io::Result<()>;
    /// The query broke off here: writes what is held, and nothing that looks like an end.
    fn broke_off(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// What stands under a table, as MySQL's client has it.
fn write_count(rows: u64, elapsed: Duration, out: &mut dyn Write) -> io::Result<()> {
    let seconds = elapsed.as_secs_f64();
    match rows {
        0 => writeln!(out, "Empty set ({seconds:.2} sec)"),
        1 => writeln!(out, "1 row in set ({seconds:.2} sec)"),
        _ => writeln!(out, "{rows} rows in set ({seconds:.2} sec)"),
    }
}

/// A value for people, without anything that drives a terminal.
pub(crate) fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => shown_number(*number),
        Cell::Text(text) => Escaped(text).to_string(),
        Cell::Blob(bytes) => hex(bytes),
        Cell::Unknown(item) => item.to_string(),
    }
}

/// A number that reads back as the same; infinity as SQLite writes it.
fn shown_number(number: f64) -> String {
    match number.is_infinite() {
        true if number > 0.0 => "Inf".to_owned(),
        true => "-Inf".to_owned(),
        false => format!("{number:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_number(cell: &Cell) -> bool {
    match cell {
        Cell::Integer(_) | Cell::Real(_) => true,
        Cell::Null | Cell::Text(_) | Cell::Blob(_) | Cell::Unknown(_) => false,
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
