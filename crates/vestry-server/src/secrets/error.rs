//! Why the parts of a server could not be set up, read or replaced.

use crate::audit::head::AuditHeadError;
use crate::data_dir::DataDirError;
use crate::failure::Failure;
use crate::remedy::move_secret_away;
use std::path::PathBuf;
use thiserror::Error;
use vestry_protocol::count::Count;
use vestry_protocol::random::NoRandomness;
use vestry_protocol::typed::vestryd;
use vestry_store::StoreError;
use vestry_tls::private_file::Shown;
use vestry_tls::{FileError, TlsError};

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
        "{} not logged in since the new OPAQUE key was made. Without the old one there is no password, but a one-time code. To end it all the same: {}",
        have(*left),
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
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// So many accounts, and their verb.
fn have(accounts: u64) -> String {
    let accounts = Count::new(accounts, "account");
    format!("{accounts} {}", accounts.has())
}
