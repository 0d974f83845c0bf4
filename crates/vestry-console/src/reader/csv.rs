//! Comma-separated values: the first row names the columns, in any order. A `'` that keeps a
//! spreadsheet from running what follows is not part of the value.
//!
//! Cutting is the library's; the room that it gets here is what bounds a row.

use super::columns::{Column, Draft, NAMES, NotColumns, is_empty, of_names};
use super::hints;
use super::row::{Entry, ROW_BYTES_MAX, ReadError};
use crate::formula::unguarded;
use csv_core::{ReadRecordResult, Reader};
use std::io::{self, BufRead};
use std::str;
use vestry_protocol::count::Count;
use vestry_protocol::import::ImportRow;

/// More than there are columns, so that a row with too many values is one that can be told.
const VALUES_MAX: usize = 64;

/// The rows behind a header.
#[derive(Debug)]
pub(crate) struct Rows<R> {
    input: Counted<R>,
    core: Reader,
    header: Vec<String>,
    columns: Vec<Column>,
    record: Record,
}

/// The values of one row, one behind the other.
#[derive(Debug)]
struct Record {
    text: Vec<u8>,
    ends: Vec<usize>,
    values: usize,
    line: u64,
    quotes: usize,
}

const OPEN_QUOTES: &str = "a quotation mark is not closed, or stands where none belongs";

impl Record {
    /// Every quotation mark that a writer puts around or within a value comes with another one.
    fn has_open_quotes(&self) -> bool {
        self.quotes % 2 == 1
    }

    fn values(&self) -> impl Iterator<Item = &[u8]> {
        let ends = self.ends.iter().take(self.values).copied();
        let begins = std::iter::once(0).chain(ends.clone());
        begins.zip(ends).map(|(begin, end)| self.text.get(begin..end).unwrap_or_default())
    }
}

impl<R: BufRead> Rows<R> {
    pub(super) fn begin(input: R) -> Result<Self, ReadError> {
        let record =
            Record { text: vec![0; ROW_BYTES_MAX], ends: vec![0; VALUES_MAX], values: 0, line: 1, quotes: 0 };
        let mut input = Counted { input, bytes: 0, line: 1, is_behind_return: false };
        // Some spreadsheets begin a file with a byte order mark. What only begins like it is no name of a column either, and
        // a second one would be passed over by the library or not, as the file is cut.
        for mark in "\u{feff}".bytes().cycle() {
            if input.input.fill_buf()?.first() != Some(&mark) {
                break;
            }
            input.consume(1);
        }
        let mut rows = Self { input, core: Reader::new(), header: Vec::new(), columns: Vec::new(), record };
        let is_there = rows.read()?;
        let line = rows.record.line;
        if let Some(hint) = rows.record.values().next().and_then(hints::of_encoding) {
            return Err(hint.at(line));
        }
        let refuse = |rule: String| ReadError::Header { line, rule, advice: NAMES.to_owned() };
        if !is_there {
            return Err(refuse("the file is empty; its first row has to name the columns".to_owned()));
        }
        if rows.record.has_open_quotes() {
            return Err(refuse(OPEN_QUOTES.to_owned()));
        }
        let names = rows.record.values().map(|name| str::from_utf8(name).map(str::to_owned));
        rows.header = names
            .collect::<Result<_, _>>()
            .map_err(|_| refuse("the names of the columns are not UTF-8 text".to_owned()))?;
        let columns = of_names(rows.header.iter().map(String::as_str));
        rows.columns = columns.map_err(|error| match error {
            NotColumns::NoneKnown => {
                let hint = hints::of_header(&rows.header).map(|hint| hint.at(line));
                hint.unwrap_or_else(|| refuse(error.rule("column")))
            }
            _ => refuse(error.rule("column")),
        })?;
        Ok(rows)
    }

    pub(super) fn next(&mut self) -> Result<Option<Entry>, ReadError> {
        while self.read()? {
            // Spreadsheets end a file with rows of commas.
            let says_nothing = self.record.values().all(|value| str::from_utf8(value).is_ok_and(is_empty));
            if self.record.has_open_quotes() || !says_nothing {
                return Ok(Some(Entry { line: self.record.line, row: self.parse() }));
            }
        }
        Ok(None)
    }

    fn parse(&self) -> Result<ImportRow, String> {
        if self.record.has_open_quotes() {
            return Err(OPEN_QUOTES.to_owned());
        }
        let (values, columns) = (self.record.values, self.columns.len());
        if values > columns
            && let Some(rule) = hints::of_too_many(&self.columns, self.record.values())
        {
            return Err(rule.to_owned());
        }
        if values != columns {
            let (values, columns) = (Count::new(values, "value"), Count::new(columns, "column"));
            return Err(format!("it has {values}, and the header names {columns}"));
        }
        let mut draft = Draft::of_line(self.record.line);
        for (column, value) in self.columns.iter().zip(self.record.values()) {
            let text = str::from_utf8(value).map_err(|_| "it is not UTF-8 text".to_owned())?;
            draft.put(*column, unguarded(text).into())?;
        }
        draft.finish()
    }

    /// Whether there is one more row.
    fn read(&mut self) -> Result<bool, ReadError> {
        if !self.input.skip_line_ends()? {
            return Ok(false);
        }
        let Self { input, core, record, .. } = self;
        (record.line, record.quotes, record.values) = (input.line, 0, 0);
        let (mut length, mut read) = (0, 0);
        loop {
            let bytes = input.input.fill_buf()?;
            let room = record.text.get_mut(length..).unwrap_or_default();
            let ends = record.ends.get_mut(record.values..).unwrap_or_default();
            let (result, used, written, ended) = core.read_record(bytes, room, ends);
            record.quotes += bytes.iter().take(used).filter(|byte| **byte == b'"').count();
            input.consume(used);
            (length, read, record.values) = (length + written, read + used, record.values + ended);
            let endless = match result {
                ReadRecordResult::Record => return Ok(true),
                ReadRecordResult::End => return Ok(false),
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => true,
                ReadRecordResult::InputEmpty => read > ROW_BYTES_MAX,
            };
            if endless {
                return Err(ReadError::Endless { line: record.line });
            }
        }
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &[u8]> {
        self.record.values()
    }

    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    pub(super) fn passed_over(&self) -> Vec<&'static str> {
        let names = self.columns.iter().filter_map(|column| match column {
            Column::PassedOver(name) => Some(*name),
            _ => None,
        });
        names.collect()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.input.bytes
    }
}

/// An input that knows how far it was read.
#[derive(Debug)]
struct Counted<R> {
    input: R,
    bytes: u64,
    line: u64,
    is_behind_return: bool,
}

impl<R: BufRead> Counted<R> {
    fn consume(&mut self, count: usize) {
        // What was looked at is in the buffer still.
        let seen = self.input.fill_buf().unwrap_or_default();
        for byte in seen.iter().take(count) {
            // A row may end with either of the two, or with both: each row has a line of its own.
            self.line += u64::from(*byte == b'\r' || (*byte == b'\n' && !self.is_behind_return));
            self.is_behind_return = *byte == b'\r';
        }
        self.bytes += u64::try_from(count).unwrap_or_default();
        self.input.consume(count);
    }

    /// Goes to the first byte of a row; whether there is one.
    fn skip_line_ends(&mut self) -> io::Result<bool> {
        loop {
            let seen = self.input.fill_buf()?;
            let (there, ends) =
                (seen.len(), seen.iter().take_while(|byte| matches!(**byte, b'\r' | b'\n')).count());
            self.consume(ends);
            if ends < there || there == 0 {
                return Ok(there > 0);
            }
        }
    }
}
