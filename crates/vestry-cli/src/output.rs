//! Answers on stdout, as text or JSON; talk on stderr. Colour as in `vestry_terminal::output`.
//!
//! Text from outside is escaped before it gets here or in [`Shown`]; JSON spells hazardous characters as `\uXXXX`.

use crate::exit::exit_for;
use crate::failure::Failure;
use serde::Serialize;
use std::fmt;
use std::io;
use std::time::Duration;
use vestry_client::Wait;
use vestry_protocol::UnixSeconds;
use vestry_protocol::calendar::rfc3339;
use vestry_protocol::escape::{Escaped, is_hazardous};
use vestry_terminal::{Exit, output};

/// Where a run writes to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether answers are JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// The answer of a command that changes nothing, in the form that was asked for.
    pub(crate) fn answer(&self, json: &impl Serialize, text: impl fmt::Display) -> Result<(), Failure> {
        match self.json {
            true => json_line(json).and_then(|line| write_line(&line)).map_err(Failure::Output),
            false => self.lines(text),
        }
    }

    /// Text for stdout, with a line end.
    pub(crate) fn lines(&self, text: impl fmt::Display) -> Result<(), Failure> {
        write_text(text).map_err(Failure::Output)
    }

    /// A line for the person at the terminal.
    pub(crate) fn talk(&self, text: impl fmt::Display) {
        output::talk(text);
    }

    /// What went wrong.
    pub(crate) fn problem(&self, failure: &Failure) {
        output::failure("vestry", failure, None);
    }

    /// What went wrong, then what to do.
    pub(crate) fn failure(&self, failure: &Failure) {
        if exit_for(failure) != Exit::Done {
            output::failure("vestry", failure, failure.advice().as_deref());
        }
    }
}

/// How often a busy server is asked again, and how long a wait is still worth it.
const BUSY_TRIES_MAX: u32 = 5;
const BUSY_WAIT_MAX: Duration = Duration::from_secs(60);

/// How long a command waits by itself in all when there are too many attempts.
const THROTTLED_WAIT_MAX: Duration = Duration::from_secs(5);

/// Whether to ask a server again that is busy or throttles; says so when the wait can be felt.
pub(crate) fn wait_for_server(wait: &Wait) -> bool {
    if !is_worth_waiting(wait) {
        return false;
    }
    let seconds = wait.wait.as_secs_f64().ceil();
    // Half a second, once or twice, is no more than a slow server.
    if wait.wait >= Duration::from_secs(1) || wait.waited >= Duration::from_secs(1) {
        let why =
            if wait.is_throttled { "There are too many attempts at once" } else { "The server is busy" };
        output::talk(format_args!("{why}; trying again in {seconds} s."));
    }
    true
}

fn is_worth_waiting(wait: &Wait) -> bool {
    match wait.is_throttled {
        true => wait.waited + wait.wait <= THROTTLED_WAIT_MAX,
        false => wait.tries <= BUSY_TRIES_MAX && wait.wait <= BUSY_WAIT_MAX,
    }
}

/// Text for a person, in lines that fit on the screen when there is one.
pub(crate) fn write_text(text: impl fmt::Display) -> io::Result<()> {
    write_line(&output::for_stdout(text))
}

/// Text for a program, as it is.
pub(crate) fn write_line(text: &str) -> io::Result<()> {
    output::answer(format!("{text}\n").as_bytes())
}

/// How many digits the id of a session or a device has.
pub(crate) const ID_DIGITS: usize = 16;

/// An id of a session or a device, as it is shown and typed.
pub(crate) fn show_id(id: u64) -> String {
    format!("{id:0ID_DIGITS$x}")
}

/// A time, or a dash when no calendar has it.
pub(crate) fn shown_time(at: UnixSeconds) -> String {
    rfc3339(at).unwrap_or_else(|| "-".to_owned())
}

/// A value that may be absent, from outside: escaped, or a dash.
pub(crate) struct Shown<'a>(pub(crate) Option<&'a str>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(self.0.unwrap_or("-")).fmt(f)
    }
}

/// One line of JSON in which no character can drive a terminal.
pub(crate) fn json_line(value: &impl Serialize) -> io::Result<String> {
    let plain = serde_json::to_string(value)?;
    let mut safe = String::with_capacity(plain.len());
    for c in plain.chars() {
        if !is_hazardous(c) {
            safe.push(c);
            continue;
        }
        // Such a character can only be inside a string, where its escape means the same.
        for unit in c.encode_utf16(&mut [0; 2]) {
            safe.push_str(&format!("\\u{unit:04x}"));
        }
    }
    Ok(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_cannot_drive_a_terminal_and_still_says_the_same() {
        let hostile = "\u{1b}]0;x\u{7}\u{9b}\u{7f}\u{202e}\u{e0001}é\n";
        let line = json_line(&hostile).unwrap();
        assert!(!line.chars().any(is_hazardous), "{line}");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), hostile);
    }

    #[test]
    fn a_busy_server_is_asked_five_times_more_and_not_waited_for_for_ever() {
        let busy = |tries, secs| {
            let (wait, waited) = (Duration::from_secs(secs), Duration::from_secs(90));
            is_worth_waiting(&Wait { tries, wait, waited, is_throttled: false })
        };
        assert!(busy(1, 1) && busy(5, 1) && busy(1, 60));
        assert!(!busy(6, 1) && !busy(1, 61));
    }

    #[test]
    fn a_server_that_throttles_is_waited_for_five_seconds_in_all() {
        let throttled = |waited_ms, ms| {
            let (waited, wait) = (Duration::from_millis(waited_ms), Duration::from_millis(ms));
            is_worth_waiting(&Wait { tries: 9, wait, waited, is_throttled: true })
        };
        assert!(throttled(0, 500) && throttled(4_500, 500) && throttled(0, 5_000));
        assert!(!throttled(4_600, 500) && !throttled(0, 5_001) && !throttled(2_000, 4_000));
    }

    #[test]
    fn an_absent_value_is_a_dash() {
        assert_eq!(Shown(None).to_string(), "-");
        assert_eq!(Shown(Some("a\u{1b}b")).to_string(), "a\\u{1b}b");
    }
}
