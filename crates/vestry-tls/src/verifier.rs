//! Trusting a server by its pin: the pinned key must be that of a CA that the server presents, and everything that
//! is always checked (names, dates, usage, signatures) is checked against exactly that CA.
//!
//! A pin replaces the list of trusted CAs and nothing else.

use crate::error::TlsError;
use crate::pin;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, OtherError, PeerIncompatible, RootCertStore, SignatureScheme};
use std::sync::Arc;
use thiserror::Error as ThisError;
use vestry_protocol::Pin;

/// The server presented no CA with the pinned key: it is another server, or its CA was made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ThisError)]
#[error("the server does not have the key that was pinned")]
pub struct PinMismatch {
    /// The pin of the CA that it presented, if it presented one.
    pub presented: Option<Pin>,
}

impl From<PinMismatch> for Error {
    fn from(mismatch: PinMismatch) -> Self {
        Self::Other(OtherError(Arc::new(mismatch)))
    }
}

/// Verifies servers by the pin of their CA.
#[derive(Debug)]
pub(crate) struct PinVerifier {
    pin: Pin,
    provider: Arc<CryptoProvider>,
}

impl PinVerifier {
    pub(crate) fn new(pin: Pin, provider: Arc<CryptoProvider>) -> Self {
        Self { pin, provider }
    }

    /// The CA with the pinned key, among what the server presented besides its own certificate.
    fn pinned<'a, 'b>(
        &self,
        presented: &'a [CertificateDer<'b>],
    ) -> Result<&'a CertificateDer<'b>, PinMismatch> {
        let pin_of = |certificate: &&CertificateDer<'_>| pin::of_certificate(certificate).ok();
        let found = presented.iter().find(|certificate| pin_of(certificate) == Some(self.pin));
        found.ok_or_else(|| PinMismatch { presented: presented.iter().find_map(|c| pin_of(&c)) })
    }
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let authority = self.pinned(intermediates)?.clone().into_owned();
        let roots = roots_of([authority])?;
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&self.provider)).build();
        let verifier = verifier.map_err(|e| Error::General(e.to_string()))?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::ServerDoesNotSupportTls12Or13.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A root store of exactly these certificates.
pub(crate) fn roots_of(
    authorities: impl IntoIterator<Item = CertificateDer<'static>>,
) -> Result<Arc<RootCertStore>, Error> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority)?;
    }
    Ok(Arc::new(roots))
}

/// As [`roots_of`], for a configuration: an empty list trusts nobody and is a mistake.
pub(crate) fn some_roots_of(authorities: &[CertificateDer<'static>]) -> Result<Arc<RootCertStore>, TlsError> {
    match authorities {
        [] => Err(TlsError::NotACertificate("no CA was given".to_owned())),
        some => Ok(roots_of(some.iter().cloned())?),
    }
}
