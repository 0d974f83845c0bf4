//! What operators read of late, so that the pages of one listing are one event.

use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A page that goes on with what was recorded so long ago is recorded again. Each page begins the time anew.
const RECORDED_FOR: Duration = Duration::from_secs(10 * 60);

/// More listings than operators page through at once; the one that was used least recently makes room.
const RECORDED_MAX: usize = 256;

/// What operators read of late, so that the pages of one listing are one event. It is kept here and not taken from the
/// request: a page says of itself that it is not the first.
#[derive(Default)]
pub(super) struct RecentReads(Mutex<HashMap<[u8; 32], Instant>>);

impl RecentReads {
    /// Whether a read is a new one; from now on it is not.
    pub(super) fn is_new(
        &self,
        now: Instant,
        operator: &str,
        (subject, detail): (&str, &str),
        goes_on: bool,
    ) -> bool {
        let read = name_of(operator, subject, detail);
        let mut recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.retain(|_, used| now.duration_since(*used) < RECORDED_FOR);
        let is_known = recorded.insert(read, now).is_some();
        if recorded.len() > RECORDED_MAX {
            let oldest = recorded.iter().min_by_key(|(_, used)| **used).map(|(read, _)| *read);
            oldest.and_then(|oldest| recorded.remove(&oldest));
        }
        !(goes_on && is_known)
    }

    /// The read was not recorded after all.
    pub(super) fn forget(&self, operator: &str, subject: &str, detail: &str) {
        let read = name_of(operator, subject, detail);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&read);
    }
}

fn name_of(operator: &str, subject: &str, detail: &str) -> [u8; 32] {
    let mut digest = Sha256::new();
    for text in [operator, subject, detail] {
        digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(text);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_of_a_listing_are_one_read_until_it_was_left_alone_for_ten_minutes() {
        let (reads, mut now) = (RecentReads::default(), Instant::now());
        let (all, some) = (("accounts", ""), ("accounts", "where age > 30"));
        assert!(reads.is_new(now, "admin", all, true), "nobody recorded the first page");
        for _ in 0..20 {
            now += RECORDED_FOR - Duration::from_secs(1);
            assert!(!reads.is_new(now, "admin", all, true));
        }
        assert!(reads.is_new(now, "admin", all, false), "a first page is always one");
        assert!(reads.is_new(now, "hana", all, true));
        assert!(reads.is_new(now, "admin", some, true));
        reads.forget("hana", "accounts", "");
        assert!(reads.is_new(now, "hana", all, true));
        assert!(reads.is_new(now + RECORDED_FOR, "admin", all, true));
    }

    #[test]
    fn no_more_listings_are_remembered_than_fit() {
        let reads = RecentReads::default();
        for number in 0..3 * RECORDED_MAX {
            reads.is_new(Instant::now(), "admin", ("accounts", &number.to_string()), false);
        }
        assert_eq!(reads.0.lock().unwrap().len(), RECORDED_MAX);
    }
}
