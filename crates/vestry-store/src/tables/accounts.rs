//! Accounts: the row, its standing, and what may become of it.

use crate::audit::event::{Noted, NotedOn};
use crate::change::{
    ChangeProfile, DeleteAccount, ImportAccounts, MakeAccount, OpenSession, Permits, PurgeAccount,
    RestoreAccount, ResumeAccount, SuspendAccount,
};
use crate::error::StoreError;
use crate::ids::{AccountId, OprfId};
use crate::tables::maintenance::Purgeable;
use crate::tables::operators::LiveOperator;
use crate::tables::passwords::{NewCredential, StillProven, same};
use crate::tx::{ReadTx, WriteTx};
use rusqlite::{OptionalExtension, Row, params};
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::{Age, Email, Gender, Reason, Username};
use vestry_protocol::refusal::SessionEnd;
use vestry_protocol::user::Change;

/// Whether an account may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Active,
    /// Not until the operator or the date says so.
    Suspended {
        /// Until when; for good when absent.
        until: Option<UnixSeconds>,
        /// Why, in the operator's words.
        reason: Option<String>,
    },
    /// No; it can still be restored.
    Deleted {
        /// Since when.
        at: UnixSeconds,
    },
}

/// One account.
#[derive(Debug, Clone)]
pub struct AccountRow {
    /// Its number.
    pub id: AccountId,
    /// Its canonical name.
    pub name: Username,
    /// E-mail address.
    pub email: Option<Email>,
    /// Years.
    pub age: Option<Age>,
    /// Free text.
    pub gender: Option<Gender>,
    /// When it was made.
    pub created: UnixSeconds,
    /// The last login.
    pub last_login: Option<UnixSeconds>,
    /// Whether it may be used.
    pub standing: Standing,
    /// What names its OPRF key.
    pub oprf_id: OprfId,
}

/// What a name stands for beside the account that may have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameKeys {
    /// A keyed hash of the name, under which the database remembers how often it was given up.
    pub name_key: [u8; 32],
    /// How often it was given up.
    pub generation: i64,
    /// The identifier of an account that is made with this name now.
    pub oprf_id: OprfId,
}

/// What a new account starts with.
#[derive(Debug)]
pub struct NewAccount<'a> {
    /// Its name.
    pub name: &'a Username,
    /// The keys of its name, as they were looked up.
    pub keys: &'a NameKeys,
    /// Its profile.
    pub profile: ProfilePatch<'a>,
    /// Its password; `None` when a one-time code is to set it.
    pub password: Option<NewCredential<'a>>,
    /// When it is made.
    pub created: UnixSeconds,
}

/// A whole profile, as it is to be.
#[derive(Debug, Default)]
pub struct ProfilePatch<'a> {
    /// E-mail address.
    pub email: Option<&'a Email>,
    /// Years.
    pub age: Option<Age>,
    /// Free text.
    pub gender: Option<&'a Gender>,
}

/// By what right an account is deleted.
#[derive(Debug)]
pub enum DeletionRight<'a, 'tx> {
    /// Its user proved the password.
    Owner(StillProven<'tx>),
    /// An operator, whose certificate is in use.
    Operator(&'a LiveOperator<'tx>),
}

fn is_kept<T>(change: &Change<T>) -> bool {
    matches!(change, Change::Keep)
}

fn set<T>(change: &Change<T>) -> Option<&T> {
    if let Change::Set(value) = change { Some(value) } else { None }
}

/// How many there are of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Accounts that are not deleted.
    pub accounts: u64,
    /// Of these, suspended ones.
    pub suspended: u64,
    /// Deleted ones that can be restored.
    pub deleted: u64,
    /// Sessions that have not expired.
    pub sessions: u64,
}

pub(crate) const ACCOUNT_COLUMNS: &str = "a.id, a.name, a.email, a.age, a.gender, a.created, a.last_login, \
     a.suspended_at, a.suspended_until, a.suspended_reason, a.deleted_at, a.oprf_id";

/// Where other columns of a row begin that starts with [`ACCOUNT_COLUMNS`].
pub(crate) const BEHIND_ACCOUNT: usize = 12;

/// Columns are taken by their place: to look all of them up by name costs a `show` about 5 %.
pub(crate) fn account_of_row(row: &Row<'_>, now: UnixSeconds) -> rusqlite::Result<AccountRow> {
    Ok(AccountRow {
        id: AccountId(row.get(0)?),
        name: Username::from_stored(row.get(1)?),
        email: row.get::<_, Option<_>>(2)?.map(Email::from_stored),
        age: row.get::<_, Option<_>>(3)?.map(Age::from_stored),
        gender: row.get::<_, Option<_>>(4)?.map(Gender::from_stored),
        created: row.get(5).map(UnixSeconds::from_seconds)?,
        last_login: row.get::<_, Option<i64>>(6)?.map(UnixSeconds::from_seconds),
        standing: standing_of_row(row, now)?,
        oprf_id: OprfId(row.get(11)?),
    })
}

fn standing_of_row(row: &Row<'_>, now: UnixSeconds) -> rusqlite::Result<Standing> {
    let suspended_at: Option<i64> = row.get(7)?;
    let until = row.get::<_, Option<i64>>(8)?.map(UnixSeconds::from_seconds);
    if let Some(at) = row.get(10)? {
        return Ok(Standing::Deleted { at: UnixSeconds::from_seconds(at) });
    }
    let over = until.is_some_and(|until| until <= now);
    if suspended_at.is_none() || over {
        return Ok(Standing::Active);
    }
    Ok(Standing::Suspended { until, reason: row.get(9)? })
}

/// A row that is nobody's, behind the one that is looked for: reading none would take a microsecond less, and 1,500 logins of
/// each kind told a name without an account by it.
const DECOY_COLUMNS: &str = "0, 'nobody', null, null, null, 0, null, null, null, null, null, zeroblob(32)";

/// At most `?3` names from `?1` on and before `?2`.
const NAMES_BEGINNING: &str =
    "select name from account where name >= ?1 and name < ?2 order by name limit ?3";

impl ReadTx<'_> {
    /// The names that begin with these characters of a name, in their order and at most so many; in whatever standing the accounts
    /// are. It reads no more of the index than it returns.
    ///
    /// # Errors
    /// When the database does.
    pub fn names_beginning(&self, prefix: &str, most: usize) -> Result<Vec<String>, StoreError> {
        // No character of a name is behind this one.
        let (behind, most) = (format!("{prefix}~"), i64::try_from(most).unwrap_or(i64::MAX));
        let mut statement = self.conn.prepare_cached(NAMES_BEGINNING)?;
        let names = statement.query_map(params![prefix, behind, most], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// The account of a name, in whatever standing. Takes as long whether or not there is one.
    ///
    /// # Errors
    /// When the database does.
    pub fn account(&self, name: &Username, now: UnixSeconds) -> Result<Option<AccountRow>, StoreError> {
        let wanted = format!("select {ACCOUNT_COLUMNS} from account a where a.name = ?1");
        let mut statement =
            self.conn.prepare_cached(&format!("{wanted} union all select {DECOY_COLUMNS}"))?;
        let found = statement.query_row([name.as_str()], |row| account_of_row(row, now))?;
        Ok(std::hint::black_box(Some(found)).filter(|found| found.id != AccountId::NONE))
    }

    /// The account of a number, in whatever standing.
    ///
    /// # Errors
    /// When the database does.
    pub fn account_by_id(&self, id: AccountId, now: UnixSeconds) -> Result<Option<AccountRow>, StoreError> {
        let sql = format!("select {ACCOUNT_COLUMNS} from account a where a.id = ?1");
        let mut statement = self.conn.prepare_cached(&sql)?;
        Ok(statement.query_row([id.0], |row| account_of_row(row, now)).optional()?)
    }

    /// How often a name was given up, by its keyed hash.
    ///
    /// # Errors
    /// When the database does.
    pub fn name_generation(&self, name_key: &[u8; 32]) -> Result<i64, StoreError> {
        let mut statement =
            self.conn.prepare_cached("select generation from name_given_up where name_key = ?1")?;
        Ok(statement.query_row([name_key], |row| row.get(0)).optional()?.unwrap_or(0))
    }

    /// How many accounts and sessions there are. Reads an index of all of them: for people, not for each request.
    ///
    /// # Errors
    /// When the database does.
    pub fn counts(&self, now: UnixSeconds) -> Result<Counts, StoreError> {
        let count = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| -> Result<u64, StoreError> {
            Ok(self.conn.prepare_cached(sql)?.query_row(parameters, |row| row.get(0))?)
        };
        let all = count("select count(*) from account", &[])?;
        let deleted = count("select count(*) from account where deleted_at is not null", &[])?;
        let suspended =
            count("select count(*) from account where suspended_at is not null and deleted_at is null", &[])?;
        let sessions = count("select count(*) from session where expires > ?1", &[&now.seconds()])?;
        Ok(Counts { accounts: all.saturating_sub(deleted), suspended, deleted, sessions })
    }
}

impl WriteTx<'_> {
    /// Returns the number of the next account, for its event and then for [`Self::insert_account`] in the same transaction.
    ///
    /// # Errors
    /// When the database does.
    pub fn next_account_id(&self) -> Result<AccountId, StoreError> {
        let sql = "select coalesce((select seq from sqlite_sequence where name = 'account'), 0) + 1";
        Ok(AccountId(self.conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?))
    }

    /// Makes the account whose number, from [`Self::next_account_id`], its event names, and returns that; `None` when another
    /// account has the name, or had it and can still be restored.
    ///
    /// # Errors
    /// [`StoreError::Held`] when the name was given up since its keys were looked up; or when the database does.
    pub fn insert_account<A: Permits<MakeAccount>>(
        &self,
        noted: &NotedOn<'_, A>,
        new: &NewAccount<'_>,
    ) -> Result<Option<AccountId>, StoreError> {
        self.insert_account_row(noted.account(), new)
    }

    /// The same for one of many accounts that one event stands for.
    ///
    /// # Errors
    /// As those of [`Self::insert_account`].
    pub fn insert_one_of_many<A: Permits<ImportAccounts>>(
        &self,
        _: &Noted<'_, A>,
        new: &NewAccount<'_>,
    ) -> Result<Option<AccountId>, StoreError> {
        self.insert_account_row(self.next_account_id()?, new)
    }

    fn insert_account_row(
        &self,
        id: AccountId,
        new: &NewAccount<'_>,
    ) -> Result<Option<AccountId>, StoreError> {
        if self.name_generation(&new.keys.name_key)? != new.keys.generation {
            return Err(StoreError::Held);
        }
        let profile = &new.profile;
        let inserted = self
            .conn
            .prepare_cached(
                "insert into account (id, name, name_key, oprf_id, email, age, gender, created)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) on conflict (name) do nothing",
            )?
            .execute(params![
                id.0,
                new.name.as_str(),
                new.keys.name_key,
                new.keys.oprf_id.0,
                profile.email.map(Email::as_str),
                profile.age.map(Age::years),
                profile.gender.map(Gender::as_str),
                new.created.seconds()
            ])?;
        if inserted == 0 {
            return Ok(None);
        }
        if let Some(password) = new.password {
            self.set_credential(id, password, new.created)?;
        }
        Ok(Some(id))
    }

    /// Changes age and gender; what is kept is not read.
    ///
    /// # Errors
    /// When the database does.
    pub fn set_profile<A: Permits<ChangeProfile>>(
        &self,
        noted: &NotedOn<'_, A>,
        age: &Change<Age>,
        gender: &Change<Gender>,
    ) -> Result<(), StoreError> {
        let (new_age, new_gender) = (set(age).copied().map(Age::years), set(gender).map(Gender::as_str));
        self.conn
            .prepare_cached(
                "update account set age = iif(?2, age, ?3), gender = iif(?4, gender, ?5) where id = ?1",
            )?
            .execute(params![noted.account().0, is_kept(age), new_age, is_kept(gender), new_gender])?;
        Ok(())
    }

    /// Changes the e-mail address, for whoever proved the password here and now.
    ///
    /// # Errors
    /// When the database does.
    pub fn set_email<A: Permits<ChangeProfile>>(
        &self,
        noted: &NotedOn<'_, A>,
        proof: &StillProven<'_>,
        email: &Change<Email>,
    ) -> Result<(), StoreError> {
        let account = proof.of(noted.account())?;
        self.conn
            .prepare_cached("update account set email = iif(?2, email, ?3) where id = ?1")?
            .execute(params![account.0, is_kept(email), set(email).map(Email::as_str)])?;
        Ok(())
    }

    /// Suspends an account: its sessions end, and its devices are forgotten.
    ///
    /// # Errors
    /// When the database does.
    pub fn suspend_account<A: Permits<SuspendAccount>>(
        &self,
        noted: &NotedOn<'_, A>,
        until: Option<UnixSeconds>,
        reason: Option<&Reason>,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "update account set suspended_at = ?2, suspended_until = ?3, suspended_reason = ?4 where id = ?1",
            )?
            .execute(params![
                noted.account().0,
                now.seconds(),
                until.map(UnixSeconds::seconds),
                reason.map(Reason::as_str)
            ])?;
        self.shut_out(noted.account(), SessionEnd::Suspended)
    }

    /// Lifts a suspension.
    ///
    /// # Errors
    /// When the database does.
    pub fn resume_account<A: Permits<ResumeAccount>>(
        &self,
        noted: &NotedOn<'_, A>,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "update account set suspended_at = null, suspended_until = null, suspended_reason = null
                 where id = ?1",
            )?
            .execute([noted.account().0])?;
        Ok(())
    }

    /// Marks an account as deleted: its sessions end, its devices are forgotten, and its one-time code is void.
    ///
    /// # Errors
    /// When the database does.
    pub fn delete_account<A: Permits<DeleteAccount>>(
        &self,
        noted: &NotedOn<'_, A>,
        right: DeletionRight<'_, '_>,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let id = match right {
            DeletionRight::Owner(proof) => proof.of(noted.account())?,
            DeletionRight::Operator(_) => noted.account(),
        };
        self.conn
            .prepare_cached("update account set deleted_at = ?2 where id = ?1")?
            .execute(params![id.0, now.seconds()])?;
        self.conn.prepare_cached("delete from reset_code where account_id = ?1")?.execute([id.0])?;
        self.shut_out(id, SessionEnd::Deleted)
    }

    fn shut_out(&self, id: AccountId, why: SessionEnd) -> Result<(), StoreError> {
        self.end_sessions_of(id, why)?;
        self.forget_devices_of(id)
    }

    /// Removes a deleted account for good, with all that is its.
    ///
    /// # Errors
    /// When the database does.
    pub fn purge_account<A: Permits<PurgeAccount>>(
        &self,
        noted: &NotedOn<'_, A>,
        Purgeable(id): Purgeable,
    ) -> Result<(), StoreError> {
        let id = same(id, noted.account())?;
        self.conn
            .prepare_cached("delete from account where id = ?1 and deleted_at is not null")?
            .execute([id.0])?;
        Ok(())
    }

    /// Undoes a deletion. A suspension from before it is in force again.
    ///
    /// # Errors
    /// When the database does.
    pub fn restore_account<A: Permits<RestoreAccount>>(
        &self,
        noted: &NotedOn<'_, A>,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("update account set deleted_at = null where id = ?1")?
            .execute([noted.account().0])?;
        Ok(())
    }

    /// Remembers a login.
    ///
    /// # Errors
    /// When the database does.
    pub fn set_last_login<A: Permits<OpenSession>>(
        &self,
        noted: &NotedOn<'_, A>,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("update account set last_login = ?2 where id = ?1")?
            .execute(params![noted.account().0, now.seconds()])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each key of a person who types a name may ask; a table of millions is not read for it.
    #[test]
    fn names_that_begin_alike_are_found_in_an_index() {
        let mut database = rusqlite::Connection::open_in_memory().unwrap();
        crate::schema::migrate(&mut database).unwrap();
        let mut plan = database.prepare(&format!("explain query plan {NAMES_BEGINNING}")).unwrap();
        let steps = plan.query_map(params!["a", "b", 20], |row| row.get::<_, String>("detail")).unwrap();
        let steps: Vec<String> = steps.collect::<Result<_, _>>().unwrap();
        assert!(
            matches!(steps.as_slice(), [step] if step.starts_with("SEARCH account USING COVERING INDEX")),
            "{steps:?}"
        );
    }
}
