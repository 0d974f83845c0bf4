//! How hard a new password is to guess: what the clients built on this crate ask for beyond the rules of the protocol.
//!
//! The estimate is zxcvbn's. It is no rule of the protocol, because two versions of the library may differ, and because it
//! reads the current year from the clock of the machine, for dates: a password at the edge may be judged otherwise next year.
//! The library copies the password into memory that it does not wipe.

use std::fmt;
use thiserror::Error;
use vestry_protocol::escape::is_hazardous;
use vestry_protocol::fields::{NewPassword, Password, PasswordOwner, PasswordPolicy, PasswordProblem};
use zxcvbn::Entropy;
use zxcvbn::matching::Match;
use zxcvbn::matching::patterns::MatchPattern;

/// Fewer guesses than these are refused. On the scale of zxcvbn, what is below does not withstand an attack on a server that
/// does not throttle.
const GUESSES_MIN: u64 = 100_000_000;

/// The library reads so many characters and ignores what is behind them.
const CHARS_READ: usize = 100;

/// A new password that keeps the rules of the protocol and is not easy to guess. [`StrongPassword::judge`] alone makes one,
/// and every call that sets a password takes one.
#[derive(Debug)]
pub struct StrongPassword {
    password: NewPassword,
    guesses_log10: f64,
}

/// Why a new password is not taken, in words for the person who chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WeakPassword {
    /// It breaks a rule that every client keeps.
    #[error(transparent)]
    Rule(#[from] PasswordProblem),
    /// It has a character that no keyboard types, as a file or a web page hands it over.
    #[error(
        "password: it has U+{:04X}, which cannot be seen and no keyboard types; leave it out", u32::from(*.0)
    )]
    Untypeable(char),
    /// It keeps the rules, and few guesses would find it.
    #[error("password: it is easy to guess, because {0}; choose a few unrelated words")]
    Guessable(Weakness),
}

/// What makes a password easy to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// The name, the e-mail address or the server.
    OwnWord,
    /// A well-known password, a frequent word or a name, perhaps with the usual substitutions or reversed.
    Known,
    /// A path on a keyboard.
    Keyboard,
    /// A run such as `abcdef`.
    Run,
    /// A repetition.
    Repetition,
    /// A date or a year.
    Date,
    /// None of these, and too few characters.
    Short,
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OwnWord => "most of it is your name, e-mail or server",
            Self::Known => "most of it is a well-known word or password",
            Self::Keyboard => "most of it is a path on the keyboard",
            Self::Run => "most of it is a run of letters or digits",
            Self::Repetition => "most of it is a repetition",
            Self::Date => "most of it is a date",
            Self::Short => "it is short",
        })
    }
}

impl StrongPassword {
    /// Takes a password that keeps every rule and that few guesses would not find.
    ///
    /// Costs milliseconds.
    ///
    /// # Errors
    /// With the first rule that it breaks, or with what makes it easy to guess.
    pub fn judge(
        policy: PasswordPolicy,
        password: Password,
        owner: &PasswordOwner<'_>,
    ) -> Result<Self, WeakPassword> {
        if let Some(hidden) = untypeable(password.expose_secret()) {
            return Err(WeakPassword::Untypeable(hidden));
        }
        let password = policy.accept(password, owner)?;
        let words = owner.words();
        let estimate = estimate(password.as_password().expose_secret(), &words);
        if estimate.guesses() < GUESSES_MIN {
            return Err(WeakPassword::Guessable(weakness_of(&estimate, &words)));
        }
        Ok(Self { password, guesses_log10: estimate.guesses_log10() })
    }

    /// Judges it for another owner.
    ///
    /// # Errors
    /// As [`StrongPassword::judge`].
    pub fn judge_again(
        self,
        policy: PasswordPolicy,
        owner: &PasswordOwner<'_>,
    ) -> Result<Self, WeakPassword> {
        Self::judge(policy, self.password.into_password(), owner)
    }

    /// Returns the password, for sealing it.
    #[must_use]
    pub fn new_password(&self) -> &NewPassword {
        &self.password
    }

    /// Returns the password as one that may be offered at a login.
    #[must_use]
    pub fn as_password(&self) -> &Password {
        self.password.as_password()
    }

    /// Returns the estimate of the guesses that find it, as a power of ten.
    #[must_use]
    pub fn guesses_log10(&self) -> f64 {
        self.guesses_log10
    }
}

/// Returns the first character of a password that cannot be seen and that no keyboard types: one that takes no room, or a space
/// at an edge that is not the usual one. Joiners and selectors are part of emoji and of how some scripts are spelled.
#[must_use]
pub fn untypeable(text: &str) -> Option<char> {
    let is_part_of_writing = |c: char| matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}');
    let takes_no_room = text.chars().find(|c| is_hazardous(*c) && !c.is_control() && !is_part_of_writing(*c));
    let is_odd_space = |c: &char| c.is_whitespace() && *c != ' ';
    let edges = [text.chars().next(), text.chars().next_back()];
    takes_no_room.or_else(|| edges.into_iter().flatten().find(is_odd_space))
}

/// Estimates each piece that the library reads whole and returns the highest estimate: a password takes at least as many
/// guesses as any part of it, so that neither a weak beginning nor a weak end hides the rest.
fn estimate(text: &str, words: &[String]) -> Entropy {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    pieces(text)
        .map(|piece| zxcvbn::zxcvbn(piece, &words))
        .max_by_key(Entropy::guesses)
        .unwrap_or_else(|| zxcvbn::zxcvbn("", &[]))
}

fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.char_indices().nth(CHARS_READ).map_or(rest.len(), |(at, _)| at);
        let (piece, behind) = rest.split_at_checked(end)?;
        rest = behind;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Returns what the longest part of the password is that the library knows.
fn weakness_of(estimate: &Entropy, words: &[String]) -> Weakness {
    let length = |part: &&Match| part.token.chars().count();
    estimate.sequence().iter().max_by_key(length).map_or(Weakness::Short, |part| match &part.pattern {
        MatchPattern::Dictionary(found) if words.contains(&found.matched_word) => Weakness::OwnWord,
        MatchPattern::Dictionary(_) => Weakness::Known,
        MatchPattern::Spatial(_) => Weakness::Keyboard,
        MatchPattern::Repeat(_) => Weakness::Repetition,
        MatchPattern::Sequence(_) => Weakness::Run,
        MatchPattern::Regex(_) | MatchPattern::Date(_) => Weakness::Date,
        MatchPattern::BruteForce => Weakness::Short,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_no_keyboard_types_is_named() {
        for (text, named) in [
            ("copper lantern orbit", None),
            ("copper\u{a0}lantern", None),
            (" copper lantern ", None),
            ("\u{63a}\u{6cc}\u{631}\u{200c}\u{62f}\u{648} \u{1f469}\u{200d}\u{1f680}\u{fe0f}", None),
            ("copper\u{200b}lantern", Some('\u{200b}')),
            ("\u{feff}copper lantern", Some('\u{feff}')),
            ("copper lantern\u{a0}", Some('\u{a0}')),
            ("\u{202f}copper lantern", Some('\u{202f}')),
            ("", None),
        ] {
            assert_eq!(untypeable(text), named, "{text:?}");
        }
    }

    use super::*;
    use proptest::prelude::*;
    use vestry_protocol::secret::SecretText;

    const NAMAN: PasswordOwner<'_> =
        PasswordOwner { name: "naman", email: Some("naman@example.org"), host: Some("id.example.org") };

    fn judged(text: &str) -> Result<StrongPassword, WeakPassword> {
        let password = Password::parse(&SecretText::new(text.to_owned())).unwrap();
        StrongPassword::judge(PasswordPolicy::default(), password, &NAMAN)
    }

    #[test]
    fn a_password_that_few_guesses_find_is_refused_with_its_reason() {
        let cases = [
            ("dragon1234567890", Weakness::Known),
            ("p@ssw0rdp4ssw0rd", Weakness::Known),
            ("bdfhjlnprtvxz13579", Weakness::Run),
            ("aaaaaaaaaaaa8273", Weakness::Repetition),
            ("naman@example.orgx1", Weakness::OwnWord),
        ];
        for (text, weakness) in cases {
            assert_eq!(judged(text).err(), Some(WeakPassword::Guessable(weakness)), "{text}");
        }
    }

    #[test]
    fn the_rules_of_the_protocol_come_first() {
        let cases = [
            ("password12345678", PasswordProblem::Common),
            ("1234567890123456", PasswordProblem::Run),
            ("aaaaaaaaaaaaaaaaaaaa", PasswordProblem::Repeated),
            ("abcdefghijklmnopqrst", PasswordProblem::Run),
            ("qwertyuiopasdfgh", PasswordProblem::Run),
        ];
        for (text, problem) in cases {
            assert_eq!(judged(text).err(), Some(WeakPassword::Rule(problem)), "{text}");
        }
    }

    #[test]
    fn words_that_have_nothing_to_do_with_one_another_pass() {
        for text in
            ["correct horse battery staple", "purple owls count seven spoons", "naman likes purple owls"]
        {
            assert!(judged(text).is_ok_and(|strong| strong.guesses_log10() > 8.0), "{text}");
        }
    }

    #[test]
    fn what_is_behind_the_hundredth_character_counts() {
        let weak = "ab".repeat(60);
        let strong = "correct horse battery staple";
        for text in [format!("{weak}{strong}"), format!("{strong}{weak}"), format!("{weak}{strong}{weak}")] {
            assert!(judged(&text).is_ok(), "{text}");
        }
        assert_eq!(judged(&"a".repeat(300)).err(), Some(PasswordProblem::Repeated.into()));
        assert_eq!(judged(&"correct horse battery ".repeat(40)).err(), None);
        // Two hundred of one character, then of another: no repetition, and easy to guess.
        let two = format!("{}{}", "a".repeat(200), "k".repeat(200));
        assert!(judged(&two).is_err());
    }

    #[test]
    fn a_password_is_judged_again_for_another_owner() {
        let policy = PasswordPolicy::default();
        let kept = judged("purple-owl-2026-11-28").unwrap().judge_again(policy, &NAMAN).unwrap();
        let owner = PasswordOwner { name: "purple-owl", ..NAMAN };
        let refused = kept.judge_again(policy, &owner).err();
        assert_eq!(refused, Some(PasswordProblem::OwnWords.into()));
    }

    #[test]
    fn a_reason_fits_one_line_and_is_no_riddle() {
        use Weakness::{Date, Keyboard, Known, OwnWord, Repetition, Run, Short};
        for weakness in [OwnWord, Known, Keyboard, Run, Repetition, Date, Short] {
            let text = WeakPassword::Guessable(weakness).to_string();
            assert!(text.ends_with("; choose a few unrelated words") && text.len() <= 120, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_whole_and_no_longer_than_the_library_reads(text in any::<String>(), times in 0usize..40) {
            let text = text.repeat(times);
            let pieces: Vec<&str> = pieces(&text).collect();
            prop_assert_eq!(pieces.concat(), text.as_str());
            prop_assert!(pieces.iter().all(|piece| (1..=CHARS_READ).contains(&piece.chars().count())));
        }
    }
}
