//! Completion scripts and manual pages, made from the definition of the commands. Asks no server.

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::output::Output;
use clap::CommandFactory;
use std::io::{self, Write};
use std::path::PathBuf;

/// Does a command that only prints what the program knows of itself; hands any other one back.
pub(crate) fn run(command: Command, output: Output) -> Result<Option<Command>, Failure> {
    let mut bytes = Vec::new();
    match command {
        Command::Completions(arguments) => {
            clap_complete::generate(arguments.shell, &mut Cli::command(), "vestryctl", &mut bytes);
        }
        Command::Man(arguments) => write_manual(arguments.directory, &mut bytes).map_err(Failure::Output)?,
        other @ (Command::Sql(_)
        | Command::Accounts(_)
        | Command::Account(_)
        | Command::Sessions(_)
        | Command::Audit(_)
        | Command::Operators(_)
        | Command::Throttle(_)
        | Command::Drill(_)
        | Command::JoinString
        | Command::Backup(_)
        | Command::Import(_)
        | Command::Export(_)
        | Command::Reload
        | Command::Status) => return Ok(Some(other)),
    }
    let mut stdout = output.stdout();
    stdout.write_all(&bytes).and_then(|()| stdout.flush()).map_err(Failure::Output)?;
    Ok(None)
}

fn write_manual(directory: Option<PathBuf>, page: &mut dyn Write) -> io::Result<()> {
    match directory {
        Some(directory) => clap_mangen::generate_to(Cli::command(), directory),
        None => clap_mangen::Man::new(Cli::command()).render(page),
    }
}
