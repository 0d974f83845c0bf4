//! What stretching a password may cost a client: a floor against a server that wants it cheap to guess, a ceiling
//! against one that wants to burn the client.

use super::field::{Field, FieldError};
use crate::limits::{
    STRETCHING_ITERATIONS_MAX, STRETCHING_ITERATIONS_MIN, STRETCHING_MEMORY_KIB_MAX,
    STRETCHING_MEMORY_KIB_MIN, STRETCHING_PARALLELISM_MAX, STRETCHING_WORK_KIB_MAX,
};
use serde::{Deserialize, Serialize};

/// What Argon2id costs a client between its password and OPAQUE (RFC 9807, 2.2: the key stretching function).
/// [`StretchingCost`] has the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretching {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

/// A cost within its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StretchingCost(Stretching);

impl Default for StretchingCost {
    /// 64 MiB, as in RFC 9106's second recommended choice, six passes, and one lane, which every library of Argon2id can
    /// compute.
    fn default() -> Self {
        Self(Stretching { memory_kib: 64 * 1024, iterations: 6, parallelism: 1 })
    }
}

impl StretchingCost {
    /// Checks the bounds. Both sides do: the server what it stores, the client what it is asked to do.
    ///
    /// # Errors
    /// When a number is out of its bounds.
    pub fn parse(stretching: Stretching) -> Result<Self, FieldError> {
        let Stretching { memory_kib, iterations, parallelism } = stretching;
        let in_bounds = (STRETCHING_MEMORY_KIB_MIN..=STRETCHING_MEMORY_KIB_MAX).contains(&memory_kib)
            && (STRETCHING_ITERATIONS_MIN..=STRETCHING_ITERATIONS_MAX).contains(&iterations)
            && memory_kib.saturating_mul(iterations) <= STRETCHING_WORK_KIB_MAX
            && (1..=STRETCHING_PARALLELISM_MAX).contains(&parallelism);
        if in_bounds {
            Ok(Self(stretching))
        } else {
            Err(FieldError::new(Field::Stretching, "its cost is out of bounds"))
        }
    }

    /// The numbers.
    #[must_use]
    pub fn numbers(self) -> Stretching {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_below_the_floor_or_above_the_ceiling_is_refused() {
        let cost = |memory_kib, iterations, parallelism| {
            StretchingCost::parse(Stretching { memory_kib, iterations, parallelism }).is_ok()
        };
        assert!(StretchingCost::parse(StretchingCost::default().numbers()).is_ok());
        assert!(cost(19_456, 2, 1) && cost(1_048_576, 4, 16) && cost(262_144, 16, 16));
        let refused = [
            (19_455, 2, 1),
            (19_456, 1, 1),
            (19_456, 2, 0),
            (1_048_577, 2, 1),
            (65_536, 17, 1),
            (1_048_576, 5, 1),
            (262_145, 16, 1),
            (65_536, 3, 17),
        ];
        for (memory_kib, iterations, parallelism) in refused {
            assert!(!cost(memory_kib, iterations, parallelism), "{memory_kib} {iterations} {parallelism}");
        }
    }
}
