//! What can go wrong with a call, split by what a program does about it. Never holds a secret.

use crate::sentence::sentence;
use crate::wire::WireError;
use thiserror::Error;
use vestry_opaque::OpaqueError;
use vestry_protocol::count::Count;
use vestry_protocol::item::Open;
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::user::{Factor, Stretching};

/// Why a call was not done, or not certainly done.
#[derive(Debug, Error)]
pub enum CallError {
    /// The connection.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The server said no.
    #[error("{}", sentence(.0))]
    Refused(Refusal),
    /// The server answered another question.
    #[error("the server's answer does not belong to the question")]
    UnexpectedReply,
    /// The server wants a password to be stretched at a cost that would make it cheap to guess, or burn this machine.
    /// Nothing more was sent.
    #[error(
        "the server asks for {} KiB of memory, {} and {} to stretch the password, which is out of bounds; nothing more was \
         sent",
        .0.memory_kib, Count::new(.0.iterations, "iteration"), Count::new(.0.parallelism, "lane")
    )]
    StretchingOutOfBounds(Stretching),
    /// The account wants another factor, and this version knows none.
    #[error("the account asks for something beside the password that this program does not know: {}", words(.0))]
    FactorWanted(Vec<Open<Factor>>),
    /// A step of OPAQUE failed on this side.
    #[error(transparent)]
    Opaque(#[from] OpaqueError),
}

fn words(factors: &[Open<Factor>]) -> String {
    factors.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl CallError {
    /// Whether the server refused with this code.
    #[must_use]
    pub fn is_refusal(&self, code: RefusalCode) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is(code))
    }
}
