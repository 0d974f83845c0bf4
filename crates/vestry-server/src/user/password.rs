//! Setting a new password: with the old one, or with an operator's one-time code. Both end every session.

use super::Peer;
use super::account::prove_own_password;
use super::register::context_words;
use crate::audit::{Action, Actor};
use crate::credentials::hash_new_password;
use crate::failure::Failure;
use crate::server::Server;
use crate::sessions::{LoggedIn, Opening, mint, read_as, write_as};
use vestry_protocol::fields::{Device, Username};
use vestry_protocol::secret::SecretText;
use vestry_protocol::user::UserReply;
use vestry_store::{AccountRow, CredentialKind, Standing};

pub(super) async fn change(
    server: &Server,
    peer: &Peer,
    session: LoggedIn,
    current: &SecretText,
    new: &SecretText,
) -> Result<(LoggedIn, UserReply), Failure> {
    let proven = prove_own_password(server, session, current).await?;
    let context = read_as(server, session, |_, live| Ok(own_words(live.account()))).await?;
    let record = hash_new_password(server, new, context).await?;
    let (now, source, limits) = (server.clock.now(), peer.source.clone(), server.config.sessions);
    let (session, opened) = write_as(server, session, move |tx, live| {
        let account = live.account();
        let device = device_of(tx.sessions_of(account.id, now)?, live.id())?;
        let actor = Actor::user(&account.name, &source);
        let noted = actor.note(tx, now, Action::PasswordChanged, &account.name, "")?;
        tx.end_sessions_of(&noted, account.id)?;
        // A new token for a new password; whoever holds the old one is out.
        let opening = Opening { device: &device, source: &source, action: Action::LoggedIn, now };
        let opened = mint(limits, tx, &proven, &opening)?;
        tx.set_credential(&noted, account.id, CredentialKind::Argon2id, record.as_bytes(), now)?;
        Ok(opened)
    })
    .await?;
    Ok((session, UserReply::PasswordChanged(opened)))
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
    let hash = crate::codes::hash_of(code);
    let record = hash_new_password(server, new, context_words(&name, None)).await?;
    let (now, source, redeemer) = (server.clock.now(), peer.source.clone(), name.clone());
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
            tx.set_credential(&noted, account.id, CredentialKind::Argon2id, record.as_bytes(), now)?;
            tx.end_sessions_of(&noted, account.id)?;
            Ok(())
        })
        .await;
    if let Err(Failure::WrongCode) = redeemed {
        note_wrong_code(server, peer, &name).await?;
    }
    redeemed.map(|()| UserReply::PasswordReset { name: name.to_string() })
}

async fn note_wrong_code(server: &Server, peer: &Peer, name: &Username) -> Result<(), Failure> {
    let (now, source, name) = (server.clock.now(), peer.source.clone(), name.clone());
    server
        .store
        .write(move |tx| {
            Actor::user("", &source).note(tx, now, Action::ResetFailed, name.as_str(), "")?;
            Ok(())
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
