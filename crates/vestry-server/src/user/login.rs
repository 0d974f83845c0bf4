//! Logging in: a password becomes a session.
//!
//! Who guesses must not learn who exists. An unknown name, a name that cannot exist, an account without a
//! password and a wrong password are answered with one code and one sentence, after the same read, hash and
//! event. Only a right password is told that the account is suspended.

use super::Peer;
use crate::audit::{Action, Actor};
use crate::credentials::{Proven, prove_password};
use crate::failure::Failure;
use crate::server::Server;
use crate::sessions::{LoggedIn, Opening, mint};
use vestry_protocol::fields::{Device, Username};
use vestry_protocol::secret::SecretText;
use vestry_protocol::user::NewSession;

/// A session that was just opened, and the proof that opened it.
pub(super) struct Opened {
    pub(super) session: LoggedIn,
    pub(super) shown: NewSession,
    pub(super) proven: Proven,
}

/// With a password that came over TLS.
pub(super) async fn log_in(
    server: &Server,
    peer: &Peer,
    typed_name: &str,
    password: &SecretText,
    device: &str,
) -> Result<Opened, Failure> {
    let name = Username::parse(typed_name).ok();
    let proven = prove_password(server, name.as_ref(), password).await;
    enter_proven(server, peer, name.as_ref(), proven, device).await
}

/// With whatever proved the password, or failed to.
pub(super) async fn enter_proven(
    server: &Server,
    peer: &Peer,
    name: Option<&Username>,
    proven: Result<Proven, Failure>,
    device: &str,
) -> Result<Opened, Failure> {
    let device = Device::parse("device", device)?;
    let opened = match proven {
        Ok(proven) => open_session(server, peer, proven, device).await,
        Err(failure) => Err(failure),
    };
    match opened {
        Ok(opened) => Ok(opened),
        Err(failure) => Err(note_failure(server, peer, name, failure).await),
    }
}

async fn open_session(
    server: &Server,
    peer: &Peer,
    mut proven: Proven,
    device: Device,
) -> Result<Opened, Failure> {
    let (now, source, limits) = (server.clock.now(), peer.source.clone(), server.config.sessions);
    server
        .store
        .write(move |tx| {
            let opening = Opening { device: &device, source: &source, action: Action::LoggedIn, now };
            let (session, shown) = mint(limits, tx, &mut proven, &opening)?;
            Ok(Opened { session, shown, proven })
        })
        .await
}

/// Writes down that a login failed, and hands the failure on. The name is written only when it could be one:
/// what else is typed there may be a password.
pub(super) async fn note_failure(
    server: &Server,
    peer: &Peer,
    name: Option<&Username>,
    failure: Failure,
) -> Failure {
    let action = match &failure {
        Failure::WrongCredentials => Action::LoginFailed,
        Failure::Suspended { .. } => Action::LoginRefused,
        _ => return failure,
    };
    let (now, source) = (server.clock.now(), peer.source.clone());
    let subject = name.map(ToString::to_string).unwrap_or_default();
    let noted = server
        .store
        .write(move |tx| {
            Actor::user("", &source).note(tx, now, action, &subject, "")?;
            Ok::<_, Failure>(())
        })
        .await;
    match noted {
        Ok(()) => failure,
        Err(unwritten) => unwritten,
    }
}
