//! Completions and the manual page, made from the same definitions as `--help`.

use super::{CommandError, Typed};
use clap::CommandFactory;
use std::io::{ErrorKind, Write};

pub(super) fn print_completions(shell: clap_complete::Shell) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Typed::command(), "vestryd", &mut script);
    print(&script)
}

pub(super) fn print_manual() -> Result<(), CommandError> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Typed::command()).render(&mut page)?;
    print(&page)
}

fn print(bytes: &[u8]) -> Result<(), CommandError> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}
