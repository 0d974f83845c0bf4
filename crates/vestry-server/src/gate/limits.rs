//! How fast each bucket drains, beside its size from the settings: the gate judges by these, and operators are shown the same.

use super::policy::BucketPolicy;
use crate::config::GateConfig;
use vestry_protocol::admin::Limit;

const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;
const HALF_MINUTE_MS: i64 = 30_000;

impl GateConfig {
    pub(super) fn attempts_per_address(&self) -> BucketPolicy {
        BucketPolicy { burst: self.attempts_per_address_max, interval_ms: MINUTE_MS }
    }

    pub(super) fn attempts_per_network(&self) -> BucketPolicy {
        BucketPolicy { burst: self.attempts_per_network_max, interval_ms: HALF_MINUTE_MS }
    }

    pub(super) fn registrations_per_address(&self) -> BucketPolicy {
        BucketPolicy { burst: self.registrations_per_address_max, interval_ms: MINUTE_MS }
    }

    pub(super) fn registrations_per_network(&self) -> BucketPolicy {
        BucketPolicy { burst: self.registrations_per_network_max, interval_ms: HALF_MINUTE_MS }
    }

    pub(super) fn registrations_per_hour(&self) -> BucketPolicy {
        let burst = self.registrations_per_hour_max;
        BucketPolicy { burst, interval_ms: (HOUR_MS / i64::from(burst.max(1))).max(1) }
    }

    pub(super) fn names_per_address(&self) -> BucketPolicy {
        BucketPolicy { burst: self.names_per_address_max, interval_ms: 1_000 }
    }

    pub(super) fn names_per_network(&self) -> BucketPolicy {
        BucketPolicy { burst: self.names_per_network_max, interval_ms: 200 }
    }

    pub(super) fn wrong_codes_per_address(&self) -> BucketPolicy {
        BucketPolicy { burst: self.wrong_codes_per_address_max, interval_ms: MINUTE_MS }
    }

    pub(super) fn wrong_codes_per_network(&self) -> BucketPolicy {
        BucketPolicy { burst: self.wrong_codes_per_network_max, interval_ms: HALF_MINUTE_MS }
    }

    /// Returns every limit by its key.
    pub(super) fn shown(&self) -> Vec<Limit> {
        let bucket = |key: &str, policy: BucketPolicy| Limit {
            key: key.to_owned(),
            at_once: policy.burst.into(),
            interval_ms: Some(policy.interval_ms.unsigned_abs()),
        };
        let fixed =
            |key: &str, most: u32| Limit { key: key.to_owned(), at_once: most.into(), interval_ms: None };
        let write_interval_ms = u64::try_from(self.write_interval.as_millis()).unwrap_or(u64::MAX);
        vec![
            fixed("gate.account_guesses_at_once", self.account_guesses_at_once),
            fixed("gate.account_guesses_max", self.account_guesses_max),
            bucket("gate.attempts_per_address_max", self.attempts_per_address()),
            bucket("gate.attempts_per_network_max", self.attempts_per_network()),
            bucket("gate.registrations_per_address_max", self.registrations_per_address()),
            bucket("gate.registrations_per_network_max", self.registrations_per_network()),
            bucket("gate.registrations_per_hour_max", self.registrations_per_hour()),
            bucket("gate.names_per_address_max", self.names_per_address()),
            bucket("gate.names_per_network_max", self.names_per_network()),
            bucket("gate.wrong_codes_per_address_max", self.wrong_codes_per_address()),
            bucket("gate.wrong_codes_per_network_max", self.wrong_codes_per_network()),
            fixed("gate.code_evaluations_max", self.code_evaluations_max),
            fixed("gate.code_evaluations_per_day_max", self.code_evaluations_per_day_max),
            fixed("gate.devices_max", self.devices_max),
            Limit {
                key: "gate.writes_at_once".to_owned(),
                at_once: self.writes_at_once.into(),
                interval_ms: Some(write_interval_ms),
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    /// `writes_at_once` is shown with `write_interval_ms`; `exchange_secs_max` is a time and no limit.
    #[test]
    fn every_limit_that_is_shown_has_the_name_of_its_setting() {
        let config = Config::default();
        let groups = config.describe();
        let gate = groups.iter().find(|group| group.name == "gate").unwrap();
        let settings: Vec<String> =
            gate.settings.iter().map(|setting| format!("gate.{}", setting.key)).collect();
        let shown: Vec<String> = config.gate.shown().into_iter().map(|limit| limit.key).collect();
        assert_eq!(
            [shown.as_slice(), &["gate.write_interval_ms".into(), "gate.exchange_secs_max".into()]].concat(),
            settings
        );
    }
}
