//! What failures mean for a lane: pure state machines, with the time as a parameter.
//!
//! A **streak** counts failures in a row: of an account, a session, or an account's devices.
//!
//! ```text
//!                  failure                   failure                     failure
//!   untouched ───────────────▶ counting ───────────────▶ delayed ─────────────────────▶ delayed for longer
//!       ▲                          │   fewer than           ▲  │   2^(n − free) seconds,       │
//!       │                          │   `free` so far        │  │   up to an hour               │ the hundredth
//!       │                          │   several shares        │  ▼ time passes                   ▼
//!       │        success           │              one share (or two)                     closed for a month
//!       ├──────────────────────────┘                        │                                  │
//!       └───────────────────────────────────────────────────┴─── success, an operator, or ─────┘
//!                                                                  a month without a failure
//! ```
//!
//! What is under way has a share, and counts as a failure until it has an outcome. Strangers share an account's shares, so
//! some of them are for networks that hold none: work that is held open from one network shuts no other out.
//!
//! A **bucket** counts failures, or whatever else is limited, from a source: it drains at a fixed rate. A success does not
//! empty it, since a guesser can have successes at will with an account of its own.
//!
//! A wall clock that went back (the last failure lies more than a minute ahead) delays nobody, and keeps the count.

use vestry_protocol::UnixSeconds;
use vestry_store::Streak;

/// After so long without a failure a lane is forgotten.
pub const FORGOTTEN_AFTER_SECS: i64 = 30 * 24 * 60 * 60;

/// The longest delay between two attempts at one account.
const DELAY_SECS_MAX: i64 = 60 * 60;

/// When every share is taken, one is free again within a second as a rule: a client needs that long to stretch.
const SLOT_WAIT_MS: u64 = 500;

/// A failure that lies so far ahead, or less, is of a clock that was set back a little: its delay holds.
const CLOCK_SKEW_SECS: i64 = 60;

/// What a kind of lane allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Failures in a row.
    Streak(StreakPolicy),
    /// A bucket that drains.
    Bucket(BucketPolicy),
}

/// Failures in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreakPolicy {
    /// So many failures cost no delay; as many may be under way at once.
    pub free: u32,
    /// So many more may be under way, each only for a network that holds none. After the free failures it is one.
    pub guests: u32,
    /// So many failures in a row close the lane for [`FORGOTTEN_AFTER_SECS`] (NIST SP 800-63B-4, 3.2.2: at most 100).
    pub closes_at: u32,
}

/// A bucket that drains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketPolicy {
    /// So many fit.
    pub burst: u32,
    /// One drains each time that so many milliseconds passed.
    pub interval_ms: i64,
}

/// What is under way in a lane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnderWay {
    /// In all.
    pub all: u32,
    /// From the network that asks.
    pub of_network: u32,
}

/// Whether an attempt may be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Allowed,
    /// It may not; ask again in so many milliseconds.
    Wait {
        /// At least one.
        ms: u64,
    },
}

impl Policy {
    /// Judges an attempt on top of what is under way.
    #[must_use]
    pub fn judge(&self, streak: Option<&Streak>, under_way: UnderWay, now: UnixSeconds) -> Verdict {
        match self {
            Self::Streak(policy) => policy.judge(streak, under_way, now),
            Self::Bucket(policy) => policy.judge(streak, under_way.all, now),
        }
    }

    /// The lane after one more failure.
    #[must_use]
    pub fn after_failure(&self, streak: Option<&Streak>, now: UnixSeconds) -> Streak {
        match self {
            Self::Streak(policy) => policy.after_failure(streak, now),
            Self::Bucket(policy) => policy.after_one_more(streak, now),
        }
    }
}

impl StreakPolicy {
    fn judge(&self, streak: Option<&Streak>, under_way: UnderWay, now: UnixSeconds) -> Verdict {
        let (failures, open_at) = match streak {
            Some(streak) if streak.failed_at <= now.plus(CLOCK_SKEW_SECS) => {
                (failures_at(streak, now), streak.open_at)
            }
            Some(streak) => (streak.failures, now),
            None => (0, now),
        };
        if open_at > now {
            return Verdict::Wait { ms: open_at.since(now).unsigned_abs().saturating_mul(1_000) };
        }
        let ceiling = self.free.saturating_add(self.guests);
        // The shares for anybody, and those for networks that hold none.
        let (shares, guests) = match failures {
            few if few < self.free => (self.free, self.guests),
            some if some < ceiling => (1, 1),
            _ => (1, 0),
        };
        let has_slot = under_way.all < shares
            || (under_way.of_network == 0 && under_way.all < shares.saturating_add(guests));
        let below_ceiling = failures >= ceiling || failures.saturating_add(under_way.all) < ceiling;
        if has_slot && below_ceiling { Verdict::Allowed } else { Verdict::Wait { ms: SLOT_WAIT_MS } }
    }

    fn after_failure(&self, streak: Option<&Streak>, now: UnixSeconds) -> Streak {
        let failures = streak.map_or(0, |streak| failures_at(streak, now)).saturating_add(1);
        // The clock tells only whole seconds: one more, so that no delay is shorter than it says.
        let delay_secs = match self.delay_secs(failures) {
            0 => 0,
            delay => delay.saturating_add(1),
        };
        Streak { failures, failed_at: now, open_at: now.plus(delay_secs), drained_ms: 0 }
    }

    fn delay_secs(&self, failures: u32) -> i64 {
        if failures >= self.closes_at {
            return FORGOTTEN_AFTER_SECS;
        }
        match failures.checked_sub(self.free) {
            None => 0,
            Some(doublings) => {
                1_i64.checked_shl(doublings.min(62)).map_or(i64::MAX, |delay| delay.min(DELAY_SECS_MAX))
            }
        }
    }
}

fn failures_at(streak: &Streak, now: UnixSeconds) -> u32 {
    if now.since(streak.failed_at) >= FORGOTTEN_AFTER_SECS { 0 } else { streak.failures }
}

impl BucketPolicy {
    fn judge(&self, streak: Option<&Streak>, under_way: u32, now: UnixSeconds) -> Verdict {
        let (level, drained_ms) = self.level_at(streak, now);
        if level.saturating_add(under_way) < self.burst {
            return Verdict::Allowed;
        }
        if level < self.burst {
            return Verdict::Wait { ms: SLOT_WAIT_MS };
        }
        let excess = i64::from(level.saturating_sub(self.burst).saturating_add(1));
        let room_at = drained_ms.saturating_add(excess.saturating_mul(self.interval_ms));
        // The clock tells only whole seconds.
        let ms = room_at.saturating_sub(milliseconds(now)).max(1).unsigned_abs();
        Verdict::Wait { ms: ms.div_ceil(1_000).saturating_mul(1_000) }
    }

    fn after_one_more(&self, streak: Option<&Streak>, now: UnixSeconds) -> Streak {
        let (level, drained_ms) = self.level_at(streak, now);
        let drained_ms = if level == 0 { milliseconds(now) } else { drained_ms };
        let failures = level.saturating_add(1);
        let excess = i64::from(failures.saturating_sub(self.burst).saturating_add(1));
        let room_at = drained_ms.saturating_add(excess.saturating_mul(self.interval_ms));
        let opened = UnixSeconds::from_seconds(room_at.div_euclid(1_000)).plus(1);
        let open_at = if failures < self.burst { now } else { opened };
        Streak { failures, failed_at: now, open_at, drained_ms }
    }

    /// How full it is.
    #[must_use]
    pub fn level(&self, streak: Option<&Streak>, now: UnixSeconds) -> u32 {
        self.level_at(streak, now).0
    }

    /// How full it is, and up to when that is so.
    fn level_at(&self, streak: Option<&Streak>, now: UnixSeconds) -> (u32, i64) {
        let Some(streak) = streak else { return (0, milliseconds(now)) };
        // A clock that went back drains nothing, and lets time count from now on.
        let drained_ms = streak.drained_ms.min(milliseconds(now));
        let drops = milliseconds(now).saturating_sub(drained_ms) / self.interval_ms.max(1);
        let level = streak.failures.saturating_sub(u32::try_from(drops).unwrap_or(u32::MAX));
        (level, drained_ms.saturating_add(drops.saturating_mul(self.interval_ms)))
    }
}

fn milliseconds(at: UnixSeconds) -> i64 {
    at.seconds().saturating_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    const DAY: i64 = 24 * 60 * 60;
    const STRANGERS: Policy = Policy::Streak(StreakPolicy { free: 5, guests: 5, closes_at: 100 });
    const OWN: Policy = Policy::Streak(StreakPolicy { free: 5, guests: 0, closes_at: 100 });
    const ADDRESS: Policy = Policy::Bucket(BucketPolicy { burst: 20, interval_ms: 60_000 });
    const NETWORK: Policy = Policy::Bucket(BucketPolicy { burst: 60, interval_ms: 30_000 });
    const NAMES: Policy = Policy::Bucket(BucketPolicy { burst: 60, interval_ms: 200 });
    const IDLE: UnderWay = UnderWay { all: 0, of_network: 0 };

    fn at(seconds: i64) -> UnixSeconds {
        UnixSeconds::from_seconds(seconds)
    }

    fn is_allowed(policy: Policy, streak: Option<&Streak>, (all, of_network): (u32, u32), now: i64) -> bool {
        policy.judge(streak, UnderWay { all, of_network }, at(now)) == Verdict::Allowed
    }

    /// How many attempts somebody makes who tries again the moment that it is allowed, and is always wrong.
    fn guesses_within(policy: Policy, secs: i64) -> u32 {
        let (mut now, mut streak, mut guesses) = (0, None, 0);
        while now < secs {
            match policy.judge(streak.as_ref(), IDLE, at(now)) {
                Verdict::Allowed => {
                    streak = Some(policy.after_failure(streak.as_ref(), at(now)));
                    guesses += 1;
                }
                Verdict::Wait { ms } => now += i64::try_from(ms.div_ceil(1_000)).unwrap(),
            }
        }
        guesses
    }

    /// The same from so many networks, each with as much under way as it gets, and all of it failing at once.
    fn guesses_of_a_crowd_within(policy: Policy, networks: u32, secs: i64) -> u32 {
        let (mut streak, mut guesses) = (None, 0);
        for now in 0..secs {
            let mut held = vec![0; usize::try_from(networks).unwrap()];
            for network in (0..networks).cycle().take(24) {
                let own = &mut held[usize::try_from(network).unwrap()];
                let of_network = *own;
                let all = held.iter().sum();
                if is_allowed(policy, streak.as_ref(), (all, of_network), now) {
                    held[usize::try_from(network).unwrap()] += 1;
                }
            }
            for _ in 0..held.into_iter().sum() {
                streak = Some(policy.after_failure(streak.as_ref(), at(now)));
                guesses += 1;
            }
        }
        guesses
    }

    #[test]
    fn delays_double_from_one_second_up_to_an_hour() {
        let Policy::Streak(policy) = STRANGERS else { panic!("it is a streak") };
        let delays: Vec<i64> = (1..=19).map(|failures| policy.delay_secs(failures)).collect();
        let expected = [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600];
        assert_eq!(delays, expected);
    }

    #[test]
    fn an_account_takes_at_most_a_hundred_failures_in_a_row_and_few_a_day() {
        for policy in [STRANGERS, OWN] {
            assert_eq!(guesses_within(policy, 29 * DAY), 100);
            assert_eq!(guesses_within(policy, DAY), 39);
            assert_eq!(guesses_within(policy, 11), 8);
        }
    }

    #[test]
    fn a_crowd_gets_ten_guesses_at_an_account_in_ten_seconds_and_then_no_more() {
        assert_eq!(guesses_of_a_crowd_within(STRANGERS, 12, 11), 10);
        assert_eq!(guesses_of_a_crowd_within(STRANGERS, 12, DAY), 39);
        assert_eq!(guesses_of_a_crowd_within(OWN, 12, 11), 8);
    }

    #[test]
    fn five_slots_are_for_anybody_and_five_more_each_for_a_network_that_holds_none() {
        for (all, of_network, allowed) in [
            (0, 0, true),
            (4, 4, true),
            (5, 5, false),
            (5, 1, false),
            (5, 0, true),
            (9, 0, true),
            (10, 0, false),
        ] {
            assert_eq!(is_allowed(STRANGERS, None, (all, of_network), 9), allowed, "{all} {of_network}");
            assert_eq!(is_allowed(OWN, None, (all, of_network), 9), all < 5, "{all} {of_network}");
        }
    }

    #[test]
    fn what_is_under_way_counts_as_if_it_had_failed() {
        let after = |failures| Streak { failures, failed_at: at(0), open_at: at(0), drained_ms: 0 };
        // Three failed: seven more may be under way before there are ten.
        assert!(is_allowed(STRANGERS, Some(&after(3)), (6, 0), 10));
        assert!(!is_allowed(STRANGERS, Some(&after(3)), (7, 0), 10));
        assert!(
            is_allowed(OWN, Some(&after(3)), (1, 1), 10) && !is_allowed(OWN, Some(&after(3)), (2, 2), 10)
        );
        // From the fifth on one share, and a second for another network, until delays reach 30 s.
        for failures in 5..9 {
            let streak = after(failures);
            assert!(is_allowed(STRANGERS, Some(&streak), (0, 0), 10), "{failures}");
            assert!(!is_allowed(STRANGERS, Some(&streak), (1, 1), 10), "{failures}");
            assert!(is_allowed(STRANGERS, Some(&streak), (1, 0), 10), "{failures}");
            assert!(!is_allowed(STRANGERS, Some(&streak), (2, 0), 10), "{failures}");
        }
        for failures in [9, 10, 50, 99] {
            assert!(is_allowed(STRANGERS, Some(&after(failures)), (0, 0), 10), "{failures}");
            assert!(!is_allowed(STRANGERS, Some(&after(failures)), (1, 0), 10), "{failures}");
        }
    }

    #[test]
    fn a_source_is_slowed_to_one_guess_a_minute_and_its_network_to_two() {
        assert_eq!(guesses_within(ADDRESS, DAY), 20 + 1439);
        assert_eq!(guesses_within(NETWORK, DAY), 60 + 2879);
        assert!(!is_allowed(ADDRESS, None, (20, 20), 0) && is_allowed(ADDRESS, None, (19, 19), 0));
    }

    #[test]
    fn a_bucket_drains_at_its_rate_however_often_it_is_asked() {
        assert_eq!(guesses_within(NAMES, 10), 60 + 45);
        // A thousand an hour is one each 3.6 s, which no whole second divides.
        let an_hour = Policy::Bucket(BucketPolicy { burst: 1_000, interval_ms: 3_600 });
        assert_eq!(guesses_within(an_hour, DAY), 1_000 + 23_999);
        // Filled slower than it drains it never is full; asked each second it drains as fast.
        let mut streak = None;
        for now in (0..10 * DAY).step_by(61) {
            assert!(is_allowed(ADDRESS, streak.as_ref(), (0, 0), now));
            streak = Some(ADDRESS.after_failure(streak.as_ref(), at(now)));
        }
        assert_eq!(streak.unwrap().failures, 1);
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
                let source = [((1, address), ADDRESS), ((2, address / 10), NETWORK)];
                let open = |lanes: &HashMap<_, _>, (key, policy): ((u8, usize), Policy)| {
                    is_allowed(policy, lanes.get(&key), (0, 0), now)
                };
                if !source.iter().all(|lane| open(&lanes, *lane)) {
                    continue;
                }
                let account = pairs.next().unwrap();
                if !open(&lanes, ((0, account), STRANGERS)) {
                    continue;
                }
                guesses += 1;
                *most.entry(account).or_insert(0) += 1;
                for (key, policy) in source.into_iter().chain([((0, account), STRANGERS)]) {
                    let streak = policy.after_failure(lanes.get(&key), at(now));
                    lanes.insert(key, streak);
                }
            }
        }
        // Five networks at two a minute each, and their first sixty.
        assert_eq!(guesses, 5 * (60 + 2879));
        assert!(most.into_values().max().unwrap() <= 39);
    }

    #[test]
    fn a_clock_that_jumps_delays_nobody_and_keeps_the_count() {
        let row = |failures, failed, open| {
            let (failed_at, open_at) = (at(failed), at(open));
            Streak { failures, failed_at, open_at, drained_ms: 0 }
        };
        let streak = STRANGERS.after_failure(Some(&row(98, 0, 0)), at(1000 * DAY));
        assert_eq!(streak.failures, 1, "forgotten after a month");
        let delayed = row(50, DAY, DAY + 3600);
        assert!(is_allowed(STRANGERS, Some(&delayed), (0, 0), 0), "a day back");
        let next = STRANGERS.after_failure(Some(&delayed), at(0));
        assert_eq!((next.failures, next.open_at), (51, at(3601)));
        let late = STRANGERS.after_failure(None, UnixSeconds::MAX);
        assert!(is_allowed(STRANGERS, Some(&late), (0, 0), i64::MAX));
        let full = Streak { failures: 20, failed_at: at(DAY), open_at: at(DAY), drained_ms: DAY * 1_000 };
        assert!(!is_allowed(ADDRESS, Some(&full), (0, 0), 0), "a bucket keeps its count");
        assert_eq!(ADDRESS.judge(Some(&full), IDLE, at(0)), Verdict::Wait { ms: 60_000 });
        assert_eq!(ADDRESS.judge(Some(&full), IDLE, UnixSeconds::MAX), Verdict::Allowed);
    }
}
