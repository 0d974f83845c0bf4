//! Answers on stdout, talk on stderr. No colour, ever.

use std::fmt;
use std::io::{self, IsTerminal, Write};

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

/// Writes a line for the person at the terminal.
pub fn talk(text: impl fmt::Display) {
    // A closed stderr is no reason to stop, and there is no other place to say so.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Says what went wrong, then, indented, what to do.
pub fn failure(program: &str, failure: impl fmt::Display, advice: Option<&str>) {
    talk(format_args!("{program}: {failure}"));
    for line in advice.iter().flat_map(|advice| advice.lines()) {
        talk(format_args!("  {line}"));
    }
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
    stdout.is_terminal().then(|| {
        let columns = rustix::termios::tcgetwinsize(stdout).map_or(0, |size| usize::from(size.ws_col));
        if columns == 0 { COLUMNS_DEFAULT } else { columns }
    })
}
