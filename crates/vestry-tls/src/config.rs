//! The TLS configurations of both ports and of both client programs; the only file that names a rustls builder.
//!
//! TLS 1.3 is all that is compiled in. X25519MLKEM768 comes first, there is no early data, no key log, and no
//! connection without the ALPN of its port: see [`alpn_was_agreed`].

use crate::error::TlsError;
use crate::identity::ServerIdentity;
use crate::pem_file::{damaged, read_certificates, read_private_key};
use crate::verifier::{PinVerifier, some_roots_of};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::cipher_suite::{
    TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256,
};
use rustls::crypto::aws_lc_rs::{self, sign::any_supported_type};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls::{ClientConfig, CommonState, ServerConfig, SupportedCipherSuite};
use std::path::Path;
use std::sync::Arc;
use vestry_protocol::Pin;
use vestry_protocol::{ADMIN_ALPN, USER_ALPN};

/// Whom a client trusts.
#[derive(Debug, Clone)]
pub enum Trust {
    /// The server whose CA has this key.
    Pin(Pin),
    /// Any server with a certificate of one of these CAs.
    Authority(Vec<CertificateDer<'static>>),
}

/// Best first; ours is the order that counts. A handshake hashes more than it encrypts, and processors have instructions
/// for SHA-256 but not for SHA-384: with it, the key schedule takes 30 of a handshake's 120 µs. ChaCha20 has keys of 256 bits.
const SUITES: [SupportedCipherSuite; 3] =
    [TLS13_CHACHA20_POLY1305_SHA256, TLS13_AES_256_GCM_SHA384, TLS13_AES_128_GCM_SHA256];

/// Whether both sides agreed on this protocol.
///
/// rustls refuses a peer that offers other protocols, but not one that offers none: both sides call this after
/// every handshake and close the connection when it is false.
#[must_use]
pub fn alpn_was_agreed(connection: &CommonState, expected: &[u8]) -> bool {
    connection.alpn_protocol() == Some(expected)
}

/// The user port: anybody may connect.
///
/// # Errors
/// When rustls does not accept the identity.
pub fn user_server(identity: &ServerIdentity) -> Result<Arc<ServerConfig>, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13])?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(resolver(identity));
    config.alpn_protocols = vec![USER_ALPN.to_vec()];
    config.ignore_client_order = true;
    refuse_to_resume(&mut config);
    Ok(Arc::new(config))
}

/// No tickets and no memory of sessions: a resumed handshake saves the server nothing, since the key exchange is made
/// anew all the same, while a ticket costs a write and its key would be one more secret to guard.
fn refuse_to_resume(config: &mut ServerConfig) {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
}

/// The admin port: only holders of a client certificate of the server's own CA may connect.
///
/// Resuming would also skip the certificate, and an operator's is to be looked at on every connection.
///
/// # Errors
/// When rustls does not accept the identity.
pub fn admin_server(identity: &ServerIdentity) -> Result<Arc<ServerConfig>, TlsError> {
    let roots = some_roots_of(std::slice::from_ref(identity.authority()))?;
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build()?;
    let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13])?;
    let mut config = builder.with_client_cert_verifier(verifier).with_cert_resolver(resolver(identity));
    config.alpn_protocols = vec![ADMIN_ALPN.to_vec()];
    refuse_to_resume(&mut config);
    Ok(Arc::new(config))
}

/// A client of the user port.
///
/// # Errors
/// When a CA is not one.
pub fn user_client(trust: &Trust) -> Result<Arc<ClientConfig>, TlsError> {
    let mut config = client_builder(verifier_for(trust)?)?.with_no_client_auth();
    config.alpn_protocols = vec![USER_ALPN.to_vec()];
    Ok(Arc::new(config))
}

/// A client of the admin port: it verifies the server by its CA and shows the operator's certificate.
///
/// # Errors
/// When a CA is not one, or the key does not belong to the certificate.
pub fn console_client(
    authorities: &[CertificateDer<'static>],
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'static>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let trust = Trust::Authority(authorities.to_vec());
    let shown = Arc::new(SingleCertAndKey::from(certify(chain, key)?));
    let mut config = client_builder(verifier_for(&trust)?)?.with_client_cert_resolver(shown);
    config.alpn_protocols = vec![ADMIN_ALPN.to_vec()];
    Ok(Arc::new(config))
}

/// [`console_client`] from the three files that an operator holds.
///
/// # Errors
/// As [`console_client`], and when a file is missing, exposed or damaged.
pub fn console_client_from_files(
    ca: &Path,
    certificate: &Path,
    key: &Path,
) -> Result<Arc<ClientConfig>, TlsError> {
    let chain = read_certificates(certificate)?;
    let private = read_private_key(key)?;
    console_client(&read_certificates(ca)?, chain, &private).map_err(|error| name_file(error, key))
}

/// A key beside its certificates, once it is clear that they belong together.
pub(crate) fn certify(
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'_>,
) -> Result<CertifiedKey, TlsError> {
    let certified = CertifiedKey::new(chain, any_supported_type(key)?);
    certified.keys_match().map_err(|_| TlsError::MismatchedKey)?;
    Ok(certified)
}

/// Says which file is behind a key that cannot be used.
pub(crate) fn name_file(error: TlsError, key: &Path) -> TlsError {
    if matches!(error, TlsError::MismatchedKey) {
        return damaged(key, "it is not the key of the certificate beside it");
    }
    if matches!(error, TlsError::Setup(_)) {
        return damaged(key, "it is not a key that TLS can use");
    }
    error
}

/// The provider is always handed over, so that no other crate's choice of a default can matter.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { cipher_suites: SUITES.to_vec(), ..aws_lc_rs::default_provider() })
}

fn resolver(identity: &ServerIdentity) -> Arc<SingleCertAndKey> {
    Arc::new(SingleCertAndKey::from(Arc::clone(identity.certified())))
}

fn verifier_for(trust: &Trust) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    match trust {
        Trust::Pin(pin) => Ok(Arc::new(PinVerifier::new(*pin, provider()))),
        Trust::Authority(authorities) => {
            let roots = some_roots_of(authorities)?;
            Ok(WebPkiServerVerifier::builder_with_provider(roots, provider()).build()?)
        }
    }
}

/// `dangerous` is rustls' word for any verifier that is handed over, the usual one included.
fn client_builder(
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13])?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::NamedGroup;

    #[test]
    fn the_post_quantum_group_comes_first() {
        let groups: Vec<NamedGroup> = provider().kx_groups.iter().map(|group| group.name()).collect();
        assert_eq!(groups.first(), Some(&NamedGroup::X25519MLKEM768));
    }

    #[test]
    fn trusting_nobody_is_a_mistake() {
        assert!(matches!(user_client(&Trust::Authority(Vec::new())), Err(TlsError::NotACertificate(_))));
    }
}
