//! Which plays each player has, from which source addresses, and what the settings promise for it. Each play has networks of
//! its own, so that what one fills throttles no other.

use super::plays::{Act, Play, Player};
use super::port::source;
use super::promise::{Limits, Promise};
use crate::failure::Failure;
use std::net::Ipv4Addr;

/// Connections of the stranger's one address: more than attempts at one account may be under way.
const LINES_AT_ONCE: usize = 8;

/// Addresses of a crowd in one network.
const HOSTS: u8 = 10;

/// Networks of a crowd at one account: more than it has slots for.
const NETWORKS: u8 = 24;

/// Networks of a crowd that makes as many accounts as it can.
const NETWORKS_MAX: u8 = 100;

/// What the plays are made of.
pub(super) struct Cast<'a> {
    pub(super) limits: &'a Limits,
    pub(super) seconds: u64,
    /// The name of an account at which no play guesses by a login: that would throttle registrations of it, too.
    pub(super) taken: String,
}

impl Cast<'_> {
    /// Returns the plays of one address without an account.
    pub(super) fn stranger(&self, account: String) -> Result<Vec<Play>, Failure> {
        let one = |network| vec![source(network, 1)];
        let play = |what, limit, act, sources| Play { player: Player::Stranger, what, limit, act, sources };
        Ok(vec![
            play(
                "guesses at one account",
                self.limits.guesses_of_strangers(self.seconds)?,
                Act::GuessAt(account),
                one(1).repeat(LINES_AT_ONCE),
            ),
            play(
                "guesses from one address",
                self.bucket("gate.attempts_per_address_max")?,
                Act::GuessAround,
                one(2),
            ),
            play("names told to one address", self.bucket("gate.names_per_address_max")?, self.ask(), one(3)),
            play(
                "wrong codes from one address",
                self.bucket("gate.wrong_codes_per_address_max")?,
                self.codes(),
                one(4),
            ),
            play(
                "accounts made from one address",
                self.bucket("gate.registrations_per_address_max")?,
                Act::Register,
                one(5),
            ),
        ])
    }

    /// Returns the plays of a session without its password.
    pub(super) fn thief(&self) -> Result<Vec<Play>, Failure> {
        let one = vec![source(0, 1)];
        let play = |what, limit, act, sources| Play { player: Player::Thief, what, limit, act, sources };
        Ok(vec![
            play(
                "guesses with one session",
                self.limits.guesses_in_session(self.seconds)?,
                Act::Prove,
                one.repeat(LINES_AT_ONCE),
            ),
            play("writes with one session", self.bucket("gate.writes_at_once")?, Act::Write, one),
        ])
    }

    /// Returns the plays of many addresses.
    pub(super) fn crowd(&self, account: String) -> Result<Vec<Play>, Failure> {
        let play = |what, limit, act, sources| Play { player: Player::Crowd, what, limit, act, sources };
        Ok(vec![
            play(
                "guesses at one account",
                self.limits.guesses_of_strangers(self.seconds)?,
                Act::GuessAt(account),
                (0..NETWORKS).map(|network| source(20 + network, 1)).collect(),
            ),
            play(
                "guesses from one network",
                self.bucket("gate.attempts_per_network_max")?,
                Act::GuessAround,
                hosts_of(50),
            ),
            play(
                "names told to one network",
                self.bucket("gate.names_per_network_max")?,
                self.ask(),
                hosts_of(51),
            ),
            play(
                "wrong codes from one network",
                self.bucket("gate.wrong_codes_per_network_max")?,
                self.codes(),
                hosts_of(52),
            ),
            play(
                "accounts made from one network",
                self.bucket("gate.registrations_per_network_max")?,
                Act::Register,
                hosts_of(53),
            ),
        ])
    }

    /// Returns the play of as many networks as it takes to use up the registrations of an hour, of which some are used already.
    pub(super) fn everywhere(&self, used: u64) -> Result<Play, Failure> {
        // One more: the bucket was filling before, so that an interval may end right after the beginning.
        let limit = self.bucket("gate.registrations_per_hour_max")?.map(|all| all.saturating_sub(used) + 1);
        let of_one = self.bucket("gate.registrations_per_network_max")?.unwrap_or(u64::MAX).max(1);
        let networks = u8::try_from(limit.unwrap_or(0) / of_one).unwrap_or(u8::MAX).saturating_add(1);
        let sources = (0..networks.min(NETWORKS_MAX)).flat_map(|network| hosts_of(100 + network)).collect();
        let what = "accounts made from everywhere";
        Ok(Play { player: Player::Crowd, what, limit, act: Act::Register, sources })
    }

    fn bucket(&self, key: &str) -> Result<Promise, Failure> {
        self.limits.bucket(key, self.seconds)
    }

    fn ask(&self) -> Act {
        Act::AskFor(self.taken.clone())
    }

    fn codes(&self) -> Act {
        Act::TryCodes(self.taken.clone())
    }
}

fn hosts_of(network: u8) -> Vec<Ipv4Addr> {
    (1..=HOSTS).map(|host| source(network, host)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use vestry_protocol::admin::Limit;

    #[test]
    fn no_two_plays_share_a_network_and_none_is_on_the_address_that_others_use() {
        let keys = [
            "gate.account_guesses_at_once",
            "gate.account_guesses_max",
            "gate.attempts_per_address_max",
            "gate.attempts_per_network_max",
            "gate.names_per_address_max",
            "gate.names_per_network_max",
            "gate.wrong_codes_per_address_max",
            "gate.wrong_codes_per_network_max",
            "gate.registrations_per_address_max",
            "gate.registrations_per_network_max",
            "gate.registrations_per_hour_max",
        ];
        let limit = |key: &str| Limit { key: key.to_owned(), at_once: 5, interval_ms: None };
        let limits = Limits::new(keys.map(limit).to_vec());
        let cast = Cast { limits: &limits, seconds: 1, taken: String::new() };
        let mut plays = cast.stranger(String::new()).unwrap();
        plays.extend(cast.crowd(String::new()).unwrap());
        plays.push(cast.everywhere(0).unwrap());
        let mut owners = BTreeMap::new();
        for (number, play) in plays.iter().enumerate() {
            for address in &play.sources {
                let [a, b, network, _] = address.octets();
                assert_eq!([a, b], [127, 77]);
                assert_eq!(*owners.entry(network).or_insert(number), number, "{}", play.what);
            }
        }
        assert_eq!(owners.len(), 4 + 1 + 24 + 4 + 2);
    }
}
