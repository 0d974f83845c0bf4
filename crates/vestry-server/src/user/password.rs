//! Setting a new password: with a proof of the old one, or with an operator's one-time code. Both end every session.

use super::peer::Peer;
use super::pending::{HalfReset, Pending};
use crate::audit::act;
use crate::audit::actor::Actor;
use crate::codes::{self, USED_CODE_SECS};
use crate::credentials::Blinded;
use crate::failure::Failure;
use crate::gate::{Admitted, AttemptKind, OverLimit, Written};
use crate::names::Target;
use crate::proofs::{Proven, start_new_password};
use crate::sessions::{LoggedIn, Minted, Opening, mint, own_account, write_uncounted_as};
use crate::shared::Shared;
use std::sync::Arc;
use tokio::time::Instant;
use vestry_protocol::secret::SecretText;
use vestry_protocol::user::{CodeIssued, Envelope, NewSession, UserReply};
use vestry_store::{IssuedCode, NewCredential, PasswordRight};

pub(super) async fn start_new(
    server: &Arc<Shared>,
    peer: &Peer,
    session: LoggedIn,
    pending: &mut Pending,
    request: &[u8],
) -> Result<UserReply, Failure> {
    let blinded = Blinded::parse(request)?;
    let proven = pending.take_proof(session)?;
    let reply = evaluate_proven(server, peer, session, &proven, blinded).await?;
    pending.remember_new_password(proven, session, server.settings.now().gate.exchange_timeout);
    Ok(reply)
}

/// The same password under the newest key: what a login by an older record leads to, once.
pub(super) async fn start_record_move(
    server: &Arc<Shared>,
    peer: &Peer,
    session: LoggedIn,
    pending: &mut Pending,
    request: &[u8],
) -> Result<UserReply, Failure> {
    let blinded = Blinded::parse(request)?;
    let proven = pending.take_outdated(session)?;
    let reply = evaluate_proven(server, peer, session, &proven, blinded).await?;
    pending.remember_record_move(proven, session, server.settings.now().gate.exchange_timeout);
    Ok(reply)
}

/// Evaluates a password for the account of a session, whose current one was proven.
async fn evaluate_proven(
    server: &Arc<Shared>,
    peer: &Peer,
    session: LoggedIn,
    proven: &Proven,
    blinded: Blinded,
) -> Result<UserReply, Failure> {
    let target = Target::of_account(&own_account(server, session).await?);
    let oprf_id = target.oprf_id;
    let admitted = server.gate.admit_proven(proven.right(), target, &peer.source);
    start_new_password(server, &admitted, oprf_id, blinded)
}

/// The server cannot see that it is the same password. So a moved record has the consequences of a new one: an event, every
/// other session and every device ends, and the user is told.
pub(super) async fn finish_record_move(
    server: &Arc<Shared>,
    peer: &Peer,
    session: LoggedIn,
    pending: &mut Pending,
    envelope: &Envelope,
) -> Result<UserReply, Failure> {
    let record = server.opaque.accept(envelope)?;
    let proven = pending.take_record_move(session)?.proven;
    let (now, source) = (server.clock.now(), peer.source.text().to_owned());
    let sessions_ended = write_uncounted_as(server, session, move |tx, live| {
        let id = live.account().id;
        let by = Actor::user(id, &source);
        let noted = by.note_on(tx, now, act::RecordMoved, id, "")?;
        Ok(tx.move_record(&noted, &proven.in_tx(tx)?, &record, (live.id(), now))?)
    });
    Ok(UserReply::RecordMoved { sessions_ended: sessions_ended.await? })
}

/// A new password ends every session and opens a new one: a new token for it; whoever holds an old one is out.
pub(super) async fn finish_new(
    server: &Arc<Shared>,
    peer: &Peer,
    session: LoggedIn,
    pending: &mut Pending,
    envelope: &Envelope,
) -> Result<(LoggedIn, NewSession), Failure> {
    let record = server.opaque.accept(envelope)?;
    let mut proven = pending.take_new_password(session)?.proven;
    let account = own_account(server, session).await?;
    let admitted = server.gate.admit_proven(proven.right(), Target::of_account(&account), &peer.source);
    let (now, source, limits) =
        (server.clock.now(), peer.source.text().to_owned(), server.settings.now().sessions);
    let (verdicts, head) = (admitted.verdicts(), server.head.clone());
    write_uncounted_as(server, session, move |tx, live| {
        let account = live.account();
        // The new session keeps the name that the device had.
        let current = tx.sessions_of(account.id, now)?.into_iter().find(|row| row.id == live.id());
        let device = current.ok_or(Failure::SessionEnded(None))?.device;
        let by = Actor::user(account.id, &source);
        let noted = by.note_on(tx, now, act::PasswordChanged, account.id, "")?;
        proven.replace(tx, &noted, record, now)?;
        let opening = Opening { head: &head, device: &device, source: &source, now };
        let Minted { session, shown, .. } = mint(limits, tx, &verdicts, proven.authenticated(tx)?, &opening)?;
        Ok((session, shown))
    })
    .await
}

/// What a code was found to be.
enum Judged {
    /// It is right, and its evaluation is counted.
    Right(Written, IssuedCode),
    /// It is right, and was used too often.
    Spent(Written, Failure),
    /// It is wrong, and that is counted.
    Wrong(Written),
    /// It is wrong, as were too many from this source before it.
    OverLimit(OverLimit),
}

/// Unknown name, wrong code, used code, old code: one answer. The code has 100 random bits and is compared as a
/// hash by the database, so that the answer's time says nothing of how much of it was right. Nothing is evaluated before it
/// was right, and before that was counted on disk.
pub(super) async fn start_reset(
    server: &Arc<Shared>,
    peer: &Peer,
    pending: &mut Pending,
    typed_name: String,
    code: &SecretText,
    request: &[u8],
) -> Result<UserReply, Failure> {
    let (blinded, code_hash) = (Blinded::parse(request)?, codes::hash_of(code));
    let (shared, source, now) = (server.clone(), peer.source.clone(), server.clock.now());
    let begun = server.store.look_up(move |tx| {
        let named = shared.names.look_up(tx, &typed_name, now)?;
        shared.gate.admit(tx, AttemptKind::Code, &named.target(), &source)
    });
    let admitted = begun.await?;
    let Target { oprf_id, account, .. } = *admitted.target();
    match judge_code(server, &admitted, code_hash).await? {
        Judged::Right(written, issued) => {
            let reply = start_new_password(server, &admitted, oprf_id, blinded);
            admitted.conclude(&written);
            let account = account.ok_or(Failure::WrongCode)?;
            let deadline = Instant::now() + server.settings.now().gate.exchange_timeout;
            pending.remember_reset(HalfReset { account, code_hash, issued, deadline });
            reply
        }
        Judged::Spent(written, failure) => {
            admitted.conclude(&written);
            Err(failure)
        }
        Judged::Wrong(written) => {
            admitted.conclude(&written);
            Err(Failure::WrongCode)
        }
        Judged::OverLimit(over) => {
            admitted.conclude_over_limit(&over);
            Err((&over).into())
        }
    }
}

async fn judge_code(server: &Shared, admitted: &Admitted, code_hash: [u8; 32]) -> Result<Judged, Failure> {
    let (verdicts, limits, now) = (admitted.verdicts(), server.settings.now().gate, server.clock.now());
    let (source, target) = (admitted.source().text().to_owned(), admitted.target().clone());
    let judged = server.store.write(move |tx| {
        let Some((account, code)) = codes::find(&verdicts, tx, target.account, &code_hash, now)? else {
            if let Err(over) = verdicts.allow_wrong_code(tx, now)? {
                return Ok(Judged::OverLimit(over));
            }
            let noted = Actor::stranger(&source).note(tx, now, act::ResetFailed, target.as_party(), "")?;
            return Ok(Judged::Wrong(verdicts.wrong(tx, &noted, now)?));
        };
        if let Err(spent) = codes::refuse_spent(&code, &limits) {
            return Ok(Judged::Spent(verdicts.right_code(&code), spent));
        }
        let by = Actor::user(account, &source);
        let noted = by.note_on(tx, now, act::ResetStarted, account, "")?;
        tx.count_reset_evaluation(&noted, now)?;
        Ok::<_, Failure>(Judged::Right(verdicts.passed(&noted), code.issued))
    });
    judged.await
}

pub(super) async fn finish_reset(
    server: &Shared,
    peer: &Peer,
    pending: &mut Pending,
    envelope: &Envelope,
) -> Result<UserReply, Failure> {
    let record = server.opaque.accept(envelope)?;
    let half = pending.take_reset()?;
    let (now, source) = (server.clock.now(), peer.source.text().to_owned());
    let reset = server.store.write(move |tx| {
        let account = tx.account_by_id(half.account, now)?.ok_or(Failure::WrongCode)?;
        let by = Actor::user(account.id, &source);
        let noted = by.note_on(tx, now, act::PasswordReset, account.id, "")?;
        let Some(taken) = tx.take_reset_code(&noted, &half.code_hash, now, now.plus(USED_CODE_SECS))? else {
            let used = tx.reset_code(account.id, &half.code_hash, now, now)?.and_then(|code| code.used);
            return Err(used.map_or(Failure::WrongCode, |at| Failure::CodeUsed { at }));
        };
        let new = NewCredential { code: Some(&half.issued), ..NewCredential::chosen(&record) };
        tx.replace_password(&noted, PasswordRight::Code(taken), new, now)?;
        // The password is new: what was guessed against the old one delays nobody any more.
        tx.clear_throttle(&noted, Some(account.name.as_str()))?;
        Ok((account.name, half.issued))
    });
    let (name, issued) = reset.await?;
    let code = CodeIssued { by: issued.by, at: issued.at };
    Ok(UserReply::PasswordReset { name: name.to_string(), code })
}
