//! `vestry-bench`: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    vestry_bench::cli::run_from_environment()
}
