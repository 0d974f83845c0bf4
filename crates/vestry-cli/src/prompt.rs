//! Asking the person at the terminal, one thing at a time: a bad answer is asked for again, and only that.

use crate::failure::Failure;
use crate::hidden;
use crate::output::Output;
use std::fmt::Display;
use std::io::{self, BufRead, IsTerminal, Write};
use vestry_protocol::fields::Password;
use vestry_protocol::secret::SecretText;

/// Somebody to ask, or nobody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Prompt {
    is_there: bool,
    output: Output,
}

impl Prompt {
    /// Somebody is there when both ends are a terminal and asking was not forbidden.
    pub(crate) fn new(no_input: bool, output: Output) -> Self {
        let is_there = !no_input && io::stdin().is_terminal() && io::stderr().is_terminal();
        Self { is_there, output }
    }

    /// Whether there is somebody to ask.
    pub(crate) fn is_there(&self) -> bool {
        self.is_there
    }

    /// One line, without white space around it.
    pub(crate) fn line(&self, question: &str) -> Result<String, Failure> {
        if !self.is_there {
            return Err(Failure::NoTerminal("an answer"));
        }
        loop {
            let mut stderr = io::stderr().lock();
            stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush()).map_err(Failure::Terminal)?;
            let mut line = Vec::new();
            let read = io::stdin().lock().read_until(b'\n', &mut line).map_err(Failure::Terminal)?;
            match (read, String::from_utf8(line)) {
                (0, _) => {
                    self.output.talk("");
                    return Err(Failure::InputEnded);
                }
                (_, Ok(text)) => return Ok(text.trim().to_owned()),
                (_, Err(_)) => self.output.talk("  That was not text. Please type it again."),
            }
        }
    }

    /// A field, asked for until it is one; `None` for an empty line.
    pub(crate) fn field<T, E: Display>(
        &self,
        question: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Failure> {
        loop {
            let line = self.line(question)?;
            if line.is_empty() {
                return Ok(None);
            }
            match parse(&line) {
                Ok(field) => return Ok(Some(field)),
                Err(problem) => self.output.talk(format_args!("  {problem}")),
            }
        }
    }

    /// Text that is not shown while it is typed; `None` for an empty line.
    pub(crate) fn secret(&self, question: &str) -> Result<Option<SecretText>, Failure> {
        if !self.is_there {
            return Err(Failure::NoTerminal("a password"));
        }
        let typed = hidden::ask(question)?.ok_or(Failure::InputEnded)?;
        Ok(Some(typed).filter(|text| !text.expose_secret().is_empty()))
    }

    /// A password that may be one, asked for until it is; `None` for an empty line.
    pub(crate) fn password(&self, question: &str) -> Result<Option<Password>, Failure> {
        loop {
            let Some(typed) = self.secret(question)? else { return Ok(None) };
            match Password::parse(&typed) {
                Ok(password) => return Ok(Some(password)),
                Err(problem) => self.output.talk(format_args!("  {problem}")),
            }
        }
    }
}
