//! Credentials: what proves a user, one row a kind, and the one-time codes that stand in for one.
//!
//! The records come and go as the server made them; nothing here can read or judge one.

use crate::accounts::{ACCOUNT_COLUMNS, BEHIND_ACCOUNT, account_of_row};
use crate::{AccountId, AccountRow, Noted, ReadTx, StoreError, WriteTx};
use rusqlite::{OptionalExtension, params};
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::Username;

/// The kinds of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// An Argon2id hash as a PHC string.
    Argon2id,
    /// An OPAQUE record.
    Opaque,
}

impl CredentialKind {
    /// The name of the kind in the database and in the operator's table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Argon2id => "argon2id",
            Self::Opaque => "opaque",
        }
    }
}

/// What a login needs to know before it can judge a password.
pub struct LoginRecord {
    /// The account.
    pub account: AccountRow,
    /// The stored credential of the wanted kind, if there is one.
    pub record: Option<Vec<u8>>,
}

impl ReadTx<'_> {
    /// The account of a name with its credential of one kind.
    ///
    /// # Errors
    /// When the database does.
    pub fn login_record(
        &self,
        name: &Username,
        kind: CredentialKind,
        now: UnixSeconds,
    ) -> Result<Option<LoginRecord>, StoreError> {
        let sql = format!(
            "select {ACCOUNT_COLUMNS}, c.record from account a
             left join credential c on c.account_id = a.id and c.kind = ?2 where a.name = ?1"
        );
        let mut statement = self.conn.prepare_cached(&sql)?;
        let found = statement.query_row([name.as_str(), kind.as_str()], |row| {
            Ok(LoginRecord { account: account_of_row(row, now)?, record: row.get(BEHIND_ACCOUNT)? })
        });
        let found = found.optional()?;
        if found.is_none() {
            // The same second look-up that a name with an account has, so that the time does not tell.
            self.credential(AccountId(0), kind)?;
        }
        Ok(found)
    }

    /// The credential of one kind as it is now.
    ///
    /// # Errors
    /// When the database does.
    pub fn credential(&self, id: AccountId, kind: CredentialKind) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement =
            self.conn.prepare_cached("select record from credential where account_id = ?1 and kind = ?2")?;
        Ok(statement.query_row(params![id.0, kind.as_str()], |row| row.get(0)).optional()?)
    }

    /// The kind of an account's credential, as the operator's table shows it.
    ///
    /// # Errors
    /// When the database does.
    pub fn credential_kind(&self, id: AccountId) -> Result<String, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("select coalesce(min(kind), 'none') from credential where account_id = ?1")?;
        Ok(statement.query_row([id.0], |row| row.get(0))?)
    }
}

impl WriteTx<'_> {
    /// Stores a credential for a new password: it takes the place of every kind there was.
    ///
    /// # Errors
    /// When the database does.
    pub fn set_credential(
        &self,
        noted: &Noted<'_>,
        id: AccountId,
        kind: CredentialKind,
        record: &[u8],
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("delete from credential where account_id = ?1 and kind <> ?2")?
            .execute(params![id.0, kind.as_str()])?;
        self.put_credential(noted, id, kind, record, now)
    }

    /// Takes a credential of one kind away, if there is one.
    ///
    /// # Errors
    /// When the database does.
    pub fn drop_credential(
        &self,
        _: &Noted<'_>,
        id: AccountId,
        kind: CredentialKind,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("delete from credential where account_id = ?1 and kind = ?2")?
            .execute(params![id.0, kind.as_str()])?;
        Ok(())
    }

    /// Stores another form of the same password; the other kinds stay.
    ///
    /// # Errors
    /// When the database does.
    pub fn put_credential(
        &self,
        _: &Noted<'_>,
        id: AccountId,
        kind: CredentialKind,
        record: &[u8],
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "insert into credential (account_id, kind, record, changed) values (?1, ?2, ?3, ?4)
                 on conflict (account_id, kind) do update set record = excluded.record, changed = excluded.changed",
            )?
            .execute(params![id.0, kind.as_str(), record, now])?;
        Ok(())
    }

    /// Stores the hash of a one-time code in place of the one before.
    ///
    /// # Errors
    /// When the database does.
    pub fn set_reset_code(
        &self,
        _: &Noted<'_>,
        id: AccountId,
        code_hash: &[u8],
        expires: UnixSeconds,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("replace into reset_code (account_id, code_hash, expires) values (?1, ?2, ?3)")?
            .execute(params![id.0, code_hash, expires])?;
        Ok(())
    }

    /// Uses up a one-time code; whether it was there and still good. At most one caller ever gets `true`.
    ///
    /// # Errors
    /// When the database does.
    pub fn take_reset_code(
        &self,
        _: &Noted<'_>,
        id: AccountId,
        code_hash: &[u8],
        now: UnixSeconds,
    ) -> Result<bool, StoreError> {
        let taken = self
            .conn
            .prepare_cached(
                "delete from reset_code where account_id = ?1 and code_hash = ?2 and expires > ?3",
            )?
            .execute(params![id.0, code_hash, now])?;
        Ok(taken == 1)
    }
}
