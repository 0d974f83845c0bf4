//! Completions and the manual page, made from the same definitions as `--help`.

use super::error::CommandError;
use std::io::{ErrorKind, Write};

pub(super) fn print_completions(
    shell: clap_complete::Shell,
    mut command: clap::Command,
) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "vestryd", &mut script);
    print(&script)
}

pub(super) fn print_manual(command: clap::Command) -> Result<(), CommandError> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    print(&page)
}

fn print(bytes: &[u8]) -> Result<(), CommandError> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}
