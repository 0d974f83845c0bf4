//! Text from outside on its way to a terminal, a log or an error: nothing of it does anything but show itself, and
//! nothing is lost or moved.
#![no_main]

use vestry_fuzz::has_control;
use vestry_protocol::escape::{Escaped, is_hazardous};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let shown = Escaped(text).to_string();
    assert!(!has_control(&shown) && !shown.chars().any(is_hazardous));
    assert_eq!(Escaped(&shown).to_string(), shown, "what is safe to show changes when it is shown again");
    assert_eq!(text.chars().fold(shown.as_str(), take_one), "", "something was added");
});

/// What is left of the shown text behind one character of the original.
fn take_one(shown: &str, c: char) -> &str {
    let spelled = match c {
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        c if is_hazardous(c) => format!("\\u{{{:x}}}", u32::from(c)),
        c => c.to_string(),
    };
    shown.strip_prefix(spelled.as_str()).expect("a character was lost, moved or changed")
}
