//! What a check of the audit chain is asked and found. How the chain is computed is in `docs/PROTOCOL.md`, section 14.
//!
//! Numbers of events are signed, as the database has them: one below 1 is what a forger left.

use crate::item::{Numbered, Open};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A place in the chain that was written down elsewhere, as in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The event.
    pub id: i64,
    /// The first 16 to 64 hexadecimal digits of its MAC.
    pub mac: String,
}

impl Checkpoint {
    /// The fewest digits that say anything: 64 bits.
    pub const DIGITS_MIN: usize = 16;
    /// A whole MAC.
    pub const DIGITS_MAX: usize = 64;

    /// Whether it could be one.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        let digits = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        let length = Self::DIGITS_MIN..=Self::DIGITS_MAX;
        self.id >= 0 && length.contains(&self.mac.len()) && self.mac.bytes().all(digits)
    }
}

/// What a check of the whole chain found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditVerdict {
    /// How many events were checked.
    pub events: u64,
    /// Events up to this one were removed when they were old enough; 0 for none.
    pub purged_to: i64,
    /// Events up to this one are from before the chain and were checked as a whole; 0 for none.
    pub older_to: i64,
    /// The newest event.
    pub head: i64,
    /// Its MAC, in hexadecimal.
    pub head_mac: String,
    /// How many of the checkpoints fit; those of events that were removed can not be looked at.
    pub checkpoints: u64,
    /// The first thing that is wrong.
    pub fault: Option<Open<AuditFault>>,
}

/// The first thing that is wrong with the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditFault {
    /// The event is not as it was written.
    Changed {
        /// Which.
        id: i64,
    },
    /// Events are not there.
    Missing {
        /// The first of them.
        first: i64,
        /// The last of them.
        last: i64,
    },
    /// Events were swapped: what belongs in the place of one is in the place of another.
    Swapped {
        /// The first.
        id: i64,
        /// Where its own content is now.
        with: i64,
    },
    /// The event was not written by the server.
    Inserted {
        /// Which.
        id: i64,
    },
    /// The newest events are not there.
    Truncated {
        /// The first of them.
        first: i64,
        /// The newest that was written.
        last: i64,
    },
    /// One of the events from before the chain is not as it was, or not there.
    Older {
        /// The last of those.
        last: i64,
    },
    /// The marks that say where the chain begins and ends are gone, forged, or put back to what they were.
    Marks,
    /// When this event was written, the mark of the newest one was gone or forged.
    Broken {
        /// Which.
        id: i64,
    },
    /// The event is not the one of the checkpoint.
    Checkpoint {
        /// Which.
        id: i64,
    },
    /// The server wrote this event down outside the database, and it is not there, or another one is: the audit was wiped,
    /// shortened or put back.
    PutBack {
        /// Which.
        id: i64,
    },
}

impl Numbered for AuditFault {
    const KNOWN: u32 = 10;
}

impl fmt::Display for AuditFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { id } => write!(f, "event {id} was changed"),
            Self::Missing { first, last } if first == last => write!(f, "event {first} is missing"),
            Self::Missing { first, last } => write!(f, "events {first} to {last} are missing"),
            Self::Swapped { id, with } => {
                write!(f, "event {id} was swapped: what belongs in its place is now event {with}")
            }
            Self::Inserted { id } => write!(f, "event {id} was inserted; the server did not write it"),
            Self::Truncated { first, last } => {
                write!(f, "the end was cut off: events {first} to {last} are missing")
            }
            Self::Older { last } => write!(
                f,
                "one of the events up to {last}, which are from before the chain, was changed, removed or inserted"
            ),
            Self::Marks => {
                f.write_str("the marks of where the chain begins and ends are gone, forged or put back")
            }
            Self::Broken { id } => {
                write!(f, "the mark of the newest event was gone or forged when event {id} was written")
            }
            Self::Checkpoint { id } => write!(f, "event {id} is not the one of the checkpoint"),
            Self::PutBack { id } => write!(
                f,
                "event {id}, which was the newest, is not there any more: the audit was wiped, shortened or put back"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_has_a_number_and_16_to_64_digits() {
        let checkpoint = |id, mac: &str| Checkpoint { id, mac: mac.to_owned() }.is_well_formed();
        assert!(checkpoint(0, &"0f".repeat(8)) && checkpoint(7, &"a9".repeat(32)));
        for mac in ["", &"0".repeat(15), &"0".repeat(65), &"F".repeat(16), &"g".repeat(16), &"é".repeat(8)] {
            assert!(!checkpoint(1, mac), "{mac}");
        }
        assert!(!checkpoint(-1, &"0".repeat(16)));
    }
}
