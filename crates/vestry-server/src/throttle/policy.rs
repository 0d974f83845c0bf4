//! What failures in a row mean for a lane: a pure state machine, with the time as a parameter.
//!
//! ```text
//!                  failure                   failure                    failure
//!   untouched ───────────────▶ counting ───────────────▶ held ───────────────────────▶ held for longer
//!       ▲                          │   fewer than           ▲  │   2^(n − free) seconds,      │
//!       │                          │   `free` so far        │  │   up to a ceiling            │ the hundredth
//!       │                          │                        │  ▼ time passes                  ▼
//!       │        success           │              next try: allowed once                 held for a month
//!       ├──────────────────────────┘                        │                                 │
//!       └───────────────────────────────────────────────────┴─── success, an operator, or ────┘
//!                                                                 a month without a failure
//! ```
//!
//! An account's lane counts failures in a row, at most a hundred (NIST SP 800-63B-4, 3.2.2). A source's lane is not
//! reset by a success, which a guesser can have at will with an account of its own: it forgives one failure every so
//! many seconds instead.
//!
//! A wall clock that went back (`failed_at` lies in the future) holds nobody up, and keeps the count.

use vestry_protocol::UnixSeconds;
use vestry_store::Streak;

/// After so long without a failure a lane is forgotten.
pub const FORGOTTEN_AFTER_SECS: i64 = 30 * 24 * 60 * 60;

/// What a kind of lane allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// So many failures cost nothing but themselves.
    free: u32,
    /// The longest wait between two tries.
    wait_secs_max: i64,
    /// How many tries may be under way at once, failures so far included.
    at_once: u32,
    /// After so many failures in a row nothing is tried for [`FORGOTTEN_AFTER_SECS`].
    closes_at: Option<u32>,
    /// One failure is forgiven each time that so many seconds passed.
    forgives_every_secs: Option<i64>,
}

/// For whatever tries the secret of one account.
pub const OF_AN_ACCOUNT: Policy =
    Policy { free: 5, wait_secs_max: 60 * 60, at_once: 5, closes_at: Some(100), forgives_every_secs: None };

/// For one address (IPv4 /32, IPv6 /64). A whole class behind one address may mistype now and then.
pub const OF_AN_ADDRESS: Policy =
    Policy { free: 20, wait_secs_max: 60, at_once: 512, closes_at: None, forgives_every_secs: Some(60) };

/// For the network around an address (IPv4 /24, IPv6 /48).
pub const OF_A_NETWORK: Policy =
    Policy { free: 60, wait_secs_max: 30, at_once: 1_024, closes_at: None, forgives_every_secs: Some(30) };

/// Whether a try may be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Allowed,
    /// No; ask again in so many seconds.
    Held {
        /// At least one.
        wait_secs: i64,
    },
}

impl Policy {
    /// Judges a try on top of `under_way` others that have no outcome yet.
    #[must_use]
    pub fn judge(&self, streak: Option<&Streak>, under_way: u32, now: UnixSeconds) -> Verdict {
        let (failures, open_at) = match streak {
            Some(streak) if streak.failed_at <= now => (self.unforgiven(streak, now), streak.open_at),
            Some(streak) => (streak.failures, now),
            None => (0, now),
        };
        if open_at > now {
            return Verdict::Held { wait_secs: open_at - now };
        }
        let room = if failures < self.free { self.at_once.saturating_sub(failures) } else { 1 };
        if under_way >= room { Verdict::Held { wait_secs: 1 } } else { Verdict::Allowed }
    }

    /// The streak after one more failure.
    #[must_use]
    pub fn after_failure(&self, streak: Option<&Streak>, now: UnixSeconds) -> Streak {
        let failures = streak.map_or(0, |streak| self.unforgiven(streak, now)).saturating_add(1);
        // The clock tells only whole seconds: one more, so that no wait is shorter than it says.
        let wait_secs = match self.wait_secs(failures) {
            0 => 0,
            wait => wait.saturating_add(1),
        };
        Streak { failures, failed_at: now, open_at: now.saturating_add(wait_secs) }
    }

    fn unforgiven(&self, streak: &Streak, now: UnixSeconds) -> u32 {
        let passed = now.saturating_sub(streak.failed_at);
        if passed >= FORGOTTEN_AFTER_SECS {
            return 0;
        }
        let forgiven = self.forgives_every_secs.map_or(0, |every| passed.max(0) / every);
        streak.failures.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }

    fn wait_secs(&self, failures: u32) -> i64 {
        if self.closes_at.is_some_and(|closes_at| failures >= closes_at) {
            return FORGOTTEN_AFTER_SECS;
        }
        match failures.checked_sub(self.free) {
            None => 0,
            Some(doublings) => {
                1_i64.checked_shl(doublings.min(62)).map_or(i64::MAX, |wait| wait.min(self.wait_secs_max))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    const DAY: i64 = 24 * 60 * 60;

    /// How many tries somebody makes who tries again the moment that it is allowed, and is always wrong.
    fn guesses_within(policy: Policy, secs: i64) -> u32 {
        let (mut now, mut streak, mut guesses) = (0, None, 0);
        while now < secs {
            match policy.judge(streak.as_ref(), 0, now) {
                Verdict::Allowed => {
                    streak = Some(policy.after_failure(streak.as_ref(), now));
                    guesses += 1;
                }
                Verdict::Held { wait_secs } => now += wait_secs,
            }
        }
        guesses
    }

    #[test]
    fn waits_double_from_one_second_up_to_an_hour() {
        let waits: Vec<i64> = (1..=19).map(|failures| OF_AN_ACCOUNT.wait_secs(failures)).collect();
        let expected = [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600];
        assert_eq!(waits, expected);
    }

    #[test]
    fn an_account_takes_at_most_a_hundred_failures_in_a_row_and_few_a_day() {
        assert_eq!(guesses_within(OF_AN_ACCOUNT, 29 * DAY), 100);
        assert_eq!(guesses_within(OF_AN_ACCOUNT, DAY), 39);
    }

    #[test]
    fn a_source_is_slowed_to_one_guess_a_minute_and_its_network_to_two() {
        assert_eq!(guesses_within(OF_AN_ADDRESS, DAY), 20 + 1421);
        assert_eq!(guesses_within(OF_A_NETWORK, DAY), 60 + 2790);
    }

    /// 1,000 accounts with ten leaked passwords each, tried in turn from fifty addresses in five networks, each the moment
    /// that it may: a day of it.
    #[test]
    fn a_bot_with_ten_thousand_pairs_from_fifty_addresses_gets_so_many_guesses_a_day() {
        let mut lanes: HashMap<(u8, usize), Streak> = HashMap::new();
        let (mut guesses, mut most) = (0, HashMap::new());
        let mut pairs = (0..10_000).map(|pair| pair % 1_000).cycle();
        for now in 0..DAY {
            for address in 0..50 {
                let source = [((1, address), OF_AN_ADDRESS), ((2, address / 10), OF_A_NETWORK)];
                let open = |lanes: &HashMap<_, _>, (key, policy): ((u8, usize), Policy)| {
                    policy.judge(lanes.get(&key), 0, now) == Verdict::Allowed
                };
                if !source.iter().all(|lane| open(&lanes, *lane)) {
                    continue;
                }
                let account = pairs.next().unwrap();
                if !open(&lanes, ((0, account), OF_AN_ACCOUNT)) {
                    continue;
                }
                guesses += 1;
                *most.entry(account).or_insert(0) += 1;
                for (key, policy) in source.into_iter().chain([((0, account), OF_AN_ACCOUNT)]) {
                    let streak = policy.after_failure(lanes.get(&key), now);
                    lanes.insert(key, streak);
                }
            }
        }
        // Five networks at two a minute each, and their first sixty.
        assert_eq!(guesses, 5 * (60 + 2790));
        assert!(most.into_values().max().unwrap() <= 39);
    }

    #[test]
    fn tries_at_once_count_as_if_they_had_failed() {
        let after_three = Streak { failures: 3, failed_at: 0, open_at: 0 };
        let judge = |under_way| OF_AN_ACCOUNT.judge(Some(&after_three), under_way, 10);
        assert_eq!(
            (judge(0), judge(1), judge(2)),
            (Verdict::Allowed, Verdict::Allowed, Verdict::Held { wait_secs: 1 })
        );
        let after_five = Streak { failures: 5, failed_at: 0, open_at: 1 };
        assert_eq!(OF_AN_ACCOUNT.judge(Some(&after_five), 0, 10), Verdict::Allowed);
        assert_eq!(OF_AN_ACCOUNT.judge(Some(&after_five), 1, 10), Verdict::Held { wait_secs: 1 });
    }

    #[test]
    fn a_clock_that_jumps_holds_nobody_up_and_keeps_the_count() {
        let streak =
            OF_AN_ACCOUNT.after_failure(Some(&Streak { failures: 98, failed_at: 0, open_at: 0 }), 1000 * DAY);
        assert_eq!(streak.failures, 1, "forgotten after a month");
        let held = Streak { failures: 50, failed_at: DAY, open_at: DAY + 3600 };
        assert_eq!(OF_AN_ACCOUNT.judge(Some(&held), 0, 0), Verdict::Allowed, "a day back");
        let next = OF_AN_ACCOUNT.after_failure(Some(&held), 0);
        assert_eq!((next.failures, next.open_at), (51, 3601));
        let late = OF_AN_ACCOUNT.after_failure(None, i64::MAX);
        assert_eq!(OF_AN_ACCOUNT.judge(Some(&late), 0, i64::MAX), Verdict::Allowed);
    }
}
