//! Where a user's files belong, by the XDG base directory specification.

use super::error::StateError;
use crate::address::Address;
use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;
use rustix::process::{geteuid, getuid};
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use vestry_tls::FileError;
use vestry_tls::private_file::{Shown, create_dir};

/// What the environment says about where files belong. Nothing is made until it is needed.
#[derive(Debug, Clone, Default)]
pub struct Folders {
    config_home: Option<PathBuf>,
    state_home: Option<PathBuf>,
    runtime: Option<PathBuf>,
    home: Option<PathBuf>,
    temporary: PathBuf,
}

impl Folders {
    /// Reads the variables through `variable`; `temporary` is the system's folder for temporary files.
    ///
    /// A variable that is empty or not absolute counts as unset, as the specification says.
    pub fn from_environment(variable: impl Fn(&str) -> Option<OsString>, temporary: PathBuf) -> Self {
        let folder = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        Self {
            config_home: folder("XDG_CONFIG_HOME"),
            state_home: folder("XDG_STATE_HOME"),
            runtime: folder("XDG_RUNTIME_DIR"),
            home: folder("HOME"),
            temporary,
        }
    }

    /// Pins and defaults.
    ///
    /// # Errors
    /// When the environment names no home.
    pub fn config(&self) -> Result<PathBuf, StateError> {
        self.of_home(self.config_home.as_ref(), ".config", "XDG_CONFIG_HOME")
    }

    /// Sessions that outlive a logout from the machine.
    ///
    /// # Errors
    /// When the environment names no home.
    pub fn state(&self) -> Result<PathBuf, StateError> {
        self.of_home(self.state_home.as_ref(), ".local/state", "XDG_STATE_HOME")
    }

    /// Sessions, until the user logs out from the machine. The folder is there when this returns.
    ///
    /// # Errors
    /// When it cannot be made, or somebody else's folder is in its place.
    pub fn runtime(&self) -> Result<PathBuf, StateError> {
        if let Some(folder) = self.runtime_if_there()? {
            return Ok(folder);
        }
        let folder = self.runtime_path();
        match make_folder(&folder) {
            Ok(()) => self.runtime_if_there()?.ok_or(StateError::UnsafeFolder(folder)),
            Err(error @ StateError::FolderOfAnother { .. }) => Err(error),
            Err(error) => Err(self.no_runtime(error.to_string())),
        }
    }

    /// The same folder, when it is there: nothing is made.
    ///
    /// # Errors
    /// When it cannot be reached, or somebody else's folder is in its place.
    pub(super) fn runtime_if_there(&self) -> Result<Option<PathBuf>, StateError> {
        let folder = self.runtime_path();
        match folder.symlink_metadata() {
            // Whoever can write in the folder around it can make this name first, as a folder of theirs or as a link to one of
            // ours.
            Ok(found) if found.is_dir() && found.uid() == getuid().as_raw() && found.mode() & 0o077 == 0 => {
                Ok(Some(folder))
            }
            Ok(found) if found.uid() != getuid().as_raw() => {
                Err(StateError::FolderOfAnother { folder, owner: found.uid() })
            }
            Ok(found) if found.is_dir() => Err(StateError::UnsafeFolder(folder)),
            Ok(_) => Err(StateError::NotAFolder { path: folder, is_movable: true }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.no_runtime(format!("{} could not be opened: {error}", Shown(&folder)))),
        }
    }

    fn runtime_path(&self) -> PathBuf {
        match &self.runtime {
            Some(runtime) => runtime.join("vestry"),
            None => self.temporary.join(format!("vestry-{}", getuid().as_raw())),
        }
    }

    fn no_runtime(&self, problem: String) -> StateError {
        StateError::NoRuntime { problem, is_named: self.runtime.is_some() }
    }

    fn of_home(
        &self,
        own: Option<&PathBuf>,
        beneath: &str,
        variable: &'static str,
    ) -> Result<PathBuf, StateError> {
        let under_home = || self.home.as_ref().map(|home| home.join(beneath));
        let base = own.cloned().or_else(under_home).ok_or(StateError::NoHome(variable))?;
        Ok(base.join("vestry"))
    }
}

/// Makes a folder for files of this user, private, where there may be one.
pub(super) fn make_folder(folder: &Path) -> Result<(), StateError> {
    refuse_folder_of_another(folder)?;
    create_dir(folder).map_err(obstacle)
}

/// Refuses when no file of the folder of `path` could be made or removed.
pub(super) fn refuse_closed_folder(path: &Path, action: &'static str) -> Result<(), StateError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    require_writable(folder)
        .map_err(|errno| obstacle(FileError::System { path: path.to_owned(), action, source: errno.into() }))
}

/// Returns what an error means when it is a folder on the way to the file that keeps it from being used.
pub(super) fn obstacle(error: FileError) -> StateError {
    let (path, kind) = match &error {
        // Of a folder that was to be made.
        FileError::AlreadyThere(path) => (path, io::ErrorKind::NotADirectory),
        FileError::System { path, source, .. } => (path, source.kind()),
        _ => return error.into(),
    };
    let nearest = path.ancestors().find_map(|at| Some((at, at.symlink_metadata().ok()?)));
    let folder = path.ancestors().skip(1).find_map(|at| Some((at, at.metadata().ok()?)));
    match (kind, nearest, folder) {
        (io::ErrorKind::NotADirectory, Some((at, found)), _) if !at.is_dir() => {
            let is_movable = found.is_file() || found.is_symlink();
            StateError::NotAFolder { path: at.to_owned(), is_movable }
        }
        (io::ErrorKind::PermissionDenied, _, Some((at, found))) if require_writable(at).is_err() => {
            let (folder, is_own) = (at.to_owned(), found.uid() == geteuid().as_raw());
            StateError::ClosedFolder { folder, is_own, error }
        }
        _ => error.into(),
    }
}

fn require_writable(folder: &Path) -> Result<(), Errno> {
    accessat(CWD, folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)
}

/// So many files of one kind nobody leaves lying; the oldest makes room then.
const NAMES_MAX: usize = 1000;

/// Returns a name beside a path that nothing has: with this ending, and with a number behind that where it is taken.
#[must_use]
pub fn free_name(path: &Path, ending: &str) -> PathBuf {
    let named = |number: String| {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!("{ending}{number}"));
        path.with_file_name(name)
    };
    let numbers = (1..=NAMES_MAX).map(|number| format!(".{number}"));
    let is_free =
        |path: &PathBuf| path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    let mut names = std::iter::once(String::new()).chain(numbers).map(named);
    names.find(is_free).unwrap_or_else(|| named(String::new()))
}

/// What root leaves in the folder of another user, that user cannot read; and a link there could lead root anywhere.
pub(super) fn refuse_folder_of_another(folder: &Path) -> Result<(), StateError> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let there = folder.ancestors().find_map(|at| Some((at, at.metadata().ok()?.uid())));
    match there {
        Some((at, owner)) if owner != 0 => Err(StateError::FolderOfAnother { folder: at.to_owned(), owner }),
        Some(_) | None => Ok(()),
    }
}

/// The name of a server's files: no character of a host or a port needs another spelling in a path.
pub(super) fn file_stem(server: &Address) -> String {
    format!("{}_{}", server.host(), server.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use tempfile::TempDir;

    fn folders(variables: &[(&str, &str)], temporary: &Path) -> Folders {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| v.into());
        Folders::from_environment(find, temporary.to_owned())
    }

    #[test]
    fn each_kind_of_file_has_its_folder() {
        let nowhere = Path::new("/nowhere");
        let home = folders(&[("HOME", "/home/jo")], nowhere);
        assert_eq!(home.config().unwrap(), Path::new("/home/jo/.config/vestry"));
        assert_eq!(home.state().unwrap(), Path::new("/home/jo/.local/state/vestry"));
        let own =
            folders(&[("HOME", "/home/jo"), ("XDG_CONFIG_HOME", "/c"), ("XDG_STATE_HOME", "/s")], nowhere);
        assert_eq!(own.config().unwrap(), Path::new("/c/vestry"));
        assert_eq!(own.state().unwrap(), Path::new("/s/vestry"));
    }

    #[test]
    fn without_a_home_it_is_said_what_to_set() {
        let none = folders(&[("XDG_CONFIG_HOME", "relative"), ("HOME", "")], Path::new("/nowhere"));
        let error = none.config().unwrap_err();
        assert!(matches!(error, StateError::NoHome("XDG_CONFIG_HOME")));
        assert!(matches!(none.state(), Err(StateError::NoHome("XDG_STATE_HOME"))));
    }

    #[test]
    fn the_runtime_folder_is_made_private() {
        let run = TempDir::new().unwrap();
        let folder = folders(&[("XDG_RUNTIME_DIR", run.path().to_str().unwrap())], Path::new("/nowhere"));
        let folder = folder.runtime().unwrap();
        assert_eq!(folder, run.path().join("vestry"));
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o7777, 0o700);
    }

    #[test]
    fn without_a_runtime_folder_a_private_one_is_made_in_the_temporary_folder() {
        let temporary = TempDir::new().unwrap();
        let folders = folders(&[], temporary.path());
        let folder = folders.runtime().unwrap();
        assert_eq!(folder, temporary.path().join(format!("vestry-{}", getuid().as_raw())));
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o7777, 0o700);
        assert_eq!(folders.runtime().unwrap(), folder);
    }

    #[test]
    fn a_folder_that_others_can_read_or_that_is_a_link_is_refused() {
        let (temporary, run) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let of_the_machine = [("XDG_RUNTIME_DIR", run.path().to_str().unwrap())];
        for variables in [&[][..], &of_the_machine] {
            let folders = folders(variables, temporary.path());
            let folder = folders.runtime().unwrap();
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
            assert!(matches!(folders.runtime(), Err(StateError::UnsafeFolder(at)) if at == folder));
            fs::remove_dir(&folder).unwrap();
            let elsewhere = temporary.path().join(format!("elsewhere-{}", variables.len()));
            create_dir(&elsewhere).unwrap();
            symlink(&elsewhere, &folder).unwrap();
            assert!(matches!(folders.runtime(), Err(StateError::NotAFolder { path, .. }) if path == folder));
        }
    }
}
