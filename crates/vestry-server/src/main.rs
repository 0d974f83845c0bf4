//! `vestryd`: reads the command line and hands over to the library.

use clap::Parser;
use std::process::ExitCode;
use vestry_server::commands;

fn main() -> ExitCode {
    commands::run(commands::Typed::parse())
}
