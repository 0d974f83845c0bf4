//! Text that a spreadsheet would take for a formula (OWASP, CSV injection): guarded with a leading `'` where it is
//! written, and without it where it is read.
//!
//! Text that looks guarded is guarded once more, so that what was written reads back as it was, whatever it was.

use std::borrow::Cow;

/// The characters that OWASP names, with their full-width forms, which spreadsheets take for the same.
const STARTS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

const GUARD: char = '\'';

/// With a guard, if it needs one.
pub(crate) fn guarded(text: &str) -> Cow<'_, str> {
    match needs_guard(text) {
        true => Cow::Owned(format!("{GUARD}{text}")),
        false => Cow::Borrowed(text),
    }
}

/// Without the guard, if it has one.
pub(crate) fn unguarded(text: &str) -> &str {
    text.strip_prefix(GUARD).filter(|rest| needs_guard(rest)).unwrap_or(text)
}

fn needs_guard(text: &str) -> bool {
    text.trim_start_matches(GUARD).starts_with(STARTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_could_run_is_guarded_and_nothing_else() {
        for (text, written) in [
            ("=1+1", "'=1+1"),
            ("＠x", "'＠x"),
            ("'=1", "''=1"),
            ("'naman", "'naman"),
            ("naman", "naman"),
            ("'", "'"),
            ("", ""),
        ] {
            assert_eq!(guarded(text), written);
            assert_eq!(unguarded(written), text);
        }
    }

    proptest! {
        #[test]
        fn what_was_written_reads_back_as_it_was(text in "['=+a＝]{0,6}") {
            let written = guarded(&text);
            prop_assert_eq!(unguarded(&written), text.as_str());
        }
    }
}
