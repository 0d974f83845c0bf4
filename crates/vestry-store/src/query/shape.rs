//! What a statement must look like before SQLite compiles it.
//!
//! SQLite bounds what a statement does when it runs, but not what it takes to compile it: each use of a WITH table
//! copies its whole text, and each use of a subquery's column copies the column's expression. Thirty lines that
//! double one another would fill the memory of the server with nothing to interrupt them. So the copies are
//! counted here, from above, before they are made.

use super::error::{ONE_STATEMENT, ONLY_SELECT, QueryError};
use super::times::require_times_that_compare;
use super::views;
use super::words::{Placed, Word, words_of};
use std::collections::HashMap;
use vestry_protocol::escape::Escaped;

/// What begins a statement that is not a `select`. Others are not SQL at all, and SQLite says so better.
#[rustfmt::skip]
const OTHER_STATEMENTS: &[&str] = &[
    "alter", "analyze", "attach", "begin", "commit", "create", "delete", "detach", "drop", "end", "explain",
    "insert", "pragma", "reindex", "release", "replace", "rollback", "savepoint", "update", "vacuum",
];

/// What begins a `select`.
const SELECTS: &[&str] = &["select", "with", "values"];

/// Keywords that are written often and are never copied.
#[rustfmt::skip]
const NEVER_COPIED: &[&str] = &[
    "and", "as", "asc", "between", "by", "case", "desc", "distinct", "else", "end", "from", "group", "having", "in",
    "is", "join", "left", "like", "limit", "not", "null", "on", "or", "order", "over", "partition", "select", "then",
    "union", "when", "where",
];

/// Parentheses in one another: a person's statement has ten, and each is a step of recursion here and in SQLite.
const DEPTH_MAX: usize = 60;

/// WITH tables that build on one another in a row, for the same reason.
const CHAIN_MAX: usize = 20;

/// Selects after every WITH table was copied to where it is used. SQLite joins 64 tables at most.
const SELECTS_MAX: u64 = 200;

/// Names after every column of a subquery was copied to where it is used: each takes up to 2 KiB while the statement
/// is compiled, where it stands for a column of a view.
const NAMES_MAX: u64 = 10_000;

/// Refuses what is not one statement, what is plainly no `select`, what would grow without bound when it is
/// compiled, and names that would hide a view.
pub(super) fn require_one_select(sql: &str) -> Result<(), QueryError> {
    let words = words_before_nul(sql)?.into_iter().filter(|placed| placed.word != Word::Comment);
    let words: Vec<Placed> = words.collect();
    let mut statements =
        words.split(|placed| placed.word == Word::Sign(';')).filter(|words| !words.is_empty());
    let Some(statement) = statements.next() else {
        return Err(QueryError::invalid("it is empty; try: select * from accounts"));
    };
    if let Some(verb) = statement.first().filter(|verb| verb.word.is_one_of(OTHER_STATEMENTS)) {
        return Err(QueryError::refused(ONLY_SELECT).at(verb.at));
    }
    if let Some(second) = statements.next().and_then(<[_]>::first) {
        return Err(QueryError::refused(ONE_STATEMENT).at(second.at));
    }
    if let Some(parameter) = statement.iter().find(|placed| placed.word == Word::Parameter) {
        return Err(QueryError::refused(NO_PARAMETERS).at(parameter.at));
    }
    require_plain_names_and_bounds(statement)
}

/// Refuses a condition that would not stay inside its parentheses, or would change what stands behind them.
pub(super) fn require_one_expression(condition: &str) -> Result<(), QueryError> {
    let words = words_before_nul(condition)?;
    let refuse = |what: &str| QueryError::refused(format!("the condition {what}"));
    match words.first() {
        None => return Err(refuse("is empty; leave it out, or write one, as: age > 30")),
        Some(first) if first.word.is_one_of(SELECTS) => {
            return Err(refuse("is a statement; write one, as: age > 30").at(first.at));
        }
        Some(_) => {}
    }
    let mut open = Vec::new();
    for Placed { word, at } in &words {
        let problem = match word {
            Word::Comment => "has a comment; leave it out",
            Word::Unended => "has a quote without its end",
            Word::Parameter => "has a parameter; write the value in its place",
            Word::Sign(';') => "has a `;`; it must be one expression, as: age > 30",
            Word::Sign('(') => {
                open.push(*at);
                continue;
            }
            Word::Sign(')') if open.pop().is_none() => "closes a parenthesis that it did not open",
            Word::Sign(_) | Word::Name(_) | Word::Quoted(_) | Word::Number => continue,
        };
        return Err(refuse(problem).at(*at));
    }
    match open.last() {
        None => require_plain_names_and_bounds(&words),
        Some(at) => Err(refuse("opens a parenthesis that it does not close").at(*at)),
    }
}

/// Said where a statement expects values that nobody binds.
pub(super) const NO_PARAMETERS: &str =
    "the statement has a parameter (?, :name, @name or $name); write the value in its place";

fn words_before_nul(sql: &str) -> Result<Vec<Placed>, QueryError> {
    match sql.find('\0') {
        Some(place) => Err(QueryError::refused("the query has a NUL character; leave it out").at(place)),
        None => Ok(words_of(sql)),
    }
}

fn require_plain_names_and_bounds(statement: &[Placed]) -> Result<(), QueryError> {
    let mut words = statement.iter().peekable();
    while let Some(Placed { word, at }) = words.next() {
        let schema =
            word.as_name().is_some_and(|name| ["main", "temp"].iter().any(|s| s.eq_ignore_ascii_case(name)));
        if schema && words.peek().is_some_and(|next| next.word == Word::Sign('.')) {
            let reason = "write the view's name alone, without a schema before it";
            return Err(QueryError::refused(reason).at(*at));
        }
    }
    require_times_that_compare(statement)?;
    let tree = grow(statement)?;
    let mut tables = WithTables::default();
    tables.collect(&tree)?;
    let size = tables.size_of(&tree)?;
    match size.selects > SELECTS_MAX || size.names > NAMES_MAX {
        true => Err(QueryError::refused(
            "its subqueries and WITH tables build on one another too often; write it flatter, or use them fewer times",
        )),
        false => Ok(()),
    }
}

/// A word, or what stands between a pair of parentheses.
#[derive(Debug)]
enum Part<'a> {
    Word(&'a Word),
    Group(Vec<Part<'a>>),
}

impl Part<'_> {
    fn is_one_of(&self, keywords: &[&str]) -> bool {
        matches!(self, Self::Word(word) if word.is_one_of(keywords))
    }
}

/// Sorts words by their parentheses. What is not balanced is closed at the end; SQLite refuses it anyway.
fn grow(statement: &[Placed]) -> Result<Vec<Part<'_>>, QueryError> {
    let (mut open, mut parts) = (Vec::new(), Vec::new());
    for Placed { word, at } in statement {
        if *word == Word::Sign('(') {
            open.push(std::mem::take(&mut parts));
        } else if *word == Word::Sign(')') {
            close(&mut open, &mut parts);
        } else {
            parts.push(Part::Word(word));
        }
        if open.len() > DEPTH_MAX {
            let reason = format!("it nests more than {DEPTH_MAX} parentheses; write it flatter");
            return Err(QueryError::refused(reason).at(*at));
        }
    }
    while !open.is_empty() {
        close(&mut open, &mut parts);
    }
    Ok(parts)
}

fn close<'a>(open: &mut Vec<Vec<Part<'a>>>, parts: &mut Vec<Part<'a>>) {
    let outer = open.pop().unwrap_or_default();
    let group = std::mem::replace(parts, outer);
    parts.push(Part::Group(group));
}

/// What a select becomes when it is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    /// It, and every select that it is built on, once for each use.
    selects: u64,
    /// The names in all of these, once their columns were copied to where they are used.
    names: u64,
    /// The names in that one of its columns which has most.
    names_of_column: u64,
}

/// The WITH tables of a statement, by their names in small letters.
#[derive(Debug, Default)]
struct WithTables<'t> {
    bodies: HashMap<String, &'t [Part<'t>]>,
    sizes: HashMap<String, Size>,
    /// Those that are being measured, the innermost last.
    measuring: Vec<String>,
}

impl<'t> WithTables<'t> {
    /// Finds every `name [(columns)] as [not] [materialized] (body)`.
    fn collect(&mut self, parts: &'t [Part<'t>]) -> Result<(), QueryError> {
        let mut rest = parts;
        while let Some((part, after)) = rest.split_first() {
            match part {
                Part::Group(inner) => self.collect(inner)?,
                Part::Word(word) => {
                    if let (Some(name), Some(body)) = (word.as_name(), body_defined(after)) {
                        self.add(name, body)?;
                    }
                }
            }
            rest = after;
        }
        Ok(())
    }

    fn add(&mut self, name: &str, body: &'t [Part<'t>]) -> Result<(), QueryError> {
        let shown = Escaped(name);
        if views::is_view(name) {
            return Err(QueryError::refused(format!(
                "`{shown}` is a view; give the WITH table another name"
            )));
        }
        match self.bodies.insert(name.to_ascii_lowercase(), body) {
            Some(_) => Err(QueryError::refused(format!("two WITH tables are called `{shown}`; rename one"))),
            None => Ok(()),
        }
    }

    /// The size of a select with everything that it is built on.
    fn size_of(&mut self, parts: &[Part<'_>]) -> Result<Size, QueryError> {
        let mut level = Level::default();
        self.measure(parts, &mut level, true)?;
        Ok(level.size())
    }

    fn measure(&mut self, parts: &[Part<'_>], level: &mut Level, at_top: bool) -> Result<(), QueryError> {
        for part in parts {
            match part {
                Part::Group(inner) if is_select(inner) => {
                    let size = self.size_of(inner)?;
                    level.build_on(size);
                }
                Part::Group(inner) => self.measure(inner, level, false)?,
                // Between two commas stands one column, and a use of it copies no other.
                Part::Word(Word::Sign(',')) if at_top => level.end_piece(),
                Part::Word(word) => {
                    let Some(name) = word.as_name() else { continue };
                    if !word.is_one_of(NEVER_COPIED) {
                        level.names_of_piece = level.names_of_piece.saturating_add(1);
                    }
                    if let Some(size) = self.size_of_table(&name.to_ascii_lowercase())? {
                        level.build_on(size);
                    }
                }
            }
        }
        Ok(())
    }

    /// The size of a WITH table; none for another name, or inside the table itself: a recursive one is not copied.
    fn size_of_table(&mut self, name: &str) -> Result<Option<Size>, QueryError> {
        if let Some(size) = self.sizes.get(name) {
            return Ok(Some(*size));
        }
        let Some(body) = self.bodies.get(name).copied() else { return Ok(None) };
        if self.measuring.last().is_some_and(|innermost| innermost == name) {
            return Ok(None);
        }
        if self.measuring.iter().any(|outer| outer == name) {
            let name = Escaped(name);
            return Err(QueryError::refused(format!(
                "the WITH table `{name}` is named inside one that it names; rename it"
            )));
        }
        if self.measuring.len() == CHAIN_MAX {
            let reason = format!("more than {CHAIN_MAX} WITH tables build on one another; use fewer");
            return Err(QueryError::refused(reason));
        }
        self.measuring.push(name.to_owned());
        let size = self.size_of(body)?;
        self.measuring.pop();
        self.sizes.insert(name.to_owned(), size);
        Ok(Some(size))
    }
}

/// One select while it is measured.
#[derive(Debug, Default)]
struct Level {
    names: u64,
    names_of_piece: u64,
    names_of_piece_max: u64,
    /// All that it is built on, together.
    selects_below: u64,
    names_below: u64,
    /// The longest column of what it is built on: each of its own names may stand for that one.
    names_of_column_below: u64,
}

impl Level {
    fn build_on(&mut self, size: Size) {
        self.selects_below = self.selects_below.saturating_add(size.selects);
        self.names_below = self.names_below.saturating_add(size.names);
        self.names_of_column_below = self.names_of_column_below.max(size.names_of_column);
    }

    fn end_piece(&mut self) {
        self.names = self.names.saturating_add(self.names_of_piece);
        self.names_of_piece_max = self.names_of_piece_max.max(std::mem::take(&mut self.names_of_piece));
    }

    fn size(mut self) -> Size {
        self.end_piece();
        let copied = self.names_of_column_below.max(1);
        Size {
            selects: self.selects_below.saturating_add(1),
            names: self.names.saturating_mul(copied).saturating_add(self.names_below),
            names_of_column: self.names_of_piece_max.saturating_mul(copied).max(1),
        }
    }
}

/// The body of a WITH table, when these words stand behind its name.
fn body_defined<'t>(after: &'t [Part<'t>]) -> Option<&'t [Part<'t>]> {
    let after = match after {
        [Part::Group(_), rest @ ..] => rest,
        rest => rest,
    };
    let (as_word, rest) = after.split_first()?;
    if !as_word.is_one_of(&["as"]) {
        return None;
    }
    match rest.iter().find(|part| !part.is_one_of(&["not", "materialized"]))? {
        Part::Group(parts) => Some(parts),
        Part::Word(_) => None,
    }
}

/// Whether a group is a select, behind however many more parentheses.
fn is_select(group: &[Part<'_>]) -> bool {
    match group.first() {
        Some(Part::Group(inner)) => is_select(inner),
        Some(Part::Word(word)) => word.is_one_of(SELECTS),
        None => false,
    }
}
