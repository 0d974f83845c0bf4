//! Completions and the manual page, made from the same definitions as `--help`.

use super::{CommandError, Typed};
use clap::CommandFactory;

pub(super) fn print_completions(shell: clap_complete::Shell) -> Result<(), CommandError> {
    clap_complete::generate(shell, &mut Typed::command(), "vestryd", &mut std::io::stdout().lock());
    Ok(())
}

pub(super) fn print_manual() -> Result<(), CommandError> {
    Ok(clap_mangen::Man::new(Typed::command()).render(&mut std::io::stdout().lock())?)
}
