//! Where a command was told that the data is, and how others get there.

use crate::config::{Config, ConfigError, Overrides};
use crate::data_dir::{DataDir, default_path};
use clap::Args;
use std::path::{Path, PathBuf, absolute};
use vestry_protocol::typed::{Flags, lead_here};
use vestry_tls::CertsDir;

/// Where the data is.
#[derive(Debug, Clone, Args)]
pub(super) struct Place {
    #[command(flatten)]
    folder: Folder,
    /// The folder of the certificates, when not in the data directory
    #[arg(long, value_name = "DIR")]
    certs_dir: Option<PathBuf>,
    /// The settings, when not in the data directory
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The data directory alone.
#[derive(Debug, Clone, Args)]
pub(super) struct Folder {
    /// The folder of the database, settings, keys and certificates
    #[arg(long, value_name = "DIR", env = "VESTRY_DATA_DIR")]
    data_dir: Option<PathBuf>,
}

/// From wherever it is typed. A folder that cannot be named otherwise keeps the name that was typed.
fn from_anywhere(path: &Path) -> PathBuf {
    absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl Folder {
    pub(super) fn data_dir(&self) -> DataDir {
        DataDir::at(from_anywhere(&self.data_dir.clone().unwrap_or_else(default_path)))
    }

    pub(super) fn lead_here(&self) {
        let flags = flags_of(&[("--data-dir", self.data_dir.as_deref())]);
        lead_here(Flags { vestryctl: flags.clone(), vestryd: flags });
    }
}

impl Place {
    pub(super) fn data_dir(&self) -> DataDir {
        self.folder.data_dir()
    }

    pub(super) fn certs_dir(&self) -> Option<PathBuf> {
        self.certs_dir.as_deref().map(from_anywhere)
    }

    /// The folder of the certificates: the flag, the settings, or the one in the data directory.
    pub(super) fn certs(&self) -> CertsDir {
        let configured = || self.load_config(Overrides::default()).ok().and_then(|config| config.certs_dir);
        self.data_dir().certs(self.certs_dir().or_else(configured).as_deref())
    }

    pub(super) fn config_file(&self) -> PathBuf {
        self.config.as_deref().map_or_else(|| self.data_dir().config_file(), from_anywhere)
    }

    /// Whether the settings are named, rather than those of the data directory.
    pub(super) fn names_settings(&self) -> bool {
        self.config.is_some()
    }

    pub(super) fn load_config(&self, mut overrides: Overrides) -> Result<Config, ConfigError> {
        overrides.certs_dir = self.certs_dir();
        Config::load(&self.config_file(), overrides)
    }

    /// Has every command that this process advises lead to the same place.
    pub(super) fn lead_here(&self) {
        let data_dir = ("--data-dir", self.folder.data_dir.as_deref());
        let certs_dir = ("--certs-dir", self.certs_dir.as_deref());
        lead_here(Flags {
            vestryd: flags_of(&[data_dir, certs_dir, ("--config", self.config.as_deref())]),
            // The rest it reads from what the running server wrote there.
            vestryctl: flags_of(&[data_dir]),
        });
    }
}

fn flags_of(given: &[(&str, Option<&Path>)]) -> Vec<String> {
    let words = given.iter().filter_map(|(flag, path)| {
        let path = from_anywhere((*path)?).to_string_lossy().into_owned();
        Some([(*flag).to_owned(), path])
    });
    words.flatten().collect()
}
