//! OPAQUE (RFC 9807), both sides: ristretto255, TripleDH, SHA-512, stretching by Argon2id. The password goes into the client's steps
//! and never comes out of them; only its blinded form, and proofs that it is known, do. The only crate that links opaque-ke.
//!
//! Pure: no I/O, no clock. Identifiers are the library's default, the public keys of
//! both sides.
//!
//! Its modules, from the ground up; each imports only from those above it in this table:
//!
//! | module | holds |
//! |---|---|
//! | [`error`] | why a step could not be done |
//! | [`random`] | the system's random bytes, for a library that cannot be told that there are none |
//! | [`stretching`] | the key stretching function |
//! | `ristretto` | the group of the key exchange, for a server that is asked often (feature `server`) |
//! | [`suite`] | the configuration that both sides speak |
//! | [`client`] | the side that knows the password |
//! | `server` | the side that keeps a record (feature `server`) |
//! | `unstretched` | both, without stretching, for load alone (feature `unstretched`) |

pub mod client;
pub mod error;
pub mod random;
#[cfg(feature = "server")]
mod ristretto;
#[cfg(feature = "server")]
pub mod server;
pub mod stretching;
pub mod suite;
#[cfg(test)]
mod tests;
#[cfg(feature = "unstretched")]
pub mod unstretched;

pub use client::{NO_PROOF, ProvingPassword, SealingPassword};
pub use error::OpaqueError;
pub use random::SystemRandom;
pub use stretching::{Stretcher, StretchingMemory};
pub use suite::Suite;
