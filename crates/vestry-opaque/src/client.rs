//! The side that knows the password.
//!
//! ```text
//!  new password   SealingPassword::start ──▶ request     response ──▶ finish ──▶ Envelope
//!  proof          ProvingPassword::start ──▶ KE1         KE2      ──▶ finish ──▶ KE3
//! ```
//!
//! Each state is used up by its `finish`, so it serves one exchange. `finish` stretches, which takes a tenth of
//! a second and the memory that its cost says: it belongs on a thread of its own. Who has that memory before the first half is sent
//! begins nothing that cannot be finished.

use crate::error::OpaqueError;
use crate::stretching::{Stretcher, StretchingMemory};
use crate::suite::Suite;
use opaque_ke::rand::{CryptoRng, RngCore};
use opaque_ke::{
    ClientLogin, ClientLoginFinishParameters, ClientRegistration, ClientRegistrationFinishParameters,
    CredentialResponse, Identifiers, RegistrationResponse,
};
use vestry_protocol::fields::{NewPassword, Password, StretchingCost};
use vestry_protocol::limits::{EXPORTER_BYTES, OPAQUE_CONTEXT};
use vestry_protocol::user::Envelope;
use zeroize::{Zeroize, Zeroizing};

/// A `RegistrationResponse`: an element and the server's public key.
const RESPONSE_BYTES: usize = 64;
/// KE2: an element, a nonce, the masked response, and the server's part of the key exchange.
const KE2_BYTES: usize = 320;

/// A KE3 that proves nothing. A client whose `finish` failed sends it, so that the server counts the failed attempt.
pub const NO_PROOF: [u8; 64] = [0; 64];

/// A new password whose blinded form is with the server.
pub struct SealingPassword {
    password: Zeroizing<Vec<u8>>,
    state: ClientRegistration<Suite>,
}

impl SealingPassword {
    /// Blinds a new password: the state to go on with, and the `RegistrationRequest`.
    ///
    /// # Errors
    /// Never for a password but by a fault of the library.
    pub fn start(
        password: &NewPassword,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Self, Vec<u8>), OpaqueError> {
        Self::start_again(password.as_password(), random)
    }

    /// Blinds a password that its account has already: by an imported hash, or by a record that moves to another key. It may break
    /// a rule of new ones.
    ///
    /// # Errors
    /// As [`SealingPassword::start`].
    pub fn start_again(
        password: &Password,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Self, Vec<u8>), OpaqueError> {
        let password = bytes_of(password);
        let started = ClientRegistration::<Suite>::start(random, &password)?;
        Ok((Self { password, state: started.state }, started.message.serialize().to_vec()))
    }

    /// Stretches the password in this memory, which grows where it is too small, and seals the envelope that the server is to keep.
    ///
    /// # Errors
    /// When the response is not one, or the memory cannot grow.
    pub fn finish(
        self,
        response: &[u8],
        cost: StretchingCost,
        memory: &mut StretchingMemory,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Envelope, OpaqueError> {
        // The library ignores what is left over.
        let response = exactly::<RESPONSE_BYTES>(response)?;
        let response = RegistrationResponse::deserialize(response)?;
        let stretcher = Stretcher::new(cost, memory);
        let parameters = ClientRegistrationFinishParameters::new(Identifiers::default(), Some(&stretcher));
        let sealed = self.state.finish(random, &self.password, response, parameters);
        *memory = stretcher.into_memory();
        let mut sealed = sealed?;
        sealed.export_key.zeroize();
        Ok(Envelope { upload: sealed.message.serialize().to_vec(), stretching: cost.numbers() })
    }
}

/// A password that is being proven: KE1 is with the server.
pub struct ProvingPassword {
    password: Zeroizing<Vec<u8>>,
    state: ClientLogin<Suite>,
}

impl ProvingPassword {
    /// Blinds the password and begins a key exchange: the state to go on with, and KE1.
    ///
    /// # Errors
    /// Never for a parsed password but by a fault of the library.
    pub fn start(
        password: &Password,
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<(Self, Vec<u8>), OpaqueError> {
        let password = bytes_of(password);
        let started = ClientLogin::<Suite>::start(random, &password)?;
        Ok((Self { password, state: started.state }, started.message.serialize().to_vec()))
    }

    /// Stretches the password in this memory, which grows where it is too small, opens the envelope, verifies the server, and proves the password with KE3.
    ///
    /// `exporter` is that of the TLS connection that KE1 and KE2 went over (RFC 9266).
    ///
    /// # Errors
    /// [`OpaqueError::NotProven`] when the password does not fit, or the server sees another connection; or when KE2
    /// is not one, or the memory cannot grow.
    pub fn finish(
        self,
        ke2: &[u8],
        cost: StretchingCost,
        memory: &mut StretchingMemory,
        exporter: &[u8; EXPORTER_BYTES],
        random: &mut (impl RngCore + CryptoRng),
    ) -> Result<Vec<u8>, OpaqueError> {
        let ke2 = exactly::<KE2_BYTES>(ke2)?;
        let ke2 = CredentialResponse::deserialize(ke2)?;
        let context = [OPAQUE_CONTEXT, exporter].concat();
        let stretcher = Stretcher::new(cost, memory);
        let parameters =
            ClientLoginFinishParameters::new(Some(&context), Identifiers::default(), Some(&stretcher));
        let proven = self.state.finish(random, &self.password, ke2, parameters);
        *memory = stretcher.into_memory();
        let mut proven = proven?;
        // TLS carries what follows; nothing here needs these keys.
        proven.session_key.zeroize();
        proven.export_key.zeroize();
        Ok(proven.message.serialize().to_vec())
    }
}

/// A copy that the state owns, so that it can move to another thread; wiped when dropped.
fn bytes_of(password: &Password) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(password.expose_secret().as_bytes().to_vec())
}

fn exactly<const N: usize>(bytes: &[u8]) -> Result<&[u8], OpaqueError> {
    if bytes.len() == N { Ok(bytes) } else { Err(OpaqueError::Malformed) }
}
