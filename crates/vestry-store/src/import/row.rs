//! One account that is to be made.

use crate::tables::accounts::{NameKeys, ProfilePatch};
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::{Reason, Username};

/// A suspension, every field of it parsed.
#[derive(Debug, Clone, Copy)]
pub struct StagedSuspension<'a> {
    /// When it ends; for good when absent.
    pub until: Option<UnixSeconds>,
    /// Why.
    pub reason: Option<&'a Reason>,
}

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
    /// The suspension that it has; active when absent.
    pub suspended: Option<StagedSuspension<'a>>,
    /// The keys of its name, as they were looked up.
    pub keys: &'a NameKeys,
    /// Its password hash, if it has one. Only its digest is written down.
    pub argon2id: Option<&'a str>,
    /// The same, sealed: what is stored.
    pub sealed_hash: Option<&'a [u8]>,
}
