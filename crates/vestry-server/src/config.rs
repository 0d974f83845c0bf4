//! `vestryd.toml`: every setting and every limit of the server's own resources, with its unit, default and reason.
//!
//! What was typed (the file, the flags) is parsed into [`Config`] once; a value out of range is an error that
//! names the key, the range and the file, never a silent default. Wire limits are in `vestry_protocol::limits`.

use crate::failure::Failure;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::PasswordPolicy;

/// The server's settings, as they are in force.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where users connect.
    pub listen: SocketAddr,
    /// Where operators connect; always loopback.
    pub admin_listen: SocketAddr,
    /// The host names of the server certificate; the first is in the join string.
    pub hosts: Vec<String>,
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
    /// Whether clients may still send passwords themselves, for accounts that were never moved to OPAQUE.
    pub takes_passwords: bool,
    /// What an Argon2id hash costs.
    pub argon2id: Argon2idConfig,
    /// How long audit events are kept, in days; 0 for ever.
    pub audit_days: i64,
    /// Limits of connections.
    pub connections: ConnectionConfig,
}

/// How sessions end.
#[derive(Debug, Clone, Copy)]
pub struct SessionConfig {
    /// Without a request for so long, in seconds.
    pub idle_secs_max: i64,
    /// So long after the login, in seconds, whatever happens.
    pub absolute_secs_max: i64,
}

/// What a server-side hash costs, and who may wait for one.
#[derive(Debug, Clone, Copy)]
pub struct Argon2idConfig {
    /// Memory of one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
    /// Threads that hash; each holds one hash's memory for good.
    pub threads: usize,
    /// Passwords that may wait; one more is told to come back.
    pub queue_max: usize,
}

/// Limits of connections on each port.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionConfig {
    /// On the user port, in all.
    pub max: usize,
    /// On the user port, from one source (an IPv4 address, an IPv6 /64).
    pub per_source_max: usize,
    /// New ones a second on either port, from one source, once it has used up five seconds' worth of them.
    pub per_source_per_sec_max: u32,
    /// On the admin port, in all.
    pub admin_max: usize,
    /// From the TCP connection to the end of the TLS handshake.
    pub handshake_timeout: Duration,
    /// Between requests before a login.
    pub anonymous_idle_timeout: Duration,
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
            // A handshake costs 0.12 ms: one source gets at most half of one core, whatever it does. A lab that comes in
            // together, or a benchmark at 2,000 a second, is far from it.
            per_source_per_sec_max: 4_000,
            // Each may run a query on a connection of its own.
            admin_max: 16,
            handshake_timeout: Duration::from_secs(10),
            anonymous_idle_timeout: Duration::from_secs(60),
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
    listen: Option<SocketAddr>,
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
    argon2id_memory_kib: Option<u32>,
    argon2id_iterations: Option<u32>,
    argon2id_parallelism: Option<u32>,
    hashing_threads: Option<usize>,
    hashing_queue_max: Option<usize>,
    connections_max: Option<usize>,
    connections_per_source_max: Option<usize>,
    connections_per_source_per_sec_max: Option<u32>,
    handshake_secs_max: Option<u64>,
    frame_secs_max: Option<u64>,
    write_secs_max: Option<u64>,
    idle_secs_max_before_login: Option<u64>,
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

/// What the command line says, over what the file says.
#[derive(Debug, Default)]
pub struct Overrides {
    /// `--listen`.
    pub listen: Option<SocketAddr>,
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
        let mut file: ConfigFile = toml::from_str(text).map_err(|error| ConfigError::Invalid {
            path: path.to_owned(),
            message: Escaped(error.to_string().trim_end()).to_string().replace("\\n", "\n  "),
        })?;
        file.listen = overrides.listen.or(file.listen);
        file.admin_listen = overrides.admin_listen.or(file.admin_listen);
        let beside = path.parent().unwrap_or(Path::new(""));
        file.certs_dir = overrides.certs_dir.or(file.certs_dir.map(|folder| beside.join(folder)));
        file.checked()
    }
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
    fn checked(self) -> Result<Config, ConfigError> {
        let sessions = self.sessions()?;
        let argon2id = self.argon2id()?;
        let connections = self.connections()?;
        let admin_listen = self.admin_listen.unwrap_or_else(|| ([127, 0, 0, 1], 7444).into());
        if !admin_listen.ip().is_loopback() {
            let rule = "use a loopback address such as 127.0.0.1:7444; operators work on this machine";
            return Err(ConfigError::OutOfRange { key: "admin_listen", rule });
        }
        let policy =
            self.password_chars_min.map_or(Some(PasswordPolicy::default()), PasswordPolicy::with_chars_min);
        let days = self.certificate_days.unwrap_or(30);
        let audit_days = self.audit_days.unwrap_or(365);
        Ok(Config {
            listen: self.listen.unwrap_or_else(|| ([0, 0, 0, 0], 7443).into()),
            admin_listen,
            hosts: self.hosts.unwrap_or_else(|| vec!["localhost".to_owned()]),
            certs_dir: self.certs_dir,
            certificate_days: in_range(days, 1..=825, "certificate_days", "use 1 to 825 days")?,
            registration_open: self.registration != Some(Registration::Closed),
            password_policy: policy.ok_or(ConfigError::OutOfRange {
                key: "password_chars_min",
                rule: "use 8 to 256 characters",
            })?,
            takes_passwords: self.password_mode != Some(PasswordMode::OpaqueOnly),
            sessions,
            argon2id,
            audit_days: in_range(audit_days, 0..=36_500, "audit_days", "use 1 to 36500 days, or 0 for ever")?,
            connections,
        })
    }

    fn sessions(&self) -> Result<SessionConfig, ConfigError> {
        let idle = self.session_idle_secs_max.unwrap_or(60 * 60);
        let absolute = self.session_absolute_secs_max.unwrap_or(24 * 60 * 60);
        let month = 30 * 24 * 60 * 60;
        Ok(SessionConfig {
            // Uses are written down once a minute, so a shorter limit would end sessions in use.
            idle_secs_max: in_range(
                idle,
                120..=month,
                "session_idle_secs_max",
                "use 120 seconds to 30 days",
            )?,
            absolute_secs_max: in_range(
                absolute,
                120..=month,
                "session_absolute_secs_max",
                "use 120 seconds to 30 days",
            )?,
        })
    }

    fn argon2id(&self) -> Result<Argon2idConfig, ConfigError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let memory = self.argon2id_memory_kib.unwrap_or(19 * 1024);
        let rule = "use 19456 KiB (19 MiB) to 262144 KiB (256 MiB)";
        Ok(Argon2idConfig {
            memory_kib: in_range(memory, 19 * 1024..=256 * 1024, "argon2id_memory_kib", rule)?,
            iterations: in_range(
                self.argon2id_iterations.unwrap_or(2),
                2..=16,
                "argon2id_iterations",
                "use 2 to 16",
            )?,
            parallelism: in_range(
                self.argon2id_parallelism.unwrap_or(1),
                1..=16,
                "argon2id_parallelism",
                "use 1 to 16",
            )?,
            threads: in_range(
                self.hashing_threads.unwrap_or(cores),
                1..=64,
                "hashing_threads",
                "use 1 to 64",
            )?,
            queue_max: in_range(
                self.hashing_queue_max.unwrap_or(256),
                1..=10_000,
                "hashing_queue_max",
                "use 1 to 10000",
            )?,
        })
    }

    fn connections(&self) -> Result<ConnectionConfig, ConfigError> {
        let default = ConnectionConfig::default();
        let max = self.connections_max.unwrap_or(default.max);
        let per_source = self.connections_per_source_max.unwrap_or(default.per_source_max);
        let per_sec = self.connections_per_source_per_sec_max.unwrap_or(default.per_source_per_sec_max);
        Ok(ConnectionConfig {
            max: in_range(max, 1..=200_000, "connections_max", "use 1 to 200000")?,
            per_source_max: in_range(
                per_source,
                1..=200_000,
                "connections_per_source_max",
                "use 1 to 200000",
            )?,
            per_source_per_sec_max: in_range(
                per_sec,
                1..=1_000_000,
                "connections_per_source_per_sec_max",
                "use 1 to 1000000",
            )?,
            ..self.timeouts(default)?
        })
    }

    /// The limits with the file's times in them.
    fn timeouts(&self, limits: ConnectionConfig) -> Result<ConnectionConfig, ConfigError> {
        let time = |typed: Option<u64>, default: Duration, key: &'static str| {
            let secs =
                in_range(typed.unwrap_or(default.as_secs()), 1..=86_400, key, "use 1 to 86400 seconds")?;
            Ok::<_, ConfigError>(Duration::from_secs(secs))
        };
        let before_login = "idle_secs_max_before_login";
        Ok(ConnectionConfig {
            handshake_timeout: time(self.handshake_secs_max, limits.handshake_timeout, "handshake_secs_max")?,
            frame_timeout: time(self.frame_secs_max, limits.frame_timeout, "frame_secs_max")?,
            write_timeout: time(self.write_secs_max, limits.write_timeout, "write_secs_max")?,
            anonymous_idle_timeout: time(
                self.idle_secs_max_before_login,
                limits.anonymous_idle_timeout,
                before_login,
            )?,
            idle_timeout: time(self.idle_secs_max, limits.idle_timeout, "idle_secs_max")?,
            ..limits
        })
    }
}

/// The commented file that `init` writes.
#[must_use]
pub fn template(
    listen: SocketAddr,
    admin_listen: SocketAddr,
    hosts: &[String],
    certs_dir: Option<&Path>,
) -> String {
    let certs_dir = certs_dir.map_or_else(
        || "#= certs_dir = \"certs\"".to_owned(),
        |folder| format!("certs_dir = {}", toml::Value::String(folder.display().to_string())),
    );
    let hosts: Vec<String> = hosts.iter().map(|host| format!("\"{host}\"")).collect();
    include_str!("vestryd.toml")
        .replace("@listen@", &listen.to_string())
        .replace("@admin_listen@", &admin_listen.to_string())
        .replace("@hosts@", &hosts.join(", "))
        .replace("@certs_dir@", &certs_dir)
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
            ([127, 0, 0, 1], 7443).into(),
            ([127, 0, 0, 1], 7444).into(),
            &["a.example".into()],
            None,
        );
        let written = parse(&text).unwrap();
        assert_eq!(written.hosts, ["a.example"]);
        // Every commented setting, taken into force, must say what the default is.
        let uncommented: String = text
            .lines()
            .map(|l| l.strip_prefix("#= ").unwrap_or(l))
            .filter(|l| !l.starts_with("certs_dir"))
            .fold(String::new(), |a, l| a + l + "\n");
        let (mut all, bare) = (parse(&uncommented).unwrap(), written);
        // The number of hashing threads defaults to the number of cores.
        all.argon2id.threads = bare.argon2id.threads;
        assert_eq!(format!("{all:?}"), format!("{bare:?}"));
    }

    #[test]
    fn what_is_out_of_range_is_refused_by_name() {
        let cases = [
            ("admin_listen = \"0.0.0.0:7444\"", "admin_listen"),
            ("password_chars_min = 7", "password_chars_min"),
            ("argon2id_memory_kib = 1024", "argon2id_memory_kib"),
            ("argon2id_iterations = 1", "argon2id_iterations"),
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
            ("listen = 7443", "listen"),
        ];
        for (text, named) in cases {
            let message = parse(text).err().unwrap_or_else(|| panic!("{text} was taken"));
            assert!(message.contains(named), "{text}: {message}");
        }
    }
}
