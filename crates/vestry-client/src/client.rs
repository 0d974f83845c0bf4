//! The calls of the user port, typed: each takes parsed fields and returns what its own answer holds.
//!
//! It keeps no session and asks nobody: whoever calls decides what to do with a token and when to connect again.
//! A server that is busy, or that throttles, is asked again when the caller's [`Patience`] allows.
//!
//! Passwords are proven by OPAQUE and never sent. The one exception is [`Client::log_in_imported`], for which the caller has
//! to show that the account is not known to be OPAQUE ([`NotKnownAsOpaque`]).

mod error;
mod exchange;
mod room;

#[cfg(test)]
mod fake_server;
#[cfg(test)]
mod opaque_tests;
#[cfg(test)]
mod tests;

pub use error::CallError;
pub use room::refuse_without_memory;

use crate::address::Address;
use crate::state::NotKnownAsOpaque;
use crate::strength::StrongPassword;
use crate::wire::{Wire, WireError};
use room::Room;
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;
use vestry_protocol::fields::{Device, Password, Username};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::secret::{DeviceToken, SecretText, SessionToken};
use vestry_protocol::user::{
    Account, Change, CodeIssued, NewSession, Notices, Profile, ProfileUpdate, RememberedDevice,
    ServerDescription, Session, UserCall, UserReply,
};
use vestry_protocol::{USER_ALPN, UnixSeconds};

/// Asked each time that the server wants to be asked later; `true` waits and tries again.
pub type Patience = Box<dyn FnMut(&Wait) -> bool + Send>;

/// What a server that is busy or throttles asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// How often it refused, counted from 1.
    pub tries: u32,
    /// How long it wants to be left alone.
    pub wait: Duration,
    /// How long this call has waited already.
    pub waited: Duration,
    /// Whether it throttles, rather than being busy.
    pub is_throttled: bool,
}

/// What an earlier login of an account left on this machine.
#[derive(Debug, Default)]
pub struct KeptFromLogin {
    /// What [`Client::remember_device`] returned.
    pub device_token: Option<DeviceToken>,
    /// The newest [`NewSession::witness`]; empty when there is none.
    pub witness: Vec<u8>,
}

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
        Ok(Self::over(Wire::connect(address.host(), address.port(), tls, USER_ALPN).await?))
    }

    /// Returns a client on a connection that is open already.
    #[must_use]
    pub fn over(wire: Wire<UserCall, UserReply>) -> Self {
        Self { wire, patience: Box::new(|_| false), is_usable: true }
    }

    /// Asks a server that is busy or throttles again as long as `patience` says so. Without it, both are refusals like any
    /// other.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Whether the connection can be used again.
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
        password: &StrongPassword,
        profile: &Profile,
    ) -> Result<String, CallError> {
        let name = || name.as_str().to_owned();
        self.patiently(async |client| {
            let ask = |request| UserCall::StartRegistration { name: name(), request, invitation: None };
            let envelope = client.seal(&Room::reserve().await?, password, ask).await?;
            let call = UserCall::FinishRegistration { envelope, profile: profile.clone() };
            let own = |reply| if let UserReply::Registered { name } = reply { Some(name) } else { None };
            client.ask_once(&call, own).await
        })
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
        kept: &KeptFromLogin,
    ) -> Result<NewSession, CallError> {
        self.patiently(async |client| client.open_session(name, password, device, kept).await).await
    }

    /// Opens the first session of an account that was imported with a password hash: proves the password by OPAQUE, as every
    /// login does, and **sends the password** when that fails. From then on the account is OPAQUE.
    ///
    /// # Errors
    /// As every call; above all when the name or the password is wrong.
    pub async fn log_in_imported(
        &mut self,
        account: &NotKnownAsOpaque,
        password: &Password,
        device: &Device,
    ) -> Result<NewSession, CallError> {
        self.patiently(async |client| client.open_imported(account.name(), password, device).await).await
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

    /// Has this device remembered for the account of this session: once, on the connection that logged in.
    ///
    /// # Errors
    /// As every call.
    pub async fn remember_device(&mut self) -> Result<DeviceToken, CallError> {
        let own = |reply| if let UserReply::DeviceRemembered { token } = reply { Some(token) } else { None };
        self.ask(UserCall::RememberDevice, own).await
    }

    /// The devices that are remembered for the account, the one that logged in last first.
    ///
    /// # Errors
    /// As every call.
    pub async fn devices(&mut self) -> Result<Vec<RememberedDevice>, CallError> {
        let own = |reply| if let UserReply::DevicesListed(devices) = reply { Some(devices) } else { None };
        self.ask(UserCall::ListDevices, own).await
    }

    /// Forgets one of them.
    ///
    /// # Errors
    /// As every call; above all when there is no such device.
    pub async fn forget_device(&mut self, id: u64) -> Result<(), CallError> {
        let own = |reply| matches!(reply, UserReply::DeviceForgotten).then_some(());
        self.ask(UserCall::ForgetDevice { id }, own).await
    }

    /// What the user should know of attempts at the account and of its password. Failed logins are told only on the
    /// connection of the login that ended them.
    ///
    /// # Errors
    /// As every call.
    pub async fn notices(&mut self) -> Result<Notices, CallError> {
        let own = |reply| if let UserReply::NoticesShown(notices) = reply { Some(notices) } else { None };
        self.ask(UserCall::ShowNotices, own).await
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
        self.patiently(async |client| {
            if let Some(password) = password {
                client.prove(&Room::reserve().await?, password).await?;
            }
            let (email, age, gender) = (email.clone(), age.clone(), gender.clone());
            let call = UserCall::UpdateAccount(ProfileUpdate { email, age, gender });
            let own = |reply| if let UserReply::AccountUpdated(now) = reply { Some(now) } else { None };
            client.ask_once(&call, own).await
        })
        .await
    }

    /// Sets a new password. Every session ends but the one that is returned, which this connection then has.
    ///
    /// # Errors
    /// As every call.
    pub async fn change_password(
        &mut self,
        current: &Password,
        new: &StrongPassword,
    ) -> Result<NewSession, CallError> {
        self.patiently(async |client| {
            let room = Room::reserve().await?;
            client.prove(&room, current).await?;
            let envelope = client.seal(&room, new, |request| UserCall::StartNewPassword { request }).await?;
            let own = |reply| if let UserReply::PasswordChanged(new) = reply { Some(new) } else { None };
            client.ask_once(&UserCall::FinishNewPassword { envelope }, own).await
        })
        .await
    }

    /// Moves the record of the password that this connection just logged in with to the server's new key, when
    /// [`NewSession::move_record`] asks for it. Every other session ends and every device is forgotten; returns how many sessions
    /// ended.
    ///
    /// # Errors
    /// As every call. The login stands, and the next one may move the record.
    pub async fn move_record(&mut self, password: &Password) -> Result<u64, CallError> {
        let room = Room::reserve().await?;
        let envelope =
            self.seal_again(&room, password, |request| UserCall::StartRecordMove { request }).await?;
        let own = |reply| {
            if let UserReply::RecordMoved { sessions_ended } = reply { Some(sessions_ended) } else { None }
        };
        self.ask_once(&UserCall::FinishRecordMove { envelope }, own).await
    }

    /// Deletes the account and returns until when the operator can undo it.
    ///
    /// # Errors
    /// As every call.
    pub async fn delete(&mut self, password: &Password) -> Result<UnixSeconds, CallError> {
        self.patiently(async |client| {
            client.prove(&Room::reserve().await?, password).await?;
            let own = |reply| {
                let UserReply::AccountDeleted { restorable_until } = reply else { return None };
                Some(restorable_until)
            };
            client.ask_once(&UserCall::DeleteAccount, own).await
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

    /// Sets a password with the operator's one-time code; returns the canonical name and who issued the code. Opens no
    /// session. From then on the account is known to be OPAQUE.
    ///
    /// # Errors
    /// As every call; above all when the code is wrong or too old.
    pub async fn redeem_reset_code(
        &mut self,
        name: &Username,
        code: &SecretText,
        new: &StrongPassword,
    ) -> Result<(String, CodeIssued), CallError> {
        self.patiently(async |client| {
            let (name, code) = (name.as_str().to_owned(), SecretText::new(code.expose_secret().to_owned()));
            let start = |request| UserCall::StartReset { name, code, request };
            let envelope = client.seal(&Room::reserve().await?, new, start).await?;
            let own = |reply| {
                if let UserReply::PasswordReset { name, code } = reply { Some((name, code)) } else { None }
            };
            client.ask_once(&UserCall::FinishReset { envelope }, own).await
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

    /// Does it again while the server wants to be asked later and patience lasts. What consists of several calls starts over:
    /// the server uses each state once.
    async fn patiently<T>(
        &mut self,
        mut act: impl AsyncFnMut(&mut Self) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let (mut tries, mut waited) = (0, Duration::ZERO);
        loop {
            let refusal = match act(self).await {
                Err(CallError::Refused(refusal))
                    if refusal.is(RefusalCode::Busy) || refusal.is(RefusalCode::Throttled) =>
                {
                    refusal
                }
                other => return other,
            };
            tries += 1;
            let wait = refusal.retry_after_ms.map_or(BUSY_WAIT_DEFAULT, Duration::from_millis);
            let is_throttled = refusal.is(RefusalCode::Throttled);
            if !(self.patience)(&Wait { tries, wait, waited, is_throttled }) {
                return Err(CallError::Refused(refusal));
            }
            tokio::time::sleep(wait).await;
            waited += wait;
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
            UserReply::LoginContinues { factors } => Err(CallError::FactorWanted(factors)),
            reply => own_answer(reply).ok_or(CallError::UnexpectedReply),
        }
    }
}

/// A copy for one message, which wipes itself once it is sent.
fn secret(password: &Password) -> SecretText {
    SecretText::new(password.expose_secret().to_owned())
}

/// The same token once more, for one message.
fn token_again(token: &DeviceToken) -> DeviceToken {
    DeviceToken::from_bytes(*token.expose_secret())
}
