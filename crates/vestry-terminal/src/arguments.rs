//! What was typed, and what the environment says in its place.

use clap::{Command, Parser};
use std::env::var_os;
use vestry_protocol::escape::Escaped;

/// Reads the arguments of this process. A variable that is empty counts as unset, as it does for the folders of the XDG
/// specification.
///
/// # Errors
/// What clap has to say of them, help and the version included.
pub fn parse<P: Parser>() -> Result<P, clap::Error> {
    let mut command = without_empty_variables(P::command());
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    P::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// A word that was typed is told up to here.
const WORD_CHARS_MAX: usize = 60;

/// Returns what clap has to say of these words. Help is as clap wrote it. In a mistake, words that are very long are cut, and what
/// would drive the terminal is spelled out.
#[must_use]
pub fn told<'w>(error: &clap::Error, words: impl Iterator<Item = &'w str>) -> String {
    let mut text = error.render().to_string();
    if !error.use_stderr() {
        return text;
    }
    for word in words {
        // The value of `--option=value` is told alone.
        for part in std::iter::once(word).chain(word.split_once('=').map(|(_, value)| value)) {
            if let Some((end, _)) = part.char_indices().nth(WORD_CHARS_MAX) {
                text = text.replace(part, &format!("{}…", part.get(..end).unwrap_or_default()));
            }
        }
    }
    text.lines().map(|line| format!("{}\n", Escaped(line))).collect()
}

fn without_empty_variables(command: Command) -> Command {
    command
        .mut_args(|argument| match argument.get_env().and_then(var_os) {
            Some(value) if value.is_empty() => argument.env(None::<&'static str>),
            Some(_) | None => argument,
        })
        .mut_subcommands(without_empty_variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(words: &[&str]) -> String {
        let command = Command::new("p").subcommand(Command::new("account")).subcommand(Command::new("audit"));
        let error = command.try_get_matches_from([&["p"], words].concat()).unwrap_err();
        told(&error, words.iter().copied())
    }

    #[test]
    fn a_mistake_cuts_words_and_drives_no_terminal() {
        let long = "x".repeat(30_000);
        assert!(
            mistake(&[&long]).starts_with(&format!("error: unrecognized subcommand '{}…'\n", "x".repeat(60)))
        );
        let option = format!("--{long}={long}");
        assert!(mistake(&[&option]).len() < 1_000);
        let hostile = mistake(&["a\u{1b}[2J\u{202e}b"]);
        assert!(hostile.contains("a\\u{202e}b") && !hostile.contains('\u{1b}'), "{hostile}");
    }

    #[test]
    fn help_is_as_it_was_written() {
        let error =
            Command::new("p").about("a".repeat(100)).try_get_matches_from(["p", "--help"]).unwrap_err();
        assert_eq!(told(&error, std::iter::empty()), error.render().to_string());
    }
}
