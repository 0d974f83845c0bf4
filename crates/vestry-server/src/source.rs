//! Where a peer comes from: its address as it is written down, and the two prefixes that its failures count for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// The source of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    text: String,
    address: String,
    network: Arc<str>,
}

impl Source {
    /// Of a peer. IPv4 in IPv6's clothes counts as what it is. One customer gets an IPv4 address or an IPv6 /64.
    #[must_use]
    pub fn of(peer: IpAddr) -> Self {
        let peer = peer.to_canonical();
        let (address, network) = match peer {
            IpAddr::V4(_) => (format!("{peer}/32"), format!("{}/24", network_of(peer))),
            IpAddr::V6(_) => (format!("{}/64", address_of(peer)), format!("{}/48", network_of(peer))),
        };
        Self { text: peer.to_string(), address, network: network.into() }
    }

    /// As it is written down.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The narrow prefix.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The wide prefix.
    #[must_use]
    pub fn network(&self) -> &str {
        &self.network
    }

    pub(super) fn network_shared(&self) -> &Arc<str> {
        &self.network
    }
}

/// The narrow prefix of a peer, as its first address: an IPv4 address, or an IPv6 /64, which is what one customer gets.
#[must_use]
pub fn address_of(peer: IpAddr) -> IpAddr {
    prefix_of(peer, 32, 64)
}

/// The wide prefix: an IPv4 /24 or an IPv6 /48.
#[must_use]
pub fn network_of(peer: IpAddr) -> IpAddr {
    prefix_of(peer, 24, 48)
}

fn prefix_of(peer: IpAddr, v4_bits: u32, v6_bits: u32) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(v4) => {
            let below = 32 - v4_bits;
            IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() >> below << below))
        }
        IpAddr::V6(v6) => {
            let below = 128 - v6_bits;
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> below << below))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_counts_for_its_address_and_its_network_however_it_is_written() {
        let cases = [
            ("192.0.2.77", "192.0.2.77", "192.0.2.77/32", "192.0.2.0/24"),
            ("::ffff:192.0.2.77", "192.0.2.77", "192.0.2.77/32", "192.0.2.0/24"),
            ("2001:db8:1:2:3::4", "2001:db8:1:2:3::4", "2001:db8:1:2::/64", "2001:db8:1::/48"),
            ("::1", "::1", "::/64", "::/48"),
        ];
        for (peer, text, address, network) in cases {
            let source = Source::of(peer.parse().unwrap());
            assert_eq!((source.text(), source.address(), source.network()), (text, address, network));
        }
    }
}
