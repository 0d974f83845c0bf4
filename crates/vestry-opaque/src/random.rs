//! The system's random bytes, for a library whose trait cannot say that there are none. It never makes any up.

use crate::error::OpaqueError;
use opaque_ke::rand::{self, CryptoRng, RngCore};
use vestry_protocol::random::fill;

/// The system's random source, which has been seen to work.
#[derive(Debug)]
pub struct SystemRandom(());

impl SystemRandom {
    /// Makes sure that there are random bytes.
    ///
    /// # Errors
    /// [`OpaqueError::NoRandomness`] when the system has none.
    pub fn open() -> Result<Self, OpaqueError> {
        fill(&mut [0; 1])?;
        Ok(Self(()))
    }
}

impl RngCore for SystemRandom {
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
        // A source that worked once does not fail on the systems there are. Should it, waiting for it is the one
        // thing that neither makes a key of known bytes nor ends the program.
        while fill(bytes).is_err() {
            std::thread::yield_now();
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for SystemRandom {}
