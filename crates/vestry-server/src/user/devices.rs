//! Devices that logged in before: a token that lets its holder try a password without waiting for strangers. It proves
//! nothing else.

use super::peer::Peer;
use super::pending::Pending;
use crate::audit::act;
use crate::audit::actor::Actor;
use crate::failure::Failure;
use crate::gate::Admitted;
use crate::gate::Right;
use crate::names::Target;
use crate::sessions::{LoggedIn, own_account, read_as, write_as, write_uncounted_as};
use crate::shared::Shared;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use vestry_protocol::limits::TOKEN_BYTES;
use vestry_protocol::random;
use vestry_protocol::secret::DeviceToken;
use vestry_protocol::user::{RememberedDevice, UserReply};
use vestry_store::{AccountId, DeviceRow, KnownDevice, NewDevice, Party, ReadTx, StoreError};

/// Hands out a token for the device of this connection: once, and only after a login on it.
pub(super) async fn remember(
    server: &Arc<Shared>,
    peer: &Peer,
    session: LoggedIn,
    pending: &mut Pending,
) -> Result<UserReply, Failure> {
    let fresh = pending.take_fresh_login(session)?;
    let remembered = insert(server, peer, session, fresh.right).await;
    if remembered.is_err() {
        pending.put_back(fresh);
    }
    Ok(UserReply::DeviceRemembered { token: remembered? })
}

async fn insert(
    server: &Arc<Shared>,
    peer: &Peer,
    session: LoggedIn,
    right: Right,
) -> Result<DeviceToken, Failure> {
    let account = own_account(server, session).await?;
    let (token, id) = draw(&server.gate.admit_proven(right, Target::of_account(&account), &peer.source))?;
    let (hash, now, source) = (hash_of(&token), server.clock.now(), peer.source.text().to_owned());
    let devices_max = server.settings.now().gate.devices_max;
    write_as(server, session, move |tx, live| {
        let account = live.account();
        let by = Actor::user(account.id, &source);
        let noted = by.note_on(tx, now, act::DeviceRemembered, account.id, "")?;
        let new = NewDevice { id, session: live.id(), token_hash: &hash, created: now };
        Ok(tx.insert_device(&noted, &new, devices_max)?)
    })
    .await?;
    Ok(token)
}

/// A token and a number for a device.
fn draw(_: &Admitted) -> Result<(DeviceToken, i64), Failure> {
    let (mut bytes, mut id) = ([0; TOKEN_BYTES], [0; 8]);
    random::fill(&mut bytes)?;
    random::fill(&mut id)?;
    // Half of the numbers, so that each is one on the wire too.
    Ok((DeviceToken::from_bytes(bytes), i64::from_le_bytes(id) & i64::MAX))
}

pub(super) async fn list(server: &Shared, session: LoggedIn) -> Result<UserReply, Failure> {
    let rows = read_as(server, session, |tx, live| Ok(tx.devices_of(live.account().id)?)).await?;
    let shown = rows.into_iter().map(|DeviceRow { id, device, created, last_used }| RememberedDevice {
        id: id.cast_unsigned(),
        device: device.to_string(),
        created,
        last_used,
    });
    Ok(UserReply::DevicesListed(shown.collect()))
}

pub(super) async fn forget(
    server: &Shared,
    peer: &Peer,
    session: LoggedIn,
    id: u64,
) -> Result<UserReply, Failure> {
    let (now, source) = (server.clock.now(), peer.source.text().to_owned());
    write_uncounted_as(server, session, move |tx, live| {
        let account = live.account();
        let subject = format!("{id:016x}");
        let by = Actor::user(account.id, &source);
        let noted = by.note(tx, now, act::DeviceForgotten, Party::Text(&subject), "")?;
        let was_there = tx.forget_device(&noted, account.id, id.cast_signed())?;
        if was_there { Ok(UserReply::DeviceForgotten) } else { Err(Failure::NotFound { what: "device" }) }
    })
    .await
}

/// What the store keeps of a token. Another prefix than a session's: neither token can stand in for the other.
pub(super) fn hash_of(token: &DeviceToken) -> [u8; 32] {
    Sha256::new().chain_update("vestry device").chain_update(token.expose_secret()).finalize().into()
}

/// Returns the device of a login, when its token is of one that is remembered for this account: looked up again at each attempt.
///
/// # Errors
/// When the store does.
pub(super) fn known_of(
    tx: &ReadTx<'_>,
    token_hash: Option<&[u8; 32]>,
    account: Option<AccountId>,
) -> Result<Option<KnownDevice>, StoreError> {
    let found = token_hash.map(|hash| tx.device_by_token(hash)).transpose()?.flatten();
    Ok(found.filter(|device| Some(device.account) == account))
}
