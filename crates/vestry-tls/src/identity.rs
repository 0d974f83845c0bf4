//! What a server shows of itself in a handshake, and the key that proves it.

use crate::host::Hosts;
use crate::join::JoinString;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use vestry_protocol::Pin;
use vestry_protocol::UnixSeconds;

/// What a server shows of itself, and the key that proves it.
#[derive(Debug, Clone)]
pub struct ServerIdentity {
    pub(crate) certified: Arc<CertifiedKey>,
    pub(crate) authority: CertificateDer<'static>,
    pub(crate) authority_pin: Pin,
    pub(crate) authority_not_after: UnixSeconds,
    pub(crate) hosts: Option<Hosts>,
    pub(crate) not_before: UnixSeconds,
    pub(crate) not_after: UnixSeconds,
}

impl ServerIdentity {
    /// The hosts that the certificate names. `None` when it names none that a certificate of ours could, as one with a
    /// wildcard.
    #[must_use]
    pub fn hosts(&self) -> Option<&Hosts> {
        self.hosts.as_ref()
    }

    /// Returns the line that makes users trust this server: its host is the first of those that are `wanted` and that the
    /// certificate names, or else the first that it names.
    #[must_use]
    pub fn join_string(&self, wanted: &Hosts, port: u16) -> JoinString {
        let covered = self.hosts.as_ref().unwrap_or(wanted);
        let host = wanted.iter().find(|host| covered.contains(host)).unwrap_or(covered.first());
        JoinString { host: host.to_string(), port, pin: self.authority_pin }
    }

    /// The CA, which also signs the operators.
    #[must_use]
    pub fn authority(&self) -> &CertificateDer<'static> {
        &self.authority
    }

    /// The pin that clients know this server by.
    #[must_use]
    pub fn authority_pin(&self) -> Pin {
        self.authority_pin
    }

    /// Until when the CA is valid: nothing that it signed is valid any longer.
    #[must_use]
    pub fn authority_not_after(&self) -> UnixSeconds {
        self.authority_not_after
    }

    /// From when the server's own certificate is valid.
    #[must_use]
    pub fn not_before(&self) -> UnixSeconds {
        self.not_before
    }

    /// Until when the server's own certificate is valid.
    #[must_use]
    pub fn not_after(&self) -> UnixSeconds {
        self.not_after
    }

    pub(crate) fn certified(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }
}
