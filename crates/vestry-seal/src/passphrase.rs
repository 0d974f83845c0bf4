//! What seals a file, and the key that is made of it: Argon2id over a salt of the file's own.
//!
//! A sealed file can be guessed at for ever by whoever has it, so the cost is high and a short passphrase is refused.
//! Nothing here reads a file or asks a person.

use crate::error::SealError;
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::Key;
use std::fmt;
use thiserror::Error;
use vestry_protocol::random::{self, NoRandomness};
use vestry_protocol::secret::without_byte_order_mark;
use zeroize::Zeroizing;

/// As long as a password has to be.
const PASSPHRASE_BYTES_MIN: usize = 15;

/// The longest file that is taken for a passphrase; a longer one is a mistake in the path.
const PASSPHRASE_BYTES_MAX: usize = 4096;

/// The first bytes of every sealed file; the number is that of the format.
pub(crate) const MAGIC: &[u8; 16] = b"vestry sealed 1\n";
/// What stands before the first chunk: the magic, three numbers, the salt.
pub(crate) const HEADER_BYTES: usize = MAGIC.len() + 3 * 4 + SALT_BYTES;
const SALT_BYTES: usize = 32;
/// XChaCha20-Poly1305 takes 24, of which STREAM counts in five.
const NONCE_BYTES: usize = 19;
const KEY_BYTES: usize = 32;

/// The passphrase is not one.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "the passphrase has to be one line of {PASSPHRASE_BYTES_MIN} to {PASSPHRASE_BYTES_MAX} bytes; \
     make a good one with: (umask 077; head -c 24 /dev/urandom | base64 > FILE)"
)]
pub struct NotAPassphrase;

/// What somebody has to know to open a sealed file. It does not print itself.
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

impl Passphrase {
    /// The one line of a file, without its line end, and without the byte order mark that some editors write.
    ///
    /// # Errors
    /// When it is too short or too long to be one, or has several lines.
    pub fn of_line(bytes: &[u8]) -> Result<Self, NotAPassphrase> {
        let bytes = without_byte_order_mark(bytes);
        let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let fits = (PASSPHRASE_BYTES_MIN..=PASSPHRASE_BYTES_MAX).contains(&line.len());
        if fits && !line.contains(&b'\n') {
            Ok(Self(Zeroizing::new(line.to_vec())))
        } else {
            Err(NotAPassphrase)
        }
    }
}

/// What a guess costs, and what makes the key one of its own: all that is in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recipe {
    memory_kib: u32,
    iterations: u32,
    lanes: u32,
    salt: [u8; SALT_BYTES],
}

/// The key and the nonce of one file. Nobody outside can make or read one but the fuzz targets.
pub struct FileKey(Zeroizing<[u8; KEY_BYTES + NONCE_BYTES]>);

impl Recipe {
    /// RFC 9106, section 4, the second recommended option: 64 MiB, three passes, four lanes.
    pub(crate) fn of_today() -> Result<Self, NoRandomness> {
        let mut salt = [0; SALT_BYTES];
        random::fill(&mut salt)?;
        Ok(Self { memory_kib: 64 * 1024, iterations: 3, lanes: 4, salt })
    }

    /// The header that stands for it. It is sealed into every chunk, so that no byte of it can be changed.
    pub(crate) fn to_header(self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        let numbers = [self.memory_kib, self.iterations, self.lanes].map(u32::to_be_bytes);
        let bytes = MAGIC.iter().chain(numbers.as_flattened()).chain(&self.salt);
        for (place, byte) in header.iter_mut().zip(bytes) {
            *place = *byte;
        }
        header
    }

    /// Reads a header, and refuses a cost that would protect nothing or exhaust this machine.
    pub(crate) fn of_header(header: &[u8; HEADER_BYTES]) -> Result<Self, SealError> {
        let rest = header.strip_prefix(MAGIC).ok_or(SealError::NotSealed)?;
        let (numbers, salt) = rest.split_last_chunk().ok_or(SealError::NotSealed)?;
        let mut numbers = numbers.as_chunks::<4>().0.iter().map(|bytes| u32::from_be_bytes(*bytes));
        let mut next = || numbers.next().unwrap_or_default();
        let recipe = Self { memory_kib: next(), iterations: next(), lanes: next(), salt: *salt };
        let sane = (19 * 1024..=1024 * 1024).contains(&recipe.memory_kib)
            && (1..=16).contains(&recipe.iterations)
            && (1..=16).contains(&recipe.lanes);
        if sane { Ok(recipe) } else { Err(SealError::CostOutOfRange) }
    }

    pub(crate) fn key_of(&self, passphrase: &Passphrase) -> Result<FileKey, SealError> {
        let mut output = Zeroizing::new([0; KEY_BYTES + NONCE_BYTES]);
        Params::new(self.memory_kib, self.iterations, self.lanes, Some(output.len()))
            .and_then(|params| {
                let argon2id = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
                argon2id.hash_password_into(&passphrase.0, &self.salt, output.as_mut_slice())
            })
            .map_err(|_| SealError::CostOutOfRange)?;
        Ok(FileKey(output))
    }
}

/// What tests and the fuzz target of sealed files see of this file (docs/FUZZING.md).
#[cfg(any(test, feature = "fuzzing"))]
impl FileKey {
    /// A key of one byte's making.
    #[must_use]
    pub fn of_byte(byte: u8) -> Self {
        Self(Zeroizing::new([byte; KEY_BYTES + NONCE_BYTES]))
    }
}

impl FileKey {
    /// Hands both parts to whoever makes a stream of them.
    pub(crate) fn parts(&self) -> (&Key, &[u8; NONCE_BYTES]) {
        // Both lengths are fixed by the types, so that neither default is ever taken.
        let key = self.0.first_chunk::<KEY_BYTES>().unwrap_or(&[0; KEY_BYTES]);
        (key.into(), self.0.last_chunk().unwrap_or(&[0; NONCE_BYTES]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_is_one_line_and_does_not_print_itself() {
        let typed = Passphrase::of_line(b"correct horse battery\r\n").unwrap();
        assert_eq!(typed.0.as_slice(), b"correct horse battery");
        assert_eq!(format!("{typed:?}"), "Passphrase(…)");
        let long = [b'x'; PASSPHRASE_BYTES_MAX + 1];
        for bad in [&b""[..], b"\n", b"fourteen bytes", b"two lines\nare not one", &long] {
            assert_eq!(Passphrase::of_line(bad).err(), Some(NotAPassphrase), "{bad:?}");
        }
    }

    #[test]
    fn a_recipe_survives_its_header_and_every_part_of_it_matters() {
        let recipe = Recipe::of_today().unwrap();
        let header = recipe.to_header();
        assert_eq!(Recipe::of_header(&header), Ok(recipe));
        for at in 0..HEADER_BYTES {
            let mut bent = header;
            bent[at] ^= 1;
            assert_ne!(Recipe::of_header(&bent), Ok(recipe), "byte {at}");
        }
    }

    #[test]
    fn a_header_cannot_ask_for_more_than_the_caps_or_less_than_protects() {
        let good = Recipe::of_today().unwrap();
        let bad = [
            Recipe { memory_kib: u32::MAX, ..good },
            Recipe { memory_kib: 8, ..good },
            Recipe { iterations: 0, ..good },
            Recipe { iterations: 17, ..good },
            Recipe { lanes: 0, ..good },
            Recipe { lanes: u32::MAX, ..good },
        ];
        for recipe in bad {
            let judged = Recipe::of_header(&recipe.to_header());
            assert_eq!(judged, Err(SealError::CostOutOfRange), "{recipe:?}");
        }
    }
}
