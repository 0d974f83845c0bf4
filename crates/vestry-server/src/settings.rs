//! The settings in force: one value that every part of a running server shares, and that `vestryctl reload` and SIGHUP replace.
//!
//! Whoever acts takes one [`Arc<Config>`] for the act, so that no act sees half of a change. One table says of each key whether
//! a change of it is in force at once or needs a restart; it names every field of [`Config`], so that a new one does not compile
//! without its class.

use crate::config::{
    Config, ConfigError, ConnectionConfig, GateConfig, HashingConfig, Overrides, ResetBy, SessionConfig,
    array_of,
};
use crate::listen::{Listen, Proxies};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use vestry_protocol::admin::SettingChange;
use vestry_protocol::escape::Escaped;

/// The settings in force. Cloning shares them.
#[derive(Debug, Clone)]
pub struct Settings(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// What the command line said at the start; it wins over the file each time that the file is read.
    overrides: Overrides,
    in_force: RwLock<Arc<Config>>,
}

/// Settings that were read again and are not in force yet.
#[derive(Debug)]
pub struct Reread {
    config: Config,
    changes: Vec<SettingChange>,
}

impl Reread {
    /// Returns each key whose value differs from the one in force.
    #[must_use]
    pub fn changes(&self) -> &[SettingChange] {
        &self.changes
    }
}

impl Settings {
    /// Reads the settings of a file, for a server that was started with this command line.
    ///
    /// # Errors
    /// With the first thing that is wrong in the file.
    pub fn load(path: &Path, overrides: Overrides) -> Result<Self, ConfigError> {
        Ok(Self::new(Config::load(path, overrides.clone())?, overrides))
    }

    /// Returns settings of an empty file that is nowhere.
    ///
    /// # Errors
    /// Never, as long as the defaults are in their ranges.
    pub fn defaults() -> Result<Self, ConfigError> {
        let overrides = Overrides::default();
        Ok(Self::new(Config::parse("", Path::new("vestryd.toml"), overrides.clone())?, overrides))
    }

    /// Puts settings in force that were read with this command line.
    #[must_use]
    pub fn new(config: Config, overrides: Overrides) -> Self {
        Self(Arc::new(Shared { overrides, in_force: RwLock::new(Arc::new(config)) }))
    }

    /// Returns the settings in force. An act takes them once, and keeps what it took to its end.
    #[must_use]
    pub fn now(&self) -> Arc<Config> {
        self.0.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the file again. Nothing changes yet; a key that needs a restart keeps its value in what is returned.
    ///
    /// # Errors
    /// With the first thing that is wrong in the file.
    pub fn read_again(&self) -> Result<Reread, ConfigError> {
        let in_force = self.now();
        let mut config = Config::load(&in_force.path, self.0.overrides.clone())?;
        let changes = Table::compare(&in_force, &mut config).changes;
        Ok(Reread { config, changes })
    }

    /// Puts settings in force that were read again. Returns what has changed.
    pub fn put_in_force(&self, reread: Reread) -> Vec<SettingChange> {
        let config = Arc::new(reread.config);
        *self.0.in_force.write().unwrap_or_else(PoisonError::into_inner) = config;
        reread.changes
    }
}

/// Compares settings key by key, by the values that an operator reads.
#[derive(Default)]
struct Table {
    changes: Vec<SettingChange>,
    #[cfg(test)]
    keys: Vec<(&'static str, bool)>,
}

impl Table {
    /// The class of each key. Whoever adds a field has to name it here: the patterns have no rest, and what is named and not
    /// used does not compile.
    #[deny(unused_variables)]
    fn compare(in_force: &Config, read: &mut Config) -> Self {
        let mut table = Self::default();
        let Config {
            // The file itself is named by the command line.
            path: _,
            listen,
            proxies,
            admin_listen,
            hosts,
            certs_dir,
            certificate_days,
            registration_open,
            password_policy,
            sessions,
            takes_passwords,
            imported_login_time,
            hashing,
            gate,
            audit_days,
            reset_by,
            connections,
        } = read;
        table.at_start("listen", &in_force.listen, listen, Listen::to_string);
        table.at_once("proxy_from", &in_force.proxies, proxies, Proxies::to_string);
        table.at_start("admin_listen", &in_force.admin_listen, admin_listen, |at| quoted(&at.to_string()));
        table.at_once("hosts", &in_force.hosts, hosts, array_of);
        table.at_start("certs_dir", &in_force.certs_dir, certs_dir, |folder| {
            // Unset, it is a folder of the data directory.
            folder.as_ref().map_or_else(|| quoted("certs"), |folder| quoted(&folder.display().to_string()))
        });
        table.at_once("certificate_days", &in_force.certificate_days, certificate_days, u32::to_string);
        table.at_once("registration", &in_force.registration_open, registration_open, |open| {
            quoted(if *open { "open" } else { "closed" })
        });
        table.at_once("password_chars_min", &in_force.password_policy, password_policy, |policy| {
            policy.chars_min().to_string()
        });
        table.at_once("password_mode", &in_force.takes_passwords, takes_passwords, |takes| {
            quoted(if *takes { "migrate" } else { "opaque_only" })
        });
        table.at_once("imported_login_ms", &in_force.imported_login_time, imported_login_time, milliseconds);
        table.at_once("audit_days", &in_force.audit_days, audit_days, i64::to_string);
        table.at_once("reset_by", &in_force.reset_by, reset_by, |by| {
            quoted(match by {
                ResetBy::Helpdesk => "helpdesk",
                ResetBy::Admin => "admin",
            })
        });
        table.compare_sessions(&in_force.sessions, sessions);
        table.compare_hashing(&in_force.hashing, hashing);
        table.compare_gate(&in_force.gate, gate);
        table.compare_connections(&in_force.connections, connections);
        table
    }

    #[deny(unused_variables)]
    fn compare_sessions(&mut self, in_force: &SessionConfig, read: &mut SessionConfig) {
        let SessionConfig { idle_secs_max, absolute_secs_max } = read;
        self.at_once("session_idle_secs_max", &in_force.idle_secs_max, idle_secs_max, i64::to_string);
        self.at_once(
            "session_absolute_secs_max",
            &in_force.absolute_secs_max,
            absolute_secs_max,
            i64::to_string,
        );
    }

    /// Threads are started, and the queue is sized, once.
    #[deny(unused_variables)]
    fn compare_hashing(&mut self, in_force: &HashingConfig, read: &mut HashingConfig) {
        let HashingConfig { threads, queue_max } = read;
        self.at_start("hashing_threads", &in_force.threads, threads, usize::to_string);
        self.at_start("hashing_queue_max", &in_force.queue_max, queue_max, usize::to_string);
    }

    #[deny(unused_variables)]
    fn compare_gate(&mut self, in_force: &GateConfig, read: &mut GateConfig) {
        macro_rules! limits_at_once {
            ($($key:ident),*) => {{
                // Without a rest: a limit that is not in the list does not compile.
                let GateConfig { $($key,)* write_interval, exchange_timeout } = read;
                $(self.at_once(stringify!($key), &in_force.$key, $key, u32::to_string);)*
                self.at_once("write_interval_ms", &in_force.write_interval, write_interval, milliseconds);
                self.at_once("exchange_secs_max", &in_force.exchange_timeout, exchange_timeout, seconds);
            }};
        }
        limits_at_once!(
            account_guesses_at_once,
            account_guesses_max,
            attempts_per_address_max,
            attempts_per_network_max,
            registrations_per_address_max,
            registrations_per_network_max,
            registrations_per_hour_max,
            names_per_address_max,
            names_per_network_max,
            wrong_codes_per_address_max,
            wrong_codes_per_network_max,
            code_evaluations_max,
            code_evaluations_per_day_max,
            devices_max,
            writes_at_once
        );
    }

    /// Slots are made, and the handshake's time is handed to the listeners, once.
    #[deny(unused_variables)]
    fn compare_connections(&mut self, in_force: &ConnectionConfig, read: &mut ConnectionConfig) {
        let ConnectionConfig {
            max,
            per_source_max,
            per_network_max,
            per_source_per_sec_max,
            handshake_timeout,
            anonymous_idle_timeout,
            anonymous_timeout,
            idle_timeout,
            frame_timeout,
            write_timeout,
            // No keys: constants of the program.
            admin_max: _,
            admin_per_certificate_max: _,
            admin_handshakes_max: _,
            admin_handshake_timeout: _,
            admin_handshake_spared: _,
            drain_timeout: _,
        } = read;
        let number = usize::to_string;
        self.at_start("connections_max", &in_force.max, max, number);
        self.at_start("connections_per_source_max", &in_force.per_source_max, per_source_max, number);
        self.at_start("connections_per_network_max", &in_force.per_network_max, per_network_max, number);
        self.at_start(
            "connections_per_source_per_sec_max",
            &in_force.per_source_per_sec_max,
            per_source_per_sec_max,
            u32::to_string,
        );
        self.at_start("handshake_secs_max", &in_force.handshake_timeout, handshake_timeout, seconds);
        self.at_once("frame_secs_max", &in_force.frame_timeout, frame_timeout, seconds);
        self.at_once("write_secs_max", &in_force.write_timeout, write_timeout, seconds);
        self.at_once(
            "idle_secs_max_before_login",
            &in_force.anonymous_idle_timeout,
            anonymous_idle_timeout,
            seconds,
        );
        self.at_once("secs_max_before_login", &in_force.anonymous_timeout, anonymous_timeout, seconds);
        self.at_once("idle_secs_max", &in_force.idle_timeout, idle_timeout, seconds);
    }

    /// A key whose new value is in force as soon as it is read.
    fn at_once<T>(&mut self, key: &'static str, was: &T, read: &T, shown: impl Fn(&T) -> String) {
        self.note(key, shown(was), shown(read), false);
    }

    /// A key that is taken up when the server starts: what is in force stays.
    fn at_start<T: Clone>(&mut self, key: &'static str, was: &T, read: &mut T, shown: impl Fn(&T) -> String) {
        self.note(key, shown(was), shown(read), true);
        read.clone_from(was);
    }

    fn note(&mut self, key: &'static str, was: String, is: String, needs_restart: bool) {
        #[cfg(test)]
        self.keys.push((key, needs_restart));
        if was != is {
            self.changes.push(SettingChange { key: key.to_owned(), was, is, needs_restart });
        }
    }
}

/// Returns text as a value of TOML, on one line.
fn quoted(text: &str) -> String {
    format!("\"{}\"", Escaped(text))
}

fn seconds(time: &Duration) -> String {
    time.as_secs().to_string()
}

fn milliseconds(time: &Duration) -> String {
    time.as_millis().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn changes(before: &str, after: &str, overrides: &Overrides) -> (Config, Vec<SettingChange>) {
        let parse = |text| Config::parse(text, Path::new("/etc/vestryd.toml"), overrides.clone()).unwrap();
        let (in_force, mut read) = (parse(before), parse(after));
        let changes = Table::compare(&in_force, &mut read).changes;
        (read, changes)
    }

    #[test]
    fn the_table_has_every_key_of_the_file_once() {
        let template = include_str!("vestryd.toml");
        let keys = template.lines().filter_map(|line| {
            let (key, _) = line.trim_start_matches("#= ").split_once(" = ")?;
            key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_').then_some(key)
        });
        // A line of its own, which `init` fills in.
        let keys: BTreeSet<_> = keys.chain(["certs_dir", "listen"]).collect();
        let config = Config::parse("", Path::new("vestryd.toml"), Overrides::default()).unwrap();
        let table = Table::compare(&config, &mut config.clone());
        assert_eq!(table.keys.len(), keys.len());
        assert_eq!(table.keys.iter().map(|(key, _)| *key).collect::<BTreeSet<_>>(), keys);
        assert_eq!(table.changes, []);
    }

    #[test]
    fn a_key_that_needs_a_restart_keeps_its_value() {
        let text = "registration = \"closed\"\nconnections_max = 20\nwrite_interval_ms = 7";
        let (read, changes) = changes("", text, &Overrides::default());
        assert_eq!((read.registration_open, read.connections.max), (false, 10_000));
        assert_eq!(read.gate.write_interval, Duration::from_millis(7));
        let told: Vec<_> = changes
            .iter()
            .map(|c| (c.key.as_str(), c.was.as_str(), c.is.as_str(), c.needs_restart))
            .collect();
        assert_eq!(
            told,
            [
                ("registration", "\"open\"", "\"closed\"", false),
                ("write_interval_ms", "2000", "7", false),
                ("connections_max", "10000", "20", true),
            ]
        );
    }

    #[test]
    fn the_command_line_of_the_start_wins_over_the_file() {
        let overrides = Overrides { admin_listen: Some(([127, 0, 0, 1], 7).into()), ..Overrides::default() };
        assert_eq!(changes("", "admin_listen = \"127.0.0.1:8\"", &overrides).1, []);
    }
}
