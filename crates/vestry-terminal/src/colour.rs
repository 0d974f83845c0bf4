//! Whether a program writes in colour: what was typed goes first, then what the environment says, then what it writes to.
//!
//! The variables are those of <https://no-color.org> and <https://bixense.com/clicolors/>; one that is empty counts as unset.

use clap::{Args, ValueEnum};
use std::ffi::OsString;
use std::fmt;
use std::io::IsTerminal;
use std::sync::OnceLock;

/// When colours are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal that shows them
    #[default]
    Auto,
    /// Also in a file or a pipe
    Always,
    /// Nowhere
    Never,
}

/// The option of every program.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct ColourArgs {
    /// Colours: auto, always or never; with auto, NO_COLOR and CLICOLOR decide, and whether it is a terminal [default: auto]
    #[arg(long = "color", global = true, value_name = "WHEN", hide_possible_values = true)]
    pub when: Option<When>,
}

/// What was typed, for all that this process writes.
static TYPED: OnceLock<When> = OnceLock::new();

/// What the environment says of colours, for the manual pages.
pub const ENVIRONMENT: [(&str, &str); 3] = [
    ("NO_COLOR", "No colour, and no output that moves, when it is set and not empty."),
    ("CLICOLOR", "No colour when it is 0."),
    ("CLICOLOR_FORCE", "Colours even where there is no terminal, when it is set, not empty and not 0."),
];

impl ColourArgs {
    /// Has it hold for the rest of this process. Before, and where nothing was typed, it is `auto`.
    pub fn hold(self) {
        // The arguments are read once.
        let _ = TYPED.set(self.when.unwrap_or_default());
    }
}

/// Whether a stream is written in colour. Colour never carries what the words do not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(bool);

impl Colour {
    /// Of a stream of this process.
    #[must_use]
    pub fn of(stream: &impl IsTerminal) -> Self {
        let when = TYPED.get().copied().unwrap_or_default();
        Self::decide(when, stream.is_terminal(), |name| std::env::var_os(name))
    }

    /// Decides by what was typed, whether it is a terminal, and the environment.
    #[must_use]
    pub fn decide(when: When, is_terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let is = |name, wanted: &str| set(name).is_some_and(|value| value == wanted);
        Self(match when {
            When::Always => true,
            When::Never => false,
            When::Auto if set("NO_COLOR").is_some() => false,
            When::Auto if set("CLICOLOR_FORCE").is_some() && !is("CLICOLOR_FORCE", "0") => true,
            When::Auto => is_terminal && !is("TERM", "dumb") && !is("CLICOLOR", "0"),
        })
    }

    /// Whether there is any.
    #[must_use]
    pub fn is_on(self) -> bool {
        self.0
    }

    /// Returns a text in a style, where there is colour.
    pub fn paint(self, style: Style, text: impl fmt::Display) -> impl fmt::Display {
        let (begin, end) = if self.0 { (style.code(), "\u{1b}[0m") } else { ("", "") };
        fmt::from_fn(move |f| write!(f, "{begin}{text}{end}"))
    }
}

/// How a text stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// What is wrong.
    Wrong,
    /// A command or a keyword.
    Strong,
    /// Text in quotes.
    Quoted,
    /// What is not meant for the reader at once: comments, hints.
    Faint,
}

impl Style {
    /// Select Graphic Rendition (ECMA-48, 8.3.117): of the eight colours, those that are read on light and dark.
    fn code(self) -> &'static str {
        match self {
            Self::Wrong => "\u{1b}[31m",
            Self::Strong => "\u{1b}[1m",
            Self::Quoted => "\u{1b}[32m",
            Self::Faint => "\u{1b}[90m",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_goes_before_the_environment_and_that_before_the_terminal() {
        use When::{Always, Auto, Never};
        type Set = &'static [(&'static str, &'static str)];
        let cases: &[(When, bool, Set, bool)] = &[
            (Auto, true, &[("TERM", "xterm")], true),
            (Auto, true, &[], true),
            (Auto, false, &[("TERM", "xterm")], false),
            (Auto, true, &[("NO_COLOR", "1")], false),
            (Auto, true, &[("NO_COLOR", "")], true),
            (Auto, true, &[("TERM", "dumb")], false),
            (Auto, true, &[("CLICOLOR", "0")], false),
            (Auto, true, &[("CLICOLOR", "")], true),
            (Auto, false, &[("CLICOLOR", "1")], false),
            (Auto, false, &[("CLICOLOR_FORCE", "1")], true),
            (Auto, false, &[("CLICOLOR_FORCE", "0")], false),
            (Auto, false, &[("CLICOLOR_FORCE", "")], false),
            (Auto, true, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
            (Auto, true, &[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")], true),
            (Always, false, &[("NO_COLOR", "1"), ("TERM", "dumb")], true),
            (Never, true, &[("CLICOLOR_FORCE", "1")], false),
        ];
        for (when, is_terminal, variables, expected) in cases {
            let variable = |name: &str| {
                variables.iter().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(value))
            };
            let colour = Colour::decide(*when, *is_terminal, variable);
            assert_eq!(colour.is_on(), *expected, "{when:?} {is_terminal} {variables:?}");
        }
    }

    #[test]
    fn without_colour_a_text_is_only_itself() {
        assert_eq!(Colour(false).paint(Style::Wrong, "x").to_string(), "x");
        assert_eq!(Colour(true).paint(Style::Wrong, "x").to_string(), "\u{1b}[31mx\u{1b}[0m");
    }
}
