//! Lines of values: tab-separated for shell tools, comma-separated for spreadsheets.
//!
//! Tab-separated values are spelled out, so that a tab or a line end is never part of one. Comma-separated ones
//! follow RFC 4180; NULL is an empty field and an empty text is `""`. A text that a spreadsheet would take for a
//! formula gets a leading `'` (`formula.rs`); a number that is a number in SQL is left alone.

use super::writer::{RowWriter, is_number, shown};
use crate::formula::guarded;
use std::io::{self, Write};
use std::time::Duration;
use vestry_protocol::admin::Cell;
use vestry_protocol::escape::Escaped;

/// One row a line.
#[derive(Debug)]
pub(super) struct Separated {
    separator: &'static str,
    line_end: &'static str,
    spell: fn(&Cell) -> String,
}

impl Separated {
    pub(super) fn tsv() -> Self {
        Self { separator: "\t", line_end: "\n", spell: shown }
    }

    pub(super) fn csv() -> Self {
        Self { separator: ",", line_end: "\r\n", spell: csv_field }
    }

    fn line(&self, cells: &[Cell], out: &mut dyn Write) -> io::Result<()> {
        let mut separator = "";
        for cell in cells {
            write!(out, "{separator}{}", (self.spell)(cell))?;
            separator = self.separator;
        }
        out.write_all(self.line_end.as_bytes())
    }
}

impl RowWriter for Separated {
    fn columns(&mut self, names: Vec<String>, out: &mut dyn Write) -> io::Result<()> {
        let names: Vec<Cell> = names.into_iter().map(Cell::Text).collect();
        self.line(&names, out)
    }

    fn row(&mut self, cells: &[Cell], out: &mut dyn Write) -> io::Result<()> {
        self.line(cells, out)
    }

    fn end(&mut self, _: Duration, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

fn csv_field(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        cell if is_number(cell) => shown(cell),
        Cell::Text(text) => quoted(&Escaped(&guarded(text)).to_string()),
        Cell::Blob(_) | Cell::Integer(_) | Cell::Real(_) | Cell::Unknown(_) => quoted(&shown(cell)),
    }
}

fn quoted(field: &str) -> String {
    let plain = !field.is_empty() && !field.contains(['"', ',', ' ', '\'']);
    match plain {
        true => field.to_owned(),
        false => format!("\"{}\"", field.replace('"', "\"\"")),
    }
}
