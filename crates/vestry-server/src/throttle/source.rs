//! Where a peer comes from: its address as it is written down, and the two prefixes that its failures count for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The source of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    text: String,
    address: String,
    network: String,
}

impl Source {
    /// Of a peer. IPv4 in IPv6's clothes counts as what it is. One customer gets an IPv4 address or an IPv6 /64.
    #[must_use]
    pub fn of(peer: IpAddr) -> Self {
        let peer = peer.to_canonical();
        let (address, network) = match peer {
            IpAddr::V4(v4) => {
                let network = Ipv4Addr::from_bits(v4.to_bits() >> 8 << 8);
                (format!("{v4}/32"), format!("{network}/24"))
            }
            IpAddr::V6(v6) => {
                let prefix = |bits: u32| Ipv6Addr::from_bits(v6.to_bits() >> (128 - bits) << (128 - bits));
                (format!("{}/64", prefix(64)), format!("{}/48", prefix(48)))
            }
        };
        Self { text: peer.to_string(), address, network }
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
