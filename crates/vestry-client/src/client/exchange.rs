//! The exchanges of OPAQUE over a connection, and the one place that decides whether a password itself is sent.
//!
//! It never stretches a password at a cost out of bounds, and never takes an answer to a proof that failed for
//! anything but a refusal.

use super::{CallError, Carried, Client, OfferedPassword, PasswordPath, Proven, secret};
use crate::wire::WireError;
use std::convert::Infallible;
use vestry_opaque::{NO_PROOF, OpaqueError, ProvingPassword, SealingPassword, SystemRandom};
use vestry_protocol::fields::{Device, Password, StretchingCost, Username};
use vestry_protocol::user::{Envelope, NewSession, Stretching, UserCall, UserReply};

/// How an attempt to prove a password by OPAQUE ended on this side.
enum Attempt {
    /// With KE3 for the server.
    Proven(Vec<u8>),
    /// The password is wrong, or the account is not OPAQUE, or does not exist.
    NotProven {
        /// Whether the server says that it takes passwords.
        takes_passwords: bool,
    },
}

impl Client {
    /// One try to log in: by OPAQUE, or by the password where that may be sent.
    pub(super) async fn open_session(
        &mut self,
        name: &Username,
        offer: OfferedPassword<'_>,
        device: &Device,
    ) -> Result<Proven<NewSession>, CallError> {
        let (name, device) = (name.as_str().to_owned(), device.as_str().to_owned());
        let own = |reply| if let UserReply::LoggedIn(session) = reply { Some(session) } else { None };
        let start = |ke1| UserCall::StartLogin { name: name.clone(), ke1 };
        match self.attempt(offer.password, start).await? {
            Attempt::Proven(ke3) => {
                let value = self.ask_once(&UserCall::FinishLogin { ke3, device }, own).await?;
                Ok(Proven { value, by_opaque: true })
            }
            Attempt::NotProven { takes_passwords } if may_send(offer, takes_passwords) => {
                let call = UserCall::LogIn { name, password: secret(offer.password), device };
                Ok(Proven { value: self.ask_once(&call, own).await?, by_opaque: false })
            }
            Attempt::NotProven { .. } => {
                Err(self.own_up(UserCall::FinishLogin { ke3: NO_PROOF.to_vec(), device }).await)
            }
        }
    }

    /// Proves the password again within a session, for the call that follows.
    pub(super) async fn prove(&mut self, offer: OfferedPassword<'_>) -> Result<Carried, CallError> {
        match self.attempt(offer.password, |ke1| UserCall::StartProof { ke1 }).await? {
            Attempt::Proven(ke3) => self.finish_proof(ke3).await.map(|()| Carried::Proof),
            Attempt::NotProven { takes_passwords } if may_send(offer, takes_passwords) => {
                Ok(Carried::Password)
            }
            Attempt::NotProven { .. } => {
                Err(self.own_up(UserCall::FinishProof { ke3: NO_PROOF.to_vec() }).await)
            }
        }
    }

    /// Moves the account that just logged in with its password to OPAQUE, and proves the new envelope, after which
    /// the server lets go of the password hash.
    pub(super) async fn migrate(&mut self, password: &Password) -> Result<(), CallError> {
        let envelope = self.seal(password, |request| UserCall::StartNewPassword { request }).await?;
        let migrated = |reply| matches!(reply, UserReply::CredentialMigrated).then_some(());
        self.ask_once(&UserCall::FinishMigration { envelope }, migrated).await?;
        match self.attempt(password, |ke1| UserCall::StartProof { ke1 }).await? {
            Attempt::Proven(ke3) => self.finish_proof(ke3).await,
            Attempt::NotProven { .. } => Err(OpaqueError::NotProven.into()),
        }
    }

    /// Seals a new password; `start` makes the call that has the server evaluate its blinded form.
    pub(super) async fn seal(
        &mut self,
        password: &Password,
        start: impl FnOnce(Vec<u8>) -> UserCall,
    ) -> Result<Envelope, CallError> {
        let mut random = SystemRandom::open().map_err(CallError::Random)?;
        let (sealing, request) = SealingPassword::start(password, &mut random)?;
        let own = |reply| {
            let UserReply::RegistrationStarted { response, stretching } = reply else { return None };
            Some((response, stretching))
        };
        let (response, stretching) = self.ask_ahead(&start(request), own).await?;
        let cost = within_bounds(stretching)?;
        Ok(aside(move || sealing.finish(&response, cost, &mut random)).await?)
    }

    async fn attempt(
        &mut self,
        password: &Password,
        start: impl FnOnce(Vec<u8>) -> UserCall,
    ) -> Result<Attempt, CallError> {
        let mut random = SystemRandom::open().map_err(CallError::Random)?;
        let exporter = self.wire.exporter()?;
        let (proving, ke1) = ProvingPassword::start(password, &mut random)?;
        let own = |reply| {
            let UserReply::LoginStarted { ke2, stretching, takes_passwords } = reply else { return None };
            Some((ke2, stretching, takes_passwords))
        };
        let (ke2, stretching, takes_passwords) = self.ask_ahead(&start(ke1), own).await?;
        let cost = within_bounds(stretching)?;
        match aside(move || proving.finish(&ke2, cost, &exporter, &mut random)).await {
            Ok(ke3) => Ok(Attempt::Proven(ke3)),
            Err(OpaqueError::NotProven) => Ok(Attempt::NotProven { takes_passwords }),
            Err(failed @ (OpaqueError::Malformed | OpaqueError::NotStretched)) => Err(failed.into()),
        }
    }

    async fn finish_proof(&mut self, ke3: Vec<u8>) -> Result<(), CallError> {
        let proven = |reply| matches!(reply, UserReply::PasswordProven).then_some(());
        self.ask_ahead(&UserCall::FinishProof { ke3 }, proven).await
    }

    /// Lets the server count a try that failed on this side. Its refusal is the answer; nothing else is taken for
    /// one.
    async fn own_up(&mut self, call: UserCall) -> CallError {
        match self.ask_ahead(&call, |_| None::<Infallible>).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    /// A call that only leads up to another: when its answer is lost, nothing was done yet.
    async fn ask_ahead<T>(
        &mut self,
        call: &UserCall,
        own_answer: impl FnOnce(UserReply) -> Option<T>,
    ) -> Result<T, CallError> {
        match self.ask_once(call, own_answer).await {
            Err(CallError::Wire(WireError::LostAfterSending(cause))) => {
                Err(WireError::LostBeforeSending(cause).into())
            }
            other => other,
        }
    }
}

/// The only condition under which a password is sent.
fn may_send(offer: OfferedPassword<'_>, takes_passwords: bool) -> bool {
    match offer.path {
        PasswordPath::Closed => false,
        PasswordPath::Open => takes_passwords,
    }
}

fn within_bounds(stretching: Stretching) -> Result<StretchingCost, CallError> {
    StretchingCost::parse(stretching).map_err(|_| CallError::StretchingOutOfBounds(stretching))
}

/// Stretching takes a tenth of a second and more, which no other connection of this thread should wait for.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OpaqueError> + Send + 'static,
) -> Result<T, OpaqueError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(OpaqueError::NotStretched))
}
