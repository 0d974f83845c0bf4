//! Field types: text from outside is parsed into one of these once, and never checked again.
//!
//! Messages carry plain text, so that a bad field is a refusal with a sentence and not a broken frame. Whoever
//! acts on a message parses first; what holds a parsed type needs no check. What the database holds was parsed when it was
//! written: the store, and nothing else, takes it as it is (`from_stored`).

mod age;
mod common_passwords;
mod email;
mod field;
mod new_password;
#[cfg(test)]
mod new_password_tests;
mod password;
mod stretching;
mod text;
mod username;

pub use age::Age;
pub use common_passwords::COMMON_PASSWORDS;
pub use email::Email;
pub use field::{Field, FieldError};
pub use new_password::{KEYBOARD, NewPassword, PasswordOwner, PasswordPolicy};
pub use password::{Password, PasswordProblem};
pub use stretching::{Stretching, StretchingCost};
pub use text::{Device, FreeText, Gender, Reason};
pub use username::Username;
