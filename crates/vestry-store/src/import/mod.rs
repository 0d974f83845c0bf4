//! Many accounts at once: gathered in a file of their own first, then made in one transaction of the database.
//!
//! ```text
//!  rows ──▶ Staging (scratch file: no name twice) ──▶ StagedRows (in the order of their names) ──▶ import_accounts
//!           some MiB of cache, whatever comes          a thread reads ahead, a few chunks          one transaction
//! ```
//!
//! Rows arrive in any order, but go in sorted: an index that grows at its end changes each of its pages once, and the
//! database's writer is held as briefly as can be. What a hash or a profile may be was decided by whoever made the
//! rows; nothing here judges one.

mod apply;
mod staging;
#[cfg(test)]
mod tests;

pub use apply::{ImportError, NameStanding};
pub use staging::{Added, StagedRows, Staging};

use crate::{NameKeys, ProfilePatch};
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::Username;

/// One account that is to be made, every field of it parsed.
#[derive(Debug)]
pub struct StagedAccount<'a> {
    /// Where it comes from, for whoever asks about it later.
    pub line: u64,
    /// Its name.
    pub name: &'a Username,
    /// Its profile.
    pub profile: ProfilePatch<'a>,
    /// When it was made, if that is known.
    pub created: Option<UnixSeconds>,
    /// Whether it is suspended, for good.
    pub suspended: bool,
    /// The keys of its name, as they were looked up.
    pub keys: &'a NameKeys,
    /// Its password hash, if it has one. Only its digest is written down.
    pub argon2id: Option<&'a str>,
    /// The same, sealed: what is stored.
    pub sealed_hash: Option<&'a [u8]>,
}
