//! OPAQUE exchanges a step at a time, for tests that cut them in the middle, mix them up or bend their bytes.
//! Stretching is the cheapest that is allowed: what it costs is the client's affair and not tested here.

use crate::harness::{Server, UserWire, secret};
use vestry_opaque::{NO_PROOF, OpaqueError, ProvingPassword, SealingPassword, SystemRandom};
use vestry_protocol::fields::{Password, StretchingCost};
use vestry_protocol::user::{Envelope, NewSession, Profile, Stretching, UserCall, UserReply};

/// The cheapest stretching within bounds.
pub fn cheap() -> StretchingCost {
    StretchingCost::parse(Stretching { memory_kib: 19 * 1024, iterations: 2, parallelism: 1 })
        .expect("in bounds")
}

/// A parsed password.
pub fn password(text: &str) -> Password {
    Password::parse(&secret(text)).expect("a password")
}

fn random() -> SystemRandom {
    SystemRandom::open().expect("random bytes")
}

/// Has the server evaluate a new password, and seals it.
pub async fn seal(wire: &mut UserWire, text: &str, start: impl FnOnce(Vec<u8>) -> UserCall) -> Envelope {
    let (sealing, request) = SealingPassword::start(&password(text), &mut random()).expect("a request");
    match wire.call(start(request)).await.expect("an answer") {
        UserReply::RegistrationStarted { response, .. } => {
            sealing.finish(&response, cheap(), &mut random()).expect("an envelope")
        }
        other => panic!("{other:?}"),
    }
}

/// An account whose password never was on the wire.
pub async fn register(server: &Server, name: &str, text: &str) {
    let mut wire = server.connect().await;
    let start = |request| UserCall::StartRegistration { name: name.to_owned(), request };
    let envelope = seal(&mut wire, text, start).await;
    let finish =
        UserCall::FinishRegistration { name: name.to_owned(), envelope, profile: Profile::default() };
    let reply = wire.call(finish).await.expect("an answer");
    assert!(matches!(reply, UserReply::Registered { .. }), "{reply:?}");
}

/// A client between KE2 and KE3.
pub struct Halfway {
    proving: ProvingPassword,
    ke2: Vec<u8>,
    stretching: Stretching,
    /// What the server says of passwords.
    pub takes_passwords: bool,
}

impl Halfway {
    /// KE1 and KE2, by whichever call takes a KE1.
    pub async fn start(wire: &mut UserWire, text: &str, start: impl FnOnce(Vec<u8>) -> UserCall) -> Self {
        let (proving, ke1) = ProvingPassword::start(&password(text), &mut random()).expect("KE1");
        match wire.call(start(ke1)).await.expect("an answer") {
            UserReply::LoginStarted { ke2, stretching, takes_passwords } => {
                Self { proving, ke2, stretching, takes_passwords }
            }
            other => panic!("{other:?}"),
        }
    }

    /// As a login of a name.
    pub async fn login(wire: &mut UserWire, name: &str, text: &str) -> Self {
        Self::start(wire, text, |ke1| UserCall::StartLogin { name: name.to_owned(), ke1 }).await
    }

    /// As a proof within a session.
    pub async fn proof(wire: &mut UserWire, text: &str) -> Self {
        Self::start(wire, text, |ke1| UserCall::StartProof { ke1 }).await
    }

    /// KE3 for this connection.
    ///
    /// # Errors
    /// When the client's own check of the server fails, as it does for a wrong password.
    pub fn ke3(self, wire: &UserWire) -> Result<Vec<u8>, OpaqueError> {
        let exporter = wire.exporter().expect("an exporter");
        let cost = StretchingCost::parse(self.stretching).expect("in bounds");
        self.proving.finish(&self.ke2, cost, &exporter, &mut random())
    }

    /// KE3, or the zeros that own up to a failure.
    pub fn ke3_or_zeros(self, wire: &UserWire) -> Vec<u8> {
        self.ke3(wire).unwrap_or_else(|_| NO_PROOF.to_vec())
    }
}

/// The third message of a login, from a device called `test`.
pub fn finish_login(ke3: Vec<u8>) -> UserCall {
    UserCall::FinishLogin { ke3, device: "test".to_owned() }
}

/// A whole login; the answer to its last message.
pub async fn log_in(wire: &mut UserWire, name: &str, text: &str) -> UserReply {
    let halfway = Halfway::login(wire, name, text).await;
    let ke3 = halfway.ke3_or_zeros(wire);
    wire.call(finish_login(ke3)).await.expect("an answer")
}

/// A connection that is logged in by OPAQUE, with its session.
pub async fn logged_in(server: &Server, name: &str, text: &str) -> (UserWire, NewSession) {
    let mut wire = server.connect().await;
    match log_in(&mut wire, name, text).await {
        UserReply::LoggedIn(session) => (wire, session),
        other => panic!("{other:?}"),
    }
}

/// Proves the password within a session; the answer to the last message.
pub async fn prove(wire: &mut UserWire, text: &str) -> UserReply {
    let halfway = Halfway::proof(wire, text).await;
    let ke3 = halfway.ke3_or_zeros(wire);
    wire.call(UserCall::FinishProof { ke3 }).await.expect("an answer")
}
