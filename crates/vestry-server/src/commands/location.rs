//! Where a command was told that the data is, and how others get there. A folder is handed out only together with acting as its
//! owner: what root makes in it then belongs to the user whose server reads it.

use crate::config::{Config, ConfigError, Overrides};
use crate::data_dir::{DataDir, default_path};
use crate::process::as_owner::{AsOwner, For, NotTheOwner};
use crate::process::running::how_to_reload;
use crate::settings::Settings;
use clap::Args;
use std::ops::Deref;
use std::path::{Path, PathBuf, absolute};
use vestry_protocol::typed::{Flags, lead_here};
use vestry_tls::CertsDir;

/// Where the data is.
#[derive(Debug, Clone, Args)]
pub(super) struct Location {
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
    #[arg(long, value_name = "DIR", env = "VESTRY_DATA_DIR", hide_env_values = true)]
    data_dir: Option<PathBuf>,
}

/// From wherever it is typed. A folder that cannot be named otherwise keeps the name that was typed.
fn from_anywhere(path: &Path) -> PathBuf {
    absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// A folder, while this process acts as its owner.
#[derive(Debug)]
pub(super) struct Entered<T> {
    folder: T,
    #[expect(dead_code, reason = "as long as this is held, root acts as the owner")]
    owner: AsOwner,
}

impl<T> Deref for Entered<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.folder
    }
}

impl Folder {
    pub(super) fn enter(&self) -> Result<Entered<DataDir>, NotTheOwner> {
        let folder = self.data_dir();
        Ok(Entered { owner: AsOwner::of(folder.path(), For::Now)?, folder })
    }

    fn data_dir(&self) -> DataDir {
        DataDir::at(from_anywhere(&self.data_dir.clone().unwrap_or_else(default_path)))
    }

    /// Has every command that this process advises lead to the same place. Returns the certificates there, for advice.
    pub(super) fn lead_here(&self) -> CertsDir {
        let flags = flags_of(&[("--data-dir", self.data_dir.as_deref())]);
        lead_here(Flags { vestryctl: flags.clone(), vestryd: flags, ..Flags::default() });
        self.data_dir().certs(None)
    }
}

impl Location {
    /// The data directory, as its owner.
    pub(super) fn enter(&self) -> Result<Entered<DataDir>, NotTheOwner> {
        self.folder.enter()
    }

    /// The data directory, as its owner to the end of the process.
    pub(super) fn enter_for_good(&self) -> Result<Entered<DataDir>, NotTheOwner> {
        let folder = self.data_dir();
        Ok(Entered { owner: AsOwner::of(folder.path(), For::Good)?, folder })
    }

    /// The folder of the certificates, as its owner.
    pub(super) fn enter_certs(&self) -> Result<Entered<CertsDir>, NotTheOwner> {
        let folder = self.certs();
        Ok(Entered { owner: AsOwner::of(folder.path(), For::Now)?, folder })
    }

    /// The settings, as the owner of the folder that they are in.
    pub(super) fn enter_settings(&self) -> Result<Entered<PathBuf>, NotTheOwner> {
        let folder = self.config_file();
        Ok(Entered { owner: AsOwner::of(folder.parent().unwrap_or(&folder), For::Now)?, folder })
    }

    /// How a server that runs here takes what was changed; nothing when none runs.
    pub(super) fn how_to_reload(&self) -> Option<String> {
        how_to_reload(&self.data_dir())
    }

    fn data_dir(&self) -> DataDir {
        self.folder.data_dir()
    }

    pub(super) fn certs_dir(&self) -> Option<PathBuf> {
        self.certs_dir.as_deref().map(from_anywhere)
    }

    /// The folder of the certificates: the flag, the settings, or the one in the data directory.
    fn certs(&self) -> CertsDir {
        let configured =
            || self.load_config(Overrides::default()).ok().and_then(|config| config.certificates.dir);
        self.data_dir().certs(self.certs_dir().or_else(configured).as_deref())
    }

    /// The file of the settings, to be read.
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

    /// The settings of a server that is started with this command line.
    pub(super) fn load_settings(&self, mut overrides: Overrides) -> Result<Settings, ConfigError> {
        overrides.certs_dir = self.certs_dir();
        Settings::load(&self.config_file(), overrides)
    }

    /// Has every command that this process advises lead to the same place. Returns the certificates there, for advice.
    pub(super) fn lead_here(&self) -> CertsDir {
        let data_dir = ("--data-dir", self.folder.data_dir.as_deref());
        let certs_dir = ("--certs-dir", self.certs_dir.as_deref());
        lead_here(Flags {
            vestryd: flags_of(&[data_dir, certs_dir, ("--config", self.config.as_deref())]),
            // The rest it reads from what the running server wrote there.
            vestryctl: flags_of(&[data_dir]),
            ..Flags::default()
        });
        self.certs()
    }
}

fn flags_of(given: &[(&str, Option<&Path>)]) -> Vec<String> {
    let words = given.iter().filter_map(|(flag, path)| {
        let path = from_anywhere((*path)?).to_string_lossy().into_owned();
        Some([(*flag).to_owned(), path])
    });
    words.flatten().collect()
}
