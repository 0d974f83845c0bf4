//! What `init` makes: the data directory, keys, certificates, the database, the first operator, the settings.
//!
//! It never overwrites: each part that is there stays as it is, so that a second run finishes what a first one
//! could not.

use crate::audit::head::{self, AuditHead, newest};
use crate::clock::Plausible;
use crate::config::{CertificateConfig, Config, NetworkConfig};
use crate::data_dir::DataDir;
use crate::listen::Listen;
use crate::operators::enrol::enrol;
use crate::secrets::error::SetupError;
use crate::secrets::files::read_audit_key;
use crate::secrets::kind::SecretKind;
use crate::secrets::making::make_secret;
use std::net::SocketAddr;
use std::path::PathBuf;
use vestry_store::{Store, StoreLimits};
use vestry_tls::{CertsDir, Hosts, Validity, private_file};

/// A CA that is pinned by people cannot be renewed unseen; ten years is the life of the machine under it.
pub const CA_DAYS: u32 = 3650;
/// Operators' certificates are for a handful of people who sit at the machine.
pub const OPERATOR_DAYS: u32 = 825;
/// The name of the first operator.
pub const FIRST_OPERATOR: &str = "admin";

/// What to set up.
pub struct Plan {
    /// Where.
    pub data_dir: DataDir,
    /// The certificates, when not in the data directory.
    pub certs_dir: Option<PathBuf>,
    /// Names and addresses that users reach the server by; the first goes into the join string.
    pub hosts: Hosts,
    /// Where users connect.
    pub listen: Listen,
    /// Where operators connect.
    pub admin_listen: SocketAddr,
    /// How long the server's certificate is valid.
    pub certificate_days: u32,
    /// When.
    pub now: Plausible,
}

impl Plan {
    /// Returns the settings that the file begins with.
    #[must_use]
    pub fn settings(&self) -> Config {
        let (listen, admin_listen) = (self.listen.clone(), self.admin_listen);
        let (hosts, dir, days) = (self.hosts.clone(), self.certs_dir.clone(), self.certificate_days);
        Config {
            network: NetworkConfig { listen, admin_listen, ..NetworkConfig::default() },
            certificates: CertificateConfig { hosts, dir, days },
            ..Config::default()
        }
    }
}

/// Makes what is missing; a line for each thing that was made.
///
/// # Errors
/// With the first thing that could not be made.
pub async fn set_up(plan: &Plan) -> Result<Vec<String>, SetupError> {
    let mut made = Vec::new();
    private_file::create_dir(plan.data_dir.path())?;
    private_file::create_dir(&plan.data_dir.secrets())?;
    let certs = plan.data_dir.certs(plan.certs_dir.as_deref());
    make_certificates(plan, &certs, &mut made)?;
    for kind in SecretKind::ALL {
        if make_secret(&plan.data_dir, kind)? {
            made.push(format!("{:<23} {}", kind.noun(), plan.data_dir.path().join(kind.fact()).display()));
        }
    }
    let database = plan.data_dir.database();
    if !database.exists() {
        let chain = read_audit_key(&plan.data_dir.audit_key())?;
        Store::create(&database, &chain)?;
        let store = Store::open(&database, StoreLimits::default(), chain.clone())?;
        enrol(&store, certs.operators()?, plan.now.reading()).await?;
        // On the only connection that is closed before the process goes on: a reader would leave its log behind.
        if let Some(known) = store.write(move |tx| newest(tx, &chain)).await? {
            head::write(&plan.data_dir.audit_head(), &AuditHead::of(0, known))?;
        }
        store.close().await;
        made.push(format!("database                {}", database.display()));
    }
    let settings = plan.data_dir.config_file();
    if !settings.exists() {
        private_file::create(&settings, plan.settings().to_toml().as_bytes())?;
        made.push(format!("settings                {}", settings.display()));
    }
    Ok(made)
}

fn make_certificates(plan: &Plan, certs: &CertsDir, made: &mut Vec<String>) -> Result<(), SetupError> {
    private_file::create_dir(certs.path())?;
    let valid_for = |days| Validity { not_before: plan.now.reading(), days };
    if !certs.ca_certificate().exists() {
        certs.create_authority("Vestry CA", valid_for(CA_DAYS))?;
        made.push(format!("certificate authority   {}", certs.ca_certificate().display()));
    }
    if !certs.server_certificate().exists() {
        certs.create_server(&plan.hosts.with_local_names(), valid_for(plan.certificate_days))?;
        made.push(format!("server certificate      {}", certs.server_certificate().display()));
    }
    if certs.operators()?.is_empty() {
        certs.create_operator(FIRST_OPERATOR, FIRST_OPERATOR, valid_for(OPERATOR_DAYS))?;
        made.push(format!(
            "operator certificate    {}",
            certs.operator_certificate(FIRST_OPERATOR).display()
        ));
    }
    Ok(())
}
