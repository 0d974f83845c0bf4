//! Completions and the manual page, made from the same definitions as `--help`.

use super::error::CommandError;
use std::io::ErrorKind;
use vestry_terminal::{output, pages};

pub(super) fn print_completions(
    shell: clap_complete::Shell,
    command: clap::Command,
) -> Result<(), CommandError> {
    print(&pages::completions(command, shell))
}

pub(super) fn print_manual(command: clap::Command) -> Result<(), CommandError> {
    print(&pages::manual(command)?)
}

fn print(bytes: &[u8]) -> Result<(), CommandError> {
    match output::answer(bytes) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}
