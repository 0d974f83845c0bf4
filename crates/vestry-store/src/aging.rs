//! How far the database has aged. What goes for good because it is old (audit events, deleted accounts, devices, lanes) is judged by
//! this time and not by a reading of the clock: a clock that is ahead for a moment must not take what nobody can bring back.
//!
//! It follows the clock, but no faster than [`SPEED`] while a server runs, and by a day at a start. A server that was off for
//! long catches up at that speed. Nothing is younger than the clock says: when it goes back, nothing is removed meanwhile.

use crate::error::StoreError;
use crate::tx::{ReadTx, WriteTx};
use rusqlite::{OptionalExtension, params};
use std::time::Duration;
use vestry_protocol::UnixSeconds;

const DAY_SECS: i64 = 24 * 60 * 60;

/// Two days' worth for each day of running: whoever was off for a month has caught up after another.
const SPEED: i64 = 2;

/// A clock that is further off than that is told to operators, for as long.
const JUMP_SECS: i64 = 30 * DAY_SECS;

/// How the time was spent since the database aged last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lived {
    /// Nobody knows how: a server has just started.
    Off,
    /// A server ran for so long, by a clock that nobody sets.
    For(Duration),
}

/// The time up to which the database has aged. Only [`WriteTx::age`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aged(UnixSeconds);

/// What is from before this may go for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutoff(UnixSeconds);

/// A clock that was suddenly somewhere else, for whatever reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockJump {
    /// What it should have said, or said when the server was stopped.
    pub from: UnixSeconds,
    /// What it said.
    pub to: UnixSeconds,
}

impl Aged {
    /// For what is kept for so many seconds.
    #[must_use]
    pub fn keeping(self, secs: i64) -> Cutoff {
        Cutoff(self.0.minus(secs))
    }
}

impl Cutoff {
    pub(crate) fn before(self) -> UnixSeconds {
        self.0
    }

    #[cfg(test)]
    pub(crate) fn for_tests(before_seconds: i64) -> Self {
        Self(UnixSeconds::from_seconds(before_seconds))
    }
}

impl WriteTx<'_> {
    /// Lets the database age, at a reading of the clock. Returns how far, and the jump when the clock made one.
    ///
    /// # Errors
    /// When the database does.
    pub fn age(&self, now: UnixSeconds, lived: Lived) -> Result<(Aged, Option<ClockJump>), StoreError> {
        let time = |row: &rusqlite::Row<'_>, column| row.get(column).map(UnixSeconds::from_seconds);
        let mut known = self.conn.prepare_cached("select aged_to, seen from age")?;
        let (before, seen) = match known.query_row([], |row| Ok((time(row, 0)?, time(row, 1)?))).optional()? {
            Some(known) => known,
            // A new database is as old as the newest event in it.
            None => {
                let newest = "select at from audit_event order by id desc limit 1";
                let newest = self.conn.query_row(newest, [], |row| time(row, 0)).optional()?.unwrap_or(now);
                (newest.min(now), newest)
            }
        };
        let (most, expected) = match lived {
            Lived::Off => (DAY_SECS, seen),
            Lived::For(time) => {
                let secs = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
                (secs.saturating_mul(SPEED), seen.plus(secs))
            }
        };
        let aged_to = before.max(before.plus(most).min(now));
        let is_far = now.since(expected).saturating_abs() > JUMP_SECS;
        let jump = is_far.then_some(ClockJump { from: expected, to: now });
        self.conn
            .prepare_cached(
                "insert into age (id, aged_to, seen, jumped_from, jumped_to) values (1, ?1, ?2, ?3, ?4)
                 on conflict (id) do update set aged_to = ?1, seen = ?2,
                 jumped_from = coalesce(?3, jumped_from), jumped_to = coalesce(?4, jumped_to)",
            )?
            .execute(params![
                aged_to.seconds(),
                now.seconds(),
                jump.map(|jump| jump.from.seconds()),
                jump.map(|jump| jump.to.seconds())
            ])?;
        Ok((Aged(aged_to.min(now)), jump))
    }
}

impl ReadTx<'_> {
    /// The last jump of the clock, while operators are to be told of it: for 30 days.
    ///
    /// # Errors
    /// When the database does.
    pub fn clock_jump(&self, now: UnixSeconds) -> Result<Option<ClockJump>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "select jumped_from, jumped_to from age where jumped_to between ?1 - ?2 and ?1",
        )?;
        let jump = |row: &rusqlite::Row<'_>| {
            Ok(ClockJump {
                from: row.get(0).map(UnixSeconds::from_seconds)?,
                to: row.get(1).map(UnixSeconds::from_seconds)?,
            })
        };
        Ok(statement.query_row(params![now.seconds(), JUMP_SECS], jump).optional()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fresh::{at, fresh_store};
    use crate::store::Store;

    const NOW: UnixSeconds = UnixSeconds::from_seconds(1_800_000_000);

    async fn age(store: &Store, now: UnixSeconds, lived: Lived) -> (UnixSeconds, Option<ClockJump>) {
        let (aged, jump) = store.write(move |tx| tx.age(now, lived)).await.unwrap();
        (aged.keeping(0).before(), jump)
    }

    const fn days(days: u64) -> Lived {
        Lived::For(Duration::from_secs(days * 86_400))
    }

    #[tokio::test]
    async fn a_database_ages_by_a_day_at_a_start_and_twice_as_fast_as_it_runs() {
        let (_folder, store) = fresh_store();
        assert_eq!(age(&store, NOW, Lived::Off).await, (NOW, None));
        let far = NOW.plus(400 * DAY_SECS);
        let jump = Some(ClockJump { from: NOW, to: far });
        assert_eq!(age(&store, far, Lived::Off).await, (NOW.plus(DAY_SECS), jump));
        assert_eq!(age(&store, far.plus(DAY_SECS), days(1)).await, (NOW.plus(3 * DAY_SECS), None));
        assert_eq!(age(&store, far.plus(2 * DAY_SECS), days(1)).await, (NOW.plus(5 * DAY_SECS), None));
        // It is right again: nothing is removed that is younger than the clock says, and nothing has been lost.
        let back = Some(ClockJump { from: far.plus(2 * DAY_SECS), to: NOW });
        assert_eq!(age(&store, NOW, Lived::Off).await, (NOW, back));
        assert_eq!(age(&store, NOW.plus(40 * DAY_SECS), days(40)).await, (NOW.plus(40 * DAY_SECS), None));
    }

    #[tokio::test]
    async fn a_clock_that_goes_back_makes_nothing_older_and_one_that_runs_is_followed() {
        let (_folder, store) = fresh_store();
        age(&store, NOW, Lived::Off).await;
        assert_eq!(age(&store, at(100), days(0)).await.0, at(100));
        for day in 1..50 {
            assert_eq!(age(&store, NOW.plus(day * DAY_SECS), days(1)).await.0, NOW.plus(day * DAY_SECS));
        }
    }

    #[tokio::test]
    async fn a_jump_is_told_for_thirty_days_and_time_that_was_lived_is_none() {
        let (_folder, store) = fresh_store();
        age(&store, NOW, Lived::Off).await;
        assert_eq!(age(&store, NOW.plus(31 * DAY_SECS), days(31)).await.1, None);
        let to = NOW.plus(62 * DAY_SECS);
        let jump = ClockJump { from: NOW.plus(31 * DAY_SECS), to };
        assert_eq!(age(&store, to, days(0)).await.1, Some(jump));
        for (now, told) in [
            (to.minus(1), None),
            (to, Some(jump)),
            (to.plus(JUMP_SECS), Some(jump)),
            (to.plus(JUMP_SECS + 1), None),
        ] {
            assert_eq!(store.read(move |tx| tx.clock_jump(now)).await.unwrap(), told, "{now:?}");
        }
    }
}
