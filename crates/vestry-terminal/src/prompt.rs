//! Asking the person at the terminal, one thing at a time: a bad answer is asked for again, and only that.

use crate::error::PromptError;
use crate::hidden;
use crate::output::talk;
use std::fmt::Display;
use std::io::{self, BufRead, IsTerminal, Write};
use vestry_protocol::fields::Password;
use vestry_protocol::secret::SecretText;

/// Somebody to ask, or nobody.
#[derive(Debug, Clone, Copy)]
pub struct Prompt {
    is_there: bool,
}

impl Prompt {
    /// Returns what asks the person at the terminal; `no_input` forbids it, and so does an end that is no terminal.
    #[must_use]
    pub fn new(no_input: bool) -> Self {
        let is_there = !no_input && io::stdin().is_terminal() && io::stderr().is_terminal();
        Self { is_there }
    }

    /// Returns whether there is somebody to ask.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.is_there
    }

    /// Returns one line, without white space around it.
    ///
    /// # Errors
    /// When there is no terminal, or the input ends.
    pub fn line(&self, question: &str) -> Result<String, PromptError> {
        if !self.is_there {
            return Err(PromptError::NoTerminal("an answer"));
        }
        loop {
            let mut stderr = io::stderr().lock();
            stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush())?;
            let mut line = Vec::new();
            let read = io::stdin().lock().read_until(b'\n', &mut line)?;
            match (read, String::from_utf8(line)) {
                (0, _) => {
                    talk("");
                    return Err(PromptError::InputEnded);
                }
                (_, Ok(text)) => return Ok(text.trim().to_owned()),
                (_, Err(_)) => talk("  That was not text. Please type it again."),
            }
        }
    }

    /// Returns a field, asked for until it is one; `None` for an empty line.
    ///
    /// # Errors
    /// When there is no terminal, or the input ends.
    pub fn field<T, E: Display>(
        &self,
        question: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, PromptError> {
        loop {
            let line = self.line(question)?;
            if line.is_empty() {
                return Ok(None);
            }
            match parse(&line) {
                Ok(field) => return Ok(Some(field)),
                Err(problem) => talk(format_args!("  {problem}")),
            }
        }
    }

    /// Returns text that is not shown while it is typed; `None` for an empty line.
    ///
    /// # Errors
    /// When there is no terminal, the input ends, or Ctrl-C is typed.
    pub fn secret(&self, question: &str) -> Result<Option<SecretText>, PromptError> {
        if !self.is_there {
            return Err(PromptError::NoTerminal("a password"));
        }
        let typed = hidden::ask(question)?.ok_or(PromptError::InputEnded)?;
        Ok(Some(typed).filter(|text| !text.expose_secret().is_empty()))
    }

    /// Returns a password that may be one, asked for until it is; `None` for an empty line.
    ///
    /// # Errors
    /// When there is no terminal, the input ends, or Ctrl-C is typed.
    pub fn password(&self, question: &str) -> Result<Option<Password>, PromptError> {
        loop {
            let Some(typed) = self.secret(question)? else { return Ok(None) };
            match Password::parse(&typed) {
                Ok(password) => return Ok(Some(password)),
                Err(problem) => talk(format_args!("  {problem}")),
            }
        }
    }
}
