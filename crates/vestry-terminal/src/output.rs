//! Answers on stdout, talk on stderr. Only the name of the program before a failure has a colour, where one is wanted.

use crate::colour::{Colour, Style};
use crate::fitted::fitted;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

/// A screen of which the system does not know the size.
const COLUMNS_DEFAULT: usize = 80;

/// Writes an answer, or a part of one, and sends it off.
///
/// # Errors
/// When it cannot be written; [`Exit::of_output`](crate::Exit::of_output) says what that means.
pub fn answer(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush())
}

/// Writes a line for the person at the terminal, in as many as the screen needs.
pub fn talk(text: impl fmt::Display) {
    let mut stderr = io::stderr().lock();
    let text = text.to_string();
    // A closed stderr is no reason to stop, and there is no other place to say so.
    let _ = match stderr.is_terminal() {
        true => writeln!(stderr, "{}", fitted(&text, columns_of(&stderr))),
        false => writeln!(stderr, "{text}"),
    };
}

/// Shows a passphrase, indented between empty lines. On a narrow screen it is broken behind a hyphen. No copy of it is made.
pub fn show_phrase(phrase: &str) {
    const INDENT: &str = "    ";
    let mut stderr = io::stderr().lock();
    let columns = if stderr.is_terminal() { columns_of(&stderr) } else { usize::MAX };
    // As for talk, there is no other place to say that it cannot be written.
    let _ = write!(stderr, "\n{INDENT}");
    let mut column = INDENT.len();
    for part in phrase.split_inclusive('-') {
        if column > INDENT.len() && column + part.len() > columns {
            let _ = write!(stderr, "\n{INDENT}");
            column = INDENT.len();
        }
        let _ = stderr.write_all(part.as_bytes());
        column += part.len();
    }
    let _ = stderr.write_all(b"\n\n");
}

/// Says what went wrong, then, indented, what to do.
pub fn failure(program: &str, failure: impl fmt::Display, advice: Option<&str>) {
    talk(format_args!("{} {failure}", marked(program)));
    for line in advice.iter().flat_map(|advice| advice.lines()) {
        talk(format_args!("  {line}"));
    }
}

/// Returns the name of a program and a colon, as they stand before a failure on stderr.
#[must_use]
pub fn marked(program: &str) -> String {
    Colour::of(&io::stderr()).paint(Style::Wrong, format_args!("{program}:")).to_string()
}

/// Returns whether output that moves or has colour is unwanted (<https://no-color.org>).
#[must_use]
pub fn is_plain() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Returns how many columns the screen has; `None` when stdout is no terminal.
#[must_use]
pub fn width() -> Option<usize> {
    let stdout = io::stdout();
    stdout.is_terminal().then(|| columns_of(stdout))
}

/// Returns how many columns a terminal has.
pub(crate) fn columns_of(terminal: impl AsFd) -> usize {
    match rustix::termios::tcgetwinsize(terminal).map_or(0, |size| usize::from(size.ws_col)) {
        0 => COLUMNS_DEFAULT,
        columns => columns,
    }
}
