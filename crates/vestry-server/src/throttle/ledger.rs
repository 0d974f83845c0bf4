//! What is under way: how many tries each lane has that have no outcome yet. In memory, and bounded.

use super::LaneKey;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

/// So many lanes have something under way at most: a connection has one try, and a try three lanes.
const LANES_UNDER_WAY_MAX: usize = 100_000;

/// The counts. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<HashMap<LaneKey, u32>>>);

/// A try that is under way in some lanes; over when dropped.
#[derive(Debug)]
pub(super) struct UnderWay {
    ledger: Ledger,
    keys: Vec<LaneKey>,
    others: Vec<u32>,
}

impl Ledger {
    /// A place in each lane; `None` when too much is under way.
    pub(super) fn enter(&self, keys: Vec<LaneKey>) -> Option<UnderWay> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() + keys.len() > LANES_UNDER_WAY_MAX {
            return None;
        }
        let mut others = Vec::with_capacity(keys.len());
        for key in &keys {
            let count = counts.entry(key.clone()).or_insert(0);
            others.push(*count);
            *count = count.saturating_add(1);
        }
        Some(UnderWay { ledger: self.clone(), keys, others })
    }
}

impl UnderWay {
    /// How many others were under way in each lane when this one began.
    pub(super) fn others(&self) -> &[u32] {
        &self.others
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut counts = self.ledger.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in self.keys.drain(..) {
            if let Entry::Occupied(mut count) = counts.entry(key) {
                *count.get_mut() = count.get().saturating_sub(1);
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestry_store::Lane;

    #[test]
    fn each_try_sees_the_ones_before_it_and_the_last_one_leaves_nothing_behind() {
        let ledger = Ledger::default();
        let enter = |subject: &str| {
            ledger.enter(vec![LaneKey { lane: Lane::Account, subject: subject.to_owned() }]).unwrap()
        };
        let (one, two, other) = (enter("naman"), enter("naman"), enter("anirudh"));
        assert_eq!([one.others(), two.others(), other.others()], [[0], [1], [0]]);
        drop((one, other));
        assert_eq!(enter("naman").others(), [1]);
        drop(two);
        assert!(ledger.0.lock().unwrap().is_empty());
    }

    #[test]
    fn more_lanes_than_are_kept_account_of_are_refused_until_there_is_room() {
        let ledger = Ledger::default();
        let key = |number: usize| LaneKey { lane: Lane::Account, subject: number.to_string() };
        let mut all = ledger.enter((1..LANES_UNDER_WAY_MAX).map(key).collect());
        let last = ledger.enter(vec![key(0)]);
        assert!(all.is_some() && last.is_some());
        assert!(ledger.enter(vec![key(LANES_UNDER_WAY_MAX)]).is_none());
        drop(last);
        assert!(ledger.enter(vec![key(0)]).is_some());
        all.take();
    }
}
