//! What helps with a line while it is typed: Tab offers what may come where the cursor is, the line is painted, and the history
//! offers its rest.

use super::names::Names;
use super::paint::{is_repainted, painted};
use super::position::position;
use crate::select::Takes;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hinter, HistoryHinter};
use rustyline::validate::Validator;
use rustyline::{Context, Helper};
use std::borrow::Cow;
use vestry_protocol::escape::hazards;
use vestry_terminal::Colour;
use vestry_terminal::colour::Style;

/// Helps with a line while it is typed.
pub(super) struct Help<'r> {
    names: Names<'r>,
    colour: Colour,
    /// The lines of a statement before this one.
    pub(super) waiting: String,
}

impl<'r> Help<'r> {
    pub(super) fn new(names: Names<'r>, colour: Colour) -> Self {
        Self { names, colour, waiting: String::new() }
    }
}

impl Completer for Help<'_> {
    type Candidate = Pair;

    fn complete(&self, line: &str, cursor: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (before, behind) = line.split_at_checked(cursor).unwrap_or((line, ""));
        let place = position(&self.waiting, before, behind);
        let offered = match place.takes {
            Takes::Words(words) => words.into_iter().map(pair).collect(),
            Takes::Name(begun) => {
                let found = self.names.beginning(&begun);
                let mut pairs: Vec<Pair> =
                    found.names.into_iter().filter(|name| is_plain(name)).map(pair).collect();
                // Beside what was typed, no longer begin is common to all of them.
                pairs.extend(
                    found
                        .has_more
                        .then(|| Pair { display: "... more: type on".to_owned(), replacement: begun }),
                );
                pairs
            }
        };
        Ok((place.start, offered))
    }
}

/// A word that is whole has a blank behind it.
fn pair(word: String) -> Pair {
    let blank = if word.ends_with('(') { "" } else { " " };
    Pair { replacement: format!("{word}{blank}"), display: word }
}

/// What a hostile server calls a name is not typed.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The rest of the newest line of the history that begins so. Without colour it could not be told from what was typed.
impl Hinter for Help<'_> {
    type Hint = String;

    fn hint(&self, line: &str, cursor: usize, context: &Context<'_>) -> Option<String> {
        if !self.colour.is_on() || !self.waiting.is_empty() {
            return None;
        }
        // A statement of several lines would be shown as one; what would drive the terminal stands in no hint.
        HistoryHinter::new().hint(line, cursor, context).filter(|hint| hazards(hint).next().is_none())
    }
}

impl Highlighter for Help<'_> {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        painted(self.colour, &self.waiting, line).map_or(Cow::Borrowed(line), Cow::Owned)
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(self.colour.paint(Style::Faint, hint).to_string())
    }

    fn highlight_char(&self, line: &str, cursor: usize, kind: CmdKind) -> bool {
        let is_at_end = cursor == line.len();
        self.colour.is_on()
            && kind != CmdKind::MoveCursor
            && (!is_at_end || is_repainted(self.colour, &self.waiting, line))
    }
}
impl Validator for Help<'_> {}
impl Helper for Help<'_> {}
