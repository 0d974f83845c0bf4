//! The one way for text from outside to reach a terminal, a log line or an error message.
//!
//! A user name, a server's sentence or a database row may hold escape sequences that move the cursor, set the
//! window title, write the clipboard, or reverse the reading order. [`Escaped`] shows such characters instead of
//! sending them. It never drops or reorders text.

use std::fmt::{self, Write};

/// Shows text with every hazardous character spelled out, as `\n`, `\u{1b}` or `\u{202e}`.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if is_hazardous(c) => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Whether a character does something to its reader's screen other than being seen: control characters, line and
/// paragraph separators, bidirectional controls, and characters that take no room (Unicode TR 36, TR 39).
#[must_use]
pub fn is_hazardous(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'                      // soft hyphen
            | '\u{34f}'                   // combining grapheme joiner
            | '\u{61c}'                   // Arabic letter mark
            | '\u{115f}' | '\u{1160}'     // Hangul fillers
            | '\u{17b4}' | '\u{17b5}'     // Khmer inherent vowels
            | '\u{180b}'..='\u{180f}'     // Mongolian selectors and vowel separator
            | '\u{200b}'..='\u{200f}'     // zero width, and left-to-right and right-to-left marks
            | '\u{2028}'..='\u{202e}'     // separators, embeddings and overrides
            | '\u{2060}'..='\u{206f}'     // word joiner, isolates, invisible operators
            | '\u{3164}' | '\u{ffa0}'     // Hangul fillers
            | '\u{fe00}'..='\u{fe0f}'     // variation selectors
            | '\u{feff}'                  // byte order mark
            | '\u{fff9}'..='\u{fffb}'     // interlinear annotation
            | '\u{1bca0}'..='\u{1bca3}'   // shorthand format controls
            | '\u{1d173}'..='\u{1d17a}'   // musical format controls
            | '\u{e0000}'..='\u{e0fff}'   // tags and more variation selectors
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sequences_that_drive_a_terminal_are_spelled_out() {
        let cases = [
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("\u{1b}]52;c;aGk=\u{9c}", "\\u{1b}]52;c;aGk=\\u{9c}"),
            ("a\rb\nc\td", "a\\rb\\nc\\td"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("gpj.\u{202e}exe", "gpj.\\u{202e}exe"),
            ("a\u{200b}b", "a\\u{200b}b"),
            ("Zoë 👋", "Zoë 👋"),
        ];
        for (outside, shown) in cases {
            assert_eq!(Escaped(outside).to_string(), shown);
        }
    }

    proptest! {
        #[test]
        fn nothing_hazardous_survives(text in any::<String>()) {
            prop_assert!(!Escaped(&text).to_string().chars().any(is_hazardous));
        }
    }
}
