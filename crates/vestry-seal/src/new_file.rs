//! A file that appears whole or not at all: mode 0600 from its first byte, never in place of another, and under its
//! name only after every byte is on the disk.
//!
//! Where the system can, the file has no name until then, so that not even `kill -9` or a power cut leaves a part of
//! it. Elsewhere (some network and memory-card file systems) a part is removed when the writer gives up.

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use thiserror::Error;
use vestry_protocol::escape::Escaped;

/// Why a new file could not be made.
#[derive(Debug, Error)]
pub enum NewFileError {
    /// Something has the name.
    #[error("{} is there already and is never overwritten; choose another name", Escaped(&.0.display().to_string()))]
    AlreadyThere(PathBuf),
    /// It is to go to standard output, and a person would get it.
    #[error("standard output is a terminal; name a file, or send it on with: - > FILE")]
    OnATerminal,
    /// It is to go to standard output, and there is none.
    #[error("standard output could not be used: {0}")]
    StandardOutput(io::Error),
    /// The system refused.
    #[error("{} could not be {action}: {cause}", Escaped(&.path.display().to_string()))]
    System {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why not.
        cause: io::Error,
    },
}

/// A file in the making. Dropped before [`NewFile::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct NewFile {
    file: File,
    path: PathBuf,
    name: Name,
}

/// Whether the file can be found by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Later,
    Already,
    Settled,
}

impl NewFile {
    /// Begins a file that will be called `path`.
    ///
    /// # Errors
    /// When something has the name, or the folder takes no files.
    pub(crate) fn create(path: &Path) -> Result<Self, NewFileError> {
        if path.symlink_metadata().is_ok() {
            return Err(NewFileError::AlreadyThere(path.to_owned()));
        }
        match open_nameless(folder_of(path)) {
            Some(file) => Ok(Self { file, path: path.to_owned(), name: Name::Later }),
            None => Self::create_named(path),
        }
    }

    fn create_named(path: &Path) -> Result<Self, NewFileError> {
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = opened.map_err(|cause| refused(path, "made", cause))?;
        Ok(Self { file, path: path.to_owned(), name: Name::Already })
    }

    /// Puts every byte on the disk, and only then the name.
    ///
    /// # Errors
    /// When the disk does not take it, or something got the name meanwhile; then nothing is left behind.
    pub fn finish(mut self) -> Result<(), NewFileError> {
        self.file.sync_all().map_err(|cause| refused(&self.path, "written", cause))?;
        if self.name == Name::Later {
            let nameless = format!("/proc/self/fd/{}", self.file.as_raw_fd());
            rustix::fs::linkat(CWD, nameless, CWD, &self.path, AtFlags::SYMLINK_FOLLOW)
                .map_err(|cause| refused(&self.path, "named", cause.into()))?;
            self.name = Name::Already;
        }
        let folder = File::open(folder_of(&self.path)).and_then(|folder| folder.sync_all());
        folder.map_err(|cause| refused(&self.path, "written", cause))?;
        self.name = Name::Settled;
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.name == Name::Already {
            // This value made the file, so nobody else's is removed; there is nobody to tell when it cannot be.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A file without a name, where the file system and `/proc` let it get one later.
fn open_nameless(folder: &Path) -> Option<File> {
    if !Path::new("/proc/self/fd").exists() {
        return None;
    }
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR).ok().map(File::from)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn refused(path: &Path, action: &'static str, cause: io::Error) -> NewFileError {
    match cause.kind() {
        io::ErrorKind::AlreadyExists => NewFileError::AlreadyThere(path.to_owned()),
        _ => NewFileError::System { path: path.to_owned(), action, cause },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    type Make = fn(&Path) -> Result<NewFile, NewFileError>;

    const WAYS: [(&str, Make); 2] = [("nameless", NewFile::create), ("named", NewFile::create_named)];

    #[test]
    fn a_finished_file_is_private_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        for (name, make) in WAYS {
            let path = folder.path().join(name);
            let mut file = make(&path).unwrap();
            file.write_all(b"all of it").unwrap();
            file.finish().unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"all of it");
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_is_given_up_leaves_nothing_by_either_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup");
        for (_, make) in WAYS {
            let mut file = make(&path).unwrap();
            file.write_all(b"a part").unwrap();
            drop(file);
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn what_is_there_is_not_overwritten_even_when_it_came_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup");
        let begun = NewFile::create(&path).unwrap();
        std::fs::write(&path, b"older").unwrap();
        assert!(matches!(NewFile::create(&path), Err(NewFileError::AlreadyThere(at)) if at == path));
        assert!(matches!(NewFile::create_named(&path), Err(NewFileError::AlreadyThere(_))));
        if begun.name == Name::Later {
            assert!(matches!(begun.finish(), Err(NewFileError::AlreadyThere(_))));
            assert_eq!(std::fs::read(&path).unwrap(), b"older");
        }
        let dangling = folder.path().join("link");
        std::os::unix::fs::symlink("/nowhere/at/all", &dangling).unwrap();
        assert!(matches!(NewFile::create(&dangling), Err(NewFileError::AlreadyThere(_))));
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = NewFile::create(Path::new("/nowhere/\u{1b}[2J/backup")).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/\\u{1b}[2J/backup could not be made"), "{error}");
    }
}
