//! The exchanges of OPAQUE over a connection, and the one place where a password itself is sent.
//!
//! It begins no exchange without the room to finish it, never stretches a password at a cost out of bounds, and never takes an answer to a proof that failed for
//! anything but a refusal.

use super::room::Room;
use super::{CallError, Client, KeptFromLogin, secret, token_again};
use crate::strength::StrongPassword;
use crate::wire::WireError;
use std::convert::Infallible;
use vestry_opaque::{NO_PROOF, OpaqueError, ProvingPassword, SealingPassword, SystemRandom};
use vestry_protocol::fields::{Device, Password, StretchingCost, Username};
use vestry_protocol::secret::DeviceToken;
use vestry_protocol::user::{Envelope, NewSession, Stretching, UserCall, UserReply};

impl Client {
    /// One try to log in.
    pub(super) async fn open_session(
        &mut self,
        name: &Username,
        password: &Password,
        device: &Device,
        kept: &KeptFromLogin,
    ) -> Result<NewSession, CallError> {
        match self.prove_at_login(name, password, kept.device_token.as_ref()).await? {
            Some(ke3) => self.ask_once(&finish_login(ke3, device, &kept.witness), own_session).await,
            None => Err(self.own_up(finish_login(NO_PROOF.to_vec(), device, &[])).await),
        }
    }

    /// One try to log in to an imported account: by OPAQUE where it was there before, so that a repeat after a lost answer
    /// sends no password; else with the password.
    pub(super) async fn open_imported(
        &mut self,
        name: &Username,
        password: &Password,
        device: &Device,
    ) -> Result<NewSession, CallError> {
        let call = match self.prove_at_login(name, password, None).await? {
            Some(ke3) => finish_login(ke3, device, &[]),
            None => UserCall::LogInImported {
                name: name.as_str().to_owned(),
                password: secret(password),
                device: device.as_str().to_owned(),
            },
        };
        self.ask_once(&call, own_session).await
    }

    /// KE3 of a login, when the password could be proven.
    async fn prove_at_login(
        &mut self,
        name: &Username,
        password: &Password,
        device_token: Option<&DeviceToken>,
    ) -> Result<Option<Vec<u8>>, CallError> {
        let (name, device_token) = (name.as_str().to_owned(), device_token.map(token_again));
        let room = Room::reserve().await?;
        self.attempt(&room, password, |ke1| UserCall::StartLogin { name, device_token, ke1 }).await
    }

    /// Proves the password again within a session, for the call that follows.
    pub(super) async fn prove(&mut self, room: &Room, password: &Password) -> Result<(), CallError> {
        match self.attempt(room, password, |ke1| UserCall::StartProof { ke1 }).await? {
            Some(ke3) => {
                let proven = |reply| matches!(reply, UserReply::PasswordProven).then_some(());
                self.ask_ahead(&UserCall::FinishProof { ke3 }, proven).await
            }
            None => Err(self.own_up(UserCall::FinishProof { ke3: NO_PROOF.to_vec() }).await),
        }
    }

    /// Seals a new password; `start` makes the call that has the server evaluate its blinded form.
    pub(super) async fn seal(
        &mut self,
        room: &Room,
        password: &StrongPassword,
        start: impl FnOnce(Vec<u8>) -> UserCall,
    ) -> Result<Envelope, CallError> {
        let mut random = SystemRandom::open()?;
        let started = SealingPassword::start(password.new_password(), &mut random)?;
        self.finish_sealing(room, started, random, start).await
    }

    /// Seals the password that this connection just logged in with. It may break a rule of new ones.
    pub(super) async fn seal_again(
        &mut self,
        room: &Room,
        password: &Password,
        start: impl FnOnce(Vec<u8>) -> UserCall,
    ) -> Result<Envelope, CallError> {
        let mut random = SystemRandom::open()?;
        let started = SealingPassword::start_again(password, &mut random)?;
        self.finish_sealing(room, started, random, start).await
    }

    async fn finish_sealing(
        &mut self,
        room: &Room,
        (sealing, request): (SealingPassword, Vec<u8>),
        mut random: SystemRandom,
        start: impl FnOnce(Vec<u8>) -> UserCall,
    ) -> Result<Envelope, CallError> {
        let own = |reply| {
            let UserReply::NewPasswordStarted { response, stretching } = reply else { return None };
            Some((response, stretching))
        };
        let (response, stretching) = self.ask_ahead(&start(request), own).await?;
        let cost = within_bounds(stretching)?;
        Ok(room.stretch(move |memory| sealing.finish(&response, cost, memory, &mut random)).await?)
    }

    /// KE3; nothing when the password is wrong, or the account is not OPAQUE, or does not exist.
    async fn attempt(
        &mut self,
        room: &Room,
        password: &Password,
        start: impl FnOnce(Vec<u8>) -> UserCall,
    ) -> Result<Option<Vec<u8>>, CallError> {
        let mut random = SystemRandom::open()?;
        let exporter = self.wire.exporter()?;
        let (proving, ke1) = ProvingPassword::start(password, &mut random)?;
        let own = |reply| {
            let UserReply::LoginStarted { ke2, stretching } = reply else { return None };
            Some((ke2, stretching))
        };
        let (ke2, stretching) = self.ask_ahead(&start(ke1), own).await?;
        let cost = within_bounds(stretching)?;
        let proven = room.stretch(move |memory| proving.finish(&ke2, cost, memory, &exporter, &mut random));
        match proven.await {
            Ok(ke3) => Ok(Some(ke3)),
            Err(OpaqueError::NotProven) => Ok(None),
            Err(
                failed @ (OpaqueError::Malformed
                | OpaqueError::NoMemory
                | OpaqueError::NotStretched
                | OpaqueError::NoRandomness(_)),
            ) => Err(failed.into()),
        }
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

fn finish_login(ke3: Vec<u8>, device: &Device, witness: &[u8]) -> UserCall {
    UserCall::FinishLogin { ke3, device: device.as_str().to_owned(), witness: witness.to_vec() }
}

fn own_session(reply: UserReply) -> Option<NewSession> {
    if let UserReply::LoggedIn(session) = reply { Some(session) } else { None }
}

fn within_bounds(stretching: Stretching) -> Result<StretchingCost, CallError> {
    StretchingCost::parse(stretching).map_err(|_| CallError::StretchingOutOfBounds(stretching))
}
