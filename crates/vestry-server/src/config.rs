//! `vestryd.toml`: every setting and every limit of the server's own resources, with its unit, default and reason.
//!
//! What was typed (the file, the flags) is parsed into [`Config`] once; a value out of range is an error that
//! names the key, the range and the file, never a silent default. Wire limits are in `vestry_protocol::limits`.

use crate::failure::Failure;
use crate::listen::{Listen, Proxies};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::PasswordPolicy;
use vestry_tls::Hosts;

/// A deleted account can be restored for seven days, then it is purged.
pub const RESTORABLE_SECS: i64 = 7 * 24 * 60 * 60;

/// The server's settings, as they are in force.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file that they come from.
    pub path: PathBuf,
    /// Where users connect.
    pub listen: Listen,
    /// Who is believed when it says for whom it connects.
    pub proxies: Proxies,
    /// Where operators connect; always loopback.
    pub admin_listen: SocketAddr,
    /// The host names of the server certificate; the first is in the join string.
    pub hosts: Hosts,
    /// Where the certificates are, when not in the data directory.
    pub certs_dir: Option<PathBuf>,
    /// How long a server certificate is valid, in days. It is renewed when a third is left.
    pub certificate_days: u32,
    /// Whether anybody may register.
    pub registration_open: bool,
    /// What a new password must be.
    pub password_policy: PasswordPolicy,
    /// How sessions end.
    pub sessions: SessionConfig,
    /// Whether the password of an imported account is taken, once.
    pub takes_passwords: bool,
    /// How long after a hashing thread began a login with an imported password is answered.
    pub imported_login_time: Duration,
    /// Who may wait for a hashing thread.
    pub hashing: HashingConfig,
    /// What attempts are limited to.
    pub gate: GateConfig,
    /// How long audit events are kept, in days; 0 for ever.
    pub audit_days: i64,
    /// The least role that issues a one-time code.
    pub reset_by: ResetBy,
    /// Limits of connections.
    pub connections: ConnectionConfig,
}

/// The least role that issues a one-time code: the operator who issues one sees it, and could redeem it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResetBy {
    /// Helpdesk, and admins.
    Helpdesk,
    /// Admins alone.
    Admin,
}

/// How sessions end.
#[derive(Debug, Clone, Copy)]
pub struct SessionConfig {
    /// Without a request for so long, in seconds.
    pub idle_secs_max: i64,
    /// So long after the login, in seconds, whatever happens.
    pub absolute_secs_max: i64,
}

/// Who may wait for a hashing thread.
#[derive(Debug, Clone, Copy)]
pub struct HashingConfig {
    /// Threads that hash; each holds one hash's memory for good.
    pub threads: usize,
    /// Passwords that may wait; one more is told to come back.
    pub queue_max: usize,
}

/// What attempts are limited to (`gate/`).
#[derive(Debug, Clone, Copy)]
pub struct GateConfig {
    /// Guesses at one account before delays begin; as many may be under way at once.
    pub account_guesses_at_once: u32,
    /// Guesses at one account in a row; then nobody without a session, a device or a code gets another for 30 days.
    pub account_guesses_max: u32,
    /// Attempts from one address (IPv6: a /64): under way and failed; one more each minute.
    pub attempts_per_address_max: u32,
    /// Attempts from one network (IPv4 /24, IPv6 /48); one more each half minute.
    pub attempts_per_network_max: u32,
    /// Accounts that one address registers; one more each minute.
    pub registrations_per_address_max: u32,
    /// Accounts that one network registers; one more each half minute.
    pub registrations_per_network_max: u32,
    /// Accounts that anybody registers in an hour.
    pub registrations_per_hour_max: u32,
    /// Names that one address is told of; one more each second.
    pub names_per_address_max: u32,
    /// Names that one network is told of; five more each second.
    pub names_per_network_max: u32,
    /// Wrong one-time codes from one address; one more each minute.
    pub wrong_codes_per_address_max: u32,
    /// Wrong one-time codes from one network; one more each half minute.
    pub wrong_codes_per_network_max: u32,
    /// New passwords that one one-time code has evaluated.
    pub code_evaluations_max: u32,
    /// New passwords that all codes of an account have evaluated in a day.
    pub code_evaluations_per_day_max: u32,
    /// Devices that are remembered for an account.
    pub devices_max: u32,
    /// Writes of an account within sessions, at once.
    pub writes_at_once: u32,
    /// One more write each time that so long passed.
    pub write_interval: Duration,
    /// From the first half of an exchange to its second.
    pub exchange_timeout: Duration,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            // A person mistypes twice or three times.
            account_guesses_at_once: 5,
            // NIST SP 800-63B-4, 3.2.2.
            account_guesses_max: 100,
            // A class of twenty logs in together behind one address, and forty within seconds.
            attempts_per_address_max: 20,
            attempts_per_network_max: 60,
            // A class of forty registers at once behind one address.
            registrations_per_address_max: 60,
            registrations_per_network_max: 120,
            registrations_per_hour_max: 1_000,
            names_per_address_max: 10,
            names_per_network_max: 60,
            wrong_codes_per_address_max: 10,
            wrong_codes_per_network_max: 60,
            code_evaluations_max: 3,
            code_evaluations_per_day_max: 6,
            devices_max: 16,
            writes_at_once: 30,
            write_interval: Duration::from_secs(2),
            // A client on a slow machine stretches for seconds.
            exchange_timeout: Duration::from_secs(30),
        }
    }
}

/// Limits of connections on each port.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionConfig {
    /// On the user port, in all.
    pub max: usize,
    /// On the user port, from one address (IPv6: a /64).
    pub per_source_max: usize,
    /// On the user port, from one network (IPv4 /24, IPv6 /48).
    pub per_network_max: usize,
    /// New ones a second on the user port, from one source, once it has used up five seconds' worth of them.
    pub per_source_per_sec_max: u32,
    /// Of operators on the admin port, in all, behind their handshakes.
    pub admin_max: usize,
    /// Of those, with one certificate: the others find a slot whatever one operator holds.
    pub admin_per_certificate_max: usize,
    /// Handshakes on the admin port at once; then the oldest makes room.
    pub admin_handshakes_max: usize,
    /// As `handshake_timeout`, on the admin port: its peers are on this machine.
    pub admin_handshake_timeout: Duration,
    /// What a handshake on the admin port has for sure, however many others begin. One takes some milliseconds.
    pub admin_handshake_spared: Duration,
    /// From the TCP connection to the end of the TLS handshake.
    pub handshake_timeout: Duration,
    /// Between requests before a login.
    pub anonymous_idle_timeout: Duration,
    /// Before a login, in all.
    pub anonymous_timeout: Duration,
    /// Between requests after a login. The session outlives the connection.
    pub idle_timeout: Duration,
    /// From the first byte of a frame to its last.
    pub frame_timeout: Duration,
    /// Until a peer has taken one write.
    pub write_timeout: Duration,
    /// What connections get to finish in when the server stops.
    pub drain_timeout: Duration,
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        Self {
            // 10 kB each: 100 MB when all are there.
            max: 10_000,
            // A lab behind one address is a few hundred people.
            per_source_max: 2_000,
            // A site is a few of those.
            per_network_max: 4_000,
            // A handshake costs 0.12 ms: one source gets at most half of one core, whatever it does. A lab that comes in
            // together, or a benchmark at 2,000 a second, is far from it.
            per_source_per_sec_max: 4_000,
            // Each may run a query on a connection of its own.
            admin_max: 16,
            admin_per_certificate_max: 12,
            admin_handshakes_max: 64,
            admin_handshake_timeout: Duration::from_secs(1),
            admin_handshake_spared: Duration::from_millis(250),
            handshake_timeout: Duration::from_secs(10),
            anonymous_idle_timeout: Duration::from_secs(60),
            // A person types a password in less.
            anonymous_timeout: Duration::from_secs(120),
            idle_timeout: Duration::from_secs(15 * 60),
            frame_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// The file as it is written. Every key is optional; an unknown one is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    listen: Option<Listen>,
    proxy_from: Option<Proxies>,
    admin_listen: Option<SocketAddr>,
    hosts: Option<Vec<String>>,
    certs_dir: Option<PathBuf>,
    certificate_days: Option<u32>,
    registration: Option<Registration>,
    password_chars_min: Option<usize>,
    session_idle_secs_max: Option<i64>,
    session_absolute_secs_max: Option<i64>,
    password_mode: Option<PasswordMode>,
    audit_days: Option<i64>,
    reset_by: Option<ResetBy>,
    imported_login_ms: Option<u64>,
    account_guesses_at_once: Option<u32>,
    account_guesses_max: Option<u32>,
    attempts_per_address_max: Option<u32>,
    attempts_per_network_max: Option<u32>,
    registrations_per_address_max: Option<u32>,
    registrations_per_network_max: Option<u32>,
    registrations_per_hour_max: Option<u32>,
    names_per_address_max: Option<u32>,
    names_per_network_max: Option<u32>,
    wrong_codes_per_address_max: Option<u32>,
    wrong_codes_per_network_max: Option<u32>,
    code_evaluations_max: Option<u32>,
    code_evaluations_per_day_max: Option<u32>,
    devices_max: Option<u32>,
    writes_at_once: Option<u32>,
    write_interval_ms: Option<u64>,
    exchange_secs_max: Option<u64>,
    hashing_threads: Option<usize>,
    hashing_queue_max: Option<usize>,
    connections_max: Option<usize>,
    connections_per_source_max: Option<usize>,
    connections_per_network_max: Option<usize>,
    connections_per_source_per_sec_max: Option<u32>,
    handshake_secs_max: Option<u64>,
    frame_secs_max: Option<u64>,
    write_secs_max: Option<u64>,
    idle_secs_max_before_login: Option<u64>,
    secs_max_before_login: Option<u64>,
    idle_secs_max: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Registration {
    Open,
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PasswordMode {
    Migrate,
    OpaqueOnly,
}

/// A configuration that cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {}: {cause}", Escaped(&.path.display().to_string()))]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file is not TOML, or has a key or a type that is not known.
    #[error("{} is not a valid configuration: {}", Escaped(&.path.display().to_string()), .message)]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// The parser's words, with the line.
        message: String,
    },
    /// A value is out of range.
    #[error("{key}: {rule}; change it in vestryd.toml or on the command line")]
    OutOfRange {
        /// Which key.
        key: &'static str,
        /// The range, as an instruction.
        rule: &'static str,
    },
}

impl ConfigError {
    fn invalid(path: &Path, error: &toml::de::Error) -> Self {
        let message = Escaped(error.to_string().trim_end()).to_string().replace("\\n", "\n  ");
        Self::Invalid { path: path.to_owned(), message }
    }

    /// Returns it on one line: the parser draws what it says below the line that it is about.
    #[must_use]
    pub fn in_a_sentence(&self) -> String {
        let Self::Invalid { path, message } = self else { return self.to_string() };
        let lines: Vec<&str> = message.lines().map(str::trim).collect();
        let said = match lines[..] {
            [place, _, source, _, ref words @ ..] => {
                let source = source.split_once("| ").map_or(source, |(_, source)| source);
                format!("{place} ({source}): {}", words.join(" "))
            }
            _ => lines.join(" "),
        };
        format!("{} is not a valid configuration: {said}", Escaped(&path.display().to_string()))
    }
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

    /// Keeps every path closed on which a client would send a password itself.
    ///
    /// # Errors
    /// Where the settings say `opaque_only`.
    pub fn refuse_clear_passwords(&self) -> Result<(), Failure> {
        if self.takes_passwords { Ok(()) } else { Err(Failure::PasswordsNotTaken) }
    }

    /// As [`Config::load`], from text; `path` is for the messages and for relative folders.
    ///
    /// # Errors
    /// With the first thing that is wrong.
    pub fn parse(text: &str, path: &Path, overrides: Overrides) -> Result<Self, ConfigError> {
        let mut file: ConfigFile =
            toml::from_str(text).map_err(|error| ConfigError::invalid(path, &error))?;
        if !overrides.listen.is_empty() {
            file.listen = Some(Listen::at(overrides.listen));
        }
        file.admin_listen = overrides.admin_listen.or(file.admin_listen);
        let beside = path.parent().unwrap_or(Path::new(""));
        file.certs_dir = overrides.certs_dir.or(file.certs_dir.map(|folder| beside.join(folder)));
        file.checked(path)
    }
}

/// A setting within its range; its key and its range are named once.
macro_rules! setting {
    ($file:ident.$key:ident, $default:expr, $min:literal..=$max:literal $(, $unit:literal)?) => {
        in_range(
            $file.$key.unwrap_or($default),
            $min..=$max,
            stringify!($key),
            // A number of TOML may be written with underscores too.
            concat!("use ", stringify!($min), " to ", stringify!($max) $(, " ", $unit)?),
        )
    };
}

fn in_range<T: PartialOrd>(
    value: T,
    range: std::ops::RangeInclusive<T>,
    key: &'static str,
    rule: &'static str,
) -> Result<T, ConfigError> {
    if range.contains(&value) { Ok(value) } else { Err(ConfigError::OutOfRange { key, rule }) }
}

impl ConfigFile {
    fn checked(self, path: &Path) -> Result<Config, ConfigError> {
        let sessions = self.sessions()?;
        let (hashing, gate) = (self.hashing()?, self.gate()?);
        let imported_login_ms = setting!(self.imported_login_ms, 2_000, 500..=10_000, "milliseconds")?;
        let connections = self.connections()?;
        let admin_listen = self.admin_listen.unwrap_or_else(|| ([127, 0, 0, 1], 7444).into());
        if !admin_listen.ip().is_loopback() {
            let rule = "use a loopback address such as 127.0.0.1:7444; operators work on this machine";
            return Err(ConfigError::OutOfRange { key: "admin_listen", rule });
        }
        let policy =
            self.password_chars_min.map_or(Some(PasswordPolicy::default()), PasswordPolicy::with_chars_min);
        Ok(Config {
            path: path.to_owned(),
            listen: self.listen.unwrap_or(Listen::Everywhere),
            proxies: self.proxy_from.unwrap_or_default(),
            admin_listen,
            hosts: Hosts::parse(self.hosts.unwrap_or_else(|| vec!["localhost".to_owned()])).map_err(
                |_| {
                    let rule =
                        "use at least one host name or IP address, as in server.example.org or 192.0.2.1";
                    ConfigError::OutOfRange { key: "hosts", rule }
                },
            )?,
            certs_dir: self.certs_dir,
            certificate_days: setting!(self.certificate_days, 30, 1..=825, "days")?,
            registration_open: self.registration != Some(Registration::Closed),
            password_policy: policy.ok_or(ConfigError::OutOfRange {
                key: "password_chars_min",
                rule: "use 8 to 256 characters",
            })?,
            takes_passwords: self.password_mode != Some(PasswordMode::OpaqueOnly),
            sessions,
            imported_login_time: Duration::from_millis(imported_login_ms),
            hashing,
            gate,
            audit_days: setting!(self.audit_days, 365, 0..=36_500, "days; 0 is for ever")?,
            reset_by: self.reset_by.unwrap_or(ResetBy::Helpdesk),
            connections,
        })
    }

    fn sessions(&self) -> Result<SessionConfig, ConfigError> {
        Ok(SessionConfig {
            // Uses are written down once a minute, so a shorter limit would end sessions in use.
            idle_secs_max: setting!(self.session_idle_secs_max, 3_600, 120..=2_592_000, "seconds (30 days)")?,
            absolute_secs_max: setting!(
                self.session_absolute_secs_max,
                86_400,
                120..=2_592_000,
                "seconds (30 days)"
            )?,
        })
    }

    fn hashing(&self) -> Result<HashingConfig, ConfigError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(HashingConfig {
            threads: setting!(self.hashing_threads, cores, 1..=64)?,
            queue_max: setting!(self.hashing_queue_max, 256, 1..=10_000)?,
        })
    }

    fn gate(&self) -> Result<GateConfig, ConfigError> {
        let default = GateConfig::default();
        macro_rules! limit {
            ($key:ident, $min:literal..=$max:literal) => {
                setting!(self.$key, default.$key, $min..=$max)?
            };
        }
        let (interval, timeout) = (default.write_interval.as_millis(), default.exchange_timeout.as_secs());
        let interval = u64::try_from(interval).unwrap_or(u64::MAX);
        let write_interval_ms = setting!(self.write_interval_ms, interval, 0..=3_600_000, "milliseconds")?;
        let exchange_secs = setting!(self.exchange_secs_max, timeout, 1..=300, "seconds")?;
        Ok(GateConfig {
            account_guesses_at_once: limit!(account_guesses_at_once, 1..=20),
            account_guesses_max: limit!(account_guesses_max, 20..=100),
            attempts_per_address_max: limit!(attempts_per_address_max, 1..=1_000_000),
            attempts_per_network_max: limit!(attempts_per_network_max, 1..=1_000_000),
            registrations_per_address_max: limit!(registrations_per_address_max, 1..=1_000_000),
            registrations_per_network_max: limit!(registrations_per_network_max, 1..=1_000_000),
            registrations_per_hour_max: limit!(registrations_per_hour_max, 1..=1_000_000),
            names_per_address_max: limit!(names_per_address_max, 1..=1_000_000),
            names_per_network_max: limit!(names_per_network_max, 1..=1_000_000),
            wrong_codes_per_address_max: limit!(wrong_codes_per_address_max, 1..=1_000_000),
            wrong_codes_per_network_max: limit!(wrong_codes_per_network_max, 1..=1_000_000),
            code_evaluations_max: limit!(code_evaluations_max, 1..=100),
            code_evaluations_per_day_max: limit!(code_evaluations_per_day_max, 1..=1_000),
            devices_max: limit!(devices_max, 1..=1_000),
            writes_at_once: limit!(writes_at_once, 1..=1_000_000),
            write_interval: Duration::from_millis(write_interval_ms),
            exchange_timeout: Duration::from_secs(exchange_secs),
        })
    }

    fn connections(&self) -> Result<ConnectionConfig, ConfigError> {
        let default = ConnectionConfig::default();
        let per_sec = default.per_source_per_sec_max;
        macro_rules! time {
            ($key:ident, $default:ident) => {
                Duration::from_secs(setting!(self.$key, default.$default.as_secs(), 1..=86_400, "seconds")?)
            };
        }
        Ok(ConnectionConfig {
            max: setting!(self.connections_max, default.max, 1..=200_000)?,
            per_source_max: setting!(self.connections_per_source_max, default.per_source_max, 1..=200_000)?,
            per_network_max: setting!(
                self.connections_per_network_max,
                default.per_network_max,
                1..=200_000
            )?,
            per_source_per_sec_max: setting!(
                self.connections_per_source_per_sec_max,
                per_sec,
                1..=1_000_000
            )?,
            handshake_timeout: time!(handshake_secs_max, handshake_timeout),
            frame_timeout: time!(frame_secs_max, frame_timeout),
            write_timeout: time!(write_secs_max, write_timeout),
            anonymous_idle_timeout: time!(idle_secs_max_before_login, anonymous_idle_timeout),
            anonymous_timeout: time!(secs_max_before_login, anonymous_timeout),
            idle_timeout: time!(idle_secs_max, idle_timeout),
            ..default
        })
    }
}

/// Returns hosts as a value of TOML.
#[must_use]
pub fn array_of(hosts: &Hosts) -> String {
    let hosts: Vec<String> = hosts.iter().map(|host| format!("\"{host}\"")).collect();
    format!("[{}]", hosts.join(", "))
}

/// Returns the text of a `vestryd.toml` with other `hosts`, and all else as it was.
///
/// # Errors
/// When it is not a valid configuration.
pub fn with_hosts(text: &str, path: &Path, hosts: &Hosts) -> Result<String, ConfigError> {
    #[derive(Deserialize)]
    struct Place {
        hosts: Option<toml::Spanned<toml::Value>>,
    }
    let place: Place = toml::from_str(text).map_err(|error| ConfigError::invalid(path, &error))?;
    let changed = match place.hosts.map(|hosts| hosts.span()) {
        Some(span) => {
            let around = text.get(..span.start).zip(text.get(span.end..));
            around.map(|(before, after)| format!("{before}{}{after}", array_of(hosts)))
        }
        // Before the first table, if there is one.
        None => Some(format!("hosts = {}\n{text}", array_of(hosts))),
    };
    let changed = changed.unwrap_or_default();
    Config::parse(&changed, path, Overrides::default()).map(|_| changed)
}

/// The commented file that `init` writes.
#[must_use]
pub fn template(
    listen: &Listen,
    admin_listen: SocketAddr,
    hosts: &Hosts,
    certs_dir: Option<&Path>,
) -> String {
    let certs_dir = certs_dir.map_or_else(
        || "#= certs_dir = \"certs\"".to_owned(),
        |folder| format!("certs_dir = {}", toml::Value::String(folder.display().to_string())),
    );
    include_str!("vestryd.toml")
        .replace("@listen@", &listen_line(listen))
        .replace("@admin_listen@", &admin_listen.to_string())
        .replace("@hosts@", &array_of(hosts))
        .replace("@certs_dir@", &certs_dir)
}

fn listen_line(listen: &Listen) -> String {
    let mark = if *listen == Listen::Everywhere { "#= " } else { "" };
    format!("{mark}listen = {listen}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("/etc/vestryd.toml"), Overrides::default()).map_err(|e| e.to_string())
    }

    #[test]
    fn the_template_parses_and_says_the_defaults() {
        let text = template(
            &Listen::At(vec![([127, 0, 0, 1], 7443).into()]),
            ([127, 0, 0, 1], 7444).into(),
            &Hosts::parse(["a.example"]).unwrap(),
            None,
        );
        let written = parse(&text).unwrap();
        assert_eq!(written.hosts.to_string(), "a.example");
        // Every commented setting, taken into force, must say what the default is.
        let uncommented: String = text
            .lines()
            .map(|l| l.strip_prefix("#= ").unwrap_or(l))
            .filter(|l| !l.starts_with("certs_dir"))
            .fold(String::new(), |a, l| a + l + "\n");
        let (mut all, bare) = (parse(&uncommented).unwrap(), written);
        // The number of hashing threads defaults to the number of cores.
        all.hashing.threads = bare.hashing.threads;
        assert_eq!(format!("{all:?}"), format!("{bare:?}"));
    }

    #[test]
    fn what_is_out_of_range_is_refused_by_name() {
        let cases = [
            ("admin_listen = \"0.0.0.0:7444\"", "admin_listen"),
            ("password_chars_min = 7", "password_chars_min"),
            ("imported_login_ms = 100", "imported_login_ms"),
            ("account_guesses_at_once = 0", "account_guesses_at_once"),
            ("account_guesses_max = 101", "account_guesses_max"),
            ("registrations_per_hour_max = 0", "registrations_per_hour_max"),
            ("write_interval_ms = 4000000", "write_interval_ms"),
            ("exchange_secs_max = 0", "exchange_secs_max"),
            ("hashing_queue_max = 0", "hashing_queue_max"),
            ("session_idle_secs_max = 10", "session_idle_secs_max"),
            ("certificate_days = 0", "certificate_days"),
            ("connections_per_source_per_sec_max = 0", "connections_per_source_per_sec_max"),
            ("handshake_secs_max = 0", "handshake_secs_max"),
            ("idle_secs_max = 90000", "idle_secs_max"),
            ("audit_days = -1", "audit_days"),
            ("audit_days = 36501", "audit_days"),
            ("no_such_key = 1", "no_such_key"),
            ("registration = \"maybe\"", "registration"),
            ("reset_by = \"viewer\"", "reset_by"),
            ("listen = 7443", "listen"),
            ("proxy_from = [\"0.0.0.0/0\"]", "proxy_from"),
            ("hosts = []", "hosts"),
            ("hosts = [\"two words\"]", "hosts"),
        ];
        for (text, named) in cases {
            let message = parse(text).err().unwrap_or_else(|| panic!("{text} was taken"));
            assert!(message.contains(named), "{text}: {message}");
        }
    }

    #[test]
    fn what_the_parser_draws_is_also_said_in_a_sentence() {
        let error =
            Config::parse("audit_days = \"7\"", Path::new("a.toml"), Overrides::default()).unwrap_err();
        let said = error.in_a_sentence();
        assert!(said.contains("at line 1, column 14 (audit_days = \"7\"): invalid type"), "{said}");
        assert_eq!(said.lines().count(), 1);
    }

    #[test]
    fn other_hosts_change_nothing_else_in_the_file() {
        let (path, new) = (Path::new("vestryd.toml"), Hosts::parse(["new.example", "old.example"]).unwrap());
        let texts = [
            (
                "# a\nhosts = [ \"old.example\", # mine\n  \"::1\" ] # b\naudit_days = 7\n",
                "# a\nhosts = [\"new.example\", \"old.example\"] # b\naudit_days = 7\n",
            ),
            ("audit_days = 7", "hosts = [\"new.example\", \"old.example\"]\naudit_days = 7"),
            ("", "hosts = [\"new.example\", \"old.example\"]\n"),
        ];
        for (before, after) in texts {
            assert_eq!(with_hosts(before, path, &new).unwrap(), after);
        }
        assert!(with_hosts("hosts = [", path, &new).is_err());
    }
}
