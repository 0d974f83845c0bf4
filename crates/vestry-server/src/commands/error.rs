//! Why a command did not do what was asked.

use crate::backup::error::BackupError;
use crate::clock::ImplausibleClock;
use crate::config::ConfigError;
use crate::data_dir::DataDirError;
use crate::process::as_owner::NotTheOwner;
use crate::remedy::for_certificates;
use crate::run::ServeError;
use crate::secrets::error::SetupError;
use std::net::SocketAddr;
use std::path::PathBuf;
use thiserror::Error;
use vestry_protocol::count::Count;
use vestry_protocol::typed::{vestryctl, vestryd};
use vestry_seal::{NewFileError, NotAPassphrase};
use vestry_store::StoreError;
use vestry_store::query::QueryError;
use vestry_tls::private_file::Shown;
use vestry_tls::{CertsDir, Host, Hosts, TlsError};

/// Why a command did not do what was asked.
#[derive(Debug, Error)]
pub(super) enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Owner(#[from] NotTheOwner),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Clock(#[from] ImplausibleClock),
    #[error("the server certificate ended on {until} and cannot be renewed: {cause}")]
    CertificateEnded { until: String, cause: TlsError },
    #[error(
        "{} has the hosts {known}, and not {host}; to add it there and to the certificate: {}",
        Shown(file),
        vestryd("certs renew --host").arg(host.as_str())
    )]
    OtherHosts { host: Host, known: Hosts, file: PathBuf },
    #[error("{host} is not one of the server's hosts, which are {known}; nothing was changed")]
    NotAHostOfOurs { host: Host, known: Hosts },
    #[error("at least one host must stay; give another one with --host; nothing was changed")]
    NoHostLeft,
    #[error("cannot listen on {address}: {cause}; is another server there? `--{flag}` picks another address")]
    Bind { address: SocketAddr, cause: std::io::Error, flag: &'static str },
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    NewFile(#[from] NewFileError),
    #[error(transparent)]
    Passphrase(#[from] NotAPassphrase),
    #[error("{0}")]
    System(#[from] std::io::Error),
    /// What was done before is done; the line would have told it.
    #[error("the answer could not be written: {cause}; it was: {line}")]
    Unwritten { line: String, cause: std::io::Error },
    #[error("{0}")]
    Usage(String),
    #[error(
        "{}; look since when with the checkpoints in the log, while the server runs: {}",
        .0,
        vestryctl("audit verify --checkpoint ID:HEX")
    )]
    Audit(vestry_protocol::item::Open<vestry_protocol::audit::AuditFault>),
    #[error("{}; when you put this database back yourself, stop the server and run: {}", .0, vestryd("audit accept"))]
    PutBack(vestry_protocol::item::Open<vestry_protocol::audit::AuditFault>),
    #[error(
        "{number} cannot be read, and no password is right there: {names}. A new password mends each; while the server runs, a code for one: {}",
        vestryctl("account reset NAME")
    )]
    DamagedRecords { number: usize, names: String },
    #[error(
        "{} lost from the audit. To go on from here: {}",
        are(*missing),
        vestryd(format!("audit accept --lost {missing}"))
    )]
    EventsLost { missing: i64 },
    #[error("the audit has no newest event that its key knows; look with: {}", vestryd("check"))]
    NoAuditHead,
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("{0} of the checks failed")]
    ChecksFailed(usize),
}

impl CommandError {
    /// What happened, and what to type where that is a matter of certificates.
    pub(super) fn with_remedy(&self, certs: Option<&CertsDir>) -> String {
        let cause = match self {
            Self::Tls(cause) | Self::Setup(SetupError::Tls(cause)) | Self::CertificateEnded { cause, .. } => {
                Some(cause)
            }
            _ => None,
        };
        match certs.zip(cause).and_then(|(certs, cause)| for_certificates(certs, cause)) {
            Some(remedy) => format!("{self}; {remedy}"),
            None => self.to_string(),
        }
    }
}

/// So many events, and their verb.
fn are(events: i64) -> String {
    let events = Count::new(events, "event");
    format!("{events} {}", events.is())
}
