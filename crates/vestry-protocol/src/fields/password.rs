//! Passwords, by NIST SP 800-63B-4, 3.1.1.2: any printable character, in one normal form, never truncated.
//!
//! [`Password`] is any password that may be offered at a login: an account keeps the one that it was given under an older
//! rule. What a new one must be is in `new_password`.

use crate::limits::PASSWORD_BYTES_MAX;
use crate::secret::SecretText;
use std::fmt;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// A password in Unicode normal form C, at most 1,024 bytes, without control characters.
pub struct Password(Zeroizing<String>);

/// Why a password cannot be used, in words for the person who chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PasswordProblem {
    /// Nothing was typed.
    #[error("password: it is empty")]
    Empty,
    /// Over 1,024 bytes.
    #[error("password: use at most {PASSWORD_BYTES_MAX} bytes")]
    TooLong,
    /// It holds a control character, which many terminals cannot send.
    #[error("password: leave out control characters")]
    Unprintable,
    /// Fewer characters than the policy asks for.
    #[error("password: use at least {chars_min} characters; a few unrelated words do")]
    TooShort {
        /// How many the policy asks for.
        chars_min: usize,
    },
    /// It is made of the account's own words, digits and punctuation.
    #[error("password: it is made of your name, e-mail address or server; choose a few unrelated words")]
    OwnWords,
    /// It repeats a text that is shorter than the policy asks for.
    #[error("password: it repeats a short text; choose a few unrelated words")]
    Repeated,
    /// It is on the list of common passwords.
    #[error("password: attackers try this one first; choose a few unrelated words")]
    Common,
    /// It is made of runs, such as `abcdef`, or of neighbours on the keyboard.
    #[error("password: it follows the alphabet, the digits or the keyboard; choose a few unrelated words")]
    Run,
}

impl Password {
    /// Normalises to NFC after checking the length, so that a huge input costs nothing. Control characters are those of
    /// Unicode's category Cc: U+0000 to U+001F and U+007F to U+009F, which no version of Unicode changes.
    ///
    /// # Errors
    /// When it is empty, over the limit or holds control characters.
    pub fn parse(typed: &SecretText) -> Result<Self, PasswordProblem> {
        let typed = typed.expose_secret();
        match typed.len() {
            0 => return Err(PasswordProblem::Empty),
            1..=PASSWORD_BYTES_MAX => {}
            _ => return Err(PasswordProblem::TooLong),
        }
        if typed.chars().any(char::is_control) {
            return Err(PasswordProblem::Unprintable);
        }
        // Composing never lengthens text by more than a factor of three, so one reservation keeps every copy wiped.
        let mut normal = Zeroizing::new(String::with_capacity(typed.len() * 3));
        normal.extend(typed.nfc());
        if normal.len() > PASSWORD_BYTES_MAX {
            return Err(PasswordProblem::TooLong);
        }
        Ok(Self(normal))
    }

    /// The normalised text. Every call of this is a place to look at.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::parse(&SecretText::new(text.to_owned())).unwrap()
    }

    #[test]
    fn two_ways_to_type_one_character_are_one_password() {
        assert_eq!(password("cafe\u{301}").expose_secret(), password("caf\u{e9}").expose_secret());
    }

    #[test]
    fn what_cannot_be_typed_everywhere_is_refused() {
        let cases = [
            (String::new(), PasswordProblem::Empty),
            ("a".repeat(1025), PasswordProblem::TooLong),
            ("nul\0byte in it, long".to_owned(), PasswordProblem::Unprintable),
            // Each of these characters is three times as long when composed by NFC's exclusions.
            ("\u{1d160}".repeat(256), PasswordProblem::TooLong),
        ];
        for (typed, problem) in cases {
            assert_eq!(Password::parse(&SecretText::new(typed)).err(), Some(problem));
        }
    }

    #[test]
    fn a_password_does_not_print_itself() {
        assert_eq!(format!("{:?}", password("correct horse battery")), "Password(…)");
    }
}
