//! Backups: the database and what belongs to it in one archive, and the way back.
//!
//! ```text
//! backup.toml    what is in it, of when, and which keys its database needs: always first
//! vestry.db      the database at one moment
//! vestryd.toml   the settings
//! secrets/…      only when asked for, on the server's machine
//! certs/…        likewise
//! ```
//!
//! Nothing is put in place before all of a backup was read, verified and found to fit the keys. How a backup is sealed
//! is `vestry-seal`'s matter; nothing here asks a person or talks to a peer.

pub mod archive;
mod manifest;
mod placing;
pub mod restore;
mod unpack;

use crate::data_dir::DataDirError;
use crate::process::work_folder::WorkFolderError;
use crate::secrets::{AUDIT_KEY_FACT, NAMES_SEED_FACT, OPAQUE_KEY_FACT, PEPPER_FACT};
use crate::setup::SetupError;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;
use vestry_protocol::escape::Escaped;
use vestry_protocol::typed::quoted;
use vestry_seal::SealError;
use vestry_store::StoreError;
use vestry_tls::FileError;
use vestry_tls::private_file::{FILE_BYTES_MAX, Shown};

/// A disk with less room than this beyond what is written could stop the database's own writes.
const ROOM_BYTES_MIN: u64 = 64 * 1024 * 1024;

/// Files are copied in pieces of this size, however large they are.
const COPY_BYTES: usize = 64 * 1024;

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
    fn system(path: &Path, action: &'static str, cause: io::Error) -> Self {
        Self::System { path: path.to_owned(), action, cause }
    }

    /// An error of reading: the reason behind it when the seal broke.
    fn of_reading(error: io::Error) -> Self {
        match SealError::behind(&error) {
            Some(reason) => Self::Sealed(reason),
            None => Self::NotRead(error),
        }
    }

    fn unfit(what: impl std::fmt::Display) -> Self {
        Self::Unfit(Escaped(&what.to_string()).to_string())
    }
}

/// What a file of an archive is. Only these have a place in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Database,
    Settings,
    Secret,
    Certificate,
}

const DATABASE: &str = "vestry.db";
const SETTINGS: &str = "vestryd.toml";

impl Kind {
    /// Judges the name of an entry; `None` for every path that could lead elsewhere.
    fn of(name: &str) -> Option<Self> {
        match name {
            DATABASE => return Some(Self::Database),
            SETTINGS => return Some(Self::Settings),
            _ => {}
        }
        let (folder, file) = name.rsplit_once('/')?;
        match folder {
            "secrets" if is_plain(file) => Some(Self::Secret),
            "certs" | "certs/operators" if is_plain(file) => Some(Self::Certificate),
            _ => None,
        }
    }

    fn bytes_max(self) -> u64 {
        match self {
            Self::Database => u64::MAX,
            Self::Settings | Self::Secret | Self::Certificate => {
                u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX)
            }
        }
    }
}

/// Whether a file name is nothing but a name, and not a hidden one.
fn is_plain(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Refuses to fill the disk that the database has to write to.
fn require_room(folder: &Path, bytes: u64) -> Result<(), BackupError> {
    let disk =
        rustix::fs::statvfs(folder).map_err(|cause| BackupError::system(folder, "examined", cause.into()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let needed = bytes.saturating_add(ROOM_BYTES_MIN);
    if free >= needed {
        return Ok(());
    }
    let mib = |bytes: u64| bytes.div_ceil(1024 * 1024);
    Err(BackupError::NoRoom { path: folder.to_owned(), free_mib: mib(free), needed_mib: mib(needed) })
}

/// What the fuzz target of archives sees of this folder (docs/FUZZING.md): unpacks an archive into an empty folder.
///
/// # Errors
/// When it is no backup, or not a whole one.
#[cfg(feature = "fuzzing")]
pub fn unpack_archive(input: impl io::Read, into: &Path) -> Result<(), BackupError> {
    unpack::unpack(input, into).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_a_place_in_a_data_directory_have_a_kind() {
        let good = [
            ("vestry.db", Kind::Database),
            ("vestryd.toml", Kind::Settings),
            ("secrets/opaque.key", Kind::Secret),
            ("certs/ca.key", Kind::Certificate),
            ("certs/operators/admin.pem", Kind::Certificate),
        ];
        for (name, kind) in good {
            assert_eq!(Kind::of(name), Some(kind), "{name}");
        }
        let bad = [
            "",
            "/",
            "vestry.db-wal",
            "../vestry.db",
            "/vestry.db",
            "./vestry.db",
            "secrets",
            "secrets/",
            "secrets/.",
            "secrets/..",
            "secrets/../x",
            "secrets/a/b",
            "secrets//a",
            "secrets/.hidden",
            "certs/operators/../x",
            "/etc/passwd",
            "secrets/a\0",
            "secrets/a b",
            "secrets/\u{e9}",
            "vestryd.lock",
        ];
        for name in bad {
            assert_eq!(Kind::of(name), None, "{name:?}");
        }
    }

    #[test]
    fn a_disk_without_room_is_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        assert!(require_room(folder.path(), 0).is_ok());
        assert!(matches!(require_room(folder.path(), u64::MAX / 2), Err(BackupError::NoRoom { .. })));
    }
}
