//! `vestryd audit`: going on when the key of the chain was lost (`rekey`), or when the database was put back (`accept`).

use super::error::CommandError;
use super::location::Location;
use super::talk::who;
use super::talk::{answer, say};
use crate::audit::act;
use crate::audit::actor::Actor;
use crate::audit::head::{self, AuditHead, AuditHeadError};
use crate::clock::{Clock, Plausible};
use crate::data_dir::DataDir;
use crate::secrets::error::SetupError;
use crate::secrets::files::read_audit_key;
use crate::secrets::kind::SecretKind;
use crate::secrets::making::create_secret;
use crate::secrets::rekey::rekey_audit_chain;
use clap::{Args, Subcommand};
use vestry_protocol::count::Count;
use vestry_store::Party;
use vestry_store::backup::Offline;

const REKEY_EXAMPLES: &str = "\
Only when secrets/audit.key is lost, and while no server runs. What is in the audit is sealed as it is found: from now
on nobody can change it unseen, and nobody can tell any more whether somebody did before. The audit says so itself, with
the event audit.rekeyed.

Example:
  vestryd audit rekey --data-dir /var/lib/vestry";

const ACCEPT_EXAMPLES: &str = "\
When you put an earlier database back (a backup, an image of the machine), and while no server runs. Says which event was the
newest that the server wrote down or that a client saw, which one was found instead, and how many are lost; with that number it
goes on from here. The audit says so itself, with the event audit.accepted.

Examples:
  vestryd audit accept --data-dir /var/lib/vestry
  vestryd audit accept --data-dir /var/lib/vestry --lost 172";

#[derive(Debug, Args)]
pub(super) struct AuditFlags {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Seal the audit as it is, and go on under a new key
    #[command(after_help = REKEY_EXAMPLES)]
    Rekey(Location),
    /// Go on from a database that was put back
    #[command(after_help = ACCEPT_EXAMPLES)]
    Accept {
        #[command(flatten)]
        location: Location,
        /// How many events are lost, as it says without this
        #[arg(long, value_name = "NUMBER")]
        lost: Option<i64>,
    },
}

impl AuditFlags {
    pub(super) fn location(&self) -> &Location {
        match &self.command {
            AuditCommand::Rekey(location) | AuditCommand::Accept { location, .. } => location,
        }
    }
}

pub(super) fn audit(flags: &AuditFlags) -> Result<(), CommandError> {
    let data_dir = flags.location().enter()?;
    data_dir.refuse_exposed_files()?;
    let _lock = data_dir.lock()?;
    if let AuditCommand::Accept { lost, .. } = flags.command {
        return accept(&data_dir, lost);
    }
    let key = data_dir.audit_key();
    if key.exists() {
        return Err(SetupError::AuditKeyInPlace(key.display().to_string()).into());
    }
    create_secret(&key, SecretKind::AuditKey)?;
    let sealed = rekey(&data_dir).inspect_err(|_| {
        // A key that nothing was sealed with would stand in the way of the next try.
        let _ = std::fs::remove_file(&key);
    })?;
    answer(&format!("{}", key.display()))?;
    let sealed = Count::new(sealed, "event");
    say(&format!(
        "{sealed} {} sealed as found; keep a copy of the new key with the other secrets",
        sealed.is()
    ));
    Ok(())
}

fn rekey(data_dir: &DataDir) -> Result<u64, CommandError> {
    let (chain, by) = (read_audit_key(&data_dir.audit_key())?, who());
    let mut database = Offline::open(&data_dir.database(), chain.clone())?;
    let (by, now) = (Actor::at_the_machine(&by), Clock::system().plausible_now()?);
    Ok(database.write(|tx| rekey_audit_chain(tx, &by, &chain, now))?)
}

/// Takes what is there for the audit, when somebody knows what is lost by it.
fn accept(data_dir: &DataDir, lost: Option<i64>) -> Result<(), CommandError> {
    let (path, chain) = (data_dir.audit_head(), read_audit_key(&data_dir.audit_key())?);
    let mut database = Offline::open(&data_dir.database(), chain.clone())?;
    let newest_of = |database: &mut Offline| database.read(|tx| head::newest(tx, &chain));
    let newest = newest_of(&mut database)?.ok_or(CommandError::NoAuditHead)?;
    let known = match head::read(&path) {
        Ok(head) => head,
        Err(AuditHeadError::Damaged(_)) => None,
        Err(error) => return Err(SetupError::from(error).into()),
    };
    let now = Clock::system().plausible_now()?;
    let Some(AuditHead { epoch, known, found }) = known else {
        let detail = format!(
            "nobody can tell what the audit was before: what was written down is lost; event {} mac={} is the newest",
            newest.id, newest.mac
        );
        note_accepted(&mut database, now, &detail)?;
        let known = newest_of(&mut database)?.ok_or(CommandError::NoAuditHead)?;
        let epoch = AuditHead::next_epoch(None, now.reading());
        head::write(&path, &AuditHead::of(epoch, known)).map_err(SetupError::from)?;
        say(&format!("{} is made anew; nobody can tell what the audit was before", path.display()));
        return Ok(());
    };
    if database.read(|tx| tx.audit_has(&chain, &known))? {
        say("there is nothing to accept: the newest event that was written down is in the audit");
        return Ok(());
    }
    let found = found.unwrap_or_else(|| newest.clone());
    // A client may have seen an event whose number is taken again by now.
    let missing = known.id.saturating_sub(found.id).max(1);
    answer(&format!("written down  event {} mac={}", known.id, known.mac))?;
    answer(&format!("found         event {} mac={}", found.id, found.mac))?;
    if lost != Some(missing) {
        return Err(CommandError::EventsLost { missing });
    }
    // Where more was written since than was lost, the numbers say only that something is.
    let count = if known.id > found.id {
        let missing = Count::new(missing, "event");
        format!("{missing} {} lost", missing.is())
    } else {
        "events are lost, how many is not known".to_owned()
    };
    let detail = format!(
        "{count}: event {} mac={} was the newest, event {} mac={} was found",
        known.id, known.mac, found.id, found.mac
    );
    note_accepted(&mut database, now, &detail)?;
    let known = newest_of(&mut database)?.ok_or(CommandError::NoAuditHead)?;
    let epoch = AuditHead::next_epoch(Some(epoch), now.reading());
    head::write(&path, &AuditHead::of(epoch, known)).map_err(SetupError::from)?;
    say("the audit goes on from here");
    Ok(())
}

fn note_accepted(database: &mut Offline, now: Plausible, detail: &str) -> Result<(), CommandError> {
    let by = who();
    let noted = database.write(|tx| {
        Actor::at_the_machine(&by).note(tx, now.reading(), act::AuditAccepted, Party::NONE, detail).map(drop)
    });
    Ok(noted?)
}
