//! Credentials: what proves a user, one an account.
//!
//! The records come and go as the server made them; nothing here can read or judge one.

use crate::audit::event::{Noted, NotedOn};
use crate::change::{Permits, ReplaceRecord, ReplaceSecret, SetPassword};
use crate::error::StoreError;
use crate::ids::{AccountId, OprfId, SessionId};
use crate::tx::{ReadTx, WriteTx};
use rusqlite::{OptionalExtension, Row, params};
use std::marker::PhantomData;
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::Username;
use vestry_protocol::refusal::SessionEnd;

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
pub enum Credential {
    /// An OPAQUE record.
    Opaque(SealedRecord),
    /// A password hash that was imported, sealed by the server; an OPAQUE record takes its place at the first login.
    Imported(Vec<u8>),
}

impl Credential {
    /// Returns its kind.
    #[must_use]
    pub fn kind(&self) -> CredentialKind {
        match self {
            Self::Opaque(_) => CredentialKind::Opaque,
            Self::Imported(_) => CredentialKind::Imported,
        }
    }
}

/// An OPAQUE record, and the generation of the key that it was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRecord {
    /// The record.
    pub bytes: Vec<u8>,
    /// The generation.
    pub generation: Generation,
}

/// A generation of the server's OPAQUE key. Each replaces the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub i64);

/// How the records of a generation stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GenerationRow {
    /// Which generation.
    pub generation: Generation,
    /// When its key was made.
    pub began: UnixSeconds,
    /// The records that were made with it.
    pub records: u64,
    /// How far names without a record have followed to it, from 0 to 1.
    pub share: f64,
}

/// An OPAQUE record to store, and what its user should know of it.
#[derive(Debug, Clone, Copy)]
pub struct NewCredential<'a> {
    /// The record.
    pub record: &'a SealedRecord,
    /// Whether the password breaks a rule of new ones.
    pub is_weak: bool,
    /// The one-time code that set it.
    pub code: Option<&'a IssuedCode>,
}

impl<'a> NewCredential<'a> {
    /// The OPAQUE record of a password that its user chose.
    #[must_use]
    pub fn chosen(record: &'a SealedRecord) -> Self {
        Self { record, is_weak: false, code: None }
    }
}

/// Proof that, in this transaction, the password of an account is still the one that was proven. It cannot leave the transaction.
#[derive(Debug)]
pub struct StillProven<'tx> {
    account: AccountId,
    transaction: PhantomData<&'tx ()>,
}

/// Proof that, in this transaction, a one-time code of an account was used up. It cannot leave the transaction.
#[derive(Debug)]
pub struct CodeTaken<'tx> {
    account: AccountId,
    transaction: PhantomData<&'tx ()>,
}

/// By what right a password is set.
#[derive(Debug)]
pub enum PasswordRight<'tx> {
    /// The one before it was proven.
    Proof(StillProven<'tx>),
    /// A one-time code was used up for it.
    Code(CodeTaken<'tx>),
}

impl StillProven<'_> {
    /// One of whatever password the account has.
    #[cfg(test)]
    pub(crate) fn for_tests(account: AccountId) -> Self {
        Self { account, transaction: PhantomData }
    }

    /// Returns the account, which has to be the one that the event of the act names.
    pub(crate) fn of(&self, noted: AccountId) -> Result<AccountId, StoreError> {
        same(self.account, noted)
    }
}

impl CodeTaken<'_> {
    /// Returns the proof for a code of an account that was just taken.
    pub(crate) fn for_account(account: AccountId) -> Self {
        Self { account, transaction: PhantomData }
    }

    fn of(self, noted: AccountId) -> Result<AccountId, StoreError> {
        same(self.account, noted)
    }
}

/// Returns the account that an event names, which has to be the one that a witness is about.
pub(super) fn same(proven: AccountId, noted: AccountId) -> Result<AccountId, StoreError> {
    match proven == noted {
        true => Ok(noted),
        false => Err(StoreError::Statement("the event names another account than the proof".to_owned())),
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

/// A credential with its account, as a check of all of them sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCredential {
    /// The account's number.
    pub account: AccountId,
    /// Its name.
    pub name: Username,
    /// What names its OPRF key.
    pub oprf_id: OprfId,
    /// The credential; `None` when its kind is none that this version knows.
    pub credential: Option<Credential>,
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
    /// When its record moved to another key of the server.
    pub moved: Option<UnixSeconds>,
}

/// Reads kind, record and generation, from a column on.
fn credential_of_row(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<Credential>> {
    let kind = row.get_ref(first)?.as_str().ok().and_then(CredentialKind::from_str);
    let (bytes, generation): (Vec<u8>, Option<i64>) = (row.get(first + 1)?, row.get(first + 2)?);
    // The row of nobody is read as any other.
    let bytes = std::hint::black_box(bytes);
    Ok(kind.map(|kind| match kind {
        // No version writes a record without its generation: no key is found for one.
        CredentialKind::Opaque => {
            Credential::Opaque(SealedRecord { bytes, generation: Generation(generation.unwrap_or(0)) })
        }
        CredentialKind::Imported => Credential::Imported(bytes),
    }))
}

impl ReadTx<'_> {
    /// The credential of an account as it is now. Takes as long whether or not there is one: behind it stands a record of
    /// the usual length, of no kind.
    ///
    /// # Errors
    /// When the database does.
    pub fn credential(&self, id: AccountId) -> Result<Option<Credential>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "select kind, record, generation from credential where account_id = ?1
                 union all select 'nobody', zeroblob(213), 1",
        )?;
        Ok(statement.query_row([id.0], |row| credential_of_row(row, 0))?)
    }

    /// Returns the generations of the OPAQUE key, the newest last.
    ///
    /// # Errors
    /// When the database does.
    pub fn opaque_generations(&self) -> Result<Vec<GenerationRow>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("select generation, began, records, share from opaque_key order by generation")?;
        let rows = statement.query_map([], |row| {
            let generation = Generation(row.get(0)?);
            Ok(GenerationRow {
                generation,
                began: row.get(1).map(UnixSeconds::from_seconds)?,
                records: row.get(2)?,
                share: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns how far names without a record have followed to a generation, from 0 to 1.
    ///
    /// # Errors
    /// When the database does.
    pub fn opaque_share(&self, generation: Generation) -> Result<f64, StoreError> {
        let mut statement = self.conn.prepare_cached("select share from opaque_key where generation = ?1")?;
        Ok(statement.query_row([generation.0], |row| row.get(0)).optional()?.unwrap_or(0.0))
    }

    /// Hands every stored credential to a closure, with its account, for a check of them all.
    ///
    /// # Errors
    /// When the database does.
    pub fn for_each_credential(&self, mut look: impl FnMut(StoredCredential)) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare(
            "select a.id, a.name, a.oprf_id, c.kind, c.record, c.generation
               from credential c join account a on a.id = c.account_id order by a.id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            look(StoredCredential {
                account: AccountId(row.get(0)?),
                name: Username::from_stored(row.get(1)?),
                oprf_id: OprfId(row.get(2)?),
                credential: credential_of_row(row, 3)?,
            });
        }
        Ok(())
    }

    /// The kind of an account's credential, as the operator's table shows it.
    ///
    /// # Errors
    /// When the database does.
    pub fn credential_kind(&self, id: AccountId) -> Result<Option<CredentialKind>, StoreError> {
        Ok(self.credential(id)?.map(|credential| credential.kind()))
    }

    /// What the user of an account should know of its password.
    ///
    /// # Errors
    /// When the database does.
    pub fn password_facts(&self, id: AccountId) -> Result<PasswordFacts, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "select is_weak, code_issued_by, code_issued_at, changed, moved from credential where account_id = ?1",
        )?;
        let found = statement.query_row([id.0], |row| {
            let (by, at): (Option<String>, Option<i64>) = (row.get(1)?, row.get(2)?);
            let code = by.zip(at).map(|(by, at)| IssuedCode { by, at: UnixSeconds::from_seconds(at) });
            Ok(PasswordFacts {
                is_weak: row.get(0)?,
                code,
                changed: row.get(3).map(UnixSeconds::from_seconds)?,
                moved: row.get::<_, Option<i64>>(4)?.map(UnixSeconds::from_seconds),
            })
        });
        Ok(found.optional()?.unwrap_or_default())
    }
}

impl WriteTx<'_> {
    /// Returns the proof that a credential is still the one of an account, in this transaction; `None` when it was changed since it
    /// was proven.
    ///
    /// # Errors
    /// When the database does.
    pub fn still_proven(
        &self,
        account: AccountId,
        proven: &Credential,
    ) -> Result<Option<StillProven<'_>>, StoreError> {
        let current = self.credential(account)?;
        let is_current = current.as_ref() == Some(proven);
        Ok(is_current.then_some(StillProven { account, transaction: PhantomData }))
    }

    /// Puts the OPAQUE record of a proven password in the place of the imported hash that it was proven by.
    ///
    /// # Errors
    /// When the database does.
    pub fn seal_imported<A: Permits<ReplaceRecord>>(
        &self,
        noted: &NotedOn<'_, A>,
        proof: &StillProven<'_>,
        new: NewCredential<'_>,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        self.set_credential(proof.of(noted.account())?, new, now)
    }

    /// Stores the credential of a new password: every session ends, and every device is forgotten.
    ///
    /// # Errors
    /// When the database does.
    pub fn replace_password<A: Permits<SetPassword>>(
        &self,
        noted: &NotedOn<'_, A>,
        right: PasswordRight<'_>,
        new: NewCredential<'_>,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let account = match right {
            PasswordRight::Proof(proof) => proof.of(noted.account())?,
            PasswordRight::Code(code) => code.of(noted.account())?,
        };
        self.set_credential(account, new, now)?;
        self.forget_devices_of(account)?;
        self.end_sessions_of(account, SessionEnd::PasswordChanged).map(drop)
    }

    /// Stores an OPAQUE record in place of the credential before.
    pub(crate) fn set_credential(
        &self,
        id: AccountId,
        new: NewCredential<'_>,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let code = new.code;
        self.conn
            .prepare_cached(
                "insert into credential
                   (account_id, kind, record, generation, changed, is_weak, code_issued_by, code_issued_at)
                 values (?1, 'opaque', ?2, ?3, ?4, ?5, ?6, ?7) on conflict (account_id) do update set
                 kind = excluded.kind, record = excluded.record, generation = excluded.generation,
                 changed = excluded.changed, moved = null, is_weak = excluded.is_weak,
                 code_issued_by = excluded.code_issued_by, code_issued_at = excluded.code_issued_at",
            )?
            .execute(params![
                id.0,
                new.record.bytes,
                new.record.generation.0,
                now.seconds(),
                new.is_weak,
                code.map(|code| &code.by),
                code.map(|code| code.at.seconds())
            ])?;
        Ok(())
    }

    /// Puts a record of another generation in the place of the one that there is: every session but one ends, and every device is
    /// forgotten. Returns how many sessions ended.
    ///
    /// # Errors
    /// When the database does.
    pub fn move_record<A: Permits<ReplaceRecord>>(
        &self,
        noted: &NotedOn<'_, A>,
        proof: &StillProven<'_>,
        record: &SealedRecord,
        (kept, now): (SessionId, UnixSeconds),
    ) -> Result<u64, StoreError> {
        let id = proof.of(noted.account())?;
        self.conn
            .prepare_cached(
                "update credential set record = ?2, generation = ?3, moved = ?4
                 where account_id = ?1 and kind = 'opaque'",
            )?
            .execute(params![id.0, record.bytes, record.generation.0, now.seconds()])?;
        self.forget_devices_of(id)?;
        self.end_other_sessions_of(id, kept, SessionEnd::RecordMoved)
    }

    /// Begins another generation of the OPAQUE key, to which records move from now on.
    ///
    /// # Errors
    /// When the database does; also when there are two already.
    pub fn begin_opaque_generation<A: Permits<ReplaceSecret>>(
        &self,
        _: &Noted<'_, A>,
        now: UnixSeconds,
    ) -> Result<Generation, StoreError> {
        let [only] = self.opaque_generations()?[..] else {
            return Err(StoreError::Statement("there are two generations of the OPAQUE key".to_owned()));
        };
        let next = Generation(only.generation.0.saturating_add(1));
        self.conn.execute(
            "insert into opaque_key (generation, began) values (?1, ?2)",
            params![next.0, now.seconds()],
        )?;
        Ok(next)
    }

    /// Ends the older generation of the OPAQUE key. Accounts whose records are of it have no password any more; returns how
    /// many there were.
    ///
    /// # Errors
    /// When the database does.
    pub fn end_opaque_generation<A: Permits<ReplaceSecret>>(
        &self,
        _: &Noted<'_, A>,
        older: Generation,
    ) -> Result<u64, StoreError> {
        let removed = self.conn.execute("delete from credential where generation = ?1", [older.0])?;
        self.conn.execute("delete from opaque_key where generation = ?1", [older.0])?;
        Ok(u64::try_from(removed).unwrap_or(u64::MAX))
    }

    /// Replaces every imported hash by what `reseal` makes of it, with the identifier of its account's OPRF key; returns how many
    /// there were.
    ///
    /// # Errors
    /// What `reseal` returns, or when the database does.
    pub fn reseal_imported<A: Permits<ReplaceSecret>, E: From<StoreError>>(
        &self,
        _: &Noted<'_, A>,
        mut reseal: impl FnMut(&[u8], OprfId) -> Result<Vec<u8>, E>,
    ) -> Result<u64, E> {
        let failed = |error: rusqlite::Error| E::from(error.into());
        let mut of = self
            .conn
            .prepare(
                "select c.account_id, c.record, a.oprf_id from credential c join account a on a.id = c.account_id
                  where c.kind = 'imported' and c.account_id > ?1 order by c.account_id limit 1",
            )
            .map_err(failed)?;
        let mut put =
            self.conn.prepare("update credential set record = ?2 where account_id = ?1").map_err(failed)?;
        let (mut last, mut resealed) = (0_i64, 0);
        loop {
            let next = of.query_row([last], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, OprfId(row.get(2)?)))
            });
            let Some((id, record, oprf_id)) = next.optional().map_err(failed)? else { return Ok(resealed) };
            let record = reseal(&record, oprf_id)?;
            put.execute(params![id, record]).map_err(failed)?;
            (last, resealed) = (id, resealed + 1);
        }
    }
}
