//! The system's random bytes, for every crate: the only file that names getrandom. It never makes any up; a caller that gets
//! none gives up what it was about to do.

use thiserror::Error;

/// The system has no random bytes. The cause is what the system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the system has no random bytes: {0}")]
pub struct NoRandomness(getrandom::Error);

/// Fills a buffer with random bytes that are fit for keys.
///
/// # Errors
/// When the system has none; the buffer then holds nothing to use.
pub fn fill(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    getrandom::fill(bytes).map_err(NoRandomness)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fill_returns_other_bytes() {
        let mut drawn = [[0; 32]; 8];
        for bytes in &mut drawn {
            fill(bytes).unwrap();
        }
        drawn.sort_unstable();
        assert!(drawn.windows(2).all(|pair| pair[0] != pair[1]) && drawn[0] != [0; 32], "{drawn:?}");
    }
}
