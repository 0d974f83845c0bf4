//! The commands of `vestryd`: what was typed, and what it does. Answers go to standard output, talk to standard
//! error; the exit code says how it ended.

mod audit;
mod backup;
mod certs;
mod check;
mod exit;
mod init;
mod manual;
mod place;
mod secrets;
mod serve;

use crate::backup::BackupError;
use crate::clock::ImplausibleClock;
use crate::config::ConfigError;
use crate::data_dir::DataDirError;
use crate::process::as_owner::NotTheOwner;
use crate::process::confinement::keep_memory_private;
use crate::process::logging::Log;
use crate::remedy::for_certificates;
use crate::run::ServeError;
use crate::setup::SetupError;
use clap::{Args, Parser, Subcommand};
pub use exit::Exit;
use place::{Folder, Place};
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use thiserror::Error;
use vestry_protocol::exit::listed;
use vestry_protocol::typed::{vestryctl, vestryd};
use vestry_seal::{NewFileError, NotAPassphrase};
use vestry_store::StoreError;
use vestry_store::query::QueryError;
use vestry_tls::private_file::Shown;
use vestry_tls::{CertsDir, Host, Hosts, TlsError};

const EXAMPLES: &str = "Examples:
  vestryd                                   serve; sets everything up on the first start
  vestryd --data-dir var --listen 127.0.0.1:7443
  vestryd init --host accounts.example.org  set up, start later
  vestryd certs show                        what each certificate says
  vestryd certs operator naman --role helpdesk
  vestryd check                             is everything in order?
  vestryd backup database.backup            also while the server runs
  vestryd restore database.backup           only while it does not

Stop it with Ctrl-C or SIGTERM (open requests are finished); SIGHUP reads settings and certificates again.";

const BACKUP_EXAMPLES: &str = "Examples:
  vestryd backup /media/stick/database.backup
  (umask 077; head -c 24 /dev/urandom | base64 > /root/passphrase)
  vestryd backup --with-secrets --passphrase-file /root/passphrase /media/stick/everything.backup";

const RESTORE_EXAMPLES: &str = "Examples:
  vestryd restore --data-dir /tmp/drill --passphrase-file /root/passphrase /media/stick/everything.backup
  vestryd restore /media/stick/database.backup     into a data directory that has its keys, but no vestry.db

There must be no vestry.db in the data directory yet. Every session and one-time code of the backup
is ended. Exit code 65: the file is not a backup, was changed, or the passphrase is wrong; nothing
was changed then, nor after any other error.";

fn help() -> String {
    let codes = listed(Exit::ALL.map(|(exit, text)| (exit as u8, text)), 100);
    format!("{EXAMPLES}\n\n{codes}")
}

/// What was typed.
#[derive(Debug, Parser)]
#[command(name = "vestryd", version, about = "The Vestry account server", after_help = help())]
#[command(args_conflicts_with_subcommands = true)]
pub struct Typed {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeFlags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve; this is what happens without a command, too
    Serve(ServeFlags),
    /// Make keys, certificates, the database and vestryd.toml; never overwrites anything
    Init(init::InitFlags),
    /// Show, renew or make certificates
    Certs(certs::CertsFlags),
    /// Look over the configuration, file modes, certificates, database and disk
    Check(Place),
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
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual page to standard output
    #[command(hide = true)]
    Man,
}

#[derive(Debug, Clone, Args)]
struct ServeFlags {
    #[command(flatten)]
    place: Place,
    /// Where users connect (repeatable) [default: what vestryd.toml says, else port 7443 of every address]
    #[arg(long, value_name = "ADDR")]
    listen: Vec<SocketAddr>,
    /// Where operators connect; loopback only [default: 127.0.0.1:7444, or what vestryd.toml says]
    #[arg(long, value_name = "ADDR")]
    admin_listen: Option<SocketAddr>,
}

/// Why a command did not do what was asked.
#[derive(Debug, Error)]
enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Owner(#[from] NotTheOwner),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Clock(#[from] ImplausibleClock),
    #[error("the server certificate ended on {until} and cannot be renewed: {cause}")]
    CertificateEnded { until: String, cause: TlsError },
    #[error(
        "{} has the hosts {known}, and not {host}; to add it there and to the certificate: {}",
        Shown(file),
        vestryd("certs renew --host").arg(host.as_str())
    )]
    OtherHosts { host: Host, known: Hosts, file: PathBuf },
    #[error("{host} is not one of the server's hosts, which are {known}; nothing was changed")]
    NotAHostOfOurs { host: Host, known: Hosts },
    #[error("at least one host must stay; give another one with --host; nothing was changed")]
    NoHostLeft,
    #[error("cannot listen on {address}: {cause}; is another server there? `--{flag}` picks another address")]
    Bind { address: SocketAddr, cause: std::io::Error, flag: &'static str },
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    NewFile(#[from] NewFileError),
    #[error(transparent)]
    Passphrase(#[from] NotAPassphrase),
    #[error("{0}")]
    System(#[from] std::io::Error),
    /// What was done before is done; the line would have told it.
    #[error("the answer could not be written: {cause}; it was: {line}")]
    Unwritten { line: String, cause: std::io::Error },
    #[error("{0}")]
    Usage(String),
    #[error(
        "{}; look since when with the checkpoints in the log, while the server runs: {}",
        .0,
        vestryctl("audit verify --checkpoint ID:HEX")
    )]
    Audit(vestry_protocol::item::Open<vestry_protocol::audit::AuditFault>),
    #[error("{}; when you put this database back yourself, stop the server and run: {}", .0, vestryd("audit accept"))]
    PutBack(vestry_protocol::item::Open<vestry_protocol::audit::AuditFault>),
    #[error(
        "{number} cannot be read, and no password is right there: {names}. A new password mends each; while the server runs, a code for one: {}",
        vestryctl("account reset NAME")
    )]
    DamagedRecords { number: usize, names: String },
    #[error(
        "{missing} events of the audit are lost. To go on from here: {}",
        vestryd(format!("audit accept --lost {missing}"))
    )]
    EventsLost { missing: i64 },
    #[error("the audit has no newest event that its key knows; look with: {}", vestryd("check"))]
    NoAuditHead,
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("{0} of the checks failed")]
    ChecksFailed(usize),
}

/// Does what was typed.
pub fn run_from_environment() -> ExitCode {
    match Typed::try_parse() {
        Ok(typed) => run(typed),
        Err(error) => match (error.print(), error.exit_code()) {
            (Err(failed), 0) if failed.kind() != ErrorKind::BrokenPipe => Exit::Output.into(),
            (_, code) => ExitCode::from(u8::try_from(code).unwrap_or(Exit::Usage as u8)),
        },
    }
}

fn run(typed: Typed) -> ExitCode {
    let certs = typed.lead_here();
    // Every command may read a key.
    match keep_memory_private().map_err(CommandError::System).and_then(|()| obey(typed)) {
        Ok(()) => Exit::Done.into(),
        Err(error) => {
            // Whoever waits for the exit code is not kept waiting by a standard error that nobody reads.
            Log::of_words().say(&format!("vestryd: {}", error.with_remedy(certs.as_ref())));
            Exit::of(&error).into()
        }
    }
}

impl Typed {
    /// Has every command that is advised lead where this one was led. Returns the folder of certificates that it is about.
    fn lead_here(&self) -> Option<CertsDir> {
        let place = match &self.command {
            None => &self.serve.place,
            Some(Command::Serve(flags)) => &flags.place,
            Some(Command::Init(flags)) => flags.place(),
            Some(Command::Certs(flags)) => flags.place(),
            Some(Command::Check(place)) => place,
            Some(Command::Backup(flags)) => flags.place(),
            Some(Command::Secrets(flags)) => flags.place(),
            Some(Command::Audit(flags)) => flags.place(),
            Some(Command::Restore(flags)) => return Some(flags.folder().lead_here()),
            Some(Command::Completions { .. } | Command::Man) => return None,
        };
        Some(place.lead_here())
    }
}

impl CommandError {
    /// What happened, and what to type where that is a matter of certificates.
    fn with_remedy(&self, certs: Option<&CertsDir>) -> String {
        let cause = match self {
            Self::Tls(cause) | Self::Setup(SetupError::Tls(cause)) | Self::CertificateEnded { cause, .. } => {
                Some(cause)
            }
            _ => None,
        };
        match certs.zip(cause).and_then(|(certs, cause)| for_certificates(certs, cause)) {
            Some(remedy) => format!("{self}; {remedy}"),
            None => self.to_string(),
        }
    }
}

fn obey(typed: Typed) -> Result<(), CommandError> {
    match typed.command {
        None => serve::serve(&typed.serve),
        Some(Command::Serve(flags)) => serve::serve(&flags),
        Some(Command::Init(flags)) => init::init(&flags),
        Some(Command::Certs(flags)) => certs::certs(&flags),
        Some(Command::Check(place)) => check::check(&place),
        Some(Command::Backup(flags)) => backup::backup(&flags),
        Some(Command::Restore(flags)) => backup::restore(&flags),
        Some(Command::Secrets(flags)) => secrets::secrets(&flags),
        Some(Command::Audit(flags)) => audit::audit(&flags),
        Some(Command::Completions { shell }) => manual::print_completions(shell),
        Some(Command::Man) => manual::print_manual(),
    }
}

/// A line of talk. A closed standard error is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// A line of an answer. A reader that has enough is no reason to complain.
fn answer(line: &str) -> Result<(), CommandError> {
    match writeln!(std::io::stdout().lock(), "{line}") {
        Err(cause) if cause.kind() != ErrorKind::BrokenPipe => {
            Err(CommandError::Unwritten { line: line.to_owned(), cause })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
