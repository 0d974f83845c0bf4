//! Usernames: one canonical key for uniqueness, throttling and audit.

use super::field::{Field, FieldError};
use crate::limits::{USERNAME_CHARS_MAX, USERNAME_CHARS_MIN};
use std::fmt;

/// Names that a person could mistake for the service or its operator.
const RESERVED: [&str; 30] = [
    "abuse",
    "account",
    "accounts",
    "admin",
    "administrator",
    "all",
    "anonymous",
    "daemon",
    "deleted",
    "everyone",
    "help",
    "info",
    "me",
    "moderator",
    "nobody",
    "none",
    "null",
    "operator",
    "postmaster",
    "root",
    "security",
    "self",
    "server",
    "support",
    "system",
    "undefined",
    "vestry",
    "vestryctl",
    "vestryd",
    "webmaster",
];

/// A name in its canonical form: `[a-z0-9][a-z0-9._-]{1,31}`, folded to lower case, not reserved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Username(String);

impl Username {
    /// Trims surrounding white space, folds ASCII capitals, and checks the rule.
    ///
    /// # Errors
    /// With the part of the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let name = text.trim().to_ascii_lowercase();
        let refuse = |rule: String| Err(FieldError::new(Field::Name, rule));
        if !(USERNAME_CHARS_MIN..=USERNAME_CHARS_MAX).contains(&name.len()) {
            return refuse(format!("use {USERNAME_CHARS_MIN} to {USERNAME_CHARS_MAX} characters"));
        }
        if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b)) {
            return refuse("use only the letters a to z, digits, '.', '_' and '-'".to_owned());
        }
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return refuse("start with a letter or a digit".to_owned());
        }
        if RESERVED.contains(&name.as_str()) {
            return refuse("this name is reserved; choose another".to_owned());
        }
        Ok(Self(name))
    }

    /// Returns whether a name, in its canonical form, may begin so; nothing at all begins any.
    #[must_use]
    pub fn may_begin(text: &str) -> bool {
        text.len() <= USERNAME_CHARS_MAX
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
    }

    /// Takes a name as it was stored. It kept the rule when it was; a later, stricter rule blocks nothing.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_folded_to_one_canonical_key() {
        for variant in ["Naman", "NAMAN", " naman ", "naman\n"] {
            assert_eq!(Username::parse(variant).unwrap().as_str(), "naman", "{variant:?}");
        }
    }

    #[test]
    fn names_that_could_be_mistaken_are_refused() {
        let long = "a".repeat(33);
        let cases = [
            "",
            "a",
            "-ab",
            ".ab",
            "_ab",
            "a b",
            "a/b",
            "nаman",
            "ﬁsh",
            "na\u{200b}man",
            "a\0b",
            "root",
            "ROOT",
            "Vestry",
            "naman@x",
            long.as_str(),
        ];
        for case in cases {
            assert!(Username::parse(case).is_err(), "{case:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn a_parsed_name_parses_to_itself(text in "[a-zA-Z0-9._-]{0,40}") {
            if let Ok(name) = Username::parse(&text) {
                prop_assert_eq!(Username::parse(name.as_str()).unwrap(), name);
            }
        }
    }
}
