//! A moment, as the wire, the database and the programs have it.

use serde::{Deserialize, Serialize};

/// Seconds since 1970-01-01T00:00:00Z, without leap seconds. It has methods and no operators, so that a moment and a
/// number of seconds cannot be mixed up; all of them saturate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixSeconds(i64);

impl UnixSeconds {
    /// Later than every date that a calendar has.
    pub const MAX: Self = Self(i64::MAX);

    /// Takes a number of seconds since 1970 as a moment.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Returns the number of seconds since 1970.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// Returns the moment that many seconds later.
    #[must_use]
    pub const fn plus(self, secs: i64) -> Self {
        Self(self.0.saturating_add(secs))
    }

    /// Returns the moment that many seconds earlier.
    #[must_use]
    pub const fn minus(self, secs: i64) -> Self {
        Self(self.0.saturating_sub(secs))
    }

    /// Returns the seconds that passed since an earlier moment; fewer than none when it is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_saturate_at_both_ends() {
        let at = UnixSeconds::from_seconds;
        assert_eq!((at(5).plus(3), at(5).minus(7), at(5).since(at(9))), (at(8), at(-2), -4));
        assert_eq!((UnixSeconds::MAX.plus(1), at(i64::MIN).minus(1)), (UnixSeconds::MAX, at(i64::MIN)));
        assert_eq!(UnixSeconds::MAX.since(at(-1)), i64::MAX);
    }
}
