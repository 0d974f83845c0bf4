//! What calls and replies are wrapped in, and what names their protocol in the handshake.

use serde::{Deserialize, Serialize};

/// ALPN of the user port (RFC 7301). A change of meaning gets a new one.
pub const USER_ALPN: &[u8] = b"vestry/1";
/// ALPN of the admin port.
pub const ADMIN_ALPN: &[u8] = b"vestry-admin/1";

/// A call with the number that its replies will carry.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request<Call> {
    /// Chosen by the client; the server returns it unread.
    pub id: u64,
    /// What is asked.
    pub call: Call,
}

/// An answer to the request with the same number.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reply<Body> {
    /// The number of the request that this answers.
    pub id: u64,
    /// What is answered.
    pub body: Body,
}
