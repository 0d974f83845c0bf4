//! Answers on stdout, talk on stderr. Only the name of the program before a failure has a colour, where one is wanted.

use crate::colour::{Colour, Style};
use crate::fitted::fitted;
use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat};
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

/// A screen of which the system does not know the size.
const COLUMNS_DEFAULT: usize = 80;

/// Refuses where standard output was closed before this program began (`>&-`): what is written goes nowhere.
///
/// The runtime puts `/dev/null` in the place of a closed stream, open for reading, too. Shells, and most programs that throw output
/// away, open it for writing alone, or to be closed in what they start. Some do not (Node's `ignore`, `daemon(3)`), and theirs looks
/// like a closed one: so it counts as a reader that went away, which fails nothing but what cannot be had again.
///
/// # Errors
/// When it was closed, as a broken pipe.
pub fn refuse_closed() -> io::Result<()> {
    let stdout = io::stdout();
    let flags = fcntl_getfl(&stdout)?;
    let is_for_both = flags & OFlags::ACCMODE == OFlags::RDWR && !flags.contains(OFlags::CLOEXEC);
    match is_for_both && is_the_null_device(&stdout) {
        true => Err(io::Error::new(io::ErrorKind::BrokenPipe, "standard output is closed")),
        false => Ok(()),
    }
}

/// Returns whether a stream is `/dev/null`.
pub fn is_the_null_device(stream: &impl AsFd) -> bool {
    let null = std::fs::metadata("/dev/null").map(|null| null.rdev());
    let is_it = |at: rustix::fs::Stat| {
        FileType::from_raw_mode(at.st_mode).is_char_device()
            && Ok(at.st_rdev) == null.as_ref().copied().map_err(drop)
    };
    fstat(stream).is_ok_and(is_it)
}

/// Writes an answer, or a part of one, and sends it off.
///
/// # Errors
/// When standard output is closed, or it cannot be written; [`Exit::of_output`](crate::Exit::of_output) says what that means.
pub fn answer(bytes: &[u8]) -> io::Result<()> {
    refuse_closed()?;
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

/// Returns how many columns there are for [`talk`].
#[must_use]
pub fn talk_width() -> usize {
    let stderr = io::stderr();
    if stderr.is_terminal() { columns_of(stderr) } else { COLUMNS_DEFAULT }
}

/// Returns text for a person on stdout, in lines that fit on the screen when there is one.
#[must_use]
pub fn for_stdout(text: impl fmt::Display) -> String {
    let text = text.to_string();
    match width() {
        Some(columns) => fitted(&text, columns),
        None => text,
    }
}

/// Returns how many columns a terminal has.
pub(crate) fn columns_of(terminal: impl AsFd) -> usize {
    match rustix::termios::tcgetwinsize(terminal).map_or(0, |size| usize::from(size.ws_col)) {
        0 => COLUMNS_DEFAULT,
        columns => columns,
    }
}
