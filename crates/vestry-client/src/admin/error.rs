//! What can go wrong with a call of the admin port. Never holds a secret.

use crate::sentence::sentence;
use crate::wire::WireError;
use thiserror::Error;
use vestry_protocol::query_fault::QueryFault;
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
    /// The server refused a statement or a condition, and says where it is wrong.
    #[error("{}", sentence(.refusal))]
    RefusedAt {
        /// Why.
        refusal: Refusal,
        /// What is wrong, and where.
        fault: QueryFault,
    },
    /// The server answered another question.
    #[error("the server's answer does not belong to the question")]
    UnexpectedReply,
}
