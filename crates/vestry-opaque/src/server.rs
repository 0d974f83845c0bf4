//! The side that keeps a record of a password, and never the password.
//!
//! ```text
//!  new password   BlindedPassword ──▶ ServerKey::evaluate ──▶ response     upload ──▶ Record
//!  proof          Ke1 ──▶ ServerKey::start_login ──▶ KE2, Exchange            KE3 ──▶ Exchange::finish
//! ```
//!
//! Who may ask, and how often, is its caller's to decide.

use crate::error::OpaqueError;
use crate::random::SystemRandom;
use crate::suite::ServerSuite;
use opaque_ke::{
    CredentialFinalization, CredentialRequest, Identifiers, RegistrationRequest, RegistrationUpload,
    ServerLogin, ServerLoginParameters, ServerRegistration, ServerSetup,
};
use vestry_protocol::limits::{
    EXPORTER_BYTES, OPAQUE_CONTEXT, OPAQUE_KE1_BYTES, OPAQUE_KE3_BYTES, OPAQUE_REQUEST_BYTES,
    OPAQUE_UPLOAD_BYTES,
};
use zeroize::Zeroizing;

/// The seed of every account's OPRF key, and a key pair.
pub struct ServerKey(ServerSetup<ServerSuite>);

impl ServerKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn generate() -> Result<Self, OpaqueError> {
        Ok(Self(ServerSetup::new(&mut SystemRandom::open()?)))
    }

    /// Reads a key; `None` when the bytes are none.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        ServerSetup::deserialize(bytes).ok().map(Self)
    }

    /// Returns the key as [`ServerKey::from_bytes`] reads it.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.serialize().to_vec())
    }

    /// Returns the public half of the key pair.
    #[must_use]
    pub fn public_key(&self) -> Vec<u8> {
        self.0.keypair().public().serialize().to_vec()
    }

    /// Evaluates the blinded password of a new credential under the OPRF key of an identifier. Returns the
    /// `RegistrationResponse`.
    ///
    /// # Errors
    /// When it cannot be evaluated.
    pub fn evaluate(&self, identifier: &[u8], blinded: BlindedPassword) -> Result<Vec<u8>, OpaqueError> {
        let started = ServerRegistration::<ServerSuite>::start(&self.0, blinded.0, identifier)?;
        Ok(started.message.serialize().to_vec())
    }

    /// Answers KE1 with KE2, and returns what has to be remembered until KE3. Without a record the answer is a fake one
    /// (RFC 9807, 6.3.2.2).
    ///
    /// # Errors
    /// When it cannot be answered, or the system has no random bytes.
    pub fn start_login(
        &self,
        identifier: &[u8],
        record: Option<Record>,
        ke1: Ke1,
        exporter: &[u8; EXPORTER_BYTES],
    ) -> Result<(Vec<u8>, Exchange), OpaqueError> {
        let (context, mut random) = (context_of(exporter), SystemRandom::open()?);
        let record = record.map(|record| record.0);
        let started =
            ServerLogin::start(&mut random, &self.0, record, ke1.0, identifier, parameters(&context))?;
        Ok((started.message.serialize().to_vec(), Exchange(started.state)))
    }
}

/// A `RegistrationRequest`: a blinded new password.
pub struct BlindedPassword(RegistrationRequest<ServerSuite>);

impl BlindedPassword {
    /// Reads what a client sent.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse(bytes: &[u8]) -> Result<Self, OpaqueError> {
        let bytes = exactly::<OPAQUE_REQUEST_BYTES>(bytes)?;
        Ok(Self(RegistrationRequest::deserialize(bytes)?))
    }
}

/// KE1: a blinded password that is to be proven.
pub struct Ke1(CredentialRequest<ServerSuite>);

impl Ke1 {
    /// Reads what a client sent.
    ///
    /// # Errors
    /// When it is not one.
    pub fn parse(bytes: &[u8]) -> Result<Self, OpaqueError> {
        Ok(Self(CredentialRequest::deserialize(exactly::<OPAQUE_KE1_BYTES>(bytes)?)?))
    }
}

/// What a server keeps of a password.
pub struct Record(ServerRegistration<ServerSuite>);

impl Record {
    /// Reads the `RegistrationUpload` of a client.
    ///
    /// # Errors
    /// When it is not one.
    pub fn of_upload(bytes: &[u8]) -> Result<Self, OpaqueError> {
        let upload = RegistrationUpload::deserialize(exactly::<OPAQUE_UPLOAD_BYTES>(bytes)?)?;
        Ok(Self(ServerRegistration::finish(upload)))
    }

    /// Reads a record as [`Record::to_bytes`] wrote it.
    ///
    /// # Errors
    /// When it is not one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpaqueError> {
        Ok(Self(ServerRegistration::deserialize(exactly::<OPAQUE_UPLOAD_BYTES>(bytes)?)?))
    }

    /// Returns the bytes that are stored: as many as those of the upload.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.serialize().to_vec()
    }
}

/// A login between KE2 and KE3.
pub struct Exchange(ServerLogin<ServerSuite>);

/// That a client knows the password of a record. Only [`Exchange::finish`] makes one.
#[derive(Debug, Clone, Copy)]
pub struct Verified(());

impl Exchange {
    /// Verifies KE3: that the client knows the password of the record, on the connection with this exporter.
    #[must_use]
    pub fn finish(self, ke3: &[u8], exporter: &[u8; EXPORTER_BYTES]) -> Option<Verified> {
        let ke3 = CredentialFinalization::deserialize(exactly::<OPAQUE_KE3_BYTES>(ke3).ok()?).ok()?;
        self.0.finish(ke3, parameters(&context_of(exporter))).ok()?;
        Some(Verified(()))
    }
}

fn context_of(exporter: &[u8; EXPORTER_BYTES]) -> Vec<u8> {
    [OPAQUE_CONTEXT, exporter.as_slice()].concat()
}

fn parameters(context: &[u8]) -> ServerLoginParameters<'_, '_> {
    ServerLoginParameters { context: Some(context), identifiers: Identifiers::default() }
}

/// The library reads what it needs and leaves the rest; here a message has exactly its length.
fn exactly<const N: usize>(bytes: &[u8]) -> Result<&[u8], OpaqueError> {
    if bytes.len() == N { Ok(bytes) } else { Err(OpaqueError::Malformed) }
}
