//! What may grow: values that a later version adds to, and that an earlier one reads past.
//!
//! Each is an *item* on the wire: a number, and a byte string that holds what the number stands for. A reader that does not
//! know the number shows the bytes and goes on behind them; whatever is decided by a value, one that is not known decides
//! as *no*.

pub use crate::codec::Numbered;
use crate::codec::{decode_content, encode};
use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A number and what it stands for, as bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What kind of value it is.
    pub number: u32,
    /// Its fields, encoded like any others.
    #[serde(with = "serde_bytes")]
    pub content: Vec<u8>,
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown {}", self.number)?;
        if !self.content.is_empty() {
            f.write_str(" (")?;
            self.content.iter().take(32).try_for_each(|byte| write!(f, "{byte:02x}"))?;
            f.write_str(if self.content.len() > 32 { "…)" } else { ")" })?;
        }
        Ok(())
    }
}

/// Fields that a later version adds to a structure.
pub type Later = Vec<Item>;

/// A value of an enum that may grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Open<T> {
    /// One of today's.
    Known(T),
    /// One of a later version.
    Unknown(Item),
}

impl<T> Open<T> {
    /// What it is, when this version knows it.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}

impl<T> From<T> for Open<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}

impl<T: fmt::Display> fmt::Display for Open<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => value.fmt(f),
            Self::Unknown(item) => item.fmt(f),
        }
    }
}

impl<T: Serialize> Open<T> {
    /// The value as it is on the wire.
    ///
    /// # Errors
    /// When the value has no bytes (no value of this crate does).
    pub fn to_item(&self) -> Result<Item, crate::codec::CodecError> {
        match self {
            // An enum is its number and then its fields.
            Self::Known(value) => {
                let bytes = encode(value)?;
                let (number, content) = crate::codec::split_number(&bytes)?;
                Ok(Item { number, content: content.to_vec() })
            }
            Self::Unknown(item) => Ok(item.clone()),
        }
    }
}

impl<T: DeserializeOwned + Numbered> Open<T> {
    /// The value of an item.
    ///
    /// # Errors
    /// When the number is known, and its content is not what it stands for.
    pub fn from_item(item: Item) -> Result<Self, crate::codec::CodecError> {
        match item.number < T::KNOWN {
            true => decode_content(item.number, &item.content).map(Self::Known),
            false => Ok(Self::Unknown(item)),
        }
    }
}

/// On the wire an item; for people to read, the value itself.
impl<T: Serialize> Serialize for Open<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(value) if serializer.is_human_readable() => value.serialize(serializer),
            Self::Unknown(item) if serializer.is_human_readable() => {
                serializer.serialize_newtype_variant("Open", 0, "Unknown", item)
            }
            _ => self.to_item().map_err(S::Error::custom)?.serialize(serializer),
        }
    }
}

impl<'de, T: DeserializeOwned + Numbered> Deserialize<'de> for Open<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_item(Item::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::AuditFault;
    use crate::codec::{decode, encode};

    #[test]
    fn what_is_known_comes_back_and_what_is_not_is_kept_as_it_came() {
        let known: Open<AuditFault> = AuditFault::Missing { first: 1, last: 2 }.into();
        assert_eq!(*encode(&known).unwrap(), [1, 2, 2, 4]);
        let unknown = Open::<AuditFault>::Unknown(Item { number: 250, content: vec![1, 2, 3] });
        assert_eq!(*encode(&unknown).unwrap(), [250, 3, 1, 2, 3]);
        for value in [known, unknown] {
            assert_eq!(decode::<Open<AuditFault>, 64>(&encode(&value).unwrap()).unwrap(), value);
        }
    }

    #[test]
    fn a_known_number_with_another_content_is_no_value() {
        for bad in [&[6, 1, 0][..], &[1, 1, 2], &[1, 3, 2, 4, 6], &[0, 2, 251, 1]] {
            assert!(decode::<Open<AuditFault>, 64>(bad).is_err(), "{bad:?} was taken");
        }
    }
}
