//! Field types: text from outside is parsed into one of these once, and never checked again.
//!
//! Messages carry plain text, so that a bad field is a refusal with a sentence and not a broken frame. Whoever
//! acts on a message parses first; what holds a parsed type needs no check.

mod age;
mod email;
mod password;
mod stretching;
mod text;
mod username;

pub use age::Age;
pub use email::Email;
pub use password::{Password, PasswordPolicy, PasswordProblem, estimated_guesses_log10};
pub use stretching::StretchingCost;
pub use text::{Device, FreeText, Gender, Reason};
pub use username::Username;

use thiserror::Error;

/// A field that breaks its rule, in words for the person who typed it. Holds nothing of what was typed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {rule}")]
pub struct FieldError {
    /// Which field, as users call it.
    pub field: &'static str,
    /// The rule that it breaks, as an instruction.
    pub rule: String,
}

impl FieldError {
    pub(crate) fn new(field: &'static str, rule: impl Into<String>) -> Self {
        Self { field, rule: rule.into() }
    }
}
