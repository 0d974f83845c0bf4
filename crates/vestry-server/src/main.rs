//! `vestryd`: reads the command line and hands over to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    vestry_server::commands::run_from_environment()
}
