//! `vestryd init`: everything that a server needs, made once.

use super::{CommandError, Place, answer, say};
use crate::clock::Clock;
use crate::data_dir::DataDir;
use crate::setup::{Plan, set_up};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct InitFlags {
    #[command(flatten)]
    place: Place,
    /// A name or address that users reach this server by; the first goes into the join string (repeatable)
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    /// Where users will connect, for vestryd.toml
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:7443")]
    listen: SocketAddr,
    /// Where operators will connect, for vestryd.toml; loopback only
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7444")]
    admin_listen: SocketAddr,
}

pub(super) fn init(flags: &InitFlags) -> Result<(), CommandError> {
    if !flags.admin_listen.ip().is_loopback() {
        return Err(CommandError::Usage("--admin-listen must be a loopback address".to_owned()));
    }
    let data_dir = flags.place.data_dir();
    let made = make(
        data_dir.clone(),
        flags.place.certs_dir.clone(),
        flags.hosts.clone(),
        flags.listen,
        flags.admin_listen,
    )?;
    if made.is_empty() {
        say(&format!("{} is set up already; nothing was changed", data_dir.path().display()));
    }
    for line in made {
        answer(&line);
    }
    Ok(())
}

/// Sets up a data directory and says what was made.
pub(super) fn make(
    data_dir: DataDir,
    certs_dir: Option<PathBuf>,
    hosts: Vec<String>,
    listen: SocketAddr,
    admin_listen: SocketAddr,
) -> Result<Vec<String>, CommandError> {
    let hosts = if hosts.is_empty() { default_hosts(listen) } else { hosts };
    let certs_dir = certs_dir.map(std::path::absolute).transpose()?;
    let now = Clock::system().plausible_now()?;
    let plan = Plan { data_dir, certs_dir, hosts, listen, admin_listen, certificate_days: 30, now };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(set_up(&plan))?)
}

/// A server for this machine only is `localhost`; any other goes by the machine's name.
fn default_hosts(listen: SocketAddr) -> Vec<String> {
    if listen.ip().is_loopback() {
        return vec![listen.ip().to_string()];
    }
    let name = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
    vec![if vestry_tls::join::is_host(&name) { name } else { "localhost".to_owned() }]
}
