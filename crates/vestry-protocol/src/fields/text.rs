//! Free text: anything a person may write about themselves, as long as it only shows itself.

use super::field::{Field, FieldError};
use crate::escape::hazards;
use crate::limits::{DEVICE_BYTES_MAX, GENDER_BYTES_MAX, REASON_BYTES_MAX};
use std::fmt;

/// One line of 1 to `BYTES_MAX` bytes without control, bidirectional or zero-width characters, but those that belong to an emoji or
/// to the spelling of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeText<const BYTES_MAX: usize>(String);

/// The gender of a profile, in the person's own words.
pub type Gender = FreeText<GENDER_BYTES_MAX>;
/// What a client calls the device of a session.
pub type Device = FreeText<DEVICE_BYTES_MAX>;
/// Why an operator did something.
pub type Reason = FreeText<REASON_BYTES_MAX>;

impl<const BYTES_MAX: usize> FreeText<BYTES_MAX> {
    /// Trims surrounding white space and checks the rule of free text.
    ///
    /// # Errors
    /// With the part of the rule that the text breaks.
    pub fn parse(field: Field, text: &str) -> Result<Self, FieldError> {
        let text = text.trim();
        if text.is_empty() || text.len() > BYTES_MAX {
            return Err(FieldError::new(field, format!("use 1 to {BYTES_MAX} bytes of text")));
        }
        if let Some(hazard) = hazards(text).next() {
            let point = u32::from(hazard);
            return Err(FieldError::new(
                field,
                format!("leave out U+{point:04X}, which is not seen, or moves what is"),
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// Takes a text as it was stored. It kept the rule when it was; a later, stricter rule blocks nothing.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const BYTES_MAX: usize> fmt::Display for FreeText<BYTES_MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_does_more_than_show_itself_is_refused() {
        assert_eq!(Gender::parse(Field::Gender, " non-binary ").unwrap().as_str(), "non-binary");
        let long = "x".repeat(33);
        for bad in ["", "   ", "a\nb", "\u{1b}[31m", "a\u{202e}b", "a\u{200b}b", "\u{7f}", long.as_str()] {
            assert!(Gender::parse(Field::Gender, bad).is_err(), "{bad:?} was taken");
        }
        let refused = Gender::parse(Field::Gender, "a\u{202e}b").unwrap_err().to_string();
        assert!(refused.contains("U+202E"), "{refused}");
    }

    /// U-18: ordinary emoji and Persian words were refused as invisible.
    #[test]
    fn u_18_emoji_and_words_of_every_script_are_taken() {
        for text in
            ["\u{2642}\u{fe0f}", "\u{1f469}\u{200d}\u{1f680}", "\u{63a}\u{6cc}\u{631}\u{200c}\u{62f}\u{648}"]
        {
            assert_eq!(Gender::parse(Field::Gender, text).unwrap().as_str(), text);
        }
    }
}
