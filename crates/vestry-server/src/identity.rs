//! The server's certificates while it runs: the TLS configurations in force, and how they are renewed and
//! swapped without a restart. A connection keeps the configuration that it was accepted with.
//!
//! The names of the server are those of `vestryd.toml`. The certificate follows them, and never loses one by itself; the join
//! string has one that is in both.
//!
//! It builds no TLS configuration and makes no certificate: `vestry-tls` does.

use crate::clock::Plausible;
use crate::settings::Settings;
use std::sync::{Arc, PoisonError, RwLock};
use vestry_protocol::Pin;
use vestry_protocol::UnixSeconds;
use vestry_tls::{CertsDir, JoinString, OperatorCertificate, ServerIdentity, TlsError, Validity, config};

const DAY_SECS: i64 = 24 * 60 * 60;

/// Certificates and what is made of them. Shared by reference.
pub struct Identity {
    certs: CertsDir,
    settings: Settings,
    in_force: RwLock<Arc<InForce>>,
}

struct InForce {
    user: Arc<rustls::ServerConfig>,
    admin: Arc<rustls::ServerConfig>,
    server: ServerIdentity,
}

/// Certificates that were read again and are not in force yet.
pub struct Reread(Arc<InForce>);

impl InForce {
    fn of(server: ServerIdentity) -> Result<Self, TlsError> {
        Ok(Self { user: config::user_server(&server)?, admin: config::admin_server(&server)?, server })
    }
}

impl Identity {
    /// Reads the certificates of a folder, for a server of these settings.
    ///
    /// # Errors
    /// When a file is missing, damaged or exposed.
    pub fn load(certs: CertsDir, settings: Settings) -> Result<Self, TlsError> {
        let in_force = InForce::of(certs.load_server()?)?;
        Ok(Self { certs, settings, in_force: RwLock::new(Arc::new(in_force)) })
    }

    /// Reads them again. Nothing changes yet.
    ///
    /// # Errors
    /// When a file is missing, damaged or exposed.
    pub fn read_again(&self) -> Result<Reread, TlsError> {
        Ok(Reread(Arc::new(InForce::of(self.certs.load_server()?)?)))
    }

    /// Puts certificates in force that were read again: for the connections that are accepted from now on.
    pub fn put_in_force(&self, reread: Reread) {
        *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = reread.0;
    }

    /// Renews the server's certificate when no more than a third of its days is left, when it lacks a host of the settings,
    /// or when it was made while the clock was ahead and is not valid yet; whether it did. By a clock that cannot be right nothing is
    /// renewed: nobody with a right one would trust the server.
    ///
    /// # Errors
    /// When the CA's key is missing or a file cannot be written; the certificate in force stays.
    pub fn renew_when_due(&self, now: Plausible) -> Result<bool, TlsError> {
        let (in_force, settings, now) = (self.now(), self.settings.now(), now.reading());
        let (server, days) = (&in_force.server, settings.certificates.days);
        let wanted = &settings.certificates.hosts;
        let lacks_a_host = server.hosts().is_some_and(|named| !wanted.without(named).is_empty());
        let is_old = server.not_after().since(now) <= i64::from(days) * DAY_SECS / 3;
        // A certificate never outlives its CA: near its end there is nothing to gain, every minute.
        let can_be_longer = server.authority_not_after() > server.not_after();
        let is_ahead = server.not_before() > now;
        if !(is_old && can_be_longer || is_ahead || lacks_a_host) {
            return Ok(false);
        }
        // Somebody may have changed it on the disk meanwhile: what is replaced is what is there now.
        self.put_in_force(self.read_again()?);
        let in_force = self.now();
        let named = in_force.server.hosts().unwrap_or(wanted);
        let hosts = wanted.and(named).with_local_names();
        self.certs.renew_server(&hosts, Validity { not_before: now, days })?;
        self.put_in_force(self.read_again()?);
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
        self.now().server.authority_pin()
    }

    /// Host, port and pin in one line, for users.
    #[must_use]
    pub fn join_string(&self, port: u16) -> JoinString {
        self.now().server.join_string(&self.settings.now().certificates.hosts, port)
    }

    /// Until when the server's certificate is valid.
    #[must_use]
    pub fn not_after(&self) -> UnixSeconds {
        self.now().server.not_after()
    }

    /// Until when the CA is valid.
    #[must_use]
    pub fn authority_not_after(&self) -> UnixSeconds {
        self.now().server.authority_not_after()
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
