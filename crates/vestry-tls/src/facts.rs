//! What a certificate says of itself: for `certs show`, for a doctor, and for telling operators apart.
//!
//! Reads certificates; never decides whether to trust one.

use crate::error::TlsError;
use crate::pin;
use rustls::pki_types::CertificateDer;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use vestry_protocol::Pin;
use vestry_protocol::UnixSeconds;
use vestry_protocol::escape::Escaped;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use x509_parser::x509::AttributeTypeAndValue;

/// What one certificate states. Every text is safe to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The file that it was read from.
    pub path: PathBuf,
    /// Whom it is for, as in `CN=admin, OU=admin`.
    pub subject: String,
    /// The host names and IP addresses that it covers.
    pub sans: Vec<String>,
    /// From when it is valid.
    pub not_before: UnixSeconds,
    /// Until when it is valid.
    pub not_after: UnixSeconds,
    /// The pin of its public key.
    pub pin: Pin,
    /// Its serial number, in hexadecimal.
    pub serial: String,
}

impl CertificateFacts {
    /// Reads them off a certificate that came from `path`.
    ///
    /// # Errors
    /// When the bytes are not a certificate.
    pub fn of(path: &Path, certificate: &CertificateDer<'_>) -> Result<Self, TlsError> {
        let parsed = parse(certificate)?;
        let named = parsed.subject_alternative_name().ok().flatten();
        let names = named.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
        Ok(Self {
            path: path.to_owned(),
            subject: Escaped(&parsed.subject().to_string()).to_string(),
            sans: names.iter().map(name_text).collect(),
            not_before: UnixSeconds::from_seconds(parsed.validity().not_before.timestamp()),
            not_after: UnixSeconds::from_seconds(parsed.validity().not_after.timestamp()),
            pin: pin::of_certificate(certificate)?,
            serial: data_encoding::HEXLOWER.encode(parsed.raw_serial()),
        })
    }
}

/// An operator as a client certificate names them. The certificate has to be verified elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorCertificate {
    /// The common name.
    pub name: String,
    /// The organizational unit.
    pub role: String,
    /// The pin of the operator's key.
    pub pin: Pin,
    /// Until when the certificate is valid.
    pub not_after: UnixSeconds,
}

impl OperatorCertificate {
    /// Reads who an operator is off their certificate.
    ///
    /// # Errors
    /// When it is not a certificate, or does not name exactly one operator and one role.
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Self, TlsError> {
        let parsed = parse(certificate)?;
        let name = only_text(parsed.subject().iter_common_name(), "it has no single common name")?;
        let role = only_text(parsed.subject().iter_organizational_unit(), "it has no single role")?;
        if !is_operator_word(&name) || !is_operator_word(&role) {
            return Err(TlsError::NotAnOperator("its name or role is not one that an operator can have"));
        }
        let not_after = UnixSeconds::from_seconds(parsed.validity().not_after.timestamp());
        Ok(Self { name, role, pin: pin::of_certificate(certificate)?, not_after })
    }
}

/// Whether text can name an operator, a role and their files: `[a-z0-9][a-z0-9._-]{0,31}`.
#[must_use]
pub fn is_operator_word(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
}

/// From when a certificate is valid.
pub(crate) fn not_before_of(certificate: &CertificateDer<'_>) -> Result<UnixSeconds, TlsError> {
    Ok(UnixSeconds::from_seconds(parse(certificate)?.validity().not_before.timestamp()))
}

/// Until when a certificate is valid.
pub(crate) fn not_after_of(certificate: &CertificateDer<'_>) -> Result<UnixSeconds, TlsError> {
    Ok(UnixSeconds::from_seconds(parse(certificate)?.validity().not_after.timestamp()))
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, TlsError> {
    match X509Certificate::from_der(certificate) {
        Ok(([], parsed)) => Ok(parsed),
        Ok(_) => Err(TlsError::NotACertificate("bytes are left over after it".to_owned())),
        Err(error) => Err(TlsError::NotACertificate(error.to_string())),
    }
}

fn name_text(name: &GeneralName<'_>) -> String {
    if let GeneralName::DNSName(host) = name {
        return Escaped(host).to_string();
    }
    if let GeneralName::IPAddress(bytes) = name {
        let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
        if let Ok(address) = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)) {
            return address.to_string();
        }
    }
    Escaped(&name.to_string()).to_string()
}

fn only_text<'a>(
    mut attributes: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>,
    problem: &'static str,
) -> Result<String, TlsError> {
    let (Some(only), None) = (attributes.next(), attributes.next()) else {
        return Err(TlsError::NotAnOperator(problem));
    };
    only.as_str().map(str::to_owned).map_err(|_| TlsError::NotAnOperator(problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_operators_are_safe_as_file_names() {
        let long = "a".repeat(32);
        for good in ["a", "admin", "0ps", "jo.do_e-2", long.as_str()] {
            assert!(is_operator_word(good), "{good:?}");
        }
        let longer = "a".repeat(33);
        for bad in ["", ".", "..", "-a", "_a", "A", "a/b", "a b", "a\0", "é", "../x", longer.as_str()] {
            assert!(!is_operator_word(bad), "{bad:?} was taken");
        }
    }

    #[test]
    fn bytes_that_are_no_certificate_are_an_error() {
        for bytes in [vec![], vec![0x30], vec![0xff; 100]] {
            let certificate = CertificateDer::from(bytes);
            assert!(matches!(OperatorCertificate::of(&certificate), Err(TlsError::NotACertificate(_))));
            assert!(CertificateFacts::of(Path::new("x"), &certificate).is_err());
        }
    }
}
