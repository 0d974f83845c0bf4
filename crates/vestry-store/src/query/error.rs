//! Why a query did not run or did not end, in words for the operator who typed it.
//!
//! SQLite's own messages quote what was typed, so they are escaped here, once. No message ever holds a value
//! that was read from the database.

use super::views;
use rusqlite::{Error, ErrorCode};
use std::time::Duration;
use vestry_protocol::escape::Escaped;
use vestry_protocol::typed::vestryd;

/// Why a query was not done, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// It asks for something that the prompt does not do.
    #[error("the query was refused: {reason}")]
    Refused {
        /// What, and what to write instead.
        reason: String,
    },
    /// It is not SQL that this database understands.
    #[error("the query is not valid: {message}")]
    Invalid {
        /// What SQLite made of it, escaped.
        message: String,
    },
    /// It has more rows than are handed out.
    #[error("the query was stopped after {limit} rows; narrow it with WHERE, or page with LIMIT")]
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
        Self::Refused { reason: reason.into() }
    }

    /// Something that is not valid, in SQLite's words or ours; escaped here.
    pub(super) fn invalid(message: &str) -> Self {
        let is_unknown = message.starts_with("no such table") || message.starts_with("no such column");
        let hint = if is_unknown { format!(". {}", views::summary()) } else { String::new() };
        Self::Invalid { message: format!("{}{hint}", Escaped(message)) }
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
            Error::SqlInputError { msg, .. } | Error::SqliteFailure(_, Some(msg)) => {
                QueryError::invalid(&msg)
            }
            other => QueryError::invalid(&other.to_string()),
        },
        _ => QueryError::Store(error),
    }
}

/// Said wherever a second statement is found.
pub(super) const ONE_STATEMENT: &str = "only one statement runs at a time; send them one by one";
/// Said wherever something else than a `select` is found.
pub(super) const ONLY_SELECT: &str =
    "only `select` runs here, and nothing can be changed; accounts are managed with the command `account`";
