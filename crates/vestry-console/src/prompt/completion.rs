//! What the Tab key offers: commands, views, their columns, and the words of a select. Asks no server.

use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

/// Commands that can be typed at the prompt, with what follows them.
pub(super) const COMMANDS: &[&str] = &[
    "accounts",
    "account",
    "audit",
    "backup",
    "exit",
    "help",
    "join-string",
    "operators",
    "quit",
    "sessions",
    "sql",
    "status",
];

#[rustfmt::skip]
const WORDS: &[&str] = &[
    // Behind a command.
    "create", "delete", "reset", "restore", "resume", "revoke", "show", "suspend", "verify",
    "--after", "--columns", "--confirm", "--desc", "--dry-run", "--follow", "--format", "--limit", "--passphrase-file", "--reason", "--sort", "--until",
    "--where",
    // Of a select.
    "and", "count(*)", "from", "group by", "having", "is not null", "is null", "join", "like", "limit", "order by",
    "py3", "select", "where", "with",
    // Columns of the views.
    "action", "actor", "actor_kind", "age", "at", "created", "credential", "detail", "device", "email", "expires",
    "gender", "id", "last_login", "last_used", "name", "pass", "pin", "revoked", "role", "source", "status", "subject",
];

/// Completes the word before the cursor.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Completion;

impl Completer for Completion {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(line.get(..position).unwrap_or(line)))
    }
}

fn complete(before: &str) -> (usize, Vec<String>) {
    let start = before.rfind(|c: char| c.is_whitespace() || "(,=".contains(c)).map_or(0, |at| at + 1);
    let begun = before.get(start..).unwrap_or_default();
    let mut offered: Vec<String> = COMMANDS
        .iter()
        .chain(WORDS)
        .filter(|word| word.starts_with(begun))
        .map(|word| (*word).to_owned())
        .collect();
    offered.sort();
    (start, if begun.is_empty() { Vec::new() } else { offered })
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
        assert_eq!(complete("select * from op"), (14, vec!["operators".to_owned()]));
        assert_eq!(complete("select count(em"), (13, vec!["email".to_owned()]));
        assert_eq!(complete("jo"), (0, vec!["join".to_owned(), "join-string".to_owned()]));
        assert_eq!(complete("select "), (7, Vec::new()));
        assert_eq!(complete("é no"), (3, Vec::new()));
    }
}
