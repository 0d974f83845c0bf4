//! The commands of `vestryd`: what was typed, and what it does. Answers go to standard output, talk to standard
//! error; the exit code says how it ended.

mod certs;
mod check;
mod init;
mod manual;
mod serve;

use crate::config::{Config, ConfigError, Overrides};
use crate::data_dir::{DataDir, DataDirError, default_path};
use crate::setup::SetupError;
use clap::{Args, Parser, Subcommand};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use thiserror::Error;
use vestry_store::StoreError;
use vestry_store::query::QueryError;
use vestry_tls::TlsError;

/// Exit codes of all Vestry programs (after BSD's sysexits).
const EXIT_USAGE: u8 = 2;
const EXIT_BUSY: u8 = 75;
const EXIT_CONFIGURATION: u8 = 78;

const EXAMPLES: &str = "Examples:
  vestryd                                   serve; sets everything up on the first start
  vestryd --data-dir var --listen 127.0.0.1:7443
  vestryd init --host accounts.example.org  set up, start later
  vestryd certs show                        what each certificate says
  vestryd certs operator naman --role helpdesk
  vestryd check                             is everything in order?

Stop it with Ctrl-C or SIGTERM (open requests are finished); SIGHUP reads the certificates again.
Exit codes: 0 done, 2 usage, 75 in use by another vestryd, 78 configuration.";

/// What was typed.
#[derive(Debug, Parser)]
#[command(name = "vestryd", version, about = "The Vestry account server", after_help = EXAMPLES)]
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

/// Where the data is.
#[derive(Debug, Clone, Args)]
struct Place {
    /// The folder of the database, settings, keys and certificates
    #[arg(long, value_name = "DIR", env = "VESTRY_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// The folder of the certificates, when not in the data directory
    #[arg(long, value_name = "DIR")]
    certs_dir: Option<PathBuf>,
    /// The settings, when not in the data directory
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
struct ServeFlags {
    #[command(flatten)]
    place: Place,
    /// Where users connect [default: 0.0.0.0:7443, or what vestryd.toml says]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
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
    Setup(#[from] SetupError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("cannot listen on {address}: {cause}; is another server there? `--{flag}` picks another address")]
    Bind { address: SocketAddr, cause: std::io::Error, flag: &'static str },
    #[error("{0}")]
    System(#[from] std::io::Error),
    #[error("{0}")]
    Usage(String),
    #[error("{0} of the checks failed")]
    ChecksFailed(usize),
}

impl CommandError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => EXIT_USAGE,
            Self::DataDir(DataDirError::InUse(_)) => EXIT_BUSY,
            _ => EXIT_CONFIGURATION,
        }
    }
}

/// Does what was typed.
pub fn run(typed: Typed) -> ExitCode {
    let done = match typed.command {
        None => serve::serve(&typed.serve),
        Some(Command::Serve(flags)) => serve::serve(&flags),
        Some(Command::Init(flags)) => init::init(&flags),
        Some(Command::Certs(flags)) => certs::certs(&flags),
        Some(Command::Check(place)) => check::check(&place),
        Some(Command::Completions { shell }) => manual::print_completions(shell),
        Some(Command::Man) => manual::print_manual(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("vestryd: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

impl Place {
    fn data_dir(&self) -> DataDir {
        DataDir::at(self.data_dir.clone().unwrap_or_else(default_path))
    }

    fn config_file(&self) -> PathBuf {
        self.config.clone().unwrap_or_else(|| self.data_dir().config_file())
    }

    fn load_config(&self, mut overrides: Overrides) -> Result<Config, ConfigError> {
        overrides.certs_dir.clone_from(&self.certs_dir);
        Config::load(&self.config_file(), overrides)
    }
}

/// A line of talk. A closed standard error is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// A line of an answer. A reader that has enough is no reason to complain.
fn answer(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
