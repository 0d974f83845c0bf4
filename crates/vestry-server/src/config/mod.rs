//! `vestryd.toml`: every setting of the server, once.
//!
//! A setting is one entry in the file of its group (`network`, `accounts`, `gate`, `connections`): a field, its documentation, and its
//! key, default, range and unit; then why, and whether a change needs a restart.
//!
//! ```text
//! /// Handshakes on the user port at once.
//! handshakes_max: u32 = number("handshakes_max", 256, 1..=10_000, "handshakes")
//!     .because("Each holds 20 kB.")
//!     .at_restart();
//! ```
//!
//! That is all of it: the entry is the field of [`Config`], the line of `vestryd.toml`, the row of the table in `docs/OPERATIONS.md`,
//! the refusal of another value, and what `vestryctl reload` says of a change. The last step writes the two files:
//! `VESTRY_WRITE_SETTINGS=1 cargo nextest run -p vestry-tests -E 'test(files_that_are_written)'`.
//!
//! What was typed (the file, the flags) is parsed into [`Config`] once. Wire limits are in `vestry_protocol::limits`.

mod accounts;
mod connections;
mod described;
mod error;
mod file;
mod gate;
mod groups;
mod network;
mod setting;
#[cfg(test)]
mod tests;
mod written;

pub use accounts::{AccountConfig, AuditConfig, HashingConfig, ResetBy, SessionConfig};
pub use connections::ConnectionConfig;
pub use described::{Described, DescribedGroup};
pub use error::ConfigError;
pub use gate::GateConfig;
pub use network::{CertificateConfig, NetworkConfig, array_of};

use crate::failure::Failure;
use crate::listen::Listen;
use file::File;
use groups::Group;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use vestry_protocol::admin::SettingChange;
use vestry_tls::Hosts;

/// A deleted account can be restored for seven days, then it is purged.
pub const RESTORABLE_SECS: i64 = 7 * 24 * 60 * 60;

groups::groups! {
    /// Where users and operators connect.
    network: NetworkConfig,
    /// What the server's certificate says, and where the certificates are.
    certificates: CertificateConfig,
    /// Who gets an account, and what a password may be.
    accounts: AccountConfig,
    /// How sessions end.
    sessions: SessionConfig,
    /// How long the audit trail is kept.
    audit: AuditConfig,
    /// Who may wait for a hashing thread.
    hashing: HashingConfig,
    /// What attempts are limited to.
    gate: GateConfig,
    /// Limits of connections.
    connections: ConnectionConfig,
}

/// What the command line says, over what the file says.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--listen`, as often as it was given.
    pub listen: Vec<SocketAddr>,
    /// `--admin-listen`.
    pub admin_listen: Option<SocketAddr>,
    /// `--certs-dir`.
    pub certs_dir: Option<PathBuf>,
}

impl Config {
    /// Reads a file, applies the command line, and checks every range.
    ///
    /// # Errors
    /// With the first thing that is wrong.
    pub fn load(path: &Path, overrides: Overrides) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|cause| ConfigError::Unreadable { path: path.to_owned(), cause })?;
        Self::parse(&text, path, overrides)
    }

    /// As [`Config::load`], from text; `path` is for the messages and for relative folders.
    ///
    /// # Errors
    /// With the first thing that is wrong.
    pub fn parse(text: &str, path: &Path, overrides: Overrides) -> Result<Self, ConfigError> {
        let file = File::parse(text, path)?;
        file.refuse_unknown(&Self::default().describe())?;
        let mut config = Self::read(&file, path)?;
        let beside = path.parent().unwrap_or(Path::new(""));
        config.certificates.dir = config.certificates.dir.map(|folder| beside.join(folder));
        let Overrides { listen, admin_listen, certs_dir } = overrides;
        if !listen.is_empty() {
            config.network.listen = Listen::at(listen);
        }
        if let Some(address) = admin_listen {
            if !address.ip().is_loopback() {
                let (flag, range) = ("--admin-listen", network::ADMIN_LISTEN_RANGE);
                return Err(ConfigError::Flag { flag, value: address.to_string(), range });
            }
            config.network.admin_listen = address;
        }
        config.certificates.dir = certs_dir.or(config.certificates.dir);
        Ok(config)
    }

    /// Keeps every path closed on which a client would send a password itself.
    ///
    /// # Errors
    /// Where the settings say `opaque_only`.
    pub fn refuse_clear_passwords(&self) -> Result<(), Failure> {
        if self.accounts.takes_passwords { Ok(()) } else { Err(Failure::PasswordsNotTaken) }
    }
}

/// Returns the text of a `vestryd.toml` with other hosts, and all else as it was.
///
/// # Errors
/// When it is not a valid configuration.
pub fn with_hosts(text: &str, path: &Path, hosts: &Hosts) -> Result<String, ConfigError> {
    let written = File::parse(text, path)?.value("certificates", "hosts").map(toml::Spanned::span);
    // Where the line ends that the group of the hosts begins with.
    let mut end = 0;
    let header = text.split_inclusive('\n').find_map(|line| {
        end += line.len();
        (line.trim() == "[certificates]" && line.ends_with('\n')).then_some(end)
    });
    let (place, line) = match (written, header) {
        (Some(place), _) => (place, array_of(hosts)),
        (None, Some(end)) => (end..end, format!("hosts = {}\n", array_of(hosts))),
        (None, None) => (text.len()..text.len(), format!("\n[certificates]\nhosts = {}\n", array_of(hosts))),
    };
    let (before, after) = text.get(..place.start).zip(text.get(place.end..)).unwrap_or_default();
    let changed = format!("{before}{line}{after}");
    Config::parse(&changed, path, Overrides::default()).map(|_| changed)
}
