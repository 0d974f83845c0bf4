//! What can be typed, and which room does it.

use crate::failure::Failure;
use crate::load::{self, SECONDS_MAX};
use crate::modes::{bare_hash, bare_tls, commits, idle, start, table, watch};
use crate::operation::Mix;
use crate::report::{Report, print_json, print_line};
use crate::set::{ACCOUNTS_MAX, fill};
use clap::{Args, Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;
use serde_json::json;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Measures Vestry and what it is compared with; scripts/bench.sh drives all of it
#[derive(Debug, Parser)]
#[command(name = "vestry-bench", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub struct Cli {
    /// Print one line of JSON instead of a table
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    mode: Mode,
}

const EXAMPLES: &str = "\
Examples:
  vestry-bench data --dir /tmp/set --accounts 10000
  vestryd --data-dir /tmp/set --listen 127.0.0.1:7443 &
  vestry-bench load --data-dir /tmp/set --address 127.0.0.1:7443 --pid $! --mix show --connections 64 --depth 16
  vestry-bench load --data-dir /tmp/set --address 127.0.0.1:7443 --pid $! --mix login-opaque --rate 500";

#[derive(Debug, Subcommand)]
enum Mode {
    /// Make a data directory with so many accounts, from a seed
    Data(DataFlags),
    /// Do a mix of operations as fast as possible or at a rate
    Load(LoadFlags),
    /// Hold connections that nobody uses, and say what each costs
    Idle(IdleFlags),
    /// Start and stop vestryd, and say how long it takes
    Start(StartFlags),
    /// Ask for pages of the operator's table
    Table(TableFlags),
    /// Update accounts straight in the database, with so many updates a transaction
    Commits(CommitFlags),
    /// Compute Argon2id and nothing else
    BareArgon2(BareArgon2Flags),
    /// Print a password's Argon2id hash as a PHC string, for a directory to compare with
    Phc {
        /// Of which password
        password: String,
    },
    /// Serve TLS and nothing else
    BareTls(BareTlsFlags),
    /// Run a command and say what a process and its children used meanwhile
    Watch(WatchFlags),
}

#[derive(Debug, Args)]
struct DataFlags {
    /// The folder to make
    #[arg(long)]
    dir: PathBuf,
    /// How many accounts
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=ACCOUNTS_MAX))]
    accounts: u64,
    /// What names and people are made from
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Args)]
struct LoadFlags {
    /// Where the server listens
    #[arg(long)]
    address: SocketAddr,
    /// What to do: login-opaque, resume, show, update, handshake, handshake-resumed, ldap-bind; several
    /// with their weights as show=9,update=1
    #[arg(long, value_name = "MIX")]
    mix: Mix,
    /// The data directory that `data` made; without it the server is not a Vestry server
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// The server's CA, when it is not that of the data directory
    #[arg(long)]
    ca: Option<PathBuf>,
    /// The server's process, to report what it used
    #[arg(long)]
    pid: Option<u32>,
    /// How many clients
    #[arg(long, default_value_t = 16)]
    connections: u64,
    /// How many requests a client sends at once on an open connection
    #[arg(long, default_value_t = 1)]
    depth: usize,
    /// Threads of the load generator
    #[arg(long, default_value_t = 1)]
    threads: u64,
    /// How long to measure
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// How long to run before
    #[arg(long, default_value_t = 0.5)]
    warmup: f64,
    /// Stop after so many
    #[arg(long, default_value_t = 100_000_000)]
    count: u64,
    /// How many are due a second, whether or not the server keeps up; default: as fast as it answers
    #[arg(long)]
    rate: Option<f64>,
    /// How many source addresses the clients come from
    #[arg(long, default_value_t = 64)]
    sources: u8,
    /// What chance comes from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// For ldap-bind: who
    #[arg(long, requires = "ldap_password")]
    ldap_name: Option<String>,
    /// For ldap-bind: with which password, which is a test's and no secret
    #[arg(long, requires = "ldap_name")]
    ldap_password: Option<String>,
}

#[derive(Debug, Args)]
struct IdleFlags {
    /// Where the server listens
    #[arg(long)]
    address: SocketAddr,
    /// The server's CA
    #[arg(long)]
    ca: PathBuf,
    /// The server's process
    #[arg(long)]
    pid: u32,
    /// How many connections
    #[arg(long, default_value_t = 10_000)]
    connections: u64,
    /// What is said once on each
    #[arg(long, value_enum, default_value = "vestry")]
    speech: idle::Speech,
    /// How many source addresses they come from
    #[arg(long, default_value_t = 64)]
    sources: u8,
}

#[derive(Debug, Args)]
struct StartFlags {
    /// The program
    #[arg(long)]
    vestryd: PathBuf,
    /// The data directory
    #[arg(long)]
    data_dir: PathBuf,
    /// How often
    #[arg(long, default_value_t = 20)]
    times: u32,
}

#[derive(Debug, Args)]
struct TableFlags {
    /// Where operators connect
    #[arg(long)]
    address: SocketAddr,
    /// The data directory, for the operator's certificate
    #[arg(long)]
    data_dir: PathBuf,
    /// How often each page is asked for
    #[arg(long, default_value_t = 100)]
    times: u32,
}

#[derive(Debug, Args)]
struct CommitFlags {
    /// The data directory, which no server uses
    #[arg(long)]
    data_dir: PathBuf,
    /// How many wait at a time
    #[arg(long, default_value_t = 64)]
    callers: u64,
    /// How many updates may share a transaction
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// How long
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

#[derive(Debug, Args)]
struct BareArgon2Flags {
    /// How many threads
    #[arg(long)]
    threads: Option<usize>,
    /// How long
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

#[derive(Debug, Args)]
struct BareTlsFlags {
    /// The folder of certificates
    #[arg(long)]
    certs: PathBuf,
    /// Where to listen; loopback
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Give out tickets and resume
    #[arg(long)]
    tickets: bool,
    /// End after so long
    #[arg(long, default_value_t = 600.0)]
    seconds: f64,
}

#[derive(Debug, Args)]
struct WatchFlags {
    /// The process
    #[arg(long)]
    pid: u32,
    /// The command
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// Does what the process was started for.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "no variable stands in for an argument of this program")]
pub fn run_from_environment() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // When nobody listens there is nobody to tell.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    // As far as the system lets us: a connection is a descriptor. What is not enough shows when one cannot be made.
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "vestry-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let shown = Shown { json: cli.json };
    match cli.mode {
        Mode::Data(flags) => {
            let made = fill::fill(&flags.dir, flags.accounts, flags.seed)?;
            let (seconds, each) = (made.took.as_secs_f64(), made.bytes as f64 / flags.accounts as f64);
            let accounts = flags.accounts;
            shown.show(&json!({
                "accounts": accounts, "seconds": seconds, "bytes": made.bytes, "bytes_each": each
            }))
        }
        Mode::Load(flags) => {
            let plan = flags.plan()?;
            let report = Report::of(&plan, &load::run(&plan)?);
            if cli.json {
                return print_json(&report);
            }
            report.write_table(&mut std::io::stdout()).map_err(Failure::system("standard output"))
        }
        Mode::Idle(flags) => shown.show(&idle::run(&flags.plan())?),
        Mode::Start(flags) => shown.show(&start::run(&flags.vestryd, &flags.data_dir, flags.times)?),
        Mode::Table(flags) => shown.show(&table::run(flags.address, &flags.data_dir, flags.times)?),
        Mode::Commits(flags) => {
            let time = seconds(flags.seconds)?;
            shown.show(&commits::run(&flags.data_dir, flags.callers, flags.batch, time)?)
        }
        Mode::BareArgon2(flags) => {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            shown.show(&bare_hash::run(flags.threads.unwrap_or(cores).clamp(1, 64), seconds(flags.seconds)?)?)
        }
        Mode::Phc { password } => print_line(&bare_hash::phc_string(password.as_bytes())?),
        Mode::BareTls(flags) => {
            if !flags.listen.ip().is_loopback() {
                return Err(Failure::other("a server without anything to it listens on loopback only"));
            }
            bare_tls::serve(&flags.certs, flags.listen, flags.tickets, seconds(flags.seconds)?)
        }
        Mode::Watch(flags) => shown.show(&watch::run(flags.pid, &flags.command)?),
    }
}

impl LoadFlags {
    fn plan(&self) -> Result<load::Plan, Failure> {
        Ok(load::Plan {
            address: self.address,
            ca: self.ca.clone(),
            data_dir: self.data_dir.clone(),
            pid: self.pid,
            mix: self.mix.clone(),
            connections: self.connections,
            depth: self.depth,
            threads: self.threads,
            time: seconds(self.seconds)?,
            warmup: seconds(self.warmup)?,
            count: self.count,
            rate: self.rate,
            sources: self.sources,
            seed: self.seed,
            ldap: self.ldap_name.clone().zip(self.ldap_password.clone()),
        })
    }
}

impl IdleFlags {
    fn plan(&self) -> idle::Plan {
        idle::Plan {
            address: self.address,
            ca: self.ca.clone(),
            pid: self.pid,
            connections: self.connections,
            speech: self.speech,
            sources: self.sources,
        }
    }
}

fn seconds(number: f64) -> Result<Duration, Failure> {
    if !(0.0..=SECONDS_MAX).contains(&number) {
        return Err(Failure::other(format!("use 0 to {SECONDS_MAX} seconds")));
    }
    Ok(Duration::from_secs_f64(number))
}

/// How an answer is printed.
struct Shown {
    json: bool,
}

impl Shown {
    /// On one line, or on a line for each value for people.
    fn show(&self, answer: &impl Serialize) -> Result<(), Failure> {
        if self.json {
            return print_json(answer);
        }
        let text = serde_json::to_string_pretty(answer).map_err(|error| Failure::other(error.to_string()))?;
        print_line(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_arguments_are_sound_and_bounded() {
        Cli::command().debug_assert();
        assert!(parse("vestry-bench data --dir x --accounts 20000001").is_err());
        assert!(parse("vestry-bench data --dir x --accounts 0").is_err());
        assert!(parse("vestry-bench load --address 127.0.0.1:1 --mix nothing").is_err());
        assert!(parse("vestry-bench load --address 127.0.0.1:1 --mix ldap-bind --ldap-name cn=x").is_err());
        assert!(seconds(SECONDS_MAX + 1.0).is_err() && seconds(-1.0).is_err() && seconds(f64::NAN).is_err());
    }

    #[test]
    fn a_command_to_watch_keeps_its_own_arguments() {
        let cli = parse("vestry-bench watch --pid 1 --json -- pgbench -c 64 --json").unwrap();
        let Mode::Watch(flags) = cli.mode else { panic!("not a watch") };
        assert_eq!(flags.command, ["pgbench", "-c", "64", "--json"]);
    }
}
