//! Devices that logged in before, known by the hash of a token that only the device has.

use crate::aging::Cutoff;
use crate::audit::event::{Noted, NotedOn};
use crate::change::{CountAttempt, ForgetDevice, Permits, RememberDevice, RestoreDatabase};
use crate::error::StoreError;
use crate::ids::{AccountId, SessionId};
use crate::tx::{ReadTx, WriteTx};
use rusqlite::{OptionalExtension, params};
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::Device;

/// A device that logged in before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDevice {
    /// Its number.
    pub id: i64,
    /// The account that it logged in to.
    pub account: AccountId,
}

/// A device to remember.
#[derive(Debug)]
pub struct NewDevice<'a> {
    /// A random number, so that it counts nothing.
    pub id: i64,
    /// The session that its token is handed out in.
    pub session: SessionId,
    /// The hash of its token.
    pub token_hash: &'a [u8],
    /// When.
    pub created: UnixSeconds,
}

/// One device in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRow {
    /// Its number.
    pub id: i64,
    /// What its client called it.
    pub device: Device,
    /// When it was remembered.
    pub created: UnixSeconds,
    /// When it logged in last, to the day.
    pub last_used: UnixSeconds,
}

impl ReadTx<'_> {
    /// The device of a token's hash.
    ///
    /// # Errors
    /// When the database does.
    pub fn device_by_token(&self, token_hash: &[u8]) -> Result<Option<KnownDevice>, StoreError> {
        let mut statement =
            self.conn.prepare_cached("select id, account_id from device where token_hash = ?1")?;
        let found = statement.query_row([token_hash], |row| {
            Ok(KnownDevice { id: row.get(0)?, account: AccountId(row.get(1)?) })
        });
        Ok(found.optional()?)
    }

    /// The devices of an account, the one that logged in last first.
    ///
    /// # Errors
    /// When the database does.
    pub fn devices_of(&self, account: AccountId) -> Result<Vec<DeviceRow>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "select id, device, created, last_used from device where account_id = ?1
             order by last_used desc, id desc",
        )?;
        let rows = statement.query_map([account.0], |row| {
            let (id, device) = (row.get(0)?, Device::from_stored(row.get(1)?));
            Ok(DeviceRow {
                id,
                device,
                created: row.get(2).map(UnixSeconds::from_seconds)?,
                last_used: row.get(3).map(UnixSeconds::from_seconds)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl WriteTx<'_> {
    /// Remembers the device of a session by the name that its session has. Over `devices_max` of an account, the one
    /// that was used least recently is forgotten.
    ///
    /// # Errors
    /// When the database does.
    pub fn insert_device<A: Permits<RememberDevice>>(
        &self,
        noted: &NotedOn<'_, A>,
        new: &NewDevice<'_>,
        devices_max: u32,
    ) -> Result<(), StoreError> {
        let account = noted.account();
        self.conn
            .prepare_cached(
                "delete from device where id in (select id from device where account_id = ?1
                 order by last_used desc, id desc limit -1 offset ?2)",
            )?
            .execute(params![account.0, devices_max.saturating_sub(1)])?;
        self.conn
            .prepare_cached(
                "insert into device (id, account_id, session_id, device, token_hash, created, last_used)
                 select ?3, account_id, id, device, ?4, ?5, ?5 from session where account_id = ?1 and id = ?2",
            )?
            .execute(params![account.0, new.session.0, new.id, new.token_hash, new.created.seconds()])?;
        Ok(())
    }

    /// Marks a device as used, to the day: a login is not to rewrite an index for it.
    ///
    /// # Errors
    /// When the database does.
    pub fn touch_device<A: Permits<CountAttempt>>(
        &self,
        _: &Noted<'_, A>,
        id: i64,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("update device set last_used = ?2 where id = ?1 and last_used < ?2 - 86400")?
            .execute([id, now.seconds()])?;
        Ok(())
    }

    /// Forgets one device of an account; whether it was there.
    ///
    /// # Errors
    /// When the database does.
    pub fn forget_device<A: Permits<ForgetDevice>>(
        &self,
        _: &Noted<'_, A>,
        account: AccountId,
        id: i64,
    ) -> Result<bool, StoreError> {
        let mut statement =
            self.conn.prepare_cached("delete from device where id = ?2 and account_id = ?1")?;
        Ok(statement.execute([account.0, id])? == 1)
    }

    /// Forgets the devices of an account whose tokens were handed out in a session; whether there were any.
    ///
    /// # Errors
    /// When the database does.
    pub(crate) fn forget_devices_of_session(
        &self,
        account: AccountId,
        session: SessionId,
    ) -> Result<bool, StoreError> {
        let mut statement =
            self.conn.prepare_cached("delete from device where account_id = ?1 and session_id = ?2")?;
        Ok(statement.execute([account.0, session.0])? > 0)
    }

    /// Forgets every device of an account, as a part of an act on it.
    pub(crate) fn forget_devices_of(&self, account: AccountId) -> Result<(), StoreError> {
        self.conn.prepare_cached("delete from device where account_id = ?1")?.execute([account.0])?;
        Ok(())
    }

    /// Forgets every device there is: after a restore, nobody knows who has their tokens.
    ///
    /// # Errors
    /// When the database does.
    pub fn forget_every_device<A: Permits<RestoreDatabase>>(
        &self,
        _: &Noted<'_, A>,
    ) -> Result<(), StoreError> {
        self.conn.prepare_cached("delete from device")?.execute([])?;
        Ok(())
    }

    /// Forgets devices that were not used for long.
    ///
    /// # Errors
    /// When the database does.
    pub fn forget_old_devices(&self, cutoff: Cutoff) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "delete from device where id in (select id from device where last_used < ?1 limit 500)",
            )?
            .execute([cutoff.before().seconds()])?;
        Ok(())
    }
}
