//! Everything about trust between Vestry's programs: the CA and its leaf certificates, pins and join strings,
//! the TLS configurations of both ports and of both clients, and the private files that keys live in.
//!
//! It never touches a message, a socket, a database or the clock: bytes, paths and times are handed to it, and
//! verifiers read the time through rustls. It is the only crate that links rcgen and that names a rustls builder.
//!
//! Its modules, from the ground up; each imports only from those above it in this table:
//!
//! | module | holds |
//! |---|---|
//! | [`private_file`] | files that only their owner can read |
//! | [`replacement`] | a file whose room is had before its content is known |
//! | [`error`] | what can go wrong, and what to do about it |
//! | [`pem_file`] | certificates and keys as files hold them |
//! | [`pin`] | the pin of a certificate |
//! | [`join`] | the line that a user types to trust a server |
//! | [`facts`] | what a certificate says of itself |
//! | [`host`] | the names of a server, each in one spelling |
//! | [`identity`] | what a server shows of itself, and the key that proves it |
//! | [`verifier`] | trusting a server by its pin |
//! | [`trust`] | why a handshake failed, in kinds that a program can act on |
//! | [`authority`] | making certificates |
//! | [`config`] | the TLS configurations of every port and client |
//! | [`certs_dir`] | the folder that they live in |

pub mod authority;
pub mod certs_dir;
pub mod config;
pub mod error;
pub mod facts;
#[cfg(test)]
mod handshake_tests;
pub mod host;
pub mod identity;
pub mod join;
pub mod pem_file;
pub mod pin;
pub mod private_file;
pub mod replacement;
pub mod trust;
pub mod verifier;

pub use authority::{CertificateAuthority, Issued, Validity};
pub use certs_dir::{CertsDir, Renewal};
pub use config::{Trust, alpn_was_agreed};
pub use error::TlsError;
pub use facts::{CertificateFacts, OperatorCertificate};
pub use host::{Host, Hosts};
pub use identity::ServerIdentity;
pub use join::JoinString;
pub use private_file::FileError;
pub use replacement::Replacement;
pub use trust::TrustFailure;
pub use verifier::PinMismatch;
