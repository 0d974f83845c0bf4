//! The program of Vestry's users. Everything that it does is in [`program`]; this only starts it.

mod program;

use std::process::ExitCode;

fn main() -> ExitCode {
    program::run_from_environment()
}
