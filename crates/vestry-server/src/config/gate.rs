//! `[gate]`: what attempts to log in, to register and to use codes are limited to, and writes within sessions.

use super::groups::settings;
use super::setting::{milliseconds, number, seconds};
use std::time::Duration;

settings! {
    /// What attempts are limited to, per account, per address (IPv6: a /64) and per network (/24, IPv6 /48). Attempts under way
    /// count as well.
    GateConfig {
        /// Guesses at one account before delays begin; as many may be under way at once.
        account_guesses_at_once: u32 = number("account_guesses_at_once", 5, 1..=20, "guesses")
            .because("A person mistypes twice or three times.");

        /// Guesses at one account in a row. Then only a session, a device that logged in before, a one-time code or the operator
        /// helps for 30 days.
        account_guesses_max: u32 = number("account_guesses_max", 100, 20..=100, "guesses")
            .because("NIST SP 800-63B-4, 3.2.2.");

        /// Failed attempts from one address; one more each minute.
        attempts_per_address_max: u32 = number("attempts_per_address_max", 20, 1..=1_000_000, "attempts")
            .because("A class of twenty logs in together behind one address.");

        /// Failed attempts from one network; two more each minute.
        attempts_per_network_max: u32 = number("attempts_per_network_max", 60, 1..=1_000_000, "attempts");

        /// Accounts that one address registers; one more each minute.
        registrations_per_address_max: u32 =
            number("registrations_per_address_max", 60, 1..=1_000_000, "accounts")
                .because("A class of forty registers at once behind one address.");

        /// Accounts that one network registers; two more each minute.
        registrations_per_network_max: u32 =
            number("registrations_per_network_max", 120, 1..=1_000_000, "accounts");

        /// Accounts that all together register in an hour.
        registrations_per_hour_max: u32 =
            number("registrations_per_hour_max", 1_000, 1..=1_000_000, "accounts");

        /// Names of which one address learns that they are taken; one more each second.
        names_per_address_max: u32 = number("names_per_address_max", 10, 1..=1_000_000, "names");

        /// Names of which one network learns that they are taken; five more each second.
        names_per_network_max: u32 = number("names_per_network_max", 60, 1..=1_000_000, "names");

        /// Wrong one-time codes from one address; one more each minute. A right one is taken all the same.
        wrong_codes_per_address_max: u32 =
            number("wrong_codes_per_address_max", 10, 1..=1_000_000, "codes");

        /// Wrong one-time codes from one network; two more each minute.
        wrong_codes_per_network_max: u32 =
            number("wrong_codes_per_network_max", 60, 1..=1_000_000, "codes");

        /// New passwords that one one-time code has evaluated.
        code_evaluations_max: u32 = number("code_evaluations_max", 3, 1..=100, "passwords");

        /// New passwords that all one-time codes of an account have evaluated in a day.
        code_evaluations_per_day_max: u32 = number("code_evaluations_per_day_max", 6, 1..=1_000, "passwords");

        /// Devices that are remembered for an account. The one that was not used for longest makes room.
        devices_max: u32 = number("devices_max", 16, 1..=1_000, "devices");

        /// Writes of one account within its sessions, at once.
        writes_at_once: u32 = number("writes_at_once", 30, 1..=1_000_000, "writes");

        /// The time after which an account has one more write.
        write_interval: Duration = milliseconds("write_interval_ms", 2_000, 0..=3_600_000);

        /// How long the second half of a login, a proof or a new password may take. Then it is a failed attempt.
        exchange_timeout: Duration = seconds("exchange_secs_max", 30, 1..=300)
            .because("A client on a slow machine stretches for seconds.");
    }
}

impl Copy for GateConfig {}
