//! Sessions: a row for each, known by a number of its own and the hash of a token. The token itself is never here.

use crate::audit::event::{Noted, NotedOn};
use crate::change::{EndSessions, OpenSession, Permits};
use crate::error::StoreError;
use crate::ids::AccountId;
use crate::ids::SessionId;
use crate::tables::accounts::{ACCOUNT_COLUMNS, BEHIND_ACCOUNT, account_of_row};
use crate::tables::accounts::{AccountRow, Standing};
use crate::tables::passwords::StillProven;
use crate::tx::{ReadTx, WriteTx};
use rusqlite::{OptionalExtension, Params, Row, ToSql, params};
use std::marker::PhantomData;
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::Device;
use vestry_protocol::refusal::SessionEnd;

/// More sessions than this an account cannot have: a new one ends the one that was used least recently.
const SESSIONS_PER_ACCOUNT_MAX: u32 = 32;

/// A session to store.
#[derive(Debug)]
pub struct NewSessionRow<'a> {
    /// A number that no session had before.
    pub id: SessionId,
    /// The hash of its token.
    pub token_hash: &'a [u8],
    /// What its client calls the device.
    pub device: &'a str,
    /// The address that it was opened from.
    pub source: &'a str,
    /// When it was opened.
    pub created: UnixSeconds,
    /// When it ends at the latest.
    pub expires: UnixSeconds,
}

/// One session in a list.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// The public number.
    pub id: SessionId,
    /// What its client calls the device.
    pub device: Device,
    /// The address that it was opened from.
    pub source: String,
    /// When it was opened.
    pub created: UnixSeconds,
    /// When it was last used, to the minute.
    pub last_used: UnixSeconds,
    /// When it ends at the latest.
    pub expires: UnixSeconds,
}

/// Proof that, in this transaction, a session is live and its account active. It cannot leave the transaction.
#[derive(Debug)]
pub struct LiveSession<'tx> {
    id: SessionId,
    account: AccountRow,
    last_used: UnixSeconds,
    transaction: PhantomData<&'tx ()>,
}

impl LiveSession<'_> {
    /// The session's number.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Whose it is.
    #[must_use]
    pub fn account(&self) -> &AccountRow {
        &self.account
    }

    /// When it was last marked as used.
    #[must_use]
    pub fn last_used(&self) -> UnixSeconds {
        self.last_used
    }
}

impl ReadTx<'_> {
    /// The session of a number, if it is live: not expired, not idle for longer than `idle_secs_max`, and its
    /// account active.
    ///
    /// # Errors
    /// When the database does.
    pub fn live_session(
        &self,
        id: SessionId,
        now: UnixSeconds,
        idle_secs_max: i64,
    ) -> Result<Option<LiveSession<'_>>, StoreError> {
        self.find_live("s.id = ?1", &id.0, now, idle_secs_max)
    }

    /// The session of a token's hash, if it is live.
    ///
    /// # Errors
    /// When the database does.
    pub fn live_session_by_token(
        &self,
        token_hash: &[u8],
        now: UnixSeconds,
        idle_secs_max: i64,
    ) -> Result<Option<LiveSession<'_>>, StoreError> {
        self.find_live("s.token_hash = ?1", &token_hash, now, idle_secs_max)
    }

    fn find_live(
        &self,
        condition: &str,
        key: &dyn ToSql,
        now: UnixSeconds,
        idle_secs_max: i64,
    ) -> Result<Option<LiveSession<'_>>, StoreError> {
        let sql = format!(
            "select {ACCOUNT_COLUMNS}, s.id, s.last_used
               from session s join account a on a.id = s.account_id
              where {condition} and s.expires > ?2 and s.last_used > ?2 - ?3"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let found = statement.query_row(params![key, now.seconds(), idle_secs_max], |row| {
            Ok(LiveSession {
                id: SessionId(row.get(BEHIND_ACCOUNT)?),
                account: account_of_row(row, now)?,
                last_used: row.get(BEHIND_ACCOUNT + 1).map(UnixSeconds::from_seconds)?,
                transaction: PhantomData,
            })
        });
        Ok(found.optional()?.filter(|session| session.account.standing == Standing::Active))
    }

    /// Why a session is not live, as far as that is known.
    ///
    /// # Errors
    /// When the database does.
    pub fn session_end(&self, id: SessionId) -> Result<Option<SessionEnd>, StoreError> {
        self.find_end("id", &id.0)
    }

    /// The same by the hash of its token.
    ///
    /// # Errors
    /// When the database does.
    pub fn session_end_by_token(&self, token_hash: &[u8]) -> Result<Option<SessionEnd>, StoreError> {
        self.find_end("token_hash", &token_hash)
    }

    fn find_end(&self, column: &str, key: &dyn ToSql) -> Result<Option<SessionEnd>, StoreError> {
        let sql = format!("select reason from session_end where {column} = ?1");
        let reason = self.conn.prepare_cached(&sql)?.query_row([key], |row| row.get(0)).optional()?;
        if reason.is_some() {
            return Ok(reason.and_then(SessionEnd::from_number));
        }
        // One that is there and not live was not used for too long, or is too old.
        let sql = format!("select 1 from session where {column} = ?1");
        let is_there = self.conn.prepare_cached(&sql)?.exists([key])?;
        Ok(is_there.then_some(SessionEnd::Expired))
    }

    /// The sessions of an account that have not expired, newest first.
    ///
    /// # Errors
    /// When the database does.
    pub fn sessions_of(&self, account: AccountId, now: UnixSeconds) -> Result<Vec<SessionRow>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "select id, device, source, created, last_used, expires from session
             where account_id = ?1 and expires > ?2 order by created desc, id",
        )?;
        let rows = statement.query_map(params![account.0, now.seconds()], session_of_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the account that a session is of.
    ///
    /// # Errors
    /// When the database does.
    pub fn session_owner(&self, id: SessionId) -> Result<Option<AccountId>, StoreError> {
        let mut statement = self.conn.prepare_cached("select account_id from session where id = ?1")?;
        Ok(statement.query_row([id.0], |row| Ok(AccountId(row.get(0)?))).optional()?)
    }
}

fn session_of_row(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        id: SessionId(row.get("id")?),
        device: Device::from_stored(row.get("device")?),
        source: row.get("source")?,
        created: row.get("created").map(UnixSeconds::from_seconds)?,
        last_used: row.get("last_used").map(UnixSeconds::from_seconds)?,
        expires: row.get("expires").map(UnixSeconds::from_seconds)?,
    })
}

impl WriteTx<'_> {
    /// Stores a session; over the limit of an account, the one that was used least recently ends. `false`, and nothing
    /// changed, when another session has its number.
    ///
    /// # Errors
    /// When the database does.
    pub fn insert_session<A: Permits<OpenSession>>(
        &self,
        noted: &NotedOn<'_, A>,
        proof: &StillProven<'_>,
        new: &NewSessionRow<'_>,
    ) -> Result<bool, StoreError> {
        let account = proof.of(noted.account())?;
        let stored = self
            .conn
            .prepare_cached(
                "insert into session (id, token_hash, account_id, device, source, created, last_used, expires)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7) on conflict (id) do nothing",
            )?
            .execute(params![
                new.id.0,
                new.token_hash,
                account.0,
                new.device,
                new.source,
                new.created.seconds(),
                new.expires.seconds()
            ])?;
        if stored == 0 {
            return Ok(false);
        }
        self.end_where(
            SessionEnd::Displaced,
            "id in (select id from session where account_id = ?1 and id <> ?2
                    order by last_used desc limit -1 offset ?3)",
            params![account.0, new.id.0, SESSIONS_PER_ACCOUNT_MAX - 1],
        )?;
        Ok(true)
    }

    /// Ends sessions and keeps why; how many there were.
    fn end_where(
        &self,
        why: SessionEnd,
        condition: &str,
        parameters: impl Params + Copy,
    ) -> Result<usize, StoreError> {
        let reason = why.number();
        let kept = format!(
            "insert or replace into session_end (id, token_hash, reason, until)
             select id, token_hash, {reason}, expires from session where {condition}"
        );
        // Most logins displace nothing.
        if self.conn.prepare_cached(&kept)?.execute(parameters)? == 0 {
            return Ok(0);
        }
        let ended = format!("delete from session where {condition}");
        Ok(self.conn.prepare_cached(&ended)?.execute(parameters)?)
    }

    /// Marks a session as used. Not an act: it has no event. Never moves backwards.
    ///
    /// # Errors
    /// When the database does.
    pub fn touch_session(&self, id: SessionId, now: UnixSeconds) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("update session set last_used = max(last_used, ?2) where id = ?1")?
            .execute(params![id.0, now.seconds()])?;
        Ok(())
    }

    /// Ends a session that its user leaves; whether it was there. The devices that it made stay.
    ///
    /// # Errors
    /// When the database does.
    pub fn end_session<A: Permits<EndSessions>>(
        &self,
        noted: &NotedOn<'_, A>,
        id: SessionId,
    ) -> Result<bool, StoreError> {
        let ended =
            self.end_where(SessionEnd::LoggedOut, "id = ?1 and account_id = ?2", [id.0, noted.account().0])?;
        Ok(ended == 1)
    }

    /// Ends a session that an operator trusts no more; whether it was there. The devices that it made are forgotten.
    ///
    /// # Errors
    /// When the database does.
    pub fn revoke_session<A: Permits<EndSessions>>(
        &self,
        noted: &NotedOn<'_, A>,
        id: SessionId,
    ) -> Result<bool, StoreError> {
        self.revoke_session_as(SessionEnd::Revoked, noted.account(), id)
    }

    /// The same by its user, who may have ended it already and left devices.
    ///
    /// # Errors
    /// When the database does.
    pub fn revoke_session_of<A: Permits<EndSessions>>(
        &self,
        _: &Noted<'_, A>,
        account: AccountId,
        id: SessionId,
    ) -> Result<bool, StoreError> {
        self.revoke_session_as(SessionEnd::LoggedOut, account, id)
    }

    fn revoke_session_as(
        &self,
        why: SessionEnd,
        account: AccountId,
        id: SessionId,
    ) -> Result<bool, StoreError> {
        let made_devices = self.forget_devices_of_session(account, id)?;
        let ended = self.end_where(why, "id = ?1 and account_id = ?2", [id.0, account.0])?;
        Ok(ended == 1 || made_devices)
    }

    /// Ends all sessions of an account that its user leaves, and forgets its devices; how many sessions there were.
    ///
    /// # Errors
    /// When the database does.
    pub fn log_out_everywhere<A: Permits<EndSessions>>(
        &self,
        noted: &NotedOn<'_, A>,
    ) -> Result<u64, StoreError> {
        self.forget_devices_of(noted.account())?;
        self.end_sessions_of(noted.account(), SessionEnd::LoggedOut)
    }

    /// Ends all sessions of an account, as a part of an act on it; how many there were.
    pub(crate) fn end_sessions_of(&self, account: AccountId, why: SessionEnd) -> Result<u64, StoreError> {
        let ended = self.end_where(why, "account_id = ?1", [account.0])?;
        Ok(u64::try_from(ended).unwrap_or(u64::MAX))
    }

    /// Ends all sessions of an account but one; how many there were.
    pub(crate) fn end_other_sessions_of(
        &self,
        account: AccountId,
        kept: SessionId,
        why: SessionEnd,
    ) -> Result<u64, StoreError> {
        let ended = self.end_where(why, "account_id = ?1 and id <> ?2", [account.0, kept.0])?;
        Ok(u64::try_from(ended).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fresh::{EVENT, Test, at, fresh_store, keys_of};
    use crate::store::Store;
    use crate::tables::accounts::{NewAccount, ProfilePatch};
    use vestry_protocol::fields::Username;

    const NAMAN: &str = "naman";

    /// A database with one account.
    async fn with_naman() -> (tempfile::TempDir, Store) {
        let (folder, store) = fresh_store();
        let name = Username::parse(NAMAN).unwrap();
        let new = move |tx: &WriteTx<'_>| {
            let noted = tx.note_on(tx.next_account_id()?, &Test("test"), &EVENT)?;
            tx.insert_account(
                &noted,
                &NewAccount {
                    name: &name,
                    keys: &keys_of(&name, 0),
                    profile: ProfilePatch::default(),
                    password: None,
                    created: at(1),
                },
            )
        };
        store.write(new).await.unwrap().unwrap();
        (folder, store)
    }

    /// Opens a session of the account; whether its number was free.
    async fn open(store: &Store, number: u64, token_hash: u8, created: i64) -> bool {
        let created = at(created);
        let opened = store.write(move |tx| {
            let account = tx.account(&Username::parse(NAMAN).unwrap(), created)?.unwrap().id;
            let (id, token_hash, expires) =
                (SessionId::from_wire(number), &[token_hash; 32], created.plus(100));
            let (device, source) = ("laptop", "::1");
            let new = NewSessionRow { id, token_hash, device, source, created, expires };
            let noted = tx.note_on(account, &Test("test"), &EVENT)?;
            tx.insert_session(&noted, &StillProven::for_tests(account), &new)
        });
        opened.await.unwrap()
    }

    #[tokio::test]
    async fn an_event_on_one_account_ends_no_session_of_another() {
        let (_folder, store) = with_naman().await;
        assert!(open(&store, 1, 1, 0).await);
        let ended = store.write(|tx| {
            let (id, other) = (SessionId::from_wire(1), tx.next_account_id()?);
            let noted = tx.note_on(other, &Test("test"), &EVENT)?;
            Ok::<_, StoreError>([tx.end_session(&noted, id)?, tx.revoke_session(&noted, id)?])
        });
        assert_eq!(ended.await.unwrap(), [false, false]);
    }

    /// The numbers of the sessions of the account that have not expired.
    async fn listed(store: &Store, now: i64) -> Vec<u64> {
        let now = at(now);
        let listed = store.read(move |tx| {
            let account = tx.account(&Username::parse(NAMAN).unwrap(), now)?.unwrap().id;
            tx.sessions_of(account, now)
        });
        let mut numbers: Vec<_> = listed.await.unwrap().iter().map(|row| row.id.to_wire()).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The number of the live session that a token's hash opens.
    async fn opened_by(store: &Store, hash: u8, now: i64, idle_secs_max: i64) -> Option<u64> {
        let found = store.read(move |tx| {
            let live = tx.live_session_by_token(&[hash; 32], at(now), idle_secs_max)?;
            Ok::<_, StoreError>(live.map(|session| session.id().to_wire()))
        });
        found.await.unwrap()
    }

    #[tokio::test]
    async fn a_number_that_another_session_has_is_not_taken_from_it() {
        let (_folder, store) = with_naman().await;
        assert!(open(&store, 7, 1, 10).await);
        assert!(!open(&store, 7, 2, 11).await);
        assert_eq!((opened_by(&store, 1, 12, 50).await, opened_by(&store, 2, 12, 50).await), (Some(7), None));
    }

    #[tokio::test]
    async fn the_thirty_third_session_ends_the_one_that_was_used_least_recently() {
        let (_folder, store) = with_naman().await;
        for number in 0..32 {
            assert!(open(&store, number, u8::try_from(number).unwrap(), 10).await);
        }
        for number in (0..32).filter(|number| *number != 5) {
            store.write(move |tx| tx.touch_session(SessionId::from_wire(number), at(11))).await.unwrap();
        }
        assert_eq!(listed(&store, 11).await.len(), 32);
        assert!(open(&store, 99, 99, 12).await);
        let kept: Vec<_> = (0..32).filter(|number| *number != 5).chain([99]).collect();
        assert_eq!(listed(&store, 12).await, kept);
    }

    #[tokio::test]
    async fn a_session_ends_when_it_expires_or_was_idle_too_long() {
        let (_folder, store) = with_naman().await;
        open(&store, 7, 1, 10).await;
        let used = async |now: i64| {
            let touched = store.write(move |tx| {
                tx.touch_session(SessionId::from_wire(7), at(now))?;
                let live = tx.live_session(SessionId::from_wire(7), at(10), 50)?;
                Ok::<_, StoreError>(live.map(|session| session.last_used()))
            });
            touched.await.unwrap()
        };
        let lives = async |now, idle| opened_by(&store, 1, now, idle).await == Some(7);
        assert!(lives(59, 50).await && !lives(60, 50).await, "idle");
        assert_eq!(
            (used(30).await, used(20).await),
            (Some(at(30)), Some(at(30))),
            "a use never lies before another"
        );
        assert!(lives(79, 50).await && !lives(80, 50).await, "used again");
        assert!(lives(109, 1000).await && !lives(110, 1000).await, "absolute");
        assert_eq!((listed(&store, 109).await, listed(&store, 110).await), (vec![7], vec![]));
    }
}
