//! What can go wrong with certificates, keys and their files, with what to do about it. Never holds a secret.

use crate::private_file::{FileError, Shown};
use rustls::server::VerifierBuilderError;
use std::path::PathBuf;
use thiserror::Error;
use vestry_protocol::UnixSeconds;
use vestry_protocol::count::Count;
use vestry_protocol::escape::Escaped;
use vestry_protocol::random::NoRandomness;

/// Why a certificate, a key or a TLS configuration could not be made or used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Something would have been overwritten.
    #[error("{} is already there and is never overwritten; move it away first if you want a new one", Shown(.0))]
    AlreadyThere(PathBuf),
    /// A certificate or key that has to be there is not.
    #[error("{} is missing", Shown(.0))]
    Missing(PathBuf),
    /// A file is there but does not hold what it should.
    #[error("{} cannot be used: {problem}", Shown(path))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Bytes that should be a certificate are not.
    #[error("this is not a certificate that can be read: {0}")]
    NotACertificate(String),
    /// A key and a certificate do not belong together.
    #[error("the private key does not belong to the certificate; use the pair that was made together")]
    MismatchedKey,
    /// A certificate that does not name an operator.
    #[error("this is not an operator's certificate: {0}")]
    NotAnOperator(&'static str),
    /// A host that no certificate can name.
    #[error("'{}' is not a host name or an IP address; write it as in server.example.org or 192.0.2.1", Escaped(.0))]
    BadHost(String),
    /// A server certificate without a host.
    #[error("a server certificate needs at least one host name or IP address")]
    NoHost,
    /// A name or role that does not fit an operator's certificate.
    #[error(
        "'{}' cannot name an operator or a role; use 1 to 32 of a-z, 0-9, '.', '_' and '-', a letter or digit first",
        Escaped(.0)
    )]
    BadOperatorName(String),
    /// A validity that no certificate can state.
    #[error(
        "a certificate cannot be valid for {}; give at least 1 day, and an end before the year 9999",
        Count::new(*days, "day")
    )]
    BadValidity {
        /// For how long.
        days: u32,
    },
    /// The CA has come to its end: nothing that it signs now is ever valid.
    #[error("the CA ended on {}, and nothing can be signed by it any more", as_date(*.0))]
    AuthorityEnded(UnixSeconds),
    /// The certificate maker failed.
    #[error("the certificate could not be made: {0}")]
    Making(#[from] rcgen::Error),
    /// The system has no random bytes.
    #[error("{0}; nothing was made")]
    Random(#[from] NoRandomness),
    /// rustls did not accept the parts of a configuration.
    #[error("TLS could not be set up: {0}")]
    Setup(#[from] rustls::Error),
    /// rustls did not accept the CA.
    #[error("the CA cannot be used to verify others: {0}")]
    Verifier(#[from] VerifierBuilderError),
}

/// The day of a time, in UTC.
fn as_date(at: UnixSeconds) -> String {
    let date = time::OffsetDateTime::from_unix_timestamp(at.seconds());
    // A number that is no date is still better than none.
    date.map_or_else(|_| at.seconds().to_string(), |date| date.date().to_string())
}
