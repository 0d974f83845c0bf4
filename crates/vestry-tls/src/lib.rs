//! Everything about trust between Vestry's programs: the CA and its leaf certificates, pins and join strings,
//! the TLS configurations of both ports and of both clients, and the private files that keys live in.
//!
//! It never touches a message, a socket, a database or the clock: bytes, paths and times are handed to it, and
//! verifiers read the time through rustls. It is the only crate that links rcgen and that names a rustls builder.
//!
//! | room | holds |
//! |---|---|
//! | [`private_file`] | files that only their owner can read |
//! | [`pem_file`] | certificates and keys as files hold them |
//! | [`pin`] | the fingerprint of a public key |
//! | [`host`] | the names of a server, each in one spelling |
//! | [`join`] | the line that a user types to trust a server |
//! | [`authority`] | making certificates |
//! | [`certs_dir`] | the folder that they live in |
//! | [`facts`] | what a certificate says of itself |
//! | [`config`] | the TLS configurations of every port and client |
//! | [`verifier`] | trusting a server by its pin |
//! | [`trust`] | why a handshake failed, in kinds that a program can act on |

pub mod authority;
pub mod certs_dir;
pub mod config;
mod error;
pub mod facts;
#[cfg(test)]
mod handshake_tests;
pub mod host;
pub mod join;
pub mod pem_file;
pub mod pin;
pub mod private_file;
pub mod trust;
pub mod verifier;

pub use authority::{CertificateAuthority, Issued, Validity};
pub use certs_dir::{CertsDir, Renewal, ServerIdentity};
pub use config::{Trust, alpn_was_agreed};
pub use error::TlsError;
pub use facts::{CertificateFacts, OperatorCertificate};
pub use host::{Host, Hosts};
pub use join::JoinString;
pub use pin::Pin;
pub use private_file::FileError;
pub use trust::TrustFailure;
pub use verifier::PinMismatch;
