//! `vestryd secrets`: replaces the keys and the pepper, while no server runs.

use super::error::CommandError;
use super::location::Location;
use super::talk::who;
use super::talk::{answer, say};
use crate::audit::actor::Actor;
use crate::clock::Clock;
use crate::rotation::{AuditRotation, By, begin_opaque, finish_opaque, rotate_audit, rotate_pepper};
use clap::{Args, Subcommand, ValueEnum};
use vestry_protocol::count::Count;
use vestry_protocol::typed::{vestryctl, vestryd};

const ROTATE_EXAMPLES: &str = "\
Only while no server runs; a start takes milliseconds. docs/KEYS.md says when to do it, and what it does not undo.

opaque: a new key. Each account moves to it at its next login; nobody is logged out before. `vestryctl status` shows how
many are left, and `vestryd secrets finish opaque` ends it.
pepper: a new pepper. The hashes of imported accounts are sealed under it, all at once.
audit: a new key. The chain of audit events ends, and the next one begins under the new key.

Examples:
  systemctl stop vestryd && vestryd secrets rotate opaque && systemctl start vestryd
  vestryd secrets rotate audit --data-dir /var/lib/vestry";

const FINISH_EXAMPLES: &str = "\
Removes the OPAQUE key that was replaced, while no server runs. Accounts that have not logged in since then have no
password any more: each needs a one-time code (vestryctl account reset NAME).

Examples:
  vestryd secrets finish opaque               when no account is left
  vestryd secrets finish opaque --without 12  12 accounts are left, and will need a code";

#[derive(Debug, Args)]
pub(super) struct SecretsFlags {
    #[command(subcommand)]
    command: SecretsCommand,
}

#[derive(Debug, Subcommand)]
enum SecretsCommand {
    /// Replace a key, or the pepper
    #[command(after_help = ROTATE_EXAMPLES)]
    Rotate {
        /// What to replace
        kind: Kind,
        #[command(flatten)]
        location: Location,
    },
    /// End the rotation of the OPAQUE key
    #[command(after_help = FINISH_EXAMPLES)]
    Finish {
        /// What is being replaced
        kind: Finishable,
        /// How many accounts will be without a password
        #[arg(long, value_name = "ACCOUNTS")]
        without: Option<u64>,
        #[command(flatten)]
        location: Location,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// The key that passwords are evaluated with
    Opaque,
    /// The secret that seals imported password hashes
    Pepper,
    /// The key of the audit chain
    Audit,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Finishable {
    /// The key that passwords are evaluated with
    Opaque,
}

impl SecretsFlags {
    pub(super) fn location(&self) -> &Location {
        match &self.command {
            SecretsCommand::Rotate { location, .. } | SecretsCommand::Finish { location, .. } => location,
        }
    }
}

pub(super) fn secrets(flags: &SecretsFlags) -> Result<(), CommandError> {
    let data_dir = flags.location().enter()?;
    data_dir.refuse_exposed_files()?;
    let _lock = data_dir.lock()?;
    let who = who();
    let by = By { actor: Actor::at_the_machine(&who), now: Clock::system().plausible_now()? };
    match flags.command {
        SecretsCommand::Rotate { kind: Kind::Opaque, .. } => {
            let records = Count::new(begin_opaque(&data_dir, by)?, "account");
            answer(&format!("a new OPAQUE key is made; {records} {} to move to it", records.is()))?;
            say(&format!(
                "Start vestryd. Each account moves at its next login; `{}` shows how many are left.",
                vestryctl("status")
            ));
            say("Keep a copy of secrets/opaque-next.key with the other secrets.");
            say(&format!("To end it, while no server runs: {}", vestryd("secrets finish opaque")));
        }
        SecretsCommand::Rotate { kind: Kind::Pepper, .. } => {
            let resealed = Count::new(rotate_pepper(&data_dir, by)?, "imported password hash");
            answer(&format!("a new pepper is made; {resealed} {} sealed under it", resealed.is()))?;
            say("Keep a copy of secrets/pepper with the other secrets. Backups of before need the old one.");
        }
        SecretsCommand::Rotate { kind: Kind::Audit, .. } => match rotate_audit(&data_dir, by)? {
            AuditRotation::Done(sealed) => {
                let sealed = Count::new(sealed, "event");
                answer(&format!(
                    "a new audit key is made; {sealed} {} checked and sealed under it",
                    sealed.was()
                ))?;
                say(
                    "Keep a copy of secrets/audit.key with the other secrets. Backups of before need the old one.",
                );
            }
            AuditRotation::Refused(fault) => return Err(CommandError::Audit(fault)),
        },
        SecretsCommand::Finish { kind: Finishable::Opaque, without, .. } => {
            let left = Count::new(finish_opaque(&data_dir, without, by)?, "account");
            answer(&format!("the new OPAQUE key is in force; {left} {} without a password", left.is()))?;
            say("Make a backup now: one of before needs the old key, which is gone from this machine.");
        }
    }
    Ok(())
}
