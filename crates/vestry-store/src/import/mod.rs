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
mod row;
mod staging;
#[cfg(test)]
mod tests;

pub use apply::{ImportError, NameStanding};
pub use row::{StagedAccount, StagedSuspension};
pub use staging::{Added, StagedRows, Staging};
