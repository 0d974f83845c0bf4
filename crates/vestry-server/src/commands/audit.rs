//! `vestryd audit rekey`: the key of the audit chain is lost, and the audit goes on under a new one.

use super::backup::who;
use super::{CommandError, Place, answer, say};
use crate::audit::Actor;
use crate::clock::Clock;
use crate::data_dir::DataDir;
use crate::secrets::read_audit_key;
use crate::setup::{SetupError, create_audit_key, rekey_audit_chain};
use clap::{Args, Subcommand};
use vestry_store::backup::Offline;

const REKEY_EXAMPLES: &str = "\
Only when secrets/audit.key is lost, and while no server runs. What is in the audit is sealed as it is found: from now
on nobody can change it unseen, and nobody can tell any more whether somebody did before. The audit says so itself, with
the event audit.rekeyed.

Example:
  vestryd audit rekey --data-dir /var/lib/vestry";

#[derive(Debug, Args)]
pub(super) struct AuditFlags {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Seal the audit as it is, and go on under a new key
    #[command(after_help = REKEY_EXAMPLES)]
    Rekey(Place),
}

pub(super) fn audit(flags: &AuditFlags) -> Result<(), CommandError> {
    let AuditCommand::Rekey(place) = &flags.command;
    let data_dir = place.data_dir();
    data_dir.refuse_exposed_files()?;
    let _lock = data_dir.lock()?;
    let key = data_dir.audit_key();
    if key.exists() {
        return Err(SetupError::AuditKeyInPlace(key.display().to_string()).into());
    }
    create_audit_key(&key)?;
    let sealed = rekey(&data_dir).inspect_err(|_| {
        // A key that nothing was sealed with would stand in the way of the next try.
        let _ = std::fs::remove_file(&key);
    })?;
    answer(&format!("{}", key.display()));
    say(&format!(
        "{sealed} events are sealed as they were found; keep a copy of the new key with the other secrets"
    ));
    Ok(())
}

fn rekey(data_dir: &DataDir) -> Result<u64, CommandError> {
    let (chain, by) = (read_audit_key(&data_dir.audit_key())?, who());
    let mut register = Offline::open(&data_dir.database(), chain.clone())?;
    let (by, now) = (Actor::at_the_machine(&by), Clock::system().plausible_now()?);
    Ok(register.write(|tx| rekey_audit_chain(tx, &by, &chain, now))?)
}
