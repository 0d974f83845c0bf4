//! Failures in a row, by lane. What they mean is the server's to say; here they are rows that survive a restart.

use crate::aging::Cutoff;
use crate::audit::event::Noted;
use crate::change::{ClearLanes, CountAttempt, Permits};
use crate::error::StoreError;
use crate::ids::OprfId;
use crate::tx::{ReadTx, WriteTx};
use rusqlite::{OptionalExtension, params};
use vestry_protocol::UnixSeconds;

/// So many a sweep at most, so that a sweep never holds the writer for long.
const LANES_PER_SWEEP_MAX: u32 = 10_000;

/// What is counted: each kind by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Evaluations under the OPRF key of one account, or of a name without one, by strangers. The subject is its
    /// identifier.
    Account,
    /// Logins from all devices of an account together. The subject is its identifier.
    Devices,
    /// Logins from one device. The subject is its number.
    Device,
    /// Proofs of the password within one session. The subject is its number.
    Session,
    /// Attempts from an address or its network. The subject is the prefix.
    Source,
    /// Accounts that were made from an address, its network, or anywhere.
    Registrations,
    /// Names that an address or its network was told of.
    Names,
    /// Wrong one-time codes from an address or its network.
    Codes,
}

impl Lane {
    /// The name in the database and in the operator's table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Devices => "devices",
            Self::Device => "device",
            Self::Session => "session",
            Self::Source => "source",
            Self::Registrations => "registrations",
            Self::Names => "names",
            Self::Codes => "codes",
        }
    }
}

/// How far a lane has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streak {
    /// Failures in a row, or how full a bucket is.
    pub failures: u32,
    /// The last of them.
    pub failed_at: UnixSeconds,
    /// From when on the lane is open again.
    pub open_at: UnixSeconds,
    /// Up to when a bucket was drained, in milliseconds since 1970.
    pub drained_ms: i64,
}

impl ReadTx<'_> {
    /// The failures of a lane, if there were any.
    ///
    /// # Errors
    /// When the database does.
    pub fn streak(&self, lane: Lane, subject: &str) -> Result<Option<Streak>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "select failures, failed_at, open_at, drained_ms from throttle_lane
             where lane = ?1 and subject = ?2",
        )?;
        let found = statement.query_row([lane.as_str(), subject], |row| {
            let (failures, failed_at) = (row.get(0)?, row.get(1).map(UnixSeconds::from_seconds)?);
            Ok(Streak {
                failures,
                failed_at,
                open_at: row.get(2).map(UnixSeconds::from_seconds)?,
                drained_ms: row.get(3)?,
            })
        });
        Ok(found.optional()?)
    }
}

impl WriteTx<'_> {
    /// Writes down how far a lane has come; `name` is shown to operators, and empty in lanes of sources.
    ///
    /// # Errors
    /// When the database does.
    pub fn set_streak<A: Permits<CountAttempt>>(
        &self,
        _: &Noted<'_, A>,
        (lane, subject): (Lane, &str),
        name: &str,
        streak: &Streak,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "insert into throttle_lane
                   (lane, subject, name, failures, unseen, failed_at, open_at, drained_ms)
                 values (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7) on conflict (lane, subject) do update set
                 name = excluded.name, failures = excluded.failures, failed_at = excluded.failed_at,
                 open_at = excluded.open_at, drained_ms = excluded.drained_ms",
            )?
            .execute(params![
                lane.as_str(),
                subject,
                name,
                streak.failures,
                streak.failed_at.seconds(),
                streak.open_at.seconds(),
                streak.drained_ms
            ])?;
        Ok(())
    }

    /// Starts a lane over after a success.
    ///
    /// # Errors
    /// When the database does.
    pub fn forget_streak<A: Permits<CountAttempt>>(
        &self,
        _: &Noted<'_, A>,
        lane: Lane,
        subject: &str,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("delete from throttle_lane where lane = ?1 and subject = ?2")?
            .execute([lane.as_str(), subject])?;
        Ok(())
    }

    /// Counts a failure that the user of an account is to be told of. The same work whether or not there is one.
    ///
    /// # Errors
    /// When the database does.
    pub fn count_unseen<A: Permits<CountAttempt>>(
        &self,
        _: &Noted<'_, A>,
        id: OprfId,
        name: &str,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "insert into throttle_lane
                   (lane, subject, name, failures, unseen, failed_at, open_at, drained_ms)
                 values ('account', ?1, ?2, 0, 1, ?3, ?3, 0) on conflict (lane, subject) do update set
                 unseen = unseen + 1, failed_at = max(failed_at, excluded.failed_at)",
            )?
            .execute(params![id.to_hex(), name, now.seconds()])?;
        Ok(())
    }

    /// The failures that the user of an account was not told of; from now on they are told.
    ///
    /// # Errors
    /// When the database does.
    pub fn see_failures<A: Permits<CountAttempt>>(
        &self,
        _: &Noted<'_, A>,
        id: OprfId,
    ) -> Result<u64, StoreError> {
        let subject = id.to_hex();
        let unseen: Option<u64> = self
            .conn
            .prepare_cached("select unseen from throttle_lane where lane = 'account' and subject = ?1")?
            .query_row([&subject], |row| row.get(0))
            .optional()?;
        if unseen.is_some_and(|unseen| unseen > 0) {
            self.conn
                .prepare_cached(
                    "update throttle_lane set unseen = 0 where lane = 'account' and subject = ?1",
                )?
                .execute([&subject])?;
        }
        Ok(unseen.unwrap_or(0))
    }

    /// Opens the lanes of one name or one source, or all of them; how many there were.
    ///
    /// # Errors
    /// When the database does.
    pub fn clear_throttle<A: Permits<ClearLanes>>(
        &self,
        _: &Noted<'_, A>,
        subject: Option<&str>,
    ) -> Result<u64, StoreError> {
        let cleared = match subject {
            None => self.conn.prepare_cached("delete from throttle_lane where failures > 0")?.execute([])?,
            Some(subject) => self
                .conn
                .prepare_cached(
                    "delete from throttle_lane
                     where failures > 0 and (name = ?1 and name <> '' or name = '' and subject = ?1)",
                )?
                .execute([subject])?,
        };
        Ok(u64::try_from(cleared).unwrap_or(u64::MAX))
    }

    /// Forgets lanes without a failure for long.
    ///
    /// # Errors
    /// When the database does.
    pub fn forget_old_lanes(&self, cutoff: Cutoff) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "delete from throttle_lane where (lane, subject) in
                 (select lane, subject from throttle_lane where failed_at < ?1 order by failed_at limit ?2)",
            )?
            .execute(params![cutoff.before().seconds(), LANES_PER_SWEEP_MAX])?;
        Ok(())
    }

    /// When there are more lanes than `rows_max`, forgets those that are open again or will be soonest: nobody washes out one that
    /// is closed.
    ///
    /// # Errors
    /// When the database does.
    pub fn bound_lanes(&self, rows_max: u32) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "delete from throttle_lane where (lane, subject) in (select lane, subject from throttle_lane
                 order by open_at limit min(?2, max(0, (select count(*) from throttle_lane) - ?1)))",
            )?
            .execute(params![rows_max, LANES_PER_SWEEP_MAX])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fresh::{EVENT, Test, at, fresh_store};
    use crate::store::Store;

    fn note<'tx>(tx: &'tx WriteTx<'_>) -> Noted<'tx, Test<'static>> {
        tx.note(&Test("test"), &EVENT).unwrap()
    }

    async fn fail(store: &Store, lane: Lane, subject: String, name: &'static str, seconds: i64) {
        let write = store.write(move |tx| {
            let streak = Streak { failures: 1, failed_at: at(seconds), open_at: at(seconds), drained_ms: 0 };
            tx.set_streak(&note(tx), (lane, &subject), name, &streak)
        });
        write.await.unwrap();
    }

    async fn has(store: &Store, lane: Lane, subject: &'static str) -> bool {
        store.read(move |tx| tx.streak(lane, subject)).await.unwrap().is_some()
    }

    #[tokio::test]
    async fn clearing_a_name_opens_all_its_lanes_and_nobody_elses() {
        let (_folder, store) = fresh_store();
        for (lane, subject, name) in [
            (Lane::Account, "aa", "naman"),
            (Lane::Device, "1", "naman"),
            (Lane::Session, "2", "naman"),
            (Lane::Account, "bb", "naman2"),
            (Lane::Source, "naman", ""),
        ] {
            fail(&store, lane, subject.to_owned(), name, 1).await;
        }
        let cleared = store.write(|tx| tx.clear_throttle(&note(tx), Some("naman"))).await.unwrap();
        assert_eq!(cleared, 4);
        assert!(has(&store, Lane::Account, "bb").await);
        assert!(!has(&store, Lane::Device, "1").await);
    }

    #[tokio::test]
    async fn a_sweep_forgets_the_old_and_keeps_no_more_than_it_may() {
        let (_folder, store) = fresh_store();
        for second in 0..10 {
            fail(&store, Lane::Source, format!("10.0.0.{second}/32"), "", second).await;
        }
        let swept = store.write(|tx| {
            tx.forget_old_lanes(Cutoff::for_tests(3))?;
            tx.bound_lanes(5)
        });
        swept.await.unwrap();
        assert!(!has(&store, Lane::Source, "10.0.0.4/32").await);
        assert!(has(&store, Lane::Source, "10.0.0.5/32").await);
    }

    #[tokio::test]
    async fn failures_are_told_once_and_do_not_close_the_lane() {
        let (_folder, store) = fresh_store();
        let id = OprfId([7; 32]);
        let seen = store
            .write(move |tx| {
                let noted = note(tx);
                tx.count_unseen(&noted, id, "naman", at(5))?;
                tx.count_unseen(&noted, id, "naman", at(4))?;
                let streak = tx.streak(Lane::Account, &id.to_hex())?;
                let seen = (tx.see_failures(&noted, id)?, tx.see_failures(&noted, id)?);
                Ok::<_, StoreError>((seen, streak))
            })
            .await
            .unwrap();
        let streak = Streak { failures: 0, failed_at: at(5), open_at: at(5), drained_ms: 0 };
        assert_eq!(seen, ((2, 0), Some(streak)));
    }
}
