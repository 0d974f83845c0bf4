//! `[accounts]`, `[sessions]`, `[audit]` and `[hashing]`: what people may do, and how long what they did is kept.

use super::groups::settings;
use super::setting::{choice, milliseconds, number, written};
use std::time::Duration;
use vestry_protocol::fields::PasswordPolicy;

/// The least role that issues a one-time code: the operator who issues one sees it, and could redeem it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetBy {
    /// Helpdesk, and admins.
    Helpdesk,
    /// Admins alone.
    Admin,
}

settings! {
    /// Who gets an account, and what a password may be.
    AccountConfig {
        /// "open": anybody who can connect may register. "closed": accounts come from `vestryctl account create`.
        registration_open: bool = choice("registration", true, [("open", true), ("closed", false)]);

        /// The fewest characters of a new password.
        password_policy: PasswordPolicy = written(
            "password_chars_min",
            PasswordPolicy::default(),
            "8 to 256 characters",
            PasswordPolicy::with_chars_min,
            |policy| policy.chars_min().to_string(),
        )
        .because("15 where nothing else protects the account (NIST SP 800-63B-4).");

        /// Passwords stay with their users (OPAQUE). "migrate": an account that was imported with a password hash logs in once with
        /// the password, over TLS, and is sealed. "opaque_only": no password is taken; imported accounts need a one-time code.
        takes_passwords: bool = choice("password_mode", true, [("migrate", true), ("opaque_only", false)]);

        /// Who issues one-time codes: "helpdesk" (and admins), or "admin" alone.
        reset_by: ResetBy = choice(
            "reset_by",
            ResetBy::Helpdesk,
            [("helpdesk", ResetBy::Helpdesk), ("admin", ResetBy::Admin)],
        )
        .because("The operator who issues a code sees it and could redeem it.");
    }
}

settings! {
    /// How sessions end.
    SessionConfig {
        /// A session ends without a request for this long.
        idle_secs_max: i64 = number("idle_secs_max", 3_600, 120..=2_592_000, "seconds (30 days)")
            .because("Uses are written down once a minute, so that a shorter limit would end sessions in use.");

        /// A session ends this long after its login at the latest.
        absolute_secs_max: i64 = number("absolute_secs_max", 86_400, 120..=2_592_000, "seconds (30 days)");
    }
}

impl Copy for SessionConfig {}

settings! {
    /// How long the audit trail is kept.
    AuditConfig {
        /// How long audit events are kept. Older ones are removed, and what is left can still be verified.
        keep_days: i64 = number("keep_days", 365, 0..=36_500, "days; 0 keeps them for ever");
    }
}

settings! {
    /// Password hashes of imported accounts, which the server computes at their first login.
    HashingConfig {
        /// Threads that hash; each holds the memory of one hash for good.
        threads: usize = number("threads", std::thread::available_parallelism().map_or(1, usize::from), 1..=64, "threads")
            .default_of_machine("one for each core", "2")
            .at_restart();

        /// Passwords that may wait for a thread; one more is told when to come back.
        queue_max: usize = number("queue_max", 256, 1..=10_000, "passwords").at_restart();

        /// The answer to a login with an imported password comes this long after a thread began, whatever is stored under the name.
        imported_login_time: Duration = milliseconds("imported_login_ms", 2_000, 500..=10_000)
            .because("An import refuses hashes that take this machine more than half of it.");
    }
}
