//! Where the rows of an import wait: a scratch file beside the database, in which no name is twice.
//!
//! It is worth nothing after a crash, so nothing of it is ever synced. Memory is its page cache and no more.

use super::row::StagedAccount;
use crate::error::StoreError;
use crate::ids::OprfId;
use crate::pool;
use crate::tables::accounts::NameKeys;
use data_encoding::HEXLOWER;
use rusqlite::{Connection, OpenFlags, params};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::{Age, Email, Gender, Reason};

/// What an import costs in memory, however long it is. The index of half a million names fits; beyond that a row costs a
/// read or two more, from the system's cache as a rule.
const CACHE_KIB_MAX: i64 = 16 * 1024;

/// One connection, one transaction that never ends, and no way back: whoever fails here begins anew.
const PRAGMAS: &str = "pragma journal_mode = off; pragma synchronous = off; pragma locking_mode = exclusive;
     pragma trusted_schema = off; pragma temp_store = memory;";

const SCHEMA: &str = "create table staged (
       id integer primary key, line integer not null, name text not null, email text, age integer, gender text,
       created integer, suspended integer not null, suspended_until integer, suspended_reason text, sealed_hash blob,
       name_key blob not null, generation integer not null, oprf_id blob not null
     ) strict;
     create unique index staged_name on staged (name);";

/// What a row takes on the disk beside its texts: its numbers, its keys and the index of one, its place in a page.
const ROW_BYTES: u64 = 192;

/// The rows that have come so far.
pub struct Staging {
    conn: Connection,
    accounts: u64,
    with_password: u64,
    bytes: u64,
    digest: Sha256,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It waits.
    Waits,
    /// Its name waits already, from this line. The row was dropped.
    Repeats {
        /// Where the name came from first.
        line: u64,
    },
}

impl Staging {
    /// Makes the scratch file (mode 0600), which must not be there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        pool::create_private_file(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        conn.execute_batch(PRAGMAS)?;
        conn.pragma_update(None, "cache_size", -CACHE_KIB_MAX)?;
        conn.execute_batch(SCHEMA)?;
        conn.execute_batch("begin")?;
        Ok(Self { conn, accounts: 0, with_password: 0, bytes: 0, digest: Sha256::new() })
    }

    /// Takes a row in, unless its name is there.
    ///
    /// # Errors
    /// When the file cannot be written; it is of no use then.
    pub fn add(&mut self, row: &StagedAccount<'_>) -> Result<Added, StoreError> {
        let profile = &row.profile;
        let inserted = self
            .conn
            .prepare_cached(
                "insert into staged (line, name, email, age, gender, created, suspended, suspended_until,
                   suspended_reason, sealed_hash, name_key, generation, oprf_id)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) on conflict (name) do nothing",
            )?
            .execute(params![
                row.line.cast_signed(),
                row.name.as_str(),
                profile.email.map(Email::as_str),
                profile.age.map(Age::years),
                profile.gender.map(Gender::as_str),
                row.created.map(UnixSeconds::seconds),
                row.suspended.is_some(),
                row.suspended.and_then(|suspension| suspension.until).map(UnixSeconds::seconds),
                row.suspended.and_then(|suspension| suspension.reason).map(Reason::as_str),
                row.sealed_hash,
                row.keys.name_key,
                row.keys.generation,
                row.keys.oprf_id.0
            ])?;
        if inserted == 0 {
            let mut first = self.conn.prepare_cached("select line from staged where name = ?1")?;
            let line: i64 = first.query_row([row.name.as_str()], |row| row.get(0))?;
            return Ok(Added::Repeats { line: line.cast_unsigned() });
        }
        self.count(row);
        Ok(Added::Waits)
    }

    fn count(&mut self, row: &StagedAccount<'_>) {
        let (age, created) =
            (row.profile.age.map(|age| age.to_string()), row.created.map(|at| at.seconds().to_string()));
        let until = row.suspended.and_then(|suspension| suspension.until).map(|at| at.seconds().to_string());
        let texts = [
            row.name.as_str(),
            row.profile.email.map_or("", Email::as_str),
            age.as_deref().unwrap_or_default(),
            row.profile.gender.map_or("", Gender::as_str),
            created.as_deref().unwrap_or_default(),
            if row.suspended.is_some() { "suspended" } else { "active" },
            row.argon2id.unwrap_or_default(),
            until.as_deref().unwrap_or_default(),
            row.suspended.and_then(|suspension| suspension.reason).map_or("", Reason::as_str),
        ];
        let mut bytes = ROW_BYTES;
        for text in texts {
            let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
            self.digest.update(length.to_be_bytes());
            self.digest.update(text);
            bytes = bytes.saturating_add(length);
        }
        let sealed = row.sealed_hash.map_or(0, <[u8]>::len);
        bytes = bytes.saturating_add(u64::try_from(sealed).unwrap_or(u64::MAX));
        // The name is in the table and in its index.
        self.bytes = self
            .bytes
            .saturating_add(bytes)
            .saturating_add(u64::try_from(row.name.as_str().len()).unwrap_or(u64::MAX));
        self.accounts += 1;
        self.with_password += u64::from(row.sealed_hash.is_some());
    }

    /// How many rows wait.
    #[must_use]
    pub fn accounts(&self) -> u64 {
        self.accounts
    }

    /// About how much of the disk they take here, and again in the database.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// No more rows: begins to read them in the order of their names, on a thread of its own.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn into_rows(self) -> Result<StagedRows, StoreError> {
        let Self { conn, accounts, with_password, bytes: _, digest } = self;
        let (sender, chunks) = sync_channel(CHUNKS_AHEAD_MAX);
        std::thread::Builder::new()
            .name("vestry-import".to_owned())
            .spawn(move || read_ahead(&conn, &sender))
            .map_err(|error| StoreError::Statement(error.to_string()))?;
        Ok(StagedRows { chunks, accounts, with_password, digest: HEXLOWER.encode(&digest.finalize()) })
    }
}

/// Rows that the reading thread hands over at once.
const CHUNK_ROWS: usize = 256;

/// Chunks that wait for the transaction; then the reading thread waits.
const CHUNKS_AHEAD_MAX: usize = 8;

pub(super) type Chunk = Result<Vec<StagedRow>, StoreError>;

/// Every row of an import, in the order of their names.
pub struct StagedRows {
    pub(super) chunks: Receiver<Chunk>,
    accounts: u64,
    with_password: u64,
    digest: String,
}

impl StagedRows {
    /// How many there are.
    #[must_use]
    pub fn accounts(&self) -> u64 {
        self.accounts
    }

    /// How many of them have a password hash.
    #[must_use]
    pub fn with_password(&self) -> u64 {
        self.with_password
    }

    /// What names all of them, in the order in which they came: SHA-256, in hexadecimal (docs/PROTOCOL.md, "Imports").
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// A row as it is stored.
pub(super) struct StagedRow {
    pub(super) line: u64,
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) age: Option<i64>,
    pub(super) gender: Option<String>,
    pub(super) created: Option<UnixSeconds>,
    pub(super) suspended: bool,
    pub(super) suspended_until: Option<i64>,
    pub(super) suspended_reason: Option<String>,
    pub(super) sealed_hash: Option<Vec<u8>>,
    pub(super) keys: NameKeys,
}

/// Ends when the last row was handed over, or when nobody takes any more.
fn read_ahead(conn: &Connection, chunks: &SyncSender<Chunk>) {
    if let Err(error) = hand_over(conn, chunks) {
        // Nobody is there to be told when the transaction was given up.
        let _ = chunks.send(Err(error));
    }
}

fn hand_over(conn: &Connection, chunks: &SyncSender<Chunk>) -> Result<(), StoreError> {
    // Without the index SQLite would sort the rows themselves, in memory or in another file.
    let mut statement = conn.prepare(
        "select line, name, email, age, gender, created, suspended, suspended_until, suspended_reason, sealed_hash, name_key,
           generation, oprf_id
         from staged indexed by staged_name order by name",
    )?;
    let mut rows = statement.query([])?;
    let mut chunk = Vec::with_capacity(CHUNK_ROWS);
    while let Some(row) = rows.next()? {
        chunk.push(StagedRow {
            line: row.get::<_, i64>(0)?.cast_unsigned(),
            name: row.get(1)?,
            email: row.get(2)?,
            age: row.get(3)?,
            gender: row.get(4)?,
            created: row.get::<_, Option<i64>>(5)?.map(UnixSeconds::from_seconds),
            suspended: row.get(6)?,
            suspended_until: row.get(7)?,
            suspended_reason: row.get(8)?,
            sealed_hash: row.get(9)?,
            keys: NameKeys {
                name_key: row.get(10)?,
                generation: row.get(11)?,
                oprf_id: OprfId(row.get(12)?),
            },
        });
        if chunk.len() == CHUNK_ROWS {
            let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK_ROWS));
            if chunks.send(Ok(full)).is_err() {
                return Ok(());
            }
        }
    }
    // The transaction may have been given up just now.
    let _ = chunks.send(Ok(chunk));
    Ok(())
}
