//! Where a command writes what it was asked for: a new file, or standard output where it is called `-`. This is the only way to
//! a new file, so that no command takes `-` for a name.

use crate::new_file::{NewFile, NewFileError};
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::Path;

/// What stands for standard output where a file is named, and for standard input where one is read.
const DASH: &str = "-";

/// Returns whether a path stands for a standard stream. A file of that name is `./-`.
#[must_use]
pub fn is_dash(path: &Path) -> bool {
    path.as_os_str() == DASH
}

/// Where it is written. Dropped before [`Target::finish`], a file leaves nothing behind; what went to standard output is gone.
#[derive(Debug)]
pub enum Target {
    /// See [`NewFile`].
    File(NewFile),
    /// Standard output, without a buffer.
    StandardOutput(File),
}

impl Target {
    /// Opens what `path` names; `refuse_closed` looks whether there is a standard output.
    ///
    /// # Errors
    /// When something has the name, when the folder takes no files, or when standard output is a terminal or closed.
    pub fn open(path: &Path, refuse_closed: fn() -> io::Result<()>) -> Result<Self, NewFileError> {
        if !is_dash(path) {
            return NewFile::create(path).map(Self::File);
        }
        let stdout = io::stdout();
        refuse_closed().map_err(NewFileError::StandardOutput)?;
        if stdout.is_terminal() {
            return Err(NewFileError::OnATerminal);
        }
        let file = stdout.as_fd().try_clone_to_owned().map(File::from);
        file.map(Self::StandardOutput).map_err(NewFileError::StandardOutput)
    }

    /// Returns whether standard output is taken, so that everything else has to go to standard error.
    #[must_use]
    pub fn is_standard_output(&self) -> bool {
        matches!(self, Self::StandardOutput(_))
    }

    /// Ends it: a file gets its name, when every byte is on the disk.
    ///
    /// # Errors
    /// As [`NewFile::finish`].
    pub fn finish(self) -> Result<(), NewFileError> {
        match self {
            Self::File(file) => file.finish(),
            Self::StandardOutput(_) => Ok(()),
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::StandardOutput(stdout) => stdout.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::StandardOutput(stdout) => stdout.flush(),
        }
    }
}
