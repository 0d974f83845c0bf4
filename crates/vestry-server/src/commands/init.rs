//! `vestryd init`: everything that a server needs, made once.

use super::error::CommandError;
use super::location::Location;
use super::talk::{answer, say};
use crate::clock::Clock;
use crate::config::Overrides;
use crate::data_dir::DataDir;
use crate::listen::Listen;
use crate::setup::{Plan, set_up};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use vestry_tls::{Host, Hosts};

#[derive(Debug, Args)]
pub(super) struct InitFlags {
    #[command(flatten)]
    location: Location,
    /// A name or address that users reach this server by; the first goes into the join string (repeatable)
    /// [default: those of vestryd.toml or of the certificate, when there is one, else this machine's name]
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<Host>,
    /// Where users will connect, for vestryd.toml (repeatable) [default: port 7443 of every address]
    #[arg(long, value_name = "ADDR")]
    listen: Vec<SocketAddr>,
    /// Where operators will connect, for vestryd.toml; loopback only
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7444")]
    admin_listen: SocketAddr,
}

impl InitFlags {
    pub(super) fn location(&self) -> &Location {
        &self.location
    }
}

pub(super) fn init(flags: &InitFlags) -> Result<(), CommandError> {
    if !flags.admin_listen.ip().is_loopback() {
        return Err(CommandError::Usage("--admin-listen must be a loopback address".to_owned()));
    }
    let data_dir = flags.location.enter()?;
    let listen = Listen::at(flags.listen.clone());
    let hosts = hosts_of(&flags.location, &data_dir, &flags.hosts, &listen)?;
    let made =
        make(DataDir::clone(&data_dir), flags.location.certs_dir(), hosts, listen, flags.admin_listen)?;
    if made.is_empty() {
        say(&format!("{} is set up already; nothing was changed", data_dir.path().display()));
    }
    for line in made {
        answer(&line)?;
    }
    Ok(())
}

/// Sets up a data directory and says what was made.
pub(super) fn make(
    data_dir: DataDir,
    certs_dir: Option<PathBuf>,
    hosts: Hosts,
    listen: Listen,
    admin_listen: SocketAddr,
) -> Result<Vec<String>, CommandError> {
    let certs_dir = certs_dir.map(std::path::absolute).transpose()?;
    let now = Clock::system().plausible_now()?;
    let plan = Plan { data_dir, certs_dir, hosts, listen, admin_listen, certificate_days: 30, now };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(set_up(&plan))?)
}

/// The names of the server: those that it has already, or else those that were typed, or else this machine's.
pub(super) fn hosts_of(
    location: &Location,
    data_dir: &DataDir,
    typed: &[Host],
    listen: &Listen,
) -> Result<Hosts, CommandError> {
    let file = location.config_file();
    if file.exists() {
        let known = location.load_config(Overrides::default())?.certificates.hosts;
        return match typed.iter().find(|host| !known.contains(host)) {
            Some(host) => Err(CommandError::OtherHosts { host: host.clone(), known, file }),
            None => Ok(known),
        };
    }
    if let Ok(typed) = Hosts::new(typed.iter().cloned()) {
        return Ok(typed);
    }
    let certs = data_dir.certs(location.certs_dir().as_deref());
    if let Ok(named) = certs.server_hosts() {
        // The names of this machine are in every certificate.
        return Ok(Hosts::new(named.iter().filter(|host| !host.is_local()).cloned()).unwrap_or(named));
    }
    // A server for this machine only goes by its loopback address, any other by the machine's name.
    if let Some(address) = listen.loopback() {
        return Ok(Hosts::parse([address.to_string()])?);
    }
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Ok(Hosts::parse([name]).or_else(|_| Hosts::parse(["localhost"]))?)
}
