//! What a server says of itself before its first reply, on both ports: what a client has to know, and nothing that tells a
//! scanner which build it met, or its settings.

use crate::item::Later;
use crate::limits::{REQUEST_BYTES_MAX, REQUEST_BYTES_MAX_BEFORE_LOGIN};
use crate::refusal::Refusal;
use serde::{Deserialize, Serialize};

/// The version of the protocol that this crate speaks.
pub const PROTOCOL_VERSION: u32 = 1;

/// The number of the fields of [`Greeting::later`] that are reserved.
pub mod later {
    /// The pins of the CA that takes over next: 32 bytes each.
    pub const NEXT_PINS: u32 = 0;
}

/// What a client has to know of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// The version of the protocol.
    pub version: u32,
    /// How long a request may be on a connection to the user port without a session.
    pub request_bytes_max_before_login: u64,
    /// How long a request may be otherwise.
    pub request_bytes_max: u64,
    /// Fields of later versions.
    pub later: Later,
}

impl Greeting {
    /// That of this version.
    #[must_use]
    pub fn of_this_version() -> Self {
        Self {
            version: PROTOCOL_VERSION,
            request_bytes_max_before_login: REQUEST_BYTES_MAX_BEFORE_LOGIN as u64,
            request_bytes_max: REQUEST_BYTES_MAX as u64,
            later: Later::new(),
        }
    }
}

/// What the replies of both ports have in common.
pub trait ReplyBody: Sized {
    /// A call that was not done.
    fn refused(refusal: Refusal) -> Self;

    /// The greeting.
    fn greeting(greeting: Greeting) -> Self;

    /// Whether it is a greeting, which answers nothing.
    fn is_greeting(&self) -> bool;
}
