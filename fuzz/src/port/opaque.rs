//! The client's half of OPAQUE, without stretching, on bytes that are the same in every run.

use opaque_ke::errors::ProtocolError;
use opaque_ke::rand::{self, CryptoRng, RngCore};
use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, CredentialResponse, Identifiers, RegistrationResponse, Ristretto255,
    TripleDh,
};
use vestry_protocol::limits::OPAQUE_CONTEXT;

/// That of the server, whose side never stretches.
pub(super) struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2::Sha512>;
    type Ksf = opaque_ke::ksf::Identity;
}

/// A new password that was blinded.
pub(super) struct Sealing {
    state: ClientRegistration<Suite>,
    password: String,
}

impl Sealing {
    pub(super) fn start(password: &str) -> (Self, Vec<u8>) {
        let started = ClientRegistration::start(&mut Counter(1), password.as_bytes()).expect("a password");
        (Self { state: started.state, password: password.to_owned() }, started.message.serialize().to_vec())
    }

    /// The password and its upload.
    pub(super) fn finish(self, response: &[u8]) -> Result<(String, Vec<u8>), ProtocolError> {
        let response = RegistrationResponse::deserialize(response)?;
        let parameters = ClientRegistrationFinishParameters::default();
        let sealed = self.state.finish(&mut Counter(2), self.password.as_bytes(), response, parameters)?;
        Ok((self.password, sealed.message.serialize().to_vec()))
    }
}

/// A password that is being proven.
pub(super) struct Proving {
    state: ClientLogin<Suite>,
    password: String,
}

impl Proving {
    pub(super) fn start(password: &str) -> (Self, Vec<u8>) {
        let started = ClientLogin::start(&mut Counter(3), password.as_bytes()).expect("a password");
        (Self { state: started.state, password: password.to_owned() }, started.message.serialize().to_vec())
    }

    /// The password and its KE3; an error where it is not the password.
    pub(super) fn finish(self, ke2: &[u8], exporter: &[u8; 32]) -> Result<(String, Vec<u8>), ProtocolError> {
        let context = [OPAQUE_CONTEXT, exporter].concat();
        let parameters = ClientLoginFinishParameters::new(Some(&context), Identifiers::default(), None);
        let ke2 = CredentialResponse::deserialize(ke2)?;
        let proven = self.state.finish(&mut Counter(4), self.password.as_bytes(), ke2, parameters)?;
        Ok((self.password, proven.message.serialize().to_vec()))
    }
}

/// Bytes that look random enough for a client whose secrets nobody wants.
struct Counter(u64);

impl RngCore for Counter {
    fn next_u32(&mut self) -> u32 {
        u32::try_from(self.next_u64() >> 32).expect("half of it")
    }

    fn next_u64(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let random = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Counter {}
