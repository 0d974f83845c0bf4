//! What every format is to its caller, and how one value is written for people.

use std::io::{self, Write};
use std::time::Duration;
use vestry_protocol::admin::Cell;
use vestry_protocol::escape::Escaped;

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
pub(super) fn write_count(rows: u64, elapsed: Duration, out: &mut dyn Write) -> io::Result<()> {
    let seconds = elapsed.as_secs_f64();
    match rows {
        0 => writeln!(out, "Empty set ({seconds:.2} sec)"),
        1 => writeln!(out, "1 row in set ({seconds:.2} sec)"),
        many => writeln!(out, "{many} rows in set ({seconds:.2} sec)"),
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
pub(super) fn shown_number(number: f64) -> String {
    match number.is_infinite() {
        true if number > 0.0 => "Inf".to_owned(),
        true => "-Inf".to_owned(),
        false => format!("{number:?}"),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn is_number(cell: &Cell) -> bool {
    match cell {
        Cell::Integer(_) | Cell::Real(_) => true,
        Cell::Null | Cell::Text(_) | Cell::Blob(_) | Cell::Unknown(_) => false,
    }
}
