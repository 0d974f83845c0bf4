//! The field types: whatever is taken keeps its rule, means the same when it is parsed again, and is safe to show.
#![no_main]

use vestry_client::StrongPassword;
use vestry_fuzz::has_control;
use vestry_protocol::escape::hazards;
use vestry_protocol::fields::{
    Age, Device, Email, Field, FreeText, Gender, Password, PasswordOwner, PasswordPolicy, PasswordProblem,
    Reason, StretchingCost, Username,
};
use vestry_protocol::limits::PASSWORD_BYTES_MAX;
use vestry_protocol::secret::SecretText;
use vestry_protocol::user::Stretching;

libfuzzer_sys::fuzz_target!(|input: (u8, &str, [u32; 3])| {
    let (which, text, numbers) = input;
    match which % 6 {
        0 => username(text),
        1 => email(text),
        2 => age(text),
        3 => {
            free_text::<32>("gender", text, |text| Gender::parse(Field::Gender, text));
            free_text::<64>("device", text, |text| Device::parse(Field::Device, text));
            free_text::<200>("reason", text, |text| Reason::parse(Field::Reason, text));
        }
        4 => stretching(numbers),
        _ => password(text),
    }
});

fn username(text: &str) {
    let Ok(name) = Username::parse(text) else { return };
    let shown = name.as_str();
    assert!((2..=32).contains(&shown.len()));
    assert!(shown.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')));
    assert!(shown.as_bytes()[0].is_ascii_alphanumeric());
    for variant in [shown.to_owned(), shown.to_ascii_uppercase(), format!("\t{shown} ")] {
        assert_eq!(Username::parse(&variant).as_ref(), Ok(&name), "{variant:?} is another name");
    }
}

fn email(text: &str) {
    let Ok(email) = Email::parse(text) else { return };
    let shown = email.as_str();
    assert!(shown.is_ascii() && shown.len() <= 254 && !has_control(shown) && !shown.contains(' '));
    assert_eq!(shown.matches('@').count(), 1);
    assert_eq!(Email::parse(shown).as_ref(), Ok(&email));
}

fn age(text: &str) {
    let Ok(age) = Age::parse(text) else { return };
    assert!(age.years() <= 150);
    assert_eq!(Age::parse(&age.to_string()), Ok(age));
}

fn free_text<const BYTES_MAX: usize>(
    field: &str,
    text: &str,
    parse: impl Fn(&str) -> Result<FreeText<BYTES_MAX>, vestry_protocol::fields::FieldError>,
) {
    let Ok(taken) = parse(text) else { return };
    let shown = taken.as_str();
    assert!((1..=BYTES_MAX).contains(&shown.len()), "{field}");
    assert!(!has_control(shown) && hazards(shown).next().is_none(), "{field}");
    assert_eq!(parse(shown), Ok(taken.clone()), "{field}");
}

fn stretching([memory_kib, iterations, parallelism]: [u32; 3]) {
    let asked = Stretching { memory_kib, iterations, parallelism };
    let Ok(cost) = StretchingCost::parse(asked) else { return };
    assert_eq!(cost.numbers(), asked);
    assert!((19_456..=1_048_576).contains(&memory_kib));
    assert!((2..=16).contains(&iterations) && (1..=16).contains(&parallelism));
}

/// The text before the first line end is the password; what is behind it are the words of its owner.
fn password(text: &str) {
    let (typed, words) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(password) = Password::parse(&SecretText::new(typed.to_owned())) else { return };
    let normal = password.expose_secret();
    assert!((1..=PASSWORD_BYTES_MAX).contains(&normal.len()) && !normal.chars().any(char::is_control));
    let again = Password::parse(&SecretText::new(normal.to_owned())).expect("a password is one");
    assert_eq!(again.expose_secret(), normal, "normal form C has two forms");
    assert_eq!(format!("{password:?}"), "Password(…)");

    let mut context = words.split(' ');
    let owner = PasswordOwner {
        name: context.next().unwrap_or_default(),
        email: context.next(),
        host: context.next(),
    };
    let policy = PasswordPolicy::with_chars_min(8).expect("the floor");
    let verdict = policy.judge(&password, &owner);
    assert_eq!(policy.judge(&again, &owner), verdict, "the same password is judged in two ways");
    if normal.chars().count() < 8 {
        assert_eq!(verdict, Err(PasswordProblem::TooShort { chars_min: 8 }));
    }
    let strong = StrongPassword::judge(policy, password, &owner);
    assert!(strong.as_ref().is_err() || verdict.is_ok(), "what breaks a rule is strong");
    assert!(strong.is_err() || strong.is_ok_and(|strong| strong.guesses_log10() >= 8.0));
}
