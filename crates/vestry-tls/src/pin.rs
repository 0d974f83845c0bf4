//! The pin of a certificate, and of a public key.

use crate::error::TlsError;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use vestry_protocol::Pin;

/// Returns the pin of the public key in a certificate.
///
/// # Errors
/// When the bytes are not a certificate.
pub fn of_certificate(certificate: &CertificateDer<'_>) -> Result<Pin, TlsError> {
    let parsed = webpki::EndEntityCert::try_from(certificate);
    let parsed = parsed.map_err(|e| TlsError::NotACertificate(e.to_string()))?;
    Ok(of_public_key(&parsed.subject_public_key_info()))
}

/// Returns the pin of a DER SubjectPublicKeyInfo.
#[must_use]
pub fn of_public_key(spki: &[u8]) -> Pin {
    Pin(Sha256::digest(spki).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_certificate_have_no_pin() {
        let error = of_certificate(&CertificateDer::from(vec![1, 2, 3])).unwrap_err();
        assert!(matches!(error, TlsError::NotACertificate(_)));
    }
}
