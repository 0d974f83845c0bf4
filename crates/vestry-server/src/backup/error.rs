//! Why a backup was not made, or not put back.

use crate::data_dir::DataDirError;
use crate::process::work_folder::WorkFolderError;
use crate::secrets::error::SetupError;
use crate::secrets::kind::{AUDIT_KEY_FACT, NAMES_SEED_FACT, OPAQUE_KEY_FACT, PEPPER_FACT};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;
use vestry_protocol::escape::Escaped;
use vestry_protocol::typed::{quoted, vestryd};
use vestry_seal::{Packed, SealError};
use vestry_store::StoreError;
use vestry_tls::FileError;
use vestry_tls::private_file::Shown;

/// Why a backup was not made, or not put back.
#[derive(Debug, Error)]
pub enum BackupError {
    /// Of the database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Of the secrets.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Of the data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Of a private file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The system refused.
    #[error("{} could not be {action}: {cause}", Shown(path))]
    System {
        /// Which file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why not.
        cause: io::Error,
    },
    /// The backup is to come from standard input, and a person would have to type it.
    #[error("standard input is a terminal; give the path of the backup, or send it in with: - < FILE")]
    InputOnATerminal,
    /// Something lies where only keys and certificates belong.
    #[error("{} is no file that a backup takes; move it away, then try again", Shown(.0))]
    NotTaken(PathBuf),
    /// The data directory's disk is too small.
    #[error(
        "the disk of {} has {free_mib} MiB left, and this needs {needed_mib}; make room, then try again",
        Shown(path)
    )]
    NoRoom {
        /// The folder.
        path: PathBuf,
        /// How much is free.
        free_mib: u64,
        /// How much is needed.
        needed_mib: u64,
    },
    /// The backup could not be written to where it should go.
    #[error("the backup could not be written: {0}")]
    NotWritten(io::Error),
    /// The backup could not be read.
    #[error("the backup could not be read: {0}")]
    NotRead(io::Error),
    /// It is sealed, or not sealed, or not with this passphrase.
    #[error("the backup does not open: {0}")]
    Sealed(SealError),
    /// It is sealed, and there is no passphrase.
    #[error("the backup is encrypted; give the file with its passphrase: --passphrase-file PATH")]
    PassphraseNeeded,
    /// A passphrase was given for a file that is not sealed, which somebody may have put there instead.
    #[error(
        "the backup is not encrypted, so nothing proves that it is yours; if you trust it, leave --passphrase-file out"
    )]
    NotSealed,
    /// What it holds is not what a backup holds.
    #[error("this is not a backup that can be restored: {0}")]
    Unfit(String),
    /// It was packed by another program.
    #[error("this is not a backup that can be restored: it is {}{}", .0.name(), unpacking(*.0))]
    Packed(Packed),
    /// A newer version made it.
    #[error("the backup has format {0}, and this version reads format 1; install a newer Vestry")]
    FormatTooNew(u32),
    /// There is a database already.
    #[error(
        "{0}/vestry.db is there already and is never overwritten; move it away with: mkdir {1}/before-restore && mv {1}/vestry.db* {1}/before-restore/",
        Shown(folder),
        quoted(&folder.to_string_lossy())
    )]
    DatabaseInPlace {
        /// The data directory.
        folder: PathBuf,
    },
    /// The database needs a key that is neither in the backup nor in place.
    #[error(
        "{} is missing, and the backup does not hold it: {}; put it there, then restore again. Nothing was changed",
        Shown(path),
        without(name)
    )]
    SecretMissing {
        /// Where it belongs.
        path: PathBuf,
        /// Which of the secrets.
        name: &'static str,
    },
    /// The key is that of another database.
    #[error(
        "{} is not the key that the database in the backup was made with: {}; put the right one in its place, then restore again. Nothing was changed",
        Shown(path),
        without(name)
    )]
    SecretOfAnother {
        /// The file that was looked at.
        path: PathBuf,
        /// Which of the secrets.
        name: &'static str,
    },
    /// Password records of the backup were made with an OPAQUE key that is not here.
    #[error(
        "{} is not the key that the database in the backup was made with: {records} of its {of} password records need the OPAQUE key {key}, and without it their accounts cannot log in. If that key was replaced (a rotation), take its file from a backup of that time, and restore into an empty data directory with it. Nothing was changed",
        Shown(path)
    )]
    RecordsWithoutKey {
        /// How many.
        records: u64,
        /// Of how many.
        of: u64,
        /// The public name of the key.
        key: String,
        /// The file that was looked at.
        path: PathBuf,
    },
    /// Two keys for one place.
    #[error("{} is in place already and differs from the one in the backup; move the wrong one away, or restore into another folder. Nothing was changed", Shown(.0))]
    SecretDiffers(PathBuf),
}

/// What it means to be without one of the secrets.
/// How to restore what is in it.
fn unpacking(packed: Packed) -> String {
    match packed.unpacker() {
        Some(program) => format!("; unpack it: {program} FILE | {}", vestryd("restore -")),
        None => String::new(),
    }
}

fn without(name: &str) -> &'static str {
    match name {
        OPAQUE_KEY_FACT => "without it nobody with an OPAQUE credential can log in",
        PEPPER_FACT => "without it nobody with an imported password can log in",
        NAMES_SEED_FACT => "without it no account is found by its name again",
        AUDIT_KEY_FACT => "without it the audit cannot go on (if it is lost for good, give --new-audit-key)",
        _ => "without it the database cannot be used",
    }
}

impl From<WorkFolderError> for BackupError {
    fn from(error: WorkFolderError) -> Self {
        let WorkFolderError { path, action, cause } = error;
        Self::System { path, action, cause }
    }
}

impl BackupError {
    pub(super) fn system(path: &Path, action: &'static str, cause: io::Error) -> Self {
        Self::System { path: path.to_owned(), action, cause }
    }

    /// An error of reading: the reason behind it when the seal broke.
    pub(super) fn of_reading(error: io::Error) -> Self {
        match SealError::behind(&error) {
            Some(reason) => Self::Sealed(reason),
            None => Self::NotRead(error),
        }
    }

    pub(super) fn unfit(what: impl std::fmt::Display) -> Self {
        Self::Unfit(Escaped(&what.to_string()).to_string())
    }
}
