//! Where a server is, as people write it: `host`, `host:port`, `[::1]:port`.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;
use thiserror::Error;
use vestry_protocol::escape::Escaped;
use vestry_tls::Host;

/// The user port of a server that was not told otherwise.
pub const USER_PORT_DEFAULT: u16 = 7443;

/// A host that a certificate can name, in its one spelling, and a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    host: Host,
    port: u16,
}

/// Text that names no server.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotAnAddress {
    /// It is no host and port.
    #[error("'{0}' is not the address of a server; write it as HOST:PORT, as in accounts.example.org:7443")]
    NoHostAndPort(String),
    /// It is an IPv6 address of one link, which another machine calls otherwise (RFC 4007).
    #[error(
        "'{0}' has a zone (%), which no certificate can name; use the server's name, or its address without one"
    )]
    Zone(String),
}

impl NotAnAddress {
    fn of(text: &str) -> Self {
        // As much as helps to find it again, and nothing that drives the terminal.
        const CHARS_SHOWN: usize = 60;
        let start: String = text.chars().take(CHARS_SHOWN).collect();
        let rest = if start.len() < text.len() { "…" } else { "" };
        let shown = format!("{}{rest}", Escaped(&start));
        match text.contains('%') && text.contains(':') {
            true => Self::Zone(shown),
            false => Self::NoHostAndPort(shown),
        }
    }
}

impl Address {
    /// The address of a host and a port. However the host is written, it is kept in its one spelling ([`Host`]).
    ///
    /// # Errors
    /// When the host is none, or the port is zero.
    pub fn new(host: &str, port: u16) -> Result<Self, NotAnAddress> {
        match host.parse() {
            Ok(host) if port > 0 => Ok(Self { host, port }),
            Ok(_) | Err(_) => Err(NotAnAddress::of(&format!("{host}:{port}"))),
        }
    }

    /// The host name or IP address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.as_str()
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
        let refuse = || NotAnAddress::of(text);
        let (host, port) = split(text.trim()).ok_or_else(refuse)?;
        Self::new(host, port).map_err(|_| refuse())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host().contains(':') {
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
            // U-17: one server in several spellings.
            ("[0:0:0:0:0:0:0:1]:99", "::1", 99),
            ("[2001:DB8::0:1]:99", "2001:db8::1", 99),
            ("dual.test.:99", "dual.test", 99),
            ("M\u{fc}ller.example:99", "xn--mller-kva.example", 99),
            ("mu\u{308}ller.example", "xn--mller-kva.example", 7443),
            ("xn--mller-kva.example.", "xn--mller-kva.example", 7443),
        ];
        for (text, host, port) in cases {
            let address: Address = text.parse().unwrap();
            assert_eq!((address.host(), address.port()), (host, port), "{text:?}");
            assert_eq!(address.to_string().parse(), Ok(address));
        }
    }

    #[test]
    fn a_zone_is_refused_with_the_reason_and_a_long_text_is_cut() {
        for zone in ["[fe80::1%eth0]", "fe80::1%eth0", "[fe80::1%25eth0]:7443"] {
            assert_eq!(zone.parse::<Address>(), Err(NotAnAddress::Zone(zone.to_owned())));
        }
        let long = "x".repeat(20_000).parse::<Address>().unwrap_err().to_string();
        assert!(long.chars().count() < 180, "{long}");
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
