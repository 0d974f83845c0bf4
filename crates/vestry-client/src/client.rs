//! The calls of the user port, typed: each takes parsed fields and returns what its own answer holds.
//!
//! It keeps no session and asks nobody: whoever calls decides what to do with a token and when to connect again.
//! A server that is busy is asked again when the caller's [`Patience`] allows.
//!
//! Passwords are proven by OPAQUE and never sent, but for an account that has only a password hash, and only where
//! the caller leaves that path open ([`PasswordPath`]).

mod error;
mod exchange;
mod proof;

#[cfg(test)]
mod fake_server;
#[cfg(test)]
mod opaque_tests;
#[cfg(test)]
mod tests;

pub use error::CallError;
pub use proof::{OfferedPassword, PasswordPath, Proven};

use crate::address::Address;
use crate::wire::{Wire, WireError};
use proof::Carried;
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;
use vestry_protocol::fields::{Device, Password, Username};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::secret::{SecretText, SessionToken};
use vestry_protocol::user::{
    Account, Change, NewSession, Profile, ProfileUpdate, ServerDescription, Session, UserCall, UserReply,
};
use vestry_protocol::{USER_ALPN, UnixSeconds};

/// Asked each time that the server is busy: which try this was, counted from 1, and how long the server wants to be
/// left alone. `true` waits and tries again.
pub type Patience = Box<dyn FnMut(u32, Duration) -> bool + Send>;

/// How long to wait when a busy server does not say.
const BUSY_WAIT_DEFAULT: Duration = Duration::from_secs(1);

/// A connection to the user port.
pub struct Client {
    wire: Wire<UserCall, UserReply>,
    patience: Patience,
    /// Whether every request so far was answered, so that the next answer belongs to the next request.
    is_usable: bool,
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
        Ok(Self { wire, patience: Box::new(|_, _| false), is_usable: true })
    }

    /// Asks a busy server again as long as `patience` says so. Without it, busy is a refusal like any other.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Whether the connection can be used again. Also after a call that went well: moving an account to OPAQUE may
    /// break off behind a login.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.is_usable
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

    /// Makes an account and returns its canonical name. Opens no session. From then on the account is known to be
    /// OPAQUE.
    ///
    /// # Errors
    /// As every call; above all when the name is taken.
    pub async fn register(
        &mut self,
        name: &Username,
        password: &Password,
        profile: &Profile,
    ) -> Result<String, CallError> {
        let name = || name.as_str().to_owned();
        self.patiently(async |client| {
            let ask = |request| UserCall::StartRegistration { name: name(), request };
            let envelope = client.seal(password, ask).await?;
            let call = UserCall::FinishRegistration { name: name(), envelope, profile: profile.clone() };
            let own = |reply| if let UserReply::Registered { name } = reply { Some(name) } else { None };
            client.ask_once(&call, own).await
        })
        .await
    }

    /// Opens a session, which this connection then has. An account that has only a password hash is moved to OPAQUE
    /// on the way; when that fails the login stands, and the next one tries again.
    ///
    /// # Errors
    /// As every call; above all when the name or the password is wrong.
    pub async fn log_in(
        &mut self,
        name: &Username,
        offer: OfferedPassword<'_>,
        device: &Device,
    ) -> Result<Proven<NewSession>, CallError> {
        let opened = self.patiently(async |client| client.open_session(name, offer, device).await);
        let mut opened = opened.await?;
        if !opened.by_opaque {
            opened.by_opaque = self.migrate(offer.password).await.is_ok();
        }
        Ok(opened)
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

    /// Says that this device logged in before; whether the server knows it. Needs no session.
    ///
    /// # Errors
    /// As every call.
    pub async fn present_device(&mut self, token: &SessionToken) -> Result<bool, CallError> {
        let call = UserCall::PresentDevice { token: SessionToken::from_bytes(*token.expose_secret()) };
        let own = |reply| if let UserReply::DevicePresented { known } = reply { Some(known) } else { None };
        self.ask(call, own).await
    }

    /// Has this device remembered for the account of this session.
    ///
    /// # Errors
    /// As every call.
    pub async fn remember_device(&mut self) -> Result<SessionToken, CallError> {
        let own = |reply| if let UserReply::DeviceRemembered { token } = reply { Some(token) } else { None };
        self.ask(UserCall::RememberDevice, own).await
    }

    /// How often the password was wrong before the login on this connection.
    ///
    /// # Errors
    /// As every call.
    pub async fn failures(&mut self) -> Result<u64, CallError> {
        self.ask(UserCall::ShowFailures, |reply| {
            if let UserReply::FailuresShown { since_last_login } = reply {
                Some(since_last_login)
            } else {
                None
            }
        })
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
        offer: Option<OfferedPassword<'_>>,
    ) -> Result<Proven<Account>, CallError> {
        self.patiently(async |client| {
            let (password, by_opaque) = match offer {
                None => (None, false),
                Some(offer) => match client.prove(offer).await? {
                    Carried::Proof => (None, true),
                    Carried::Password => (Some(secret(offer.password)), false),
                },
            };
            let (email, age, gender) = (email.clone(), age.clone(), gender.clone());
            let call = UserCall::UpdateAccount(ProfileUpdate { email, age, gender, password });
            let own = |reply| if let UserReply::AccountUpdated(now) = reply { Some(now) } else { None };
            Ok(Proven { value: client.ask_once(&call, own).await?, by_opaque })
        })
        .await
    }

    /// Sets a new password. Every session ends but the one that is returned, which this connection then has.
    ///
    /// # Errors
    /// As every call.
    pub async fn change_password(
        &mut self,
        current: OfferedPassword<'_>,
        new: &Password,
    ) -> Result<Proven<NewSession>, CallError> {
        self.patiently(async |client| {
            let (call, by_opaque) = match client.prove(current).await? {
                Carried::Proof => {
                    let envelope = client.seal(new, |request| UserCall::StartNewPassword { request }).await?;
                    (UserCall::FinishNewPassword { envelope }, true)
                }
                Carried::Password => {
                    (UserCall::ChangePassword { current: secret(current.password), new: secret(new) }, false)
                }
            };
            let own = |reply| if let UserReply::PasswordChanged(new) = reply { Some(new) } else { None };
            Ok(Proven { value: client.ask_once(&call, own).await?, by_opaque })
        })
        .await
    }

    /// Deletes the account and returns until when the operator can undo it.
    ///
    /// # Errors
    /// As every call.
    pub async fn delete(&mut self, offer: OfferedPassword<'_>) -> Result<Proven<UnixSeconds>, CallError> {
        self.patiently(async |client| {
            let (call, by_opaque) = match client.prove(offer).await? {
                Carried::Proof => (UserCall::DeleteProvenAccount, true),
                Carried::Password => (UserCall::DeleteAccount { password: secret(offer.password) }, false),
            };
            let own = |reply| {
                let UserReply::AccountDeleted { restorable_until } = reply else { return None };
                Some(restorable_until)
            };
            Ok(Proven { value: client.ask_once(&call, own).await?, by_opaque })
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

    /// Sets a password with the operator's one-time code and returns the canonical name. Opens no session. From then
    /// on the account is known to be OPAQUE.
    ///
    /// # Errors
    /// As every call; above all when the code is wrong or too old.
    pub async fn redeem_reset_code(
        &mut self,
        name: &Username,
        code: &SecretText,
        new: &Password,
    ) -> Result<String, CallError> {
        let name = || name.as_str().to_owned();
        self.patiently(async |client| {
            let envelope = client.seal(new, |request| UserCall::StartReset { name: name(), request }).await?;
            let code = SecretText::new(code.expose_secret().to_owned());
            let call = UserCall::FinishReset { name: name(), code, envelope };
            let own = |reply| if let UserReply::PasswordReset { name } = reply { Some(name) } else { None };
            client.ask_once(&call, own).await
        })
        .await
    }

    /// One call that stands by itself.
    async fn ask<T>(
        &mut self,
        call: UserCall,
        own_answer: impl Fn(UserReply) -> Option<T>,
    ) -> Result<T, CallError> {
        self.patiently(async |client| client.ask_once(&call, &own_answer).await).await
    }

    /// Does it again while the server is busy and patience lasts. What consists of several calls begins anew: the
    /// server uses each state once.
    async fn patiently<T>(
        &mut self,
        mut act: impl AsyncFnMut(&mut Self) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let mut tries = 0;
        loop {
            let wait = match act(self).await {
                Err(CallError::Refused(refusal)) if refusal.is(RefusalCode::Busy) => {
                    tries += 1;
                    let wait = refusal.retry_after_ms.map_or(BUSY_WAIT_DEFAULT, Duration::from_millis);
                    if !(self.patience)(tries, wait) {
                        return Err(CallError::Refused(refusal));
                    }
                    wait
                }
                other => return other,
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn ask_once<T>(
        &mut self,
        call: &UserCall,
        own_answer: impl FnOnce(UserReply) -> Option<T>,
    ) -> Result<T, CallError> {
        let answered = self.wire.call(call).await;
        self.is_usable &= answered.is_ok();
        match answered? {
            UserReply::Refused(refusal) => Err(CallError::Refused(refusal)),
            reply => own_answer(reply).ok_or(CallError::UnexpectedReply),
        }
    }
}

/// A copy for one message, which wipes itself once it is sent.
fn secret(password: &Password) -> SecretText {
    SecretText::new(password.expose_secret().to_owned())
}
