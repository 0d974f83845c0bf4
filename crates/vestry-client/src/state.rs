//! The files of a user: the sessions that are open, the devices that are remembered, and the accounts whose
//! passwords are never sent.
//!
//! Every file is private and replaced whole. The environment is handed in, so that nothing here depends on it; the
//! network is never touched.

mod account_files;
mod devices;
mod folders;
mod opaque_accounts;
mod sessions;
mod witnesses;

pub use devices::DeviceTokens;
pub use folders::Folders;
pub use opaque_accounts::{NotKnownAsOpaque, OpaqueAccounts};
pub use sessions::{Lifetime, SavedSession, Sessions};
pub use witnesses::Witnesses;

use crate::address::Address;
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
    /// The folder for sessions could be read by others, or is theirs.
    #[error("{} is not a folder that only you can read (mode 0700); remove it, or set XDG_RUNTIME_DIR to a folder of yours",
            Shown(.0))]
    UnsafeFolder(PathBuf),
    /// A session file is not one.
    #[error("{} does not hold a session; remove it and log in again", Shown(.0))]
    DamagedSession(PathBuf),
}

/// The name of a server's files: no character of a host or a port needs another spelling in a path.
fn file_stem(server: &Address) -> String {
    format!("{}_{}", server.host(), server.port())
}
