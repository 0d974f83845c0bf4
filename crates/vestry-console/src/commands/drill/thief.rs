//! What the players need beforehand: a throw-away account whose password is known, a session of it, and an envelope.
//!
//! The password is drawn at random, sealed and stretched once, as `vestry reset` does it. The envelope then serves every
//! registration of the drill: a server cannot tell that it was sealed for another account, and no password opens it.

use super::ground::{Ground, random_letters};
use super::port::{UserPort, source};
use crate::console::Console;
use crate::failure::Failure;
use vestry_client::{CallError, Client, KeptFromLogin};
use vestry_opaque::{OpaqueError, SealingPassword, StretchingMemory, SystemRandom};
use vestry_protocol::fields::{
    Device, Field, Password, PasswordOwner, PasswordPolicy, StretchingCost, Username,
};
use vestry_protocol::secret::{SecretText, SessionToken};
use vestry_protocol::user::{Envelope, UserCall, UserReply};

/// Letters of a password, of five random bits each.
const PASSWORD_CHARS: usize = 52;

/// The name of the device in the list of sessions.
const DEVICE: &str = "vestryctl drill";

/// What was stolen.
pub(super) struct Loot {
    /// An account that has a password.
    pub(super) name: String,
    /// One of its sessions.
    pub(super) session: SessionToken,
    /// An envelope that a server takes.
    pub(super) envelope: Envelope,
}

impl Loot {
    /// Makes an account, redeems its one-time code and logs in.
    pub(super) async fn take(
        ground: &Ground,
        console: &mut Console,
        port: &UserPort,
    ) -> Result<Self, Failure> {
        let (name, code) = ground.make_account(console).await?;
        let broke_off =
            |problem| Failure::Drill(format!("the password that was drawn cannot be used: {problem}"));
        let text = SecretText::new(random_letters(PASSWORD_CHARS)?);
        let owner = PasswordOwner { name: &name, ..PasswordOwner::default() };
        let password = Password::parse(&text).map_err(broke_off)?;
        let password = PasswordPolicy::default().accept(password, &owner).map_err(broke_off)?;
        let mut wire = port.connect(source(0, 1)).await?;
        let mut random = SystemRandom::open().map_err(of_opaque)?;
        let (sealing, request) = SealingPassword::start(&password, &mut random).map_err(of_opaque)?;
        let start = UserCall::StartReset { name: name.clone(), code, request };
        let (response, stretching) = match wire.call(start).await.map_err(|error| port.lost(error))? {
            UserReply::NewPasswordStarted { response, stretching } => (response, stretching),
            other => return Err(refused(other)),
        };
        let cost = StretchingCost::parse(stretching)?;
        let envelope = sealing
            .finish(&response, cost, &mut StretchingMemory::default(), &mut random)
            .map_err(of_opaque)?;
        let finish = UserCall::FinishReset { envelope: again(&envelope) };
        match wire.call(finish).await.map_err(|error| port.lost(error))? {
            UserReply::PasswordReset { .. } => drop(wire),
            other => return Err(refused(other)),
        }
        let mut client = Client::over(port.connect(source(0, 1)).await?);
        let (username, device) = (Username::parse(&name)?, Device::parse(Field::Device, DEVICE)?);
        let opened =
            client.log_in(&username, password.as_password(), &device, &KeptFromLogin::default()).await;
        let opened = opened.map_err(|error| match error {
            CallError::Wire(error) => port.lost(error),
            CallError::Refused(refusal) => Failure::Refused(refusal),
            CallError::UnexpectedReply => Failure::UnexpectedReply,
            other => Failure::Drill(other.to_string()),
        })?;
        Ok(Self { name, session: opened.token, envelope })
    }
}

/// Returns the same envelope for one more message.
pub(super) fn again(envelope: &Envelope) -> Envelope {
    Envelope { upload: envelope.upload.clone(), stretching: envelope.stretching }
}

/// Returns the failure that a reply is, which is not the one that was asked for.
pub(super) fn refused(reply: UserReply) -> Failure {
    match reply {
        UserReply::Refused(refusal) => Failure::Refused(refusal),
        _ => Failure::UnexpectedReply,
    }
}

/// Returns the failure of a step of OPAQUE.
pub(super) fn of_opaque(error: OpaqueError) -> Failure {
    Failure::Drill(error.to_string())
}
