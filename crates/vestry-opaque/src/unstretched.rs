//! OPAQUE without its stretching, for load. A server cannot tell, and the machine that both share does not spend its
//! time on the client. An account that is to be used like this has to be made like this.
//!
//! For the same reason a [`Prover`] blinds its password once and shows the same KE1 in every exchange; the server does
//! all of its work each time. Never for a password that anybody uses.

use crate::error::OpaqueError;
use crate::random::SystemRandom;
use crate::suite::UnstretchedSuite;
use opaque_ke::{
    ClientLogin, ClientLoginFinishParameters, ClientRegistration, ClientRegistrationFinishParameters,
    CredentialResponse, Identifiers, RegistrationResponse,
};
use vestry_protocol::fields::StretchingCost;
use vestry_protocol::limits::{EXPORTER_BYTES, OPAQUE_CONTEXT};
use vestry_protocol::user::Envelope;

/// A password that is sealed for one account after another: blinded once.
pub struct Sealer {
    password: Vec<u8>,
    state: ClientRegistration<UnstretchedSuite>,
    request: Vec<u8>,
}

impl Sealer {
    /// Blinds the password.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn new(password: &[u8]) -> Result<Self, OpaqueError> {
        let started = ClientRegistration::start(&mut SystemRandom::open()?, password)?;
        let request = started.message.serialize().to_vec();
        Ok(Self { password: password.to_vec(), state: started.state, request })
    }

    /// Returns the `RegistrationRequest` of every account.
    #[must_use]
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Seals what a server keeps of the password, from the server's answer to the request. The envelope says that stretching costs
    /// what it does by default.
    ///
    /// # Errors
    /// When the response is not one, or the system has no random bytes.
    pub fn finish(&self, response: &[u8]) -> Result<Envelope, OpaqueError> {
        let response = RegistrationResponse::deserialize(response)?;
        let parameters = ClientRegistrationFinishParameters::default();
        let sealed =
            self.state.clone().finish(&mut SystemRandom::open()?, &self.password, response, parameters)?;
        let stretching = StretchingCost::default().numbers();
        Ok(Envelope { upload: sealed.message.serialize().to_vec(), stretching })
    }
}

/// A password that is proven again and again.
#[derive(Clone)]
pub struct Prover {
    password: Vec<u8>,
    state: ClientLogin<UnstretchedSuite>,
    ke1: Vec<u8>,
}

impl Prover {
    /// Blinds the password.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn new(password: &[u8]) -> Result<Self, OpaqueError> {
        let started = ClientLogin::<UnstretchedSuite>::start(&mut SystemRandom::open()?, password)?;
        let ke1 = started.message.serialize().to_vec();
        Ok(Self { password: password.to_vec(), state: started.state, ke1 })
    }

    /// The first message of every exchange.
    #[must_use]
    pub fn ke1(&self) -> &[u8] {
        &self.ke1
    }

    /// KE3 for a KE2 that came over the connection with this exporter.
    ///
    /// # Errors
    /// When the password is not that of the account.
    pub fn finish(&self, ke2: &[u8], exporter: &[u8; EXPORTER_BYTES]) -> Result<Vec<u8>, OpaqueError> {
        let ke2 = CredentialResponse::deserialize(ke2)?;
        let context = [OPAQUE_CONTEXT, exporter.as_slice()].concat();
        let parameters = ClientLoginFinishParameters::new(Some(&context), Identifiers::default(), None);
        let proven = self.state.clone().finish(&mut SystemRandom::open()?, &self.password, ke2, parameters);
        Ok(proven?.message.serialize().to_vec())
    }
}
