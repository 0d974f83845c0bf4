//! Files that leave the machine: made new, private and whole, and sealed with a passphrase when that is wanted; and records
//! that are sealed before they are stored.
//!
//! It knows neither what is in a file nor who asks for it, and never touches a socket or a database, nor writes to
//! a terminal. Both
//! `vestryd` and `vestryctl` write backups through it, so that a backup is sealed where its passphrase is.
//!
//! Its modules, from the ground up; each imports only from those above it in this table:
//!
//! | module | holds |
//! |---|---|
//! | [`error`] | why a sealed file does not open |
//! | [`chunk`] | how much is sealed at once, and by what |
//! | [`packed`] | how a file is packed that another program made |
//! | [`new_file`] | a file that appears whole or not at all, and never in place of another |
//! | [`target`] | that file, or standard output where it is called `-` |
//! | [`passphrase`] | what seals a file, and the key that is made of it |
//! | [`record`] | short records under a key of the caller's own |
//! | [`seal`] | bytes in, sealed chunks out |
//! | [`unseal`] | sealed chunks in, bytes out, none before it was verified |

pub mod chunk;
pub mod error;
pub mod new_file;
pub mod packed;
pub mod passphrase;
pub mod record;
pub mod seal;
pub mod target;
pub mod unseal;

pub use error::SealError;
pub use new_file::{NewFile, NewFileError};
pub use packed::Packed;
pub use passphrase::{NotAPassphrase, Passphrase};
pub use record::RecordKey;
pub use seal::SealedWriter;
pub use target::{Target, is_dash};
pub use unseal::{SealedReader, is_sealed};
