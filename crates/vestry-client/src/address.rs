//! Where a server is, as people write it: `host`, `host:port`, `[::1]:port`.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;
use thiserror::Error;
use vestry_protocol::escape::Escaped;
use vestry_tls::join::is_host;

/// The user port of a server that was not told otherwise.
pub const USER_PORT_DEFAULT: u16 = 7443;

/// A host that a certificate can name, and a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    host: String,
    port: u16,
}

/// Text that names no server.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{}' is not the address of a server; write it as HOST:PORT, as in accounts.example.org:7443", Escaped(.0))]
pub struct NotAnAddress(String);

impl Address {
    /// The address of a host and a port; the host is folded to lower case.
    ///
    /// # Errors
    /// When the host is none, or the port is zero.
    pub fn new(host: &str, port: u16) -> Result<Self, NotAnAddress> {
        match is_host(host) && port > 0 {
            true => Ok(Self { host: host.to_ascii_lowercase(), port }),
            false => Err(NotAnAddress(format!("{host}:{port}"))),
        }
    }

    /// The host name or IP address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let refuse = || NotAnAddress(text.to_owned());
        let (host, port) = split(text.trim()).ok_or_else(refuse)?;
        Self::new(host, port).map_err(|_| refuse())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

fn split(text: &str) -> Option<(&str, u16)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        let port = match rest {
            "" => USER_PORT_DEFAULT,
            some => some.strip_prefix(':')?.parse().ok()?,
        };
        return Some((host, port));
    }
    // An IPv6 address without brackets is all colons: then there is no port.
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => Some((host, port.parse().ok()?)),
        Some(_) | None => Some((text, USER_PORT_DEFAULT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        let cases = [
            ("127.0.0.1:7443", "127.0.0.1", 7443),
            ("Accounts.Example.org:1", "accounts.example.org", 1),
            ("localhost", "localhost", 7443),
            ("[::1]:99", "::1", 99),
            ("[::1]", "::1", 7443),
            ("::1", "::1", 7443),
            (" host:65535\n", "host", 65535),
        ];
        for (text, host, port) in cases {
            let address: Address = text.parse().unwrap();
            assert_eq!((address.host(), address.port()), (host, port), "{text:?}");
            assert_eq!(address.to_string().parse(), Ok(address));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let cases = [
            "",
            ":",
            "host:",
            ":7443",
            "host:0",
            "host:65536",
            "host:x",
            "two words:1",
            "a/b:1",
            "[::1",
            "[::1]x",
            "[host]:1",
            "\u{1b}[2J:1",
            "host:-1",
        ];
        for case in cases {
            assert!(case.parse::<Address>().is_err(), "{case:?} was taken");
        }
    }
}
