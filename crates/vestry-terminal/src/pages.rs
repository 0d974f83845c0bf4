//! Completion scripts and manual pages, made from what can be typed.

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
use std::io;
use std::path::Path;

/// Returns the completion script of a program for a shell.
#[must_use]
pub fn completions(mut program: Command, shell: Shell) -> Vec<u8> {
    let (name, mut script) = (program.get_name().to_owned(), Vec::new());
    clap_complete::generate(shell, &mut program, name, &mut script);
    script
}

/// Returns the manual page of a program.
///
/// # Errors
/// When the page cannot be made.
pub fn manual(program: Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(program).render(&mut page)?;
    Ok(page)
}

/// Writes the manual pages of a program and of its commands into a folder.
///
/// # Errors
/// When one cannot be written.
pub fn write_manuals(program: Command, folder: &Path) -> io::Result<()> {
    clap_mangen::generate_to(program, folder)
}
