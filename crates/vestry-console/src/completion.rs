//! What a shell completes: views and columns, in a statement, too. It asks no server, so that no key that is pressed is an event.

use crate::select::{Takes, fitting, in_sql};
use crate::sql::view_called;
use std::env::args_os;
use std::ffi::OsStr;
use vestry_protocol::views::{self, Columns};
use vestry_terminal::pages::CompletionCandidate;

/// Returns the columns of the view that the command lists.
pub(crate) fn columns() -> Vec<CompletionCandidate> {
    view_of_command().columns.iter().map(|column| CompletionCandidate::new(*column)).collect()
}

/// Returns what an expression over that view may go on with.
pub(crate) fn expression(typed: &OsStr) -> Vec<CompletionCandidate> {
    typed.to_str().map_or_else(Vec::new, |typed| going_on(typed, Some(view_of_command())))
}

/// Returns what a statement may go on with.
pub(crate) fn statement(typed: &OsStr) -> Vec<CompletionCandidate> {
    match typed.to_str() {
        None => Vec::new(),
        Some(typed) if typed.contains(char::is_whitespace) => going_on(typed, None),
        Some(typed) => {
            fitting(vec!["select".to_owned()], typed).into_iter().map(CompletionCandidate::new).collect()
        }
    }
}

/// The text with its last word completed by each that the prompt offers there, but for calls: a parenthesis is the shell's.
fn going_on(typed: &str, view: Option<&'static Columns>) -> Vec<CompletionCandidate> {
    let place = in_sql("", typed, "", view);
    let (Takes::Words(words), Some(before)) = (place.takes, typed.get(..place.start)) else {
        return Vec::new();
    };
    let words = words.into_iter().filter(|word| !word.contains('('));
    words.map(|word| CompletionCandidate::new(format!("{before}{word}"))).collect()
}

/// Returns the view that the command of the line lists; that of accounts for every other.
fn view_of_command() -> &'static Columns {
    args_os().find_map(|word| view_called(word.to_str()?)).unwrap_or(&views::ACCOUNTS)
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
