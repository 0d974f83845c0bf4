//! The secrets that are not in the database: files that only the server's user can read, each known to the database by a public
//! name, so that a server never starts with those of another.
//!
//! Another kind of secret is a variant of [`kind::SecretKind`]. How one is replaced is in `rotation.rs`.

pub mod error;
pub mod files;
pub mod kind;
pub mod making;
pub mod rekey;
