//! What the vectors do not show: properties over many inputs, and the shape of the tables.

use super::{Password, PasswordOwner, PasswordPolicy, PasswordProblem};
use crate::secret::SecretText;
use proptest::prelude::*;

const NAMAN: PasswordOwner<'_> =
    PasswordOwner { name: "naman", email: Some("naman.agarwal@gmail.com"), host: Some("id.example.org") };

fn password(text: &str) -> Password {
    Password::parse(&SecretText::new(text.to_owned())).unwrap()
}

fn judged(text: &str) -> Result<(), PasswordProblem> {
    PasswordPolicy::default().judge(&password(text), &NAMAN)
}

#[test]
fn new_passwords_are_judged_whole() {
    let cases = [
        ("short", Err(PasswordProblem::TooShort { chars_min: 15 })),
        ("password12345678", Err(PasswordProblem::Common)),
        ("1qaz2wsx3edc4rfv!", Err(PasswordProblem::Common)),
        ("passwordpassword", Err(PasswordProblem::Repeated)),
        ("aaaaaaaaaaaaaaaaaaaa", Err(PasswordProblem::Repeated)),
        ("1234567890123456", Err(PasswordProblem::Run)),
        ("abcdefghijklmnopqrst", Err(PasswordProblem::Run)),
        ("qwertyuiopasdfgh", Err(PasswordProblem::Run)),
        ("naman@gmail.com1", Err(PasswordProblem::OwnWords)),
        ("Naman-naman-agarwal-2026", Err(PasswordProblem::OwnWords)),
        ("vestry vestry vestry", Err(PasswordProblem::OwnWords)),
        ("example example 12", Err(PasswordProblem::OwnWords)),
        ("correct horse battery staple", Ok(())),
        ("naman likes purple owls", Ok(())),
        ("ünïcödé wörks hère töö", Ok(())),
    ];
    for (text, verdict) in cases {
        assert_eq!(judged(text), verdict, "{text:?}");
    }
}

#[test]
fn the_minimum_length_is_8_to_256() {
    for bad in [0, 7, 257, usize::MAX] {
        assert_eq!(PasswordPolicy::with_chars_min(bad), None);
    }
    for good in [8, 15, 256] {
        assert_eq!(PasswordPolicy::with_chars_min(good).unwrap().chars_min(), good);
    }
}

#[test]
fn an_accepted_password_is_the_one_that_was_judged() {
    let accepted = PasswordPolicy::default().accept(password("correct horse battery staple"), &NAMAN);
    assert_eq!(accepted.unwrap().as_password().expose_secret(), "correct horse battery staple");
    let refused = PasswordPolicy::default().accept(password("vestry vestry vestry"), &NAMAN);
    assert_eq!(refused.err(), Some(PasswordProblem::OwnWords));
}

#[test]
fn own_words_are_whole_texts_and_their_runs_of_letters() {
    let expected = [
        "agarwal",
        "com",
        "example",
        "gmail",
        "gmail.com",
        "id.example.org",
        "naman",
        "naman.agarwal",
        "naman.agarwal@gmail.com",
        "org",
        "vestry",
    ];
    assert_eq!(NAMAN.words(), expected);
    assert_eq!(PasswordOwner::default().words(), ["vestry"]);
}

proptest! {
    #[test]
    fn whatever_is_repeated_is_refused_as_a_repetition_or_sooner(
        unit in "[a-z0-9!é ]{1,14}",
        times in 2usize..20,
    ) {
        let text = unit.repeat(times);
        prop_assume!(text.chars().count() >= 15 && !unit.trim().is_empty());
        prop_assert!(judged(&text).is_err(), "{text:?}");
    }

    #[test]
    fn case_never_decides(text in "[a-zA-Z0-9 .!]{15,40}") {
        prop_assert_eq!(judged(&text), judged(&text.to_ascii_uppercase()));
    }

    #[test]
    fn sixteen_random_characters_of_a_password_manager_pass(text in "[A-Za-z0-9!-/]{16,64}") {
        prop_assert_eq!(judged(&text), Ok(()), "{:?}", text);
    }

    #[test]
    fn every_password_has_a_verdict(text in any::<String>(), name in any::<String>(), chars_min in 8usize..=256) {
        if let Ok(password) = Password::parse(&SecretText::new(text)) {
            let policy = PasswordPolicy::with_chars_min(chars_min).unwrap();
            let owner = PasswordOwner { name: &name, email: Some(&name), host: Some(&name) };
            let short = password.expose_secret().chars().count() < chars_min;
            let verdict = policy.judge(&password, &owner);
            prop_assert_eq!(short, verdict == Err(PasswordProblem::TooShort { chars_min }));
        }
    }
}
