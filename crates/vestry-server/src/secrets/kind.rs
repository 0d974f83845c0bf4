//! Which secrets there are: a line each, so that another kind (a key that signs tokens) is another line.

use super::error::SetupError;
use crate::credentials::{OpaqueKey, Pepper};
use crate::names::NameSeed;
use vestry_protocol::random;
use vestry_store::ChainKey;
use zeroize::Zeroizing;

/// What the database calls the pepper that it was made with; also where the file is in a data directory.
pub const PEPPER_FACT: &str = "secrets/pepper";
/// The same for the OPAQUE key.
pub const OPAQUE_KEY_FACT: &str = "secrets/opaque.key";
/// The same for the OPAQUE key that records move to. Known only while they do.
pub const NEXT_OPAQUE_KEY_FACT: &str = "secrets/opaque-next.key";
/// The same for the seed of what names OPRF keys.
pub const NAMES_SEED_FACT: &str = "secrets/names.seed";
/// The same for the key of the audit chain.
pub const AUDIT_KEY_FACT: &str = "secrets/audit.key";

/// A secret that every server has, in a file of its own and not in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// Seals imported password hashes.
    Pepper,
    /// Evaluates OPAQUE passwords.
    OpaqueKey,
    /// Names the OPRF key of each account.
    NamesSeed,
    /// Ties the audit events to one another.
    AuditKey,
}

impl SecretKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Pepper, Self::OpaqueKey, Self::NamesSeed, Self::AuditKey];

    /// Those that `vestryd secrets` replaces. The seed never changes: it names what accounts have for life.
    pub const REPLACEABLE: [Self; 3] = [Self::Pepper, Self::OpaqueKey, Self::AuditKey];

    /// Returns what the database calls it; also where its file is in a data directory.
    #[must_use]
    pub fn fact(self) -> &'static str {
        match self {
            Self::Pepper => PEPPER_FACT,
            Self::OpaqueKey => OPAQUE_KEY_FACT,
            Self::NamesSeed => NAMES_SEED_FACT,
            Self::AuditKey => AUDIT_KEY_FACT,
        }
    }

    /// Returns what people call it.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Pepper => "pepper",
            Self::OpaqueKey => "OPAQUE key",
            Self::NamesSeed => "seed of names",
            Self::AuditKey => "audit key",
        }
    }

    /// Makes a new one, as the bytes of its file.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn generate(self) -> Result<Zeroizing<Vec<u8>>, SetupError> {
        match self {
            Self::Pepper => random_bytes(Pepper::BYTES),
            Self::OpaqueKey => Ok(OpaqueKey::generate()?),
            Self::NamesSeed => random_bytes(NameSeed::BYTES),
            Self::AuditKey => random_bytes(ChainKey::BYTES),
        }
    }

    /// Returns what names it in public, by the bytes of its file; `None` when they are none.
    #[must_use]
    pub fn public_name(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Pepper => Pepper::from_bytes(bytes).map(|pepper| pepper.name()),
            Self::OpaqueKey => OpaqueKey::from_bytes(bytes).map(|key| key.id()),
            Self::NamesSeed => NameSeed::from_bytes(bytes).map(|seed| seed.id()),
            Self::AuditKey => ChainKey::from_bytes(bytes).map(|key| key.id()),
        }
    }
}

fn random_bytes(count: usize) -> Result<Zeroizing<Vec<u8>>, SetupError> {
    let mut bytes = Zeroizing::new(vec![0; count]);
    random::fill(&mut bytes)?;
    Ok(bytes)
}
