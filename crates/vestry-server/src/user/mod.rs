//! The user port: which call needs what, and who answers it.
//!
//! A handler that acts for a user takes a [`LoggedIn`]; only registering, logging in, resuming, redeeming a
//! one-time code and asking what this server is go without.

mod account;
mod login;
mod password;
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
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use vestry_protocol::USER_ALPN;
use vestry_protocol::limits::{REQUEST_BYTES_MAX, REQUEST_BYTES_MAX_BEFORE_LOGIN};
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::user::{ServerDescription, UserCall, UserReply};

/// What is known of a peer before it says anything.
pub struct Peer {
    /// Its address, as it is written down.
    pub source: String,
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

    async fn converse(self, stream: Box<TlsStream<TcpStream>>, peer: SocketAddr) {
        let server = self.0;
        let port = UserPort {
            server: server.clone(),
            peer: Peer { source: peer.ip().to_canonical().to_string() },
            state: State::ExpectLogin,
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
        let (server, peer) = (&self.server, &self.peer);
        match call {
            UserCall::DescribeServer => Ok(UserReply::ServerDescribed(describe(server))),
            UserCall::Register(wanted) => register::register(server, peer, &wanted).await,
            UserCall::LogIn { name, password, device } => {
                let (session, reply) = login::log_in(server, peer, &name, &password, &device).await?;
                self.state = State::ExpectCall(session);
                Ok(reply)
            }
            UserCall::ResumeSession { token } => {
                let (session, name) = crate::sessions::resume(server, &token).await?;
                self.state = State::ExpectCall(session);
                Ok(UserReply::SessionResumed { name })
            }
            UserCall::RedeemResetCode { name, code, new } => {
                password::redeem_reset_code(server, peer, &name, &code, &new).await
            }
            UserCall::ShowAccount => account::show(server, self.session()?).await,
            UserCall::UpdateAccount(update) => account::update(server, peer, self.session()?, update).await,
            UserCall::ChangePassword { current, new } => {
                let (session, reply) =
                    password::change(server, peer, self.session()?, &current, &new).await?;
                self.state = State::ExpectCall(session);
                Ok(reply)
            }
            UserCall::DeleteAccount { password } => {
                let reply = account::delete(server, peer, self.session()?, &password).await?;
                self.state = State::ExpectLogin;
                Ok(reply)
            }
            UserCall::ListSessions => sessions::list(server, self.session()?).await,
            UserCall::RevokeSession { id } => sessions::revoke(server, peer, self.session()?, id).await,
            UserCall::LogOut { everywhere } => {
                let reply = sessions::log_out(server, peer, self.session()?, everywhere).await?;
                self.state = State::ExpectLogin;
                Ok(reply)
            }
        }
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
