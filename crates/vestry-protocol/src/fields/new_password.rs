//! The rules of a new password, exactly as section 5 of `docs/PROTOCOL.md` has them: every client and the server judge
//! alike, whatever their language and library. Each rule has vectors in `tests/vectors/passwords/`.
//!
//! Pure: no clock, no estimate. What a client may ask for beyond these rules is its own business. Copies of a password
//! that are made on the way wipe themselves.

use super::common_passwords::is_common;
use super::password::{Password, PasswordProblem};
use crate::limits::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN_DEFAULT, PASSWORD_CHARS_MIN_FLOOR};
use zeroize::Zeroizing;

/// The fewest code points of an own word.
const OWN_WORD_CHARS_MIN: usize = 3;

/// A word that every account shares.
const SERVICE: &str = "vestry";

/// Keys that lie side by side: rows of QWERTY, QWERTZ and AZERTY, then columns of QWERTY.
pub const KEYBOARD: [&str; 17] = [
    "1234567890-=",
    "!@#$%^&*()_+",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "1qaz",
    "2wsx",
    "3edc",
    "4rfv",
    "5tgb",
    "6yhn",
    "7ujm",
];

/// What is known of the account that a password is for; `None` is what the caller does not know.
#[derive(Debug, Clone, Copy, Default)]
pub struct PasswordOwner<'a> {
    /// The name of the account.
    pub name: &'a str,
    /// Its e-mail address.
    pub email: Option<&'a str>,
    /// The host of the server, as the client connects to it.
    pub host: Option<&'a str>,
}

impl PasswordOwner<'_> {
    /// Returns the own words, folded: the texts themselves, both sides of the address, and each run of letters in them.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let sides = self.email.and_then(|email| email.rsplit_once('@'));
        let (local, domain) = sides.unzip();
        let texts = [Some(self.name), self.email, local, domain, self.host, Some(SERVICE)];
        let mut words: Vec<String> = texts
            .into_iter()
            .flatten()
            .flat_map(|text| text.split(is_filler).chain([text]))
            .filter(|word| word.chars().count() >= OWN_WORD_CHARS_MIN)
            .map(str::to_ascii_lowercase)
            .collect();
        words.sort_unstable();
        words.dedup();
        words
    }
}

/// A new password that keeps every rule. Only [`PasswordPolicy::accept`] makes one, and nothing else can be sealed.
#[derive(Debug)]
pub struct NewPassword(Password);

impl NewPassword {
    /// Returns it as one that may be offered at a login.
    #[must_use]
    pub fn as_password(&self) -> &Password {
        &self.0
    }

    /// Gives the password back, to be judged by another policy or for another owner.
    #[must_use]
    pub fn into_password(self) -> Password {
        self.0
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
    /// Returns a policy with another minimum length; `None` unless it is 8 to 256.
    #[must_use]
    pub fn with_chars_min(chars_min: usize) -> Option<Self> {
        (PASSWORD_CHARS_MIN_FLOOR..=PASSWORD_BYTES_MAX / 4).contains(&chars_min).then_some(Self { chars_min })
    }

    /// Returns the fewest characters of a new password.
    #[must_use]
    pub fn chars_min(&self) -> usize {
        self.chars_min
    }

    /// Takes a password that keeps every rule.
    ///
    /// # Errors
    /// With the first rule that it breaks.
    pub fn accept(
        &self,
        password: Password,
        owner: &PasswordOwner<'_>,
    ) -> Result<NewPassword, PasswordProblem> {
        self.judge(&password, owner)?;
        Ok(NewPassword(password))
    }

    /// Judges a password that is not going to be set: one that an account has already.
    ///
    /// # Errors
    /// With the first rule that it breaks.
    pub fn judge(&self, password: &Password, owner: &PasswordOwner<'_>) -> Result<(), PasswordProblem> {
        let text = password.expose_secret();
        if text.chars().count() < self.chars_min {
            return Err(PasswordProblem::TooShort { chars_min: self.chars_min });
        }
        let folded = Zeroizing::new(text.to_ascii_lowercase());
        if is_made_of(&folded, &owner.words()) {
            return Err(PasswordProblem::OwnWords);
        }
        // Reserved once, so that no copy is left unwiped.
        let mut chars = Zeroizing::new(Vec::with_capacity(folded.len()));
        chars.extend(folded.chars());
        // Behind this rule only what is repeated counts.
        let (unit, chars) = match period(&chars) {
            Some(period) if period < self.chars_min => return Err(PasswordProblem::Repeated),
            Some(period) => {
                let end = folded.char_indices().nth(period).map_or(folded.len(), |(at, _)| at);
                (folded.get(..end).unwrap_or(&folded), chars.get(..period).unwrap_or_default())
            }
            None => (folded.as_str(), chars.as_slice()),
        };
        if is_common(unit)
            || is_common(unit.trim_matches(is_punctuation))
            || is_common(unit.trim_matches(is_filler))
        {
            return Err(PasswordProblem::Common);
        }
        if chars.len() - followers(chars) < self.chars_min.div_ceil(3) {
            return Err(PasswordProblem::Run);
        }
        Ok(())
    }
}

/// Returns whether it is ASCII and neither a letter nor a digit: punctuation and the space.
fn is_punctuation(c: char) -> bool {
    c.is_ascii() && !c.is_ascii_alphanumeric()
}

/// Returns whether it is ASCII and no letter. Only ASCII, so that no version of Unicode decides.
fn is_filler(c: char) -> bool {
    c.is_ascii() && !c.is_ascii_alphabetic()
}

/// Returns whether the text can be cut into own words and fillers, and has a letter.
fn is_made_of(text: &str, words: &[String]) -> bool {
    // Whether the text up to a byte can be cut so.
    let mut reached = Zeroizing::new(vec![false; text.len() + 1]);
    let mark = |reached: &mut [bool], at: usize| {
        if let Some(end) = reached.get_mut(at) {
            *end = true;
        }
    };
    mark(&mut reached, 0);
    for (at, c) in text.char_indices() {
        if !reached.get(at).is_some_and(|is_reached| *is_reached) {
            continue;
        }
        if is_filler(c) {
            mark(&mut reached, at + 1);
        }
        let rest = text.get(at..).unwrap_or_default();
        for word in words.iter().filter(|word| rest.starts_with(word.as_str())) {
            mark(&mut reached, at + word.len());
        }
    }
    reached.last() == Some(&true) && !text.chars().all(is_filler)
}

/// Returns the least distance at which the text repeats itself, when it is there twice; a last character may be missing,
/// such as the space between two words.
fn period(chars: &[char]) -> Option<usize> {
    let repeats =
        |period: &usize| chars.iter().skip(*period).zip(chars).all(|(later, earlier)| later == earlier);
    (1..chars.len()).take_while(|period| 2 * period <= chars.len() + 1).find(repeats)
}

/// Returns how many characters follow the one before them: the same one, the next or the one before by code point, or a
/// neighbour on the keyboard.
fn followers(chars: &[char]) -> usize {
    let are_neighbours = |row: &str, a: char, b: char| {
        row.chars()
            .zip(row.chars().skip(1))
            .any(|(left, right)| (left, right) == (a, b) || (left, right) == (b, a))
    };
    let follows = |a: char, b: char| {
        u32::from(a).abs_diff(u32::from(b)) <= 1 || KEYBOARD.iter().any(|row| are_neighbours(row, a, b))
    };
    chars.iter().zip(chars.iter().skip(1)).filter(|(a, b)| follows(**a, **b)).count()
}
