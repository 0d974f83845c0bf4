//! A line for each column of a row, for rows that are wider than the screen (`\G`).

use super::writer::{RowWriter, shown, write_count};
use std::io::{self, Write};
use std::time::Duration;
use unicode_width::UnicodeWidthStr;
use vestry_protocol::admin::Cell;
use vestry_protocol::escape::Escaped;

/// Stars on either side of a row's number, where there is room for them.
const STARS: usize = 27;

/// Counts the rows that it wrote.
#[derive(Debug)]
pub(super) struct Vertical {
    names: Vec<String>,
    rows: u64,
    width: Option<usize>,
}

impl Vertical {
    pub(super) fn new(width: Option<usize>) -> Self {
        Self { names: Vec::new(), rows: 0, width }
    }
}

/// Writes one row, the one with this number.
pub(super) fn write_row(
    names: &[String],
    values: impl Iterator<Item = String>,
    number: u64,
    screen: Option<usize>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let middle = format!(" {number}. row ");
    let room = screen.map_or(STARS, |screen| screen.saturating_sub(middle.len()) / 2);
    let stars = "*".repeat(room.clamp(1, STARS));
    writeln!(out, "{stars}{middle}{stars}")?;
    let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
    for (name, value) in names.iter().zip(values) {
        let indent = width.saturating_sub(name.width());
        write!(out, "{:indent$}{name}:", "")?;
        // It wraps between words below its beginning, and a word that is too long for that begins at the left.
        let mut column = width + 1;
        for (place, word) in value.split(' ').enumerate() {
            let fits_behind = |column: usize| screen.is_none_or(|screen| column + 1 + word.width() <= screen);
            let hanging = if fits_behind(width + 1) { width + 1 } else { 1 };
            if !fits_behind(column) && (place > 0 || hanging == 1) {
                write!(out, "\n{:hanging$}", "")?;
                column = hanging;
            }
            write!(out, " {word}")?;
            column += 1 + word.width();
        }
        writeln!(out)?;
    }
    Ok(())
}

impl RowWriter for Vertical {
    fn columns(&mut self, names: Vec<String>, _: &mut dyn Write) -> io::Result<()> {
        self.names = names.iter().map(|name| Escaped(name).to_string()).collect();
        Ok(())
    }

    fn row(&mut self, cells: &[Cell], out: &mut dyn Write) -> io::Result<()> {
        self.rows += 1;
        write_row(&self.names, cells.iter().map(shown), self.rows, self.width, out)
    }

    fn end(&mut self, elapsed: Duration, out: &mut dyn Write) -> io::Result<()> {
        write_count(self.rows, elapsed, out)
    }
}
