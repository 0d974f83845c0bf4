//! The user port: which call needs what, and who answers it.
//!
//! A handler that acts for a user takes a [`LoggedIn`]; only registering, logging in, resuming, redeeming a
//! one-time code and asking what this server is go without. Whatever may be guessed or asked for too often is admitted by
//! the gate (`gate/`) first.

mod account;
mod devices;
mod login;
mod password;
mod peer;
mod pending;
mod proof;
mod register;
mod sessions;

use crate::failure::Failure;
use crate::gate::calls::Call;
use crate::ports::connection::{Connection, Ended, Patience};
use crate::ports::conversation::{Port, Replies, converse};
use crate::ports::listener::Welcome;
use crate::ports::slots::Slot;
use crate::sessions::LoggedIn;
use crate::shared::Shared;
use crate::source::Source;
use peer::Peer;
use pending::Pending;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use vestry_protocol::USER_ALPN;
use vestry_protocol::limits::{EXPORTER_BYTES, EXPORTER_LABEL};
use vestry_protocol::limits::{REQUEST_BYTES_MAX, REQUEST_BYTES_MAX_BEFORE_LOGIN, UNREADABLE_FRAMES_MAX};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::{ServerDescription, UserCall, UserReply};

/// What a connection expects next.
enum State {
    /// A login, or a call that needs none.
    ExpectLogin,
    /// A call of this session.
    ExpectCall(LoggedIn),
}

/// One user's side of a connection.
struct UserPort {
    server: Arc<Shared>,
    slot: Arc<Slot>,
    /// Since when nobody is logged in here.
    anonymous_since: Instant,
    peer: Peer,
    state: State,
    /// What names this TLS connection (RFC 9266): it goes into every OPAQUE exchange on it.
    exporter: [u8; EXPORTER_BYTES],
    pending: Pending,
    /// The failed logins that the login on this connection ended.
    failures: u64,
    /// The frames before a login that were no request.
    unreadable: u32,
}

/// What the user port's listener does with each connection.
#[derive(Clone)]
pub struct WelcomeUsers(pub Arc<Shared>);

impl Welcome for WelcomeUsers {
    fn tls_config(&self) -> Arc<rustls::ServerConfig> {
        self.0.identity.user_config()
    }

    fn alpn(&self) -> Option<&'static [u8]> {
        Some(USER_ALPN)
    }

    fn draining(&self) -> &CancellationToken {
        &self.0.draining
    }

    async fn converse(self, stream: Box<TlsStream<TcpStream>>, peer: SocketAddr, slot: Slot) {
        let server = self.0;
        let exported = stream.get_ref().1.export_keying_material([0; EXPORTER_BYTES], EXPORTER_LABEL, None);
        let Ok(exporter) = exported else {
            tracing::error!(%peer, "a TLS connection has no exporter");
            return;
        };
        let slot = Arc::new(slot);
        let port = UserPort {
            server: server.clone(),
            slot: slot.clone(),
            anonymous_since: Instant::now(),
            peer: Peer { source: Source::of(peer.ip()) },
            state: State::ExpectLogin,
            exporter,
            pending: Pending::default(),
            failures: 0,
            unreadable: 0,
        };
        if let Err(ended) = converse(Connection::new(stream), port, &server.draining, slot).await {
            tracing::debug!(%peer, %ended, "a user's connection ended");
        }
    }
}

impl Port for UserPort {
    type Call = UserCall;
    type Body = UserReply;

    fn request_bytes_max(&self) -> usize {
        match self.state {
            State::ExpectLogin => REQUEST_BYTES_MAX_BEFORE_LOGIN,
            State::ExpectCall(_) => REQUEST_BYTES_MAX,
        }
    }

    fn patience(&self) -> Patience {
        let limits = self.server.settings.now().connections;
        let (idle, until) = match self.state {
            State::ExpectLogin => {
                (limits.anonymous_idle_timeout, Some(self.anonymous_since + limits.anonymous_timeout))
            }
            State::ExpectCall(_) => (limits.idle_timeout, None),
        };
        Patience { idle, frame: limits.frame_timeout, write: limits.write_timeout, until }
    }

    async fn answer(&mut self, call: UserCall, replies: &mut Replies<'_, UserReply>) -> Result<(), Ended> {
        // A token that does not resume leaves the session that is there, as a failed login does.
        let resuming = matches!(call, UserCall::ResumeSession { .. });
        let of_session = Call::of(&call).row().is_of_session();
        // Boxed, so that an idle connection does not keep room for the largest of the handlers.
        let answered = match (of_session, &self.state) {
            (true, State::ExpectLogin) => Err(Failure::NotLoggedIn),
            (true, State::ExpectCall(session)) => {
                let session = *session;
                Box::pin(self.dispatch_in_session(session, call)).await
            }
            (false, _) => Box::pin(self.dispatch_without_session(call)).await,
        };
        let reply = match answered {
            Ok(reply) => reply,
            Err(failure) => {
                let refusal = failure.into_refusal();
                if refusal.is(RefusalCode::SessionEnded) && !resuming {
                    self.leave();
                }
                UserReply::Refused(refusal)
            }
        };
        replies.send(reply).await
    }

    fn tolerates_unreadable(&mut self) -> bool {
        if matches!(self.state, State::ExpectLogin) {
            self.unreadable += 1;
        }
        self.unreadable <= UNREADABLE_FRAMES_MAX
    }
}

impl UserPort {
    /// The calls of anybody.
    async fn dispatch_without_session(&mut self, call: UserCall) -> Result<UserReply, Failure> {
        let (server, peer, pending) = (self.server.clone(), &self.peer, &mut self.pending);
        match call {
            UserCall::DescribeServer => Ok(UserReply::ServerDescribed(describe(&server))),
            UserCall::StartRegistration { name, request, invitation } => {
                register::start(&server, peer, pending, (&name, invitation), &request).await
            }
            UserCall::FinishRegistration { envelope, profile } => {
                register::finish(&server, peer, pending, &envelope, &profile).await
            }
            UserCall::StartLogin { name, device_token, ke1 } => {
                login::start(&server, peer, pending, (name, device_token), &ke1, self.exporter).await
            }
            UserCall::FinishLogin { ke3, device, witness } => {
                let typed = (device.as_str(), witness.as_slice());
                let opened = login::finish(&server, peer, pending, &ke3, &self.exporter, typed).await?;
                Ok(self.enter(opened))
            }
            UserCall::LogInImported { name, password, device } => {
                let opened =
                    login::with_imported_password(&server, peer, pending, name, &password, &device).await?;
                Ok(self.enter(opened))
            }
            UserCall::ResumeSession { token } => {
                let (session, name) = crate::sessions::resume(&server, &token).await?;
                self.arrive(session);
                // They were told of to the login on this connection, if there was one, and belong to its user.
                self.failures = 0;
                Ok(UserReply::SessionResumed { name: name.to_string() })
            }
            UserCall::StartReset { name, code, request } => {
                password::start_reset(&server, peer, pending, name, &code, &request).await
            }
            UserCall::FinishReset { envelope } => {
                password::finish_reset(&server, peer, pending, &envelope).await
            }
            UserCall::ShowAccount
            | UserCall::UpdateAccount(_)
            | UserCall::StartProof { .. }
            | UserCall::FinishProof { .. }
            | UserCall::StartNewPassword { .. }
            | UserCall::FinishNewPassword { .. }
            | UserCall::DeleteAccount
            | UserCall::ListSessions
            | UserCall::RevokeSession { .. }
            | UserCall::LogOut { .. }
            | UserCall::RememberDevice
            | UserCall::ListDevices
            | UserCall::ForgetDevice { .. }
            | UserCall::ShowNotices
            | UserCall::StartRecordMove { .. }
            | UserCall::FinishRecordMove { .. } => {
                Err(Failure::Internal("a call of a session was given none"))
            }
        }
    }

    /// The calls that act for the user of a session.
    async fn dispatch_in_session(&mut self, session: LoggedIn, call: UserCall) -> Result<UserReply, Failure> {
        let (server, peer, pending) = (self.server.clone(), &self.peer, &mut self.pending);
        match call {
            UserCall::ShowAccount => account::show(&server, session).await,
            UserCall::UpdateAccount(update) => account::update(&server, peer, session, pending, update).await,
            UserCall::StartProof { ke1 } => {
                proof::start(&server, peer, session, pending, &ke1, self.exporter).await
            }
            UserCall::FinishProof { ke3 } => {
                proof::finish(&server, peer, session, pending, &ke3, &self.exporter).await
            }
            UserCall::StartNewPassword { request } => {
                password::start_new(&server, peer, session, pending, &request).await
            }
            UserCall::FinishNewPassword { envelope } => {
                let (session, shown) =
                    password::finish_new(&server, peer, session, pending, &envelope).await?;
                self.state = State::ExpectCall(session);
                Ok(UserReply::PasswordChanged(shown))
            }
            UserCall::DeleteAccount => {
                let proven = pending.take_proof(session)?;
                let reply = account::delete(&server, peer, session, proven).await?;
                self.leave();
                Ok(reply)
            }
            UserCall::ListSessions => sessions::list(&server, session).await,
            UserCall::RevokeSession { id } => sessions::revoke(&server, peer, session, id).await,
            UserCall::LogOut { everywhere } => {
                let reply = sessions::log_out(&server, peer, session, everywhere).await?;
                self.leave();
                Ok(reply)
            }
            UserCall::RememberDevice => devices::remember(&server, peer, session, pending).await,
            UserCall::ListDevices => devices::list(&server, session).await,
            UserCall::ForgetDevice { id } => devices::forget(&server, peer, session, id).await,
            UserCall::ShowNotices => account::show_notices(&server, session, self.failures).await,
            UserCall::StartRecordMove { request } => {
                password::start_record_move(&server, peer, session, pending, &request).await
            }
            UserCall::FinishRecordMove { envelope } => {
                password::finish_record_move(&server, peer, session, pending, &envelope).await
            }
            UserCall::DescribeServer
            | UserCall::StartRegistration { .. }
            | UserCall::FinishRegistration { .. }
            | UserCall::StartLogin { .. }
            | UserCall::FinishLogin { .. }
            | UserCall::LogInImported { .. }
            | UserCall::ResumeSession { .. }
            | UserCall::StartReset { .. }
            | UserCall::FinishReset { .. } => {
                Err(Failure::Internal("a call without a session was given one"))
            }
        }
    }

    /// The connection is now of the session that was just opened.
    fn enter(&mut self, opened: login::Opened) -> UserReply {
        self.arrive(opened.session);
        self.failures = opened.failures;
        self.pending.remember_fresh_login(opened.session, opened.right, opened.since);
        if let Some(outdated) = opened.outdated {
            self.pending.remember_outdated(outdated, opened.session, opened.since);
        }
        UserReply::LoggedIn(opened.shown)
    }

    fn arrive(&mut self, session: LoggedIn) {
        self.state = State::ExpectCall(session);
        self.slot.set_anonymous(false);
    }

    /// The session has ended, and what was under way in it.
    fn leave(&mut self) {
        self.state = State::ExpectLogin;
        self.anonymous_since = Instant::now();
        self.slot.set_anonymous(true);
        self.pending = Pending::default();
    }
}

fn describe(server: &Shared) -> ServerDescription {
    ServerDescription {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        registration_open: server.settings.now().accounts.registration_open,
        password_chars_min: u64::try_from(server.settings.now().accounts.password_policy.chars_min())
            .unwrap_or(u64::MAX),
        now: server.clock.now(),
    }
}
