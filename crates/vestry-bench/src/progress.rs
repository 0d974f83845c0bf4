//! One line on a terminal that says how far a run is; nothing elsewhere. Never on standard output.

use std::io::{IsTerminal, Write};

/// Where the line is.
#[derive(Debug)]
pub struct Progress {
    shows: bool,
}

impl Progress {
    /// On standard error, when that is a terminal.
    #[must_use]
    pub fn new() -> Self {
        Self { shows: std::io::stderr().is_terminal() }
    }

    /// Replaces the line.
    pub fn say(&self, line: &str) {
        if self.shows {
            // Nobody has to see it.
            let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.say("");
    }
}
