//! Logging in: a password becomes a session.
//!
//! Who guesses must not learn who exists. An unknown name, a name that cannot exist, an account without a
//! password and a wrong password are answered with one code and one sentence, after the same read, hash and
//! event. Only a right password is told that the account is suspended.

use super::Peer;
use super::pending::{Pending, Purpose};
use crate::audit::{Action, Actor};
use crate::credentials::{Proven, finish_exchange, prove_password, start_exchange};
use crate::failure::Failure;
use crate::server::Server;
use crate::sessions::{LoggedIn, Minted, Opening, mint};
use crate::throttle::Attempt;
use vestry_protocol::fields::{Device, Username};
use vestry_protocol::limits::EXPORTER_BYTES;
use vestry_protocol::secret::SecretText;
use vestry_protocol::user::{NewSession, UserReply};

/// A session that was just opened, and the proof that opened it.
pub(super) struct Opened {
    pub(super) session: LoggedIn,
    pub(super) shown: NewSession,
    pub(super) proven: Proven,
    /// The failures that its user was not told of yet.
    pub(super) failures: u64,
}

/// With a password that came over TLS.
pub(super) async fn log_in(
    server: &Server,
    peer: &Peer,
    pending: &mut Pending,
    typed_name: &str,
    password: &SecretText,
    device: &str,
) -> Result<Opened, Failure> {
    let device = Device::parse("device", device)?;
    let name = Username::parse(typed_name).ok();
    let attempt = match pending.take_attempt_of(name.as_ref()) {
        Some(attempt) => attempt,
        None => server.throttle.begin(peer.way_to(name.as_ref()), &peer.source)?,
    };
    let (proven, attempt) = prove_password(server, name.as_ref(), password, attempt).await?;
    enter(server, peer, name.as_ref(), (proven, attempt), device).await
}

/// With OPAQUE, first half.
pub(super) async fn start(
    server: &Server,
    peer: &Peer,
    pending: &mut Pending,
    typed_name: &str,
    ke1: Vec<u8>,
    exporter: [u8; EXPORTER_BYTES],
) -> Result<UserReply, Failure> {
    let name = Username::parse(typed_name).ok();
    let attempt = server.throttle.begin(peer.way_to(name.as_ref()), &peer.source)?;
    let (reply, exchange, attempt) = start_exchange(server, typed_name, ke1, exporter, attempt).await?;
    pending.remember_exchange(exchange, Purpose::Login { name, attempt });
    Ok(reply)
}

/// With OPAQUE, second half.
pub(super) async fn finish(
    server: &Server,
    peer: &Peer,
    pending: &mut Pending,
    ke3: &[u8],
    exporter: &[u8; EXPORTER_BYTES],
    device: &str,
) -> Result<Opened, Failure> {
    let device = Device::parse("device", device)?;
    let (exchange, name, attempt) = pending.take_login()?;
    let proven = finish_exchange(exchange, ke3, exporter);
    enter(server, peer, name.as_ref(), (proven, attempt), device).await
}

/// Opens a session for whoever proved the password; writes down who did not.
async fn enter(
    server: &Server,
    peer: &Peer,
    name: Option<&Username>,
    (proven, attempt): (Result<Proven, Failure>, Attempt),
    device: Device,
) -> Result<Opened, Failure> {
    let opened = match proven {
        Ok(proven) => open_session(server, peer, proven, &attempt, device).await,
        Err(failure) => Err(failure),
    };
    match opened {
        Ok(opened) => {
            attempt.withdraw();
            Ok(opened)
        }
        Err(failure) => Err(note_failure(server, peer, name, failure, attempt).await),
    }
}

async fn open_session(
    server: &Server,
    peer: &Peer,
    mut proven: Proven,
    attempt: &Attempt,
    device: Device,
) -> Result<Opened, Failure> {
    let (now, source, limits) = (server.clock.now(), peer.source.text().to_owned(), server.config.sessions);
    let tried = attempt.tried();
    server
        .store
        .write(move |tx| {
            let opening = Opening { device: &device, source: &source, action: Action::LoggedIn, now };
            let Minted { noted, session, shown } = mint(limits, tx, &mut proven, &opening)?;
            let failures = tried.was_right(tx, &noted, now)?;
            Ok(Opened { session, shown, proven, failures })
        })
        .await
}

/// Writes down that a password was wrong, with what it means for the lanes that it was tried in, and hands the failure
/// on. The name is written only when it could be one: what else is typed there may be a password.
pub(super) async fn note_failure(
    server: &Server,
    peer: &Peer,
    name: Option<&Username>,
    failure: Failure,
    attempt: Attempt,
) -> Failure {
    let (action, was_wrong) = match &failure {
        Failure::WrongCredentials => (Action::LoginFailed, true),
        Failure::Suspended { .. } => (Action::LoginRefused, false),
        // Nothing was found out about the password.
        _ => {
            attempt.withdraw();
            return failure;
        }
    };
    let (now, source, tried) = (server.clock.now(), peer.source.text().to_owned(), attempt.tried());
    let subject = name.map(ToString::to_string).unwrap_or_default();
    let noted = server
        .store
        .write(move |tx| {
            let noted = Actor::user("", &source).note(tx, now, action, &subject, "")?;
            if was_wrong {
                tried.was_wrong(tx, &noted, now)?;
            }
            Ok::<_, Failure>(())
        })
        .await;
    match noted {
        Ok(()) => {
            attempt.withdraw();
            failure
        }
        Err(unwritten) => unwritten,
    }
}
