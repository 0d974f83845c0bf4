//! The files of a user: the sessions that are open, the devices that are remembered, and the accounts whose
//! passwords are never sent.
//!
//! Every file is private and replaced whole. The environment is handed in, so that nothing here depends on it; the
//! network is never touched.

mod account_files;
mod devices;
mod error;
mod folders;
mod opaque_accounts;
mod sessions;
mod witnesses;

pub use devices::DeviceTokens;
pub use error::StateError;
pub use folders::Folders;
pub use opaque_accounts::{NotKnownAsOpaque, OpaqueAccounts};
pub use sessions::{Lifetime, SavedSession, Sessions};
pub use witnesses::Witnesses;
