//! A line for each column of a row, for rows that are wider than the screen (`\G`).

use super::writer::{RowWriter, shown, write_count};
use std::io::{self, Write};
use std::time::Duration;
use unicode_width::UnicodeWidthStr;
use vestry_protocol::admin::Cell;
use vestry_protocol::escape::Escaped;

const STARS: &str = "***************************";

/// Counts the rows that it wrote.
#[derive(Debug, Default)]
pub(super) struct Vertical {
    names: Vec<String>,
    name_width: usize,
    rows: u64,
}

impl RowWriter for Vertical {
    fn columns(&mut self, names: Vec<String>, _: &mut dyn Write) -> io::Result<()> {
        self.names = names.iter().map(|name| Escaped(name).to_string()).collect();
        self.name_width = self.names.iter().map(|name| name.width()).max().unwrap_or(0);
        Ok(())
    }

    fn row(&mut self, cells: &[Cell], out: &mut dyn Write) -> io::Result<()> {
        self.rows += 1;
        writeln!(out, "{STARS} {}. row {STARS}", self.rows)?;
        for (name, cell) in self.names.iter().zip(cells) {
            let indent = self.name_width.saturating_sub(name.width());
            writeln!(out, "{:indent$}{name}: {}", "", shown(cell))?;
        }
        Ok(())
    }

    fn end(&mut self, elapsed: Duration, out: &mut dyn Write) -> io::Result<()> {
        write_count(self.rows, elapsed, out)
    }
}
