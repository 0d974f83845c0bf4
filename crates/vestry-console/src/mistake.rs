//! A statement or a condition that the server does not run: where it is wrong, and what was probably meant.

use crate::excerpt::{cut_at_words, only_place, shortened, window};
use crate::sql::{self, KEYWORDS, PieceKind, nearest, pieces};
use std::fmt;
use unicode_width::UnicodeWidthStr;
use vestry_client::sentence::sentence;
use vestry_protocol::admin::View;
use vestry_protocol::escape::Escaped;
use vestry_protocol::query_fault::{FaultKind, QueryFault};
use vestry_protocol::refusal::Refusal;
use vestry_protocol::views::{self, Columns};

/// How far what was typed stands from the left where it is shown once more.
const INDENT: usize = 2;

/// What was typed and is sent, to point into it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The statement, or the condition.
    text: &'a str,
    /// Bytes that were put before it.
    before: usize,
    /// Where it is the condition of a list.
    view: Option<&'static Columns>,
}

impl<'a> Asked<'a> {
    /// A whole statement.
    pub(crate) fn statement(text: &'a str) -> Self {
        Self { text, before: 0, view: None }
    }

    /// The condition of a list; `before` says how many bytes of ours stand before it.
    pub(crate) fn condition(view: View, filter: Option<&'a str>, before: usize) -> Self {
        let view = match view {
            View::Accounts => &views::ACCOUNTS,
            View::Sessions => &views::SESSIONS,
            View::Audit => &views::AUDIT,
            View::Operators => &views::OPERATORS,
        };
        Self { text: filter.unwrap_or_default(), before, view: Some(view) }
    }
}

/// A mistake in what was typed.
#[derive(Debug)]
pub(crate) struct Mistake {
    text: String,
    /// A byte of the text, or its end.
    at: Option<usize>,
    kind: Option<FaultKind>,
    word: String,
    said: String,
    view: Option<&'static Columns>,
}

/// Where a mistake is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown<'a> {
    /// How wide the screen is.
    pub(crate) columns: usize,
    /// The line of the prompt that stands above, and how wide what stands before it is.
    pub(crate) line: Option<(&'a str, usize)>,
    /// Whether the commands of the prompt can be typed.
    pub(crate) at_prompt: bool,
}

impl Mistake {
    /// What a server refused of what was asked. A place that is none in the text is no place.
    pub(crate) fn new(asked: Asked<'_>, refusal: &Refusal, fault: &QueryFault) -> Self {
        let end = asked.text.trim_end().len();
        let place = fault.at.and_then(|at| usize::try_from(at).ok()?.checked_sub(asked.before));
        let is_behind = asked.before > 0 && place.is_some_and(|at| at >= end);
        let word = fault.word.clone().unwrap_or_default();
        let said = match is_behind {
            // What is wrong there are words of ours.
            true => "the condition is not complete".to_owned(),
            false => {
                let short = shortened(&Escaped(&word).to_string());
                let said = sentence(refusal);
                if word.is_empty() { said } else { said.replace(&Escaped(&word).to_string(), &short) }
            }
        };
        Self {
            text: asked.text.to_owned(),
            at: place.map(|at| asked.text.floor_char_boundary(at.min(end))),
            kind: fault.kind.known().copied().filter(|_| !is_behind),
            word,
            said,
            view: asked.view,
        }
    }

    /// Returns the line with the mistake and a caret below its place, or the caret alone where the line stands above. Nothing when
    /// no place is known.
    pub(crate) fn picture(&self, shown: Shown<'_>) -> Option<String> {
        let at = self.at?;
        let begin = self.text.get(..at)?.rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.text.get(at..)?.find('\n').map_or(self.text.len(), |newline| at + newline);
        let (line, before) = (self.text.get(begin..end)?, self.text.get(begin..at)?);
        if let Some((above, indent)) = shown.line
            && end == self.text.len()
            && let Some(place) = only_place(above, line)
            && indent + above.width() < shown.columns
            && !above.contains('\t')
        {
            let column = indent + above.get(..place)?.width() + before.width();
            return Some(format!("{:column$}^", ""));
        }
        let (window, column) = window(line, before.len(), shown.columns.saturating_sub(INDENT + 1));
        Some(format!("{:INDENT$}{window}\n{:caret$}^", "", "", caret = INDENT + column))
    }

    /// Returns what was probably meant, or where to look, on one line.
    pub(crate) fn advice(&self, shown: Shown<'_>) -> Option<String> {
        let (meant, further) = match self.kind? {
            FaultKind::Column => self.column_meant(shown.at_prompt),
            FaultKind::View => {
                let names = views::ALL.map(|view| view.view);
                let further = match shown.at_prompt {
                    true => "\\d lists the views.".to_owned(),
                    false => format!("Views: {}", names.join(", ")),
                };
                (nearest(&self.word, names).map(did_you_mean), further)
            }
            FaultKind::Function => (
                nearest(&self.word, views::FUNCTIONS.iter().copied()).map(did_you_mean),
                "Functions of text, numbers and dates run here.".to_owned(),
            ),
            FaultKind::Syntax => (self.word_meant(), String::new()),
            FaultKind::Other => return None,
        };
        let room = shown.columns.saturating_sub(INDENT);
        Some(match meant {
            // Beside a good guess, the way to all of them is worth no second line.
            Some(meant) if meant.width() + 1 + further.width() > room || !shown.at_prompt => meant,
            Some(meant) => format!("{meant} {further}").trim_end().to_owned(),
            None if further.is_empty() => return None,
            None => cut_at_words(&further, room),
        })
    }

    fn column_meant(&self, at_prompt: bool) -> (Option<String>, String) {
        let named = match self.view {
            Some(view) => vec![view],
            None => sql::views_named(&self.text),
        };
        let searched = if named.is_empty() { views::ALL.iter().collect() } else { named.clone() };
        let further = match (named.as_slice(), at_prompt) {
            ([view], true) => format!("\\d {} lists its columns.", view.view),
            (_, true) => "\\d lists the views and their columns.".to_owned(),
            (_, false) => {
                let all = searched.iter().map(|view| format!("{}: {}", view.view, view.columns.join(", ")));
                all.collect::<Vec<_>>().join("; ")
            }
        };
        if let Some(text) = self.word.strip_prefix('"') {
            let text = shortened(&Escaped(text.trim_end_matches('"')).to_string());
            return (Some(format!("Text stands in single quotes: '{text}'")), further);
        }
        let bare = self.word.rsplit('.').next().unwrap_or_default();
        let has_it = |view: &&Columns| view.columns.iter().any(|column| column.eq_ignore_ascii_case(bare));
        let elsewhere: Vec<&str> = views::ALL.iter().filter(has_it).map(|view| view.view).collect();
        if !elsewhere.is_empty() {
            return (Some(format!("It is a column of {}.", elsewhere.join(", "))), String::new());
        }
        let columns = searched.iter().flat_map(|view| view.columns.iter().copied());
        (nearest(bare, columns).map(did_you_mean), further)
    }

    /// The keyword that was meant by the word that is wrong, or by the one before it, which was taken for a name.
    fn word_meant(&self) -> Option<String> {
        let keyword = |word: &str| {
            nearest(word, KEYWORDS.iter().copied()).filter(|meant| *meant != word.to_lowercase())
        };
        if let Some(meant) = keyword(&self.word) {
            return Some(did_you_mean(meant));
        }
        let before = self.text.get(..self.at?)?;
        let last = pieces(before).pop().filter(|piece| piece.kind == PieceKind::Word)?;
        let typed = last.of(before);
        let is_column = views::ALL.iter().any(|view| view.columns.contains(&typed.to_lowercase().as_str()));
        let meant = keyword(typed).filter(|_| !is_column)?;
        Some(format!("Did you mean {meant} in place of {}?", Escaped(typed)))
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

fn did_you_mean(word: &str) -> String {
    format!("Did you mean {word}?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use vestry_protocol::refusal::RefusalCode;

    fn mistake(text: &str, kind: FaultKind, word: &str, at: Option<u64>) -> Mistake {
        let fault = QueryFault { kind: kind.into(), word: Some(word.to_owned()), at };
        Mistake::new(Asked::statement(text), &Refusal::new(RefusalCode::QueryRefused, "no"), &fault)
    }

    fn shown(columns: usize) -> Shown<'static> {
        Shown { columns, line: None, at_prompt: false }
    }

    #[test]
    fn the_caret_stands_below_its_place_whatever_stands_before_it() {
        let long =
            format!("select {} nam from accounts where {}", "'x', ".repeat(40), "age > 3 and ".repeat(9));
        let at = long.find("nam").unwrap();
        let cases: &[(&str, &str, usize, &str)] = &[
            ("select nam", "nam", 80, "  select nam\n         ^"),
            ("select '漢字', nam", "nam", 80, "  select '漢字', nam\n                 ^"),
            ("select\n\tage,\n\tnam\nfrom accounts", "nam", 80, "   nam\n   ^"),
            ("select \u{1b}, nam", "nam", 80, "  select \\u{1b}, nam\n                 ^"),
            ("select a where", "", 80, "  select a where\n                ^"),
        ];
        for (text, word, columns, expected) in cases {
            let at = if word.is_empty() { text.len() } else { text.find(word).unwrap() };
            let picture = mistake(text, FaultKind::Column, word, Some(at as u64)).picture(shown(*columns));
            assert_eq!(picture.as_deref(), Some(*expected), "{text:?}");
        }
        for columns in [16, 20, 40, 80] {
            let picture =
                mistake(&long, FaultKind::Column, "nam", Some(at as u64)).picture(shown(columns)).unwrap();
            let (line, caret) = picture.split_once('\n').unwrap();
            assert!(line.width() < columns, "{picture}");
            let below: String = line.chars().skip(caret.len() - 1).take(3).collect();
            assert!(below == "nam", "{columns}: {picture}");
            assert!(line.contains('…'));
        }
    }

    #[test]
    fn below_the_line_of_the_prompt_stands_the_caret_alone() {
        let error = mistake("select nam from accounts", FaultKind::Column, "nam", Some(7));
        let below =
            |line| error.picture(Shown { columns: 80, line: Some((line, 8)), at_prompt: true }).unwrap();
        assert_eq!(below("select nam from accounts;"), format!("{:15}^", ""));
        assert_eq!(below(" select nam from accounts;"), format!("{:16}^", ""));
        assert!(below("from accounts;").starts_with("  select nam"));
        assert!(below(&format!("select nam from accounts;{}", " ".repeat(80))).starts_with("  select"));
    }

    #[test]
    fn a_place_that_a_hostile_server_makes_up_is_no_place_in_the_text() {
        for at in [1, 2, 99, u64::MAX] {
            let error = mistake("é = 'é'", FaultKind::Other, "\u{1b}[2J", Some(at));
            assert!(error.picture(shown(20)).is_some_and(|picture| !picture.contains('\u{1b}')));
        }
    }

    #[test]
    fn the_advice_is_one_line_and_names_what_was_meant() {
        let cases: &[(&str, FaultKind, &str, &str, &str)] = &[
            (
                "select nam from accounts",
                FaultKind::Column,
                "nam",
                "Did you mean name?",
                "Did you mean name? \\d accounts lists its columns.",
            ),
            (
                "select a.emial from accounts a",
                FaultKind::Column,
                "a.emial",
                "Did you mean email?",
                "Did you mean email? \\d accounts lists its columns.",
            ),
            (
                "select pin from accounts",
                FaultKind::Column,
                "pin",
                "It is a column of operators.",
                "It is a column of operators.",
            ),
            (
                "select zzz from operators",
                FaultKind::Column,
                "zzz",
                "operators: name, role, pin, created, revoked",
                "\\d operators lists its columns.",
            ),
            (
                "select \"naman\" from accounts",
                FaultKind::Column,
                "\"naman\"",
                "Text stands in single quotes: 'naman'",
                "Text stands in single quotes: 'naman' \\d accounts lists its columns.",
            ),
            (
                "select 1 from acounts",
                FaultKind::View,
                "acounts",
                "Did you mean accounts?",
                "Did you mean accounts? \\d lists the views.",
            ),
            (
                "select lenght(1)",
                FaultKind::Function,
                "lenght",
                "Did you mean length?",
                "Did you mean length? Functions of text, numbers and dates run here.",
            ),
            ("select * form accounts", FaultKind::Syntax, "form", "Did you mean from?", "Did you mean from?"),
            (
                "select name form accounts",
                FaultKind::Syntax,
                "accounts",
                "Did you mean from in place of form?",
                "Did you mean from in place of form?",
            ),
        ];
        for (text, kind, word, in_a_shell, at_the_prompt) in cases {
            let error = mistake(text, *kind, word, text.find(word).map(|at| at as u64));
            assert_eq!(error.advice(shown(80)).as_deref(), Some(*in_a_shell), "{text}");
            let prompt = Shown { at_prompt: true, ..shown(80) };
            assert_eq!(error.advice(prompt).as_deref(), Some(*at_the_prompt), "{text}");
            for columns in [20, 40] {
                let advice = error.advice(Shown { at_prompt: true, ..shown(columns) }).unwrap();
                assert!(columns < 40 || advice.width() + INDENT <= columns, "{advice}");
            }
        }
        assert_eq!(mistake("select 1 from", FaultKind::Syntax, "name", Some(9)).advice(shown(80)), None);
    }

    #[test]
    fn what_stands_before_a_condition_is_subtracted_and_what_stands_behind_is_its_end() {
        let at = |at| {
            let fault =
                QueryFault { kind: FaultKind::Syntax.into(), word: Some(")".to_owned()), at: Some(at) };
            let asked = Asked::condition(View::Accounts, Some("age > "), 1);
            Mistake::new(asked, &Refusal::new(RefusalCode::QueryRefused, "near \")\""), &fault)
        };
        assert_eq!(at(5).to_string(), "near \")\"");
        assert_eq!(at(5).at, Some(4));
        assert_eq!((at(7).to_string().as_str(), at(7).at), ("the condition is not complete", Some(5)));
        assert_eq!(at(0).at, None);
    }

    #[test]
    fn a_long_word_is_cut_where_it_is_told() {
        let word = "a".repeat(30_000);
        let fault = QueryFault { kind: FaultKind::Column.into(), word: Some(word.clone()), at: Some(7) };
        let refusal = Refusal::new(RefusalCode::QueryRefused, format!("no such column: {word}"));
        let error = Mistake::new(Asked::statement(&format!("select {word}")), &refusal, &fault);
        assert_eq!(error.to_string(), format!("no such column: {}…", "a".repeat(40)));
    }

    proptest! {
        #[test]
        fn the_caret_stands_below_some_place_of_one_line_that_fits(
            text in "[a é漢\t\n\u{1b}\u{200b}]{0,120}",
            at in 0_u64..500,
            columns in 12_usize..100,
        ) {
            let error = mistake(&text, FaultKind::Column, "a", Some(at));
            let picture = error.picture(shown(columns)).unwrap_or_default();
            let lines: Vec<&str> = picture.lines().collect();
            prop_assert!(lines.len() == 2 && lines.iter().all(|line| line.width() <= columns), "{:?}", picture);
            prop_assert!(lines.iter().all(|line| vestry_protocol::escape::hazards(line).next().is_none()));
        }
    }
}
