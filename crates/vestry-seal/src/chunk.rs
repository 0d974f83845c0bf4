//! The chunks that a sealed file is made of.

use aead_stream::{DecryptorBE32, EncryptorBE32};
use chacha20poly1305::XChaCha20Poly1305;

/// So much is sealed at once; it is all that is ever in memory.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;
/// What sealing adds to a chunk.
pub(crate) const TAG_BYTES: usize = 16;

pub(crate) type Encryptor = EncryptorBE32<XChaCha20Poly1305>;
pub(crate) type Decryptor = DecryptorBE32<XChaCha20Poly1305>;
