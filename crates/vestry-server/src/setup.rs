//! What `init` makes: the data directory, keys, certificates, the database, the first operator, the settings.
//!
//! It never overwrites: each part that is there stays as it is, so that a second run finishes what a first one
//! could not.

use crate::audit::act::{Action, Actor};
use crate::audit::head::{self, AuditHead, AuditHeadError, newest};
use crate::clock::Plausible;
use crate::config;
use crate::credentials::{OpaqueKey, Pepper};
use crate::data_dir::{DataDir, DataDirError};
use crate::failure::Failure;
use crate::names::NameSeed;
use crate::ports::listen::Listen;
use crate::remedy::move_secret_away;
use crate::secrets::{AUDIT_KEY_FACT, read_audit_key};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use thiserror::Error;
use vestry_protocol::UnixSeconds;
use vestry_protocol::typed::vestryd;
use vestry_store::{ChainKey, NewOperator, Party, Store, StoreError, StoreLimits, WriteTx};
use vestry_tls::private_file::Shown;
use vestry_tls::{CertsDir, FileError, Hosts, OperatorCertificate, TlsError, Validity, private_file};
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
    /// Of what was last written down of the audit.
    #[error(transparent)]
    AuditHead(#[from] AuditHeadError),
    /// Of the data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Of the operators' rows.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// A file of secrets is damaged.
    #[error("{0} is damaged; restore it from a backup: without it no password can be verified")]
    SecretDamaged(String),
    /// There is a database, but one of its secrets is gone.
    #[error(
        "{0} is missing, but there is a database; restore it from a backup: without it no password can be verified"
    )]
    SecretLost(String),
    /// The key of the audit chain is gone or damaged; only the audit needs it.
    #[error(
        "{} is missing or damaged, and the audit cannot go on without it; restore it from a backup, or seal what is there and begin anew: {}{}",
        Shown(.0),
        move_secret_away(.0),
        vestryd("audit rekey")
    )]
    AuditKeyLost(PathBuf),
    /// There is a key where a new one is to be made.
    #[error("{0} is in place; move it away first, if you are sure that it is of no use any more")]
    AuditKeyInPlace(String),
    /// The database belongs to other secrets.
    #[error(
        "{0} is not the one that this database was made with; restore the right one, or the database that fits"
    )]
    SecretOfAnother(&'static str),
    /// Records move to a key whose file is gone.
    #[error(
        "{0} is missing, but password records were moved to it; restore it from a backup: without it their accounts cannot log in"
    )]
    SecretMissing(&'static str),
    /// The file of a secret that took over could not be put in its place.
    #[error("{path} could not be replaced: {cause}")]
    NotReplaced {
        /// The file.
        path: String,
        /// Why not.
        cause: std::io::Error,
    },
    /// Records are moving to a new OPAQUE key already.
    #[error(
        "password records are moving to a new OPAQUE key already; {left} are left. End that first: {}",
        vestryd("secrets finish opaque")
    )]
    RotationUnderWay {
        /// Records that have not moved.
        left: u64,
    },
    /// No records are moving.
    #[error(
        "there is nothing to finish: no OPAQUE key is being replaced. Begin with: {}",
        vestryd("secrets rotate opaque")
    )]
    NoRotation,
    /// Ending a rotation takes passwords away, and how many was not said.
    #[error(
        "{left} accounts have not logged in since the new OPAQUE key was made. Without the old one they have no password, and need a one-time code. To end it all the same: {}",
        vestryd(format!("secrets finish opaque --without {left}"))
    )]
    RecordsLeft {
        /// Records that have not moved.
        left: u64,
    },
    /// An imported hash could not be opened with the pepper.
    #[error(
        "an imported password hash is damaged, so that nothing was sealed anew; look with: {}",
        vestryd("check")
    )]
    ImportedHashDamaged,
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
    make_secret(plan, &plan.data_dir.pepper(), "pepper", new_pepper, &mut made)?;
    make_secret(plan, &plan.data_dir.opaque_key(), "OPAQUE key", new_opaque_key, &mut made)?;
    make_secret(plan, &plan.data_dir.names_seed(), "seed of names", new_names_seed, &mut made)?;
    make_audit_key(&plan.data_dir, &mut made)?;
    make_database(plan, &certs, &mut made).await?;
    let settings = plan.data_dir.config_file();
    if !settings.exists() {
        let text = config::template(&plan.listen, plan.admin_listen, &plan.hosts, plan.certs_dir.as_deref());
        private_file::create(&settings, text.as_bytes())?;
        made.push(format!("settings                {}", settings.display()));
    }
    Ok(made)
}

fn make_certificates(plan: &Plan, certs: &CertsDir, made: &mut Vec<String>) -> Result<(), SetupError> {
    private_file::create_dir(certs.path())?;
    let valid_for = |days| Validity { not_before: plan.now.seconds(), days };
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

/// Makes a file of secrets that is not in the database, unless there is a database already: then it is lost, and a
/// new one would make every credential useless without a word.
fn make_secret(
    plan: &Plan,
    path: &Path,
    what: &str,
    generate: fn() -> Result<Zeroizing<Vec<u8>>, SetupError>,
    made: &mut Vec<String>,
) -> Result<(), SetupError> {
    if path.exists() {
        return Ok(());
    }
    if plan.data_dir.database().exists() {
        return Err(SetupError::SecretLost(path.display().to_string()));
    }
    private_file::create(path, &generate()?)?;
    made.push(format!("{what:<23} {}", path.display()));
    Ok(())
}

pub(crate) fn new_pepper() -> Result<Zeroizing<Vec<u8>>, SetupError> {
    random_bytes(Pepper::BYTES)
}

fn new_names_seed() -> Result<Zeroizing<Vec<u8>>, SetupError> {
    random_bytes(NameSeed::BYTES)
}

pub(crate) fn random_bytes(count: usize) -> Result<Zeroizing<Vec<u8>>, SetupError> {
    let mut bytes = Zeroizing::new(vec![0; count]);
    getrandom::fill(&mut bytes).map_err(|_| SetupError::NoRandomness)?;
    Ok(bytes)
}

pub(crate) fn new_opaque_key() -> Result<Zeroizing<Vec<u8>>, SetupError> {
    Ok(OpaqueKey::generate()?)
}

/// Makes the key of the audit chain, unless there is a database already: then it is lost.
fn make_audit_key(data_dir: &DataDir, made: &mut Vec<String>) -> Result<(), SetupError> {
    let path = data_dir.audit_key();
    if path.exists() {
        return Ok(());
    }
    if data_dir.database().exists() {
        return Err(SetupError::AuditKeyLost(path));
    }
    create_audit_key(&path)?;
    made.push(format!("{:<23} {}", "audit key", path.display()));
    Ok(())
}

/// Makes a new key of an audit chain.
///
/// # Errors
/// When there is one.
pub fn create_audit_key(path: &Path) -> Result<(), SetupError> {
    Ok(private_file::create(path, &random_bytes(ChainKey::BYTES)?)?)
}

/// Begins a new audit chain under the key that the database was opened with; what is there is sealed as it is found.
///
/// # Errors
/// When the store does.
pub fn rekey_audit_chain(
    tx: &WriteTx<'_>,
    by: &Actor<'_>,
    key: &ChainKey,
    now: Plausible,
) -> Result<u64, StoreError> {
    let sealed = tx.begin_audit_chain()?;
    let detail = format!("{sealed} earlier events are sealed as they were found");
    let noted = by.note(tx, now.seconds(), Action::AuditRekeyed, Party::Text(&key.id()), &detail)?;
    tx.replace_fact(&noted, AUDIT_KEY_FACT, &key.id())?;
    Ok(sealed)
}

async fn make_database(plan: &Plan, certs: &CertsDir, made: &mut Vec<String>) -> Result<(), SetupError> {
    let path = plan.data_dir.database();
    if path.exists() {
        return Ok(());
    }
    let chain = read_audit_key(&plan.data_dir.audit_key())?;
    Store::create(&path, &chain)?;
    let store = Store::open(&path, StoreLimits::default(), chain)?;
    enrol(&store, certs.operators()?, plan.now.seconds()).await?;
    write_audit_head(&plan.data_dir, &store).await?;
    store.close().await;
    made.push(format!("database                {}", path.display()));
    Ok(())
}

async fn write_audit_head(data_dir: &DataDir, store: &Store) -> Result<(), SetupError> {
    let key = store.chain().clone();
    // On the only connection that is closed before the process goes on: a reader would leave its log behind.
    if let Some(known) = store.write(move |tx| newest(tx, &key)).await? {
        head::write(&data_dir.audit_head(), &AuditHead::of(0, known))?;
    }
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
    store.write(move |tx| enrol_in(tx, &certificates, now)).await
}

/// As [`enrol`], in a transaction of the caller's.
///
/// # Errors
/// When the store does.
pub fn enrol_in(
    tx: &WriteTx<'_>,
    certificates: &[OperatorCertificate],
    now: UnixSeconds,
) -> Result<(), Failure> {
    for certificate in certificates {
        let pin = certificate.pin.to_string();
        if tx.operator(&pin)?.is_some() {
            continue;
        }
        let operator = Party::Text(&certificate.name);
        let noted = Actor::server().note(tx, now, Action::OperatorEnrolled, operator, &pin)?;
        let (name, role) = (certificate.name.as_str(), certificate.role.as_str());
        tx.insert_operator(&noted, &NewOperator { pin: &pin, name, role, created: now })?;
    }
    Ok(())
}
