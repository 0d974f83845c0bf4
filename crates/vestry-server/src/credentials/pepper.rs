//! The pepper: a secret of the server that seals imported password hashes and is never in the database.
//!
//! With the database alone, no password can be tried against a stolen hash. Losing the file makes imported accounts that never
//! logged in useless; operators then issue one-time codes.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use vestry_protocol::random::NoRandomness;
use vestry_seal::RecordKey;
use vestry_store::OprfId;
use zeroize::Zeroizing;

const SEALING: &[u8] = b"vestry imported hash 1\0";

/// The key that is derived from the file, and a short public name for it.
pub struct Pepper {
    sealing: RecordKey,
    id: [u8; 4],
}

impl Pepper {
    /// The length of the file.
    pub const BYTES: usize = 32;

    /// From the bytes of the file; `None` when there are not exactly 32.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let pepper: Zeroizing<[u8; Self::BYTES]> = Zeroizing::new(bytes.try_into().ok()?);
        let digest = Sha256::new().chain_update("vestry pepper id").chain_update(*pepper).finalize();
        let id = *digest.first_chunk()?;
        let mut block = Zeroizing::new([0; 64]);
        *block.first_chunk_mut()? = *pepper;
        let mut mac = <Hmac<Sha256> as Mac>::new((&*block).into());
        mac.update(SEALING);
        let key: Zeroizing<[u8; 32]> = Zeroizing::new(mac.finalize().into_bytes().into());
        Some(Self { sealing: RecordKey::from_bytes(&key), id })
    }

    /// What names this pepper in public.
    #[must_use]
    pub fn name(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.id)
    }

    /// Seals the hash of an account.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub(crate) fn seal(&self, hash: &str, account: OprfId) -> Result<Vec<u8>, NoRandomness> {
        self.sealing.seal(hash.as_bytes(), &account.0)
    }

    /// Opens what was sealed; `None` when it was made with another pepper, for another account, or changed.
    pub(crate) fn open(&self, sealed: &[u8], account: OprfId) -> Option<Zeroizing<String>> {
        let opened = self.sealing.open(sealed, &account.0)?;
        std::str::from_utf8(&opened).ok().map(|text| Zeroizing::new(text.to_owned()))
    }
}
