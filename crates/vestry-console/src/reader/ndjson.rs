//! An object a line, with the names of the columns as its keys. `null`, an empty text and a key that is not there are the same;
//! a number is what its digits say, as in a table.

use super::columns::{Draft, is_empty, of_names};
use super::hints;
use super::row::{Entry, ROW_BYTES_MAX, ReadError};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::io::{BufRead, Read};
use vestry_protocol::import::ImportRow;

/// The lines of a file.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    bytes: u64,
    has_begun: bool,
}

/// The keys of an object with their values as they are written, in its order, each as often as it is there.
pub(crate) struct Members<'de>(pub(crate) Vec<(String, &'de RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfAnObject;
        impl<'de> Visitor<'de> for OfAnObject {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(OfAnObject)
    }
}

impl<'de> Members<'de> {
    /// Reads the object of a line.
    ///
    /// # Errors
    /// In words of ours that hold nothing of the line.
    pub(crate) fn of(line: &'de [u8]) -> Result<Self, String> {
        let text = str::from_utf8(line).map_err(|_| "it is not UTF-8 text".to_owned())?;
        if !text.trim_start().starts_with('{') {
            return Err("it is not a JSON object".to_owned());
        }
        serde_json::from_str(text).map_err(|error| match error.classify() {
            Category::Eof => "its JSON object has no end; write each on a line of its own".to_owned(),
            Category::Io | Category::Syntax | Category::Data => {
                format!("it is not one JSON object a line: look at its character {}", error.column())
            }
        })
    }
}

impl<R: BufRead> Lines<R> {
    pub(super) fn begin(input: R) -> Self {
        Self { input, line: Vec::new(), number: 0, bytes: 0, has_begun: false }
    }

    pub(super) fn next(&mut self) -> Result<Option<Entry>, ReadError> {
        while self.read()? {
            if self.line.trim_ascii().is_empty() {
                continue;
            }
            self.refuse_another_kind()?;
            match parse(&self.line, self.number) {
                Ok(None) => {}
                Ok(Some(row)) => return Ok(Some(Entry { line: self.number, row: Ok(row) })),
                Err(rule) => return Ok(Some(Entry { line: self.number, row: Err(rule) })),
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
            self.refuse_another_kind()?;
            return Err(ReadError::Endless { line: self.number });
        }
        if self.number == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(read > 0)
    }

    /// Looks at the first line that is one.
    fn refuse_another_kind(&mut self) -> Result<(), ReadError> {
        let has_begun = std::mem::replace(&mut self.has_begun, true);
        let hint = (!has_begun).then(|| hints::of_first_line(&self.line)).flatten();
        hint.map_or(Ok(()), |hint| Err(hint.at(self.number)))
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

/// The row of a line; nothing when no value of it says anything.
fn parse(line: &[u8], number: u64) -> Result<Option<ImportRow>, String> {
    let Members(members) = Members::of(line)?;
    let texts: Vec<_> = members.iter().map(|(key, value)| (key.as_str(), text_of(value))).collect();
    if texts.iter().all(|(_, text)| text.as_ref().is_ok_and(|text| is_empty(text))) {
        return Ok(None);
    }
    let columns = of_names(texts.iter().map(|(key, _)| *key)).map_err(|error| error.rule("key"))?;
    let mut draft = Draft::of_line(number);
    for (column, (_, text)) in columns.into_iter().zip(texts) {
        draft.put(column, text.map_err(|rule| format!("{}: {rule}", column.name()))?)?;
    }
    draft.finish().map(Some)
}

/// A value as a table would have it.
fn text_of(value: &RawValue) -> Result<Cow<'_, str>, &'static str> {
    let written = value.get();
    match written.as_bytes().first() {
        Some(b'"') => {
            serde_json::from_str(written).map(Cow::Owned).map_err(|_| "it has a character that is none")
        }
        Some(b'[' | b'{') => Err("use a text or a number, and no list or object"),
        _ if written == "null" => Ok(Cow::Borrowed("")),
        _ => Ok(Cow::Borrowed(written)),
    }
}
