//! OPAQUE without its stretching, for load. A server cannot tell, and the machine that both share does not spend its
//! time on the client. An account that is to be used like this has to be made like this.
//!
//! For the same reason a [`Prover`] blinds its password once and shows the same KE1 in every exchange; the server does
//! all of its work each time. Never for a password that anybody uses.

use crate::failure::Failure;
use opaque_ke::{
    CipherSuite, ClientLogin, ClientLoginFinishParameters, ClientRegistration,
    ClientRegistrationFinishParameters, CredentialResponse, Identifiers, RegistrationRequest,
    RegistrationResponse, Ristretto255, ServerRegistration, ServerSetup, TripleDh,
};
use vestry_opaque::SystemRandom;
use vestry_protocol::fields::StretchingCost;
use vestry_protocol::limits::{EXPORTER_BYTES, OPAQUE_CONTEXT};
use vestry_protocol::user::Envelope;

struct Suite;

impl CipherSuite for Suite {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2::Sha512>;
    type Ksf = opaque_ke::ksf::Identity;
}

/// A password that is sealed for one account after another, with the server's own key: blinded once.
pub struct Sealer {
    password: Vec<u8>,
    state: ClientRegistration<Suite>,
    request: Vec<u8>,
    setup: ServerSetup<Suite>,
}

impl Sealer {
    /// With the bytes of a server's OPAQUE key.
    ///
    /// # Errors
    /// When they are none, or the system has no random bytes.
    pub fn new(password: &[u8], key: &[u8]) -> Result<Self, Failure> {
        let setup = ServerSetup::deserialize(key).map_err(broke_off)?;
        let started = ClientRegistration::start(&mut random()?, password).map_err(broke_off)?;
        let request = started.message.serialize().to_vec();
        Ok(Self { password: password.to_vec(), state: started.state, request, setup })
    }

    /// What a server keeps of the password for the account of an identifier. It says that stretching costs what it does by
    /// default.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn seal(&self, identifier: &[u8]) -> Result<Envelope, Failure> {
        let blinded = self.state.clone();
        let request = RegistrationRequest::deserialize(&self.request).map_err(broke_off)?;
        let evaluated =
            ServerRegistration::start(&self.setup, request, identifier).map_err(broke_off)?.message;
        let response = RegistrationResponse::deserialize(&evaluated.serialize()).map_err(broke_off)?;
        let parameters = ClientRegistrationFinishParameters::default();
        let sealed =
            blinded.finish(&mut random()?, &self.password, response, parameters).map_err(broke_off)?;
        let stretching = StretchingCost::default().numbers();
        Ok(Envelope { upload: sealed.message.serialize().to_vec(), stretching })
    }
}

/// A password that is proven again and again.
#[derive(Clone)]
pub struct Prover {
    password: Vec<u8>,
    state: ClientLogin<Suite>,
    ke1: Vec<u8>,
}

impl Prover {
    /// Blinds the password.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn new(password: &[u8]) -> Result<Self, Failure> {
        let started = ClientLogin::<Suite>::start(&mut random()?, password).map_err(broke_off)?;
        let ke1 = started.message.serialize().to_vec();
        Ok(Self { password: password.to_vec(), state: started.state, ke1 })
    }

    /// The first message of every exchange.
    #[must_use]
    pub fn ke1(&self) -> Vec<u8> {
        self.ke1.clone()
    }

    /// KE3 for a KE2 that came over the connection with this exporter.
    ///
    /// # Errors
    /// When the password is not that of the account.
    pub fn finish(&self, ke2: &[u8], exporter: &[u8; EXPORTER_BYTES]) -> Result<Vec<u8>, Failure> {
        let ke2 = CredentialResponse::deserialize(ke2).map_err(broke_off)?;
        let context = [OPAQUE_CONTEXT, exporter.as_slice()].concat();
        let parameters = ClientLoginFinishParameters::new(Some(&context), Identifiers::default(), None);
        let proven = self.state.clone().finish(&mut random()?, &self.password, ke2, parameters);
        Ok(proven.map_err(broke_off)?.message.serialize().to_vec())
    }
}

fn random() -> Result<SystemRandom, Failure> {
    SystemRandom::open().map_err(|_| Failure::other("the system has no random bytes"))
}

fn broke_off(error: impl std::fmt::Debug) -> Failure {
    Failure::other(format!("an OPAQUE exchange broke off: {error:?}"))
}
