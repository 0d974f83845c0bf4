//! The act itself: every row that waits becomes an account, or none does.

use super::staging::{StagedRow, StagedRows};
use crate::audit::event::Noted;
use crate::change::{ImportAccounts, Permits};
use crate::error::StoreError;
use crate::pool::{keep_pages, keep_usual_pages};
use crate::tables::passwords::CredentialKind;
use crate::tx::{ReadTx, WriteTx};
use rusqlite::{Connection, OptionalExtension, Statement, params};
use std::ops::ControlFlow;
use thiserror::Error;
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::Username;

/// Why an import was not done. Whoever gets this gives the transaction up.
#[derive(Debug, Error)]
pub enum ImportError {
    /// Of the database, or of the scratch file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody got a name since its row was taken in.
    #[error("the name {name} was taken meanwhile")]
    NameTaken {
        /// Where the row comes from.
        line: u64,
        /// The name.
        name: String,
    },
}

impl From<rusqlite::Error> for ImportError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Whether a name can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameStanding {
    /// Nobody has it.
    Free,
    /// Somebody has it.
    Taken,
    /// Somebody had it, and can still come back.
    Reserved,
}

impl ReadTx<'_> {
    /// Whether a name can be had.
    ///
    /// # Errors
    /// When the database does.
    pub fn name_standing(&self, name: &Username) -> Result<NameStanding, StoreError> {
        let mut statement =
            self.conn.prepare_cached("select deleted_at is not null from account where name = ?1")?;
        let is_deleted: Option<bool> = statement.query_row([name.as_str()], |row| row.get(0)).optional()?;
        Ok(is_deleted.map_or(NameStanding::Free, |is_deleted| match is_deleted {
            true => NameStanding::Reserved,
            false => NameStanding::Taken,
        }))
    }
}

impl WriteTx<'_> {
    /// Makes an account of every row, at a time that also stands in for one that a row lacks. `went_on` is told how
    /// many were made, now and then, and may end it.
    ///
    /// # Errors
    /// When a name is not free any more, when `went_on` said so, or when either database does. What was made then has
    /// to be undone by giving the transaction up.
    pub fn import_accounts<A: Permits<ImportAccounts>>(
        &self,
        _: &Noted<'_, A>,
        rows: &StagedRows,
        now: UnixSeconds,
        mut went_on: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), ImportError> {
        keep_pages(self.conn, PAGES_KIB)?;
        let _room = Room(self.conn);
        let mut making = Making {
            // Two statements instead of an `insert … select`: that one may make many rows, so that SQLite would copy each page
            // which it changes, row by row, to be able to undo it.
            generation: self
                .conn
                .prepare_cached("select generation from name_given_up where name_key = ?1")?,
            account: self.conn.prepare_cached(
                "insert into account (name, email, age, gender, created, suspended_at, suspended_until,
                   suspended_reason, name_key, oprf_id)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                 on conflict (name) do nothing",
            )?,
            credential: self.conn.prepare_cached(
                "insert into credential (account_id, kind, record, changed) values (?1, ?2, ?3, ?4)",
            )?,
            now,
        };
        let mut made = 0;
        // The other end is a thread that reads a local file and waits for nothing but this loop.
        while let Ok(chunk) = rows.chunks.recv() {
            for row in chunk? {
                if !making.make(&row, || self.conn.last_insert_rowid())? {
                    return Err(ImportError::NameTaken { line: row.line, name: row.name });
                }
                made += 1;
            }
            if went_on(made).is_break() {
                return Err(StoreError::Cancelled.into());
            }
        }
        // A thread that broke off must not look like the end of the rows.
        if made == rows.accounts() { Ok(()) } else { Err(StoreError::ClosurePanicked.into()) }
    }
}

/// OPRF identifiers come in no order: an import of a million changes each page of their index many times, and one that is written
/// before its time is written again and again.
const PAGES_KIB: u32 = 128 * 1024;

/// Room for the pages that an import changes, for as long as it runs.
struct Room<'c>(&'c Connection);

impl Drop for Room<'_> {
    fn drop(&mut self) {
        // A connection that does not take the setting keeps more pages than it needs.
        let _ = keep_usual_pages(self.0);
    }
}

/// The statements that make an account.
struct Making<'c> {
    generation: rusqlite::CachedStatement<'c>,
    account: rusqlite::CachedStatement<'c>,
    credential: rusqlite::CachedStatement<'c>,
    now: UnixSeconds,
}

impl Making<'_> {
    /// Whether the name was free, and was so all the time since its row came.
    fn make(&mut self, row: &StagedRow, id_of_last: impl FnOnce() -> i64) -> rusqlite::Result<bool> {
        let generation = self.generation.query_row([row.keys.name_key], |found| found.get(0));
        if generation.optional()?.unwrap_or(0) != row.keys.generation {
            return Ok(false);
        }
        let account: &mut Statement<'_> = &mut self.account;
        let inserted = account.execute(params![
            row.name,
            row.email,
            row.age,
            row.gender,
            row.created.unwrap_or(self.now).seconds(),
            row.suspended.then_some(self.now.seconds()),
            row.suspended_until,
            row.suspended_reason,
            row.keys.name_key,
            row.keys.oprf_id.0
        ])?;
        if inserted == 0 {
            return Ok(false);
        }
        if let Some(sealed_hash) = &row.sealed_hash {
            let kind = CredentialKind::Imported.as_str();
            self.credential.execute(params![id_of_last(), kind, sealed_hash, self.now.seconds()])?;
        }
        Ok(true)
    }
}
