//! The account server: listeners, sessions, credentials, the audit vocabulary and the configuration.
//!
//! It never touches a terminal, writes no SQL and builds no TLS configuration: those are the programs',
//! the store's and the TLS crate's. Nothing that the user port reads can name an operator's request, and nothing that it calls
//! can reach what is the operators'.
//!
//! The way of a request, from socket to SQL:
//!
//! 1. `ports/listener.rs` takes a connection, in a slot (`ports/slots.rs`), and shakes hands in a task of its own;
//! 2. `ports/conversation.rs` reads frames, answers them in order, and flushes once a batch;
//! 3. `user/mod.rs` or `admin/mod.rs` matches the call and knows what it needs (a session, a role);
//! 4. `user/*.rs` or `admin/*.rs` does it, admitted by the gate (`gate/`) where it may be guessed, in one store
//!    transaction that starts with the check (`sessions.rs`, `operators/`) and writes the audit event (`audit/act.rs`);
//! 5. `vestry-store` turns it into SQL.
//!
//! Its modules, from the ground up; each imports only from those above it in this table:
//!
//! | module | holds |
//! |---|---|
//! | [`clock`] | the only place that reads the wall clock |
//! | [`failure`] | the only place that tells a peer what went wrong |
//! | [`counters`] | what a server counts of itself |
//! | [`source`] | where an attempt comes from: an address and its network |
//! | `remedy` | what mends a file of the data directory, in words |
//! | [`data_dir`] | where everything lies |
//! | [`process`] | as whom the server runs, what it forbids itself, its log |
//! | [`names`] | what names the OPRF key of an account |
//! | [`hashing`] | Argon2id and the threads that compute it |
//! | [`listen`] | where a server listens, and whom it believes about a source |
//! | [`config`] | every setting: its range, its default |
//! | [`settings`] | the settings in force |
//! | [`audit`] | what acts are called; how a shortened audit is noticed |
//! | [`gate`] | every attempt at something that may be guessed |
//! | [`credentials`] | mechanisms: OPAQUE records, imported hashes, the pepper, keys |
//! | [`identity`] | certificates and the TLS configurations made of them |
//! | [`renewal`] | when the certificate is renewed |
//! | [`ports`] | listeners, slots, connections, conversations |
//! | [`secrets`] | the files of secrets: which there are, made, read, replaced |
//! | [`shared`] | what the connections of every port share |
//! | [`proofs`] | secrets in, witnesses out |
//! | [`sessions`] | the one function that mints sessions; the check that each call begins with |
//! | `profile` | profiles with every field parsed |
//! | [`operators`] | whose certificate it is, what its role allows, recorded reads |
//! | [`codes`] | one-time codes |
//! | [`user`] | the user port |
//! | [`server`] | everything that a server has |
//! | [`reload`] | settings and certificates read again |
//! | [`backup`] | backups and restores |
//! | [`setup`] | what `init` makes |
//! | [`rotation`] | replacing a secret |
//! | [`admin`] | the admin port |
//! | [`sweep`] | what time does to the database |
//! | `housekeeping` | what a server does by itself |
//! | `run` | from bound listeners to the last close_notify |
//! | [`commands`] | the commands of `vestryd` |

pub mod admin;
pub mod audit;
pub mod backup;
pub mod clock;
pub mod codes;
pub mod commands;
pub mod config;
pub mod counters;
pub mod credentials;
pub mod data_dir;
pub mod failure;
pub mod gate;
pub mod hashing;
mod housekeeping;
pub mod identity;
pub mod listen;
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
