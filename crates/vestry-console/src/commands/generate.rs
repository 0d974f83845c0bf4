//! Completion scripts and manual pages, made from the definition of the commands. Asks no server.

use crate::cli::{Cli, Command, ManArgs};
use crate::failure::Failure;
use clap::CommandFactory;
use vestry_terminal::output::answer;
use vestry_terminal::pages;

/// Does a command that only prints what the program knows of itself; hands any other one back.
pub(crate) fn run(command: Command) -> Result<Option<Command>, Failure> {
    let written = match command {
        Command::Completions(arguments) => answer(&pages::completions(Cli::command(), arguments.shell)),
        Command::Man(ManArgs { directory: Some(folder) }) => pages::write_manuals(Cli::command(), &folder),
        Command::Man(ManArgs { directory: None }) => {
            pages::manual(Cli::command()).and_then(|page| answer(&page))
        }
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
