//! Runs somebody else's load generator and says what a server and its children used meanwhile.

use crate::failure::Failure;
use crate::usage::{Usage, Used};
use serde::Serialize;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a server gets to see that its children ended.
const UNTIL_REAPED: Duration = Duration::from_millis(200);

/// How a command ended and what was used meanwhile.
#[derive(Debug, Serialize)]
pub struct Watched {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
    /// How long it took.
    pub seconds: f64,
    /// What the server used.
    pub server: Used,
}

/// Runs a command to its end.
///
/// # Errors
/// When it cannot be started.
pub fn run(pid: u32, command: &[String]) -> Result<Watched, Failure> {
    let (program, arguments) = command.split_first().ok_or_else(|| Failure::other("name a command"))?;
    let (before, begun) = (Usage::of_tree(pid), Instant::now());
    let output = Command::new(program).args(arguments).output().map_err(Failure::system(program.clone()))?;
    let seconds = begun.elapsed().as_secs_f64();
    // A process that served the command is counted once its parent has seen it end.
    std::thread::park_timeout(UNTIL_REAPED);
    Ok(Watched {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        seconds,
        server: Usage::of_tree(pid).since(&before),
    })
}
