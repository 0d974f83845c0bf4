//! What can go wrong with a call of the admin port. Never holds a secret.

use crate::sentence::sentence;
use crate::wire::WireError;
use thiserror::Error;
use vestry_protocol::refusal::Refusal;

/// Why a call was not done, or not certainly done.
#[derive(Debug, Error)]
pub enum AdminError {
    /// The connection.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The server refused.
    #[error("{}", sentence(.0))]
    Refused(Refusal),
    /// The server answered another question.
    #[error("the server's answer does not belong to the question")]
    UnexpectedReply,
}
