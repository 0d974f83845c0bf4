//! Certificates and keys as files hold them: PEM in, DER out. Every defect is an error that names its file.

use crate::error::TlsError;
use crate::private_file::{self, FileError};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use zeroize::Zeroizing;

/// Every certificate in a file, at least one, each of them readable.
///
/// # Errors
/// When the file is missing, unreadable or damaged.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = private_file::read_public(path).map_err(missing_is_named)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let certificates = certificates.map_err(|_| damaged(path, "its PEM is broken"))?;
    if certificates.is_empty() {
        return Err(damaged(path, "it holds no certificate"));
    }
    for certificate in &certificates {
        webpki::EndEntityCert::try_from(certificate)
            .map_err(|_| damaged(path, "its certificate is broken"))?;
    }
    Ok(certificates)
}

/// The private key in a file that nobody else can read.
///
/// # Errors
/// When the file is missing, exposed, unreadable or damaged.
pub fn read_private_key(path: &Path) -> Result<Zeroizing<PrivateKeyDer<'static>>, TlsError> {
    let bytes = private_file::read(path).map_err(missing_is_named)?;
    let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| damaged(path, "it holds no private key"))?;
    Ok(Zeroizing::new(key))
}

/// The text of a file that nobody else can read.
pub(crate) fn read_private_text(path: &Path) -> Result<Zeroizing<String>, TlsError> {
    let bytes = private_file::read(path).map_err(missing_is_named)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged(path, "it is not text"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

pub(crate) fn damaged(path: &Path, problem: impl Into<String>) -> TlsError {
    TlsError::Damaged { path: path.to_owned(), problem: problem.into() }
}

fn missing_is_named(error: FileError) -> TlsError {
    match error {
        FileError::Missing(path) => TlsError::Missing(path),
        other @ (FileError::AlreadyThere(_)
        | FileError::Exposed { .. }
        | FileError::Changeable { .. }
        | FileError::OfAnother { .. }
        | FileError::NotAFile(_)
        | FileError::InputOnATerminal
        | FileError::TooLong(_)
        | FileError::System { .. }) => TlsError::File(other),
    }
}
