//! What commands say, and who types them.

use super::error::CommandError;
use std::io::{self, ErrorKind};

/// A line of talk. A closed standard error is no reason to stop.
pub(super) fn say(line: &str) {
    vestry_terminal::output::talk(line);
}

/// A line of an answer. A reader that has enough is no reason to complain.
pub(super) fn answer(line: &str) -> Result<(), CommandError> {
    match vestry_terminal::output::answer(format!("{line}\n").as_bytes()) {
        Err(cause) if cause.kind() != ErrorKind::BrokenPipe => {
            Err(CommandError::Unwritten { line: line.to_owned(), cause })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Returns what came of printing a page: that its reader has seen enough of it is no failure.
pub(super) fn printed(written: io::Result<()>) -> Result<(), CommandError> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The one who runs this, as the audit names whoever is at the machine itself.
pub(super) fn who() -> String {
    format!("uid:{}", rustix::process::getuid().as_raw())
}
