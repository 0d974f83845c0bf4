//! Credentials: what proves a user, one an account.
//!
//! The records come and go as the server made them; nothing here can read or judge one.

use crate::{AccountId, Noted, ReadTx, StoreError, WriteTx};
use rusqlite::{OptionalExtension, params};
use vestry_protocol::UnixSeconds;

/// The kinds of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// An OPAQUE record.
    Opaque,
    /// A password hash that was imported, sealed by the server; an OPAQUE record takes its place at the first login.
    Imported,
}

impl CredentialKind {
    /// The name of the kind in the database and in the operator's table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opaque => "opaque",
            Self::Imported => "imported",
        }
    }

    fn from_str(text: &str) -> Option<Self> {
        [Self::Opaque, Self::Imported].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A stored credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its kind.
    pub kind: CredentialKind,
    /// The record.
    pub record: Vec<u8>,
}

/// A credential to store, and what its user should know of it.
#[derive(Debug, Clone, Copy)]
pub struct NewCredential<'a> {
    /// Its kind.
    pub kind: CredentialKind,
    /// The record.
    pub record: &'a [u8],
    /// Whether the password breaks a rule of new ones.
    pub is_weak: bool,
    /// The one-time code that set it.
    pub code: Option<&'a IssuedCode>,
}

impl<'a> NewCredential<'a> {
    /// The OPAQUE record of a password that its user chose.
    #[must_use]
    pub fn opaque(record: &'a [u8]) -> Self {
        Self { kind: CredentialKind::Opaque, record, is_weak: false, code: None }
    }
}

/// Who issued a one-time code, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCode {
    /// The operator's name.
    pub by: String,
    /// When.
    pub at: UnixSeconds,
}

/// What a user should know of the own password.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PasswordFacts {
    /// It breaks a rule of new ones.
    pub is_weak: bool,
    /// The one-time code that set it.
    pub code: Option<IssuedCode>,
    /// When it was set.
    pub changed: UnixSeconds,
}

impl ReadTx<'_> {
    /// The credential of an account as it is now.
    ///
    /// # Errors
    /// When the database does.
    pub fn credential(&self, id: AccountId) -> Result<Option<Credential>, StoreError> {
        let mut statement =
            self.conn.prepare_cached("select kind, record from credential where account_id = ?1")?;
        let found = statement
            .query_row([id.0], |row| Ok((CredentialKind::from_str(row.get_ref(0)?.as_str()?), row.get(1)?)));
        Ok(found.optional()?.and_then(|(kind, record)| Some(Credential { kind: kind?, record })))
    }

    /// The kind of an account's credential, as the operator's table shows it.
    ///
    /// # Errors
    /// When the database does.
    pub fn credential_kind(&self, id: AccountId) -> Result<Option<CredentialKind>, StoreError> {
        Ok(self.credential(id)?.map(|credential| credential.kind))
    }

    /// What the user of an account should know of its password.
    ///
    /// # Errors
    /// When the database does.
    pub fn password_facts(&self, id: AccountId) -> Result<PasswordFacts, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "select is_weak, code_issued_by, code_issued_at, changed from credential where account_id = ?1",
        )?;
        let found = statement.query_row([id.0], |row| {
            let (by, at): (Option<String>, Option<UnixSeconds>) = (row.get(1)?, row.get(2)?);
            let code = by.zip(at).map(|(by, at)| IssuedCode { by, at });
            Ok(PasswordFacts { is_weak: row.get(0)?, code, changed: row.get(3)? })
        });
        Ok(found.optional()?.unwrap_or_default())
    }
}

impl WriteTx<'_> {
    /// Stores a credential in place of the one before.
    ///
    /// # Errors
    /// When the database does.
    pub fn set_credential(
        &self,
        _: &Noted<'_>,
        id: AccountId,
        new: NewCredential<'_>,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let code = new.code;
        self.conn
            .prepare_cached(
                "insert into credential (account_id, kind, record, changed, is_weak, code_issued_by, code_issued_at)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7) on conflict (account_id) do update set
                 kind = excluded.kind, record = excluded.record, changed = excluded.changed,
                 is_weak = excluded.is_weak, code_issued_by = excluded.code_issued_by,
                 code_issued_at = excluded.code_issued_at",
            )?
            .execute(params![
                id.0,
                new.kind.as_str(),
                new.record,
                now,
                new.is_weak,
                code.map(|code| &code.by),
                code.map(|code| code.at)
            ])?;
        Ok(())
    }
}
