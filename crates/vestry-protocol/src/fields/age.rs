//! Ages in whole years.

use super::field::{Field, FieldError};
use crate::limits::AGE_YEARS_MAX;
use std::fmt;

/// 0 to 150 whole years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age(u16);

impl Age {
    /// Checks the range.
    ///
    /// # Errors
    /// Over 150.
    pub fn new(years: u16) -> Result<Self, FieldError> {
        match years {
            0..=AGE_YEARS_MAX => Ok(Self(years)),
            _ => Err(rule()),
        }
    }

    /// Reads what a person typed.
    ///
    /// # Errors
    /// When it is not a whole number from 0 to 150.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        text.trim().parse().map_err(|_| rule()).and_then(Self::new)
    }

    /// Takes an age as it was stored. It kept the rule when it was; a later, stricter rule blocks nothing.
    #[must_use]
    pub fn from_stored(years: u16) -> Self {
        Self(years)
    }

    /// The number of years.
    #[must_use]
    pub fn years(self) -> u16 {
        self.0
    }
}

fn rule() -> FieldError {
    FieldError::new(Field::Age, format!("use a whole number from 0 to {AGE_YEARS_MAX}"))
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_years_in_range_are_taken() {
        for (text, years) in
            [("0", Some(0)), ("35", Some(35)), (" 150 ", Some(150)), ("151", None), ("-1", None)]
        {
            assert_eq!(Age::parse(text).ok().map(Age::years), years, "{text:?}");
        }
        for text in ["", "3.5", "old", "99999999999999999999", "٣"] {
            assert!(Age::parse(text).is_err(), "{text:?} was taken");
        }
    }
}
