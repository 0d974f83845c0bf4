//! What Vestry says on the wire: the messages of both ports, their codec and frames, every wire limit,
//! and the field types that text from outside is parsed into once.
//!
//! It never touches a socket, a clock, a file, a terminal or a database. `docs/PROTOCOL.md` states the
//! same bytes for readers in other languages, and `tests/vectors/` holds examples of them.
//!
//! Its modules, from the ground up; each imports only from those above it in this table:
//!
//! | module | holds |
//! |---|---|
//! | [`limits`] | every number that bounds the wire |
//! | [`random`] | the system's random bytes, for every crate |
//! | [`time`] | a moment |
//! | [`calendar`] | times as text |
//! | [`count`] | numbers of things, in sentences |
//! | [`escape`] | the one way for outside text to reach a terminal, a log or an error |
//! | [`secret`] | text and tokens that cannot print themselves |
//! | [`typed`] | the one way for a command to be advised |
//! | [`pin`] | the fingerprint of a public key |
//! | [`message`] | what calls and replies are wrapped in |
//! | [`frame`] | bytes ⇄ frames |
//! | [`codec`] | frames ⇄ messages (the only file that names bincode) |
//! | [`role`] | the roles of operators |
//! | [`item`] | what may grow: values and fields that an earlier reader passes over |
//! | [`fields`] | usernames, e-mail addresses, ages, free text, passwords |
//! | [`refusal`] | the stable error codes |
//! | [`greeting`] | what a server says before its first reply |
//! | [`audit`] | what a check of the audit chain is asked and finds |
//! | [`user`] | what the user port can be asked and may answer |
//! | [`import`] | accounts on their way into a database |
//! | [`query_fault`] | where and what is wrong in an operator's statement |
//! | [`admin`] | what the admin port can be asked and may answer |
//! | [`views`] | the views of an operator's SQL, their columns, and the functions |

pub mod admin;
pub mod audit;
pub mod calendar;
pub mod codec;
pub mod count;
pub mod escape;
pub mod fields;
pub mod frame;
pub mod greeting;
pub mod import;
pub mod item;
pub mod limits;
pub mod message;
pub mod pin;
pub mod query_fault;
pub mod random;
pub mod refusal;
pub mod role;
pub mod secret;
pub mod time;
pub mod typed;
pub mod user;
pub mod views;

pub use message::{ADMIN_ALPN, Reply, Request, USER_ALPN};
pub use pin::Pin;
pub use time::UnixSeconds;
