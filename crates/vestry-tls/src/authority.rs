//! Making certificates: a CA of one's own, its server leaf, and one certificate for each operator.
//!
//! ECDSA P-256 everywhere, so that every common tool can read the keys. Nothing here writes a file or reads the
//! clock; a validity is handed in.

use crate::error::TlsError;
use crate::facts::{is_operator_word, not_after_of};
use crate::host::Hosts;
use crate::pin;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SerialNumber,
    SignatureAlgorithm, SigningKey,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::fmt;
use std::net::IpAddr;
use time::OffsetDateTime;
use vestry_protocol::Pin;
use vestry_protocol::UnixSeconds;
use vestry_protocol::random;
use zeroize::{Zeroize, Zeroizing};

const DAY_SECS: i64 = 24 * 60 * 60;
/// A fresh certificate is valid from two days earlier, for peers whose clocks are slow or on another day.
const CLOCK_SKEW_SECS: i64 = 2 * DAY_SECS;
/// 127 random bits: more than the 64 that RFC 5280 and its users ask for, and never negative.
const SERIAL_BYTES: usize = 16;

/// From when and for how long a certificate is to be valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Now, as a rule; the certificate itself starts two days earlier.
    pub not_before: UnixSeconds,
    /// For how long.
    pub days: u32,
}

/// A certificate that was just made, with its key.
pub struct Issued {
    /// The certificate alone, without its CA.
    pub certificate_pem: String,
    /// The private key, in PKCS#8.
    pub key_pem: Zeroizing<String>,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("certificate_pem", &self.certificate_pem).finish_non_exhaustive()
    }
}

/// A CA that can sign: its certificate and its key.
pub struct CertificateAuthority {
    issuer: Issuer<'static, WipedKey>,
    certificate: CertificateDer<'static>,
    not_after: UnixSeconds,
}

impl fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateAuthority").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

impl CertificateAuthority {
    /// Makes a CA whose certificates people will see under `name`.
    ///
    /// # Errors
    /// When the validity is impossible or the random source fails.
    pub fn create(name: &str, validity: Validity) -> Result<(Self, Issued), TlsError> {
        let key = WipedKey::generate()?;
        let mut params =
            params_for(subject(&[(DnType::CommonName, name)]), span_of(validity, UnixSeconds::MAX)?)?;
        // Room for a CA below this one, for the day on which keys change while clients trust this one.
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.use_authority_key_identifier_extension = false;
        let issued = issued(&params.self_signed(&key)?, &key);
        let authority = Self::from_pem(&issued.certificate_pem, &issued.key_pem)?;
        Ok((authority, issued))
    }

    /// Takes up a CA that was made before.
    ///
    /// # Errors
    /// When the PEM is broken, the certificate is no CA, or the two do not belong together.
    pub fn from_pem(certificate_pem: &str, key_pem: &str) -> Result<Self, TlsError> {
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
            .map_err(|e| TlsError::NotACertificate(e.to_string()))?;
        let key = WipedKey::from_pem(key_pem)?;
        if key.pin() != pin::of_certificate(&certificate)? {
            return Err(TlsError::MismatchedKey);
        }
        let not_after = not_after_of(&certificate)?;
        let issuer = Issuer::from_ca_cert_der(&certificate, key)?;
        if !issuer.key_usages().contains(&KeyUsagePurpose::KeyCertSign) {
            return Err(TlsError::NotACertificate("it may not sign others, so it is no CA".to_owned()));
        }
        Ok(Self { issuer, certificate, not_after })
    }

    /// The CA's own certificate.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Until when it is valid.
    #[must_use]
    pub fn not_after(&self) -> UnixSeconds {
        self.not_after
    }

    /// The pin that clients know this CA by.
    #[must_use]
    pub fn pin(&self) -> Pin {
        self.issuer.key().pin()
    }

    /// Makes a key and a certificate for a server that is reached as any of `hosts`.
    ///
    /// # Errors
    /// When the validity is impossible.
    pub fn issue_server(&self, hosts: &Hosts, validity: Validity) -> Result<Issued, TlsError> {
        self.sign_server(hosts, validity, &WipedKey::generate()?)
    }

    /// Makes a new certificate for a server that keeps its key.
    ///
    /// # Errors
    /// When the key is broken, or the validity is impossible.
    pub fn renew_server(&self, key_pem: &str, hosts: &Hosts, validity: Validity) -> Result<Issued, TlsError> {
        self.sign_server(hosts, validity, &WipedKey::from_pem(key_pem)?)
    }

    /// Makes a key and a certificate for an operator; `role` is what the server lets them do.
    ///
    /// # Errors
    /// When the name or the role has characters that they cannot have, or the validity is impossible.
    pub fn issue_operator(&self, name: &str, role: &str, validity: Validity) -> Result<Issued, TlsError> {
        if let Some(bad) = [name, role].into_iter().find(|word| !is_operator_word(word)) {
            return Err(TlsError::BadOperatorName(bad.to_owned()));
        }
        let subject = subject(&[(DnType::OrganizationalUnitName, role), (DnType::CommonName, name)]);
        let mut params = params_for(subject, span_of(validity, self.not_after)?)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params, &WipedKey::generate()?)
    }

    fn sign_server(&self, hosts: &Hosts, validity: Validity, key: &WipedKey) -> Result<Issued, TlsError> {
        // A common name has room for 64 characters; nothing reads it, the alternative names count.
        let first = hosts.first().as_str();
        let shown = if first.len() <= 64 { first } else { "vestryd" };
        let subject = subject(&[(DnType::CommonName, shown)]);
        let mut params = params_for(subject, span_of(validity, self.not_after)?)?;
        for host in hosts.iter() {
            params.subject_alt_names.push(match host.as_str().parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(host.as_str().try_into()?),
            });
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(&params, key)
    }

    fn sign(&self, params: &CertificateParams, key: &WipedKey) -> Result<Issued, TlsError> {
        Ok(issued(&params.signed_by(key, &self.issuer)?, key))
    }
}

/// A leaf's parameters; a CA changes them.
fn params_for(
    subject: DistinguishedName,
    (not_before, not_after): (OffsetDateTime, OffsetDateTime),
) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    params.not_before = not_before;
    params.not_after = not_after;
    params.serial_number = Some(random_serial()?);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// The dates of a certificate. A leaf never outlives its CA: no verifier would take it then.
fn span_of(validity: Validity, last: UnixSeconds) -> Result<(OffsetDateTime, OffsetDateTime), TlsError> {
    if validity.not_before >= last {
        return Err(TlsError::AuthorityEnded(last));
    }
    let impossible = TlsError::BadValidity { days: validity.days };
    let start = validity.not_before.minus(CLOCK_SKEW_SECS);
    let end = validity.not_before.plus(i64::from(validity.days) * DAY_SECS).min(last);
    let dates = (
        OffsetDateTime::from_unix_timestamp(start.seconds()),
        OffsetDateTime::from_unix_timestamp(end.seconds()),
    );
    match dates {
        (Ok(start), Ok(until)) if validity.days > 0 && validity.not_before < end => Ok((start, until)),
        _ => Err(impossible),
    }
}

fn subject(parts: &[(DnType, &str)]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for (kind, text) in parts {
        name.push(kind.clone(), *text);
    }
    name
}

fn random_serial() -> Result<SerialNumber, TlsError> {
    let mut bytes = [0u8; SERIAL_BYTES];
    random::fill(&mut bytes)?;
    // The first bit is the sign; the second is set so that every serial has the same length and none is zero.
    if let Some(first) = bytes.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    Ok(SerialNumber::from_slice(&bytes))
}

fn issued(certificate: &Certificate, key: &WipedKey) -> Issued {
    Issued { certificate_pem: certificate.pem(), key_pem: Zeroizing::new(key.0.serialize_pem()) }
}

/// A key that is wiped when it is dropped; rcgen's own is not.
struct WipedKey(KeyPair);

impl WipedKey {
    fn generate() -> Result<Self, TlsError> {
        Ok(Self(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?))
    }

    fn from_pem(pem: &str) -> Result<Self, TlsError> {
        Ok(Self(KeyPair::from_pem(pem)?))
    }

    fn pin(&self) -> Pin {
        pin::of_public_key(&self.0.subject_public_key_info())
    }
}

impl Drop for WipedKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl PublicKeyData for WipedKey {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl SigningKey for WipedKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{CertificateFacts, OperatorCertificate};
    use std::path::Path;
    use x509_parser::prelude::{FromDer, ParsedExtension, X509Certificate};

    const START: UnixSeconds = UnixSeconds::from_seconds(1_767_225_600);

    fn days(days: u32) -> Validity {
        Validity { not_before: START, days }
    }

    fn hosts(names: &[&str]) -> Hosts {
        Hosts::parse(names).unwrap()
    }

    fn authority() -> CertificateAuthority {
        CertificateAuthority::create("Vestry test CA", days(3650)).unwrap().0
    }

    fn der(issued: &Issued) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes()).unwrap()
    }

    fn extensions(certificate: &CertificateDer<'_>) -> Vec<String> {
        let (_, parsed) = X509Certificate::from_der(certificate).unwrap();
        let name =
            |critical: bool, what: &str| if critical { format!("{what} critical") } else { what.to_owned() };
        let describe = |extension: &ParsedExtension<'_>| match extension {
            ParsedExtension::BasicConstraints(b) => format!("CA:{} {:?}", b.ca, b.path_len_constraint),
            ParsedExtension::KeyUsage(usage) => usage.to_string(),
            ParsedExtension::ExtendedKeyUsage(eku) => {
                format!("EKU server={} client={} any={}", eku.server_auth, eku.client_auth, eku.any)
            }
            ParsedExtension::SubjectAlternativeName(_) => "SAN".to_owned(),
            ParsedExtension::SubjectKeyIdentifier(_) => "SKI".to_owned(),
            ParsedExtension::AuthorityKeyIdentifier(_) => "AKI".to_owned(),
            other => format!("{other:?}"),
        };
        let mut all: Vec<String> =
            parsed.extensions().iter().map(|e| name(e.critical, &describe(e.parsed_extension()))).collect();
        all.sort();
        all
    }

    #[test]
    fn each_kind_of_certificate_may_do_one_thing_only() {
        let authority = authority();
        let server = authority.issue_server(&hosts(&["example.org"]), days(90)).unwrap();
        let operator = authority.issue_operator("jo", "helpdesk", days(90)).unwrap();
        assert_eq!(
            extensions(authority.certificate()),
            ["CA:true Some(1) critical", "Key Cert Sign, CRL Sign critical", "SKI"]
        );
        let leaf = |eku: &str| {
            ["AKI", "CA:false None critical", "Digital Signature critical", eku].map(str::to_owned)
        };
        let mut expected = leaf("EKU server=true client=false any=false").to_vec();
        expected.extend(["SAN".to_owned(), "SKI".to_owned()]);
        assert_eq!(extensions(&der(&server)), expected);
        let mut expected = leaf("EKU server=false client=true any=false").to_vec();
        expected.push("SKI".to_owned());
        assert_eq!(extensions(&der(&operator)), expected);
    }

    #[test]
    fn sec_0111_a_certificate_is_dated_back_and_names_what_was_asked_for() {
        let names = ["example.org", "127.0.0.1", "::1", "localhost"];
        let server = authority().issue_server(&hosts(&names), days(90)).unwrap();
        let facts = CertificateFacts::of(Path::new("server.pem"), &der(&server)).unwrap();
        assert_eq!(facts.sans, names);
        assert_eq!((facts.not_before, facts.not_after), (START.minus(2 * 86_400), START.plus(90 * 86_400)));
        assert_eq!(facts.subject, "CN=example.org");
        assert_eq!(facts.serial.len(), 32);
    }

    #[test]
    fn an_operator_reads_back_with_name_role_and_pin() {
        let authority = authority();
        let certificate = der(&authority.issue_operator("jo.doe", "viewer", days(30)).unwrap());
        let operator = OperatorCertificate::of(&certificate).unwrap();
        assert_eq!((operator.name.as_str(), operator.role.as_str()), ("jo.doe", "viewer"));
        assert_eq!(operator.pin, pin::of_certificate(&certificate).unwrap());
        assert_eq!(operator.not_after, START.plus(30 * 86_400));
        assert!(matches!(OperatorCertificate::of(authority.certificate()), Err(TlsError::NotAnOperator(_))));
    }

    #[test]
    fn serial_numbers_do_not_repeat() {
        let serials: std::collections::HashSet<Vec<u8>> =
            (0..1000).map(|_| random_serial().unwrap().to_bytes()).collect();
        assert_eq!(serials.len(), 1000);
        assert!(serials.iter().all(|serial| serial.len() == 16 && serial[0] & 0xc0 == 0x40));
    }

    #[test]
    fn a_leaf_does_not_outlive_its_authority() {
        let (authority, _) = CertificateAuthority::create("short", days(10)).unwrap();
        let server = authority.issue_server(&hosts(&["localhost"]), days(90)).unwrap();
        assert_eq!(not_after_of(&der(&server)).unwrap(), START.plus(10 * 86_400));
        let late = Validity { not_before: START.plus(11 * 86_400), days: 1 };
        let refused = authority.issue_server(&hosts(&["localhost"]), late);
        assert!(matches!(refused, Err(TlsError::AuthorityEnded(end)) if end == START.plus(10 * 86_400)));
    }

    #[test]
    fn what_no_certificate_can_state_is_refused() {
        let authority = authority();
        for (name, role) in [("../jo", "admin"), ("Jo", "admin"), ("", "admin"), ("jo", "ad min")] {
            let refused = authority.issue_operator(name, role, days(1));
            assert!(matches!(refused, Err(TlsError::BadOperatorName(_))), "{name:?} {role:?}");
        }
        for validity in [days(0), Validity { not_before: UnixSeconds::MAX, days: 1 }, days(u32::MAX)] {
            assert!(CertificateAuthority::create("x", validity).is_err(), "{validity:?}");
        }
    }

    #[test]
    fn a_pair_that_does_not_belong_together_is_refused() {
        let one = CertificateAuthority::create("one", days(10)).unwrap().1;
        let two = CertificateAuthority::create("two", days(10)).unwrap().1;
        let mixed = CertificateAuthority::from_pem(&one.certificate_pem, &two.key_pem);
        assert!(matches!(mixed, Err(TlsError::MismatchedKey)));
        assert!(CertificateAuthority::from_pem(&one.certificate_pem, &one.key_pem).is_ok());
    }

    #[test]
    fn a_leaf_cannot_be_taken_up_as_an_authority() {
        let leaf = authority().issue_server(&hosts(&["localhost"]), days(1)).unwrap();
        let refused = CertificateAuthority::from_pem(&leaf.certificate_pem, &leaf.key_pem);
        assert!(matches!(refused, Err(TlsError::NotACertificate(_))));
    }

    #[test]
    fn a_key_does_not_print_itself() {
        let (authority, issued) = CertificateAuthority::create("x", days(1)).unwrap();
        assert!(!format!("{issued:?} {authority:?}").contains("PRIVATE"));
    }
}
