//! What time does to the register: sessions and codes expire, suspensions end, deleted accounts are purged.

use crate::{StoreError, WriteTx};
use rusqlite::params;
use vestry_protocol::UnixSeconds;

/// So many rows a sweep at most, so that a sweep never holds the writer for long; the next one takes the rest.
const ROWS_PER_SWEEP_MAX: u32 = 500;

/// Evaluations by one-time codes are counted for a day.
const DAY_SECS: i64 = 24 * 60 * 60;

/// What a sweep found. Each name and purge is for the caller to note.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Accounts that are gone for good.
    pub purged: Vec<String>,
    /// Accounts whose suspension ended.
    pub resumed: Vec<String>,
}

impl WriteTx<'_> {
    /// Removes what has expired. Accounts deleted before `deleted_before` are purged with all that is theirs.
    ///
    /// # Errors
    /// When the database does.
    pub fn sweep(
        &self,
        now: UnixSeconds,
        idle_secs_max: i64,
        deleted_before: UnixSeconds,
    ) -> Result<Swept, StoreError> {
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
        let resumed = self.names(
            "update account set suspended_at = null, suspended_until = null, suspended_reason = null
             where id in (select id from account where suspended_at is not null and suspended_until <= ?1 limit ?2)
             returning name",
            now,
        )?;
        let purged = self.names(
            "delete from account where id in
             (select id from account where deleted_at is not null and deleted_at <= ?1 limit ?2) returning name",
            deleted_before,
        )?;
        Ok(Swept { purged, resumed })
    }

    fn names(&self, sql: &str, before: UnixSeconds) -> Result<Vec<String>, StoreError> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let names = statement.query_map(params![before, ROWS_PER_SWEEP_MAX], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }
}
