//! Files of accounts, read a row at a time: comma-separated values with a header, or an object a line.
//!
//! However a file is made, no more than one row of it and one buffer are in memory. What can be told apart from the
//! rest of the file is one bad row; where that is not so, reading ends. Only the shape is judged here: what a name, a
//! hash or an age may be is the server's to say. Nothing here prints, asks a server or opens a file.

mod columns;
mod csv;
mod hints;
mod ndjson;
pub(crate) mod row;
#[cfg(test)]
mod tests;

pub(crate) use ndjson::Members;
pub(crate) use row::{Entry, Raw, ReadError};

use std::io::BufRead;
use vestry_seal::Packed;

/// How a file of accounts is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileFormat {
    /// RFC 4180, with a header.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

impl FileFormat {
    /// By the end of a file's name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let (_, end) = name.rsplit_once('.')?;
        match end.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            _ => None,
        }
    }
}

/// Refuses a file that was packed, or that a spreadsheet keeps in a form of its own. Where nothing says how what is in it is written,
/// it is taken for a table.
///
/// # Errors
/// When it is such a file, or its beginning cannot be read.
pub(crate) fn refuse_packed(input: &mut impl BufRead, format: Option<FileFormat>) -> Result<(), ReadError> {
    match Packed::of_beginning(input.fill_buf()?) {
        None => Ok(()),
        Some(packed) => {
            let format = match format {
                Some(FileFormat::Csv) | None => "csv",
                Some(FileFormat::Ndjson) => "ndjson",
            };
            Err(hints::of_packed(packed, format).at(1))
        }
    }
}

/// A file that is being read.
#[derive(Debug)]
pub(crate) enum Reader<R> {
    /// See [`FileFormat::Csv`].
    Csv(Box<csv::Rows<R>>),
    /// See [`FileFormat::Ndjson`].
    Ndjson(ndjson::Lines<R>),
}

impl<R: BufRead> Reader<R> {
    /// Begins with a file; the header is read and judged.
    ///
    /// # Errors
    /// When the header does not name columns that are known, each once and a name among them.
    pub(crate) fn begin(input: R, format: FileFormat) -> Result<Self, ReadError> {
        Ok(match format {
            FileFormat::Csv => Self::Csv(Box::new(csv::Rows::begin(input)?)),
            FileFormat::Ndjson => Self::Ndjson(ndjson::Lines::begin(input)),
        })
    }

    /// The next row; nothing at the end.
    ///
    /// # Errors
    /// When nothing behind this can be read.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, ReadError> {
        match self {
            Self::Csv(rows) => rows.next(),
            Self::Ndjson(lines) => lines.next(),
        }
    }

    /// The row that was read last, as it is in the file.
    pub(crate) fn raw(&self) -> Raw {
        match self {
            Self::Csv(rows) => Raw::Values(rows.values().map(<[u8]>::to_vec).collect()),
            Self::Ndjson(lines) => Raw::Line(lines.line().to_vec()),
        }
    }

    /// The names of the columns, where the file has a header.
    pub(crate) fn header(&self) -> Option<&[String]> {
        match self {
            Self::Csv(rows) => Some(rows.header()),
            Self::Ndjson(_) => None,
        }
    }

    /// Columns that are there and say nothing about a new account.
    pub(crate) fn passed_over(&self) -> Vec<&'static str> {
        match self {
            Self::Csv(rows) => rows.passed_over(),
            Self::Ndjson(_) => Vec::new(),
        }
    }

    /// How many bytes were read so far.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Csv(rows) => rows.bytes(),
            Self::Ndjson(lines) => lines.bytes(),
        }
    }
}
