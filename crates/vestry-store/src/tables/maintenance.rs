//! What time does to the database: sessions and codes expire, suspensions end, deleted accounts can be purged.

use crate::aging::Cutoff;
use crate::error::StoreError;
use crate::ids::AccountId;
use crate::tx::WriteTx;
use rusqlite::params;
use vestry_protocol::UnixSeconds;

/// So many rows a sweep at most, so that a sweep never holds the writer for long; the next one takes the rest.
const ROWS_PER_SWEEP_MAX: u32 = 500;

/// Evaluations by one-time codes are counted for a day.
const DAY_SECS: i64 = 24 * 60 * 60;

/// An account that was deleted so long ago that it goes for good.
#[derive(Debug, PartialEq, Eq)]
pub struct Purgeable(pub(crate) AccountId);

impl Purgeable {
    /// Which.
    #[must_use]
    pub fn id(&self) -> AccountId {
        self.0
    }
}

/// An account whose suspension is over.
#[derive(Debug, PartialEq, Eq)]
pub struct Resumable(AccountId);

impl Resumable {
    /// Which.
    #[must_use]
    pub fn id(&self) -> AccountId {
        self.0
    }
}

impl WriteTx<'_> {
    /// Removes sessions and codes that have expired.
    ///
    /// # Errors
    /// When the database does.
    pub fn sweep(&self, now: UnixSeconds, idle_secs_max: i64) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "delete from session where id in (select id from session where expires <= ?1 limit ?2)",
            )?
            .execute(params![now.seconds(), ROWS_PER_SWEEP_MAX])?;
        self.conn
            .prepare_cached(
                "delete from session where id in
                 (select id from session where last_used <= ?1 - ?2 limit ?3)",
            )?
            .execute(params![now.seconds(), idle_secs_max, ROWS_PER_SWEEP_MAX])?;
        self.conn
            .prepare_cached(
                "delete from session_end where id in (select id from session_end where until <= ?1 limit ?2)",
            )?
            .execute(params![now.seconds(), ROWS_PER_SWEEP_MAX])?;
        self.conn.prepare_cached("delete from reset_code where expires <= ?1")?.execute([now.seconds()])?;
        self.sweep_reset_evaluations(now.minus(DAY_SECS))
    }

    /// Returns accounts whose suspension ended before the cutoff. Making them active is for the caller to note and to do, in the
    /// same transaction; until then the date alone says so.
    ///
    /// # Errors
    /// When the database does.
    pub fn resumable_accounts(&self, until: Cutoff) -> Result<Vec<Resumable>, StoreError> {
        let due = self.accounts_due(
            "select id from account where suspended_at is not null and suspended_until <= ?1 limit ?2",
            until.before(),
        )?;
        Ok(due.into_iter().map(Resumable).collect())
    }

    /// Returns accounts that were deleted before the cutoff. Purging them is for the caller to note and to do, in the same
    /// transaction.
    ///
    /// # Errors
    /// When the database does.
    pub fn purgeable_accounts(&self, deleted: Cutoff) -> Result<Vec<Purgeable>, StoreError> {
        let due = self.accounts_due(
            "select id from account where deleted_at is not null and deleted_at <= ?1 limit ?2",
            deleted.before(),
        )?;
        Ok(due.into_iter().map(Purgeable).collect())
    }

    fn accounts_due(&self, sql: &str, before: UnixSeconds) -> Result<Vec<AccountId>, StoreError> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let ids = statement
            .query_map(params![before.seconds(), ROWS_PER_SWEEP_MAX], |row| Ok(AccountId(row.get(0)?)))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }
}
