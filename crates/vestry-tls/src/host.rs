//! The names of a server, as its certificate and its join string have them: each in one spelling, each once, never none.
//!
//! A certificate and a join string are made of these types only, so that no name gets into either that a client would
//! not find there: a DNS name is in lower case, in A-labels and without the dot of its root (RFC 6125, 6.4.1; RFC 5890, 2.3.2.5), an
//! address is as RFC 5952 writes it.

use crate::error::TlsError;
use crate::facts::CertificateFacts;
use crate::join::is_host;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The names that every server certificate covers, so that the console and a first try on the same machine work.
pub const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A DNS name or an IP address that a certificate can name, in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host(String);

impl Host {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether every server certificate covers it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        LOCAL_NAMES.contains(&self.0.as_str())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Host {
    type Err = TlsError;

    fn from_str(text: &str) -> Result<Self, TlsError> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_string()));
        }
        let bad = || TlsError::BadHost(text.to_owned());
        let name = text.strip_suffix('.').unwrap_or(text);
        let name = match name.is_ascii() {
            true => name.to_ascii_lowercase(),
            // Of a name beyond ASCII a certificate has the A-labels (RFC 5890).
            false => Uts46::new()
                .to_ascii(name.as_bytes(), AsciiDenyList::STD3, Hyphens::Check, DnsLength::Verify)
                .map_err(|_| bad())?
                .into_owned(),
        };
        // What is left may end in a dot again, or be an address, which has none.
        match is_host(&name) && !name.ends_with('.') && name.parse::<IpAddr>().is_err() {
            true => Ok(Self(name)),
            false => Err(bad()),
        }
    }
}

/// The hosts of a server: at least one, each once. The first is the one that users are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    first: Host,
    others: Vec<Host>,
}

impl Hosts {
    /// Takes hosts in their order, each once.
    ///
    /// # Errors
    /// When there is none.
    pub fn new(hosts: impl IntoIterator<Item = Host>) -> Result<Self, TlsError> {
        let mut hosts = hosts.into_iter();
        let first = hosts.next().ok_or(TlsError::NoHost)?;
        let mut all = Self { first, others: Vec::new() };
        hosts.for_each(|host| all.add(host));
        Ok(all)
    }

    fn add(&mut self, host: Host) {
        if !self.contains(&host) {
            self.others.push(host);
        }
    }

    /// Reads hosts as people write them.
    ///
    /// # Errors
    /// When there is none, or one is no host.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, TlsError> {
        Self::new(texts.into_iter().map(|text| text.as_ref().parse()).collect::<Result<Vec<Host>, _>>()?)
    }

    /// Reads the hosts that a certificate names. A name that a certificate of ours could not have is left out.
    ///
    /// # Errors
    /// When it names none.
    pub fn of_certificate(facts: &CertificateFacts) -> Result<Self, TlsError> {
        Self::new(facts.sans.iter().filter_map(|name| name.parse().ok()))
    }

    /// Returns the name by which only this machine reaches a server.
    #[must_use]
    pub fn localhost() -> Self {
        Self { first: Host("localhost".to_owned()), others: Vec::new() }
    }

    /// The one that users are told.
    #[must_use]
    pub fn first(&self) -> &Host {
        &self.first
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Host> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Returns whether `host` is one of them.
    #[must_use]
    pub fn contains(&self, host: &Host) -> bool {
        self.iter().any(|known| known == host)
    }

    /// These, and behind them those of `others` that are not among them.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        let mut all = self.clone();
        others.iter().cloned().for_each(|host| all.add(host));
        all
    }

    /// What a certificate for these hosts covers: them, and the names of this machine.
    #[must_use]
    pub fn with_local_names(&self) -> Self {
        let mut all = self.clone();
        LOCAL_NAMES.iter().for_each(|name| all.add(Host((*name).to_owned())));
        all
    }

    /// Those that are not among `others`.
    #[must_use]
    pub fn without(&self, others: &Self) -> Vec<Host> {
        self.iter().filter(|host| !others.contains(host)).cloned().collect()
    }
}

impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, host) in self.iter().enumerate() {
            if number > 0 {
                f.write_str(", ")?;
            }
            host.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_spelling() {
        for (typed, kept) in [
            ("Accounts.Example.ORG", "accounts.example.org"),
            ("accounts.example.org.", "accounts.example.org"),
            ("localhost.", "localhost"),
            ("127.0.0.1", "127.0.0.1"),
            ("2001:DB8:0::1", "2001:db8::1"),
        ] {
            assert_eq!(typed.parse::<Host>().unwrap().as_str(), kept);
        }
        for bad in ["", ".", "a..", "127.0.0.1.", "two words", "a/b", "*.example.org", "\u{1b}[2J", "[::1]"] {
            assert!(matches!(bad.parse::<Host>(), Err(TlsError::BadHost(_))), "{bad:?} was taken");
        }
    }

    #[test]
    fn hosts_are_each_once_and_never_none() {
        let hosts = Hosts::parse(["b.example", "a.example.", "B.example"]).unwrap();
        assert_eq!(
            (hosts.to_string().as_str(), hosts.first().as_str()),
            ("b.example, a.example", "b.example")
        );
        assert_eq!(hosts.with_local_names().to_string(), "b.example, a.example, localhost, 127.0.0.1, ::1");
        let less = Hosts::parse(["a.example"]).unwrap();
        assert_eq!(hosts.without(&less), ["b.example".parse::<Host>().unwrap()]);
        assert!(matches!(Hosts::parse::<&str>([]), Err(TlsError::NoHost)));
    }
}
