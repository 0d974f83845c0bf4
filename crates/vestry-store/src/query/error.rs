//! Why a query did not run or did not end, in words for the operator who typed it.
//!
//! SQLite's own messages quote what was typed, so they are escaped here, once. No message ever holds a value
//! that was read from the database.

use super::words::{Word, words_of};
use rusqlite::{Error, ErrorCode};
use std::time::Duration;
use vestry_protocol::count::Count;
use vestry_protocol::escape::Escaped;
use vestry_protocol::query_fault::{FaultKind, QueryFault};
use vestry_protocol::typed::vestryd;

/// Why a query was not done, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// It asks for something that the prompt does not do.
    #[error("{reason}")]
    Refused {
        /// What, and what to write instead.
        reason: String,
        /// Where that stands, as far as it is known.
        fault: Option<QueryFault>,
    },
    /// It is not SQL that this database understands.
    #[error("{message}")]
    Invalid {
        /// What SQLite made of it, escaped.
        message: String,
        /// Where, as far as it is known.
        fault: Option<QueryFault>,
    },
    /// It has more rows than are handed out.
    #[error("the query was stopped after {}; narrow it with WHERE, or page with LIMIT", Count::new(*limit, "row"))]
    TooManyRows {
        /// The cap.
        limit: u64,
    },
    /// It took longer than a query may.
    #[error("the query was stopped after {} ms; narrow it with WHERE, or join fewer rows", limit.as_millis())]
    TimedOut {
        /// The cap.
        limit: Duration,
    },
    /// The statement, a value, a row or what has to be sorted is larger than fits.
    #[error(
        "the query is too large: its text, a value, a row or what it has to sort goes over the limit; ask for less at once"
    )]
    TooLarge,
    /// Whoever asked for it is gone.
    #[error("the query was cancelled")]
    Cancelled,
    /// Every connection is working on a query of some operator.
    #[error("other queries are running and no more fit; try again when one of them has ended")]
    Busy,
    /// The database could not be read.
    #[error("the database could not be read: {}; look with: {}", Escaped(&.0.to_string()), vestryd("check"))]
    Store(#[from] Error),
}

impl QueryError {
    /// A refusal with its reason.
    pub(super) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused { reason: reason.into(), fault: None }
    }

    /// Something that is not valid, in SQLite's words or ours; escaped here.
    pub(super) fn invalid(message: &str) -> Self {
        Self::Invalid { message: Escaped(message).to_string(), fault: None }
    }

    /// The same, about one name, wherever that stands.
    pub(super) fn about(mut self, kind: FaultKind, word: impl Into<String>) -> Self {
        if let Self::Refused { fault, .. } | Self::Invalid { fault, .. } = &mut self {
            *fault = Some(QueryFault { kind: kind.into(), word: Some(word.into()), at: None });
        }
        self
    }

    /// The same, about what stands at this byte.
    pub(super) fn at(mut self, place: usize) -> Self {
        if let Self::Refused { fault, .. } | Self::Invalid { fault, .. } = &mut self {
            let unknown = QueryFault { kind: FaultKind::Other.into(), word: None, at: None };
            fault.get_or_insert(unknown).at = u64::try_from(place).ok();
        }
        self
    }

    /// The same, of the text `typed` that begins at byte `begin` of the statement that was compiled: what is wrong behind its end is
    /// that it has ended.
    pub(super) fn within(mut self, begin: usize, typed: &str, what: &str) -> Self {
        let end = typed.trim_end().len();
        let Some(fault) = self.fault_mut() else { return self };
        match fault.at.and_then(|at| usize::try_from(at).ok()?.checked_sub(begin)) {
            Some(place) if place < end => {
                fault.at = u64::try_from(place).ok();
                self
            }
            Some(_) => Self::invalid(&format!("{what} is not complete")).at(end),
            // It stands before, in words of ours: there is nothing to point at.
            None => {
                fault.at = None;
                self
            }
        }
    }

    /// The same, with the place of the name that it is about; what is about no name is missing at the end.
    pub(super) fn found_in(mut self, sql: &str) -> Self {
        let Some(QueryFault { word, at: at @ None, kind }) = self.fault_mut() else { return self };
        let Some(word) = word else { return self.at(sql.trim_end().len()) };
        let words = words_of(sql);
        let is_it = |word_of: &Word| word_of.as_name().is_some_and(|name| name.eq_ignore_ascii_case(word));
        let mut places = words.iter().enumerate().filter(|(_, placed)| is_it(&placed.word));
        let is_called = |place: usize| words.get(place + 1).is_some_and(|next| next.word == Word::Sign('('));
        let is_read = |place: usize| {
            let before = place.checked_sub(1).and_then(|before| words.get(before)).map(|before| &before.word);
            before.is_some_and(|word| word.is_one_of(&["from", "join"]) || *word == Word::Sign(','))
        };
        let of_kind = match kind.known() {
            Some(FaultKind::Function) => places.clone().find(|(place, _)| is_called(*place)),
            Some(FaultKind::View) => places.clone().find(|(place, _)| is_read(*place)),
            _ => None,
        };
        let place = of_kind.or_else(|| places.next()).map(|(_, placed)| placed.at);
        *at = place.and_then(|place| u64::try_from(place).ok());
        self
    }

    /// What is wrong, and where, as far as it is known.
    #[must_use]
    pub fn fault(&self) -> Option<&QueryFault> {
        match self {
            Self::Refused { fault, .. } | Self::Invalid { fault, .. } => fault.as_ref(),
            Self::TooManyRows { .. }
            | Self::TimedOut { .. }
            | Self::TooLarge
            | Self::Cancelled
            | Self::Busy
            | Self::Store(_) => None,
        }
    }

    fn fault_mut(&mut self) -> Option<&mut QueryFault> {
        match self {
            Self::Refused { fault, .. } | Self::Invalid { fault, .. } => fault.as_mut(),
            _ => None,
        }
    }
}

/// What SQLite says of a statement that it does not understand, and of which word. Its messages are part of no interface, so
/// another one than these is passed on as it is.
fn of_sqlite(message: &str) -> QueryError {
    let unknown = [
        ("no such column: ", "column", FaultKind::Column),
        ("no such table: ", "view", FaultKind::View),
        ("no such function: ", "function", FaultKind::Function),
    ];
    for (begin, what, kind) in unknown {
        if let Some(name) = message.strip_prefix(begin) {
            // What it says of quotes behind a name is for a program that shows the name.
            let name = name.split(" - should this").next().unwrap_or(name);
            return QueryError::invalid(&format!("no such {what}: {name}")).about(kind, name);
        }
    }
    let word = message.strip_prefix("near \"").and_then(|rest| rest.strip_suffix("\": syntax error"));
    match word {
        Some(word) => QueryError::invalid(message).about(FaultKind::Syntax, word),
        None if message == "incomplete input" => QueryError::Invalid {
            message: "the statement is not complete".to_owned(),
            fault: Some(QueryFault { kind: FaultKind::Syntax.into(), word: None, at: None }),
        },
        None => QueryError::invalid(message),
    }
}

/// Sorts SQLite's errors by who has to do what about them.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other code is the store's trouble, not the query's"
)]
pub(super) fn classify(error: Error) -> QueryError {
    let code = match &error {
        Error::MultipleStatement => return QueryError::refused(ONE_STATEMENT),
        Error::SqlInputError { error: failure, .. } => Some(failure.code),
        other => other.sqlite_error_code(),
    };
    match code {
        Some(ErrorCode::TooBig | ErrorCode::OutOfMemory) => QueryError::TooLarge,
        Some(ErrorCode::OperationInterrupted) => QueryError::Cancelled,
        Some(ErrorCode::DatabaseBusy) => QueryError::Busy,
        Some(ErrorCode::AuthorizationForStatementDenied | ErrorCode::ReadOnly) => {
            QueryError::refused(ONLY_SELECT)
        }
        // SQLITE_ERROR: the statement's own fault. SQLite's sentence alone is told: rusqlite's own adds the whole
        // statement, and ours may be around what was typed.
        Some(ErrorCode::Unknown) => match error {
            Error::SqlInputError { msg, offset, .. } => {
                // What is negative is no place.
                usize::try_from(offset).map_or(of_sqlite(&msg), |place| of_sqlite(&msg).at(place))
            }
            Error::SqliteFailure(_, Some(msg)) => of_sqlite(&msg),
            other => QueryError::invalid(&other.to_string()),
        },
        _ => QueryError::Store(error),
    }
}

/// Said wherever a second statement is found.
pub(super) const ONE_STATEMENT: &str = "only one statement runs at a time; send them one by one";
/// Said wherever something else than a `select` is found.
pub(super) const ONLY_SELECT: &str = "only select runs here; the command account changes accounts";
