//! Credentials: the mechanisms that prove a user, each by itself. What a proof leads to is in `proofs.rs`.
//!
//! Whatever evaluates or compares asks for an `Admitted` of the gate. Nothing here knows a session.

mod damaged;
mod imported;
mod keys;
mod opaque;
mod pepper;

pub use damaged::DamagedRecords;
pub use imported::{ImportedHashes, Speed};
pub use keys::OpaqueKeys;
pub use opaque::{Blinded, Exchange, Ke1, OpaqueKey, OpaqueRecord};
pub use pepper::Pepper;
