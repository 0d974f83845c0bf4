//! A file that several programs of one user read and change. It is replaced or removed only while it still holds what was read:
//! the functions that do so take that as an argument, compare and act under a lock, and otherwise say that it changed.
//!
//! Links are followed: what a link leads to is replaced, and the link stays.

use super::contents::{Contents, Damaged, Exposed, Fate, Found, Secrecy, SetAside, Trouble, follow, look};
use super::error::StateError;
use super::folders::{free_name, make_folder, obstacle, refuse_closed_folder, refuse_folder_of_another};
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use vestry_tls::{FileError, Replacement};

/// The lock of every file in a folder. It stays: one that is removed could be locked twice.
const LOCK_NAME: &str = ".lock";

/// A file that several programs of one user read and change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedFile {
    path: PathBuf,
    secrecy: Secrecy,
}

/// What became of a change.
#[derive(Debug)]
#[must_use = "the file may hold something else by now"]
pub enum Change {
    /// It was made; this is what the file holds now.
    Made(Contents),
    /// The file does not hold any more what was read, and was left as it is.
    Outdated,
}

/// What became of a reserved file.
#[derive(Debug)]
#[must_use = "the file may hold something else by now"]
pub enum Placed {
    /// It is in its place; this is what the file holds now.
    Made(Contents),
    /// The file does not hold any more what was read, and was left as it is; what was reserved can still be placed.
    Outdated(ReservedFile),
}

impl SharedFile {
    /// At this path, which may be a link.
    #[must_use]
    pub fn at(path: PathBuf, secrecy: Secrecy) -> Self {
        Self { path, secrecy }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it. Needs no lock: it is only ever replaced whole.
    ///
    /// # Errors
    /// When others can change what is to be believed, when a folder on the way is closed, or when the disk fails.
    pub fn read(&self) -> Result<Contents, StateError> {
        look(&self.path, self.secrecy).map(|(contents, _)| contents)
    }

    /// Makes its folder and the file that will take its place, with room for so many bytes.
    ///
    /// # Errors
    /// When the folder is of another user, takes no files, or the disk is full.
    pub fn reserve(&self, bytes: usize) -> Result<ReservedFile, StateError> {
        self.make_folder()?;
        let target = self.target()?;
        let mode = match (self.secrecy, target.metadata()) {
            (Secrecy::Public, Ok(old)) => old.mode() & 0o777,
            (Secrecy::Secret | Secrecy::Public, _) => 0o600,
        };
        let fresh = Replacement::reserve(&target, mode, bytes).map_err(obstacle)?;
        Ok(ReservedFile { file: self.clone(), fresh })
    }

    /// Replaces what was read, or makes the file where there was none.
    ///
    /// # Errors
    /// As [`SharedFile::reserve`]; then the old file is as it was.
    pub fn replace(&self, read: &Contents, new: &[u8]) -> Result<Change, StateError> {
        Ok(match self.reserve(new.len())?.place(read, new)? {
            Placed::Made(now) => Change::Made(now),
            Placed::Outdated(_) => Change::Outdated,
        })
    }

    /// Removes what was read; nothing is done when that was no file.
    ///
    /// # Errors
    /// When the folder is of another user or does not let its files be removed.
    pub fn remove(&self, read: &Contents) -> Result<Change, StateError> {
        if read.is_nothing() {
            return Ok(Change::Made(Contents::NOTHING));
        }
        let _lock = self.lock()?;
        let now = self.read()?;
        if now != *read && !now.is_nothing() {
            return Ok(Change::Outdated);
        }
        let target = self.target()?;
        match std::fs::remove_file(&target) {
            Ok(()) => Ok(Change::Made(Contents::NOTHING)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Change::Made(Contents::NOTHING)),
            Err(error) => Err(obstacle(FileError::system(&target, "removed", error))),
        }
    }

    /// Refuses when what was read could not be removed afterwards. Nothing is changed by asking.
    ///
    /// # Errors
    /// As [`SharedFile::remove`].
    pub(super) fn refuse_unremovable(&self, read: &Contents) -> Result<(), StateError> {
        if read.is_nothing() {
            return Ok(());
        }
        let _lock = self.lock()?;
        refuse_closed_folder(&self.target()?, "removed")
    }

    /// Reads it and what it says. What is of no use is moved to a free name beside it, and said when the result is opened.
    ///
    /// # Errors
    /// As [`SharedFile::read`].
    pub fn find<T>(&self, parse: impl FnOnce(&[u8]) -> Result<T, Damaged>) -> Result<Found<T>, StateError> {
        self.find_unless(Exposed::SetAside, parse)
    }

    /// As [`SharedFile::find`], with this in mind for a secret that others could have read.
    pub(super) fn find_unless<T>(
        &self,
        exposed: Exposed,
        parse: impl FnOnce(&[u8]) -> Result<T, Damaged>,
    ) -> Result<Found<T>, StateError> {
        let (read, why) = look(&self.path, self.secrecy)?;
        let said = |trouble, fate| Some(SetAside { path: self.path.clone(), trouble, fate });
        let trouble = match (read.parse(parse), why, exposed) {
            (Ok(value), None, _) => return Ok(Found { value, read, said: None }),
            (_, Some(why @ FileError::Exposed { .. }), Exposed::Refused) => return Err(why.into()),
            (Ok(value), Some(why @ FileError::Exposed { .. }), Exposed::GivenUp) => {
                return Ok(Found { value, read, said: said(Trouble::Unusable(why), Fate::GivenUp) });
            }
            (Err(damaged), _, _) => Trouble::Damaged(damaged),
            (Ok(_), Some(why), _) => Trouble::Unusable(why),
        };
        let (read, fate) = match self.move_aside(&read) {
            Ok(to) => (Contents::NOTHING, Fate::MovedTo(to)),
            Err(error) => (read, Fate::Stays(Box::new(error))),
        };
        Ok(Found { value: None, read, said: said(trouble, fate) })
    }

    /// Gives it another name beside it, which nothing has.
    fn move_aside(&self, read: &Contents) -> Result<PathBuf, StateError> {
        let _lock = self.lock()?;
        let to = free_name(&self.path, ".damaged");
        if self.read()? == *read {
            std::fs::rename(&self.path, &to).map_err(|e| {
                obstacle(FileError::System { path: self.path.clone(), action: "moved", source: e })
            })?;
            if self.secrecy == Secrecy::Secret && to.symlink_metadata().is_ok_and(|at| at.is_file()) {
                // What others could have read, nobody else reads from now on. It is of no use either way.
                let _ = std::fs::set_permissions(&to, Permissions::from_mode(0o600));
            }
        }
        Ok(to)
    }

    /// Makes the folder of the file, where this user's files may be.
    pub(super) fn make_folder(&self) -> Result<(), StateError> {
        self.path.parent().map_or(Ok(()), make_folder)
    }

    /// Waits until no other program changes files of the folder; until the guard is dropped, none does.
    fn lock(&self) -> Result<Option<File>, StateError> {
        self.make_folder()?;
        let path = self.path.with_file_name(LOCK_NAME);
        let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = match opened.map_err(|e| self.not_locked(e)) {
            Ok(file) => file,
            // Something is in the place of the lock that no program of this user can lock.
            Err(StateError::File(FileError::System { source, .. })) if is_in_the_way(&source) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => {
                file.lock().map_err(|e| self.not_locked(e))?;
                Ok(Some(file))
            }
            // A file system without locks: what is left is the comparison.
            Err(TryLockError::Error(_)) => Ok(None),
        }
    }

    fn not_locked(&self, source: io::Error) -> StateError {
        obstacle(FileError::System { path: self.path.with_file_name(LOCK_NAME), action: "locked", source })
    }

    /// What the links lead to, where this user's files may be.
    fn target(&self) -> Result<PathBuf, StateError> {
        let at = follow(&self.path)?;
        if let Some(folder) = at.parent() {
            refuse_folder_of_another(folder)?;
        }
        Ok(at)
    }
}

fn is_in_the_way(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory | io::ErrorKind::NotFound
    )
}

/// A file in the making that takes the place of what was read, and of nothing else. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct ReservedFile {
    file: SharedFile,
    fresh: Replacement,
}

impl ReservedFile {
    /// Puts it in place of what was read.
    ///
    /// # Errors
    /// When the system refuses; then the old file is as it was.
    pub fn place(self, read: &Contents, new: &[u8]) -> Result<Placed, StateError> {
        let _lock = self.file.lock()?;
        if self.file.read()? != *read {
            return Ok(Placed::Outdated(self));
        }
        self.fresh.place(new).map_err(obstacle)?;
        Ok(Placed::Made(Contents::of(new)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use tempfile::TempDir;

    fn at(folder: &TempDir, name: &str) -> SharedFile {
        SharedFile::at(folder.path().join("shared").join(name), Secrecy::Secret)
    }

    fn holds(file: &SharedFile) -> Option<Vec<u8>> {
        file.read().unwrap().bytes().map(<[u8]>::to_vec)
    }

    #[test]
    fn a_file_is_changed_only_while_it_holds_what_was_read() {
        let folder = TempDir::new().unwrap();
        let file = at(&folder, "token");
        let nothing = file.read().unwrap();
        let Change::Made(first) = file.replace(&nothing, b"first").unwrap() else { panic!("outdated") };
        assert!(matches!(file.replace(&nothing, b"second"), Ok(Change::Outdated)));
        let Placed::Outdated(reserved) = file.reserve(10).unwrap().place(&nothing, b"second").unwrap() else {
            panic!("placed over what was not read");
        };
        assert_eq!(holds(&file).as_deref(), Some(b"first".as_slice()));
        let Placed::Made(second) = reserved.place(&first, b"second").unwrap() else { panic!("outdated") };
        assert!(matches!(file.remove(&first), Ok(Change::Outdated)));
        assert_eq!(holds(&file).as_deref(), Some(b"second".as_slice()));
        assert!(matches!(file.remove(&second), Ok(Change::Made(_))));
        assert!(matches!(file.remove(&second), Ok(Change::Made(_))), "what is gone is removed");
        assert_eq!(holds(&file), None);
    }

    #[test]
    fn no_change_of_many_at_once_is_lost() {
        let folder = TempDir::new().unwrap();
        let file = at(&folder, "count");
        let count = |read: &Contents| read.bytes().map_or(0, |bytes| bytes.len());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        loop {
                            let read = file.read().unwrap();
                            if let Change::Made(_) =
                                file.replace(&read, &vec![b'x'; count(&read) + 1]).unwrap()
                            {
                                break;
                            }
                        }
                    }
                });
            }
        });
        assert_eq!(count(&file.read().unwrap()), 100);
    }

    #[test]
    fn what_a_link_leads_to_is_replaced_and_the_link_stays() {
        let folder = TempDir::new().unwrap();
        let (file, real) = (at(&folder, "servers"), folder.path().join("real"));
        fs::create_dir(folder.path().join("shared")).unwrap();
        symlink("../between", file.path()).unwrap();
        symlink("real", folder.path().join("between")).unwrap();
        let Change::Made(made) = file.replace(&file.read().unwrap(), b"one").unwrap() else {
            panic!("outdated")
        };
        assert_eq!(fs::read(&real).unwrap(), b"one");
        assert!(file.path().symlink_metadata().unwrap().is_symlink());
        assert!(matches!(file.remove(&made), Ok(Change::Made(_))));
        assert!(!real.exists());
        let round = at(&folder, "round");
        symlink("round", round.path()).unwrap();
        assert!(matches!(
            round.reserve(1),
            Err(StateError::File(FileError::System { action: "followed", .. }))
        ));
    }

    #[test]
    fn a_file_that_holds_no_secret_keeps_its_mode_and_others_may_not_write_it() {
        let folder = TempDir::new().unwrap();
        let file = SharedFile::at(folder.path().join("servers"), Secrecy::Public);
        fs::write(file.path(), "old").unwrap();
        fs::set_permissions(file.path(), Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(file.replace(&file.read().unwrap(), b"new"), Ok(Change::Made(_))));
        assert_eq!(file.path().metadata().unwrap().mode() & 0o7777, 0o644);
        fs::set_permissions(file.path(), Permissions::from_mode(0o664)).unwrap();
        assert!(matches!(file.read(), Err(StateError::File(FileError::Changeable { mode: 0o664, .. }))));
    }
}
