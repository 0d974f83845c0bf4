//! Completion scripts and manual pages, made from what can be typed.

mod completion;

pub use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};
pub use completion::answer_script;

use crate::output::answer;
use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;
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
    /// Prints the manual page of a program, or writes one for each of its commands into the folder.
    ///
    /// # Errors
    /// As those of [`answer`], and when a page cannot be made or written.
    pub fn print(&self, program: Command) -> io::Result<()> {
        let Some(folder) = &self.directory else {
            let mut page = Vec::new();
            Man::new(program).render(&mut page)?;
            return answer(&page);
        };
        clap_mangen::generate_to(program, folder)
    }
}
