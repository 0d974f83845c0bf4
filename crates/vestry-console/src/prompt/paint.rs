//! The line while it is typed, in colour: nothing is told by colour alone, the line reads the same without.

use super::step::may_begin;
use super::vocabulary;
use crate::sql::{self, KEYWORDS, Piece, PieceKind, pieces};
use std::fmt::Write;
use vestry_terminal::Colour;
use vestry_terminal::colour::Style;

/// A longer line is not painted: it is drawn once a key.
const BYTES_MAX: usize = 8 * 1024;

/// Returns the line with its colours; `waiting` are the lines of its statement before it.
pub(super) fn painted(colour: Colour, waiting: &str, line: &str) -> Option<String> {
    if !colour.is_on() || waiting.len() + line.len() > BYTES_MAX {
        return None;
    }
    let first = line.split_whitespace().next().unwrap_or_default();
    let begin = waiting.len() + line.find(first).unwrap_or_default();
    let is_first = |at: usize| waiting.is_empty() && at == begin;
    let whole = format!("{waiting}{line}");
    let mut text = String::new();
    let mut upto = waiting.len();
    let is_command = waiting.is_empty() && vocabulary::is_command(&first.to_ascii_lowercase());
    let cut = if is_command { quoted_and_first(&whole) } else { pieces(&whole) };
    for piece in cut {
        // What began in a line before goes on in this one.
        let (from, to) = (piece.at.start.max(waiting.len()), piece.at.end);
        if to <= waiting.len() {
            continue;
        }
        let word = piece.of(&whole);
        let style = match piece.kind {
            _ if is_first(piece.at.start) && !may_begin(first) => Some(Style::Wrong),
            PieceKind::Word if is_first(piece.at.start) && is_command => Some(Style::Strong),
            PieceKind::Word if is_keyword(word) => Some(Style::Strong),
            PieceKind::Quoted if sql::is_ended(word) => Some(Style::Quoted),
            PieceKind::Comment => Some(Style::Faint),
            PieceKind::Word | PieceKind::Quoted | PieceKind::Number | PieceKind::Sign => None,
        };
        text.push_str(whole.get(upto..from).unwrap_or_default());
        let part = whole.get(from..to).unwrap_or_default();
        match style {
            Some(style) => write!(text, "{}", colour.paint(style, part)).ok()?,
            None => text.push_str(part),
        }
        upto = to;
    }
    text.push_str(whole.get(upto..).unwrap_or_default());
    Some(text)
}

/// The first word of a command and what is in quotes, as a shell has them: `--` begins an option there, and no comment.
fn quoted_and_first(line: &str) -> Vec<Piece> {
    let begin = line.len() - line.trim_start().len();
    let end = line.trim_start().find(char::is_whitespace).map_or(line.len(), |length| begin + length);
    let mut cut = vec![Piece { kind: PieceKind::Word, at: begin..end }];
    let mut open = None;
    for (at, c) in line.char_indices().filter(|(at, c)| *at >= end && matches!(c, '\'' | '"')) {
        match open {
            None => open = Some((at, c)),
            Some((from, quote)) if quote == c => {
                cut.push(Piece { kind: PieceKind::Quoted, at: from..at + 1 });
                open = None;
            }
            Some(_) => {}
        }
    }
    cut
}

/// Whether the last character of a line changes how those before it look: only then is all of it drawn once more.
pub(super) fn is_repainted(colour: Colour, waiting: &str, line: &str) -> bool {
    let Some((before, last)) = line.char_indices().next_back().and_then(|(at, _)| line.split_at_checked(at))
    else {
        return false;
    };
    let painted = |line| painted(colour, waiting, line).unwrap_or_else(|| line.to_owned());
    painted(line) != painted(before) + last
}

fn is_keyword(word: &str) -> bool {
    KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use vestry_terminal::colour::When;

    fn marked(waiting: &str, line: &str) -> String {
        let text = painted(Colour::decide(When::Always, false, |_| None), waiting, line).unwrap();
        let marks = [
            ("\u{1b}[31m", "<red "),
            ("\u{1b}[1m", "<b "),
            ("\u{1b}[32m", "<q "),
            ("\u{1b}[90m", "<dim "),
            ("\u{1b}[0m", ">"),
        ];
        marks.iter().fold(text, |text, (code, mark)| text.replace(code, mark))
    }

    #[test]
    fn commands_keywords_texts_and_comments_stand_out_and_an_unknown_word_is_red() {
        for (waiting, line, expected) in [
            ("", "select name from accounts", "<b select> name <b from> accounts"),
            ("", "select 'a' -- b", "<b select> <q 'a'> <dim -- b>"),
            ("", "accounts --where 'age > 3' --desc", "<b accounts> --where <q 'age > 3'> --desc"),
            ("", "accont show x", "<red accont> show x"),
            ("", "acc", "acc"),
            ("", "select 'a", "<b select> 'a"),
            ("", "\\d accounts", "\\d accounts"),
            ("", "  selct 1", "  <red selct> 1"),
            ("select 'a\n", "b' from x", "<q b'> <b from> x"),
            ("", "\u{e9}", "<red \u{e9}>"),
            ("", "", ""),
        ] {
            assert_eq!(marked(waiting, line), expected, "{line}");
        }
        let colour = Colour::decide(When::Always, false, |_| None);
        let repainted = |line: &str| {
            (1..=line.len()).filter(|end| is_repainted(colour, "", line.get(..*end).unwrap())).count()
        };
        // Once for each word that turns out to be one, and once for the text.
        assert_eq!(repainted("select 'text' from accounts"), 3);
        assert_eq!(painted(Colour::decide(When::Never, true, |_| None), "", "select"), None);
    }

    proptest! {
        #[test]
        fn a_painted_line_is_the_line(
            waiting in "(select '\n|select \\(\n|/\\*\n)?",
            line in "(select|accounts|sel|xx)?[a;'\"\\[\\]`/*é漢 \\\\-]{0,30}",
        ) {
            let colour = Colour::decide(When::Always, false, |_| None);
            let mut text = painted(colour, &waiting, &line).unwrap();
            for code in ["\u{1b}[31m", "\u{1b}[1m", "\u{1b}[32m", "\u{1b}[90m", "\u{1b}[0m"] {
                text = text.replace(code, "");
            }
            prop_assert_eq!(text, line);
        }
    }
}
