//! Random bytes that are known beforehand, for exchanges that somebody else is to replay. They are no secret and must
//! never make one.

use super::replay::Hex;
use opaque_ke::rand::{self, CryptoRng, RngCore};
use sha2::{Digest, Sha256};

/// What the stream begins each of its hashes with.
const STREAM_LABEL: &[u8] = b"VESTRY-OPAQUE-VECTOR-1";

/// The fixed stream: SHA-256 of a label and a counter, for ever.
pub fn stream() -> impl Iterator<Item = u8> {
    (0u64..).flat_map(|count| Sha256::digest([STREAM_LABEL, &count.to_be_bytes()].concat()))
}

/// A random source whose bytes are known beforehand; it remembers what was drawn.
pub struct KnownBytes {
    left: Box<dyn Iterator<Item = u8>>,
    drawn: Vec<Hex>,
}

impl KnownBytes {
    /// Gives out these bytes in their order.
    pub fn new(bytes: impl IntoIterator<Item = u8> + 'static) -> Self {
        Self { left: Box::new(bytes.into_iter()), drawn: Vec::new() }
    }

    /// What was drawn, one entry for each time.
    pub(super) fn into_drawn(self) -> Vec<Hex> {
        self.drawn
    }
}

impl RngCore for KnownBytes {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.left.next().expect("no more is drawn than was said"));
        self.drawn.push(Hex(bytes.to_vec()));
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for KnownBytes {}
