//! Proving the password again within a session, for the call that follows.

use super::login::note_failure;
use super::peer::Peer;
use super::pending::{HalfProof, Pending};
use crate::audit::act;
use crate::audit::actor::Actor;
use crate::credentials::Ke1;
use crate::failure::Failure;
use crate::gate::AttemptKind;
use crate::names::Target;
use crate::proofs::{finish_exchange, start_exchange};
use crate::sessions::{LoggedIn, own_account, read_as, write_uncounted_as};
use crate::shared::Shared;
use std::sync::Arc;
use vestry_protocol::limits::EXPORTER_BYTES;
use vestry_protocol::user::UserReply;

pub(super) async fn start(
    server: &Arc<Shared>,
    peer: &Peer,
    session: LoggedIn,
    pending: &mut Pending,
    ke1: &[u8],
    exporter: [u8; EXPORTER_BYTES],
) -> Result<UserReply, Failure> {
    let ke1 = Ke1::parse(ke1)?;
    let account = own_account(server, session).await?;
    let (shared, source) = (server.clone(), peer.source.clone());
    // A view of its own, which begins after the session was seen to be live.
    let begun = server.store.look_up(move |tx| {
        let target = Target::of_account(&account);
        let admitted = shared.gate.admit(tx, AttemptKind::Session(session.id()), &target, &source)?;
        let (reply, exchange) = start_exchange(&shared, tx, &admitted, &target, ke1, &exporter)?;
        Ok::<_, Failure>((reply, exchange, admitted))
    });
    let (reply, exchange, admitted) = begun.await?;
    pending.remember_proof_exchange(admitted.half_open(), exchange, session);
    Ok(reply)
}

pub(super) async fn finish(
    server: &Shared,
    peer: &Peer,
    session: LoggedIn,
    pending: &mut Pending,
    ke3: &[u8],
    exporter: &[u8; EXPORTER_BYTES],
) -> Result<UserReply, Failure> {
    let HalfProof { attempt, exchange, .. } = pending.take_proof_exchange(session)?;
    let admitted = attempt.claim()?;
    let proven = match finish_exchange(exchange, ke3, exporter) {
        Ok(proven) => proven,
        Err(failure) => return Err(note_failure(server, peer, failure, admitted).await),
    };
    // A right password starts the lane of its session over, where there were failures in it.
    let verdicts = admitted.verdicts();
    let looked = verdicts.clone();
    let failed_before = read_as(server, session, move |tx, _| Ok(looked.has_failures(tx)?)).await;
    let settled = match failed_before {
        Ok(true) => {
            let (now, source) = (server.clock.now(), peer.source.text().to_owned());
            let written = write_uncounted_as(server, session, move |tx, live| {
                let id = live.account().id;
                let by = Actor::user(id, &source);
                let noted = by.note_on(tx, now, act::PasswordProven, id, "")?;
                Ok(verdicts.right(tx, &noted, now)?.0)
            });
            written.await.map(drop)
        }
        Ok(false) => Ok(()),
        Err(failure) => Err(failure),
    };
    admitted.conclude_right(proven.right());
    settled?;
    pending.remember_proof(proven, session);
    Ok(UserReply::PasswordProven)
}
