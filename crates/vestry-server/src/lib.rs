//! The account server: listeners, sessions, credentials, the audit vocabulary and the configuration.
//!
//! It never touches a terminal, writes no SQL and builds no TLS configuration: those are the programs',
//! the store's and the TLS crate's. Nothing that the user port reads can name an operator's request.
//!
//! The way of a request, from socket to SQL, in five files:
//!
//! 1. `listener.rs` takes a connection, in a slot (`slots.rs`), and shakes hands in a task of its own;
//! 2. `conversation.rs` reads frames, answers them in order, and flushes once a batch;
//! 3. `user/mod.rs` or `admin/mod.rs` matches the call and knows what it needs (a session, a role);
//! 4. `user/*.rs` or `admin/*.rs` does it, admitted by the gate (`gate/`) where it may be guessed, in one store
//!    transaction that starts with the check (`sessions.rs`) and writes the audit event (`audit.rs`);
//! 5. `vestry-store` turns it into SQL.

pub mod admin;
pub mod audit;
pub mod backup;
pub mod clock;
pub mod codes;
pub mod commands;
pub mod config;
pub mod credentials;
pub mod data_dir;
pub mod failure;
pub mod gate;
pub mod hashing;
mod housekeeping;
pub mod identity;
pub mod names;
pub mod operators;
pub mod ports;
pub mod process;
mod profile;
pub mod proofs;
pub mod reload;
mod remedy;
pub mod renewal;
pub mod rotation;
pub mod run;
pub mod secrets;
pub mod server;
pub mod sessions;
pub mod settings;
pub mod setup;
pub mod shared;
pub mod source;
pub mod sweep;
pub mod user;

pub use run::{Listeners, run};
