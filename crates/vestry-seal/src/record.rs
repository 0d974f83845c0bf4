//! Short records under a key of the caller's own, each for one context: XChaCha20-Poly1305 with a random nonce.
//!
//! ```text
//!   24 bytes nonce ‖ ciphertext ‖ 16 bytes tag
//! ```
//!
//! A nonce of 192 random bits does not come twice, however many records a key seals.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use vestry_protocol::random::{self, NoRandomness};
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;

/// Seals and opens records. It cannot print itself.
pub struct RecordKey(XChaCha20Poly1305);

impl RecordKey {
    /// From the bytes of a key.
    #[must_use]
    pub fn from_bytes(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(&Key::from(*key)))
    }

    /// Seals a record for a context, which has to be the same to open it.
    ///
    /// # Errors
    /// When the system has no random bytes.
    pub fn seal(&self, record: &[u8], context: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        let mut nonce = [0; NONCE_BYTES];
        random::fill(&mut nonce)?;
        let payload = Payload { msg: record, aad: context };
        // The cipher fails for records of 256 GiB only.
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).unwrap_or_default();
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens a record; `None` when it was sealed under another key, for another context, or changed.
    #[must_use]
    pub fn open(&self, sealed: &[u8], context: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg, aad: context };
        self.0.decrypt(&XNonce::from(*nonce), payload).ok().map(Zeroizing::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &[u8] = b"$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2g";

    #[test]
    fn a_record_opens_under_its_key_for_its_context_and_unchanged_only() {
        let [key, other] = [1, 2].map(|byte| RecordKey::from_bytes(&[byte; 32]));
        let sealed = key.seal(RECORD, b"naman").unwrap();
        assert_eq!(key.open(&sealed, b"naman").unwrap().as_slice(), RECORD);
        assert!(other.open(&sealed, b"naman").is_none() && key.open(&sealed, b"anirudh").is_none());
        assert_ne!(key.seal(RECORD, b"naman").unwrap(), sealed);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open(&changed, b"naman").is_none(), "{at}");
            assert!(key.open(&sealed[..at], b"naman").is_none(), "{at}");
        }
        assert!(!sealed.windows(8).any(|bytes| RECORD.windows(8).any(|plain| plain == bytes)));
    }
}
