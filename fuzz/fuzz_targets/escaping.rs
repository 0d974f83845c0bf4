//! Text from outside on its way to a terminal, a log or an error: nothing of it does anything but show itself, and
//! nothing is lost or moved.
#![no_main]

use vestry_fuzz::has_control;
use vestry_protocol::escape::{Escaped, hazards, judged};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let shown = Escaped(text).to_string();
    assert!(!has_control(&shown) && hazards(&shown).next().is_none());
    assert_eq!(Escaped(&shown).to_string(), shown, "what is safe to show changes when it is shown again");
    assert_eq!(judged(text).fold(shown.as_str(), take_one), "", "something was added");
});

/// What is left of the shown text behind one character of the original.
fn take_one(shown: &str, (c, is_hazard): (char, bool)) -> &str {
    let spelled = match c {
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        c if is_hazard => format!("\\u{{{:x}}}", u32::from(c)),
        c => c.to_string(),
    };
    shown.strip_prefix(spelled.as_str()).expect("a character was lost, moved or changed")
}
