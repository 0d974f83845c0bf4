//! A private folder inside the data directory for what is not ready yet: on the same disk, so that what is ready can
//! be renamed into place, and gone when the work is done or given up.
//!
//! A folder that a killed program left is removed by the next one, and by the server when it starts: the lock on it is
//! free then.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use vestry_protocol::random;

const PREFIX: &str = "work-";

/// Why there is no folder.
#[derive(Debug)]
pub(crate) struct WorkFolderError {
    /// Which file or folder.
    pub(crate) path: PathBuf,
    /// What was tried.
    pub(crate) action: &'static str,
    /// Why not.
    pub(crate) cause: io::Error,
}

/// A folder of one's own (mode 0700), removed with all that is in it when dropped.
#[derive(Debug)]
pub(crate) struct WorkFolder {
    path: PathBuf,
    #[expect(dead_code, reason = "holding the folder open is what holds the lock")]
    lock: File,
}

impl WorkFolder {
    pub(crate) fn create_in(data_dir: &Path) -> Result<Self, WorkFolderError> {
        remove_abandoned(data_dir);
        let mut random = [0; 8];
        let path = match random::fill(&mut random) {
            Ok(()) => data_dir.join(format!("{PREFIX}{}", data_encoding::HEXLOWER.encode(&random))),
            Err(error) => {
                let (path, cause) = (data_dir.to_owned(), io::Error::other(error));
                return Err(WorkFolderError { path, action: "written to", cause });
            }
        };
        let made = DirBuilder::new().mode(0o700).create(&path);
        let locked = made.and_then(|()| File::open(&path)).and_then(|lock| {
            lock.try_lock().map_err(io::Error::from)?;
            Ok(lock)
        });
        match locked {
            Ok(lock) => Ok(Self { path, lock }),
            Err(cause) => Err(WorkFolderError { path, action: "made", cause }),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        // What is left is removed by the next one.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Removes what killed programs left. There is nobody to tell when one cannot be removed; the next one tries again.
pub(crate) fn remove_abandoned(data_dir: &Path) {
    let entries = std::fs::read_dir(data_dir).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let is_abandoned = || File::open(entry.path()).is_ok_and(|folder| folder.try_lock().is_ok());
        if is_ours && is_abandoned() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_its_work_and_an_abandoned_one_with_the_next() {
        let data_dir = tempfile::tempdir().unwrap();
        let abandoned = data_dir.path().join("work-0011223344556677");
        std::fs::create_dir(&abandoned).unwrap();
        std::fs::write(abandoned.join("vestry.db"), b"a copy").unwrap();
        std::fs::create_dir(data_dir.path().join("secrets")).unwrap();
        let first = WorkFolder::create_in(data_dir.path()).unwrap();
        let second = WorkFolder::create_in(data_dir.path()).unwrap();
        assert!(!abandoned.exists() && first.path().exists() && second.path().exists());
        std::fs::write(first.path().join("vestry.db"), b"a copy").unwrap();
        drop((first, second));
        let left: Vec<_> =
            std::fs::read_dir(data_dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["secrets"]);
    }
}
