//! E-mail addresses: syntax only. Nothing is ever sent, so nothing is ever proven.

use super::field::{Field, FieldError};
use crate::limits::{EMAIL_BYTES_MAX, EMAIL_LOCAL_BYTES_MAX};
use std::fmt;

/// `local@domain` as the HTML standard accepts it (a dot-atom of RFC 5322 and host-name labels), ASCII, kept
/// as it was typed but for surrounding white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Trims surrounding white space and checks the syntax.
    ///
    /// # Errors
    /// With the part of the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let text = text.trim();
        let refuse = |rule: &str| Err(FieldError::new(Field::Email, rule));
        if text.len() > EMAIL_BYTES_MAX {
            return refuse("use at most 254 characters");
        }
        let Some((local, domain)) = text.rsplit_once('@') else {
            return refuse("write it as name@example.org");
        };
        let is_local_part = (1..=EMAIL_LOCAL_BYTES_MAX).contains(&local.len())
            && local.bytes().all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b))
            && local.split('.').all(|atom| !atom.is_empty());
        if !is_local_part {
            return refuse("the part before the @ has characters that addresses do not use");
        }
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if !domain.split('.').all(is_label) {
            return refuse("the part after the @ is not a host name");
        }
        Ok(Self(text.to_owned()))
    }

    /// Takes an address as it was stored. It kept the rule when it was; a later, stricter rule blocks nothing.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The address as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_addresses_are_taken() {
        for good in ["naman@gmail.com", "a.b+c@x-y.example.org", "o'brien@host", " padded@x.y "] {
            assert_eq!(Email::parse(good).unwrap().as_str(), good.trim());
        }
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        let long = format!("{}@x.org", "a".repeat(65));
        let longer = format!("a@{}", "b.".repeat(130));
        let cases = [
            "",
            "naman",
            "@x.org",
            "a@",
            "a@b@c@",
            "a b@x.org",
            "a@x..org",
            "a@-x.org",
            "a@x-.org",
            ".a@x.org",
            "a.@x.org",
            "a..b@x.org",
            "a@x.org\u{1b}[2J",
            "ñ@x.org",
            "a@[127.0.0.1]",
            "\"a b\"@x.org",
            long.as_str(),
            longer.as_str(),
        ];
        for case in cases {
            assert!(Email::parse(case).is_err(), "{case:?} was taken");
        }
    }
}
