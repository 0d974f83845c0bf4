//! Files for what reads files. They are in the folder that `TMPDIR` names; scripts/fuzz.sh makes one in memory and
//! removes it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::OnceLock;
use tempfile::TempDir;

/// A folder of this process.
#[must_use]
pub fn folder() -> &'static TempDir {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().expect("there is a folder for temporary files"))
}

/// A file that only its owner can read, with these bytes.
#[must_use]
pub fn private_file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder().path().join(name);
    fs::write(&path, bytes).expect("a scratch file can be written");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("it is ours");
    path
}
