//! A typed client for Vestry's ports: what `vestry` and `vestryctl` talk to a server with, and where a user's
//! sessions are kept.
//!
//! It never asks a person anything, never prints, and never touches a database. The programs are built on it.
//!
//! | room | holds |
//! |---|---|
//! | [`wire`] | one connection: requests out, replies in, for either port |
//! | [`client`] | the calls of the user port, typed |
//! | [`admin`] | the calls of the admin port, typed, and rows as they come |
//! | [`sentence`] | what the programs say of a refusal |
//! | [`strength`] | how hard a new password is to guess, and the type that says that it is |
//! | [`address`] | host and port as people write them |
//! | [`state`] | the files of a user: open sessions, OPAQUE accounts, device tokens |

pub mod address;
pub mod admin;
pub mod client;
pub mod sentence;
pub mod state;
pub mod strength;
pub mod wire;

pub use address::Address;
pub use admin::{AdminClient, AdminError};
pub use client::{CallError, Client, KeptFromLogin, Wait};
pub use strength::{StrongPassword, WeakPassword};
pub use wire::{Wire, WireError};
