//! Passwords, by NIST SP 800-63B-4, 3.1.1.2: long, any printable character, compared whole against a blocklist
//! and the words of their context; no composition rules, no rotation.
//!
//! [`Password`] is any password that may be offered at a login. [`PasswordPolicy`] judges only new ones: an
//! account keeps the password that it was given under an older rule.

use crate::limits::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN_DEFAULT, PASSWORD_CHARS_MIN_FLOOR};
use crate::secret::SecretText;
use std::fmt;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;
use zxcvbn::matching::patterns::MatchPattern;

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
    /// The whole of it is a known password, a keyboard row, a run or a repetition.
    #[error("password: attackers try this one first; choose a few unrelated words")]
    Common,
    /// The whole of it is made of the account's own name, e-mail address or the service's name.
    #[error("password: it is made of your name, e-mail or the service's name")]
    OwnWords,
}

impl Password {
    /// Normalises to NFC after checking the length, so that a huge input costs nothing.
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

/// What a new password must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordPolicy {
    chars_min: usize,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { chars_min: PASSWORD_CHARS_MIN_DEFAULT }
    }
}

impl PasswordPolicy {
    /// A policy with another minimum length; `None` below the floor of 8.
    #[must_use]
    pub fn with_chars_min(chars_min: usize) -> Option<Self> {
        (PASSWORD_CHARS_MIN_FLOOR..=PASSWORD_BYTES_MAX / 4).contains(&chars_min).then_some(Self { chars_min })
    }

    /// The fewest characters of a new password.
    #[must_use]
    pub fn chars_min(&self) -> usize {
        self.chars_min
    }

    /// Judges a new password; `context` holds the words that its owner is known by.
    ///
    /// Costs milliseconds: it belongs on a hashing thread, not on an async worker.
    ///
    /// # Errors
    /// With the first rule that it breaks.
    pub fn judge(&self, password: &Password, context: &[&str]) -> Result<(), PasswordProblem> {
        let text = password.expose_secret();
        if text.chars().count() < self.chars_min {
            return Err(PasswordProblem::TooShort { chars_min: self.chars_min });
        }
        if is_made_of(text, context) {
            return Err(PasswordProblem::OwnWords);
        }
        if is_one_known_pattern(text) {
            return Err(PasswordProblem::Common);
        }
        Ok(())
    }
}

/// How hard a password is to guess, as the power of ten of the tries that it takes: advice, never a rule.
#[must_use]
pub fn estimated_guesses_log10(password: &Password, context: &[&str]) -> f64 {
    zxcvbn::zxcvbn(password.expose_secret(), context).guesses_log10()
}

/// Whether nothing is left once the owner's words, the service's name, digits and punctuation are taken out.
fn is_made_of(text: &str, context: &[&str]) -> bool {
    let mut left = Zeroizing::new(text.to_lowercase());
    let words = context.iter().flat_map(|word| word.split('@').chain([*word])).chain(["vestry"]);
    let mut words: Vec<String> = words.map(str::to_lowercase).filter(|word| word.len() >= 3).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let mut found = false;
    for word in words {
        found |= left.contains(&word);
        left = Zeroizing::new(left.replace(&word, ""));
    }
    found && left.chars().all(|c| !c.is_alphabetic())
}

/// Whether the whole text is one entry of the blocklist: a known password (also with the usual substitutions or
/// reversed), a row of the keyboard, a run such as `abcdef`, a date, or a repetition of any text.
fn is_one_known_pattern(text: &str) -> bool {
    let estimate = zxcvbn::zxcvbn(text, &[]);
    let [only] = estimate.sequence() else { return false };
    !matches!(only.pattern, MatchPattern::BruteForce)
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
    fn new_passwords_are_judged_whole() {
        let policy = PasswordPolicy::default();
        let context = ["naman", "naman@gmail.com"];
        let cases = [
            ("short", Err(PasswordProblem::TooShort { chars_min: 15 })),
            ("passwordpassword", Err(PasswordProblem::Common)),
            ("aaaaaaaaaaaaaaaaaaaa", Err(PasswordProblem::Common)),
            ("abcdefghijklmnopqrstuvwxyz", Err(PasswordProblem::Common)),
            ("naman@gmail.com1", Err(PasswordProblem::OwnWords)),
            ("Naman-naman-naman-2026", Err(PasswordProblem::OwnWords)),
            ("vestry vestry vestry", Err(PasswordProblem::OwnWords)),
            ("correct horse battery staple", Ok(())),
            ("naman likes purple owls", Ok(())),
            ("ünïcödé wörks hère töö", Ok(())),
        ];
        for (text, verdict) in cases {
            assert_eq!(policy.judge(&password(text), &context), verdict, "{text:?}");
        }
    }

    #[test]
    fn the_minimum_length_cannot_go_below_eight() {
        assert_eq!(PasswordPolicy::with_chars_min(7), None);
        assert_eq!(PasswordPolicy::with_chars_min(8).unwrap().chars_min(), 8);
    }

    #[test]
    fn a_password_does_not_print_itself() {
        assert_eq!(format!("{:?}", password("correct horse battery")), "Password(…)");
    }
}
