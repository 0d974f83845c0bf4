//! Where the server listens, and whom it believes about where a connection came from.
//!
//! Each address is bound as it is written: one of IPv6 takes no IPv4 connections, so that both can have the same port.

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};
use socket2::{Domain, Protocol, Socket, Type};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

/// Where users connect when nothing else is said.
pub const USER_PORT: u16 = 7443;

/// Connections that wait to be accepted; the system may allow fewer.
const BACKLOG: i32 = 1024;

/// The errors of a machine without IPv6.
const NO_IPV6: [i32; 3] = [libc::EAFNOSUPPORT, libc::EADDRNOTAVAIL, libc::EPROTONOSUPPORT];

/// Where users connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// Every address of the machine, of IPv4 and, where it has that, of IPv6.
    Everywhere,
    /// These, of which there is one at least.
    At(Vec<SocketAddr>),
}

impl Listen {
    /// These addresses; everywhere when there are none.
    #[must_use]
    pub fn at(addresses: Vec<SocketAddr>) -> Self {
        if addresses.is_empty() { Self::Everywhere } else { Self::At(addresses) }
    }

    /// The addresses, in order.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        match self {
            Self::Everywhere => {
                vec![(Ipv4Addr::UNSPECIFIED, USER_PORT).into(), (Ipv6Addr::UNSPECIFIED, USER_PORT).into()]
            }
            Self::At(addresses) => addresses.clone(),
        }
    }

    /// The port of the first: it is in the join string.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.addresses().first().map_or(USER_PORT, SocketAddr::port)
    }

    /// The first address when only this machine reaches it.
    #[must_use]
    pub fn loopback(&self) -> Option<IpAddr> {
        self.addresses().first().map(SocketAddr::ip).filter(IpAddr::is_loopback)
    }

    /// Listens on all of them. Where nothing was said, a machine without IPv6 is none to complain of.
    ///
    /// # Errors
    /// With the first address that cannot be had.
    pub fn bind(&self) -> Result<Vec<TcpListener>, (SocketAddr, io::Error)> {
        let mut bound = Vec::new();
        for address in self.addresses() {
            match bind(address) {
                Ok(listener) => bound.push(listener),
                Err(cause)
                    if *self == Self::Everywhere
                        && address.is_ipv6()
                        && cause.raw_os_error().is_some_and(|code| NO_IPV6.contains(&code)) =>
                {
                    tracing::info!("this machine has no IPv6; users connect by IPv4");
                }
                Err(cause) => return Err((address, cause)),
            }
        }
        Ok(bound)
    }
}

/// As a value of TOML.
impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addresses()[..] {
            [only] => write!(f, "\"{only}\""),
            ref all => write_array(f, all),
        }
    }
}

fn write_array(f: &mut fmt::Formatter<'_>, values: &[impl fmt::Display]) -> fmt::Result {
    f.write_str("[")?;
    for (number, value) in values.iter().enumerate() {
        write!(f, "{}\"{value}\"", if number == 0 { "" } else { ", " })?;
    }
    f.write_str("]")
}

/// `"127.0.0.1:7443"`, or a list of such.
impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "write an address with its port, as in \"0.0.0.0:7443\", or a list of such"
        )]
        enum Written {
            One(SocketAddr),
            Many(Vec<SocketAddr>),
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::One(address) => Self::At(vec![address]),
            Written::Many(addresses) => Self::at(addresses),
        })
    }
}

/// Listens on one address, and on nothing else.
///
/// # Errors
/// When it cannot be had.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A server that starts again does not wait for connections of the one before.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Those who are believed when they say for whom they connect: load balancers, and what forwards into containers. Each of their
/// connections has to say so (`ports/proxy.rs`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Whether this peer is one of them.
    #[must_use]
    pub fn contain(&self, peer: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&peer))
    }
}

/// Addresses, or networks such as `10.1.0.0/24`.
impl<'de> Deserialize<'de> for Proxies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Vec::<String>::deserialize(deserializer)?;
        let networks = written.iter().map(|text| {
            let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            // Who believes everybody lets everybody be anybody.
            network.ok().filter(|network| network.prefix_len() > 0).ok_or_else(|| {
                serde::de::Error::custom(format_args!(
                    "{text:?} is not the address or the network of a load balancer, as in \"10.1.0.7\" or \"10.1.0.0/24\""
                ))
            })
        });
        networks.collect::<Result<_, _>>().map(Self)
    }
}

/// As a value of TOML.
impl fmt::Display for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_array(f, &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        listen: Option<Listen>,
        proxy_from: Option<Proxies>,
    }

    fn parse(text: &str) -> Result<File, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn one_address_and_a_list_are_the_same_and_none_is_everywhere() {
        let one = || parse("listen = \"127.0.0.1:7443\"").unwrap().listen.unwrap();
        assert_eq!(one(), parse("listen = [\"127.0.0.1:7443\"]").unwrap().listen.unwrap());
        assert_eq!((one().port(), one().loopback()), (7443, Some(Ipv4Addr::LOCALHOST.into())));
        assert_eq!(parse("listen = []").unwrap().listen, Some(Listen::Everywhere));
        assert_eq!(Listen::Everywhere.loopback(), None);
        for bad in ["listen = 7443", "listen = \"localhost\"", "listen = [\"127.0.0.1\"]"] {
            let error = parse(bad).err().unwrap().to_string();
            assert!(error.contains("0.0.0.0:7443"), "{error}");
        }
    }

    #[test]
    fn both_families_have_the_same_port_and_each_takes_its_own() {
        let v4 = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = v4.local_addr().unwrap().port();
        let Ok(v6) = bind((Ipv6Addr::UNSPECIFIED, port).into()) else {
            println!("skipped: this machine has no IPv6");
            return;
        };
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        v4.set_nonblocking(false).unwrap();
        assert!(v4.accept().unwrap().1.is_ipv4());
        assert_eq!(v6.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn who_is_believed_is_named_and_nobody_is_everybody() {
        let proxies =
            |text: &str| parse(&format!("proxy_from = {text}")).map(|file| file.proxy_from.unwrap());
        let known = proxies("[\"10.1.0.0/24\", \"fd00::7\"]").unwrap();
        for (peer, is_known) in
            [("10.1.0.255", true), ("10.1.1.0", false), ("fd00::7", true), ("fd00::8", false)]
        {
            assert_eq!(known.contain(peer.parse().unwrap()), is_known, "{peer}");
        }
        assert!(!proxies("[]").unwrap().contain(Ipv4Addr::LOCALHOST.into()));
        for bad in ["[\"0.0.0.0/0\"]", "[\"::/0\"]", "[\"balancer\"]", "[\"10.1.0.0/33\"]", "\"10.1.0.7\""] {
            assert!(proxies(bad).is_err(), "{bad}");
        }
    }
}
