//! A file that several programs of one user read and change. It is replaced or removed only while it still holds what was read:
//! the functions that do so take that as an argument, compare and act under a lock, and otherwise say that it changed.
//!
//! Links are followed: what a link leads to is replaced, and the link stays.

use super::error::StateError;
use super::folders::{make_folder, refuse_folder_of_another};
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use vestry_tls::private_file::{self, Shown};
use vestry_tls::{FileError, Replacement};
use zeroize::Zeroizing;

/// No chain of links that a person made comes near this (Linux itself follows 40).
const LINKS_MAX: usize = 40;

/// The lock of every file in a folder. It stays: one that is removed could be locked twice.
const LOCK_NAME: &str = ".lock";

/// Who may see what a shared file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// Only its owner.
    Secret,
    /// Everybody; only its owner may change it.
    Public,
}

/// A file that several programs of one user read and change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedFile {
    path: PathBuf,
    secrecy: Secrecy,
}

/// What a shared file held when it was read, or that there was none. Only with it can the file be replaced or removed.
#[derive(Clone, PartialEq, Eq)]
pub struct Contents(Held);

#[derive(Clone, PartialEq, Eq)]
enum Held {
    Nothing,
    Bytes(Zeroizing<Vec<u8>>),
    /// Something that no program of ours made: a directory, or a file that is far too long.
    Foreign,
}

/// A file that does not hold what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damaged;

impl Contents {
    pub(super) const NOTHING: Self = Self(Held::Nothing);

    /// The bytes, when there was a file.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Held::Bytes(bytes) => Some(bytes.as_slice()),
            Held::Nothing | Held::Foreign => None,
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.0 == Held::Nothing
    }

    /// What the file says, when there was one.
    pub(super) fn parse<T>(&self, parse: impl FnOnce(&[u8]) -> Option<T>) -> Result<Option<T>, Damaged> {
        match &self.0 {
            Held::Nothing => Ok(None),
            Held::Bytes(bytes) => parse(bytes).map(Some).ok_or(Damaged),
            Held::Foreign => Err(Damaged),
        }
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents").field("bytes", &self.bytes().map(<[u8]>::len)).finish()
    }
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

/// What was found in a shared file. It is opened only by saying what was set aside.
#[derive(Debug)]
pub struct Found<T> {
    value: Option<T>,
    read: Contents,
    set_aside: Option<SetAside>,
}

impl<T> Found<T> {
    /// Returns what the file says, and what lets it be replaced; `say` is told when it was damaged and is out of the way.
    pub fn open(self, say: impl FnOnce(&SetAside)) -> (Option<T>, Contents) {
        if let Some(set_aside) = &self.set_aside {
            say(set_aside);
        }
        (self.value, self.read)
    }
}

/// A damaged file that was moved out of the way.
#[derive(Debug)]
pub struct SetAside {
    path: PathBuf,
    /// Its new path, or why it is still in its place.
    moved: Result<PathBuf, Box<StateError>>,
}

impl fmt::Display for SetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.moved {
            Ok(to) => write!(f, "{} was damaged; it was set aside as {}", Shown(&self.path), Shown(to)),
            Err(error) => write!(f, "{} is damaged and could not be set aside: {error}", Shown(&self.path)),
        }
    }
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
    /// When it is exposed, not a regular file, or unreadable.
    pub fn read(&self) -> Result<Contents, StateError> {
        let read = match self.secrecy {
            Secrecy::Secret => private_file::read(&self.path),
            Secrecy::Public => private_file::read_believed(&self.path),
        };
        match (read, self.secrecy) {
            (Ok(bytes), _) => Ok(Contents(Held::Bytes(bytes))),
            (Err(error), _) if error.is_missing() => Ok(Contents::NOTHING),
            (Err(FileError::NotAFile(_) | FileError::TooLong(_)), Secrecy::Secret) => {
                Ok(Contents(Held::Foreign))
            }
            (Err(error), _) => Err(error.into()),
        }
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
        Ok(ReservedFile { file: self.clone(), fresh: Replacement::reserve(&target, mode, bytes)? })
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
            Err(error) => Err(FileError::system(&target, "removed", error).into()),
        }
    }

    /// Reads it and what it says. What is damaged is moved to a name beside it, where an older damaged file is given up.
    ///
    /// # Errors
    /// As [`SharedFile::read`].
    pub(super) fn find<T>(&self, parse: impl FnOnce(&[u8]) -> Option<T>) -> Result<Found<T>, StateError> {
        let read = self.read()?;
        match read.parse(parse) {
            Ok(value) => Ok(Found { value, read, set_aside: None }),
            Err(Damaged) => {
                let moved = self.move_aside(&read).map_err(Box::new);
                let read = if moved.is_ok() { Contents::NOTHING } else { read };
                let set_aside = Some(SetAside { path: self.path.clone(), moved });
                Ok(Found { value: None, read, set_aside })
            }
        }
    }

    fn move_aside(&self, read: &Contents) -> Result<PathBuf, StateError> {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".damaged");
        let to = self.path.with_file_name(name);
        let _lock = self.lock()?;
        if self.read()? == *read {
            std::fs::rename(&self.path, &to).map_err(|e| FileError::system(&self.path, "moved", e))?;
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
        let file = opened.map_err(|e| self.not_locked(e))?;
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

    fn not_locked(&self, source: io::Error) -> FileError {
        FileError::System { path: self.path.clone(), action: "locked", source }
    }

    /// What the links lead to, also when that is not there yet.
    fn target(&self) -> Result<PathBuf, StateError> {
        let mut at = self.path.clone();
        for _ in 0..LINKS_MAX {
            let Ok(to) = std::fs::read_link(&at) else {
                if let Some(folder) = at.parent() {
                    refuse_folder_of_another(folder)?;
                }
                return Ok(at);
            };
            at = at.parent().unwrap_or(Path::new(".")).join(to);
        }
        let source = rustix::io::Errno::LOOP.into();
        Err(FileError::System { path: self.path.clone(), action: "followed", source }.into())
    }
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
        self.fresh.place(new)?;
        Ok(Placed::Made(Contents(Held::Bytes(Zeroizing::new(new.to_vec())))))
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
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(file.replace(&file.read().unwrap(), b"new"), Ok(Change::Made(_))));
        assert_eq!(file.path().metadata().unwrap().mode() & 0o7777, 0o644);
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o664)).unwrap();
        assert!(matches!(file.read(), Err(StateError::File(FileError::Changeable { mode: 0o664, .. }))));
    }
}
