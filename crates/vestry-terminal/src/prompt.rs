//! Asking the person at the terminal, one thing at a time: a bad answer is asked for again, and only that.

use crate::error::PromptError;
use crate::output::talk;
use crate::terminal::{Terminal, Typed};
use std::fmt::Display;
use std::io::{self, IsTerminal};
use vestry_protocol::fields::Password;
use vestry_protocol::secret::SecretText;
use zeroize::Zeroizing;

/// Somebody to ask, or nobody.
#[derive(Debug, Clone, Copy)]
pub struct Prompt {
    is_there: bool,
}

impl Prompt {
    /// Returns what asks the person at the terminal; `no_input` forbids it. Any one of the three streams may be something else:
    /// where neither standard input nor standard error is a terminal, nobody is asked.
    #[must_use]
    pub fn new(no_input: bool) -> Self {
        let is_there = !no_input && (io::stdin().is_terminal() || io::stderr().is_terminal());
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
    /// [`PromptError`].
    pub fn line(&self, question: &str) -> Result<String, PromptError> {
        loop {
            let line = self.ask("an answer", question, Typed::Shown)?;
            match std::str::from_utf8(&line) {
                Ok(text) => return Ok(text.trim().to_owned()),
                Err(_) => talk("  That was not UTF-8 text. Please type it again."),
            }
        }
    }

    /// Shows a passphrase where questions are asked, whatever the standard streams are: a person has to have seen it to answer.
    ///
    /// # Errors
    /// When there is nobody to show them to.
    pub fn show_phrase(&self, what: &'static str, intro: &str, phrase: &str) -> Result<(), PromptError> {
        if !self.is_there {
            return Err(PromptError::NoTerminal(what));
        }
        let terminal = Terminal::open().map_err(|_| PromptError::NoTerminal(what))?;
        Ok(terminal.show_phrase(intro, phrase)?)
    }

    fn ask(
        &self,
        what: &'static str,
        question: &str,
        typed: Typed,
    ) -> Result<Zeroizing<Vec<u8>>, PromptError> {
        if !self.is_there {
            return Err(PromptError::NoTerminal(what));
        }
        let terminal = Terminal::open().map_err(|_| PromptError::NoTerminal(what))?;
        terminal.ask(question, typed)?.ok_or(PromptError::InputEnded)
    }

    /// Returns a field, asked for until it is one; `None` for an empty line.
    ///
    /// # Errors
    /// [`PromptError`].
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
    /// [`PromptError`].
    pub fn secret(&self, question: &str) -> Result<Option<SecretText>, PromptError> {
        loop {
            let line = self.ask("a password", question, Typed::Hidden)?;
            match std::str::from_utf8(&line) {
                Ok("") => return Ok(None),
                Ok(text) => return Ok(Some(SecretText::new(text.to_owned()))),
                Err(_) => {
                    talk("  That was not UTF-8 text; the terminal or its keyboard sends another encoding.");
                }
            }
        }
    }

    /// Returns a password that may be one, asked for until it is; `None` for an empty line.
    ///
    /// # Errors
    /// [`PromptError`].
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
