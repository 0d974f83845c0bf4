//! The user port: which call needs what, and who answers it.
//!
//! A handler that acts for a user takes a [`LoggedIn`]; only registering, logging in, resuming, redeeming a
//! one-time code and asking what this server is go without.

mod account;
mod devices;
mod login;
mod password;
mod pending;
mod proof;
mod register;
mod sessions;

pub(crate) use account::profile_of;
pub(crate) use register::ParsedProfile;

use crate::connection::{Connection, Ended, Patience};
use crate::conversation::{Port, Replies, converse};
use crate::failure::Failure;
use crate::listener::Welcome;
use crate::server::Server;
use crate::sessions::LoggedIn;
use crate::throttle::{Source, Way};
use pending::Pending;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use vestry_protocol::USER_ALPN;
use vestry_protocol::fields::Username;
use vestry_protocol::limits::{EXPORTER_BYTES, EXPORTER_LABEL};
use vestry_protocol::limits::{REQUEST_BYTES_MAX, REQUEST_BYTES_MAX_BEFORE_LOGIN};
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::user::{NewSession, ServerDescription, UserCall, UserReply};
use vestry_store::KnownDevice;

/// What is known of a peer before it says anything.
pub struct Peer {
    /// Where it comes from.
    pub source: Source,
    /// The device that it proved to be by a token, if it did.
    device: Option<KnownDevice>,
}

impl Peer {
    /// How a login to this name is counted: a device that logged in to it before has a lane of its own.
    fn way_to<'a>(&'a self, name: Option<&'a Username>) -> Way<'a> {
        match (name, &self.device) {
            (Some(name), Some(device)) if device.account == name.as_str() => {
                Way::LoginFromDevice(name, device)
            }
            _ => Way::Login(name),
        }
    }
}

/// What a connection expects next.
enum State {
    /// A login, or a call that needs none.
    ExpectLogin,
    /// A call of this session.
    ExpectCall(LoggedIn),
}

/// One user's side of a connection.
struct UserPort {
    server: Arc<Server>,
    peer: Peer,
    state: State,
    /// What names this TLS connection (RFC 9266): it goes into every OPAQUE exchange on it.
    exporter: [u8; EXPORTER_BYTES],
    pending: Pending,
    /// The failed logins that the login on this connection ended.
    failures: u64,
}

/// What the user port's listener does with each connection.
#[derive(Clone)]
pub struct WelcomeUsers(pub Arc<Server>);

impl Welcome for WelcomeUsers {
    fn tls_config(&self) -> Arc<rustls::ServerConfig> {
        self.0.identity.user_config()
    }

    fn alpn(&self) -> &'static [u8] {
        USER_ALPN
    }

    fn draining(&self) -> &CancellationToken {
        &self.0.draining
    }

    async fn converse(self, stream: Box<TlsStream<TcpStream>>, peer: SocketAddr) {
        let server = self.0;
        let exported = stream.get_ref().1.export_keying_material([0; EXPORTER_BYTES], EXPORTER_LABEL, None);
        let Ok(exporter) = exported else {
            tracing::error!(%peer, "a TLS connection has no exporter");
            return;
        };
        let port = UserPort {
            server: server.clone(),
            peer: Peer { source: Source::of(peer.ip()), device: None },
            state: State::ExpectLogin,
            exporter,
            pending: Pending::default(),
            failures: 0,
        };
        if let Err(ended) = converse(Connection::new(stream), port, &server.draining).await {
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
        let limits = &self.server.config.connections;
        let idle = match self.state {
            State::ExpectLogin => limits.anonymous_idle_timeout,
            State::ExpectCall(_) => limits.idle_timeout,
        };
        Patience { idle, frame: limits.frame_timeout, write: limits.write_timeout }
    }

    async fn answer(&mut self, call: UserCall, replies: &mut Replies<'_, UserReply>) -> Result<(), Ended> {
        // A token that does not resume leaves the session that is there, as a failed login does.
        let resuming = matches!(call, UserCall::ResumeSession { .. });
        // Boxed, so that an idle connection does not keep room for the largest of the handlers.
        let reply = match Box::pin(self.dispatch(call)).await {
            Ok(reply) => reply,
            Err(failure) => {
                let refusal = failure.into_refusal();
                if refusal.is(RefusalCode::SessionEnded) && !resuming {
                    self.state = State::ExpectLogin;
                }
                UserReply::Refused(refusal)
            }
        };
        replies.send(reply).await
    }

    fn refused(refusal: Refusal) -> UserReply {
        UserReply::Refused(refusal)
    }
}

impl UserPort {
    async fn dispatch(&mut self, call: UserCall) -> Result<UserReply, Failure> {
        let (server, peer) = (self.server.clone(), &self.peer);
        let server = server.as_ref();
        match call {
            UserCall::DescribeServer => Ok(UserReply::ServerDescribed(describe(server))),
            UserCall::Register(wanted) => register::register(server, peer, &wanted).await,
            UserCall::StartRegistration { name, request } => {
                register::start(server, peer, &name, request).await
            }
            UserCall::FinishRegistration { name, envelope, profile } => {
                register::finish(server, peer, &name, &envelope, &profile).await
            }
            UserCall::LogIn { name, password, device } => {
                let pending = &mut self.pending;
                let opened = login::log_in(server, peer, pending, &name, &password, &device).await?;
                Ok(self.enter(opened))
            }
            UserCall::StartLogin { name, ke1 } => {
                login::start(server, peer, &mut self.pending, &name, ke1, self.exporter).await
            }
            UserCall::FinishLogin { ke3, device } => {
                let pending = &mut self.pending;
                let opened = login::finish(server, peer, pending, &ke3, &self.exporter, &device).await?;
                Ok(self.enter(opened))
            }
            UserCall::PresentDevice { token } => {
                self.peer.device = devices::find(server, &token).await?;
                Ok(UserReply::DevicePresented { known: self.peer.device.is_some() })
            }
            UserCall::ResumeSession { token } => {
                let (session, name) = crate::sessions::resume(server, &token).await?;
                self.state = State::ExpectCall(session);
                // They were told of to the login on this connection, if there was one, and belong to its user.
                self.failures = 0;
                Ok(UserReply::SessionResumed { name })
            }
            UserCall::RedeemResetCode { name, code, new } => {
                password::redeem_reset_code(server, peer, &name, &code, &new).await
            }
            UserCall::StartReset { name, request } => password::start_reset(server, &name, request).await,
            UserCall::FinishReset { name, code, envelope } => {
                password::finish_reset(server, peer, &name, &code, &envelope).await
            }
            of_session => self.dispatch_in_session(of_session).await,
        }
    }

    /// The calls that act for the user of a session.
    async fn dispatch_in_session(&mut self, call: UserCall) -> Result<UserReply, Failure> {
        let session = self.session()?;
        let (server, peer, pending) = (self.server.as_ref(), &self.peer, &mut self.pending);
        match call {
            UserCall::ShowAccount => account::show(server, session).await,
            UserCall::UpdateAccount(update) => account::update(server, peer, session, pending, update).await,
            UserCall::ChangePassword { current, new } => {
                let opened = password::change(server, peer, session, &current, &new).await?;
                Ok(self.enter_changed(opened))
            }
            UserCall::StartProof { ke1 } => {
                proof::start(server, peer, session, pending, ke1, self.exporter).await
            }
            UserCall::FinishProof { ke3 } => {
                proof::finish(server, peer, session, pending, &ke3, &self.exporter).await
            }
            UserCall::StartNewPassword { request } => {
                password::start_new(server, session, pending, request).await
            }
            UserCall::FinishNewPassword { envelope } => {
                let opened = password::finish_new(server, peer, session, pending, &envelope).await?;
                Ok(self.enter_changed(opened))
            }
            UserCall::FinishMigration { envelope } => {
                proof::finish_migration(server, peer, session, pending, &envelope).await
            }
            UserCall::DeleteAccount { password } => {
                let proven = proof::prove_own_password(server, peer, session, &password).await?;
                let reply = account::delete(server, peer, session, proven).await?;
                self.state = State::ExpectLogin;
                Ok(reply)
            }
            UserCall::DeleteProvenAccount => {
                let proven = pending.take_proof(session)?;
                let reply = account::delete(server, peer, session, proven).await?;
                self.state = State::ExpectLogin;
                Ok(reply)
            }
            UserCall::RememberDevice => devices::remember(server, peer, session).await,
            UserCall::ShowFailures => account::show_failures(server, session, self.failures).await,
            UserCall::ListSessions => sessions::list(server, session).await,
            UserCall::RevokeSession { id } => sessions::revoke(server, peer, session, id).await,
            UserCall::LogOut { everywhere } => {
                let reply = sessions::log_out(server, peer, session, everywhere).await?;
                self.state = State::ExpectLogin;
                Ok(reply)
            }
            UserCall::DescribeServer
            | UserCall::Register(_)
            | UserCall::StartRegistration { .. }
            | UserCall::FinishRegistration { .. }
            | UserCall::LogIn { .. }
            | UserCall::StartLogin { .. }
            | UserCall::FinishLogin { .. }
            | UserCall::ResumeSession { .. }
            | UserCall::PresentDevice { .. }
            | UserCall::RedeemResetCode { .. }
            | UserCall::StartReset { .. }
            | UserCall::FinishReset { .. } => {
                Err(Failure::Internal("a call without a session was given one"))
            }
        }
    }

    /// The connection is now of the session that was just opened.
    fn enter(&mut self, opened: login::Opened) -> UserReply {
        self.state = State::ExpectCall(opened.session);
        self.failures = opened.failures;
        self.pending.remember_login(opened.proven, opened.session);
        UserReply::LoggedIn(opened.shown)
    }

    fn enter_changed(&mut self, (session, shown): (LoggedIn, NewSession)) -> UserReply {
        self.state = State::ExpectCall(session);
        UserReply::PasswordChanged(shown)
    }

    fn session(&self) -> Result<LoggedIn, Failure> {
        match self.state {
            State::ExpectLogin => Err(Failure::NotLoggedIn),
            State::ExpectCall(session) => Ok(session),
        }
    }
}

fn describe(server: &Server) -> ServerDescription {
    ServerDescription {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        registration_open: server.config.registration_open,
        password_chars_min: u64::try_from(server.config.password_policy.chars_min()).unwrap_or(u64::MAX),
        now: server.clock.now(),
    }
}
