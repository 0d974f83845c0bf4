//! Reading from the terminal without showing what is typed.
//!
//! The terminal's own line editing stays on (erase, kill a word, kill the line); only the echo goes, and signals:
//! Ctrl-C ends the line instead of the program, so that the echo always comes back.

use crate::error::PromptError;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use vestry_protocol::secret::SecretText;
use zeroize::Zeroizing;

/// Ctrl-C, as a byte.
const INTERRUPT: u8 = 3;
/// The longest line that a terminal hands over; a password is at most a quarter of it.
const LINE_BYTES_MAX: usize = 4096;

/// Asks on the terminal of this program, whatever its standard streams are. `None` when the input ended.
pub(super) fn ask(question: &str) -> Result<Option<SecretText>, PromptError> {
    let opened = OpenOptions::new().read(true).write(true).open("/dev/tty");
    let mut terminal = opened.map_err(|_| PromptError::NoTerminal("a password"))?;
    let line = ask_without_echo(&terminal, question).map_err(PromptError::Terminal);
    // The line end that was typed was not shown either.
    terminal.write_all(b"\n").map_err(PromptError::Terminal)?;
    understand(&line?)
}

/// Puts the terminal back as it was, however the reading ends.
struct Restored<'a>(&'a File, Termios);

impl Drop for Restored<'_> {
    fn drop(&mut self) {
        // There is nobody to tell, and nothing else to try.
        let _ = tcsetattr(self.0, OptionalActions::Now, &self.1);
    }
}

/// The echo goes before the question comes: whoever answers at once is not shown either.
fn ask_without_echo(mut terminal: &File, question: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    let before = tcgetattr(terminal)?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ISIG);
    quiet.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
    let _restored = Restored(terminal, before);
    tcsetattr(terminal, OptionalActions::Now, &quiet)?;
    terminal.write_all(question.as_bytes())?;
    let mut line = Zeroizing::new(vec![0u8; LINE_BYTES_MAX]);
    let length = loop {
        match terminal.read(&mut line) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => break other?,
        }
    };
    line.truncate(length);
    Ok(line)
}

/// What a line of the terminal means: a secret, the end of the input, or Ctrl-C.
fn understand(line: &[u8]) -> Result<Option<SecretText>, PromptError> {
    let typed = match line {
        [] => return Ok(None),
        [.., INTERRUPT] => return Err(PromptError::Interrupted),
        [typed @ .., b'\n'] => typed,
        typed => typed,
    };
    // Text that is not UTF-8 becomes text that no password is, and is asked for again.
    let text = std::str::from_utf8(typed).unwrap_or("\u{0}");
    Ok(Some(SecretText::new(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_secret_the_end_or_an_interruption() {
        let secret = |line: &[u8]| understand(line).unwrap().map(|s| s.expose_secret().to_owned());
        assert_eq!(secret(b"correct horse\n").as_deref(), Some("correct horse"));
        assert_eq!(secret(b"unfinished").as_deref(), Some("unfinished"));
        assert_eq!(secret(b"\n").as_deref(), Some(""));
        assert_eq!(secret(b""), None);
        assert_eq!(secret(b"\xff\xfe\n").as_deref(), Some("\0"));
        assert!(matches!(understand(b"half\x03"), Err(PromptError::Interrupted)));
    }
}
