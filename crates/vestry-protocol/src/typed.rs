//! Commands for people to type: with the flags that lead to the server at hand, quoted for a shell.
//!
//! A program says once, at its start, which flags lead where it was led itself ([`lead_here`]). From then on every command that
//! it advises has them, whichever error, log line or finding the advice stands in: an error knows what is wrong, and not where.
//! No text outside of this module spells a command with the name of a program (`tests/cases/documents.rs`).

use crate::escape::is_hazardous;
use std::fmt;
use std::sync::OnceLock;

/// The flags that lead to the same server, for each program; flag and value alternate.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// For `vestryd`.
    pub vestryd: Vec<String>,
    /// For `vestryctl`.
    pub vestryctl: Vec<String>,
    /// For `vestry`.
    pub vestry: Vec<String>,
}

static FLAGS: OnceLock<Flags> = OnceLock::new();

/// Has every command that this process advises lead where it was led itself. Counts once.
pub fn lead_here(flags: Flags) {
    // The first one is of the command line, and there is one.
    let _ = FLAGS.set(flags);
}

/// What was typed to start this program, for a person to type once more.
static AGAIN: OnceLock<String> = OnceLock::new();

/// A command that is longer is not shown again. In characters.
const AGAIN_CHARS_MAX: usize = 200;

/// Remembers what was typed: the name of the program and its arguments, of which none is a secret. Counts once.
pub fn was_typed(program: &str, arguments: impl IntoIterator<Item = String>) {
    let words = arguments.into_iter().map(|word| format!(" {}", quoted(&word)));
    let typed = format!("{program}{}", words.collect::<String>());
    if typed.chars().count() <= AGAIN_CHARS_MAX {
        // The first one is of the command line, and there is one.
        let _ = AGAIN.set(typed);
    }
}

/// What was typed to start this program, unless it goes on by itself.
#[must_use]
pub fn again() -> Option<&'static str> {
    AGAIN.get().map(String::as_str)
}

/// A command of one of our programs. Displayed as it can be typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    program: Program,
    words: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    Vestryd,
    Vestryctl,
    Vestry,
}

/// A command of `vestryd`. The words are ours: they are not quoted.
#[must_use]
pub fn vestryd(words: impl Into<String>) -> Typed {
    Typed { program: Program::Vestryd, words: words.into() }
}

/// A command of `vestryctl`. The words are ours: they are not quoted.
#[must_use]
pub fn vestryctl(words: impl Into<String>) -> Typed {
    Typed { program: Program::Vestryctl, words: words.into() }
}

/// A command of `vestry`. The words are ours: they are not quoted.
#[must_use]
pub fn vestry(words: impl Into<String>) -> Typed {
    Typed { program: Program::Vestry, words: words.into() }
}

impl Typed {
    /// With one more word, from outside.
    #[must_use]
    pub fn arg(mut self, word: &str) -> Self {
        self.words.push(' ');
        self.words.push_str(&quoted(word));
        self
    }

    fn written(&self, flags: &Flags) -> String {
        let quote =
            |flags: &[String]| flags.iter().map(|word| format!(" {}", quoted(word))).collect::<String>();
        let space = if self.words.is_empty() { "" } else { " " };
        match self.program {
            // Its flags belong to its commands, and stand behind them.
            Program::Vestryd => format!("vestryd{space}{}{}", self.words, quote(&flags.vestryd)),
            Program::Vestry => format!("vestry{}{space}{}", quote(&flags.vestry), self.words),
            Program::Vestryctl => format!("vestryctl{}{space}{}", quote(&flags.vestryctl), self.words),
        }
    }
}

impl fmt::Display for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written(FLAGS.get().unwrap_or(&Flags::default())))
    }
}

/// A word as a shell reads it back, without a character that drives a terminal.
#[must_use]
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    if !word.chars().any(is_hazardous) {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    // POSIX.1-2024, 2.2.4: bytes in octal.
    let bytes = word.bytes().map(|byte| match byte {
        b' '..=b'~' if byte != b'\'' && byte != b'\\' => char::from(byte).to_string(),
        _ => format!("\\{byte:03o}"),
    });
    format!("$'{}'", bytes.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_stand_where_each_program_takes_them() {
        let word = |word: &str| word.to_owned();
        let flags = Flags {
            vestryd: vec![word("--data-dir"), word("/a b")],
            vestryctl: vec![word("--data-dir"), word("/a b")],
            vestry: vec![word("--server"), word("localhost:1")],
        };
        assert_eq!(vestry("login").arg("naman").written(&flags), "vestry --server localhost:1 login naman");
        assert_eq!(vestryd("certs renew").written(&flags), "vestryd certs renew --data-dir '/a b'");
        assert_eq!(vestryd("").written(&flags), "vestryd --data-dir '/a b'");
        assert_eq!(
            vestryctl("account reset").arg("o'hara; rm").written(&flags),
            "vestryctl --data-dir '/a b' account reset 'o'\\''hara; rm'"
        );
        assert_eq!(vestryctl("status").written(&Flags::default()), "vestryctl status");
    }

    #[test]
    fn a_word_is_read_back_by_a_shell_and_drives_no_terminal() {
        assert_eq!(quoted("/var/lib/vestry"), "/var/lib/vestry");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("\u{e9}t\u{e9}"), "'\u{e9}t\u{e9}'");
        assert_eq!(quoted("a\u{1b}[2J'"), "$'a\\033[2J\\047'");
        assert_eq!(quoted("\u{202e}"), "$'\\342\\200\\256'");
    }
}
