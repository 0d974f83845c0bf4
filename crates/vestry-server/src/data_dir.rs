//! The data directory: where everything is, who may read it, and that only one server uses it.
//!
//! ```text
//! vestryd.toml   settings               certs/     CA, server and operators
//! vestry.db      the database           secrets/   pepper, OPAQUE key, seed of names, audit key and its newest event (never in the database)
//! vestryd.lock   held while it runs     vestryd.running   how it is reached then (`process/running.rs`)
//! ```

use std::fs::{File, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use thiserror::Error;
use vestry_protocol::escape::Escaped;
use vestry_protocol::typed::quoted;
use vestry_terminal::Surroundings;
use vestry_tls::CertsDir;

/// Where a server keeps what is its own.
#[derive(Debug, Clone)]
pub struct DataDir(PathBuf);

/// Why a data directory cannot be used.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// Another server runs on it.
    #[error("another vestryd is running on {}; stop it first", Escaped(&.0.display().to_string()))]
    InUse(PathBuf),
    /// Others may read what is secret.
    #[error("{} can be read by others (mode {mode:03o}); run: chmod {fix} {}",
        Escaped(&.path.display().to_string()), quoted(&.path.to_string_lossy()))]
    Exposed {
        /// Which file or folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The mode that it should have.
        fix: &'static str,
    },
    /// Another user's, as root leaves it that helped by hand.
    #[error("{} belongs to another user; run vestryd as that user, or, as root, run: chown -hR {owner} {}",
        Escaped(&.path.display().to_string()), quoted(&.path.to_string_lossy()))]
    Foreign {
        /// Which file or folder.
        path: PathBuf,
        /// Whose it should be, as `chown` takes it.
        owner: String,
    },
    /// It takes no writes.
    #[error("vestryd cannot write to {}: {cause}; it needs its data directory as its own, on a disk that takes writes",
        Escaped(&.path.display().to_string()))]
    NotWritable {
        /// Which folder.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The system refused.
    #[error("cannot use {}: {cause}", Escaped(&.path.display().to_string()))]
    System {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
}

/// The right to run on a data directory; given back when dropped, also by a crash.
#[derive(Debug)]
pub struct Lock {
    #[expect(dead_code, reason = "holding the file open is what holds the lock")]
    file: File,
}

impl DataDir {
    /// At a path; nothing is read or made.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The settings.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.0.join("vestryd.toml")
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.0.join("vestry.db")
    }

    /// The folder of secrets that are not in the database.
    #[must_use]
    pub fn secrets(&self) -> PathBuf {
        self.0.join("secrets")
    }

    /// The pepper.
    #[must_use]
    pub fn pepper(&self) -> PathBuf {
        self.secrets().join("pepper")
    }

    /// The server's OPAQUE key.
    #[must_use]
    pub fn opaque_key(&self) -> PathBuf {
        self.secrets().join("opaque.key")
    }

    /// The seed of what names OPRF keys.
    #[must_use]
    pub fn names_seed(&self) -> PathBuf {
        self.secrets().join("names.seed")
    }

    /// The key of the audit chain.
    #[must_use]
    pub fn audit_key(&self) -> PathBuf {
        self.secrets().join("audit.key")
    }

    /// What was last written down of the audit.
    #[must_use]
    pub fn audit_head(&self) -> PathBuf {
        self.secrets().join("audit.head")
    }

    /// The certificates, here unless they are kept elsewhere.
    #[must_use]
    pub fn certs(&self, elsewhere: Option<&Path>) -> CertsDir {
        CertsDir::at(elsewhere.map_or_else(|| self.0.join("certs"), Path::to_owned))
    }

    /// What is locked while a server runs.
    #[must_use]
    pub fn lock_file(&self) -> PathBuf {
        self.0.join("vestryd.lock")
    }

    /// Where a running server says how it is reached.
    #[must_use]
    pub fn running_file(&self) -> PathBuf {
        self.0.join("vestryd.running")
    }

    /// Whether nothing was set up here yet.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        !self.config_file().exists() && !self.database().exists() && !self.pepper().exists()
    }

    /// Keeps a second server away.
    ///
    /// # Errors
    /// When there is one, or the lock file cannot be made.
    pub fn lock(&self) -> Result<Lock, DataDirError> {
        let path = self.lock_file();
        let system = |cause| DataDirError::System { path: path.clone(), cause };
        let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let not_writable = |cause| DataDirError::NotWritable { path: self.0.clone(), cause };
        let file = file.map_err(not_writable)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { file }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse(self.0.clone())),
            Err(TryLockError::Error(cause)) => Err(system(cause)),
        }
    }

    /// Whether a server runs here and said how it is reached; makes nothing. The lock is only looked at where one said so: a
    /// server that starts just then would take this look for another server.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        let is_locked = |file: File| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
        self.running_file().exists() && File::open(self.lock_file()).is_ok_and(is_locked)
    }

    /// Refuses a database, a log, a folder of secrets or a file in it that others can read. Keys of certificates are
    /// refused by [`CertsDir::refuse_exposed_keys`].
    ///
    /// # Errors
    /// With the first that is exposed or missing.
    pub fn refuse_exposed_files(&self) -> Result<(), DataDirError> {
        let database = self.database();
        refuse_exposed(&database, "600")?;
        for suffix in ["-wal", "-shm"] {
            let mut name = database.clone().into_os_string();
            name.push(suffix);
            let beside = PathBuf::from(name);
            if beside.exists() {
                refuse_exposed(&beside, "600")?;
            }
        }
        let folder = self.secrets();
        refuse_exposed(&folder, "700")?;
        let unreadable = |cause| DataDirError::System { path: folder.clone(), cause };
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            refuse_exposed(&entry.map_err(unreadable)?.path(), "600")?;
        }
        Ok(())
    }
}

fn refuse_exposed(path: &Path, fix: &'static str) -> Result<(), DataDirError> {
    let facts = path.metadata().map_err(|cause| DataDirError::System { path: path.to_owned(), cause })?;
    let mode = facts.permissions().mode() & 0o777;
    let theirs = facts.uid() != rustix::process::geteuid().as_raw();
    if mode & 0o077 != 0 {
        return Err(DataDirError::Exposed { path: path.to_owned(), mode, fix });
    }
    if theirs && !rustix::process::geteuid().is_root() {
        return Err(DataDirError::Foreign { path: path.to_owned(), owner: own_ids() });
    }
    Ok(())
}

/// The user and the group of this process, as `chown` takes them.
pub(crate) fn own_ids() -> String {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    format!("{}:{}", uid.as_raw(), gid.as_raw())
}

/// Where the data directory is when nobody says: `/var/lib/vestry` for root, `$XDG_DATA_HOME/vestry` or
/// `~/.local/share/vestry` for anyone else.
#[must_use]
pub fn default_path() -> PathBuf {
    Surroundings::of_this_process().data_dir().unwrap_or_else(|| PathBuf::from("vestry"))
}
