//! Making secrets, each in a new file.

use super::error::SetupError;
use super::kind::SecretKind;
use crate::data_dir::DataDir;
use std::path::Path;
use vestry_tls::private_file;

/// Makes the file of a secret that is not there, unless there is a database already: then it is lost, and a new one would make
/// every credential useless without a word. Returns whether it was made.
///
/// # Errors
/// When it is lost, or cannot be made.
pub fn make_secret(data_dir: &DataDir, kind: SecretKind) -> Result<bool, SetupError> {
    let path = data_dir.path().join(kind.fact());
    if path.exists() {
        return Ok(false);
    }
    if data_dir.database().exists() {
        return Err(match kind {
            SecretKind::AuditKey => SetupError::AuditKeyLost(path),
            SecretKind::Pepper | SecretKind::OpaqueKey | SecretKind::NamesSeed => {
                SetupError::SecretLost(path.display().to_string())
            }
        });
    }
    create_secret(&path, kind)?;
    Ok(true)
}

/// Makes a new secret in a file that must not be there.
///
/// # Errors
/// When there is one, or the system has no random bytes.
pub fn create_secret(path: &Path, kind: SecretKind) -> Result<(), SetupError> {
    Ok(private_file::create(path, &kind.generate()?)?)
}
