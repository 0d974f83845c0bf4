//! What the Tab key does: offers what may come where the cursor is.

use super::names::Names;
use super::position::position;
use super::select::Takes;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

/// Helps with a line while it is typed.
pub(super) struct Help<'r> {
    names: Names<'r>,
    /// The lines of a statement before this one.
    pub(super) waiting: String,
}

impl<'r> Help<'r> {
    pub(super) fn new(names: Names<'r>) -> Self {
        Self { names, waiting: String::new() }
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

impl Hinter for Help<'_> {
    type Hint = String;
}

impl Highlighter for Help<'_> {}
impl Validator for Help<'_> {}
impl Helper for Help<'_> {}
