//! `vestry`: what was typed becomes calls to a server, and their answers become text or JSON.
//!
//! It never decides what an account may do; the server does. It holds no password longer than one call needs it,
//! and takes none from its arguments or its environment.
//!
//! | room | holds |
//! |---|---|
//! | [`cli`] | what can be typed |
//! | [`commands`] | one file a command |
//! | [`menu`] | the menu of a terminal |
//! | [`context`] | what every command works with |
//! | [`target`] | which server is meant and whom to trust |
//! | [`link`] | a connection that is made anew when it is gone |
//! | [`session`] | a link that is logged in |
//! | [`prompt`], [`hidden`], [`secrets`], [`passphrase`], [`new_password`] | asking, and where passwords come from |
//! | [`output`] | answers on stdout, talk on stderr |
//! | [`failure`], [`exit`] | what went wrong, what to do, which exit code |

mod cli;
mod commands;
mod context;
mod exit;
mod failure;
mod hidden;
mod link;
mod menu;
mod new_password;
mod output;
mod passphrase;
mod prompt;
mod secrets;
mod session;
mod target;

use clap::Parser;
use cli::Cli;
use context::Context;
use exit::exit_for;
use failure::Failure;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use std::process::ExitCode;
use vestry_client::state::Folders;

/// Reads the arguments and the environment, does what they say, and says how it went.
pub(crate) fn run_from_environment() -> ExitCode {
    keep_memory_private();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return show_usage(&error),
    };
    let folders = Folders::from_environment(|name| std::env::var_os(name), std::env::temp_dir());
    cli.options.lead_here();
    let mut context = Context::new(cli.options, folders);
    let done = block_on(commands::run(&mut context, cli.command));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            context.output.failure(&failure);
            exit_for(&failure).into()
        }
    }
}

/// A password is typed here: no core dump may hold it, and no other process of this user read it. Where the system does not
/// let that happen, its user is served all the same.
fn keep_memory_private() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// One thread is enough for one person; prompts block it, and nothing else waits.
fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::Runtime)?.block_on(work)
}

/// Help and version are answers; a mistake is talk and has the exit code for it. Both are clap's own.
fn show_usage(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    exit::Exit::of_printing(&printed, error.exit_code())
}
