//! What to type when a file of the data directory is gone, damaged or past its date. Each remedy is whole: what has to be moved away
//! first is moved by it, and it works as it is written.

use std::path::{Path, PathBuf};
use vestry_protocol::typed::{quoted, vestryd};
use vestry_tls::{CertsDir, FileError, OperatorCertificate, TlsError, pem_file};

fn word(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// The beginning of a command that goes on when `path` was moved into `folder`; nothing where nothing is. What stays among the
/// certificates or the secrets would be taken for one of them.
fn move_away(path: &Path, folder: &Path) -> String {
    if path.symlink_metadata().is_err() {
        return String::new();
    }
    let named = |suffix: &str| {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(suffix);
        folder.join(name)
    };
    let numbered = (2..1000).map(|number| named(&format!(".old{number}")));
    let is_free = |path: &PathBuf| path.symlink_metadata().is_err();
    let free = std::iter::once(named(".old")).chain(numbered).find(is_free).unwrap_or_else(|| named(".old"));
    format!("mv {} {} && ", word(path), word(&free))
}

/// The same for a secret.
pub(crate) fn move_secret_away(path: &Path) -> String {
    let folder = path.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    move_away(path, folder)
}

fn beside(certs: &CertsDir) -> &Path {
    certs.path().parent().unwrap_or(Path::new("."))
}

/// A new CA, with a new certificate for the server and the first operator.
pub(crate) fn new_authority(certs: &CertsDir) -> String {
    format!(
        "make a new CA, restart vestryd, and have every user join again: {}{}",
        move_away(certs.path(), beside(certs)),
        vestryd("init")
    )
}

/// A new certificate for an operator, in place of the old one.
pub(crate) fn new_operator(certs: &CertsDir, name: &str, role: &str) -> String {
    let (certificate, key) = (certs.operator_certificate(name), certs.operator_key(name));
    format!(
        "{}{}{}",
        move_away(&certificate, beside(certs)),
        move_away(&key, beside(certs)),
        vestryd("certs operator").arg(name).arg("--role").arg(role)
    )
}

/// What to do when a certificate or a key cannot be used.
pub(crate) fn for_certificates(certs: &CertsDir, error: &TlsError) -> Option<String> {
    match error {
        TlsError::Missing(path) | TlsError::Damaged { path, .. } => remake(certs, path),
        TlsError::AuthorityEnded(_) => Some(new_authority(certs)),
        TlsError::File(FileError::Missing(path)) => remake(certs, path),
        TlsError::File(_)
        | TlsError::AlreadyThere(_)
        | TlsError::NotACertificate(_)
        | TlsError::MismatchedKey
        | TlsError::NotAnOperator(_)
        | TlsError::BadHost(_)
        | TlsError::NoHost
        | TlsError::BadOperatorName(_)
        | TlsError::BadValidity { .. }
        | TlsError::Making(_)
        | TlsError::Random(_)
        | TlsError::Setup(_)
        | TlsError::Verifier(_) => None,
    }
}

fn remake(certs: &CertsDir, path: &Path) -> Option<String> {
    if [certs.ca_certificate(), certs.ca_key()].iter().any(|file| file == path) {
        return Some(format!("put it back from a backup. Without one, {}", new_authority(certs)));
    }
    let (certificate, key) = (certs.server_certificate(), certs.server_key());
    if [&certificate, &key].iter().any(|file| *file == path) {
        return Some(format!(
            "put it back from a backup, or make a new one, which users do not notice: {}{}{}",
            move_away(&certificate, beside(certs)),
            move_away(&key, beside(certs)),
            vestryd("init")
        ));
    }
    let name = path.file_stem()?.to_str()?;
    let is_of_an_operator =
        [certs.operator_certificate(name), certs.operator_key(name)].iter().any(|file| file == path);
    // The least role, when the certificate does not tell.
    let known = pem_file::read_certificates(&certs.operator_certificate(name)).ok();
    let known = known.and_then(|all| OperatorCertificate::of(all.first()?).ok());
    let role = known.map_or_else(|| "viewer".to_owned(), |known| known.role);
    is_of_an_operator.then(|| format!("make a new one: {}", new_operator(certs, name, &role)))
}
