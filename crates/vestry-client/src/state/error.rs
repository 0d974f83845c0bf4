//! Why the files of a user could not be used.

use std::path::PathBuf;
use thiserror::Error;
use vestry_tls::FileError;
use vestry_tls::private_file::Shown;

/// Why the files of a user could not be used.
#[derive(Debug, Error)]
pub enum StateError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Neither of the variables that say where files belong is set.
    #[error(
        "it is not clear where your files belong: neither {0} nor HOME is set; set one of them to a folder of yours"
    )]
    NoHome(&'static str),
    /// The folder for sessions could be read by others.
    #[error("{} is not a folder that only you can read (mode 0700)", Shown(.0))]
    UnsafeFolder(PathBuf),
    /// Something else is where a folder belongs.
    #[error("{} is not a folder", Shown(path))]
    NotAFolder {
        /// What is there.
        path: PathBuf,
        /// Whether it is a file or a link, which can be moved away.
        is_movable: bool,
    },
    /// A folder on the way to a file does not let this user in, or change what it holds.
    #[error("{error}")]
    ClosedFolder {
        /// The folder.
        folder: PathBuf,
        /// Whether it belongs to this user, who can open it then.
        is_own: bool,
        /// What could not be done.
        error: FileError,
    },
    /// The folder for sessions cannot be made or reached.
    #[error("there is no place for your session: {problem}")]
    NoRuntime {
        /// What the system said.
        problem: String,
        /// Whether `XDG_RUNTIME_DIR` names it.
        is_named: bool,
    },
    /// What would be written there, its owner could not use, or change afterwards.
    #[error("{} belongs to another user (number {owner}); nothing was written there", Shown(folder))]
    FolderOfAnother {
        /// The folder.
        folder: PathBuf,
        /// The user's number.
        owner: u32,
    },
}
