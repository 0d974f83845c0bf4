//! What can be asked of a server, and mixes of it.

use crate::random::Random;
use std::fmt;
use std::str::FromStr;

/// One thing that a client does, timed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// A fresh connection, an OPAQUE login, and the end of both.
    LoginOpaque,
    /// A fresh connection that goes on with a session.
    Resume,
    /// Reading one's account on an open connection.
    Show,
    /// Changing an age on an open connection: durable when it is answered.
    Update,
    /// A fresh connection and its end, on any TLS 1.3 server.
    Handshake,
    /// The same with a ticket of an earlier connection, where the server gives any.
    HandshakeResumed,
    /// A fresh connection and a simple bind, on an LDAP server.
    LdapBind,
}

impl Operation {
    /// Every operation with its name on the command line.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::LoginOpaque, "login-opaque"),
        (Self::Resume, "resume"),
        (Self::Show, "show"),
        (Self::Update, "update"),
        (Self::Handshake, "handshake"),
        (Self::HandshakeResumed, "handshake-resumed"),
        (Self::LdapBind, "ldap-bind"),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(operation, _)| *operation == self).map_or("?", |(_, name)| name)
    }

    /// Whether it is asked on a connection that stays open and is logged in.
    #[must_use]
    pub fn is_steady(self) -> bool {
        matches!(self, Self::Show | Self::Update)
    }

    /// Whether it needs a Vestry server with a data set of ours.
    #[must_use]
    pub fn needs_accounts(self) -> bool {
        matches!(self, Self::LoginOpaque | Self::Resume | Self::Show | Self::Update)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Operations with their weights, as `show` or `show=9,update=1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix(Vec<(Operation, u64)>);

impl Mix {
    /// One operation after the other, by chance.
    pub fn draw(&self, random: &mut Random) -> Operation {
        let mut left = match self.0.as_slice() {
            [(only, _)] => return *only,
            several => random.below(several.iter().map(|(_, weight)| weight).sum()),
        };
        for (operation, weight) in &self.0 {
            match left.checked_sub(*weight) {
                Some(less) => left = less,
                None => return *operation,
            }
        }
        self.operations().next().unwrap_or(Operation::Handshake)
    }

    /// What is in it.
    pub fn operations(&self) -> impl Iterator<Item = Operation> + '_ {
        self.0.iter().map(|(operation, _)| *operation)
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(part).collect::<Result<Vec<_>, _>>().map(Self)
    }
}

fn part(text: &str) -> Result<(Operation, u64), String> {
    let (name, weight) = text.split_once('=').unwrap_or((text, "1"));
    let named = |(_, known): &&(Operation, &str)| *known == name.trim();
    let Some((operation, _)) = Operation::ALL.iter().find(named) else {
        let known: Vec<&str> = Operation::ALL.iter().map(|(_, name)| *name).collect();
        return Err(format!("`{name}` is no operation; there are {}", known.join(", ")));
    };
    match weight.trim().parse() {
        Ok(weight @ 1..=1_000_000) => Ok((*operation, weight)),
        _ => Err(format!("the weight of {name} is 1 to 1000000, not `{weight}`")),
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = match self.0.as_slice() {
            [(only, _)] => vec![only.to_string()],
            several => several.iter().map(|(operation, weight)| format!("{operation}={weight}")).collect(),
        };
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_drawn_by_its_weights() {
        let mix: Mix = "show=9,update=1".parse().unwrap();
        let mut random = Random::new(1, 1);
        let updates = (0..10_000).filter(|_| mix.draw(&mut random) == Operation::Update).count();
        assert!((900..1_100).contains(&updates), "{updates}");
        assert_eq!(mix.to_string(), "show=9,update=1");
    }

    #[test]
    fn what_is_no_operation_is_refused_with_those_there_are() {
        assert!("shw".parse::<Mix>().unwrap_err().contains("ldap-bind"));
        for weight in ["show=0", "show=-1", "show=x", "show="] {
            assert!(weight.parse::<Mix>().is_err(), "{weight}");
        }
    }
}
