//! What can go wrong with the database, split by what helps.

use rusqlite::ErrorCode;
use std::path::PathBuf;
use thiserror::Error;
use vestry_protocol::escape::Escaped;
use vestry_protocol::typed::vestryd;

/// A failure of the store. None of them holds a value from a row.
#[derive(Debug, Error)]
pub enum StoreError {
    /// No room or no right to write. Reads go on, and writing works again when there is room.
    #[error(
        "the database cannot be written (disk full or read-only); free some space, it recovers by itself"
    )]
    NotWritable,
    /// The file is not a database, or its pages contradict each other.
    #[error(
        "the database is damaged; stop the server, look with `{}`, and restore a backup",
        vestryd("check")
    )]
    Damaged,
    /// The file could not be opened at all.
    #[error("cannot open the database {}: {cause}", Escaped(&.path.display().to_string()))]
    CannotOpen {
        /// Which file.
        path: PathBuf,
        /// Why, in SQLite's or the system's words.
        cause: String,
    },
    /// The file is there already.
    #[error("{} is there already; nothing was overwritten", Escaped(&.0.display().to_string()))]
    AlreadyThere(PathBuf),
    /// A newer Vestry wrote the file.
    #[error("the database comes from a newer version of Vestry; install that version")]
    TooNew,
    /// An older Vestry wrote the file, and it may be in use.
    #[error(
        "the database comes from an older version of Vestry; start this version on it once, or use that one"
    )]
    TooOld,
    /// Whoever asked for it went away.
    #[error("the work was given up before its end")]
    Cancelled,
    /// Another process held the database for too long.
    #[error("the database is held by another program; try again")]
    Held,
    /// The server is stopping.
    #[error("the database is closed: the server is stopping")]
    Closed,
    /// A closure broke off; nothing of it remains.
    #[error("a database task broke off; nothing of it was kept")]
    ClosurePanicked,
    /// Anything else: a mistake in a statement or a row that breaks its rule.
    #[error("the database refused a statement: {0}")]
    Statement(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::ReadOnly | ErrorCode::SystemIoFailure) => Self::NotWritable,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Held,
            _ => Self::Statement(Escaped(&error.to_string()).to_string()),
        }
    }
}

impl From<r2d2::Error> for StoreError {
    fn from(_: r2d2::Error) -> Self {
        Self::Held
    }
}
