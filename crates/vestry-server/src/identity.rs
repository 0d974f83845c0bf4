//! The server's certificates while it runs: the TLS configurations in force, and how they are renewed and
//! swapped without a restart. A connection keeps the configuration that it was accepted with.
//!
//! It builds no TLS configuration and makes no certificate: `vestry-tls` does.

use crate::clock::Plausible;
use std::sync::{Arc, PoisonError, RwLock};
use vestry_protocol::UnixSeconds;
use vestry_tls::{
    CertsDir, JoinString, OperatorCertificate, Pin, ServerIdentity, TlsError, Validity, config,
};

const DAY_SECS: i64 = 24 * 60 * 60;

/// Certificates and what is made of them. Shared by reference.
pub struct Identity {
    certs: CertsDir,
    in_force: RwLock<Arc<InForce>>,
}

struct InForce {
    user: Arc<rustls::ServerConfig>,
    admin: Arc<rustls::ServerConfig>,
    pin: Pin,
    authority_not_after: UnixSeconds,
    not_before: UnixSeconds,
    not_after: UnixSeconds,
}

impl InForce {
    fn of(identity: &ServerIdentity) -> Result<Self, TlsError> {
        Ok(Self {
            user: config::user_server(identity)?,
            admin: config::admin_server(identity)?,
            pin: identity.authority_pin(),
            authority_not_after: identity.authority_not_after(),
            not_before: identity.not_before(),
            not_after: identity.not_after(),
        })
    }
}

impl Identity {
    /// Reads the certificates of a folder.
    ///
    /// # Errors
    /// When a file is missing, damaged or exposed.
    pub fn load(certs: CertsDir) -> Result<Self, TlsError> {
        let in_force = InForce::of(&certs.load_server()?)?;
        Ok(Self { certs, in_force: RwLock::new(Arc::new(in_force)) })
    }

    /// Reads them again; what is in force stays when they cannot be used.
    ///
    /// # Errors
    /// When a file is missing, damaged or exposed.
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = Arc::new(InForce::of(&self.certs.load_server()?)?);
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Renews the server's certificate when no more than a third of its days is left, or when it was made while the
    /// clock was ahead and is not valid yet; whether it did. By a clock that cannot be right nothing is renewed: nobody with a
    /// right one would trust the server.
    ///
    /// # Errors
    /// When the CA's key is missing or a file cannot be written; the certificate in force stays.
    pub fn renew_when_due(&self, now: Plausible, days: u32, hosts: &[String]) -> Result<bool, TlsError> {
        let (in_force, now) = (self.now(), now.seconds());
        let is_old = in_force.not_after.saturating_sub(now) <= i64::from(days) * DAY_SECS / 3;
        // A certificate never outlives its CA: near its end there is nothing to gain, every minute.
        let can_be_longer = in_force.authority_not_after > in_force.not_after;
        let is_ahead = in_force.not_before > now;
        if !(is_old && can_be_longer || is_ahead) {
            return Ok(false);
        }
        self.certs.renew_server(&with_local_names(hosts), Validity { not_before: now, days })?;
        self.reload()?;
        Ok(true)
    }

    /// For connections of users.
    #[must_use]
    pub fn user_config(&self) -> Arc<rustls::ServerConfig> {
        self.now().user.clone()
    }

    /// For connections of operators.
    #[must_use]
    pub fn admin_config(&self) -> Arc<rustls::ServerConfig> {
        self.now().admin.clone()
    }

    /// What users know this server by.
    #[must_use]
    pub fn pin(&self) -> Pin {
        self.now().pin
    }

    /// Host, port and pin in one line, for users. The host is the first of the settings.
    #[must_use]
    pub fn join_string(&self, hosts: &[String], port: u16) -> JoinString {
        let host = hosts.first().cloned().unwrap_or_else(|| "localhost".to_owned());
        JoinString { host, port, pin: self.pin() }
    }

    /// Until when the server's certificate is valid.
    #[must_use]
    pub fn not_after(&self) -> UnixSeconds {
        self.now().not_after
    }

    /// Until when the CA is valid.
    #[must_use]
    pub fn authority_not_after(&self) -> UnixSeconds {
        self.now().authority_not_after
    }

    /// The operators who have a certificate in the folder.
    ///
    /// # Errors
    /// When a certificate is damaged.
    pub fn operators(&self) -> Result<Vec<OperatorCertificate>, TlsError> {
        self.certs.operators()
    }

    fn now(&self) -> Arc<InForce> {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The names that every server certificate covers, so that the console and a first try on the same machine work.
pub(crate) const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Hosts with the local names behind them, each once.
#[must_use]
pub fn with_local_names(hosts: &[String]) -> Vec<String> {
    let local = LOCAL_NAMES.iter().map(|name| (*name).to_owned());
    let mut names: Vec<String> = Vec::new();
    for name in hosts.iter().cloned().chain(local) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
