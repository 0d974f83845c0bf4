//! What was typed, and what the environment says in its place.

use clap::{Command, Parser};
use std::env::var_os;

/// Reads the arguments of this process. A variable that is empty counts as unset, as it does for the folders of the XDG
/// specification.
///
/// # Errors
/// What clap has to say of them, help and the version included.
pub fn parse<P: Parser>() -> Result<P, clap::Error> {
    let mut command = without_empty_variables(P::command());
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    P::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

fn without_empty_variables(command: Command) -> Command {
    command
        .mut_args(|argument| match argument.get_env().and_then(var_os) {
            Some(value) if value.is_empty() => argument.env(None::<&'static str>),
            Some(_) | None => argument,
        })
        .mut_subcommands(without_empty_variables)
}
