//! What may come at a place in a select, or in a condition.

use crate::sql::{self, KEYWORDS, PieceKind, pieces, view_called, views_named};
use vestry_protocol::views::{self, Columns};

/// What may come where the cursor is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// At which byte the word begins that is completed.
    pub(crate) start: usize,
    pub(crate) takes: Takes,
}

/// What a word may become.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// One of these; a blank comes behind it where it is whole.
    Words(Vec<String>),
    /// The name of an account that begins so.
    Name(String),
}

/// What follows a name or a value in a select.
#[rustfmt::skip]
pub(crate) const BEHIND_A_VALUE: &[&str] = &[
    "and", "as", "asc", "between", "cross join", "desc", "from", "group by", "having", "in (", "is not null", "is null", "join",
    "left join", "like", "limit", "not", "on", "or", "order by", "union", "union all", "where",
];

/// What may begin a value, besides a column.
const BEFORE_A_VALUE: &[&str] = &["all", "case", "cast(", "distinct", "exists (", "not", "null"];

pub(crate) fn words_at(start: usize, words: Vec<String>) -> Position {
    Position { start, takes: Takes::Words(words) }
}

/// Those that a word may become, in order; in capitals where it is typed so.
pub(crate) fn fitting(mut words: Vec<String>, typed: &str) -> Vec<String> {
    let small = typed.to_lowercase();
    words.retain(|word| word.starts_with(&small));
    words.sort_unstable();
    words.dedup();
    if typed.len() > 1 && typed.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
        words.iter_mut().for_each(|word| word.make_ascii_uppercase());
    }
    words
}

/// What may come behind a part of a statement, or of a condition of a view.
pub(crate) fn in_sql(waiting: &str, before: &str, behind: &str, view: Option<&'static Columns>) -> Position {
    let text = format!("{waiting}{before}");
    let mut cut = pieces(&text);
    let nowhere = || words_at(before.len(), Vec::new());
    let begun = match cut.last() {
        Some(last) if last.at.end == text.len() => match last.kind {
            PieceKind::Word => cut.pop(),
            PieceKind::Quoted | PieceKind::Comment | PieceKind::Number => return nowhere(),
            PieceKind::Sign => None,
        },
        // A comment to the end of its line ends with the line.
        _ => None,
    };
    let typed = begun.as_ref().map_or("", |piece| piece.of(&text));
    let Some(start) = before.len().checked_sub(typed.len()) else { return nowhere() };
    let whole = format!("{text}{behind}");
    let named = match view {
        Some(view) => vec![view],
        None => views_named(&whole),
    };
    let last = cut.iter().rev().find(|piece| piece.kind != PieceKind::Comment);
    let previous = last.map_or("", |piece| piece.of(&text)).to_lowercase();
    let offered = match previous.as_str() {
        "." => columns_of(&whole, &cut, &text),
        "from" | "join" => views::ALL.iter().map(|view| view.view.to_owned()).collect(),
        // Between `from` and the next keyword, a comma parts views.
        "," if clause(&cut, &text) == Some("from") => {
            views::ALL.iter().map(|view| view.view.to_owned()).collect()
        }
        _ => {
            let ends_a_value = last.is_some_and(|piece| match piece.kind {
                PieceKind::Word => {
                    !KEYWORDS.contains(&previous.as_str()) || ["end", "null"].contains(&previous.as_str())
                }
                PieceKind::Quoted | PieceKind::Number => true,
                PieceKind::Sign => {
                    previous == ")" || (previous == "*" && clause(&cut, &text) == Some("select"))
                }
                PieceKind::Comment => false,
            });
            match ends_a_value {
                true => BEHIND_A_VALUE.iter().map(|word| (*word).to_owned()).collect(),
                false => values_of(&named, typed.is_empty()),
            }
        }
    };
    words_at(start, fitting(offered, typed))
}

/// The columns of what stands before a dot: a view, or another name of one.
fn columns_of(whole: &str, cut: &[sql::Piece], text: &str) -> Vec<String> {
    let name = cut.len().checked_sub(2).and_then(|place| cut.get(place)).map_or("", |piece| piece.of(text));
    let all = pieces(whole);
    let renamed = all.iter().enumerate().find_map(|(place, piece)| {
        let view = view_called(piece.of(whole))?;
        let mut behind = all.iter().skip(place + 1).map(|piece| piece.of(whole));
        let next = behind.next().filter(|word| !word.eq_ignore_ascii_case("as")).or_else(|| behind.next())?;
        (next.eq_ignore_ascii_case(name) && !name.is_empty()).then_some(view)
    });
    let view = renamed.or_else(|| view_called(name));
    view.iter().flat_map(|view| view.columns).map(|column| (*column).to_owned()).collect()
}

/// The clause that the end of a statement is in.
fn clause(cut: &[sql::Piece], text: &str) -> Option<&'static str> {
    const CLAUSES: [&str; 8] = ["select", "from", "where", "group", "having", "order", "limit", "on"];
    cut.iter()
        .rev()
        .find_map(|piece| CLAUSES.into_iter().find(|clause| clause.eq_ignore_ascii_case(piece.of(text))))
}

/// The columns of the views that a statement names, of all when it names none; and, once something is typed, what else a value may
/// begin with.
fn values_of(named: &[&'static Columns], is_empty: bool) -> Vec<String> {
    let all: Vec<&Columns> = if named.is_empty() { views::ALL.iter().collect() } else { named.to_vec() };
    let columns = all.iter().flat_map(|view| view.columns).map(|column| (*column).to_owned());
    if is_empty {
        return columns.collect();
    }
    let functions = views::FUNCTIONS.iter().map(|name| format!("{name}("));
    let names = all.iter().map(|view| view.view.to_owned());
    let others = BEFORE_A_VALUE.iter().chain(&["from", "by"]).map(|word| (*word).to_owned());
    columns.chain(functions).chain(names).chain(others).collect()
}
