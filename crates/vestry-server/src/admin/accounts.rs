//! What an operator may do with an account. Nobody here chooses or learns a password.

use crate::audit::act;
use crate::clock::as_date;
use crate::codes::{CODE_SECS, hash_of, new_code};
use crate::config::RESTORABLE_SECS;
use crate::failure::Failure;
use crate::operators::operator::Operator;
use crate::operators::operator::{InOffice, act};
use crate::operators::reads::{OnRecord, Read, Recorded};
use crate::profile::{ParsedProfile, profile_of};
use crate::server::Server;
use vestry_protocol::UnixSeconds;
use vestry_protocol::admin::{AccountDetail, AccountState, AdminReply, Credential};
use vestry_protocol::fields::{Field, FieldError, Reason, Username};
use vestry_protocol::item::Later;
use vestry_protocol::limits::COMPLETED_NAMES_MAX;
use vestry_protocol::user::Profile;
use vestry_store::change::IssueCode;
use vestry_store::{
    AccountRow, Act, CredentialKind, DeletionRight, IssuedCode, NewAccount, NewResetCode, NotedOn, Permits,
    ReadTx, Standing, WriteTx,
};

pub(super) async fn show(server: &Server, operator: &Operator, name: &str) -> Result<AdminReply, Failure> {
    let (name, now) = (Username::parse(name)?, server.clock.now());
    let recorded = server.queries.record(server, operator, Read::of_account(name.clone())).await?;
    let detail = server.store.read(move |tx| detail_of(tx, &recorded, &named(tx, &name, now)?, now)).await?;
    Ok(AdminReply::AccountShown(detail))
}

/// Answers with names that begin so. `recorded` is of the connection: a person who types is one read, and not one for each key.
pub(super) async fn complete(
    server: &Server,
    operator: &Operator,
    recorded: &mut Option<Recorded>,
    prefix: &str,
) -> Result<AdminReply, Failure> {
    if recorded.is_none() {
        *recorded = Some(server.queries.record(server, operator, Read::of_completion()).await?);
    }
    let prefix = prefix.to_ascii_lowercase();
    let mut names = match Username::may_begin(&prefix) {
        true => server.store.read(move |tx| tx.names_beginning(&prefix, COMPLETED_NAMES_MAX + 1)).await?,
        false => Vec::new(),
    };
    let has_more = names.len() > COMPLETED_NAMES_MAX;
    names.truncate(COMPLETED_NAMES_MAX);
    Ok(AdminReply::NamesCompleted { names, has_more })
}

pub(super) async fn create(
    server: &Server,
    operator: &Operator,
    name: &str,
    profile: &Profile,
) -> Result<AdminReply, Failure> {
    let (name, profile) = (Username::parse(name)?, ParsedProfile::parse(profile)?);
    let names = server.names.clone();
    issue_code(server, operator, &name.clone(), move |tx, by, now| {
        let keys = names.keys_of(tx, name.as_str())?;
        let id = tx.next_account_id()?;
        let noted = by.as_actor().note_on(tx, now, act::AccountCreated, id, "")?;
        let (profile, password) = (profile.as_patch(), None);
        let new = NewAccount { name: &name, keys: &keys, profile, password, created: now };
        tx.insert_account(&noted, &new)?.ok_or(Failure::NameTaken)?;
        Ok(noted)
    })
    .await
}

pub(super) async fn reset(server: &Server, operator: &Operator, name: &str) -> Result<AdminReply, Failure> {
    let name = Username::parse(name)?;
    issue_code(server, operator, &name.clone(), move |tx, by, now| {
        let account = named(tx, &name, now)?;
        if let Standing::Deleted { .. } = account.standing {
            return Err(Failure::WrongState("the account is deleted; restore it first"));
        }
        Ok(by.as_actor().note_on(tx, now, act::ResetIssued, account.id, "")?)
    })
    .await
}

/// Finds or makes the account, with its event, and stores the hash of a new one-time code for it.
async fn issue_code<A: Permits<IssueCode> + 'static>(
    server: &Server,
    operator: &Operator,
    name: &Username,
    find: impl for<'tx> FnOnce(&'tx WriteTx<'_>, &InOffice<'tx>, UnixSeconds) -> Result<NotedOn<'tx, A>, Failure>
    + Send
    + 'static,
) -> Result<AdminReply, Failure> {
    let issuer = operator.as_code_issuer()?;
    let code = new_code(&issuer)?;
    let (hash, now) = (hash_of(&code), server.clock.now());
    let expires = now.plus(CODE_SECS);
    act(server, issuer.operator(), move |tx, by| {
        let noted = find(tx, by, now)?;
        let issued = IssuedCode { by: by.name().to_owned(), at: now };
        Ok(tx.set_reset_code(&noted, &NewResetCode { code_hash: &hash, issued: &issued, expires })?)
    })
    .await?;
    Ok(AdminReply::CodeIssued { name: name.to_string(), code, expires })
}

pub(super) async fn suspend(
    server: &Server,
    operator: &Operator,
    name: &str,
    until: Option<UnixSeconds>,
    reason: Option<&str>,
) -> Result<AdminReply, Failure> {
    let name = Username::parse(name)?;
    let reason = reason.map(|text| Reason::parse(Field::Reason, text)).transpose()?;
    let now = server.clock.now();
    if until.is_some_and(|until| until <= now) {
        return Err(FieldError { field: Field::Until, rule: "use a time in the future".to_owned() }.into());
    }
    let detail = until.map_or_else(|| "for good".to_owned(), |at| format!("until {}", as_date(at)));
    change(server, operator, name, act::AccountSuspended, detail, move |tx, _, noted, account| {
        if let Standing::Deleted { .. } = account.standing {
            return Err(Failure::WrongState("the account is deleted; there is nothing to suspend"));
        }
        Ok(tx.suspend_account(noted, until, reason.as_ref(), now)?)
    })
    .await
}

pub(super) async fn resume(server: &Server, operator: &Operator, name: &str) -> Result<AdminReply, Failure> {
    let name = Username::parse(name)?;
    change(server, operator, name, act::AccountResumed, String::new(), |tx, _, noted, account| match account
        .standing
    {
        Standing::Suspended { .. } => Ok(tx.resume_account(noted)?),
        Standing::Active => Err(Failure::WrongState("the account is not suspended")),
        Standing::Deleted { .. } => Err(Failure::WrongState("the account is deleted; restore it first")),
    })
    .await
}

pub(super) async fn delete(server: &Server, operator: &Operator, name: &str) -> Result<AdminReply, Failure> {
    let (name, now) = (Username::parse(name)?, server.clock.now());
    change(server, operator, name, act::AccountDeleted, String::new(), move |tx, by, noted, account| {
        if let Standing::Deleted { .. } = account.standing {
            return Err(Failure::WrongState("the account is deleted already"));
        }
        Ok(tx.delete_account(noted, DeletionRight::Operator(by.operator()), now)?)
    })
    .await
}

pub(super) async fn restore(server: &Server, operator: &Operator, name: &str) -> Result<AdminReply, Failure> {
    let name = Username::parse(name)?;
    change(server, operator, name, act::AccountRestored, String::new(), |tx, _, noted, account| match account
        .standing
    {
        Standing::Deleted { .. } => Ok(tx.restore_account(noted)?),
        Standing::Active | Standing::Suspended { .. } => {
            Err(Failure::WrongState("the account is not deleted"))
        }
    })
    .await
}

/// One act on one account: its event, the act, and the account as it is then.
async fn change<A: Act + Copy + Send + 'static>(
    server: &Server,
    operator: &Operator,
    name: Username,
    what: A,
    event_detail: String,
    act_on: impl for<'tx> FnOnce(
        &'tx WriteTx<'_>,
        &InOffice<'tx>,
        &NotedOn<'tx, A>,
        &AccountRow,
    ) -> Result<(), Failure>
    + Send
    + 'static,
) -> Result<AdminReply, Failure> {
    let now = server.clock.now();
    let detail = act(server, operator, move |tx, by| {
        let account = named(tx, &name, now)?;
        let noted = by.as_actor().note_on(tx, now, what, account.id, &event_detail)?;
        act_on(tx, by, &noted, &account)?;
        detail_of(tx, &noted, &named(tx, &name, now)?, now)
    })
    .await?;
    Ok(AdminReply::AccountChanged(detail))
}

fn named(tx: &ReadTx<'_>, name: &Username, now: UnixSeconds) -> Result<AccountRow, Failure> {
    tx.account(name, now)?.ok_or(Failure::NotFound { what: "account" })
}

fn detail_of(
    tx: &ReadTx<'_>,
    _: &impl OnRecord,
    account: &AccountRow,
    now: UnixSeconds,
) -> Result<AccountDetail, Failure> {
    let state = match &account.standing {
        Standing::Active => AccountState::Active,
        Standing::Suspended { until, reason } => {
            AccountState::Suspended { until: *until, reason: reason.clone() }
        }
        Standing::Deleted { at } => AccountState::Deleted { restorable_until: at.plus(RESTORABLE_SECS) },
    };
    let credential = match tx.credential_kind(account.id)? {
        None => Credential::None,
        Some(CredentialKind::Imported) => Credential::Imported,
        Some(CredentialKind::Opaque) => Credential::Opaque,
    };
    let sessions = tx.sessions_of(account.id, now)?.len();
    Ok(AccountDetail {
        name: account.name.to_string(),
        profile: profile_of(account),
        state: state.into(),
        credential: credential.into(),
        created: account.created,
        last_login: account.last_login,
        sessions: u64::try_from(sessions).unwrap_or(u64::MAX),
        later: Later::new(),
    })
}
