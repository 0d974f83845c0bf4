//! Times of the views beside times that a statement writes: text compares by its characters, so there is one spelling.
//!
//! The views write `2026-11-27T10:56:07Z` (RFC 3339), SQLite's `datetime` writes a space and no `Z`, and every `T` is greater than a
//! space: what was later than now would be all of today. So `datetime` and `current_timestamp` write what the views do, and a
//! comparison with what is written in another way is refused with what works.

use super::error::QueryError;
use super::words::{Placed, Word};
use rusqlite::types::Value;
use rusqlite::{Connection, Error, params_from_iter};
use vestry_protocol::escape::Escaped;
use vestry_protocol::views;

/// The columns of the views that are times.
pub(super) const TIME_COLUMNS: &[&str] =
    &["created", "last_login", "last_used", "expires", "at", "revoked", "failed", "opens", "suspended_until"];

/// What makes a number, or a part of a day.
const OTHER_FUNCTIONS: &[&str] = &["unixepoch", "julianday", "time", "current_time", "timediff"];

/// What stands behind an operand, at the latest.
const ENDS: &[&str] = &["and", "or", "then", "else", "when", "group", "order", "limit", "union", "having"];

/// What answers one of the times among its arguments, or the begin of one.
const KEEP_TIMES: &[&str] = &[
    "coalesce",
    "ifnull",
    "likelihood",
    "likely",
    "ltrim",
    "max",
    "min",
    "nullif",
    "rtrim",
    "substr",
    "substring",
    "trim",
    "unlikely",
    "upper",
];

/// What may stand before a parenthesis and calls nothing.
const NO_FUNCTIONS: &[&str] = &[
    "and", "between", "by", "case", "distinct", "else", "having", "not", "on", "or", "select", "then",
    "when", "where",
];

/// How a time begins, however much of it is written: digits where this has one.
const SHAPE: &[u8] = b"0000-00-00T00:00:00";

/// What `datetime` answers to these arguments, by this connection; in the spelling of the views, and without the `Z` where it is
/// the local time of the server.
pub(super) fn datetime(connection: &Connection, arguments: &[Option<String>]) -> Result<Value, Error> {
    let is_local =
        arguments.iter().skip(1).flatten().any(|text| text.trim().eq_ignore_ascii_case("localtime"));
    let zone = if is_local { "" } else { "Z" };
    let places = (1..=arguments.len()).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ");
    let mut statement = connection.prepare_cached(&format!("select datetime({places})"))?;
    let written: Option<String> = statement.query_row(params_from_iter(arguments), |row| row.get(0))?;
    Ok(written.map_or(Value::Null, |text| Value::Text(format!("{}{zone}", text.replacen(' ', "T", 1)))))
}

/// Refuses a comparison of a time of the views with what is no time in their spelling: rows would come, and not the right ones.
pub(super) fn require_times_that_compare(statement: &[Placed]) -> Result<(), QueryError> {
    let placed: Vec<&Placed> = statement.iter().filter(|placed| placed.word != Word::Comment).collect();
    let words: Vec<&Word> = placed.iter().map(|placed| &placed.word).collect();
    for (place, word) in words.iter().enumerate() {
        // What these answer is written as the columns are.
        let answers_times =
            |name: &str| ["datetime", "current_timestamp"].contains(&name.to_ascii_lowercase().as_str());
        let is_time = |name: &str| {
            TIME_COLUMNS.iter().any(|time| time.eq_ignore_ascii_case(name)) || answers_times(name)
        };
        let Some(column) = word.as_name().filter(|name| is_time(name)) else { continue };
        let Operand { begin, end, is_lowered } = Operand::around(&words, place);
        let (before, behind) = (words.get(..begin).unwrap_or_default(), words.get(end..).unwrap_or_default());
        let at = placed.get(place).map_or(0, |placed| placed.at);
        for operand in operands_behind(behind).into_iter().chain([operand_before(before)]) {
            require_a_time(column, operand).map_err(|error| error.at(at))?;
            if is_lowered && !operand.is_empty() {
                let column = Escaped(column);
                let reason =
                    format!("lower() writes {column} as no other time is written; compare {column} itself");
                return Err(QueryError::refused(reason).at(at));
            }
        }
    }
    Ok(())
}

/// What a column is a part of that is compared as a time.
struct Operand {
    begin: usize,
    end: usize,
    /// `T` and `Z` have become small letters.
    is_lowered: bool,
}

impl Operand {
    /// The column at this place, with the name of its view before it, and what keeps its time around it: functions, parentheses
    /// that hold nothing else, and a collation behind.
    fn around(words: &[&Word], place: usize) -> Self {
        let is_view = |place: usize| words.get(place).is_some_and(|word| word.as_name().is_some());
        let begin = match place.checked_sub(2) {
            Some(view) if words.get(view + 1) == Some(&&Word::Sign('.')) && is_view(view) => view,
            _ => place,
        };
        let is_called = words.get(place + 1) == Some(&&Word::Sign('('));
        let end = if is_called { place + 1 + call_length(words.get(place + 1..)) } else { place + 1 };
        let mut operand = Self { begin, end, is_lowered: false };
        loop {
            if words.get(operand.end).is_some_and(|word| word.is_one_of(&["collate"])) {
                operand.end += 2;
            }
            let Some((open, close)) = parentheses_around(words, operand.begin, operand.end) else {
                return operand;
            };
            let holds_nothing_else = open + 1 == operand.begin && close == operand.end;
            let before = open.checked_sub(1).and_then(|before| words.get(before));
            match before {
                Some(name) if name.is_one_of(KEEP_TIMES) => operand.begin = open - 1,
                Some(name) if name.is_one_of(&["lower"]) => {
                    operand.begin = open - 1;
                    operand.is_lowered = true;
                }
                Some(Word::Name(_)) if !before.is_some_and(|name| name.is_one_of(NO_FUNCTIONS)) => {
                    return operand;
                }
                _ if holds_nothing_else => operand.begin = open,
                _ => return operand,
            }
            operand.end = close + 1;
        }
    }
}

/// Counts the parentheses that are open behind this word, in the direction in which `inwards` opens one.
fn follow(word: &Word, [inwards, outwards]: [char; 2], open: &mut usize) -> usize {
    match word {
        Word::Sign(sign) if *sign == inwards => *open += 1,
        Word::Sign(sign) if *sign == outwards => *open = open.saturating_sub(1),
        _ => {}
    }
    *open
}

/// How many words a pair of parentheses has that these words begin with, itself included.
fn call_length(words: Option<&[&Word]>) -> usize {
    let (mut open, words) = (0, words.unwrap_or_default());
    let close = words.iter().position(|word| follow(word, ['(', ')'], &mut open) == 0);
    close.map_or(words.len(), |close| close + 1)
}

/// The innermost pair of parentheses that these words stand in.
fn parentheses_around(words: &[&Word], begin: usize, end: usize) -> Option<(usize, usize)> {
    let mut inner: usize = 0;
    let mut unpaired = |word: &Word, inwards: char, outwards: char| match word {
        Word::Sign(c) if *c == inwards => {
            inner += 1;
            false
        }
        Word::Sign(c) if *c == outwards => match inner.checked_sub(1) {
            Some(fewer) => {
                inner = fewer;
                false
            }
            None => true,
        },
        _ => false,
    };
    let open = words.get(..begin)?.iter().rposition(|word| unpaired(word, ')', '('))?;
    let close = words.get(end..)?.iter().position(|word| unpaired(word, '(', ')'))?;
    Some((open, end + close))
}

fn is_comparison(word: &Word) -> bool {
    matches!(word, Word::Sign('<' | '>' | '=' | '!'))
}

/// What a column is compared with that stands before these words: one operand, or the two of `between`.
fn operands_behind<'w>(behind: &'w [&'w Word]) -> Vec<&'w [&'w Word]> {
    let signs = behind.iter().take_while(|word| is_comparison(word)).count();
    if signs > 0 {
        return vec![behind.get(signs..).unwrap_or_default()];
    }
    let (negation, rest) = match behind {
        [not, rest @ ..] if not.is_one_of(&["not"]) => (1, rest),
        rest => (0, rest),
    };
    match rest {
        [is, rest @ ..] if is.is_one_of(&["is"]) => {
            let negation = usize::from(rest.first().is_some_and(|word| word.is_one_of(&["not"])));
            return vec![rest.get(negation..).unwrap_or_default()];
        }
        [within, list @ ..] if within.is_one_of(&["in"]) => {
            let items = list.get(1..call_length(Some(list)).saturating_sub(1)).unwrap_or_default();
            return items.split(|word| **word == Word::Sign(',')).collect();
        }
        [between, ..] if between.is_one_of(&["between"]) => {}
        _ => return Vec::new(),
    }
    let first = behind.get(negation + 1..).unwrap_or_default();
    let mut open = 0;
    let and =
        first.iter().position(|word| follow(word, ['(', ')'], &mut open) == 0 && word.is_one_of(&["and"]));
    let second = and.and_then(|and| first.get(and + 1..)).unwrap_or_default();
    vec![first, second]
}

/// What stands before a comparison with the column behind these words: a word, a call, or what parentheses hold.
fn operand_before<'w>(before: &'w [&'w Word]) -> &'w [&'w Word] {
    let signs = before.iter().rev().take_while(|word| is_comparison(word)).count();
    let end = before.len() - signs;
    let Some(last) = before.get(..end).and_then(<[_]>::last).filter(|_| signs > 0) else { return &[] };
    if **last != Word::Sign(')') {
        return before.get(end - 1..end).unwrap_or_default();
    }
    let mut open = 0;
    let words = before.get(..end).unwrap_or_default();
    let begin = words.iter().rposition(|word| follow(word, [')', '('], &mut open) == 0);
    let Some(begin) = begin else { return &[] };
    let name = begin.checked_sub(1).and_then(|name| before.get(name));
    match name.is_some_and(|name| name.as_name().is_some() && !name.is_one_of(NO_FUNCTIONS)) {
        true => before.get(begin - 1..end).unwrap_or_default(),
        false => before.get(begin + 1..end - 1).unwrap_or_default(),
    }
}

fn require_a_time(column: &str, operand: &[&Word]) -> Result<(), QueryError> {
    let is_time = match operand {
        [Word::Number, ..] => false,
        [function, Word::Sign('('), format, ..] if function.is_one_of(&["strftime"]) => {
            let format = format.as_name().unwrap_or_default();
            ["%Y", "%Y-%m", "%Y-%m-%d", "%F"].contains(&format)
                || ["%Y-%m-%dT", "%FT"].iter().any(|date| format.starts_with(date))
        }
        [function, ..] if function.is_one_of(OTHER_FUNCTIONS) => false,
        // The columns are in UTC.
        [function, call @ ..] if function.is_one_of(&["datetime"]) => {
            let arguments = call.get(..call_length(Some(call))).unwrap_or_default();
            !arguments.iter().any(|word| word.is_one_of(&["localtime"]) || is_text(word, "localtime"))
        }
        [Word::Quoted(text), ..] if !is_written_as_the_views_do(text) && !is_column(text) => false,
        // What is put together of parts has no part that begins as SQLite's own times go on.
        rest => rest.iter().take_while(|word| !word.is_one_of(ENDS)).all(|word| match word {
            Word::Quoted(text) => {
                !text.strip_prefix(' ').is_some_and(|text| text.starts_with(|c: char| c.is_ascii_digit()))
            }
            _ => true,
        }),
    };
    match is_time {
        true => Ok(()),
        false => Err(QueryError::refused(format!(
            "{} is a time as 2026-11-27T10:56:07Z; compare it with the beginning of one, or datetime('now', '-1 hour')",
            Escaped(column)
        ))),
    }
}

fn is_text(word: &Word, text: &str) -> bool {
    matches!(word, Word::Quoted(quoted) if quoted.trim().eq_ignore_ascii_case(text))
}

/// Whether a text is a time in the spelling of the views, or the beginning of one.
fn is_written_as_the_views_do(text: &str) -> bool {
    let text = text.strip_suffix('Z').filter(|rest| rest.len() >= SHAPE.len()).unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fits = |(byte, shape): (u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == *shape };
    whole.len() <= SHAPE.len()
        && whole.bytes().zip(SHAPE).all(fits)
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
        && (whole.len() == SHAPE.len() || !text.contains('.'))
}

fn is_column(name: &str) -> bool {
    views::ALL.iter().flat_map(|view| view.columns).any(|column| column.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::words::words_of;

    #[test]
    fn what_compares_with_a_time_is_taken_and_what_does_not_is_refused() {
        let compare = |sql: &str| require_times_that_compare(&words_of(sql)).is_ok();
        for sql in [
            "created > datetime('now', '-5 minutes')",
            "created>='2026'",
            "a.created < '2026-11-27' and age > 30",
            "at between '2026-11' and '2026-12-01T00:00:00Z'",
            "at not between datetime('now', '-1 day') and date('now')",
            "'2026-11-27T10:56' <= created",
            "created = last_login and created != \"last_login\"",
            "created <> strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
            "strftime('%H', created) = '10'",
            "created like '2026-11-27 10%' or created is null",
            "created = (select max(at) from audit)",
            "created > '2026-11-27T10:56:07.123Z'",
            "select created, 5 from accounts order by created",
            "'' < created",
            "created < date('now') || 'T12:00:00Z'",
            "created > '2026' and name = ' 1'",
            "upper(created) > '2026-11'",
            "coalesce(last_login, created) > '2026-11'",
            "having max(created) > datetime('now', '-1 day')",
            "select lower(created), 5 from accounts where lower(name) = 'x'",
            "where (created) > datetime('now')",
            "length(created) > 3 and date(created) = '2026-11-27'",
            "(age > 3 and created is null) > 0",
            "datetime(at) > '2026-11-28T23:59:59Z'",
            "datetime(at, 'localtime') like '2026%'",
            "at in ('2026-11-27T10:00:00Z', (select max(at) from audit))",
            "at not in (select created from accounts)",
            "at is not null and revoked is null",
            "datetime('now', '-1 hour') < at",
            "(select max(created) from accounts) < at",
            "length(name) > 3 and created > '2026'",
        ] {
            assert!(compare(sql), "{sql}");
        }
        for sql in [
            "created > '2026-11-27 10:56:07'",
            "created > '2026-11-27T10:56:07+02:00'",
            "created >= 'yesterday'",
            "created > '27.11.2026'",
            "created > 1764240967",
            "a.created > unixepoch('now') - 60",
            "1764240967 < a.created",
            "'2026-11-27 10:00' < created",
            "at > julianday('now')",
            "at > time('now')",
            "at between '2026-11-27' and '2026-11-27 12:00'",
            "at not between datetime('now', '-1 day') and unixepoch()",
            "last_login < strftime('%s', 'now')",
            "last_login < strftime('%Y-%m-%d %H:%M', 'now')",
            "created > date('now') || ' 23:59:59'",
            "\"created\" /* when */ > -- really\n 5",
            "lower(created) > '2026-11'",
            "lower(created) > datetime('now')",
            "substr(created, 1, 16) > '2026-11-27 10:00'",
            "having max(created) > '2026-11-27 10:00'",
            "coalesce(last_login, created) > '2026-11-27 10:00'",
            "created collate nocase > '2026-11-27 10:00'",
            "'2026-11-27 10:00' < ifnull(a.created, '')",
            "upper(a.created) between '2026-11-27 10:00' and '2027'",
            "(created) > 5",
            "where ((created)) > '2026-11-27 10:00'",
            "'2026-11-27 10:00' < trim(created)",
            "not (created) > '27.11.2026'",
            "datetime(at) > '2026-11-28 23:59:59'",
            "datetime(at) = '2026-11-28 10:00:00'",
            "'2026-11-28 10:00' < datetime(at)",
            "unixepoch() < at",
            "julianday('now') < at",
            "('2026-11-27 10:00') < at",
            "at in ('2026-11-27T10:00:00Z', '2026-11-27 10:00')",
            "at is '2026-11-27 10:00'",
            "at is not '2026-11-27 10:00'",
            "datetime('now', '-1 hour', 'localtime') < at",
            "at > datetime('now', 'localtime')",
        ] {
            assert!(!compare(sql), "{sql}");
        }
    }
}
