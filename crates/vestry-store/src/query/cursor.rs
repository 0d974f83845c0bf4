//! Where a page ended: an opaque text that goes out with one page and comes back with the next.
//!
//! It holds the values of the last row that the order is made of, so that the next page starts behind that row
//! however many rows came or went meanwhile. It comes back from outside: every byte of it is checked, it counts
//! only for the listing that it was made for, and its values are bound as parameters, never spliced.

use super::error::QueryError;
use data_encoding::BASE64URL_NOPAD;
use rusqlite::types::{Value, ValueRef};

/// The first byte of every cursor; another layout gets another one.
const LAYOUT: u8 = 1;

/// A cursor in bytes. The longest sorted text of the database is far below; requests end at 64 KiB.
const CURSOR_BYTES_MAX: usize = 16 * 1024;

/// The listing that a cursor counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    /// The number of the view.
    pub(super) view: u8,
    /// The place of the column that it is sorted by.
    pub(super) sort: u8,
    /// From the highest to the lowest.
    pub(super) descending: bool,
}

/// A value as it is stored, text that is not UTF-8 included: what is shown may differ, what is compared may not.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stored {
    Null,
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

impl From<ValueRef<'_>> for Stored {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(bytes) => Self::Text(bytes.to_owned()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_owned()),
        }
    }
}

impl Stored {
    /// The value to bind for [`Stored::placeholder`].
    pub(super) fn into_parameter(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => Value::Integer(number),
            Self::Real(number) => Value::Real(number),
            Self::Text(bytes) | Self::Blob(bytes) => Value::Blob(bytes),
        }
    }

    /// What stands in SQL for the parameter with this number: text travels as bytes, whatever they are.
    pub(super) fn placeholder(&self, number: u8) -> String {
        match self {
            Self::Text(_) => format!("cast(?{number} as text)"),
            Self::Null | Self::Integer(_) | Self::Real(_) | Self::Blob(_) => format!("?{number}"),
        }
    }
}

/// The values of the row that a page ended with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Position {
    /// Of the column that the listing is sorted by.
    pub(super) sort: Stored,
    /// Of the view's key.
    pub(super) key: Stored,
}

impl Position {
    /// The text that a page ends with.
    pub(super) fn to_cursor(&self, order: Order) -> Result<String, QueryError> {
        let mut bytes = vec![LAYOUT, order.view, order.sort, u8::from(order.descending)];
        append(&mut bytes, &self.sort);
        append(&mut bytes, &self.key);
        match bytes.len() > CURSOR_BYTES_MAX {
            true => Err(QueryError::TooLarge),
            false => Ok(BASE64URL_NOPAD.encode(&bytes)),
        }
    }

    /// Reads a text that came back.
    pub(super) fn from_cursor(cursor: &str, order: Order) -> Result<Self, QueryError> {
        let bytes = decode(cursor).ok_or_else(|| QueryError::refused(DAMAGED))?;
        let (head, body) = bytes.split_first_chunk::<4>().ok_or_else(|| QueryError::refused(DAMAGED))?;
        if *head != [LAYOUT, order.view, order.sort, u8::from(order.descending)] {
            return Err(QueryError::refused(OTHER_LISTING));
        }
        read_position(body).ok_or_else(|| QueryError::refused(DAMAGED))
    }
}

const DAMAGED: &str = "the cursor is damaged; copy it whole, or start again without it";
const OTHER_LISTING: &str = "the cursor belongs to another listing; repeat the view, the sort and the direction of its page, or start again without it";

fn decode(cursor: &str) -> Option<Vec<u8>> {
    let fits = cursor.len() <= BASE64URL_NOPAD.encode_len(CURSOR_BYTES_MAX);
    fits.then(|| BASE64URL_NOPAD.decode(cursor.as_bytes()).ok()).flatten()
}

fn append(bytes: &mut Vec<u8>, value: &Stored) {
    let mut append_long = |tag: u8, content: &[u8]| {
        bytes.push(tag);
        bytes.extend_from_slice(&u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(content);
    };
    match value {
        Stored::Null => append_long(0, &[]),
        Stored::Integer(number) => append_long(1, &number.to_be_bytes()),
        Stored::Real(number) => append_long(2, &number.to_bits().to_be_bytes()),
        Stored::Text(text) => append_long(3, text),
        Stored::Blob(blob) => append_long(4, blob),
    }
}

fn read_position(body: &[u8]) -> Option<Position> {
    let (sort, rest) = read(body)?;
    let (key, rest) = read(rest)?;
    (rest.is_empty() && key != Stored::Null).then_some(Position { sort, key })
}

fn read(bytes: &[u8]) -> Option<(Stored, &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (content, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let value = match tag {
        0 if content.is_empty() => Stored::Null,
        1 => Stored::Integer(i64::from_be_bytes(content.try_into().ok()?)),
        2 => Stored::Real(f64::from_bits(u64::from_be_bytes(content.try_into().ok()?))),
        3 => Stored::Text(content.to_owned()),
        4 => Stored::Blob(content.to_owned()),
        _ => return None,
    };
    Some((value, rest))
}
