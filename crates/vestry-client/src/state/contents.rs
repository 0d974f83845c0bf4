//! What was found at the path of a shared file, and what is said when it is of no use.

use super::error::StateError;
use super::folders::obstacle;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use vestry_tls::FileError;
use vestry_tls::private_file::{self, Shown};
use zeroize::Zeroizing;

/// No chain of links that a person made comes near this (Linux itself follows 40).
const LINKS_MAX: usize = 40;

/// Who may see what a shared file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// Only its owner.
    Secret,
    /// Everybody; only its owner may change it.
    Public,
}

/// What becomes of a secret that others could have read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exposed {
    /// It is not used until its owner has made it private.
    Refused,
    /// It is moved out of the way: another one is had for nothing.
    SetAside,
    /// It is used once more, to end what it stands for.
    GivenUp,
}

/// What a shared file held when it was read, or that there was none. Only with it can the file be replaced or removed.
#[derive(Clone, PartialEq, Eq)]
pub struct Contents(Held);

#[derive(Clone, PartialEq, Eq)]
enum Held {
    Nothing,
    Bytes(Zeroizing<Vec<u8>>),
    /// Others could have read them. In a box, as is what follows: a session holds two of these, and both are rare.
    Exposed(Box<Zeroizing<Vec<u8>>>),
    /// What this program cannot read, or did not make: a directory, a file of another user, a link that leads nowhere. It is known
    /// by its place on the disk.
    Unusable(Box<Place>),
}

#[derive(Clone, PartialEq, Eq)]
struct Place {
    device: u64,
    inode: u64,
}

/// A file that does not hold what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// What is wrong with it, in one line, where that can be said.
    pub problem: Option<String>,
}

/// Why nothing is believed of what is at a path.
#[derive(Debug)]
pub(super) enum Trouble {
    Damaged(Damaged),
    Unusable(FileError),
}

impl Contents {
    pub(super) const NOTHING: Self = Self(Held::Nothing);

    /// What a file holds that was just written.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Held::Bytes(Zeroizing::new(bytes.to_vec())))
    }

    /// The bytes, when there was a file that may be believed.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.0 {
            Held::Bytes(bytes) => Some(bytes.as_slice()),
            Held::Nothing | Held::Exposed(_) | Held::Unusable(_) => None,
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.0 == Held::Nothing
    }

    /// What the file says, when there was one.
    pub(super) fn parse<T>(
        &self,
        parse: impl FnOnce(&[u8]) -> Result<T, Damaged>,
    ) -> Result<Option<T>, Damaged> {
        match &self.0 {
            Held::Nothing | Held::Unusable(_) => Ok(None),
            Held::Bytes(bytes) => parse(bytes).map(Some),
            Held::Exposed(bytes) => parse(bytes).map(Some),
        }
    }
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents").field("bytes", &self.bytes().map(<[u8]>::len)).finish()
    }
}

/// What was found in a shared file. It is opened only by saying what was of no use.
#[derive(Debug)]
pub struct Found<T> {
    pub(super) value: Option<T>,
    pub(super) read: Contents,
    pub(super) said: Option<SetAside>,
}

impl<T> Found<T> {
    /// Returns what the file says, and what lets it be replaced; `say` is told when it was of no use.
    pub fn open(self, say: impl FnOnce(&SetAside)) -> (Option<T>, Contents) {
        if let Some(said) = &self.said {
            say(said);
        }
        (self.value, self.read)
    }
}

/// A file that was of no use, and what became of it.
#[derive(Debug)]
pub struct SetAside {
    pub(super) path: PathBuf,
    pub(super) trouble: Trouble,
    pub(super) fate: Fate,
}

#[derive(Debug)]
pub(super) enum Fate {
    /// It has this path now.
    MovedTo(PathBuf),
    /// It is still in its place.
    Stays(Box<StateError>),
    /// It is used once more, and replaced or removed then.
    GivenUp,
}

impl SetAside {
    /// Returns whether it is out of the way, for its user to look at.
    #[must_use]
    pub fn is_moved(&self) -> bool {
        matches!(self.fate, Fate::MovedTo(_))
    }
}

impl fmt::Display for SetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = Shown(&self.path);
        match &self.trouble {
            Trouble::Damaged(Damaged { problem: None }) => write!(f, "{path} was damaged"),
            Trouble::Damaged(Damaged { problem: Some(problem) }) => {
                write!(f, "{path} was damaged ({problem})")
            }
            Trouble::Unusable(FileError::NotAFile(_)) => write!(f, "{path} is not a regular file"),
            Trouble::Unusable(FileError::TooLong(_)) => write!(f, "{path} is far too long"),
            Trouble::Unusable(FileError::OfAnother { owner, .. }) => {
                write!(f, "{path} belongs to another user (number {owner})")
            }
            Trouble::Unusable(FileError::Exposed { mode, .. }) => {
                write!(f, "{path} can be read or changed by others (mode {mode:04o})")
            }
            Trouble::Unusable(FileError::System { action: "followed", .. }) => {
                write!(f, "{path} is a link that leads nowhere")
            }
            Trouble::Unusable(other) => other.fmt(f),
        }?;
        match &self.fate {
            Fate::MovedTo(to) => write!(f, "; it was set aside as {}", Shown(to)),
            Fate::Stays(error) => write!(f, " and could not be set aside: {error}"),
            Fate::GivenUp => f.write_str("; it is used for nothing but to end that session"),
        }
    }
}

/// Looks at what is at a path: what it holds, and why it is of no use when it is not.
pub(super) fn look(path: &Path, secrecy: Secrecy) -> Result<(Contents, Option<FileError>), StateError> {
    let read = match secrecy {
        Secrecy::Secret => private_file::read(path),
        Secrecy::Public => private_file::read_believed(path),
    };
    let why = match read {
        Ok(bytes) => return Ok((Contents(Held::Bytes(bytes)), None)),
        Err(why) => why,
    };
    let why = match why {
        FileError::Exposed { .. } => match private_file::read_exposed(path) {
            Ok(bytes) => return Ok((Contents(Held::Exposed(Box::new(bytes))), Some(why))),
            Err(worse) => worse,
        },
        other => other,
    };
    match why {
        why if is_absent(&why) => match leads_nowhere(path) {
            Some(why) => unusable(path, why),
            None => Ok((Contents::NOTHING, None)),
        },
        why @ (FileError::NotAFile(_) | FileError::TooLong(_) | FileError::OfAnother { .. }) => {
            unusable(path, why)
        }
        FileError::System { ref source, .. } if is_closed(source) => unusable(path, why),
        why => Err(why.into()),
    }
}

/// Whether there is no such file, and there cannot be one while something else is in the place of its folder.
fn is_absent(error: &FileError) -> bool {
    let no_folder = |source: &io::Error| source.kind() == io::ErrorKind::NotADirectory;
    error.is_missing() || matches!(error, FileError::System { source, .. } if no_folder(source))
}

/// Whether this user cannot open it, however often that is tried.
fn is_closed(error: &io::Error) -> bool {
    let is_loop = error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
    is_loop || error.kind() == io::ErrorKind::PermissionDenied
}

fn unusable(path: &Path, why: FileError) -> Result<(Contents, Option<FileError>), StateError> {
    match path.symlink_metadata() {
        Ok(at) => {
            let place = Place { device: at.dev(), inode: at.ino() };
            Ok((Contents(Held::Unusable(Box::new(place))), Some(why)))
        }
        // Then the file is as good as any, and a folder before it is closed.
        Err(_) => Err(obstacle(why)),
    }
}

/// Why a link leads to a place where no file can be made.
fn leads_nowhere(path: &Path) -> Option<FileError> {
    let astray = |source| FileError::System { path: path.to_owned(), action: "followed", source };
    if !path.is_symlink() {
        return None;
    }
    let target = match follow(path) {
        Ok(target) => target,
        Err(error) => return Some(error),
    };
    match target.parent().unwrap_or(Path::new("/")).metadata() {
        Ok(folder) if folder.is_dir() => None,
        Ok(_) => Some(astray(io::ErrorKind::NotADirectory.into())),
        Err(source) => Some(astray(source)),
    }
}

/// What the links lead to, also when that is not there yet.
pub(super) fn follow(path: &Path) -> Result<PathBuf, FileError> {
    let mut at = path.to_owned();
    for _ in 0..LINKS_MAX {
        let Ok(to) = fs::read_link(&at) else { return Ok(at) };
        at = at.parent().unwrap_or(Path::new(".")).join(to);
    }
    let source = rustix::io::Errno::LOOP.into();
    Err(FileError::System { path: path.to_owned(), action: "followed", source })
}
