//! Failures in a row, by lane. What they mean is decided by whoever asks; here they are rows that survive a restart.

use crate::{Noted, ReadTx, StoreError, WriteTx};
use rusqlite::{OptionalExtension, params};
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::Username;

/// Which way a secret was tried: each is counted by itself, so that nobody is held up by another's failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Logging in to an account from anywhere. The subject is its name.
    Account,
    /// Logging in from a device that did so before. The subject names both.
    Device,
    /// Proving the password within a session. The subject is the account's name.
    Session,
    /// Redeeming a one-time code. The subject is the account's name.
    Reset,
    /// Anything from an address or its network. The subject is the prefix.
    Source,
}

impl Lane {
    /// The name in the database and in the operator's table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Device => "device",
            Self::Session => "session",
            Self::Reset => "reset",
            Self::Source => "source",
        }
    }
}

/// How far a lane has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streak {
    /// Failures in a row.
    pub failures: u32,
    /// The last of them.
    pub failed_at: UnixSeconds,
    /// From when on the lane is open again.
    pub open_at: UnixSeconds,
}

impl ReadTx<'_> {
    /// The failures of a lane, if there were any.
    ///
    /// # Errors
    /// When the database does.
    pub fn streak(&self, lane: Lane, subject: &str) -> Result<Option<Streak>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "select failures, failed_at, open_at from throttle_lane where lane = ?1 and subject = ?2",
        )?;
        let found = statement.query_row([lane.as_str(), subject], |row| {
            Ok(Streak {
                failures: row.get("failures")?,
                failed_at: row.get("failed_at")?,
                open_at: row.get("open_at")?,
            })
        });
        Ok(found.optional()?)
    }
}

impl WriteTx<'_> {
    /// Writes down how far a lane has come.
    ///
    /// # Errors
    /// When the database does.
    pub fn set_streak(
        &self,
        _: &Noted<'_>,
        lane: Lane,
        subject: &str,
        streak: &Streak,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "insert into throttle_lane (lane, subject, failures, unseen, failed_at, open_at)
                 values (?1, ?2, ?3, 0, ?4, ?5) on conflict (lane, subject) do update set
                 failures = excluded.failures, failed_at = excluded.failed_at, open_at = excluded.open_at",
            )?
            .execute(params![lane.as_str(), subject, streak.failures, streak.failed_at, streak.open_at])?;
        Ok(())
    }

    /// Starts a lane anew after a success.
    ///
    /// # Errors
    /// When the database does.
    pub fn forget_streak(&self, _: &Noted<'_>, lane: Lane, subject: &str) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("delete from throttle_lane where lane = ?1 and subject = ?2")?
            .execute([lane.as_str(), subject])?;
        Ok(())
    }

    /// Counts a failure that the user of an account is to be told of. The same work whether or not there is one.
    ///
    /// # Errors
    /// When the database does.
    pub fn count_unseen(&self, _: &Noted<'_>, name: &Username, now: UnixSeconds) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "insert into throttle_lane (lane, subject, failures, unseen, failed_at, open_at)
                 values ('account', ?1, 0, 1, ?2, ?2) on conflict (lane, subject) do update set
                 unseen = unseen + 1, failed_at = max(failed_at, excluded.failed_at)",
            )?
            .execute(params![name.as_str(), now])?;
        Ok(())
    }

    /// The failures that the user of an account was not told of; from now on they are told.
    ///
    /// # Errors
    /// When the database does.
    pub fn see_failures(&self, _: &Noted<'_>, name: &str) -> Result<u64, StoreError> {
        let unseen: Option<u64> = self
            .conn
            .prepare_cached("select unseen from throttle_lane where lane = 'account' and subject = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?;
        if unseen.is_some_and(|unseen| unseen > 0) {
            self.conn
                .prepare_cached(
                    "update throttle_lane set unseen = 0 where lane = 'account' and subject = ?1",
                )?
                .execute([name])?;
        }
        Ok(unseen.unwrap_or(0))
    }

    /// Opens the lanes of one account or one source, or all of them; how many there were.
    ///
    /// # Errors
    /// When the database does.
    pub fn clear_throttle(&self, _: &Noted<'_>, subject: Option<&str>) -> Result<u64, StoreError> {
        let cleared = match subject {
            None => self.conn.prepare_cached("delete from throttle_lane where failures > 0")?.execute([])?,
            Some(subject) => self
                .conn
                .prepare_cached(
                    "delete from throttle_lane
                     where failures > 0 and
                     (subject = ?1 or (lane = 'device' and substr(subject, 1, length(?1) + 1) = ?1 || '/'))",
                )?
                .execute([subject])?,
        };
        Ok(u64::try_from(cleared).unwrap_or(u64::MAX))
    }

    /// Forgets lanes without a failure since `before`, and the oldest ones when there are more than `rows_max`.
    ///
    /// # Errors
    /// When the database does.
    pub fn sweep_throttle(&self, before: UnixSeconds, rows_max: u32) -> Result<(), StoreError> {
        const ROWS_PER_SWEEP_MAX: u32 = 10_000;
        self.conn
            .prepare_cached(
                "delete from throttle_lane where (lane, subject) in
                 (select lane, subject from throttle_lane where failed_at < ?1 order by failed_at limit ?2)",
            )?
            .execute(params![before, ROWS_PER_SWEEP_MAX])?;
        self.conn
            .prepare_cached(
                "delete from throttle_lane where (lane, subject) in (select lane, subject from throttle_lane
                 order by failed_at limit min(?2, max(0, (select count(*) from throttle_lane) - ?1)))",
            )?
            .execute(params![rows_max, ROWS_PER_SWEEP_MAX])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fresh::fresh_store;
    use crate::{ActorKind, Event, Store};

    fn note<'tx>(tx: &'tx WriteTx<'_>) -> Noted<'tx> {
        let (actor, action, none) = ("vestryd", "test", "");
        let kind = ActorKind::Server;
        tx.note(&Event { at: 1, actor_kind: kind, actor, action, subject: none, source: none, detail: none })
            .unwrap()
    }

    async fn fail(store: &Store, lane: Lane, subject: String, at: i64) {
        let write = store.write(move |tx| {
            let streak = Streak { failures: 1, failed_at: at, open_at: at };
            tx.set_streak(&note(tx), lane, &subject, &streak)
        });
        write.await.unwrap();
    }

    async fn has(store: &Store, lane: Lane, subject: &'static str) -> bool {
        store.read(move |tx| tx.streak(lane, subject)).await.unwrap().is_some()
    }

    #[tokio::test]
    async fn clearing_a_name_opens_all_its_lanes_and_nobody_elses() {
        let (_folder, store) = fresh_store();
        for (lane, subject) in [
            (Lane::Account, "naman"),
            (Lane::Device, "naman/1"),
            (Lane::Session, "naman"),
            (Lane::Account, "naman2"),
        ] {
            fail(&store, lane, subject.to_owned(), 1).await;
        }
        let cleared = store.write(|tx| tx.clear_throttle(&note(tx), Some("naman"))).await.unwrap();
        assert_eq!(cleared, 3);
        assert!(has(&store, Lane::Account, "naman2").await);
        assert!(!has(&store, Lane::Device, "naman/1").await);
    }

    #[tokio::test]
    async fn a_sweep_forgets_the_old_and_keeps_no_more_than_it_may() {
        let (_folder, store) = fresh_store();
        for at in 0..10 {
            fail(&store, Lane::Source, format!("10.0.0.{at}/32"), at).await;
        }
        store.write(|tx| tx.sweep_throttle(3, 5)).await.unwrap();
        assert!(!has(&store, Lane::Source, "10.0.0.4/32").await);
        assert!(has(&store, Lane::Source, "10.0.0.5/32").await);
    }

    #[tokio::test]
    async fn failures_are_told_once_and_do_not_hold_the_lane_up() {
        let (_folder, store) = fresh_store();
        let name = Username::parse("naman").unwrap();
        let seen = store
            .write(move |tx| {
                let noted = note(tx);
                tx.count_unseen(&noted, &name, 5)?;
                tx.count_unseen(&noted, &name, 4)?;
                let streak = tx.streak(Lane::Account, "naman")?;
                let seen = (tx.see_failures(&noted, "naman")?, tx.see_failures(&noted, "naman")?);
                Ok::<_, StoreError>((seen, streak))
            })
            .await
            .unwrap();
        assert_eq!(seen, ((2, 0), Some(Streak { failures: 0, failed_at: 5, open_at: 5 })));
    }
}
