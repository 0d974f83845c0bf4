//! Devices that logged in before: a token that lets its holder try a password without waiting for strangers. It proves
//! nothing else.

use super::Peer;
use crate::audit::{Action, Actor};
use crate::failure::Failure;
use crate::server::Server;
use crate::sessions::{LoggedIn, write_as};
use sha2::{Digest, Sha256};
use vestry_protocol::limits::TOKEN_BYTES;
use vestry_protocol::secret::SessionToken;
use vestry_protocol::user::UserReply;
use vestry_store::KnownDevice;

/// The device of a token, if it is known.
pub(super) async fn find(server: &Server, token: &SessionToken) -> Result<Option<KnownDevice>, Failure> {
    let hash = hash_of(token);
    Ok(server.store.look_up(move |tx| tx.device_by_token(&hash)).await?)
}

pub(super) async fn remember(server: &Server, peer: &Peer, session: LoggedIn) -> Result<UserReply, Failure> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| Failure::Internal("the system has no random bytes"))?;
    let token = SessionToken::from_bytes(bytes);
    let (hash, now, source) = (hash_of(&token), server.clock.now(), peer.source.text().to_owned());
    write_as(server, session, move |tx, live| {
        let account = live.account();
        let actor = Actor::user(&account.name, &source);
        let noted = actor.note(tx, now, Action::DeviceRemembered, &account.name, "")?;
        Ok(tx.insert_device(&noted, account.id, &hash, now)?)
    })
    .await?;
    Ok(UserReply::DeviceRemembered { token })
}

/// Another prefix than a session's: neither token can stand in for the other.
fn hash_of(token: &SessionToken) -> [u8; 32] {
    Sha256::new().chain_update("vestry device").chain_update(token.expose_secret()).finalize().into()
}
