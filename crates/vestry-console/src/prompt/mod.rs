//! The prompt of a terminal: statements that end with `;` or `\G`, and every command as it is typed in a shell.
//!
//! A mistake never ends it, and neither does a lost server: the next statement connects anew. Ctrl-C drops the line,
//! or the answer that is waited for. Nothing that was typed goes to a file but the history (mode 0600).

mod columns;
mod completion;
mod names;
mod paint;
mod position;
mod step;
mod vocabulary;

use crate::cli::{Command, FormOptions, PromptLine};
use crate::commands;
use crate::context::Context;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::mistake::Shown;
use crate::render::Format;
use crate::statement::{Inside, Statement};
use clap::{Parser, ValueEnum};
use completion::Help;
use names::Names;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{ColorMode, CompletionType, Config, Editor};
use std::path::PathBuf;
use std::time::Instant;
use step::{Step, step, waits_for};
use tokio::runtime::Runtime;
use vestry_protocol::escape::Escaped;
use vestry_terminal::signals::is_interrupted;
use vestry_terminal::{Colour, Signal};
use vestry_terminal::{arguments, output};
use vestry_tls::private_file::create_dir;

const PROMPT: &str = "vestry> ";

/// Lines of the history; older ones are dropped.
const HISTORY_LINES_MAX: usize = 1_000;

/// Runs the prompt until its person leaves.
pub(crate) fn run(
    mut context: Context,
    runtime: &Runtime,
    state_dir: Option<PathBuf>,
) -> Result<(), Failure> {
    let status = runtime.block_on(commands::fetch_status(&mut context.console))?;
    context.output.talk(format_args!(
        "vestryd {} as operator {} ({}). Statements end with ; or \\G. Type help for help, exit to leave.",
        Escaped(&status.version),
        Escaped(&status.operator),
        Escaped(&status.role)
    ));
    let names = Names::new(runtime, context.console.settings());
    let colour = Colour::of(&std::io::stdout());
    let mut lines = Lines::open(state_dir, Help::new(names, colour), colour)?;
    let (mut pending, mut tells_time) = (String::new(), false);
    while let Some(line) = lines.next(&mut pending)? {
        let step = step(&mut pending, &line);
        lines.remember(&step, &line);
        let (began, width) = (Instant::now(), output::talk_width());
        let is_asked = matches!(step, Step::Command(_) | Step::Statements(_) | Step::Next);
        match step {
            Step::Wait => continue,
            Step::Leave => break,
            Step::Help => context.output.talk(vocabulary::help(width)),
            Step::Describe(view) => context.output.talk(vocabulary::describe(view, width)),
            Step::Format(format) => {
                context.form = FormOptions { format, json: false };
                context.output.talk(said_of(format));
            }
            Step::Timing(told) => {
                tells_time = told.unwrap_or(!tells_time);
                context.output.talk(if tells_time { "Times are shown." } else { "Times are not shown." });
            }
            Step::Mistake(said) => context.output.talk(said),
            Step::Next => match context.next_page.take() {
                Some(words) => {
                    if !run_command(&mut context, runtime, words.clone(), &line) {
                        // The page has not been shown.
                        context.next_page = Some(words);
                    }
                }
                None => context.output.talk("No list before this has more rows."),
            },
            Step::Command(words) => {
                run_command(&mut context, runtime, words, &line);
            }
            Step::Statements(statements) => run_statements(&mut context, runtime, statements, &line),
        }
        if tells_time && is_asked {
            context.output.talk(format_args!("Time: {:.1} ms", began.elapsed().as_secs_f64() * 1e3));
        }
    }
    Ok(())
}

/// What `\x` and `\format` did.
fn said_of(format: Option<Format>) -> String {
    match format {
        None => "Rows are shown as a table where they fit, else vertically.".to_owned(),
        Some(Format::Table) => "Rows are shown as a table.".to_owned(),
        Some(Format::Vertical) => "Rows are shown vertically.".to_owned(),
        Some(format) => {
            let name = format.to_possible_value().map(|value| value.get_name().to_owned());
            format!("Rows are shown as {}.", name.unwrap_or_default())
        }
    }
}

/// Does what a line says; whether it was done.
fn run_command(context: &mut Context, runtime: &Runtime, words: Vec<String>, typed: &str) -> bool {
    let line = match PromptLine::try_parse_from(&words) {
        Ok(line) => line,
        // Help that was asked for, or what is wrong with the line.
        Err(error) => {
            let told = arguments::told(&error, words.iter().map(String::as_str));
            context.output.talk(told.trim_end());
            return false;
        }
    };
    if let Err(failure) = vocabulary::refuse_here(&line.command) {
        report(context, Err(failure), None);
        return false;
    }
    let own_form = std::mem::replace(&mut context.form, line.form);
    if context.form.asked().is_none() {
        context.form = own_form;
    }
    context.words = words;
    let done = match line.command {
        // It takes away what it made, Ctrl-C or not.
        Command::Drill(_) => runtime.block_on(commands::run(context, line.command)),
        command => runtime
            .block_on(until_interrupted(context, async |context| commands::run(context, command).await)),
    };
    context.form = own_form;
    let was_done = done.is_ok();
    report(context, done, Some(typed));
    was_done
}

fn run_statements(context: &mut Context, runtime: &Runtime, statements: Vec<Statement>, typed: &str) {
    // Behind the answer to another statement, the line stands no longer right above.
    let above = (statements.len() == 1).then_some(typed);
    for statement in statements {
        let own_form = context.form;
        if statement.vertical {
            // `\G` is for this statement, whatever `\format` says of all.
            context.form = FormOptions::default();
        }
        let done = runtime.block_on(until_interrupted(context, async |context| {
            commands::run_statement(context, statement).await
        }));
        context.form = own_form;
        let failed = done.is_err();
        report(context, done, above);
        if failed {
            break;
        }
    }
}

/// Ctrl-C gives up the answer and its connection, not the program.
async fn until_interrupted(
    context: &mut Context,
    work: impl AsyncFnOnce(&mut Context) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut interrupt = Interrupt::listen()?;
    tokio::select! {
        done = work(context) => match done {
            // Rows that were being printed end by themselves.
            Err(Failure::Output(_)) if is_interrupted() => {}
            done => return done,
        },
        () = interrupt.pressed() => {}
    }
    context.console.disconnect();
    Err(Failure::Interrupted)
}

/// Says how a line ended; `above` is the line that stands right above on the screen.
fn report(context: &mut Context, done: Result<(), Failure>, above: Option<&str>) {
    let was_reconnected = context.console.was_reconnected();
    if was_reconnected {
        context.output.talk("The connection to the server had been lost; this was asked over a new one.");
    }
    if let Err(failure) = done {
        let shown = Shown {
            columns: output::talk_width(),
            line: above.filter(|_| !was_reconnected).map(|line| (line, PROMPT.len())),
            at_prompt: true,
        };
        context.output.failure_below(&failure, shown);
        // Ctrl-C at a question ends the question, any other signal the program.
        if let Failure::Signal(signal) = failure
            && signal != Signal::INT
        {
            let _ = signal.act();
        }
    }
}

/// Lines from the terminal, with their history.
struct Lines<'r> {
    editor: Editor<Help<'r>, FileHistory>,
    history: Option<PathBuf>,
    entry: String,
}

impl<'r> Lines<'r> {
    fn open(state_dir: Option<PathBuf>, help: Help<'r>, colour: Colour) -> Result<Self, Failure> {
        let mode = if colour.is_on() { ColorMode::Forced } else { ColorMode::Disabled };
        let config = Config::builder().max_history_size(HISTORY_LINES_MAX).map_err(terminal)?;
        let config = config.history_ignore_dups(true).map_err(terminal)?.history_ignore_space(true);
        let config = config.completion_type(CompletionType::List).completion_show_all_if_ambiguous(true);
        let config = config.color_mode(mode).build();
        let mut editor = Editor::with_config(config).map_err(terminal)?;
        editor.set_helper(Some(help));
        // A history that cannot be kept is no reason to refuse the prompt.
        let history =
            state_dir.filter(|dir| create_dir(dir).is_ok()).map(|dir| dir.join("vestryctl_history"));
        if let Some(path) = &history {
            let _ = editor.load_history(path);
        }
        Ok(Self { editor, history, entry: String::new() })
    }

    /// The next line; nothing at the end. Ctrl-C drops what is pending.
    fn next(&mut self, pending: &mut String) -> Result<Option<String>, Failure> {
        loop {
            // A statement that is not at its end shows what it waits for.
            let prompt = match waits_for(pending) {
                _ if pending.is_empty() => PROMPT,
                Inside::Nothing => "     -> ",
                Inside::Parentheses => "    (-> ",
                Inside::Quotes('\'') => "    '-> ",
                Inside::Quotes(']') => "    [-> ",
                Inside::Quotes('`') => "    `-> ",
                Inside::Quotes(_) => "    \"-> ",
                Inside::LineComment | Inside::Comment => "    *-> ",
            };
            if let Some(help) = self.editor.helper_mut() {
                help.waiting.clone_from(pending);
            }
            match self.editor.readline(prompt) {
                Ok(line) => return Ok(Some(line)),
                Err(ReadlineError::Eof) => return Ok(None),
                Err(ReadlineError::Interrupted) => {
                    pending.clear();
                    self.entry.clear();
                }
                Err(error) => return Err(terminal(error)),
            }
        }
    }

    /// Keeps a statement of several lines as one entry.
    fn remember(&mut self, step: &Step, line: &str) {
        if !self.entry.is_empty() {
            self.entry.push('\n');
        }
        self.entry.push_str(line);
        if *step == Step::Wait && !self.entry.trim().is_empty() {
            return;
        }
        let entry = std::mem::take(&mut self.entry);
        if entry.trim().is_empty() {
            return;
        }
        // A full disk is no reason to end the prompt.
        let _ = self.editor.add_history_entry(entry);
        if let Some(path) = &self.history {
            let _ = self.editor.append_history(path);
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn terminal(error: ReadlineError) -> Failure {
    Failure::Terminal(error.to_string())
}
