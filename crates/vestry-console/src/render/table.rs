//! A box around columns, as MySQL's client draws it.
//!
//! A box has to know its widths before its first line, so rows are held: at most [`ROWS_HELD_MAX`] or
//! [`BYTES_HELD_MAX`], then the box is written and another one begins. The count comes once, at the end.
//! Where the screen is too narrow, the space beside the columns goes, then dates break before their time, then the
//! longest columns wrap between words. Where a word would break, rows are lists. Nothing is ever cut off.

use super::vertical;
use super::writer::{RowWriter, is_number, shown, write_count};
use comfy_table::presets::ASCII_FULL_CONDENSED;
use comfy_table::{CellAlignment, ColumnConstraint, LineStyle, Table, Width};
use std::io::{self, Write};
use std::time::Duration;
use unicode_width::UnicodeWidthStr;
use vestry_protocol::admin::Cell;
use vestry_protocol::escape::Escaped;

/// Rows of one box: a thousand screens, and what most tables have in all.
const ROWS_HELD_MAX: usize = 10_000;

/// Text of one box, whatever its rows hold.
const BYTES_HELD_MAX: usize = 16 * 1024 * 1024;

/// Where a time like `2026-11-23T02:33:00Z` may be broken, and how long its two parts are.
const TIME_BREAK: char = 'T';
const TIME_WIDTH: usize = 20;
const DATE_WIDTH: usize = 10;

/// A column is not made narrower than this; below it a screen shows nothing worth reading.
const COLUMN_WIDTH_MIN: usize = 4;

/// A value, spelled out. Numbers stand at the right, value by value: a column of a query has no type.
#[derive(Debug)]
struct Value {
    text: String,
    is_number: bool,
}

/// One box after another.
#[derive(Debug)]
pub(super) struct Boxes {
    width: Option<usize>,
    names: Vec<String>,
    held: Vec<Vec<Value>>,
    bytes_held: usize,
    rows: u64,
}

impl Boxes {
    pub(super) fn new(width: Option<usize>) -> Self {
        Self { width, names: Vec::new(), held: Vec::new(), bytes_held: 0, rows: 0 }
    }

    fn write_box(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.bytes_held = 0;
        let rows = std::mem::take(&mut self.held);
        if rows.is_empty() {
            return Ok(());
        }
        let Some(layout) = Layout::fit(&self.names, &rows, self.width) else {
            let before = self.rows - u64::try_from(rows.len()).unwrap_or(0);
            for (number, row) in (before + 1..).zip(rows) {
                let values = row.into_iter().map(|value| value.text);
                vertical::write_row(&self.names, values, number, self.width, out)?;
            }
            return Ok(());
        };
        let mut table = Table::new();
        table.load_style(ASCII_FULL_CONDENSED.header_separator(LineStyle::new('+', '-', '+', '+')));
        table.set_header(&self.names);
        for row in rows {
            table.add_row(row.into_iter().map(|value| {
                let alignment = if value.is_number { CellAlignment::Right } else { CellAlignment::Left };
                comfy_table::Cell::new_owned(value.text).set_alignment(alignment)
            }));
        }
        for (column, shape) in table.column_iter_mut().zip(&layout.columns) {
            let padding = if layout.padded { 1 } else { 0 };
            column.set_padding((padding, padding));
            if shape.breaks_times {
                column.set_delimiter(TIME_BREAK);
            }
            if let Some(width) = shape.width {
                let with_padding = u16::try_from(width).unwrap_or(u16::MAX).saturating_add(2 * padding);
                column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(with_padding)));
            }
        }
        writeln!(out, "{table}")
    }
}

impl RowWriter for Boxes {
    fn columns(&mut self, names: Vec<String>, _: &mut dyn Write) -> io::Result<()> {
        self.names = names.iter().map(|name| Escaped(name).to_string()).collect();
        Ok(())
    }

    fn row(&mut self, cells: &[Cell], out: &mut dyn Write) -> io::Result<()> {
        self.rows += 1;
        let row: Vec<Value> =
            cells.iter().map(|cell| Value { text: shown(cell), is_number: is_number(cell) }).collect();
        self.bytes_held += row.iter().map(|value| value.text.len()).sum::<usize>();
        self.held.push(row);
        match self.held.len() >= ROWS_HELD_MAX || self.bytes_held >= BYTES_HELD_MAX {
            true => self.write_box(out),
            false => Ok(()),
        }
    }

    fn end(&mut self, elapsed: Duration, out: &mut dyn Write) -> io::Result<()> {
        self.write_box(out)?;
        write_count(self.rows, elapsed, out)
    }

    fn broke_off(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.write_box(out)
    }
}

/// How wide each column is drawn.
#[derive(Debug, PartialEq, Eq)]
struct Layout {
    padded: bool,
    columns: Vec<ColumnShape>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ColumnShape {
    /// As wide as its content when absent.
    width: Option<usize>,
    breaks_times: bool,
}

impl Layout {
    /// The layout that needs the fewest lines on this screen; the natural one where there is no screen, and none where a
    /// word would have to break.
    fn fit(names: &[String], rows: &[Vec<Value>], screen: Option<usize>) -> Option<Self> {
        let untouched = Self {
            padded: true,
            columns: vec![ColumnShape { width: None, breaks_times: false }; names.len()],
        };
        let Some(screen) = screen else { return Some(untouched) };
        let headers: Vec<usize> = names.iter().map(|name| name.width()).collect();
        let mut natural = headers.clone();
        for row in rows {
            for (width, value) in natural.iter_mut().zip(row) {
                *width = (*width).max(value.text.width());
            }
        }
        let times: Vec<bool> = (0..names.len()).map(|index| holds_times(rows, index)).collect();
        let broken: Vec<usize> = (natural.iter().zip(&headers).zip(&times))
            .map(|((natural, header), breaks)| if *breaks { DATE_WIDTH.max(*header) } else { *natural })
            .collect();
        let padding = 2 * names.len();
        let room = screen.saturating_sub(names.len() + 1);
        let room_when_padded = room.saturating_sub(padding);
        if total(&natural) <= room_when_padded {
            return Some(untouched);
        }
        if total(&natural) <= room {
            return Some(Self { padded: false, ..untouched });
        }
        let padded = total(&broken) <= room_when_padded;
        let room = if padded { room_when_padded } else { room };
        // The longest columns are cut to one length, so that all fit.
        let cut_to = |most: usize| broken.iter().map(|width| (*width).min(most)).collect::<Vec<usize>>();
        let widest = broken.iter().copied().max().unwrap_or(0).min(room).max(COLUMN_WIDTH_MIN);
        let widths = (COLUMN_WIDTH_MIN..=widest).rev().map(cut_to).find(|cut| total(cut) <= room)?;
        let breaks_no_word = |row: &Vec<Value>| {
            row.iter().zip(widths.iter().zip(&times)).all(|(value, (width, breaks_times))| {
                *breaks_times || value.text.split(' ').all(|word| word.width() <= *width)
            })
        };
        let headers_fit = headers.iter().zip(&widths).all(|(header, width)| header <= width);
        if !headers_fit || !rows.iter().all(breaks_no_word) {
            return None;
        }
        let shapes = widths.into_iter().zip(times);
        let columns = shapes.map(|(width, breaks_times)| ColumnShape { width: Some(width), breaks_times });
        Some(Self { padded, columns: columns.collect() })
    }
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum()
}

/// Whether a column holds times in RFC 3339, besides NULL.
fn holds_times(rows: &[Vec<Value>], index: usize) -> bool {
    let mut values = rows.iter().filter_map(|row| row.get(index)).map(|value| value.text.as_str());
    let mut seen = false;
    let all = values.all(|text| {
        text == "NULL" || {
            seen = text.len() == TIME_WIDTH
                && text.char_indices().all(|(at, c)| match at {
                    4 | 7 => c == '-',
                    10 => c == TIME_BREAK,
                    13 | 16 => c == ':',
                    19 => c == 'Z',
                    _ => c.is_ascii_digit(),
                });
            seen
        }
    });
    all && seen
}
