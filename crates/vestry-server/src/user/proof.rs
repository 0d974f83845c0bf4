//! Proving the password again within a session, and moving an account from a password hash to OPAQUE.

use super::Peer;
use super::login::note_failure;
use super::pending::{Pending, Purpose};
use crate::audit::{Action, Actor};
use crate::credentials::{OpaqueRecord, Proven, finish_exchange, prove_password, start_exchange};
use crate::failure::Failure;
use crate::server::Server;
use crate::sessions::{LoggedIn, read_as, write_as};
use crate::throttle::{Attempt, Way};
use vestry_protocol::fields::Username;
use vestry_protocol::limits::EXPORTER_BYTES;
use vestry_protocol::secret::SecretText;
use vestry_protocol::user::{Envelope, UserReply};
use vestry_store::CredentialKind;

/// Asks the user of a session for the password again, as a password.
pub(super) async fn prove_own_password(
    server: &Server,
    peer: &Peer,
    session: LoggedIn,
    password: &SecretText,
) -> Result<Proven, Failure> {
    let name = Username::parse(&own_name(server, session).await?)?;
    let attempt = server.throttle.begin(Way::Proof(&name), &peer.source)?;
    match prove_password(server, Some(&name), password, attempt).await? {
        (Ok(proven), attempt) => {
            settle(server, peer, session, attempt).await?;
            Ok(proven)
        }
        (Err(failure), attempt) => Err(note_failure(server, peer, Some(&name), failure, attempt).await),
    }
}

/// A right password starts the lane of this account's sessions anew, where there were failures in it.
async fn settle(server: &Server, peer: &Peer, session: LoggedIn, attempt: Attempt) -> Result<(), Failure> {
    let tried = attempt.tried();
    let looked = tried.clone();
    let failed_before = read_as(server, session, move |tx, _| Ok(looked.has_failures(tx)?)).await?;
    if failed_before {
        let (now, source) = (server.clock.now(), peer.source.text().to_owned());
        write_as(server, session, move |tx, live| {
            let name = &live.account().name;
            let noted = Actor::user(name, &source).note(tx, now, Action::PasswordProven, name, "")?;
            tried.was_right(tx, &noted, now)?;
            Ok(())
        })
        .await?;
    }
    attempt.withdraw();
    Ok(())
}

/// The canonical name of the user of a session.
pub(super) async fn own_name(server: &Server, session: LoggedIn) -> Result<String, Failure> {
    read_as(server, session, |_, live| Ok(live.account().name.clone())).await
}

pub(super) async fn start(
    server: &Server,
    peer: &Peer,
    session: LoggedIn,
    pending: &mut Pending,
    ke1: Vec<u8>,
    exporter: [u8; EXPORTER_BYTES],
) -> Result<UserReply, Failure> {
    let name = Username::parse(&own_name(server, session).await?)?;
    let attempt = server.throttle.begin(Way::Proof(&name), &peer.source)?;
    let (reply, exchange, attempt) = start_exchange(server, name.as_str(), ke1, exporter, attempt).await?;
    pending.remember_exchange(exchange, Purpose::Proof { session, attempt });
    Ok(reply)
}

pub(super) async fn finish(
    server: &Server,
    peer: &Peer,
    session: LoggedIn,
    pending: &mut Pending,
    ke3: &[u8],
    exporter: &[u8; EXPORTER_BYTES],
) -> Result<UserReply, Failure> {
    let (exchange, attempt) = pending.take_proof_exchange(session)?;
    let proven = match finish_exchange(exchange, ke3, exporter) {
        Ok(proven) => proven,
        Err(failure) => {
            let name = Username::parse(&own_name(server, session).await?).ok();
            return Err(note_failure(server, peer, name.as_ref(), failure, attempt).await);
        }
    };
    settle(server, peer, session, attempt).await?;
    let proven = drop_old_hash(server, peer, session, proven).await?;
    pending.remember_proof(proven, session);
    Ok(UserReply::PasswordProven)
}

/// The envelope works: from now on the server takes no password for this account any more.
async fn drop_old_hash(
    server: &Server,
    peer: &Peer,
    session: LoggedIn,
    mut proven: Proven,
) -> Result<Proven, Failure> {
    let has_hash = read_as(server, session, |tx, live| {
        Ok(tx.credential(live.account().id, CredentialKind::Argon2id)?.is_some())
    });
    if !has_hash.await? {
        return Ok(proven);
    }
    let (now, source) = (server.clock.now(), peer.source.text().to_owned());
    write_as(server, session, move |tx, live| {
        proven.still_holds(tx)?;
        let name = &live.account().name;
        let noted = Actor::user(name, &source).note(tx, now, Action::CredentialMigrated, name, "proven")?;
        proven.settle(tx, &noted, now)?;
        Ok(proven)
    })
    .await
}

pub(super) async fn finish_migration(
    server: &Server,
    peer: &Peer,
    session: LoggedIn,
    pending: &mut Pending,
    envelope: &Envelope,
) -> Result<UserReply, Failure> {
    let proven = pending.take_login_proof(session)?;
    if !proven.is_of_a_hash() {
        return Err(Failure::WrongState("this account has no password hash to move"));
    }
    let name = own_name(server, session).await?;
    let record = OpaqueRecord::from_envelope(&name, envelope)?.to_bytes();
    let (now, source) = (server.clock.now(), peer.source.text().to_owned());
    write_as(server, session, move |tx, live| {
        proven.still_holds(tx)?;
        let account = live.account();
        let actor = Actor::user(&account.name, &source);
        let noted = actor.note(tx, now, Action::CredentialMigrated, &account.name, "stored")?;
        tx.put_credential(&noted, account.id, CredentialKind::Opaque, &record, now)?;
        Ok(())
    })
    .await?;
    Ok(UserReply::CredentialMigrated)
}
