//! What the Tab key offers: commands, views, their columns, and the words of a select. Asks no server.

use super::vocabulary;
use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

/// Completes the word before the cursor.
#[derive(Debug, Clone)]
pub(super) struct Completion {
    words: Vec<String>,
}

impl Completion {
    /// Returns what completes everything that can be typed at the prompt.
    pub(super) fn of_the_prompt() -> Self {
        Self { words: vocabulary::words() }
    }

    /// Returns where the word before the cursor begins, and what it may become.
    fn complete(&self, before: &str) -> (usize, Vec<String>) {
        let start = before.rfind(|c: char| c.is_whitespace() || "(,=".contains(c)).map_or(0, |at| at + 1);
        let begun = before.get(start..).unwrap_or_default();
        let fits = |word: &&String| !begun.is_empty() && word.starts_with(begun);
        (start, self.words.iter().filter(fits).cloned().collect())
    }
}

impl Completer for Completion {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.complete(line.get(..position).unwrap_or(line)))
    }
}

impl Hinter for Completion {
    type Hint = String;
}

impl Highlighter for Completion {}
impl Validator for Completion {}
impl Helper for Completion {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_begun_word_is_completed() {
        let completion = Completion::of_the_prompt();
        let offered = |before: &str, words: &[&str]| {
            assert_eq!(completion.complete(before).1, words, "{before}");
        };
        offered("select * from op", &["opens", "operators"]);
        offered("select count(em", &["email"]);
        offered("jo", &["join", "join-string"]);
        offered("thr", &["throttle"]);
        offered("throttle cl", &["clear"]);
        offered("import people.csv --dr", &["--dry-run"]);
        offered("dri", &[]);
        offered("select ", &[]);
        assert_eq!(completion.complete("select count(em").0, 13);
        assert_eq!(completion.complete("é no").0, 3);
    }
}
