//! Files that only their owner can read: keys, tokens, peppers, passwords handed over in a file.
//!
//! They are born private (mode 0600), never overwritten in place, and refused when somebody else could have read
//! or changed them. What a file holds never appears in an error.

use rustix::fs::{Mode, OFlags};
use rustix::process::geteuid;
use std::fmt;
use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use thiserror::Error;
use vestry_protocol::escape::Escaped;
use vestry_protocol::random;
use vestry_protocol::typed::quoted;
use zeroize::Zeroizing;

/// Nothing that is kept in a private file comes near this; a larger one is a mistake in the path.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;

/// Only the owner reads and writes.
const PRIVATE: u32 = 0o600;
/// The permission bits of everybody but the owner.
const OTHERS: u32 = 0o077;
/// Those of them that allow writing.
const OTHERS_WRITE: u32 = 0o022;

/// Shows a path without letting it drive the terminal.
#[derive(Debug)]
pub struct Shown<'a>(pub &'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(&self.0.to_string_lossy()).fmt(f)
    }
}

/// Why a private file could not be read or written.
#[derive(Debug, Error)]
pub enum FileError {
    /// Nothing has this path.
    #[error("{} does not exist; check the path", Shown(.0))]
    Missing(PathBuf),
    /// Something has this path already.
    #[error("{} is already there and is never overwritten; move it away first", Shown(.0))]
    AlreadyThere(PathBuf),
    /// Others could have read or changed it.
    #[error(
        "{} can be read or changed by others (mode {mode:04o}); make it private with: chmod 600 {}",
        Shown(path),
        quoted(&path.to_string_lossy())
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Others could change it; that they can read it is no harm.
    #[error(
        "{} can be changed by others (mode {mode:04o}); take that from them with: chmod go-w {}",
        Shown(path),
        quoted(&path.to_string_lossy())
    )]
    Changeable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Its owner can change it.
    #[error(
        "{} belongs to another user (number {owner}), who can change it; give the path of a file of yours",
        Shown(path)
    )]
    OfAnother {
        /// The file.
        path: PathBuf,
        /// The user's number.
        owner: u32,
    },
    /// A directory, a pipe, a device.
    #[error("{} is not a regular file; give the path of a file", Shown(.0))]
    NotAFile(PathBuf),
    /// `-` stands for standard input, which a person would have to type it on, for everybody to see.
    #[error("standard input is a terminal; give the path of a file, or send it in through a pipe")]
    InputOnATerminal,
    /// Longer than anything that belongs here.
    #[error("{} is longer than {FILE_BYTES_MAX} bytes; check that it is the right file", Shown(.0))]
    TooLong(PathBuf),
    /// The system said no.
    #[error("{} could not be {action}: {source}", Shown(path))]
    System {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

impl FileError {
    /// Whether the file is simply not there.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }

    /// Returns what the system's refusal of `action` on `path` means.
    #[must_use]
    pub fn system(path: &Path, action: &'static str, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing(path.to_owned()),
            io::ErrorKind::AlreadyExists => Self::AlreadyThere(path.to_owned()),
            _ => Self::System { path: path.to_owned(), action, source },
        }
    }
}

/// Makes a new private file that holds `bytes`, on the disk when this returns.
///
/// # Errors
/// When something has this path already, or the system refuses; then no half-written file is left.
pub fn create(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    create_with_mode(path, bytes, PRIVATE)?;
    sync_directory_of(path)
}

/// Replaces a private file, or makes it: readers see the old or the new whole, after a crash too.
///
/// # Errors
/// When the system refuses; then the old file is as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    replace_with_mode(path, bytes, PRIVATE)
}

/// Replaces a file that is there by one of the same mode and owner, in one step.
///
/// # Errors
/// When there is none, or the system refuses; then the old file is as it was.
pub fn replace_alike(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let old = path.metadata().map_err(|e| FileError::system(path, "examined", e))?;
    let fresh = beside(path)?;
    create_with_mode(&fresh, bytes, old.mode() & 0o777)?;
    // Only root can give it to another; anybody else keeps what they may replace.
    let is_root = geteuid().is_root();
    let is_another = |new: Metadata| is_root && (new.uid(), new.gid()) != (old.uid(), old.gid());
    let owner = fresh.metadata().and_then(|new| match is_another(new) {
        true => std::os::unix::fs::chown(&fresh, Some(old.uid()), Some(old.gid())),
        false => Ok(()),
    });
    // The mode of a new file is cut by the umask.
    let alike = owner.and_then(|()| std::fs::set_permissions(&fresh, old.permissions()));
    let placed = alike.and_then(|()| std::fs::rename(&fresh, path));
    placed.map_err(|e| {
        let _ = std::fs::remove_file(&fresh);
        FileError::system(path, "replaced", e)
    })?;
    sync_directory_of(path)
}

/// Reads a private file.
///
/// # Errors
/// When it is not a regular file, is readable or writable by group or others, is another user's, or cannot be read.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let file = open(path)?;
    let status = file.metadata().map_err(|e| FileError::system(path, "examined", e))?;
    refuse_exposed_mode(path, &status)?;
    refuse_another_owner(path, &status)?;
    read_bounded(path, file)
}

/// Reads a file of this user's that should have been private and was not. What it holds is no secret any more, and serves for
/// nothing but to end what it stands for.
///
/// # Errors
/// When it is not a regular file, is another user's, or cannot be read.
pub fn read_exposed(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let file = open(path)?;
    let status = file.metadata().map_err(|e| FileError::system(path, "examined", e))?;
    refuse_another_owner(path, &status)?;
    read_bounded(path, file)
}

/// Reads a private file, or standard input where it is called `-`.
///
/// # Errors
/// As [`read`]; when standard input is a terminal.
pub fn read_or_input(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    if path.as_os_str() != "-" {
        return read(path);
    }
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err(FileError::InputOnATerminal);
    }
    // One reservation: a growing buffer would leave unwiped copies behind, and so would the buffer of `Stdin`.
    let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX + 2));
    let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let input = stdin.as_fd().try_clone_to_owned().map(File::from);
    let read = input.and_then(|input| input.take(limit).read_to_end(&mut bytes));
    match read.map_err(|e| FileError::system(path, "read", e))? {
        count if count > FILE_BYTES_MAX => Err(FileError::TooLong(path.to_owned())),
        _ => Ok(bytes),
    }
}

/// Reads a file that holds no secret, but that nobody else may change: what it says is believed.
///
/// # Errors
/// When it is not a regular file, is writable by group or others, is of a user who is neither this one nor root, or cannot be read.
pub fn read_believed(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let file = open(path)?;
    let status = file.metadata().map_err(|e| FileError::system(path, "examined", e))?;
    let mode = status.mode() & 0o7777;
    if status.is_file() && mode & OTHERS_WRITE != 0 {
        return Err(FileError::Changeable { path: path.to_owned(), mode });
    }
    // Root can change every file anyway.
    if status.uid() != 0 {
        refuse_another_owner(path, &status)?;
    }
    read_bounded(path, file)
}

/// Refuses a file that others could have read or changed, without reading it.
///
/// # Errors
/// When it is readable or writable by group or others, or cannot be examined.
pub fn refuse_exposed(path: &Path) -> Result<(), FileError> {
    let status = path.metadata().map_err(|e| FileError::system(path, "examined", e))?;
    refuse_exposed_mode(path, &status)
}

fn refuse_exposed_mode(path: &Path, status: &Metadata) -> Result<(), FileError> {
    let mode = status.mode() & 0o7777;
    if status.is_file() && mode & OTHERS != 0 {
        return Err(FileError::Exposed { path: path.to_owned(), mode });
    }
    Ok(())
}

/// What belongs to another user is theirs to change, also behind a link. Root may use what belongs to the owner of the folder that
/// it is in: who helps a service reads the service's files.
fn refuse_another_owner(path: &Path, status: &Metadata) -> Result<(), FileError> {
    let owner = status.uid();
    if owner == geteuid().as_raw() {
        return Ok(());
    }
    let folder = directory_of(path);
    let beside = folder.metadata().map_err(|e| FileError::system(folder, "examined", e))?;
    if geteuid().is_root() && owner == beside.uid() {
        return Ok(());
    }
    Err(FileError::OfAnother { path: path.to_owned(), owner })
}

/// Makes a private directory (mode 0700), and its parents likewise; one that is there is left as it is.
///
/// # Errors
/// When the system refuses.
pub fn create_dir(path: &Path) -> Result<(), FileError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|e| FileError::system(path, "made", e))
}

/// Reads a file that anybody may read, such as a certificate, within the same bounds.
pub(crate) fn read_public(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    read_bounded(path, open(path)?)
}

/// Like [`create`], for files that others may read. The directory is not synced.
pub(crate) fn create_with_mode(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = opened.map_err(|e| FileError::system(path, "made", e))?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.map_err(|e| {
        // This call made the file, so nobody else's is removed; the first error is the one to tell.
        let _ = std::fs::remove_file(path);
        FileError::system(path, "written", e)
    })
}

/// Like [`replace`], for files that others may read.
pub(crate) fn replace_with_mode(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    let fresh = beside(path)?;
    create_with_mode(&fresh, bytes, mode)?;
    std::fs::rename(&fresh, path).map_err(|e| {
        let _ = std::fs::remove_file(&fresh);
        FileError::system(path, "replaced", e)
    })?;
    sync_directory_of(path)
}

/// Makes the names in the directory of `path` as durable as the files behind them.
pub(crate) fn sync_directory_of(path: &Path) -> Result<(), FileError> {
    let directory = directory_of(path);
    let synced = File::open(directory).and_then(|handle| handle.sync_all());
    synced.map_err(|e| FileError::system(directory, "synced", e))
}

pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A name in the same directory that nobody can guess and plant.
pub(crate) fn beside(path: &Path) -> Result<PathBuf, FileError> {
    let mut random = [0u8; 8];
    random::fill(&mut random).map_err(|e| FileError::system(path, "replaced", io::Error::other(e)))?;
    let suffix = data_encoding::HEXLOWER.encode(&random);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{suffix}.new"));
    Ok(directory_of(path).join(name))
}

/// Opens without waiting, so that a pipe without a writer is refused instead of waited for.
fn open(path: &Path) -> Result<File, FileError> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::empty());
    opened.map(File::from).map_err(|e| FileError::system(path, "opened", e.into()))
}

/// Reads an open file whole. It is judged through its handle: its path may name another file by now.
fn read_bounded(path: &Path, file: File) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let status = file.metadata().map_err(|e| FileError::system(path, "examined", e))?;
    if !status.is_file() {
        return Err(FileError::NotAFile(path.to_owned()));
    }
    let announced = usize::try_from(status.len()).unwrap_or(usize::MAX);
    if announced > FILE_BYTES_MAX {
        return Err(FileError::TooLong(path.to_owned()));
    }
    // One reservation: a growing buffer would leave unwiped copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(announced + 1));
    let limit = u64::try_from(announced).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut bytes).map_err(|e| FileError::system(path, "read", e))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use tempfile::TempDir;

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_created_file_is_private_and_reads_back() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("token");
        create(&path, b"secret").unwrap();
        assert_eq!(mode_of(&path), 0o600);
        assert_eq!(read(&path).unwrap().as_slice(), b"secret");
    }

    #[test]
    fn a_file_that_is_there_is_not_overwritten() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("token");
        create(&path, b"first").unwrap();
        assert!(matches!(create(&path, b"second"), Err(FileError::AlreadyThere(at)) if at == path));
        assert_eq!(read(&path).unwrap().as_slice(), b"first");
    }

    /// I-2 of the review: whoever owns a file can change it, and a link can lead to it.
    #[test]
    fn sec_0103_a_private_file_of_another_user_is_refused_also_behind_a_link() {
        let (folder, theirs) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        if !geteuid().is_root() {
            println!("skipped: only root can give a file to somebody else");
            return;
        }
        let (ours, link, other) =
            (folder.path().join("ours"), folder.path().join("link"), theirs.path().join("other"));
        for path in [&ours, &other] {
            create(path, b"secret").unwrap();
            std::os::unix::fs::chown(path, Some(65_534), None).unwrap();
        }
        std::os::unix::fs::symlink(&other, &link).unwrap();
        for path in [&ours, &link] {
            assert!(matches!(read(path), Err(FileError::OfAnother { owner: 65_534, .. })), "{path:?}");
        }
        // Root helps a service in the service's own folder.
        std::os::unix::fs::chown(folder.path(), Some(65_534), None).unwrap();
        assert_eq!(read(&ours).unwrap().as_slice(), b"secret");
    }

    #[test]
    fn a_replaced_file_is_private_even_if_the_old_one_was_not() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, b"old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!((mode_of(&path), read(&path).unwrap().as_slice()), (0o600, b"new".as_slice()));
        assert_eq!(names_in(folder.path()), ["token"]);
    }

    #[test]
    fn a_replacement_that_fails_leaves_nothing_behind() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("token");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), b"").unwrap();
        assert!(matches!(replace(&path, b"new"), Err(FileError::System { action: "replaced", .. })));
        assert_eq!(names_in(folder.path()), ["token"]);
    }

    #[test]
    fn a_file_that_others_can_read_or_write_is_refused_with_the_fix() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("token");
        create(&path, b"secret").unwrap();
        for mode in [0o640, 0o604, 0o620, 0o602, 0o666] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = read(&path).unwrap_err().to_string();
            let at = path.display();
            assert_eq!(
                error,
                format!(
                    "{at} can be read or changed by others (mode {mode:04o}); make it private with: chmod 600 {at}"
                )
            );
        }
        fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert_eq!(read(&path).unwrap().as_slice(), b"secret");
    }

    #[test]
    fn only_regular_files_of_a_sane_size_are_read() {
        let folder = TempDir::new().unwrap();
        assert!(matches!(read(folder.path()), Err(FileError::NotAFile(_))));
        assert!(matches!(
            read(Path::new("/dev/null")),
            Err(FileError::NotAFile(_) | FileError::Exposed { .. })
        ));
        assert!(read(&folder.path().join("absent")).unwrap_err().is_missing());
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert!(matches!(read(&pipe), Err(FileError::NotAFile(_))));
        let long = folder.path().join("long");
        create(&long, &vec![0; FILE_BYTES_MAX + 1]).unwrap();
        assert!(matches!(read(&long), Err(FileError::TooLong(_))));
    }

    #[test]
    fn a_path_cannot_drive_the_terminal_through_an_error() {
        let error = read(Path::new("/nowhere/\u{1b}[2J")).unwrap_err().to_string();
        assert_eq!(error, "/nowhere/\\u{1b}[2J does not exist; check the path");
    }

    #[test]
    fn a_directory_is_private_with_its_parents() {
        let folder = TempDir::new().unwrap();
        let inner = folder.path().join("a").join("b");
        create_dir(&inner).unwrap();
        create_dir(&inner).unwrap();
        assert_eq!((mode_of(&inner), mode_of(&folder.path().join("a"))), (0o700, 0o700));
    }
}
