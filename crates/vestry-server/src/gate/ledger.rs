//! What is under way: the shares that attempts hold in each lane until they have an outcome. In memory, and bounded.
//!
//! Lanes are judged and shares taken under one lock, and the failures on disk are read under it as well: an attempt that
//! gives its share back has its failure on disk by then, so that there is no moment at which it is not counted.

use super::lane::{LaneKey, Part};
use super::policy::{Policy, UnderWay, Verdict};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use vestry_protocol::UnixSeconds;
use vestry_store::{Lane, StoreError, Streak};

/// So many lanes have something under way at most: a connection has one attempt, and an attempt at most six lanes.
const LANES_UNDER_WAY_MAX: usize = 200_000;

/// The shares. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<HashMap<LaneKey, Held>>>);

/// What is held in one lane.
#[derive(Debug, Default)]
struct Held {
    all: u32,
    /// By network, in lanes whose shares networks share.
    networks: Vec<(Arc<str>, u32)>,
}

/// The shares of one attempt; given back when dropped.
#[derive(Debug)]
pub(super) struct Shares {
    ledger: Ledger,
    network: Arc<str>,
    keys: Vec<LaneKey>,
}

/// Why there are no shares.
#[derive(Debug)]
pub(super) enum NoShares {
    /// A lane has none now; ask again in so many milliseconds.
    Wait { ms: u64 },
    /// The failures on disk cannot be read.
    Store(StoreError),
}

impl Ledger {
    /// A share in each lane that reserves one, when every lane allows it; `streak` reads a lane's failures.
    pub(super) fn enter(
        &self,
        parts: &[Part],
        network: &Arc<str>,
        now: impl FnOnce() -> UnixSeconds,
        mut streak: impl FnMut(&LaneKey) -> Result<Option<Streak>, StoreError>,
    ) -> Result<Shares, NoShares> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Not before: what failed while this one waited would lie ahead of its time.
        let now = now();
        if lanes.len() + parts.len() > LANES_UNDER_WAY_MAX {
            return Err(NoShares::Wait { ms: 1_000 });
        }
        let mut longest = 0;
        for part in parts.iter().filter(|part| part.is_judged()) {
            let held = lanes.get(&part.key).filter(|_| part.takes_share());
            let under_way = held.map_or_else(UnderWay::default, |held| held.under_way(network));
            let streak = streak(&part.key).map_err(NoShares::Store)?;
            if let Verdict::Wait { ms } = part.policy.judge(streak.as_ref(), under_way, now) {
                longest = longest.max(ms);
            }
        }
        if longest > 0 {
            return Err(NoShares::Wait { ms: longest });
        }
        let keys: Vec<LaneKey> =
            parts.iter().filter(|part| part.takes_share()).map(|part| part.key.clone()).collect();
        for (key, part) in keys.iter().zip(parts.iter().filter(|part| part.takes_share())) {
            let shared = matches!(part.policy, Policy::Streak(_));
            lanes.entry(key.clone()).or_default().take(shared.then_some(network));
        }
        Ok(Shares { ledger: self.clone(), network: network.clone(), keys })
    }

    /// How many attempts at a secret are under way: each has a share in one of these lanes.
    pub(super) fn attempts(&self) -> u32 {
        let lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_secrets =
            lanes.iter().filter(|(key, _)| matches!(key.lane, Lane::Account | Lane::Session | Lane::Devices));
        of_secrets.map(|(_, held)| held.all).sum()
    }

    /// Every lane with something under way, and how much.
    #[cfg(test)]
    pub(super) fn shown(&self) -> Vec<(Lane, String, u32)> {
        let lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.iter().map(|(key, held)| (key.lane, key.subject.clone(), held.all)).collect()
    }
}

impl Held {
    fn under_way(&self, network: &str) -> UnderWay {
        let of_network =
            self.networks.iter().find(|(held, _)| &**held == network).map_or(0, |(_, count)| *count);
        UnderWay { all: self.all, of_network }
    }

    fn take(&mut self, network: Option<&Arc<str>>) {
        self.all = self.all.saturating_add(1);
        let Some(network) = network else { return };
        match self.networks.iter_mut().find(|(held, _)| held == network) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.networks.push((network.clone(), 1)),
        }
    }

    fn give_back(&mut self, network: &str) {
        self.all = self.all.saturating_sub(1);
        if let Some((_, count)) = self.networks.iter_mut().find(|(held, _)| &**held == network) {
            *count = count.saturating_sub(1);
        }
        self.networks.retain(|(_, count)| *count > 0);
    }
}

impl Drop for Shares {
    fn drop(&mut self) {
        let mut lanes = self.ledger.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in self.keys.drain(..) {
            if let Entry::Occupied(mut held) = lanes.entry(key) {
                held.get_mut().give_back(&self.network);
                if held.get().all == 0 {
                    held.remove();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lane::Role;
    use super::super::policy::StreakPolicy;
    use super::*;

    fn part(subject: &str) -> Part {
        let policy = Policy::Streak(StreakPolicy { free: 2, guests: 1, closes_at: 100 });
        let key = LaneKey { lane: Lane::Account, subject: subject.to_owned() };
        Part { key, policy, role: Role::Secret }
    }

    fn enter(ledger: &Ledger, subject: &str, network: &str) -> Option<Shares> {
        ledger.enter(&[part(subject)], &network.into(), UnixSeconds::default, |_| Ok(None)).ok()
    }

    #[test]
    fn a_lane_is_full_until_a_slot_comes_back_and_the_last_one_leaves_nothing_behind() {
        let ledger = Ledger::default();
        let held = [enter(&ledger, "naman", "a"), enter(&ledger, "naman", "a")];
        assert!(held.iter().all(Option::is_some));
        assert!(enter(&ledger, "naman", "a").is_none());
        let guest = enter(&ledger, "naman", "b");
        assert!(guest.is_some() && enter(&ledger, "naman", "c").is_none());
        assert!(enter(&ledger, "anirudh", "a").is_some());
        drop(held);
        assert!(enter(&ledger, "naman", "a").is_some());
        drop(guest);
        assert!(ledger.0.lock().unwrap().is_empty());
    }

    #[test]
    fn an_attempt_that_one_lane_refuses_holds_nothing_in_the_others() {
        let ledger = Ledger::default();
        let _held = [enter(&ledger, "full", "a"), enter(&ledger, "full", "a")];
        let both = [part("free"), part("full")];
        assert!(ledger.enter(&both, &"a".into(), UnixSeconds::default, |_| Ok(None)).is_err());
        assert_eq!(ledger.shown(), [(Lane::Account, "full".to_owned(), 2)]);
    }

    #[test]
    fn more_lanes_than_are_kept_account_of_are_refused_until_there_is_room() {
        let ledger = Ledger::default();
        let many: Vec<Part> = (1..LANES_UNDER_WAY_MAX).map(|number| part(&number.to_string())).collect();
        let mut all = ledger.enter(&many, &"a".into(), UnixSeconds::default, |_| Ok(None)).ok();
        let last = enter(&ledger, "last", "a");
        assert!(all.is_some() && last.is_some());
        assert!(enter(&ledger, "over", "a").is_none());
        drop(last);
        assert!(enter(&ledger, "over", "a").is_some());
        all.take();
    }
}
