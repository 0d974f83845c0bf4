//! What rows are named by: numbers and identifiers that are read from the database or made for it.

use std::fmt;

/// The number of an account. It is never another's, however long the account has been gone: audit events name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccountId(pub(crate) i64);

impl AccountId {
    /// The number of no account.
    pub const NONE: Self = Self(0);

    /// A number that was not read from a database, for tests of what only passes it on.
    #[must_use]
    pub fn for_tests(number: i64) -> Self {
        Self(number)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What names an account's OPRF key: the account's for life, and never another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OprfId(pub [u8; 32]);

impl OprfId {
    /// As lanes are called by it: in hexadecimal.
    #[must_use]
    pub fn to_hex(self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }
}

/// The public number of a session. It names the session and proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub(crate) i64);

impl SessionId {
    /// From the number on the wire.
    #[must_use]
    pub fn from_wire(number: u64) -> Self {
        Self(number.cast_signed())
    }

    /// The number on the wire.
    #[must_use]
    pub fn to_wire(self) -> u64 {
        self.0.cast_unsigned()
    }
}
