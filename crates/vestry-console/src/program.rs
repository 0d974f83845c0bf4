//! From what was typed to an exit code.

use crate::cli::Cli;
use crate::commands;
use crate::console::Console;
use crate::context::Context;
use crate::exit::exit_for;
use crate::failure::Failure;
use crate::output::Output;
use crate::prompt;
use crate::settings::Settings;
use clap::CommandFactory;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use vestry_client::runtime::on_one_thread;
use vestry_terminal::arguments;
use vestry_terminal::exit::print_usage;
use vestry_terminal::pages::answer_script;
use vestry_terminal::{Exit, Surroundings};

/// Does what the process was started for.
pub(crate) fn run_from_environment() -> ExitCode {
    if answer_script(Cli::command) {
        return ExitCode::SUCCESS;
    }
    let cli = match arguments::parse::<Cli>() {
        Ok(cli) => cli,
        Err(error) => return print_usage(&error),
    };
    cli.options.colour.hold();
    let output = Output::of_this_process();
    match run(cli, output) {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            output.failure(&failure);
            match failure {
                Failure::Signal(signal) => signal.act(),
                failure => exit_for(&failure).into(),
            }
        }
    }
}

fn run(cli: Cli, output: Output) -> Result<(), Failure> {
    let Cli { options, command } = cli;
    options.way.lead_here();
    let surroundings = Surroundings::of_this_process();
    let Some(command) = command else {
        if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
            output.talk(Cli::command().styles(clap::builder::Styles::plain()).render_help());
            return Err(Failure::Usage("there is no terminal for a prompt; name a command".to_owned()));
        }
        let console = Console::with(Settings::find(&options.way, &surroundings)?);
        let context = Context {
            console,
            output,
            form: options.form,
            words: Vec::new(),
            at_prompt: true,
            next_page: None,
        };
        let state_dir = surroundings.state_dir();
        return on_one_thread(|runtime| prompt::run(context, runtime, state_dir))
            .map_err(Failure::Runtime)
            .flatten();
    };
    let Some(command) = commands::generate::run(command)? else { return Ok(()) };
    let typed = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).skip(1);
    let words = std::iter::once("vestryctl".to_owned()).chain(typed).collect();
    let console = Console::with(Settings::find(&options.way, &surroundings)?);
    let mut context =
        Context { console, output, form: options.form, words, at_prompt: false, next_page: None };
    on_one_thread(|runtime| runtime.block_on(commands::run(&mut context, command)))
        .map_err(Failure::Runtime)
        .flatten()
}
