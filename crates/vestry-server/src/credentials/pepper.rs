//! The pepper: a secret of the server that enters every Argon2id hash and is never in the database.
//!
//! With the database alone, a stolen hash cannot be tried against a single password (RFC 9106, 3.1: the secret
//! value K). Losing the file makes every password unusable; operators then issue one-time codes.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// 256 random bits and a short public name for them.
pub struct Pepper {
    key: Zeroizing<[u8; Self::BYTES]>,
    id: [u8; 4],
}

impl Pepper {
    /// The length of the file.
    pub const BYTES: usize = 32;

    /// From the bytes of the file; `None` when there are not exactly 32.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let key: Zeroizing<[u8; Self::BYTES]> = Zeroizing::new(bytes.try_into().ok()?);
        let digest = Sha256::new().chain_update("vestry pepper id").chain_update(*key).finalize();
        let id = *digest.first_chunk()?;
        Some(Self { key, id })
    }

    /// What names this pepper in a PHC string, so that a hash made with another one is recognised.
    #[must_use]
    pub fn id(&self) -> &[u8] {
        &self.id
    }

    pub(super) fn expose_secret(&self) -> &[u8] {
        self.key.as_slice()
    }
}
