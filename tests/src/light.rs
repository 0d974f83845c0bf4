//! OPAQUE over the wire, whole or a step at a time, for tests that also cut exchanges in the middle, mix them up or bend
//! their bytes: a client that says that it stretches and does not. The server cannot tell, and the machine that both share
//! does not spend its time on the client.
//!
//! Passwords of accounts that `vestry` made, or that were imported, are stretched: nobody logs in to those from here, but
//! a wrong password is as wrong.

use crate::harness::{UserWire, device_token_again, secret};
use opaque_ke::errors::ProtocolError;
use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, CredentialResponse, Identifiers, RegistrationResponse, Ristretto255,
    TripleDh,
};
use vestry_opaque::{NO_PROOF, SystemRandom};
use vestry_protocol::fields::Password;
use vestry_protocol::limits::OPAQUE_CONTEXT;
use vestry_protocol::secret::DeviceToken;
use vestry_protocol::user::{Envelope, Profile, UserCall, UserReply};

struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2::Sha512>;
    type Ksf = opaque_ke::ksf::Identity;
}

/// What a client makes of what was typed.
fn bytes_of(text: &str) -> Vec<u8> {
    let password = Password::parse(&secret(text)).expect("a password");
    password.expose_secret().as_bytes().to_vec()
}

fn random() -> SystemRandom {
    SystemRandom::open().expect("random bytes")
}

async fn ask(wire: &mut UserWire, call: UserCall) -> UserReply {
    wire.call(call).await.expect("an answer")
}

/// Has the server evaluate a new password, by whichever call takes a blinded one, and seals it.
///
/// # Errors
/// With the reply that is none of a first half.
pub async fn seal(
    wire: &mut UserWire,
    text: &str,
    start: impl FnOnce(Vec<u8>) -> UserCall,
) -> Result<Envelope, UserReply> {
    let (password, mut random) = (bytes_of(text), random());
    let started = ClientRegistration::<Suite>::start(&mut random, &password).expect("a request");
    let (response, stretching) = match ask(wire, start(started.message.serialize().to_vec())).await {
        UserReply::NewPasswordStarted { response, stretching } => (response, stretching),
        other => return Err(other),
    };
    let response = RegistrationResponse::deserialize(&response).expect("a response");
    let parameters = ClientRegistrationFinishParameters::default();
    let sealed = started.state.finish(&mut random, &password, response, parameters).expect("an envelope");
    Ok(Envelope { upload: sealed.message.serialize().to_vec(), stretching })
}

/// Makes an account; the reply to the second half, or what refused the first.
pub async fn register(wire: &mut UserWire, name: &str, text: &str, profile: Profile) -> UserReply {
    let start = |request| UserCall::StartRegistration { name: name.to_owned(), request, invitation: None };
    match seal(wire, text, start).await {
        Ok(envelope) => ask(wire, UserCall::FinishRegistration { envelope, profile }).await,
        Err(refused) => refused,
    }
}

/// Redeems a one-time code; the reply to the second half, or what refused the first.
pub async fn reset(wire: &mut UserWire, name: &str, code: &str, new: &str) -> UserReply {
    let start = |request| UserCall::StartReset { name: name.to_owned(), code: secret(code), request };
    match seal(wire, new, start).await {
        Ok(envelope) => ask(wire, UserCall::FinishReset { envelope }).await,
        Err(refused) => refused,
    }
}

/// Sets a new password after a proof; the reply to the second half, or what refused the first.
pub async fn set_new_password(wire: &mut UserWire, new: &str) -> UserReply {
    match seal(wire, new, |request| UserCall::StartNewPassword { request }).await {
        Ok(envelope) => ask(wire, UserCall::FinishNewPassword { envelope }).await,
        Err(refused) => refused,
    }
}

/// Proves the password and sets a new one; the last reply, or the first refusal.
pub async fn change_password(wire: &mut UserWire, current: &str, new: &str) -> UserReply {
    match prove(wire, current).await {
        UserReply::PasswordProven => set_new_password(wire, new).await,
        refused => refused,
    }
}

/// Proves the password and makes the call that needs it; the last reply, or the first refusal.
pub async fn prove_and(wire: &mut UserWire, text: &str, call: UserCall) -> UserReply {
    match prove(wire, text).await {
        UserReply::PasswordProven => ask(wire, call).await,
        refused => refused,
    }
}

/// A client between KE2 and KE3.
pub struct Halfway {
    password: Vec<u8>,
    state: ClientLogin<Suite>,
    ke2: Vec<u8>,
}

impl Halfway {
    /// KE1 and KE2, by whichever call takes a KE1.
    ///
    /// # Errors
    /// With the reply that has no KE2.
    pub async fn start(
        wire: &mut UserWire,
        text: &str,
        start: impl FnOnce(Vec<u8>) -> UserCall,
    ) -> Result<Self, UserReply> {
        let password = bytes_of(text);
        let started = ClientLogin::<Suite>::start(&mut random(), &password).expect("KE1");
        match ask(wire, start(started.message.serialize().to_vec())).await {
            UserReply::LoginStarted { ke2, .. } => Ok(Self { password, state: started.state, ke2 }),
            other => Err(other),
        }
    }

    /// As a login of a name, which is admitted.
    pub async fn login(wire: &mut UserWire, name: &str, text: &str) -> Self {
        Self::start(wire, text, start_login(name, None)).await.unwrap_or_else(|reply| panic!("{reply:?}"))
    }

    /// As a proof within a session, which is admitted.
    pub async fn proof(wire: &mut UserWire, text: &str) -> Self {
        let start = |ke1| UserCall::StartProof { ke1 };
        Self::start(wire, text, start).await.unwrap_or_else(|reply| panic!("{reply:?}"))
    }

    /// KE3 for this connection.
    ///
    /// # Errors
    /// When the client's own check of the server fails, as it does for a wrong password.
    pub fn ke3(self, wire: &UserWire) -> Result<Vec<u8>, ProtocolError> {
        let exporter = wire.exporter().expect("an exporter");
        let context = [OPAQUE_CONTEXT, exporter.as_slice()].concat();
        let ke2 = CredentialResponse::deserialize(&self.ke2)?;
        let parameters = ClientLoginFinishParameters::new(Some(&context), Identifiers::default(), None);
        let proven = self.state.finish(&mut random(), &self.password, ke2, parameters)?;
        Ok(proven.message.serialize().to_vec())
    }

    /// KE3, or the zeros that own up to a failure.
    pub fn ke3_or_zeros(self, wire: &UserWire) -> Vec<u8> {
        self.ke3(wire).unwrap_or_else(|_| NO_PROOF.to_vec())
    }
}

/// A real KE1 of some wrong password, for calls whose exchange is not gone on with.
#[must_use]
pub fn any_ke1() -> Vec<u8> {
    let started = ClientLogin::<Suite>::start(&mut random(), b"nobody has this password").expect("KE1");
    started.message.serialize().to_vec()
}

/// A real blinded password, likewise.
#[must_use]
pub fn any_request() -> Vec<u8> {
    let started = ClientRegistration::<Suite>::start(&mut random(), b"nobody has this password");
    started.expect("a request").message.serialize().to_vec()
}

/// The first message of a login, once its KE1 is there.
pub fn start_login(name: &str, device_token: Option<&DeviceToken>) -> impl FnOnce(Vec<u8>) -> UserCall {
    let (name, device_token) = (name.to_owned(), device_token.map(device_token_again));
    |ke1| UserCall::StartLogin { name, device_token, ke1 }
}

/// The third message of a login, from a device called `test`.
#[must_use]
pub fn finish_login(ke3: Vec<u8>) -> UserCall {
    UserCall::FinishLogin { ke3, device: "test".to_owned(), witness: Vec::new() }
}

/// A login; the reply to its last message, or what refused the first.
pub async fn log_in(wire: &mut UserWire, name: &str, text: &str) -> UserReply {
    log_in_from(wire, name, text, None).await
}

/// A login with the token of a device, likewise.
pub async fn log_in_from(
    wire: &mut UserWire,
    name: &str,
    text: &str,
    device_token: Option<&DeviceToken>,
) -> UserReply {
    match Halfway::start(wire, text, start_login(name, device_token)).await {
        Ok(halfway) => {
            let ke3 = halfway.ke3_or_zeros(wire);
            ask(wire, finish_login(ke3)).await
        }
        Err(refused) => refused,
    }
}

/// Proves the password within a session; the reply to the last message, or what refused the first.
pub async fn prove(wire: &mut UserWire, text: &str) -> UserReply {
    match Halfway::start(wire, text, |ke1| UserCall::StartProof { ke1 }).await {
        Ok(halfway) => {
            let ke3 = halfway.ke3_or_zeros(wire);
            ask(wire, UserCall::FinishProof { ke3 }).await
        }
        Err(refused) => refused,
    }
}
