//! One-time codes: one an account at most, by their hashes, with how often each had a new password evaluated.

use crate::audit::event::NotedOn;
use crate::change::{IssueCode, Permits, UseCode};
use crate::error::StoreError;
use crate::ids::AccountId;
use crate::tables::passwords::{CodeTaken, IssuedCode};
use crate::tx::{ReadTx, WriteTx};
use rusqlite::{OptionalExtension, params};
use vestry_protocol::UnixSeconds;

/// A code to store.
#[derive(Debug)]
pub struct NewResetCode<'a> {
    /// Its hash.
    pub code_hash: &'a [u8],
    /// Who issued it.
    pub issued: &'a IssuedCode,
    /// Until when it can be used.
    pub expires: UnixSeconds,
}

/// A code that is there and has not expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetCode {
    /// Who issued it.
    pub issued: IssuedCode,
    /// How often it had a new password evaluated.
    pub evaluations: u32,
    /// How often all codes of the account did, since the moment that was asked for.
    pub evaluations_of_account: u32,
    /// When it set a password, if it did: then it works no more.
    pub used: Option<UnixSeconds>,
}

impl ReadTx<'_> {
    /// The code of an account, when it has this hash and has not expired; with the evaluations of its account since
    /// `since`, and of the future: a clock that went back forgets none.
    ///
    /// # Errors
    /// When the database does.
    pub fn reset_code(
        &self,
        id: AccountId,
        code_hash: &[u8],
        now: UnixSeconds,
        since: UnixSeconds,
    ) -> Result<Option<ResetCode>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "select issued_by, issued_at, evaluations, used,
                    (select count(*) from reset_evaluation e where e.account_id = c.account_id and e.at > ?4)
               from reset_code c where account_id = ?1 and code_hash = ?2 and expires > ?3",
        )?;
        let found = statement.query_row(params![id.0, code_hash, now.seconds(), since.seconds()], |row| {
            let issued = IssuedCode { by: row.get(0)?, at: row.get(1).map(UnixSeconds::from_seconds)? };
            let (evaluations, used) =
                (row.get(2)?, row.get::<_, Option<i64>>(3)?.map(UnixSeconds::from_seconds));
            Ok(ResetCode { issued, evaluations, evaluations_of_account: row.get(4)?, used })
        });
        Ok(found.optional()?)
    }
}

impl WriteTx<'_> {
    /// Stores a code in place of the one before.
    ///
    /// # Errors
    /// When the database does.
    pub fn set_reset_code<A: Permits<IssueCode>>(
        &self,
        noted: &NotedOn<'_, A>,
        new: &NewResetCode<'_>,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "replace into reset_code (account_id, code_hash, issued_by, issued_at, expires, evaluations)
                 values (?1, ?2, ?3, ?4, ?5, 0)",
            )?
            .execute(params![
                noted.account().0,
                new.code_hash,
                new.issued.by,
                new.issued.at.seconds(),
                new.expires.seconds()
            ])?;
        Ok(())
    }

    /// Counts that the code of an account has a new password evaluated.
    ///
    /// # Errors
    /// When the database does.
    pub fn count_reset_evaluation<A: Permits<UseCode>>(
        &self,
        noted: &NotedOn<'_, A>,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let id = noted.account();
        self.conn
            .prepare_cached("update reset_code set evaluations = evaluations + 1 where account_id = ?1")?
            .execute([id.0])?;
        self.conn
            .prepare_cached("insert into reset_evaluation (account_id, at) values (?1, ?2)")?
            .execute(params![id.0, now.seconds()])?;
        Ok(())
    }

    /// Uses up a code, if it was there, not used, and had not expired: at most one caller ever gets the proof. It is known
    /// as used until `until`.
    ///
    /// # Errors
    /// When the database does.
    pub fn take_reset_code<A: Permits<UseCode>>(
        &self,
        noted: &NotedOn<'_, A>,
        code_hash: &[u8],
        now: UnixSeconds,
        until: UnixSeconds,
    ) -> Result<Option<CodeTaken<'_>>, StoreError> {
        let id = noted.account();
        let taken = self
            .conn
            .prepare_cached(
                "update reset_code set used = ?3, expires = ?4
                  where account_id = ?1 and code_hash = ?2 and expires > ?3 and used is null",
            )?
            .execute(params![id.0, code_hash, now.seconds(), until.seconds()])?;
        Ok((taken == 1).then(|| CodeTaken::for_account(id)))
    }

    /// Forgets evaluations of before `before`.
    ///
    /// # Errors
    /// When the database does.
    pub fn sweep_reset_evaluations(&self, before: UnixSeconds) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "delete from reset_evaluation where id in
                 (select id from reset_evaluation where at < ?1 limit 500)",
            )?
            .execute([before.seconds()])?;
        Ok(())
    }
}
