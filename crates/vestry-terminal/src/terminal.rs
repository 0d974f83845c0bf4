//! Reading a line from the person at the terminal, shown while it is typed or not.
//!
//! Nothing is taken for granted of the terminal: every mode that reading relies on is set, and put back however the reading
//! ends, on a signal too. The terminal's own line editing stays on (erase, kill a word, kill the line).

use crate::error::PromptError;
use crate::fitted::fitted;
use crate::output::columns_of;
use crate::signals::{Signal, Watch};
use rustix::process::{Signal as Sent, getpgrp, kill_current_process_group};
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, OutputModes, QueueSelector, SpecialCodeIndex, Termios, tcflush,
    tcgetattr, tcgetpgrp, tcsetattr,
};
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use zeroize::Zeroizing;

/// The longest line that a terminal hands over; a password is at most a quarter of it.
const LINE_BYTES_MAX: usize = 4096;

/// What stands before and behind text that was pasted, where a shell asked the terminal for it and ended too early to
/// take that back (xterm's "bracketed paste").
const PASTE_BEGINS: &[u8] = b"\x1b[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// Whether what is typed can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Typed {
    Shown,
    Hidden,
}

/// The terminal of this program, whatever its standard streams are.
#[derive(Debug)]
pub(crate) struct Terminal(File);

impl Terminal {
    /// Opens it. Where there is no controlling terminal, as under `su -c` or `setsid`, standard input may be one.
    pub(crate) fn open() -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).open("/dev/tty").map(Self).or_else(|error| {
            let stdin = io::stdin();
            match stdin.is_terminal() {
                true => Ok(Self(File::from(stdin.as_fd().try_clone_to_owned()?))),
                false => Err(error),
            }
        })
    }

    /// Asks until a whole line was typed. `None` when the input ended before a character of it.
    ///
    /// # Errors
    /// When the terminal cannot be used, or a signal arrived that ends this program; it is for the caller to let it.
    pub(crate) fn ask(
        &self,
        question: &str,
        typed: Typed,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, PromptError> {
        // A signal that arrived under another watch is taken here: it was meant for the question, too.
        let watch = Watch::over(&Signal::ALL)?;
        loop {
            self.wait_for_the_foreground()?;
            // The stop was before this question: what is typed behind it counts.
            watch.forget_continue();
            let question = fitted(question, columns_of(&self.0));
            match self.read_line(&question, typed, &watch)? {
                Ended::Line(line) => return Ok(line),
                // The modes are restored for the program that reads the terminal meanwhile.
                Ended::Signal(Signal::TSTP) => {
                    let _ = Signal::TSTP.act();
                    watch.forget();
                }
                // A stop that could not be noted, and the shell's modes since: all is set once more.
                Ended::Signal(Signal::CONT) => watch.forget(),
                Ended::Signal(signal) => return Err(PromptError::Signal(signal)),
            }
        }
    }

    /// Writes a passphrase below what is said of it, between empty lines, indented where it fits: it is copied whole. No copy of it is
    /// made here.
    pub(crate) fn show_phrase(&self, intro: &str, phrase: &str) -> io::Result<()> {
        const INDENT: &str = "    ";
        self.wait_for_the_foreground()?;
        let (mut out, columns) = (&self.0, columns_of(&self.0));
        let indent = if INDENT.len() + phrase.len() <= columns { INDENT } else { "" };
        write!(out, "{}\n\n{indent}", fitted(intro, columns))?;
        out.write_all(phrase.as_bytes())?;
        out.write_all(b"\n\n")
    }

    /// Stops, as the kernel stops a program that reads in the background, until a shell's `fg`: the modes that are there
    /// before are the shell's own.
    fn wait_for_the_foreground(&self) -> io::Result<()> {
        // A group that no shell looks after is not stopped, and is told that it cannot read.
        const STOPS_MAX: u32 = 10;
        for _ in 0..STOPS_MAX {
            match tcgetpgrp(&self.0) {
                Ok(group) if group != getpgrp() => kill_current_process_group(Sent::TTIN)?,
                // Not the controlling terminal: it has no foreground for us.
                Ok(_) | Err(_) => return Ok(()),
            }
        }
        Err(rustix::io::Errno::IO.into())
    }

    fn read_line(&self, question: &str, typed: Typed, watch: &Watch) -> io::Result<Ended> {
        let before = tcgetattr(&self.0)?;
        let mut modes = before.clone();
        modes.input_modes.remove(InputModes::INLCR | InputModes::IGNCR | InputModes::ISTRIP);
        // Erasing takes a whole character.
        modes.input_modes.insert(InputModes::ICRNL | InputModes::IUTF8);
        modes.output_modes.insert(OutputModes::OPOST | OutputModes::ONLCR);
        let echo = LocalModes::ECHO | LocalModes::ECHOE | LocalModes::ECHOK;
        modes.local_modes.remove(echo | LocalModes::ECHONL);
        modes.local_modes.insert(LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN);
        if typed == Typed::Shown {
            modes.local_modes.insert(echo);
        }
        let erases =
            [SpecialCodeIndex::VERASE, SpecialCodeIndex::VKILL].map(|place| before.special_codes[place]);
        // The modes go before the question comes: whoever answers at once is not shown either.
        let restored = Restored(&self.0, before);
        tcsetattr(&self.0, OptionalActions::Now, &modes)?;
        (&self.0).write_all(question.as_bytes())?;
        let mut line = Line::new(erases);
        let ended = loop {
            if let Some(signal) = watch.wait_for_input(&self.0)? {
                // What was typed is for nobody else.
                tcflush(&self.0, QueueSelector::IFlush)?;
                break Ended::Signal(signal);
            }
            match line.read_more(&self.0) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(false) => {}
                Ok(true) => break Ended::Line(line.text()),
            }
        };
        if line.ends_within_a_paste() {
            // The lines behind the first would answer what nobody asked yet.
            tcflush(&self.0, QueueSelector::IFlush)?;
        }
        let is_dark = typed == Typed::Hidden || !matches!(ended, Ended::Line(Some(_)));
        if is_dark && !matches!(ended, Ended::Signal(Signal::TSTP | Signal::CONT)) {
            // The line end that was typed was not shown, or there was none.
            (&self.0).write_all(b"\n")?;
        }
        drop(restored);
        Ok(ended)
    }
}

/// How the reading of a line ended.
enum Ended {
    Line(Option<Zeroizing<Vec<u8>>>),
    Signal(Signal),
}

/// Puts the terminal back as it was, however the reading ends.
struct Restored<'a>(&'a File, Termios);

impl Drop for Restored<'_> {
    fn drop(&mut self) {
        // There is nobody to tell, and nothing else to try.
        let _ = tcsetattr(self.0, OptionalActions::Now, &self.1);
    }
}

/// A line as it comes. Most come whole; what was typed while a shell's line editor had the terminal comes as it was typed,
/// with erased characters and a carriage return.
struct Line {
    bytes: Zeroizing<Vec<u8>>,
    has_ended: bool,
    erase: u8,
    kill: u8,
}

impl Line {
    fn new([erase, kill]: [u8; 2]) -> Self {
        // One reservation: a growing buffer would leave unwiped copies behind.
        Self { bytes: Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX)), has_ended: false, erase, kill }
    }

    /// Reads what there is. Returns whether that was the end, of the line or of the input.
    fn read_more(&mut self, mut terminal: impl Read) -> io::Result<bool> {
        let mut chunk = Zeroizing::new([0; LINE_BYTES_MAX]);
        let length = terminal.read(&mut *chunk)?;
        for byte in chunk.iter().take(length).copied() {
            match byte {
                b'\n' | b'\r' => {
                    self.has_ended = true;
                    return Ok(true);
                }
                // A key that does nothing is the NUL byte.
                byte if byte != 0 && byte == self.erase => {
                    while self.bytes.pop().is_some_and(|last| last & 0xc0 == 0x80) {}
                }
                byte if byte != 0 && byte == self.kill => self.bytes.clear(),
                byte if self.bytes.len() < LINE_BYTES_MAX => self.bytes.push(byte),
                // Longer than anything that is asked for, and refused as that.
                _ => {}
            }
        }
        Ok(length == 0)
    }

    fn ends_within_a_paste(&self) -> bool {
        let place = |mark: &[u8]| self.bytes.windows(mark.len()).rposition(|bytes| bytes == mark);
        place(PASTE_BEGINS) > place(PASTE_ENDS)
    }

    /// The line without its end, and without the marks around what was pasted.
    fn text(&self) -> Option<Zeroizing<Vec<u8>>> {
        let mut text = Zeroizing::new(Vec::with_capacity(self.bytes.len()));
        let mut rest = self.bytes.as_slice();
        while let Some((first, behind)) = rest.split_first() {
            match rest.strip_prefix(PASTE_BEGINS).or_else(|| rest.strip_prefix(PASTE_ENDS)) {
                Some(behind) => rest = behind,
                None => {
                    text.push(*first);
                    rest = behind;
                }
            }
        }
        (self.has_ended || !self.bytes.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a line becomes that comes in these chunks, where DEL erases and Ctrl-U kills.
    fn line_of(chunks: &[&[u8]]) -> (Option<Vec<u8>>, bool) {
        let mut line = Line::new([0x7f, 0x15]);
        for chunk in chunks {
            if line.read_more(*chunk).unwrap() {
                break;
            }
        }
        (line.text().map(|text| text.to_vec()), line.ends_within_a_paste())
    }

    #[test]
    fn a_line_is_whole_whatever_the_terminal_was_in() {
        let whole: &[(&[&[u8]], &[u8])] = &[
            (&[b"correct horse\n"], b"correct horse"),
            (&[b"\n"], b""),
            (&[b"c", b"orrect", b" horse\n"], b"correct horse"),
            (&[b"corrx\x7fect\r"], b"correct"),
            (&["ab\u{fc}\u{20ac}\x7f\x7fc\n".as_bytes()], b"abc"),
            (&[b"wrong\x15right\n"], b"right"),
            (&[b"unfinished", b""], b"unfinished"),
            (&[b"\x1b[200~pasted\x1b[201~\n"], b"pasted"),
            (&[b"a\x1b[200~b\x1b[201~c\n"], b"abc"),
        ];
        for (chunks, expected) in whole {
            assert_eq!(line_of(chunks), (Some(expected.to_vec()), false), "{chunks:?}");
        }
        assert_eq!(line_of(&[b""]), (None, false));
        assert_eq!(line_of(&[b"\x1b[200~first\n"]), (Some(b"first".to_vec()), true));
        assert_eq!(line_of(&[&[b'x'; 9000], b"\n"]).0.unwrap().len(), LINE_BYTES_MAX);
    }
}
