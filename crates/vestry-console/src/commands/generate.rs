//! Completion scripts and manual pages, made from the definition of the commands. Asks no server.

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::manual::MANUAL;
use clap::CommandFactory;

/// Does a command that only prints what the program knows of itself; hands any other one back.
pub(crate) fn run(command: Command) -> Result<Option<Command>, Failure> {
    let written = match command {
        Command::Completions(arguments) => arguments.print(&Cli::command()),
        Command::Man(arguments) => arguments.print(&MANUAL, Cli::command()),
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
    };
    written.map_err(Failure::Output).map(|()| None)
}
