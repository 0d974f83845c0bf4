//! What Vestry says on the wire: the messages of both ports, their codec and frames, every wire limit,
//! and the field types that text from outside is parsed into once.
//!
//! It never touches a socket, a clock, a file, a terminal or a database. `docs/PROTOCOL.md` states the
//! same bytes for readers in other languages, and `tests/vectors/` holds examples of them.
//!
//! | room | holds |
//! |---|---|
//! | [`limits`] | every number that bounds the wire |
//! | [`frame`] | bytes ⇄ frames |
//! | [`codec`] | frames ⇄ messages (the only file that names bincode) |
//! | [`user`] | what the user port can be asked and may answer |
//! | [`admin`] | what the admin port can be asked and may answer |
//! | [`audit`] | what a check of the audit chain is asked and finds |
//! | [`import`] | accounts on their way into a database |
//! | [`refusal`] | the stable error codes |
//! | [`item`] | what may grow: values and fields that an earlier reader passes over |
//! | [`greeting`] | what a server says before its first reply |
//! | [`fields`] | usernames, e-mail addresses, ages, free text, passwords |
//! | [`secret`] | text and tokens that cannot print themselves |
//! | [`escape`] | the one way for outside text to reach a terminal, a log or an error |
//! | [`exit`] | how exit codes are listed |
//! | [`typed`] | the one way for a command to be advised |

pub mod admin;
pub mod audit;
pub mod codec;
pub mod escape;
pub mod exit;
pub mod fields;
pub mod frame;
pub mod greeting;
pub mod import;
pub mod item;
pub mod limits;
pub mod refusal;
pub mod secret;
pub mod typed;
pub mod user;

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

/// Seconds since 1970-01-01T00:00:00Z, without leap seconds.
pub type UnixSeconds = i64;
