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
        for (c, is_hazard) in judged(self.0) {
            match c {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if is_hazard => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Returns the characters of a text that are hazardous where they stand. Selectors and joiners are part of emoji, and joiners of how
/// some scripts are spelled (docs/PROTOCOL.md, "Fields"): between such neighbours they only show themselves.
pub fn hazards(text: &str) -> impl Iterator<Item = char> {
    judged(text).filter_map(|(c, is_hazard)| is_hazard.then_some(c))
}

/// Returns the characters of a text, and whether each is hazardous where it stands.
pub fn judged(text: &str) -> impl Iterator<Item = (char, bool)> {
    let mut characters = text.chars().peekable();
    let mut before = [None; 2];
    std::iter::from_fn(move || {
        let c = characters.next()?;
        let after = characters.peek().copied();
        let [last, last_but_one] = before;
        // A selector belongs to its emoji.
        let emoji_before =
            if last == Some('\u{fe0f}') { last_but_one } else { last }.filter(|c| is_emoji(*c));
        let emoji_after = after.filter(|c| is_emoji(*c));
        let joins_emoji =
            matches!((emoji_before, emoji_after), (Some(a), Some(b)) if !(is_person(a) && is_person(b)));
        let joins_letters = last.is_some_and(is_joining_letter) && after.is_some_and(is_joining_letter);
        let is_part_of_writing = match c {
            '\u{fe0e}' | '\u{fe0f}' => last.is_some_and(|c| is_emoji(c) || is_key(c)),
            '\u{200d}' => joins_emoji || joins_letters,
            '\u{200c}' => joins_letters,
            _ => false,
        };
        before = [Some(c), last];
        Some((c, is_hazardous(c) && !is_part_of_writing))
    })
}

/// Whether a character is in a block of emoji, or is one outside of them. No table of a version of Unicode decides.
fn is_emoji(c: char) -> bool {
    matches!(
        c,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{24c2}' | '\u{3030}' | '\u{303d}'
        | '\u{3297}' | '\u{3299}'
        | '\u{2190}'..='\u{21ff}'     // arrows
        | '\u{2300}'..='\u{23ff}'     // technical signs
        | '\u{25a0}'..='\u{27bf}'     // shapes, signs, dingbats
        | '\u{2900}'..='\u{297f}'     // more arrows
        | '\u{2b00}'..='\u{2bff}'
        | '\u{1f000}'..='\u{1faff}'   // pictographs
    )
}

/// What a selector makes a key of, with U+20E3 behind it.
fn is_key(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '#' | '*')
}

/// A boy, a girl, a man, a woman: several of them joined are a family, which is not taken.
fn is_person(c: char) -> bool {
    matches!(c, '\u{1f466}'..='\u{1f469}')
}

/// Whether a character is of a script in which joiners are spelling.
fn is_joining_letter(c: char) -> bool {
    !is_hazardous(c)
        && matches!(
            c,
            '\u{620}'..='\u{dff}'         // Arabic to Sinhala
            | '\u{1000}'..='\u{109f}'     // Myanmar
            | '\u{1780}'..='\u{18af}'     // Khmer and Mongolian
            | '\u{fb50}'..='\u{fdff}'     // Arabic forms
            | '\u{fe70}'..='\u{fefc}'
        )
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
            // Selectors and joiners, where they belong and where they do not.
            ("\u{2642}\u{fe0f}", "\u{2642}\u{fe0f}"),
            ("1\u{fe0f}\u{20e3}", "1\u{fe0f}\u{20e3}"),
            ("\u{1f469}\u{200d}\u{1f680}", "\u{1f469}\u{200d}\u{1f680}"),
            ("\u{1f469}\u{1f3fd}\u{200d}\u{1f680}", "\u{1f469}\u{1f3fd}\u{200d}\u{1f680}"),
            ("\u{1f3f3}\u{fe0f}\u{200d}\u{26a7}\u{fe0f}", "\u{1f3f3}\u{fe0f}\u{200d}\u{26a7}\u{fe0f}"),
            ("\u{63a}\u{6cc}\u{631}\u{200c}\u{62f}", "\u{63a}\u{6cc}\u{631}\u{200c}\u{62f}"),
            ("a\u{fe0f}", "a\\u{fe0f}"),
            ("\u{fe0f}\u{200d}\u{1f680}", "\\u{fe0f}\\u{200d}\u{1f680}"),
            ("\u{2764}\u{fe0f}\u{fe0f}", "\u{2764}\u{fe0f}\\u{fe0f}"),
            ("a\u{200c}b\u{200d}c", "a\\u{200c}b\\u{200d}c"),
            ("\u{62f}\u{200c}", "\u{62f}\\u{200c}"),
            ("\u{62f}\u{200c}\u{200c}\u{62f}", "\u{62f}\\u{200c}\\u{200c}\u{62f}"),
        ];
        for (outside, shown) in cases {
            assert_eq!(Escaped(outside).to_string(), shown);
        }
    }

    proptest! {
        #[test]
        fn nothing_hazardous_survives(text in any::<String>()) {
            prop_assert_eq!(hazards(&Escaped(&text).to_string()).next(), None);
        }

        /// What is spelled out makes no neighbour of what it stands between.
        #[test]
        fn no_joiner_of_a_shown_text_is_without_its_neighbours(text in "[a1\u{1f469}\u{2764}\u{62f}\u{200c}\u{200d}\u{fe0f}\u{202e}]{0,8}") {
            let shown = Escaped(&text).to_string();
            prop_assert_eq!(hazards(&shown).next(), None, "{:?} {:?}", text, shown);
        }
    }
}
