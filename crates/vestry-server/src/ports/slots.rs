//! The slots of a port: how many connections there are, in all, from an address and from its network, and which of them makes
//! room when there are no more.
//!
//! A connection is anonymous until somebody has logged in on it. When every slot is taken, the oldest anonymous connection of the
//! network that holds most of them ends, so that no number of addresses keeps people out by being there first.

use crate::source::{address_of, network_of};
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// How many slots there are.
#[derive(Debug, Clone, Copy)]
pub struct SlotLimits {
    /// In all.
    pub max: usize,
    /// From one address (IPv6: one /64, which is what one customer gets).
    pub per_address_max: usize,
    /// From one network (IPv4 /24, IPv6 /48).
    pub per_network_max: usize,
    /// How long a connection has its slot before it may have to make room; while all are younger, others wait.
    pub spared: Duration,
}

/// The connections of a port. Cloning shares them.
#[derive(Clone)]
pub struct Slots(Arc<Shared>);

struct Shared {
    limits: SlotLimits,
    open: Mutex<Open>,
    freed: Notify,
}

#[derive(Default)]
struct Open {
    number: u64,
    connections: HashMap<u64, Connection>,
    addresses: HashMap<IpAddr, usize>,
    networks: HashMap<IpAddr, Network>,
    /// Networks by how many anonymous connections they hold, then by the age of the oldest; those without are left out.
    by_anonymous: BTreeSet<(usize, Reverse<u64>, IpAddr)>,
}

struct Connection {
    peer: IpAddr,
    since: Instant,
    evicted: Arc<Notify>,
}

#[derive(Default)]
struct Network {
    all: usize,
    /// The numbers of its anonymous connections, which ascend with their age.
    anonymous: BTreeSet<u64>,
}

impl Network {
    /// How many anonymous connections it holds, and the oldest of them; `None` without one.
    fn rank(&self) -> Option<(usize, Reverse<u64>)> {
        self.anonymous.first().map(|oldest| (self.anonymous.len(), Reverse(*oldest)))
    }
}

/// One slot; free again when it is dropped, or when its connection has to make room.
pub struct Slot {
    slots: Slots,
    number: u64,
    evicted: Arc<Notify>,
}

impl Slots {
    /// So many.
    #[must_use]
    pub fn new(limits: SlotLimits) -> Self {
        Self(Arc::new(Shared { limits, open: Mutex::default(), freed: Notify::new() }))
    }

    fn open(&self) -> std::sync::MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many connections are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.open().connections.len()
    }

    /// Waits until a slot is free, or can be made free.
    pub async fn room(&self) {
        let mut has_waited = false;
        loop {
            // Made before it is looked: what is freed in between is not missed.
            let freed = self.0.freed.notified();
            // From when on there is room, as far as can be said: not before a slot is freed, when nobody has to make room.
            let room_at = {
                let open = self.open();
                match open.connections.len() < self.0.limits.max {
                    true => Some(Instant::now()),
                    false => open.first_to_go().map(|(_, since)| since + self.0.limits.spared),
                }
            };
            match room_at {
                Some(at) if at <= Instant::now() => {
                    // Another listener may wait for the same news, and have whoever comes next.
                    if has_waited {
                        self.0.freed.notify_one();
                    }
                    return;
                }
                // Either may be first; then it is looked again.
                Some(at) => drop(timeout_at(at, freed).await),
                None => freed.await,
            }
            has_waited = true;
        }
    }

    /// A slot for a peer, unless its address or its network has as many as it may. When none is free, another connection ends.
    #[must_use]
    pub fn enter(&self, peer: IpAddr) -> Option<Slot> {
        let limits = self.0.limits;
        let mut open = self.open();
        let of_address = open.addresses.get(&address_of(peer)).copied().unwrap_or(0);
        let of_network = open.networks.get(&network_of(peer)).map_or(0, |network| network.all);
        if of_address >= limits.per_address_max || of_network >= limits.per_network_max {
            return None;
        }
        if open.connections.len() >= limits.max {
            let (oldest, since) = open.first_to_go()?;
            if since.elapsed() < limits.spared {
                return None;
            }
            if let Some(ended) = open.remove(oldest) {
                ended.evicted.notify_one();
            }
        }
        let evicted = Arc::new(Notify::new());
        let number = open.insert(peer, evicted.clone());
        Some(Slot { slots: self.clone(), number, evicted })
    }
}

impl Open {
    /// The connection that makes room next, and since when it is there.
    fn first_to_go(&self) -> Option<(u64, Instant)> {
        let (_, _, fullest) = self.by_anonymous.last()?;
        let oldest = *self.networks.get(fullest)?.anonymous.first()?;
        Some((oldest, self.connections.get(&oldest)?.since))
    }

    fn insert(&mut self, peer: IpAddr, evicted: Arc<Notify>) -> u64 {
        self.number = self.number.wrapping_add(1);
        let number = self.number;
        self.connections.insert(number, Connection { peer, since: Instant::now(), evicted });
        *self.addresses.entry(address_of(peer)).or_insert(0) += 1;
        self.networks.entry(network_of(peer)).or_default().all += 1;
        self.set_anonymous(number, network_of(peer), true);
        number
    }

    fn remove(&mut self, number: u64) -> Option<Connection> {
        let connection = self.connections.remove(&number)?;
        let (address, network) = (address_of(connection.peer), network_of(connection.peer));
        self.set_anonymous(number, network, false);
        if let Some(count) = self.addresses.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.addresses.remove(&address);
            }
        }
        if let Some(of_network) = self.networks.get_mut(&network) {
            of_network.all -= 1;
            if of_network.all == 0 {
                self.networks.remove(&network);
            }
        }
        Some(connection)
    }

    fn set_anonymous(&mut self, number: u64, network: IpAddr, is_anonymous: bool) {
        let Some(of_network) = self.networks.get_mut(&network) else { return };
        let before = of_network.rank();
        match is_anonymous {
            true => of_network.anonymous.insert(number),
            false => of_network.anonymous.remove(&number),
        };
        let after = of_network.rank();
        if let Some((count, oldest)) = before {
            self.by_anonymous.remove(&(count, oldest, network));
        }
        if let Some((count, oldest)) = after {
            self.by_anonymous.insert((count, oldest, network));
        }
    }
}

impl Slot {
    /// Whether nobody has logged in on it.
    pub fn set_anonymous(&self, is_anonymous: bool) {
        let mut open = self.slots.open();
        let Some(peer) = open.connections.get(&self.number).map(|connection| connection.peer) else { return };
        open.set_anonymous(self.number, network_of(peer), is_anonymous);
        drop(open);
        if is_anonymous {
            self.slots.0.freed.notify_one();
        }
    }

    /// Resolves when the connection has to make room.
    pub async fn evicted(&self) {
        self.evicted.notified().await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.open().remove(self.number);
        self.slots.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    fn slots(max: usize, per_address_max: usize, per_network_max: usize) -> Slots {
        Slots::new(SlotLimits { max, per_address_max, per_network_max, spared: Duration::ZERO })
    }

    fn peer(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Whether a connection was told to end.
    async fn is_evicted(slot: &Slot) -> bool {
        timeout(Duration::ZERO, slot.evicted()).await.is_ok()
    }

    #[test]
    fn a_source_has_so_many_slots_and_no_more_whatever_its_address_in_the_prefix() {
        let slots = slots(100, 2, 3);
        let held = [slots.enter(peer("2001:db8::1")), slots.enter(peer("2001:db8::2"))];
        assert!(held.iter().all(Option::is_some));
        assert!(slots.enter(peer("2001:db8::3")).is_none(), "the /64 has two");
        let third = slots.enter(peer("2001:db8:0:1::1"));
        assert!(third.is_some());
        assert!(slots.enter(peer("2001:db8:0:2::1")).is_none(), "the /48 has three");
        assert!(slots.enter(peer("2001:db8:1::1")).is_some());
        drop(held);
        assert!(slots.enter(peer("2001:db8::3")).is_some());
        let four = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"].map(|text| slots.enter(peer(text)));
        assert_eq!(four.iter().filter(|slot| slot.is_some()).count(), 3);
    }

    #[test]
    fn what_has_ended_leaves_nothing_behind() {
        let slots = slots(2, 2, 2);
        drop(slots.enter(peer("::ffff:127.0.0.1")));
        let open = slots.open();
        assert!(open.connections.is_empty() && open.addresses.is_empty());
        assert!(open.networks.is_empty() && open.by_anonymous.is_empty());
    }

    #[tokio::test]
    async fn sec_0076_the_oldest_anonymous_connection_of_the_fullest_network_makes_room() {
        let slots = slots(5, 5, 5);
        let crowd = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|text| slots.enter(peer(text)).unwrap());
        let others = ["198.51.100.1", "203.0.113.1"].map(|text| slots.enter(peer(text)).unwrap());
        crowd[0].set_anonymous(false);
        slots.room().await;
        let late = slots.enter(peer("203.0.113.2")).unwrap();
        let told = [
            is_evicted(&crowd[0]).await,
            is_evicted(&crowd[1]).await,
            is_evicted(&crowd[2]).await,
            is_evicted(&others[0]).await,
            is_evicted(&others[1]).await,
            is_evicted(&late).await,
        ];
        assert_eq!(told, [false, true, false, false, false, false]);
        assert_eq!(slots.count(), 5);
        drop(crowd);
        assert_eq!(slots.count(), 3);
    }

    #[tokio::test]
    async fn among_networks_that_hold_as_many_the_oldest_connection_makes_room() {
        let slots = slots(3, 3, 3);
        let held = ["192.0.2.1", "2001:db8::1", "203.0.113.1"].map(|text| slots.enter(peer(text)).unwrap());
        let late = slots.enter(peer("198.51.100.1")).unwrap();
        assert!(is_evicted(&held[0]).await, "the first that came");
        assert!(!is_evicted(&held[1]).await && !is_evicted(&held[2]).await && !is_evicted(&late).await);
    }

    #[tokio::test]
    async fn who_has_logged_in_is_not_moved_and_the_next_one_waits() {
        let slots = slots(2, 2, 2);
        let held = ["192.0.2.1", "198.51.100.1"].map(|text| slots.enter(peer(text)).unwrap());
        held.iter().for_each(|slot| slot.set_anonymous(false));
        assert!(timeout(Duration::from_millis(1), slots.room()).await.is_err());
        assert!(slots.enter(peer("203.0.113.1")).is_none());
        held[1].set_anonymous(true);
        timeout(Duration::from_secs(5), slots.room()).await.unwrap();
        assert!(slots.enter(peer("203.0.113.1")).is_some());
        assert!(is_evicted(&held[1]).await && !is_evicted(&held[0]).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_is_spared_for_its_time_and_the_next_connection_waits_for_that() {
        let spared = Duration::from_millis(100);
        let slots = Slots::new(SlotLimits { max: 2, per_address_max: 9, per_network_max: 9, spared });
        let held = [(); 2].map(|()| slots.enter(peer("127.0.0.1")).unwrap());
        assert!(slots.enter(peer("127.0.0.1")).is_none(), "both are new");
        let waited = Instant::now();
        slots.room().await;
        assert!((spared..2 * spared).contains(&waited.elapsed()), "{:?}", waited.elapsed());
        let late = slots.enter(peer("127.0.0.1")).unwrap();
        assert!(is_evicted(&held[0]).await && !is_evicted(&held[1]).await && !is_evicted(&late).await);
    }
}
