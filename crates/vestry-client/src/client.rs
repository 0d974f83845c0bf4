//! The calls of the user port, typed: each takes parsed fields and returns what its own answer holds.
//!
//! It keeps no session and asks nobody: whoever calls decides what to do with a token and when to connect again.
//! A server that is busy is asked again when the caller's [`Patience`] allows.

use crate::address::Address;
use crate::wire::{Wire, WireError};
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::{Device, Password, Username};
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::secret::{SecretText, SessionToken};
use vestry_protocol::user::{
    Account, Change, NewSession, Profile, ProfileUpdate, Registration, ServerDescription, Session, UserCall,
    UserReply,
};
use vestry_protocol::{USER_ALPN, UnixSeconds};

/// Why a call was not done, or not certainly done.
#[derive(Debug, Error)]
pub enum CallError {
    /// The connection.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The server said no.
    #[error("{}", Escaped(&.0.message))]
    Refused(Refusal),
    /// The server answered another question.
    #[error("the server's answer does not belong to the question")]
    UnexpectedReply,
}

impl CallError {
    /// Whether the server refused with this code.
    #[must_use]
    pub fn is_refusal(&self, code: RefusalCode) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is(code))
    }
}

/// Asked each time that the server is busy: which try this was, counted from 1, and how long the server wants to be
/// left alone. `true` waits and tries again.
pub type Patience = Box<dyn FnMut(u32, Duration) -> bool + Send>;

/// How long to wait when a busy server does not say.
const BUSY_WAIT_DEFAULT: Duration = Duration::from_secs(1);

/// A connection to the user port.
pub struct Client {
    wire: Wire<UserCall, UserReply>,
    patience: Patience,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("wire", &self.wire).finish_non_exhaustive()
    }
}

impl Client {
    /// Connects and verifies the server. Nothing is sent but the handshake.
    ///
    /// # Errors
    /// When the server cannot be reached, or is not the one that `tls` trusts.
    pub async fn connect(address: &Address, tls: Arc<ClientConfig>) -> Result<Self, WireError> {
        let wire = Wire::connect(address.host(), address.port(), tls, USER_ALPN).await?;
        Ok(Self { wire, patience: Box::new(|_, _| false) })
    }

    /// Asks a busy server again as long as `patience` says so. Without it, busy is a refusal like any other.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// What the server is and expects of a new password. Needs no session.
    ///
    /// # Errors
    /// As every call: the connection, a refusal, or an answer to something else.
    pub async fn describe_server(&mut self) -> Result<ServerDescription, CallError> {
        self.ask(UserCall::DescribeServer, |reply| {
            if let UserReply::ServerDescribed(server) = reply { Some(server) } else { None }
        })
        .await
    }

    /// Makes an account and returns its canonical name. Opens no session.
    ///
    /// # Errors
    /// As every call; above all when the name is taken.
    pub async fn register(
        &mut self,
        name: &Username,
        password: &Password,
        profile: &Profile,
    ) -> Result<String, CallError> {
        let call = UserCall::Register(Registration {
            name: name.as_str().to_owned(),
            password: secret(password),
            profile: profile.clone(),
        });
        self.ask(call, |reply| if let UserReply::Registered { name } = reply { Some(name) } else { None })
            .await
    }

    /// Opens a session, which this connection then has.
    ///
    /// # Errors
    /// As every call; above all when the name or the password is wrong.
    pub async fn log_in(
        &mut self,
        name: &Username,
        password: &Password,
        device: &Device,
    ) -> Result<NewSession, CallError> {
        let call = UserCall::LogIn {
            name: name.as_str().to_owned(),
            password: secret(password),
            device: device.as_str().to_owned(),
        };
        self.ask(call, |reply| if let UserReply::LoggedIn(session) = reply { Some(session) } else { None })
            .await
    }

    /// Goes on with a session and returns whose it is.
    ///
    /// # Errors
    /// As every call; above all when the session has ended.
    pub async fn resume(&mut self, token: &SessionToken) -> Result<String, CallError> {
        let call = UserCall::ResumeSession { token: SessionToken::from_bytes(*token.expose_secret()) };
        self.ask(call, |reply| if let UserReply::SessionResumed { name } = reply { Some(name) } else { None })
            .await
    }

    /// The account of this session.
    ///
    /// # Errors
    /// As every call.
    pub async fn show(&mut self) -> Result<Account, CallError> {
        self.ask(UserCall::ShowAccount, |reply| {
            if let UserReply::AccountShown(account) = reply { Some(account) } else { None }
        })
        .await
    }

    /// Changes the profile, all of it or nothing, and returns the account as it is now. A change of the e-mail
    /// address needs the password.
    ///
    /// # Errors
    /// As every call.
    pub async fn update(
        &mut self,
        email: &Change<String>,
        age: &Change<u16>,
        gender: &Change<String>,
        password: Option<&Password>,
    ) -> Result<Account, CallError> {
        let call = UserCall::UpdateAccount(ProfileUpdate {
            email: email.clone(),
            age: age.clone(),
            gender: gender.clone(),
            password: password.map(secret),
        });
        self.ask(
            call,
            |reply| {
                if let UserReply::AccountUpdated(account) = reply { Some(account) } else { None }
            },
        )
        .await
    }

    /// Sets a new password. Every session ends but the one that is returned, which this connection then has.
    ///
    /// # Errors
    /// As every call.
    pub async fn change_password(
        &mut self,
        current: &Password,
        new: &Password,
    ) -> Result<NewSession, CallError> {
        let call = UserCall::ChangePassword { current: secret(current), new: secret(new) };
        self.ask(
            call,
            |reply| {
                if let UserReply::PasswordChanged(session) = reply { Some(session) } else { None }
            },
        )
        .await
    }

    /// Deletes the account and returns until when the operator can undo it.
    ///
    /// # Errors
    /// As every call.
    pub async fn delete(&mut self, password: &Password) -> Result<UnixSeconds, CallError> {
        let call = UserCall::DeleteAccount { password: secret(password) };
        self.ask(call, |reply| {
            if let UserReply::AccountDeleted { restorable_until } = reply {
                Some(restorable_until)
            } else {
                None
            }
        })
        .await
    }

    /// The account's open sessions, newest first.
    ///
    /// # Errors
    /// As every call.
    pub async fn sessions(&mut self) -> Result<Vec<Session>, CallError> {
        self.ask(UserCall::ListSessions, |reply| {
            if let UserReply::SessionsListed(sessions) = reply { Some(sessions) } else { None }
        })
        .await
    }

    /// Ends one of the account's sessions.
    ///
    /// # Errors
    /// As every call; above all when there is no such session.
    pub async fn revoke(&mut self, id: u64) -> Result<(), CallError> {
        self.ask(UserCall::RevokeSession { id }, |reply| {
            if let UserReply::SessionRevoked = reply { Some(()) } else { None }
        })
        .await
    }

    /// Ends this session, or all of the account's, and returns how many ended.
    ///
    /// # Errors
    /// As every call.
    pub async fn log_out(&mut self, everywhere: bool) -> Result<u64, CallError> {
        self.ask(UserCall::LogOut { everywhere }, |reply| {
            if let UserReply::LoggedOut { sessions_ended } = reply { Some(sessions_ended) } else { None }
        })
        .await
    }

    /// Sets a password with the operator's one-time code and returns the canonical name. Opens no session.
    ///
    /// # Errors
    /// As every call; above all when the code is wrong or too old.
    pub async fn redeem_reset_code(
        &mut self,
        name: &Username,
        code: &SecretText,
        new: &Password,
    ) -> Result<String, CallError> {
        let call = UserCall::RedeemResetCode {
            name: name.as_str().to_owned(),
            code: SecretText::new(code.expose_secret().to_owned()),
            new: secret(new),
        };
        self.ask(call, |reply| if let UserReply::PasswordReset { name } = reply { Some(name) } else { None })
            .await
    }

    async fn ask<T>(
        &mut self,
        call: UserCall,
        own_answer: impl FnOnce(UserReply) -> Option<T>,
    ) -> Result<T, CallError> {
        let mut tries = 0;
        loop {
            let reply = self.wire.call(&call).await?;
            let UserReply::Refused(refusal) = reply else {
                return own_answer(reply).ok_or(CallError::UnexpectedReply);
            };
            tries += 1;
            let wait = refusal.retry_after_ms.map_or(BUSY_WAIT_DEFAULT, Duration::from_millis);
            if !refusal.is(RefusalCode::Busy) || !(self.patience)(tries, wait) {
                return Err(CallError::Refused(refusal));
            }
            tokio::time::sleep(wait).await;
        }
    }
}

/// A copy for one message, which wipes itself once it is sent.
fn secret(password: &Password) -> SecretText {
    SecretText::new(password.expose_secret().to_owned())
}

#[cfg(test)]
mod tests;
