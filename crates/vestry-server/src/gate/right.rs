//! That a password was right, from the two places that can tell.

use crate::hashing::argon2id::Matched;
use vestry_opaque::server::Verified;

/// That a password was right: an exchange of OPAQUE was verified, or an imported hash matched.
#[derive(Debug, Clone, Copy)]
pub struct Right(());

impl From<Verified> for Right {
    fn from(_: Verified) -> Self {
        Self(())
    }
}

impl From<Matched> for Right {
    fn from(_: Matched) -> Self {
        Self(())
    }
}

#[cfg(test)]
impl Right {
    /// One of no password, for tests of what only keeps it.
    pub(crate) fn for_tests() -> Self {
        Self(())
    }
}
