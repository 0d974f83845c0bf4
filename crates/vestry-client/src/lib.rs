//! A typed client for Vestry's ports: what `vestry` and `vestryctl` talk to a server with, and where a user's
//! sessions are kept.
//!
//! It never asks a person anything, never prints, and never touches a database. The programs are built on it.
//!
//! Its modules, from the ground up; each imports only from those above it in this table:
//!
//! | module | holds |
//! |---|---|
//! | [`runtime`] | what a program for one person runs on |
//! | [`address`] | host and port as people write them |
//! | [`state`] | the files of a user: open sessions, OPAQUE accounts, device tokens |
//! | [`strength`] | how hard a new password is to guess, and the type that says that it is |
//! | [`sentence`] | what the programs say of a refusal |
//! | [`wire`] | one connection: requests out, replies in, for either port |
//! | [`admin`] | the calls of the admin port, typed, and rows as they come |
//! | [`client`] | the calls of the user port, typed |
//!
//! A user logs in with the join string of a server and a password, which does not leave this machine
//! (`examples/account.rs` is a whole program):
//!
//! ```no_run
//! use vestry_client::{Address, Client, KeptFromLogin};
//! use vestry_protocol::fields::{Device, Field, Password, Username};
//! use vestry_tls::{JoinString, Trust, config::user_client};
//!
//! # async fn example(join: &str, password: Password) -> Result<(), Box<dyn std::error::Error>> {
//! let JoinString { host, port, pin } = join.parse()?;
//! let mut client = Client::connect(&Address::new(&host, port)?, user_client(&Trust::Pin(pin))?).await?;
//! let (name, device) = (Username::parse("naman")?, Device::parse(Field::Device, "laptop")?);
//! let session = client.log_in(&name, &password, &device, &KeptFromLogin::default()).await?;
//! let account = client.show().await?;
//! # Ok(())
//! # }
//! ```
//!
//! An operator connects with a certificate and reads rows as they come (`examples/operator.rs`):
//!
//! ```no_run
//! use vestry_client::{Address, AdminClient};
//! use vestry_tls::{CertsDir, config::console_client_from_files};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let certs = CertsDir::at("/var/lib/vestry/certs");
//! let (certificate, key) = (certs.operator_certificate("admin"), certs.operator_key("admin"));
//! let tls = console_client_from_files(&certs.ca_certificate(), &certificate, &key)?;
//! let mut client = AdminClient::connect(&Address::new("127.0.0.1", 7444)?, tls).await?;
//! let mut rows = client.query("select name, age from accounts").await?;
//! while let Some(row) = rows.next().await? {
//!     assert_eq!(row.len(), rows.columns().len());
//! }
//! # Ok(())
//! # }
//! ```

pub mod address;
pub mod admin;
pub mod client;
pub mod runtime;
pub mod sentence;
pub mod state;
pub mod strength;
pub mod wire;

pub use address::Address;
pub use admin::{AdminClient, AdminError};
pub use client::{CallError, Client, KeptFromLogin, Wait, refuse_without_memory};
pub use strength::{StrongPassword, WeakPassword};
pub use wire::{Wire, WireError};
