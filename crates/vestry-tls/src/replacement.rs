//! A file that will take the place of another, or a new name, in one step. Its room on the disk is had before its content is
//! known, so that what is received afterwards, and only once, can be kept.
//!
//! Where the system can, it has no name until then, so that not even `kill -9` leaves a part of it.

use crate::private_file::{FileError, beside, directory_of, sync_directory_of};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A file in the making. Dropped before [`Replacement::place`], it leaves nothing behind.
#[derive(Debug)]
pub struct Replacement {
    file: File,
    path: PathBuf,
    /// Its name until it is in its place, when it has one.
    name: Option<PathBuf>,
}

impl Replacement {
    /// Begins a file that will be called `path`, with this mode and room for so many bytes on the disk.
    ///
    /// # Errors
    /// When the folder takes no files or the disk is full. Nothing is left behind then.
    pub fn reserve(path: &Path, mode: u32, bytes: usize) -> Result<Self, FileError> {
        let fresh = match open_nameless(directory_of(path)) {
            Some(file) => Self { file, path: path.to_owned(), name: None },
            None => {
                let name = beside(path)?;
                let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&name);
                let file = opened.map_err(|e| refused(path, "made", e))?;
                Self { file, path: path.to_owned(), name: Some(name) }
            }
        };
        fresh.take_room(mode, bytes).map_err(|e| refused(path, "made", e))?;
        Ok(fresh)
    }

    /// The mode of a new file is cut by the umask. Room is had for certain only once it was written to.
    fn take_room(&self, mode: u32, bytes: usize) -> io::Result<()> {
        let mut file = &self.file;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.write_all(&vec![0; bytes])?;
        file.sync_all()
    }

    /// Writes the file and puts it in its place; on the disk when this returns.
    ///
    /// # Errors
    /// When the system refuses; then what was there is as it was.
    pub fn place(mut self, bytes: &[u8]) -> Result<(), FileError> {
        let written = self.file.rewind().and_then(|()| self.file.write_all(bytes)).and_then(|()| {
            self.file.set_len(u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
            self.file.sync_all()
        });
        written.map_err(|e| refused(&self.path, "written", e))?;
        let name = match self.name.take() {
            Some(name) => name,
            None => {
                let name = beside(&self.path)?;
                let nameless = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                rustix::fs::linkat(CWD, nameless, CWD, &name, AtFlags::SYMLINK_FOLLOW)
                    .map_err(|e| refused(&self.path, "replaced", e.into()))?;
                name
            }
        };
        let placed = std::fs::rename(&name, &self.path);
        self.name = placed.is_err().then_some(name);
        placed.map_err(|e| refused(&self.path, "replaced", e))?;
        sync_directory_of(&self.path)
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // This value made the file, so nobody else's is removed; there is nobody to tell when it cannot be.
            let _ = std::fs::remove_file(name);
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

/// A folder that is gone is no file that is missing: nobody looked for one.
fn refused(path: &Path, action: &'static str, source: io::Error) -> FileError {
    FileError::System { path: path.to_owned(), action, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    fn names_in(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_placed_file_replaces_the_old_one_whole_and_has_its_mode() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, b"an old one that is longer than the new one").unwrap();
        let reserved = Replacement::reserve(&path, 0o644, 4096).unwrap();
        assert!(fs::read(&path).unwrap().starts_with(b"an old one"));
        reserved.place(b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o644);
        assert_eq!(names_in(folder.path()), 1);
    }

    #[test]
    fn a_file_that_is_given_up_or_cannot_be_placed_leaves_nothing_behind() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("token");
        drop(Replacement::reserve(&path, 0o600, 10).unwrap());
        assert_eq!(names_in(folder.path()), 0);
        let reserved = Replacement::reserve(&path, 0o600, 10).unwrap();
        fs::create_dir_all(path.join("in the way")).unwrap();
        assert!(matches!(reserved.place(b"new"), Err(FileError::System { action: "replaced", .. })));
        assert_eq!(names_in(folder.path()), 1);
    }

    #[test]
    fn a_folder_that_is_not_there_is_told_before_anything_is_written() {
        let refused = Replacement::reserve(Path::new("/nowhere/token"), 0o600, 10).unwrap_err();
        assert!(matches!(refused, FileError::System { action: "made", .. }), "{refused}");
    }
}
