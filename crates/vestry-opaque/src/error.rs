//! Why a step of OPAQUE could not be done.

use opaque_ke::errors::{InternalError, ProtocolError};
use thiserror::Error;
use vestry_protocol::random::NoRandomness;

/// Why a step could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpaqueError {
    /// The password is wrong, the name has no OPAQUE account, or somebody stands between the two sides. Nobody can
    /// tell which.
    #[error("the name or the password is wrong")]
    NotProven,
    /// The server sent something that is no message of OPAQUE.
    #[error("the server's answer is not one that OPAQUE (RFC 9807) allows")]
    Malformed,
    /// There is no memory to stretch a password in; nothing of it was sent.
    #[error("this machine has too little free memory to stretch a password")]
    NoMemory,
    /// The server's cost takes more memory than was had before the exchange began, and the rest could not be had.
    #[error(
        "the server has the password stretched in more memory than this machine has free; what was begun is not \
         finished, and nothing was changed"
    )]
    NotStretched,
    /// The system has no random bytes.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl From<ProtocolError> for OpaqueError {
    fn from(error: ProtocolError) -> Self {
        match error {
            ProtocolError::InvalidLoginError => Self::NotProven,
            ProtocolError::LibraryError(InternalError::KsfError) => Self::NotStretched,
            ProtocolError::LibraryError(_)
            | ProtocolError::SerializationError
            | ProtocolError::SizeError { .. }
            | ProtocolError::ReflectedValueError => Self::Malformed,
            ProtocolError::Custom(never) => match never {},
        }
    }
}
