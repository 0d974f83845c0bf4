//! The folder that certificates live in: `ca.pem ca.key server.pem server.key operators/NAME.pem operators/NAME.key`.
//!
//! Nothing in it is ever overwritten, but for the server's certificate when it is renewed. Keys are private from
//! their first byte; certificates are not secret and may be read by whoever reaches the folder.

use crate::authority::{CertificateAuthority, Issued, Validity};
use crate::config::{certify, name_file};
use crate::error::TlsError;
use crate::facts::{CertificateFacts, OperatorCertificate, is_operator_word, not_after_of, not_before_of};
use crate::host::Hosts;
use crate::identity::ServerIdentity;
use crate::pem_file::{damaged, read_certificates, read_private_key, read_private_text};
use crate::pin;
use crate::private_file::{self, FileError};
use rustls::pki_types::CertificateDer;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vestry_protocol::{Pin, UnixSeconds};

/// Certificates are public; only their owner changes them.
const CERTIFICATE_MODE: u32 = 0o644;

/// A certificate for the server that is made and not yet in place.
#[derive(Debug)]
pub struct Renewal {
    path: PathBuf,
    certificate_pem: String,
}

impl Renewal {
    /// Replaces the certificate by it.
    ///
    /// # Errors
    /// When the file cannot be written; then the old one is as it was.
    pub fn put_in_place(self) -> Result<(), TlsError> {
        Ok(private_file::replace_with_mode(&self.path, self.certificate_pem.as_bytes(), CERTIFICATE_MODE)?)
    }
}

/// A folder of certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertsDir(PathBuf);

impl CertsDir {
    /// The folder at `path`, which need not be there yet.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The CA's certificate.
    #[must_use]
    pub fn ca_certificate(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    /// The CA's key.
    #[must_use]
    pub fn ca_key(&self) -> PathBuf {
        self.0.join("ca.key")
    }

    /// The server's certificate.
    #[must_use]
    pub fn server_certificate(&self) -> PathBuf {
        self.0.join("server.pem")
    }

    /// The server's key.
    #[must_use]
    pub fn server_key(&self) -> PathBuf {
        self.0.join("server.key")
    }

    /// An operator's certificate. The name is not checked here.
    #[must_use]
    pub fn operator_certificate(&self, name: &str) -> PathBuf {
        self.operators_dir().join(format!("{name}.pem"))
    }

    /// An operator's key. The name is not checked here.
    #[must_use]
    pub fn operator_key(&self, name: &str) -> PathBuf {
        self.operators_dir().join(format!("{name}.key"))
    }

    fn operators_dir(&self) -> PathBuf {
        self.0.join("operators")
    }

    /// Makes the CA.
    ///
    /// # Errors
    /// When there is one, the validity is impossible, or a file cannot be written.
    pub fn create_authority(&self, name: &str, validity: Validity) -> Result<CertificateAuthority, TlsError> {
        let (certificate, key) = (self.ca_certificate(), self.ca_key());
        refuse_existing([&certificate, &key])?;
        let (authority, issued) = CertificateAuthority::create(name, validity)?;
        write_pair(&certificate, &key, &issued)?;
        Ok(authority)
    }

    /// Makes the server's certificate.
    ///
    /// # Errors
    /// When there is one, there is no CA, or a file cannot be written.
    pub fn create_server(&self, hosts: &Hosts, validity: Validity) -> Result<(), TlsError> {
        let (certificate, key) = (self.server_certificate(), self.server_key());
        refuse_existing([&certificate, &key])?;
        write_pair(&certificate, &key, &self.load_authority()?.issue_server(hosts, validity)?)
    }

    /// Makes an operator's certificate.
    ///
    /// # Errors
    /// When the operator has one, there is no CA, the name or role is impossible, or a file cannot be written.
    pub fn create_operator(&self, name: &str, role: &str, validity: Validity) -> Result<(), TlsError> {
        // Before the name becomes a path.
        if !is_operator_word(name) {
            return Err(TlsError::BadOperatorName(name.to_owned()));
        }
        let (certificate, key) = (self.operator_certificate(name), self.operator_key(name));
        refuse_existing([&certificate, &key])?;
        write_pair(&certificate, &key, &self.load_authority()?.issue_operator(name, role, validity)?)
    }

    /// Makes a new certificate for the server, and puts it in place.
    ///
    /// # Errors
    /// As [`CertsDir::prepare_renewal`], or when the file cannot be written.
    pub fn renew_server(&self, hosts: &Hosts, validity: Validity) -> Result<(), TlsError> {
        self.prepare_renewal(hosts, validity)?.put_in_place()
    }

    /// Makes a new certificate for the server, and changes nothing yet.
    ///
    /// The key stays: one file is replaced in one step, so that no crash can leave a certificate beside a key that
    /// is not its own.
    ///
    /// # Errors
    /// When there is no CA or no certificate to renew, or the validity is impossible.
    pub fn prepare_renewal(&self, hosts: &Hosts, validity: Validity) -> Result<Renewal, TlsError> {
        let path = self.server_certificate();
        read_one(&path)?;
        let key = read_private_text(&self.server_key())?;
        let renewed = self.load_authority()?.renew_server(&key, hosts, validity);
        let renewed = renewed.map_err(|error| name_broken_key(error, &self.server_key()))?;
        Ok(Renewal { path, certificate_pem: renewed.certificate_pem })
    }

    /// The hosts that the server's certificate names. Needs no key.
    ///
    /// # Errors
    /// When the certificate is missing or damaged, or names none.
    pub fn server_hosts(&self) -> Result<Hosts, TlsError> {
        let path = self.server_certificate();
        Hosts::of_certificate(&CertificateFacts::of(&path, &read_one(&path)?)?)
    }

    /// What the server shows and proves itself with: its certificate, then its CA.
    ///
    /// # Errors
    /// When a file is missing, damaged or exposed, or the key is not that of the certificate.
    pub fn load_server(&self) -> Result<ServerIdentity, TlsError> {
        let authority = read_one(&self.ca_certificate())?;
        let mut chain = read_certificates(&self.server_certificate())?;
        let hosts = self.server_hosts().ok();
        let not_before = chain.first().map_or(Ok(UnixSeconds::default()), not_before_of)?;
        let not_after = chain.first().map_or(Ok(UnixSeconds::default()), not_after_of)?;
        if !chain.contains(&authority) {
            chain.push(authority.clone());
        }
        let key = read_private_key(&self.server_key())?;
        let certified = certify(chain, &key).map_err(|error| name_file(error, &self.server_key()))?;
        let authority_pin = pin::of_certificate(&authority)?;
        let (authority_not_after, certified) = (not_after_of(&authority)?, Arc::new(certified));
        Ok(ServerIdentity {
            certified,
            authority,
            authority_pin,
            authority_not_after,
            hosts,
            not_before,
            not_after,
        })
    }

    /// The CA with its key.
    ///
    /// # Errors
    /// When a file is missing, damaged or exposed, or the two do not belong together.
    pub fn load_authority(&self) -> Result<CertificateAuthority, TlsError> {
        let path = self.ca_certificate();
        read_one(&path)?;
        let certificate = private_file::read_public(&path)?;
        let certificate = String::from_utf8_lossy(&certificate);
        let key = read_private_text(&self.ca_key())?;
        let authority = CertificateAuthority::from_pem(&certificate, &key);
        authority.map_err(|error| match error {
            TlsError::NotACertificate(problem) => damaged(&path, problem),
            TlsError::MismatchedKey => damaged(&self.ca_key(), "it is not the key of ca.pem"),
            error => name_broken_key(error, &self.ca_key()),
        })
    }

    /// The pin that clients know this CA by. Needs no key.
    ///
    /// # Errors
    /// When the CA's certificate is missing or damaged.
    pub fn authority_pin(&self) -> Result<Pin, TlsError> {
        pin::of_certificate(&read_one(&self.ca_certificate())?)
    }

    /// Every operator who has a certificate here, by name.
    ///
    /// # Errors
    /// When a certificate is damaged or names no operator.
    pub fn operators(&self) -> Result<Vec<OperatorCertificate>, TlsError> {
        let read = |path: PathBuf| {
            let operator = OperatorCertificate::of(&read_one(&path)?);
            operator.map_err(|error| damaged(&path, error.to_string()))
        };
        self.operator_files()?.into_iter().map(read).collect()
    }

    /// What every certificate here says of itself: the CA, the server, then the operators by name. A certificate
    /// that is not there is left out.
    ///
    /// # Errors
    /// When a certificate is damaged.
    pub fn describe(&self) -> Result<Vec<CertificateFacts>, TlsError> {
        let mut paths = vec![self.ca_certificate(), self.server_certificate()];
        paths.retain(|path| path.exists());
        paths.extend(self.operator_files()?);
        let describe = |path: PathBuf| CertificateFacts::of(&path, &read_one(&path)?);
        paths.into_iter().map(describe).collect()
    }

    /// Refuses every private key here that others could have read or changed: the CA's, the server's, the operators'.
    ///
    /// # Errors
    /// With the first that is exposed, or a folder that cannot be listed.
    pub fn refuse_exposed_keys(&self) -> Result<(), TlsError> {
        for folder in [self.path().to_owned(), self.operators_dir()] {
            for key in files_of_kind(&folder, "key")? {
                private_file::refuse_exposed(&key)?;
            }
        }
        Ok(())
    }

    fn operator_files(&self) -> Result<Vec<PathBuf>, TlsError> {
        files_of_kind(&self.operators_dir(), "pem")
    }
}

/// The files of a folder whose names end in `.kind`, sorted; none where there is no folder.
fn files_of_kind(folder: &Path, kind: &str) -> Result<Vec<PathBuf>, TlsError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let unreadable = |source| FileError::System { path: folder.to_owned(), action: "listed", source };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|found| found.path())).collect();
    let mut paths = paths.map_err(unreadable)?;
    paths.retain(|path| path.extension() == Some(OsStr::new(kind)));
    paths.sort();
    Ok(paths)
}

/// The first certificate of a file.
fn read_one(path: &Path) -> Result<CertificateDer<'static>, TlsError> {
    let first = read_certificates(path)?.into_iter().next();
    first.ok_or_else(|| damaged(path, "it holds no certificate"))
}

fn name_broken_key(error: TlsError, key: &Path) -> TlsError {
    match matches!(error, TlsError::Making(_)) {
        true => damaged(key, "it holds no private key that can be used"),
        false => error,
    }
}

/// Both are looked for before either is made, so that a refusal changes nothing.
fn refuse_existing(paths: [&Path; 2]) -> Result<(), TlsError> {
    let found = paths.into_iter().find(|path| path.symlink_metadata().is_ok());
    found.map_or(Ok(()), |path| Err(TlsError::AlreadyThere(path.to_owned())))
}

/// The key first: a key without a certificate is found missing, a certificate without a key would look whole.
fn write_pair(certificate: &Path, key: &Path, issued: &Issued) -> Result<(), TlsError> {
    if let Some(folder) = key.parent() {
        private_file::create_dir(folder)?;
    }
    private_file::create(key, issued.key_pem.as_bytes()).map_err(already_there)?;
    let written =
        private_file::create_with_mode(certificate, issued.certificate_pem.as_bytes(), CERTIFICATE_MODE);
    if written.is_err() {
        // Without its certificate the new key is worth nothing and would stand in the way of the next try.
        let _ = std::fs::remove_file(key);
    }
    written.map_err(already_there)?;
    Ok(private_file::sync_directory_of(certificate)?)
}

fn already_there(error: FileError) -> TlsError {
    match error {
        FileError::AlreadyThere(path) => TlsError::AlreadyThere(path),
        other @ (FileError::Missing(_)
        | FileError::Exposed { .. }
        | FileError::Changeable { .. }
        | FileError::OfAnother { .. }
        | FileError::InputOnATerminal
        | FileError::NotAFile(_)
        | FileError::TooLong(_)
        | FileError::System { .. }) => TlsError::File(other),
    }
}

#[cfg(test)]
mod tests;
