//! The settings in force: one value that every part of a running server shares, and that `vestryctl reload` and SIGHUP replace.
//!
//! Each act takes one [`Arc<Config>`] to its end, so that no act sees half of a change. Each setting says whether a change of it is in
//! force at once or needs a restart (`config/`).

use crate::config::{Config, ConfigError, Overrides};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use vestry_protocol::admin::SettingChange;

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

    /// Returns the settings that are in force without a file.
    #[must_use]
    pub fn defaults() -> Self {
        Self::new(Config::default(), Overrides::default())
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
        let changes = Config::compare(&in_force, &mut config);
        Ok(Reread { config, changes })
    }

    /// Puts settings in force that were read again. Returns what has changed.
    pub fn put_in_force(&self, reread: Reread) -> Vec<SettingChange> {
        let config = Arc::new(reread.config);
        *self.0.in_force.write().unwrap_or_else(PoisonError::into_inner) = config;
        reread.changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn changes(before: &str, after: &str, overrides: &Overrides) -> (Config, Vec<SettingChange>) {
        let parse = |text| Config::parse(text, Path::new("/etc/vestryd.toml"), overrides.clone()).unwrap();
        let (in_force, mut read) = (parse(before), parse(after));
        let changes = Config::compare(&in_force, &mut read);
        (read, changes)
    }

    #[test]
    fn a_key_that_needs_a_restart_keeps_its_value() {
        let text = "accounts.registration = \"closed\"\nconnections.max = 20\ngate.write_interval_ms = 7";
        let (read, changes) = changes("", text, &Overrides::default());
        assert_eq!((read.accounts.registration_open, read.connections.max), (false, 10_000));
        assert_eq!(read.gate.write_interval, Duration::from_millis(7));
        let told: Vec<_> = changes
            .iter()
            .map(|c| (c.key.as_str(), c.was.as_str(), c.is.as_str(), c.needs_restart))
            .collect();
        assert_eq!(
            told,
            [
                ("accounts.registration", "\"open\"", "\"closed\"", false),
                ("gate.write_interval_ms", "2000", "7", false),
                ("connections.max", "10000", "20", true),
            ]
        );
    }

    #[test]
    fn the_command_line_of_the_start_wins_over_the_file() {
        let overrides = Overrides { admin_listen: Some(([127, 0, 0, 1], 7).into()), ..Overrides::default() };
        assert_eq!(changes("", "network.admin_listen = \"127.0.0.1:8\"", &overrides).1, []);
    }
}
