//! The files of a user: the sessions that are open, the devices that are remembered, and the accounts whose
//! passwords are never sent.
//!
//! Every file is private, and replaced whole, by programs that know what it held. The environment is handed in, so that nothing here depends on it; the
//! network is never touched.

mod account_files;
mod contents;
mod devices;
mod error;
mod folders;
mod opaque_accounts;
mod sessions;
mod shared_file;
mod witnesses;

pub use contents::{Contents, Damaged, Found, Secrecy, SetAside};
pub use devices::{DeviceTokens, TokenPlace};
pub use error::StateError;
pub use folders::{Folders, free_name};
pub use opaque_accounts::{NotKnownAsOpaque, OpaqueAccounts};
pub use sessions::{Lifetime, SavedSession, SessionChange, SessionKept, SessionPlace, SessionRead, Sessions};
pub use shared_file::{Change, Placed, ReservedFile, SharedFile};
pub use witnesses::Witnesses;
