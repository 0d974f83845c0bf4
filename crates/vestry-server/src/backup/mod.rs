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
pub mod error;
mod kind;
mod manifest;
mod placing;
pub mod restore;
mod room;
mod unpack;

#[cfg(feature = "fuzzing")]
use error::BackupError;
#[cfg(feature = "fuzzing")]
use std::io;
#[cfg(feature = "fuzzing")]
use std::path::Path;

/// What the fuzz target of archives sees of this folder (docs/FUZZING.md): unpacks an archive into an empty folder.
///
/// # Errors
/// When it is no backup, or not a whole one.
#[cfg(feature = "fuzzing")]
pub fn unpack_archive(input: impl io::Read, into: &Path) -> Result<(), BackupError> {
    unpack::unpack(input, into).map(drop)
}
