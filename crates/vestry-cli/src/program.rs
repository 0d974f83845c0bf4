//! From what was typed to an exit code.

use crate::cli::{Cli, Command};
use crate::commands;
use crate::context::Context;
use crate::exit::exit_for;
use crate::failure::Failure;
use crate::menu;
use clap::CommandFactory;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use std::io::IsTerminal;
use std::process::ExitCode;
use vestry_client::runtime::on_one_thread;
use vestry_client::state::Folders;
use vestry_protocol::typed::was_typed;
use vestry_terminal::arguments;
use vestry_terminal::exit::print_usage;
use vestry_terminal::pages::answer_script;

/// Reads the arguments and the environment, does what they say, and says how it went.
pub(crate) fn run_from_environment() -> ExitCode {
    // A password is typed here: no core dump may hold it, and no other process of this user read it. Where the system does
    // not let that happen, its user is served all the same.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if answer_script(Cli::command) {
        return ExitCode::SUCCESS;
    }
    let cli = match arguments::parse::<Cli>() {
        Ok(cli) => cli,
        Err(error) => return print_usage(&error),
    };
    let folders = Folders::from_environment(|name| std::env::var_os(name), std::env::temp_dir());
    cli.options.colour.hold();
    cli.options.lead_here();
    if cli.command.is_some() {
        let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
        was_typed("vestry", words);
    }
    let mut context = Context::new(cli.options, folders);
    let work = on_one_thread(|runtime| runtime.block_on(run(&mut context, cli.command)));
    match work.map_err(Failure::Runtime).flatten() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            context.output.failure(&failure);
            match failure {
                // Whoever waits for this program sees what ended it: a shell ends its loop, too.
                Failure::Signal(signal) => signal.act(),
                failure => exit_for(&failure).into(),
            }
        }
    }
}

/// Does what was typed; the menu when that is nothing and there is a terminal.
async fn run(context: &mut Context, command: Option<Command>) -> Result<(), Failure> {
    if let Some(command) = command {
        return commands::run(context, command).await;
    }
    if context.prompt.is_there() && std::io::stdout().is_terminal() {
        return menu::run(context).await;
    }
    context.output.talk(Cli::command().render_help());
    Err(Failure::Usage("a command is needed where there is no terminal for the menu".to_owned()))
}
