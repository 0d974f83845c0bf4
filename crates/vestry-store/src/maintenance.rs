//! What time does to the register: sessions and codes expire, suspensions end, deleted accounts are purged.

use crate::{AccountId, StoreError, WriteTx};
use rusqlite::params;
use vestry_protocol::UnixSeconds;

/// So many rows a sweep at most, so that a sweep never holds the writer for long; the next one takes the rest.
const ROWS_PER_SWEEP_MAX: u32 = 500;

/// Evaluations by one-time codes are counted for a day.
const DAY_SECS: i64 = 24 * 60 * 60;

/// The accounts that a sweep found. What is due at each is for the caller to note and to do, in the same transaction.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Accounts to purge.
    pub purges: Vec<AccountId>,
    /// Accounts whose suspension is over.
    pub resumptions: Vec<AccountId>,
}

impl WriteTx<'_> {
    /// Removes what has expired, and looks for accounts that were deleted before `deleted_before` and suspensions that are over.
    ///
    /// # Errors
    /// When the database does.
    pub fn sweep(
        &self,
        now: UnixSeconds,
        idle_secs_max: i64,
        deleted_before: UnixSeconds,
    ) -> Result<Due, StoreError> {
        self.conn
            .prepare_cached(
                "delete from session where id in (select id from session where expires <= ?1 limit ?2)",
            )?
            .execute(params![now, ROWS_PER_SWEEP_MAX])?;
        self.conn
            .prepare_cached(
                "delete from session where id in
                 (select id from session where last_used <= ?1 - ?2 limit ?3)",
            )?
            .execute(params![now, idle_secs_max, ROWS_PER_SWEEP_MAX])?;
        self.conn
            .prepare_cached(
                "delete from session_end where id in (select id from session_end where until <= ?1 limit ?2)",
            )?
            .execute(params![now, ROWS_PER_SWEEP_MAX])?;
        self.conn.prepare_cached("delete from reset_code where expires <= ?1")?.execute([now])?;
        self.sweep_reset_evaluations(now.saturating_sub(DAY_SECS))?;
        let resumptions = self.accounts_due(
            "select id from account where suspended_at is not null and suspended_until <= ?1 limit ?2",
            now,
        )?;
        let purges = self.accounts_due(
            "select id from account where deleted_at is not null and deleted_at <= ?1 limit ?2",
            deleted_before,
        )?;
        Ok(Due { purges, resumptions })
    }

    fn accounts_due(&self, sql: &str, before: UnixSeconds) -> Result<Vec<AccountId>, StoreError> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let ids =
            statement.query_map(params![before, ROWS_PER_SWEEP_MAX], |row| Ok(AccountId(row.get(0)?)))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }
}
