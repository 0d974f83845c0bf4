//! What `init` makes: the data directory, keys, certificates, the database, the first operator, the settings.
//!
//! It never overwrites: each part that is there stays as it is, so that a second run finishes what a first one
//! could not.

use crate::audit::{Action, Actor};
use crate::config;
use crate::credentials::Pepper;
use crate::data_dir::{DataDir, DataDirError};
use crate::failure::Failure;
use crate::identity::with_local_names;
use std::net::SocketAddr;
use std::path::PathBuf;
use thiserror::Error;
use vestry_protocol::UnixSeconds;
use vestry_store::{NewOperator, Store, StoreError, StoreLimits};
use vestry_tls::{CertsDir, FileError, OperatorCertificate, TlsError, Validity, private_file};
use zeroize::Zeroizing;

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
    pub hosts: Vec<String>,
    /// Where users connect.
    pub listen: SocketAddr,
    /// Where operators connect.
    pub admin_listen: SocketAddr,
    /// How long the server's certificate is valid.
    pub certificate_days: u32,
    /// When.
    pub now: UnixSeconds,
}

/// Why something could not be set up.
#[derive(Debug, Error)]
pub enum SetupError {
    /// Of the files.
    #[error(transparent)]
    File(#[from] FileError),
    /// Of the certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Of the database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Of the data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Of the operators' rows.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// The pepper's file is not one.
    #[error("{0} does not hold 32 bytes; restore it from a backup: without it no password can be verified")]
    BadPepper(String),
    /// There is a database, but its pepper is gone.
    #[error(
        "{0} is missing, but there is a database; restore it from a backup: without it no password can be verified"
    )]
    PepperLost(String),
    /// The system has no random bytes.
    #[error("the system has no random bytes")]
    NoRandomness,
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
    make_pepper(plan, &mut made)?;
    make_database(plan, &certs, &mut made).await?;
    let settings = plan.data_dir.config_file();
    if !settings.exists() {
        let text = config::template(plan.listen, plan.admin_listen, &plan.hosts, plan.certs_dir.as_deref());
        private_file::create(&settings, text.as_bytes())?;
        made.push(format!("settings                {}", settings.display()));
    }
    Ok(made)
}

fn make_certificates(plan: &Plan, certs: &CertsDir, made: &mut Vec<String>) -> Result<(), SetupError> {
    private_file::create_dir(certs.path())?;
    let valid_for = |days| Validity { not_before: plan.now, days };
    if !certs.ca_certificate().exists() {
        certs.create_authority("Vestry CA", valid_for(CA_DAYS))?;
        made.push(format!("certificate authority   {}", certs.ca_certificate().display()));
    }
    if !certs.server_certificate().exists() {
        certs.create_server(&with_local_names(&plan.hosts), valid_for(plan.certificate_days))?;
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

fn make_pepper(plan: &Plan, made: &mut Vec<String>) -> Result<(), SetupError> {
    let path = plan.data_dir.pepper();
    if path.exists() {
        return Ok(());
    }
    if plan.data_dir.database().exists() {
        return Err(SetupError::PepperLost(path.display().to_string()));
    }
    let mut bytes = Zeroizing::new([0; Pepper::BYTES]);
    getrandom::fill(bytes.as_mut()).map_err(|_| SetupError::NoRandomness)?;
    private_file::create(&path, bytes.as_slice())?;
    made.push(format!("pepper for passwords    {}", path.display()));
    Ok(())
}

async fn make_database(plan: &Plan, certs: &CertsDir, made: &mut Vec<String>) -> Result<(), SetupError> {
    let path = plan.data_dir.database();
    if path.exists() {
        return Ok(());
    }
    Store::create(&path)?;
    let store = Store::open(&path, StoreLimits::default())?;
    enrol(&store, certs.operators()?, plan.now).await?;
    store.close().await;
    made.push(format!("database                {}", path.display()));
    Ok(())
}

/// Takes every operator in whose certificate was never known. A revoked one does not come back.
///
/// # Errors
/// When the store does.
pub async fn enrol(
    store: &Store,
    certificates: Vec<OperatorCertificate>,
    now: UnixSeconds,
) -> Result<(), Failure> {
    store
        .write(move |tx| {
            for certificate in &certificates {
                let pin = certificate.pin.to_string();
                if tx.operator(&pin)?.is_some() {
                    continue;
                }
                let noted =
                    Actor::server().note(tx, now, Action::OperatorEnrolled, &certificate.name, &pin)?;
                let (name, role) = (certificate.name.as_str(), certificate.role.as_str());
                tx.insert_operator(&noted, &NewOperator { pin: &pin, name, role, created: now })?;
            }
            Ok(())
        })
        .await
}

/// Reads the pepper.
///
/// # Errors
/// When it is missing, exposed or not 32 bytes.
pub fn read_pepper(data_dir: &DataDir) -> Result<Pepper, SetupError> {
    let path = data_dir.pepper();
    let bytes = private_file::read(&path)?;
    Pepper::from_bytes(&bytes).ok_or_else(|| SetupError::BadPepper(path.display().to_string()))
}
