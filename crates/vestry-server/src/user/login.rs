//! Logging in: a proof of the password becomes a session.
//!
//! Who guesses must not learn who exists. An unknown name, a name that cannot exist, an account without a
//! password and a wrong password are answered with one code and one sentence, after the same reads, the same work and one
//! event. Only a right password is told that the account is suspended.

use super::devices;
use super::peer::Peer;
use super::pending::{HalfLogin, Pending};
use crate::audit::act;
use crate::audit::actor::Actor;
use crate::credentials::Ke1;
use crate::failure::Failure;
use crate::gate::{Admitted, AttemptKind, Right};
use crate::names::Named;
use crate::proofs::{ImportedLogin, Proven, credential_of, finish_exchange, judge_imported, start_exchange};
use crate::sessions::{LoggedIn, Minted, Opening, mint};
use crate::shared::Shared;
use std::sync::Arc;
use tokio::time::{Instant, sleep_until};
use vestry_protocol::fields::{Device, Field, FieldError, Password};
use vestry_protocol::limits::{EXPORTER_BYTES, WITNESS_BYTES_MAX};
use vestry_protocol::secret::{DeviceToken, SecretText};
use vestry_protocol::user::{NewSession, UserReply};
use vestry_store::KnownDevice;

/// A session that was just opened.
pub(super) struct Opened {
    pub(super) session: LoggedIn,
    pub(super) shown: NewSession,
    /// The failures that its user was not told of yet.
    pub(super) failures: u64,
    pub(super) right: Right,
    /// The proof, when it was by a record of a key that is being replaced: the record may move.
    pub(super) outdated: Option<Proven>,
    /// When its attempt began: a device is remembered within two minutes of that.
    pub(super) since: Instant,
}

/// With OPAQUE, first half.
pub(super) async fn start(
    server: &Arc<Shared>,
    peer: &Peer,
    pending: &mut Pending,
    (typed_name, device_token): (String, Option<DeviceToken>),
    ke1: &[u8],
    exporter: [u8; EXPORTER_BYTES],
) -> Result<UserReply, Failure> {
    let ke1 = Ke1::parse(ke1)?;
    let (named, device) = look_up(server, typed_name, device_token).await?;
    let (shared, source) = (server.clone(), peer.source.clone());
    let begun = server.store.look_up(move |tx| {
        let target = named.target();
        // A device that logged in to this account before has a lane of its own.
        let kind = device.as_ref().map_or(AttemptKind::Login, AttemptKind::LoginFromDevice);
        let admitted = shared.gate.admit(tx, kind, &target, &source)?;
        let (reply, exchange) = start_exchange(&shared, tx, &admitted, &target, ke1, &exporter)?;
        Ok::<_, Failure>((reply, exchange, admitted, device.is_some()))
    });
    let (reply, exchange, admitted, device_known) = begun.await?;
    let attempt = admitted.half_open();
    pending.remember_login(HalfLogin { attempt, exchange, device_known, since: Instant::now() });
    Ok(reply)
}

/// Who is meant, and from which device. A view of its own: the gate reads its counts in another, which begins later.
async fn look_up(
    server: &Shared,
    typed_name: String,
    device_token: Option<DeviceToken>,
) -> Result<(Named, Option<KnownDevice>), Failure> {
    let (seed, now) = (server.names.clone(), server.clock.now());
    let token_hash = device_token.as_ref().map(devices::hash_of);
    let found = server.store.look_up(move |tx| {
        let named = seed.look_up(tx, &typed_name, now)?;
        let account = named.account.as_ref().map(|account| account.id);
        let device = devices::known_of(tx, token_hash.as_ref(), account)?;
        Ok((named, device))
    });
    found.await
}

/// With OPAQUE, second half.
pub(super) async fn finish(
    server: &Shared,
    peer: &Peer,
    pending: &mut Pending,
    ke3: &[u8],
    exporter: &[u8; EXPORTER_BYTES],
    (device, witness): (&str, &[u8]),
) -> Result<Opened, Failure> {
    let device = Device::parse(Field::Device, device)?;
    if witness.len() > WITNESS_BYTES_MAX {
        let rule = format!("it has at most {WITNESS_BYTES_MAX} bytes");
        return Err(FieldError { field: Field::Witness, rule }.into());
    }
    let HalfLogin { attempt, exchange, device_known, since } = pending.take_login()?;
    let admitted = attempt.claim()?;
    let proven = finish_exchange(exchange, ke3, exporter);
    let mut opened = enter(server, peer, (proven, admitted), (device, since)).await?;
    opened.shown.device_known = device_known;
    // Only what is handed in with a right password.
    server.head.weigh(&server.store, witness).await;
    Ok(opened)
}

/// With the password of an account that was imported. Whatever is stored under the name, the answer comes a fixed time after a
/// hashing thread began.
pub(super) async fn with_imported_password(
    server: &Arc<Shared>,
    peer: &Peer,
    pending: &mut Pending,
    typed_name: String,
    password: &SecretText,
    device: &str,
) -> Result<Opened, Failure> {
    server.settings.now().refuse_clear_passwords()?;
    let since = Instant::now();
    let (device, password) = (Device::parse(Field::Device, device)?, Password::parse(password)?);
    let (named, _) = look_up(server, typed_name, None).await?;
    let continued = pending.take_attempt_at(&named.target());
    let (shared, source) = (server.clone(), peer.source.clone());
    let begun = server.store.look_up(move |tx| {
        let target = named.target();
        let admitted = match continued {
            Some(admitted) => admitted,
            None => shared.gate.admit(tx, AttemptKind::Login, &target, &source)?,
        };
        let found = ImportedLogin {
            credential: credential_of(tx, target.account)?,
            target,
            email: named.account.as_ref().and_then(|account| account.email.clone()),
        };
        Ok::<_, Failure>((admitted, found))
    });
    let (admitted, found) = begun.await?;
    let (began, proven, admitted) = judge_imported(server, admitted, found, password).await?;
    let opened = enter(server, peer, (proven, admitted), (device, since)).await;
    let period = server.settings.now().hashing.imported_login_time;
    let mut answer_at = began + period;
    // Work that took longer is answered after the next multiple of the period, and tells as little.
    while answer_at < Instant::now() {
        answer_at += period;
    }
    sleep_until(answer_at).await;
    opened
}

/// Opens a session for whoever proved the password; writes down who did not.
async fn enter(
    server: &Shared,
    peer: &Peer,
    (proven, admitted): (Result<Proven, Failure>, Admitted),
    (device, since): (Device, Instant),
) -> Result<Opened, Failure> {
    let proven = match proven {
        Ok(proven) => proven,
        Err(failure) => return Err(note_failure(server, peer, failure, admitted).await),
    };
    let (now, source, limits) =
        (server.clock.now(), peer.source.text().to_owned(), server.settings.now().sessions);
    let (verdicts, right, mut proven) = (admitted.verdicts(), proven.right(), proven);
    let head = server.head.clone();
    let opened = server.store.write(move |tx| {
        let opening = Opening { head: &head, device: &device, source: &source, now };
        let Minted { noted, session, shown } =
            mint(limits, tx, &verdicts, proven.authenticated(tx)?, &opening)?;
        let (written, failures) = verdicts.right(tx, &noted, now)?;
        Ok((written, Opened { session, shown, failures, right, outdated: Some(proven), since }))
    });
    match opened.await {
        Ok((written, mut opened)) => {
            admitted.conclude(&written);
            opened.outdated = opened.outdated.filter(|proven| proven.is_outdated(&server.opaque));
            opened.shown.move_record = opened.outdated.is_some();
            Ok(opened)
        }
        Err(failure @ (Failure::WrongCredentials | Failure::Suspended { .. })) => {
            Err(note_failure(server, peer, failure, admitted).await)
        }
        // The password was right, and the session could not be written.
        Err(failure) => {
            admitted.conclude_right(right);
            Err(failure)
        }
    }
}

/// Writes down that a password was wrong, with what it means for the lanes that it was tried in, and hands the failure
/// on. Whatever cannot be written stays a failure: the attempt is dropped.
pub(super) async fn note_failure(
    server: &Shared,
    peer: &Peer,
    failure: Failure,
    admitted: Admitted,
) -> Failure {
    let was_wrong = match &failure {
        Failure::WrongCredentials => true,
        Failure::Suspended { .. } => false,
        _ => return failure,
    };
    let (now, source, verdicts) = (server.clock.now(), peer.source.text().to_owned(), admitted.verdicts());
    let target = admitted.target().clone();
    let noted = server.store.write(move |tx| {
        let (by, at) = (Actor::stranger(&source), target.as_party());
        Ok::<_, Failure>(match was_wrong {
            true => verdicts.wrong(tx, &by.note(tx, now, act::LoginFailed, at, "")?, now)?,
            false => verdicts.passed(&by.note(tx, now, act::LoginRefused, at, "")?),
        })
    });
    match noted.await {
        Ok(written) => {
            admitted.conclude(&written);
            failure
        }
        Err(unwritten) => unwritten,
    }
}
