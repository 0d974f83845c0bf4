//! `vestryd backup` and `vestryd restore`: the database and its keys into a file, and back.

use super::error::CommandError;
use super::location::{Folder, Location};
use super::talk::{answer, say, who};
use crate::audit::act;
use crate::audit::actor::Actor;
use crate::backup::archive::{self, Contents};
use crate::backup::error::BackupError;
use crate::backup::restore;
use crate::clock::Clock;
use crate::config::Overrides;
use crate::data_dir::DataDir;
use crate::secrets::files::read_audit_key;
use clap::Args;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use vestry_protocol::count::Count;
use vestry_protocol::typed::vestryd;
use vestry_seal::{Passphrase, SealedWriter, Target, is_dash};
use vestry_store::backup::Offline;
use vestry_store::query::CancelFlag;
use vestry_store::{Party, StoreError};
use vestry_terminal::output::refuse_closed;
use vestry_tls::private_file;
use vestry_tls::private_file::Shown;

#[derive(Debug, Args)]
pub(super) struct BackupFlags {
    #[command(flatten)]
    location: Location,
    /// The file to make, never overwritten; - is standard output
    file: PathBuf,
    /// Take the folders of secrets and certificates, too: whoever opens the backup then has everything
    #[arg(long)]
    with_secrets: bool,
    /// Encrypt it with the one line of this file (mode 0600); - reads standard input
    #[arg(long, value_name = "PATH")]
    passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct RestoreFlags {
    /// The backup; - reads standard input
    file: PathBuf,
    /// The file with the passphrase that it was encrypted with; - reads standard input
    #[arg(long, value_name = "PATH")]
    passphrase_file: Option<PathBuf>,
    /// The audit key is lost: seal the audit as it is, and go on with a new key
    #[arg(long)]
    new_audit_key: bool,
    #[command(flatten)]
    folder: Folder,
}

impl BackupFlags {
    pub(super) fn location(&self) -> &Location {
        &self.location
    }
}

impl RestoreFlags {
    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }
}

pub(super) fn backup(flags: &BackupFlags) -> Result<(), CommandError> {
    // Passphrase and file are those of who runs this, the database is its owner's.
    let passphrase = flags.passphrase_file.as_deref().map(read_passphrase).transpose()?;
    if flags.with_secrets && passphrase.is_none() {
        say(
            "warning: this backup holds every key and is not encrypted: whoever has the file has everything.",
        );
        say("         --passphrase-file PATH encrypts it.");
    }
    let file = Target::open(&flags.file, refuse_closed)?;
    let now = Clock::system().now();
    let data_dir = flags.location.enter()?;
    let contents = Contents {
        settings: flags.location.config_file(),
        keys: flags.with_secrets.then(|| certificates(&flags.location, &data_dir)).transpose()?,
        data_dir: DataDir::clone(&data_dir),
        now,
    };
    // This user could copy the file without a trace; this command leaves one, in the backup as well. First the event: no
    // copy leaves without it.
    let detail = match (flags.with_secrets, passphrase.is_some()) {
        (false, false) => "database",
        (false, true) => "database, encrypted",
        (true, false) => "database and keys",
        (true, true) => "database and keys, encrypted",
    };
    let (by, chain) = (who(), read_audit_key(&data_dir.audit_key())?);
    let mut database = Offline::open_beside_a_server(&data_dir.database(), chain)?;
    database.write(|tx| {
        Actor::at_the_machine(&by).note(tx, now, act::DatabaseBackedUp, Party::NONE, detail)?;
        Ok::<_, StoreError>(())
    })?;
    drop(database);
    let file = write(&contents, file, passphrase.as_ref())?;
    drop(data_dir);
    let is_standard_output = file.is_standard_output();
    file.finish()?;
    match is_standard_output {
        true => say("the backup is written to standard output"),
        false => answer(&format!("{}", Shown(&flags.file)))?,
    }
    if !flags.with_secrets {
        say(
            "The keys are not in it: keep a copy of the secrets folder elsewhere. Without them nobody can log in.",
        );
    }
    Ok(())
}

fn certificates(location: &Location, data_dir: &DataDir) -> Result<vestry_tls::CertsDir, CommandError> {
    let config = location.load_config(Overrides::default())?;
    Ok(data_dir.certs(config.certificates.dir.as_deref()))
}

fn write(contents: &Contents, file: Target, passphrase: Option<&Passphrase>) -> Result<Target, CommandError> {
    let cancel = CancelFlag::default();
    let out = BufWriter::new(file);
    let mut out = match passphrase {
        Some(passphrase) => {
            let sealed = SealedWriter::new(out, passphrase).map_err(BackupError::NotWritten)?;
            archive::write(contents, cancel, sealed)?.finish().map_err(BackupError::NotWritten)?
        }
        None => archive::write(contents, cancel, out)?,
    };
    out.flush().map_err(BackupError::NotWritten)?;
    Ok(out.into_inner().map_err(|error| BackupError::NotWritten(error.into_error()))?)
}

pub(super) fn restore(flags: &RestoreFlags) -> Result<(), CommandError> {
    if is_dash(&flags.file) && flags.passphrase_file.as_deref().is_some_and(is_dash) {
        let both = "backup and passphrase cannot both be on standard input; give one of them as a file";
        return Err(CommandError::Usage(both.to_owned()));
    }
    let passphrase = flags.passphrase_file.as_deref().map(read_passphrase).transpose()?;
    let input = restore::open(&flags.file)?;
    let data_dir = flags.folder.enter()?;
    let (by, now) = (who(), Clock::system().plausible_now()?);
    let by = Actor::at_the_machine(&by);
    let restored = restore::restore(
        input,
        &restore::Wanted {
            passphrase: passphrase.as_ref(),
            data_dir: &data_dir,
            new_audit_key: flags.new_audit_key,
        },
        &by,
        now,
    )?;
    answer(&format!("{}", Shown(&data_dir.database())))?;
    say(&format!(
        "restored the database of {}; ended {} and {}",
        restored.created,
        Count::new(restored.sessions, "session"),
        Count::new(restored.codes, "one-time code")
    ));
    for note in &restored.notes {
        say(note);
    }
    say(&format!("next: {} && {}", vestryd("check"), vestryd("")));
    Ok(())
}

fn read_passphrase(path: &Path) -> Result<Passphrase, CommandError> {
    let bytes = private_file::read_or_input(path).map_err(vestry_tls::TlsError::from)?;
    Ok(Passphrase::of_line(&bytes)?)
}
