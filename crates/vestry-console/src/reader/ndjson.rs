//! An object a line, with the names of the columns as its keys. `null` and a key that is not there are the same.

use super::columns::{empty_row, instant, is_suspended};
use super::row::{Entry, ROW_BYTES_MAX, ReadError};
use serde::Deserialize;
use serde_json::Value;
use std::io::{BufRead, Read};
use vestry_protocol::fields::Age;
use vestry_protocol::import::ImportRow;
use vestry_protocol::secret::SecretText;

/// The lines of a file.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    bytes: u64,
}

/// A line as it is typed. Another key is an error that names it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    name: String,
    email: Option<String>,
    age: Option<i64>,
    gender: Option<String>,
    created: Option<String>,
    status: Option<String>,
    argon2id: Option<SecretText>,
    // Passed over, but read: a line that is set aside is written from what was read.
    #[serde(rename = "credential")]
    _credential: Option<Value>,
    #[serde(rename = "last_login")]
    _last_login: Option<Value>,
    #[serde(rename = "reason")]
    _reason: Option<Value>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn begin(input: R) -> Self {
        Self { input, line: Vec::new(), number: 0, bytes: 0 }
    }

    pub(super) fn next(&mut self) -> Result<Option<Entry>, ReadError> {
        while self.read()? {
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some(Entry { line: self.number, row: parse(&self.line, self.number) }));
            }
        }
        Ok(None)
    }

    /// Whether there is one more line.
    fn read(&mut self) -> Result<bool, ReadError> {
        self.line.clear();
        self.number += 1;
        let most = u64::try_from(ROW_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
        let read = self.input.by_ref().take(most).read_until(b'\n', &mut self.line)?;
        self.bytes += u64::try_from(read).unwrap_or_default();
        if read > ROW_BYTES_MAX {
            return Err(ReadError::Endless { line: self.number });
        }
        if self.number == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(read > 0)
    }

    pub(super) fn line(&self) -> &[u8] {
        self.line.trim_ascii()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Some editors begin a file with it.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

fn parse(line: &[u8], number: u64) -> Result<ImportRow, String> {
    // An array would be taken for the fields in their order.
    if !line.trim_ascii_start().starts_with(b"{") {
        return Err("it is not a JSON object".to_owned());
    }
    let typed: Typed = serde_json::from_slice(line).map_err(|error| {
        // The library counts lines within the text that it was given, which is one line.
        let text = error.to_string();
        text.rsplit_once(" at line ").map_or(text.clone(), |(words, _)| words.to_owned())
    })?;
    let mut row = empty_row(number);
    row.name = typed.name;
    row.profile.email = typed.email;
    row.profile.gender = typed.gender;
    row.argon2id = typed.argon2id;
    row.profile.age = typed.age.map(years).transpose()?;
    row.created = typed.created.as_deref().map(instant).transpose()?;
    row.suspended = typed.status.as_deref().map_or(Ok(false), is_suspended)?;
    Ok(row)
}

fn years(age: i64) -> Result<u16, String> {
    // Its text has the rule and the words for it.
    Age::parse(&age.to_string()).map(Age::years).map_err(|error| error.to_string())
}
