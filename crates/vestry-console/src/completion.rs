//! What a shell completes: views and columns, in a statement, too. It asks no server, so that no key that is pressed is an event.

use std::env::args_os;
use std::ffi::OsStr;
use vestry_protocol::views::{self, Columns};
use vestry_terminal::pages::CompletionCandidate;

/// Behind these words of a statement comes a view.
const BEFORE_A_VIEW: [&str; 2] = ["from", "join"];

/// Returns the columns of the view that the command lists.
pub(crate) fn columns() -> Vec<CompletionCandidate> {
    view_of_command().columns.iter().map(|column| CompletionCandidate::new(*column)).collect()
}

/// Returns what an expression over that view may go on with.
pub(crate) fn expression(typed: &OsStr) -> Vec<CompletionCandidate> {
    last_word(typed, |_| view_of_command().columns.to_vec())
}

/// Returns what a statement may go on with: views behind `from`, else columns of the views that it names.
pub(crate) fn statement(typed: &OsStr) -> Vec<CompletionCandidate> {
    last_word(typed, |before| {
        let words: Vec<String> = before.split_whitespace().map(str::to_ascii_lowercase).collect();
        match words.last().map(String::as_str) {
            None => vec!["select"],
            Some(word) if BEFORE_A_VIEW.contains(&word) => views::ALL.iter().map(|view| view.view).collect(),
            Some(_) => {
                let named =
                    |view: &&Columns| words.iter().any(|word| word.trim_matches([',', ';']) == view.view);
                let some: Vec<&Columns> = views::ALL.iter().filter(named).collect();
                let shown = if some.is_empty() { views::ALL.iter().collect() } else { some };
                let columns = shown.iter().flat_map(|view| view.columns.iter().copied());
                columns.chain(["from", "where", "order by", "group by", "limit", "join"]).collect()
            }
        }
    })
}

/// Returns the text with its last word completed by each that fits.
fn last_word(typed: &OsStr, words: impl FnOnce(&str) -> Vec<&'static str>) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let before = typed.trim_end_matches(is_name);
    let begun = typed.get(before.len()..).unwrap_or_default();
    let mut fitting: Vec<&str> = words(before).into_iter().filter(|word| word.starts_with(begun)).collect();
    fitting.sort_unstable();
    fitting.dedup();
    fitting.into_iter().map(|word| CompletionCandidate::new(format!("{before}{word}"))).collect()
}

/// Returns the view that the command of the line lists; that of accounts for every other.
fn view_of_command() -> Columns {
    let named = args_os().find_map(|word| views::ALL.iter().find(|view| word == view.view).copied());
    named.unwrap_or(views::ACCOUNTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(text: &str) -> Vec<String> {
        let candidates = statement(OsStr::new(text));
        candidates.iter().map(|candidate| candidate.get_value().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_statement_goes_on_with_views_and_their_columns() {
        assert_eq!(completed("s"), ["select"]);
        assert_eq!(completed("select * from ac"), ["select * from accounts"]);
        assert_eq!(
            completed("select * FROM "),
            views::ALL
                .map(|view| format!("select * FROM {}", view.view))
                .into_iter()
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .collect::<Vec<_>>()
        );
        assert_eq!(
            completed("select * from audit where act"),
            ["action", "actor", "actor_kind"].map(|column| format!("select * from audit where {column}"))
        );
        assert_eq!(
            completed("select email, la"),
            ["lane", "last_login", "last_used"].map(|column| format!("select email, {column}"))
        );
        assert_eq!(completed("select * from py3 ord"), ["select * from py3 order by"]);
    }
}
