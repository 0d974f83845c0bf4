//! One's own account: read it, change the profile, delete it.

use super::peer::Peer;
use super::pending::Pending;
use crate::audit::act;
use crate::audit::actor::Actor;
use crate::config::RESTORABLE_SECS;
use crate::failure::Failure;
use crate::profile::{ParsedUpdate, profile_of};
use crate::proofs::Proven;
use crate::sessions::{LoggedIn, read_as, write_as, write_uncounted_as};
use crate::shared::Shared;
use vestry_protocol::item::Later;
use vestry_protocol::user::{Account, Change, CodeIssued, Notices, ProfileUpdate, SetWithCode, UserReply};
use vestry_store::{AccountRow, DeletionRight, IssuedCode, LiveSession, WriteTx};

pub(super) async fn show(server: &Shared, session: LoggedIn) -> Result<UserReply, Failure> {
    let account = read_as(server, session, |_, live| Ok(account_of(live.account()))).await?;
    Ok(UserReply::AccountShown(account))
}

/// For how long a user is told that a one-time code set the password.
const TOLD_OF_CODE_SECS: i64 = 30 * 24 * 60 * 60;

/// What the user should know of attempts at the account and of its password. Failures are those that the login on this
/// connection ended.
pub(super) async fn show_notices(
    server: &Shared,
    session: LoggedIn,
    failures_since_last_login: u64,
) -> Result<UserReply, Failure> {
    let since = server.clock.now().minus(TOLD_OF_CODE_SECS);
    let facts = read_as(server, session, |tx, live| Ok(tx.password_facts(live.account().id)?)).await?;
    let code = facts.code.filter(|_| facts.changed > since);
    Ok(UserReply::NoticesShown(Notices {
        failures_since_last_login,
        password_is_weak: facts.is_weak,
        password_set_with_code: code.map(|IssuedCode { by, at }| SetWithCode {
            issued: CodeIssued { by, at },
            redeemed: facts.changed,
        }),
        record_moved: facts.moved.filter(|moved| *moved > since),
    }))
}

pub(super) async fn update(
    server: &Shared,
    peer: &Peer,
    session: LoggedIn,
    pending: &mut Pending,
    update: ProfileUpdate,
) -> Result<UserReply, Failure> {
    let wanted = ParsedUpdate::parse(&update)?;
    let proven = match wanted.email() {
        Change::Keep => None,
        Change::Clear | Change::Set(_) => Some(pending.take_proof(session)?),
    };
    let (now, source) = (server.clock.now(), peer.source.text().to_owned());
    let is_proven = proven.is_some();
    let job = move |tx: &WriteTx<'_>, live: &LiveSession<'_>| {
        let still = proven.as_ref().map(|proven| proven.in_tx(tx)).transpose()?;
        let id = live.account().id;
        let by = Actor::user(id, &source);
        let noted = by.note_on(tx, now, act::AccountUpdated, id, &wanted.changed_fields())?;
        if let Some(still) = still {
            tx.set_email(&noted, &still, wanted.email())?;
        }
        if wanted.changes_the_rest() {
            tx.set_profile(&noted, &wanted.age, &wanted.gender)?;
        }
        let after = tx.account_by_id(id, now)?.ok_or(Failure::SessionEnded(None))?;
        Ok(account_of(&after))
    };
    let account = match is_proven {
        true => write_uncounted_as(server, session, job).await?,
        false => write_as(server, session, job).await?,
    };
    Ok(UserReply::AccountUpdated(account))
}

pub(super) async fn delete(
    server: &Shared,
    peer: &Peer,
    session: LoggedIn,
    proven: Proven,
) -> Result<UserReply, Failure> {
    let (now, source) = (server.clock.now(), peer.source.text().to_owned());
    write_uncounted_as(server, session, move |tx, live| {
        let right = DeletionRight::Owner(proven.in_tx(tx)?);
        let id = live.account().id;
        let noted = Actor::user(id, &source).note_on(tx, now, act::AccountDeleted, id, "")?;
        Ok(tx.delete_account(&noted, right, now)?)
    })
    .await?;
    Ok(UserReply::AccountDeleted { restorable_until: now.plus(RESTORABLE_SECS) })
}

fn account_of(account: &AccountRow) -> Account {
    Account {
        name: account.name.to_string(),
        profile: profile_of(account),
        created: account.created,
        last_login: account.last_login,
        later: Later::new(),
    }
}
