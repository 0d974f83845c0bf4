//! Completion scripts and manual pages, made from what can be typed.

mod completion;
mod manual;

pub use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};
pub use completion::answer_script;
pub use manual::{Entry, Manual};

use crate::output::answer;
use clap::{Args, Command};
use clap_complete::Shell;
use std::io;
use std::path::PathBuf;

/// What `completions` takes.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// What `man` takes.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for each command into this folder
    pub directory: Option<PathBuf>,
}

impl CompletionsArgs {
    /// Prints the completion script of a program.
    ///
    /// # Errors
    /// As those of [`answer`].
    pub fn print(&self, program: &Command) -> io::Result<()> {
        answer(&completion::script(&self.shell.to_string(), program)?)
    }
}

impl ManArgs {
    /// Prints the manual page of a program, or writes one for each of its commands into the folder, which is made.
    ///
    /// # Errors
    /// As those of [`answer`], and when a page cannot be made or written.
    pub fn print(&self, manual: &Manual, program: Command) -> io::Result<()> {
        match &self.directory {
            None => answer(&manual::of_program(manual, program)?),
            Some(folder) => manual::all_to(manual, program, folder),
        }
    }
}
