//! Setting a new password: with the old one, or with an operator's one-time code. Both end every session.

use super::Peer;
use super::pending::Pending;
use super::proof::{own_name, prove_own_password};
use super::register::context_words;
use crate::audit::{Action, Actor};
use crate::credentials::{OpaqueRecord, Proven, hash_new_password, start_new_password};
use crate::failure::Failure;
use crate::server::Server;
use crate::sessions::{LoggedIn, Minted, Opening, mint, read_as, write_as};
use crate::throttle::{Attempt, Way};
use vestry_protocol::fields::{Device, Username};
use vestry_protocol::secret::SecretText;
use vestry_protocol::user::{Envelope, NewSession, UserReply};
use vestry_store::{AccountRow, CredentialKind, Standing};

pub(super) async fn change(
    server: &Server,
    peer: &Peer,
    session: LoggedIn,
    current: &SecretText,
    new: &SecretText,
) -> Result<(LoggedIn, NewSession), Failure> {
    let proven = prove_own_password(server, peer, session, current).await?;
    let context = read_as(server, session, |_, live| Ok(own_words(live.account()))).await?;
    let record = hash_new_password(server, &peer.source, new, context).await?;
    let record = (CredentialKind::Argon2id, record.as_bytes().to_vec());
    replace_password(server, peer, session, proven, record).await
}

pub(super) async fn start_new(
    server: &Server,
    session: LoggedIn,
    pending: &Pending,
    request: Vec<u8>,
) -> Result<UserReply, Failure> {
    if !pending.has_proof(session) {
        return Err(Failure::NotProven);
    }
    let name = Username::parse(&own_name(server, session).await?)?;
    start_new_password(server, &name, request).await
}

pub(super) async fn finish_new(
    server: &Server,
    peer: &Peer,
    session: LoggedIn,
    pending: &mut Pending,
    envelope: &Envelope,
) -> Result<(LoggedIn, NewSession), Failure> {
    let proven = pending.take_proof(session)?;
    let name = own_name(server, session).await?;
    let record = OpaqueRecord::from_envelope(&name, envelope)?.to_bytes();
    replace_password(server, peer, session, proven, (CredentialKind::Opaque, record)).await
}

/// A new password ends every session and opens a new one: a new token for it; whoever holds an old one is out.
async fn replace_password(
    server: &Server,
    peer: &Peer,
    session: LoggedIn,
    mut proven: Proven,
    (kind, record): (CredentialKind, Vec<u8>),
) -> Result<(LoggedIn, NewSession), Failure> {
    let (now, source, limits) = (server.clock.now(), peer.source.text().to_owned(), server.config.sessions);
    write_as(server, session, move |tx, live| {
        let account = live.account();
        let device = device_of(tx.sessions_of(account.id, now)?, live.id())?;
        let actor = Actor::user(&account.name, &source);
        let noted = actor.note(tx, now, Action::PasswordChanged, &account.name, "")?;
        tx.end_sessions_of(&noted, account.id)?;
        let opening = Opening { device: &device, source: &source, action: Action::LoggedIn, now };
        let Minted { session, shown, .. } = mint(limits, tx, &mut proven, &opening)?;
        tx.forget_devices_of(&noted, account.id)?;
        tx.set_credential(&noted, account.id, kind, &record, now)?;
        Ok((session, shown))
    })
    .await
}

/// Unknown name, wrong code, used code, old code: one answer. The code has 100 random bits and is compared as a
/// hash by the database, so that the answer's time says nothing of how much of it was right.
pub(super) async fn redeem_reset_code(
    server: &Server,
    peer: &Peer,
    typed_name: &str,
    code: &SecretText,
    new: &SecretText,
) -> Result<UserReply, Failure> {
    let name = Username::parse(typed_name).map_err(|_| Failure::WrongCode)?;
    let attempt = admit(server, peer, &name).await?;
    match hash_new_password(server, &peer.source, new, context_words(&name, None)).await {
        Ok(record) => {
            let record = (CredentialKind::Argon2id, record.as_bytes().to_vec());
            redeem(server, peer, name, code, record, attempt).await
        }
        // The code was not looked at, so nothing was tried.
        Err(failure) => {
            attempt.withdraw();
            Err(failure)
        }
    }
}

pub(super) async fn start_reset(server: &Server, name: &str, request: Vec<u8>) -> Result<UserReply, Failure> {
    // Answered for every name: whether there is an account shows only with a right code.
    let name = Username::parse(name).map_err(|_| Failure::WrongCode)?;
    start_new_password(server, &name, request).await
}

pub(super) async fn finish_reset(
    server: &Server,
    peer: &Peer,
    name: &str,
    code: &SecretText,
    envelope: &Envelope,
) -> Result<UserReply, Failure> {
    let name = Username::parse(name).map_err(|_| Failure::WrongCode)?;
    let record = OpaqueRecord::from_envelope(name.as_str(), envelope)?.to_bytes();
    let attempt = admit(server, peer, &name).await?;
    redeem(server, peer, name, code, (CredentialKind::Opaque, record), attempt).await
}

/// Whether a code may be tried for this name now.
async fn admit(server: &Server, peer: &Peer, name: &Username) -> Result<Attempt, Failure> {
    let mut attempt = server.throttle.begin(Way::Reset(name), &peer.source)?;
    let now = server.clock.now();
    server.store.look_up(move |tx| attempt.admit(tx, now).map(|()| attempt)).await
}

async fn redeem(
    server: &Server,
    peer: &Peer,
    name: Username,
    code: &SecretText,
    (kind, record): (CredentialKind, Vec<u8>),
    attempt: Attempt,
) -> Result<UserReply, Failure> {
    let hash = crate::codes::hash_of(code);
    let (now, source, redeemer) = (server.clock.now(), peer.source.text().to_owned(), name.clone());
    let tried = attempt.tried();
    let redeemed = server
        .store
        .write(move |tx| {
            let actor = Actor::user(redeemer.as_str(), &source);
            let noted = actor.note(tx, now, Action::PasswordReset, redeemer.as_str(), "")?;
            let account = tx.account(&redeemer, now)?.ok_or(Failure::WrongCode)?;
            let deleted = matches!(account.standing, Standing::Deleted { .. });
            if deleted || !tx.take_reset_code(&noted, account.id, &hash, now)? {
                return Err(Failure::WrongCode);
            }
            // An account that has OPAQUE never goes back to sending its password.
            let goes_back = kind == CredentialKind::Argon2id
                && tx.credential(account.id, CredentialKind::Opaque)?.is_some();
            if goes_back {
                return Err(Failure::PasswordsNotTaken);
            }
            tx.set_credential(&noted, account.id, kind, &record, now)?;
            tx.end_sessions_of(&noted, account.id)?;
            tx.forget_devices_of(&noted, account.id)?;
            tried.was_right(tx, &noted, now)?;
            // The password is new: what was guessed against the old one holds nobody up any more.
            tx.clear_throttle(&noted, Some(redeemer.as_str()))?;
            Ok(())
        })
        .await;
    if let Err(Failure::WrongCode) = redeemed {
        note_wrong_code(server, peer, &name, &attempt).await?;
    }
    attempt.withdraw();
    redeemed.map(|()| UserReply::PasswordReset { name: name.to_string() })
}

async fn note_wrong_code(
    server: &Server,
    peer: &Peer,
    name: &Username,
    attempt: &Attempt,
) -> Result<(), Failure> {
    let (now, source, name) = (server.clock.now(), peer.source.text().to_owned(), name.clone());
    let tried = attempt.tried();
    server
        .store
        .write(move |tx| {
            let actor = Actor::user("", &source);
            let noted = actor.note(tx, now, Action::ResetFailed, name.as_str(), "")?;
            Ok(tried.was_wrong(tx, &noted, now)?)
        })
        .await
}

fn own_words(account: &AccountRow) -> Vec<String> {
    [Some(&account.name), account.email.as_ref()].into_iter().flatten().cloned().collect()
}

/// The new session keeps the name that the device had.
fn device_of(
    sessions: Vec<vestry_store::SessionRow>,
    current: vestry_store::SessionId,
) -> Result<Device, Failure> {
    let device = sessions.into_iter().find(|row| row.id == current).map(|row| row.device);
    Ok(Device::parse("device", &device.ok_or(Failure::SessionEnded)?)?)
}
