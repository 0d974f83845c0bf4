//! Devices that logged in before, known by the hash of a token that only the device has.

use crate::{AccountId, Noted, ReadTx, StoreError, WriteTx};
use rusqlite::{OptionalExtension, params};
use vestry_protocol::UnixSeconds;

/// More devices than this are not remembered for an account: a new one takes the place of the least recently used.
const DEVICES_PER_ACCOUNT_MAX: u32 = 16;

/// A device that logged in before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDevice {
    /// Its number.
    pub id: i64,
    /// The canonical name of the account that it logged in to.
    pub account: String,
}

impl ReadTx<'_> {
    /// The device of a token's hash.
    ///
    /// # Errors
    /// When the database does.
    pub fn device_by_token(&self, token_hash: &[u8]) -> Result<Option<KnownDevice>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "select d.id, a.name from device d join account a on a.id = d.account_id where d.token_hash = ?1",
        )?;
        let found = statement
            .query_row([token_hash], |row| Ok(KnownDevice { id: row.get(0)?, account: row.get(1)? }));
        Ok(found.optional()?)
    }
}

impl WriteTx<'_> {
    /// Remembers a device.
    ///
    /// # Errors
    /// When the database does.
    pub fn insert_device(
        &self,
        _: &Noted<'_>,
        account: AccountId,
        token_hash: &[u8],
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "delete from device where id in (select id from device where account_id = ?1
                 order by last_used desc limit -1 offset ?2)",
            )?
            .execute(params![account.0, DEVICES_PER_ACCOUNT_MAX - 1])?;
        self.conn
            .prepare_cached(
                "insert into device (account_id, token_hash, created, last_used) values (?1, ?2, ?3, ?3)",
            )?
            .execute(params![account.0, token_hash, now])?;
        Ok(())
    }

    /// Marks a device as used, to the day: a login is not to rewrite an index for it.
    ///
    /// # Errors
    /// When the database does.
    pub fn touch_device(&self, _: &Noted<'_>, id: i64, now: UnixSeconds) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("update device set last_used = ?2 where id = ?1 and last_used < ?2 - 86400")?
            .execute([id, now])?;
        Ok(())
    }

    /// Forgets every device of an account.
    ///
    /// # Errors
    /// When the database does.
    pub fn forget_devices_of(&self, _: &Noted<'_>, account: AccountId) -> Result<(), StoreError> {
        self.conn.prepare_cached("delete from device where account_id = ?1")?.execute([account.0])?;
        Ok(())
    }

    /// Forgets devices that were not used since `before`.
    ///
    /// # Errors
    /// When the database does.
    pub fn sweep_devices(&self, before: UnixSeconds) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "delete from device where id in (select id from device where last_used < ?1 limit 500)",
            )?
            .execute([before])?;
        Ok(())
    }
}
