//! Answers on stdout, talk on stderr. Colour as in `vestry_terminal::output`.

use crate::cli::FormOptions;
use crate::exit::exit_for;
use crate::failure::Failure;
use crate::mistake::Shown;
use crate::render::Format;
use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};
use vestry_seal::Target;
use vestry_terminal::signals;
use vestry_terminal::{Exit, Prompt, PromptError, output};

/// Standard output until Ctrl-C: no byte goes out behind that, however slow the terminal is. It has no buffer, as the standard
/// library's has one: what stays in that comes with the next answer.
pub(crate) struct Stdout(io::Stdout);

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match signals::is_interrupted() {
            true => Err(io::Error::other("interrupted")),
            false => {
                output::refuse_closed()?;
                Ok(rustix::io::write(&self.0, bytes)?)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const PROGRAM: &str = "vestryctl";

/// Rows leave in pieces of this size, not one system call each.
const BUFFER_BYTES: usize = 64 * 1024;

/// Where a run writes to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    on_terminal: bool,
    is_thrown_away: bool,
}

/// Where what was asked for went: there is room for a summary on standard output only when that is a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    ToAFile,
    ToStandardOutput,
}

impl From<&Target> for Written {
    fn from(target: &Target) -> Self {
        if target.is_standard_output() { Self::ToStandardOutput } else { Self::ToAFile }
    }
}

impl Output {
    pub(crate) fn of_this_process() -> Self {
        Self {
            on_terminal: io::stdout().is_terminal(),
            is_thrown_away: output::is_the_null_device(&io::stdout()),
        }
    }

    /// Whether answers go to `/dev/null`.
    pub(crate) fn is_thrown_away(self) -> bool {
        self.is_thrown_away
    }

    /// The format of rows when none was asked for.
    pub(crate) fn row_format(self, form: FormOptions) -> Format {
        let default = if self.on_terminal { Format::Table } else { Format::Tsv };
        form.asked().unwrap_or(default)
    }

    /// Whether a person looks at a screen that can show one, and asked for no format.
    pub(crate) fn shows_pictures(self, form: FormOptions) -> bool {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        self.on_terminal && form.asked().is_none() && io::stderr().is_terminal() && !is_dumb
    }

    /// Whether a person watches how far long work has come.
    pub(crate) fn shows_progress(self, form: FormOptions) -> bool {
        io::stderr().is_terminal() && !form.json && !output::is_plain()
    }

    /// How wide the screen is, when there is one.
    pub(crate) fn width(self) -> Option<usize> {
        output::width()
    }

    /// Where answers go; flush it at the end.
    pub(crate) fn stdout(self) -> BufWriter<Stdout> {
        BufWriter::with_capacity(BUFFER_BYTES, Stdout(io::stdout()))
    }

    /// Text for stdout, with a line end, in lines that fit on the screen when there is one.
    pub(crate) fn line(self, text: impl fmt::Display) -> Result<(), Failure> {
        let mut stdout = self.stdout();
        writeln!(stdout, "{}", output::for_stdout(text))
            .and_then(|()| stdout.flush())
            .map_err(Failure::Output)
    }

    /// What was done with a target, as [`Output::line`]; beside the target where that is standard output.
    pub(crate) fn summary(self, target: Written, text: impl fmt::Display) -> Result<(), Failure> {
        match target {
            Written::ToAFile => self.line(text),
            Written::ToStandardOutput => {
                self.talk(text);
                Ok(())
            }
        }
    }

    /// A line for the person at the terminal.
    pub(crate) fn talk(self, text: impl fmt::Display) {
        output::talk(text);
    }

    /// What was done all the same, what went wrong, then what to do.
    pub(crate) fn failure(self, failure: &Failure) {
        self.failure_below(failure, Shown { columns: output::talk_width(), line: None, at_prompt: false });
    }

    /// The same, where a line of the prompt may stand above.
    pub(crate) fn failure_below(self, failure: &Failure, shown: Shown<'_>) {
        if let Failure::Mistake(mistake) = failure {
            mistake.picture(shown).into_iter().for_each(output::talk);
            self.talk(format_args!("{} {mistake}", output::marked(PROGRAM)));
            mistake.advice(shown).into_iter().for_each(|advice| self.talk(format_args!("  {advice}")));
            return;
        }
        if let Failure::Untold { said, .. } = failure {
            output::talk(format_args!("{}.", said.done));
        }
        if exit_for(failure) != Exit::Done {
            output::failure(PROGRAM, failure, failure.advice().as_deref());
        }
    }

    /// Whether a person can be asked something and see the question.
    pub(crate) fn can_ask(self) -> bool {
        Prompt::new(false).is_there()
    }

    /// Asks on the terminal. The end of the input is an empty answer.
    pub(crate) fn ask(self, question: &str) -> Result<String, Failure> {
        match Prompt::new(false).line(question) {
            Ok(answer) => Ok(answer),
            Err(PromptError::Terminal(cause)) => Err(Failure::Input(cause)),
            Err(PromptError::Signal(signal)) => Err(Failure::Signal(signal)),
            Err(PromptError::InputEnded | PromptError::NoTerminal(_)) => Ok(String::new()),
        }
    }
}
