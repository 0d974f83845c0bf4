//! The commands of `vestryd`: what was typed, and what it does. Answers go to standard output, talk to standard
//! error; the exit code says how it ended.

mod audit;
mod backup;
mod certs;
mod check;
mod error;
mod exit;
mod init;
mod location;
mod manual;
mod secrets;
mod serve;
mod talk;

use crate::process::confinement::keep_memory_private;
use crate::process::logging::Log;
use clap::{CommandFactory, Parser, Subcommand};
use error::CommandError;
use exit::exit_for;
use location::Location;
use std::process::ExitCode;
use talk::printed;
use vestry_terminal::arguments;
use vestry_terminal::exit::{Exit, OF_SERVER, listed, print_usage};
use vestry_terminal::pages::{CompletionsArgs, ManArgs, answer_script};
use vestry_tls::CertsDir;

const EXAMPLES: &str = "Examples:
  vestryd                                   serve; sets everything up on the first start
  vestryd --data-dir var --listen 127.0.0.1:7443
  vestryd init --host accounts.example.org  set up, start later
  vestryd certs show                        what each certificate says
  vestryd certs operator naman --role helpdesk
  vestryd check                             is everything in order?
  vestryd backup vestry.backup            also while the server runs
  vestryd restore vestry.backup           only while it does not

Stop it with Ctrl-C or SIGTERM (open requests are finished); SIGHUP reads settings and certificates again.";

const BACKUP_EXAMPLES: &str = "Examples:
  vestryd backup /media/stick/vestry.backup
  (umask 077; head -c 24 /dev/urandom | base64 > /root/passphrase)
  vestryd backup --with-secrets --passphrase-file /root/passphrase /media/stick/everything.backup
  vestryd backup --with-secrets --passphrase-file /root/passphrase - | ssh keeper 'cat > everything.backup'";

const RESTORE_EXAMPLES: &str = "Examples:
  vestryd restore --data-dir /tmp/drill --passphrase-file /root/passphrase /media/stick/everything.backup
  vestryd restore /media/stick/vestry.backup     into a data directory that has its keys, but no vestry.db

There must be no vestry.db in the data directory yet. Every session and one-time code of the backup
is ended. Exit code 65: the file is not a backup, was changed, or the passphrase is wrong; nothing
was changed then, nor after any other error.";

/// What was typed.
#[derive(Debug, Parser)]
#[command(name = "vestryd", version, about = "The Vestry account server", after_help = format!("{EXAMPLES}\n\n{}", listed(&OF_SERVER)))]
#[command(args_conflicts_with_subcommands = true)]
pub struct Typed {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::ServeFlags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve; this is what happens without a command, too
    #[command(after_help = "Example:\n  vestryd serve --data-dir var --listen 127.0.0.1:7443")]
    Serve(serve::ServeFlags),
    /// Make keys, certificates, the database and vestryd.toml; never overwrites anything
    Init(init::InitFlags),
    /// Show, renew or make certificates
    Certs(certs::CertsFlags),
    /// Look over the configuration, file modes, certificates, database and disk
    Check(Location),
    /// Write the database to a new file, also while a server runs; a running one sends it with vestryctl backup
    #[command(after_help = BACKUP_EXAMPLES)]
    Backup(backup::BackupFlags),
    /// Put a backup back, while no server runs; never overwrites a database
    #[command(after_help = RESTORE_EXAMPLES)]
    Restore(backup::RestoreFlags),
    /// Replace a key or the pepper, while no server runs
    Secrets(secrets::SecretsFlags),
    /// Go on with the audit when its key was lost, or its database put back
    Audit(audit::AuditFlags),
    /// Write a completion script for a shell to standard output
    #[command(hide = true)]
    Completions(CompletionsArgs),
    /// Print the manual page, or write all of them to a folder
    #[command(hide = true)]
    Man(ManArgs),
}

/// Does what was typed.
pub fn run_from_environment() -> ExitCode {
    if answer_script(Typed::command) {
        return ExitCode::SUCCESS;
    }
    let typed = match arguments::parse::<Typed>() {
        Ok(typed) => typed,
        Err(error) => return print_usage(&error),
    };
    let certs_dir = typed.lead_here();
    // Every command may read a key.
    let done = match keep_memory_private() {
        Err(cause) => Err(CommandError::System(cause)),
        Ok(()) => match typed.command {
            None => serve::serve(&typed.serve),
            Some(Command::Serve(flags)) => serve::serve(&flags),
            Some(Command::Init(flags)) => init::init(&flags),
            Some(Command::Certs(flags)) => certs::certs(&flags),
            Some(Command::Check(location)) => check::check(&location),
            Some(Command::Backup(flags)) => backup::backup(&flags),
            Some(Command::Restore(flags)) => backup::restore(&flags),
            Some(Command::Secrets(flags)) => secrets::secrets(&flags),
            Some(Command::Audit(flags)) => audit::audit(&flags),
            Some(Command::Completions(arguments)) => printed(arguments.print(&Typed::command())),
            Some(Command::Man(arguments)) => printed(arguments.print(&manual::MANUAL, Typed::command())),
        },
    };
    match done {
        Ok(()) => Exit::Done.into(),
        Err(error) => {
            // Whoever waits for the exit code is not kept waiting by a standard error that nobody reads.
            Log::of_words().say(&format!("vestryd: {}", error.with_remedy(certs_dir.as_ref())));
            exit_for(&error).into()
        }
    }
}

impl Typed {
    /// Has every command that is advised lead where this one was led. Returns the folder of certificates that it is about.
    fn lead_here(&self) -> Option<CertsDir> {
        let location = match &self.command {
            None => &self.serve.location,
            Some(Command::Serve(flags)) => &flags.location,
            Some(Command::Init(flags)) => flags.location(),
            Some(Command::Certs(flags)) => flags.location(),
            Some(Command::Check(location)) => location,
            Some(Command::Backup(flags)) => flags.location(),
            Some(Command::Secrets(flags)) => flags.location(),
            Some(Command::Audit(flags)) => flags.location(),
            Some(Command::Restore(flags)) => return Some(flags.folder().lead_here()),
            Some(Command::Completions(_) | Command::Man(_)) => return None,
        };
        Some(location.lead_here())
    }
}
