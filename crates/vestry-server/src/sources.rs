//! Who is connected from where: a cap for each source, in a map that is never larger than the connections.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts the open connections of each source. Cloning shares it.
#[derive(Clone)]
pub struct Sources {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    per_source_max: usize,
}

/// A place among the connections of a source; given back when dropped.
pub struct Place {
    sources: Sources,
    source: IpAddr,
}

impl Sources {
    /// With a cap for each source.
    #[must_use]
    pub fn new(per_source_max: usize) -> Self {
        Self { open: Arc::default(), per_source_max }
    }

    /// How many connections are open, from all sources. Walks the map: for people, not for each connection.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// A place for a peer, unless its source has as many as it may.
    #[must_use]
    pub fn enter(&self, peer: IpAddr) -> Option<Place> {
        let source = source_of(peer);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(source).or_insert(0);
        if *count >= self.per_source_max {
            return None;
        }
        *count += 1;
        Some(Place { sources: self.clone(), source })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.sources.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = open.entry(self.source) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// One source is an IPv4 address or an IPv6 /64, which is what one customer gets.
pub(crate) fn source_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_so_many_places_and_no_more_whatever_its_address_in_the_prefix() {
        let sources = Sources::new(2);
        let peer = |text: &str| text.parse::<IpAddr>().unwrap();
        let held = [sources.enter(peer("2001:db8::1")), sources.enter(peer("2001:db8::2"))];
        assert!(held.iter().all(Option::is_some));
        assert!(sources.enter(peer("2001:db8::3")).is_none());
        assert!(sources.enter(peer("2001:db8:0:1::1")).is_some());
        drop(held);
        assert!(sources.enter(peer("2001:db8::3")).is_some());
    }

    #[test]
    fn the_map_forgets_a_source_without_connections() {
        let sources = Sources::new(2);
        drop(sources.enter("::ffff:127.0.0.1".parse().unwrap()));
        assert!(sources.open.lock().unwrap().is_empty());
    }
}
