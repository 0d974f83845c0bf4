//! Connections: how the writer's is opened, and the r2d2 pool of readers.
//!
//! Every pragma of the database is here. Nothing in this file knows a table.

use crate::error::StoreError;
use crate::tx::ReadTx;
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::{Connection, OpenFlags};
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a connection waits for another process (`vestryd certs operator` beside a running server).
pub(crate) const BUSY_WAIT: Duration = Duration::from_secs(5);

/// How long a reader waits for a connection of the pool before the caller is told that the store is held.
const READER_WAIT: Duration = Duration::from_secs(5);

/// `FULL`: a commit is on disk before it is acknowledged. `secure_delete`: what was purged is overwritten. A page that
/// changes often is copied back once a checkpoint: one in 4,000 pages (16 MiB) copies fewer than SQLite's one in 1,000.
/// `temp_store`: what a savepoint would put back is kept in memory while it is short, and in a file beyond 64 KiB: an
/// import into a large database touches every page of an index.
const WRITER_PRAGMAS: &str = "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;
     pragma secure_delete = on; pragma trusted_schema = off; pragma journal_size_limit = 67108864;
     pragma wal_autocheckpoint = 4000; pragma temp_store = file;";

/// 256 jobs that share a commit change some 600 pages; with room for SQLite's usual 500, what does not fit is written to the log
/// before its time, and read again.
const WRITER_CACHE_KIB: u32 = 8 * 1024;

/// Gives a connection room for so many pages; what changes beyond them is written before its time.
pub(crate) fn keep_pages(conn: &Connection, kib: u32) -> rusqlite::Result<()> {
    conn.pragma_update(None, "cache_size", -i64::from(kib))
}

/// The usual room of the writer.
pub(crate) fn keep_usual_pages(conn: &Connection) -> rusqlite::Result<()> {
    keep_pages(conn, WRITER_CACHE_KIB)
}

/// All that a connection ever prepares: one that has to be compiled again costs more than it does.
const STATEMENTS_KEPT_MAX: usize = 128;

const READER_PRAGMAS: &str = "pragma query_only = on; pragma trusted_schema = off;";

/// The pool of reading connections.
#[derive(Clone)]
pub(crate) struct ReadPool(r2d2::Pool<SqliteConnectionManager>);

impl ReadPool {
    pub(crate) fn open(path: &Path, connections_max: u32) -> Result<Self, StoreError> {
        let manager = SqliteConnectionManager::file(path)
            .with_flags(OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .with_init(|conn| {
                conn.busy_timeout(BUSY_WAIT)?;
                conn.set_prepared_statement_cache_capacity(STATEMENTS_KEPT_MAX);
                conn.execute_batch(READER_PRAGMAS)
            });
        let pool = r2d2::Pool::builder()
            .max_size(connections_max)
            .min_idle(Some(1))
            .test_on_check_out(false)
            .connection_timeout(READER_WAIT)
            .build(manager)?;
        Ok(Self(pool))
    }

    /// A connection of the pool, when it is there; waits a while for one.
    pub(crate) fn get(&self) -> Result<ReadConnection, StoreError> {
        Ok(ReadConnection(self.0.get()?))
    }

    /// A connection of the pool, when one is there at once.
    pub(crate) fn get_at_once(&self) -> Option<ReadConnection> {
        self.0.try_get().map(ReadConnection)
    }
}

/// A reading connection, given back when dropped.
pub(crate) struct ReadConnection(r2d2::PooledConnection<SqliteConnectionManager>);

impl ReadConnection {
    /// Runs a closure, which must not panic, on one view.
    pub(crate) fn with_view(&self, closure: impl FnOnce(&ReadTx<'_>)) -> Result<(), StoreError> {
        let conn = &self.0;
        // Prepared once: to parse these two would take as long as a small read.
        conn.prepare_cached("begin")?.execute([])?;
        closure(&ReadTx { conn });
        conn.prepare_cached("rollback")?.execute([])?;
        Ok(())
    }
}

/// Opens the one connection that writes.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let cannot_open = |error: rusqlite::Error| match error.into() {
        StoreError::Statement(cause) => StoreError::CannotOpen { path: path.to_owned(), cause },
        known => known,
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(cannot_open)?;
    conn.busy_timeout(BUSY_WAIT)?;
    conn.execute_batch(WRITER_PRAGMAS).map_err(cannot_open)?;
    keep_usual_pages(&conn).map_err(cannot_open)?;
    spill_beside(&conn, path);
    conn.set_prepared_statement_cache_capacity(STATEMENTS_KEPT_MAX);
    Ok(conn)
}

/// Sorts and savepoints spill onto the database's disk, which is the one that is watched, and into its folder, which is
/// the only one that a confined server may write to. Where that is impossible, SQLite's own choice stays. SQLite keeps
/// this for the whole process, so that each connection that may spill says the same.
pub(crate) fn spill_beside(conn: &Connection, database: &Path) {
    let folder = database.parent().and_then(Path::to_str).unwrap_or_default();
    let _ = conn.pragma_update(None, "temp_store_directory", folder);
}

/// Makes an empty file that only its owner can read; SQLite gives its log the same mode.
pub(crate) fn create_private_file(path: &Path) -> Result<(), StoreError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map(drop).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => StoreError::AlreadyThere(path.to_owned()),
        _ => StoreError::CannotOpen { path: path.to_owned(), cause: error.to_string() },
    })
}

pub(crate) fn verify_integrity(path: &Path) -> Result<(), StoreError> {
    let conn = open_writer(path)?;
    let verdict: String = conn.query_row("pragma integrity_check(1)", [], |row| row.get(0))?;
    let dangling = conn.prepare("pragma foreign_key_check")?.exists([])?;
    if verdict == "ok" && !dangling { Ok(()) } else { Err(StoreError::Damaged) }
}

/// A file that SQLite keeps beside the database.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
