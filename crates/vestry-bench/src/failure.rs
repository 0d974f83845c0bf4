//! Why a measurement could not be made. What a server refuses during one is counted instead (`tally.rs`).

use std::io;
use thiserror::Error;
use vestry_client::wire::WireError;
use vestry_opaque::OpaqueError;
use vestry_server::secrets::error::SetupError;
use vestry_store::StoreError;
use vestry_tls::TlsError;

/// What went wrong.
#[derive(Debug, Error)]
pub enum Failure {
    /// The system refused something.
    #[error("{what}: {cause}")]
    System {
        /// What was tried.
        what: String,
        /// Why not.
        cause: io::Error,
    },
    /// Of a data directory.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Of a database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Of certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Of an OPAQUE exchange.
    #[error("an OPAQUE exchange broke off: {0}")]
    Opaque(#[from] OpaqueError),
    /// Of the admin port.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Anything else, as a sentence.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// A sentence.
    pub fn other(text: impl Into<String>) -> Self {
        Self::Other(text.into())
    }

    /// For `map_err`: says what was tried.
    pub fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |cause| Self::System { what, cause }
    }
}
