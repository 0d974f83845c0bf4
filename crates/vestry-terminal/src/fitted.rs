//! Text in lines that fit on the screen: no word is broken, and no command that can be copied.
//!
//! Texts are written for 80 columns. On a narrower screen a terminal would break them within words.

use textwrap::core::display_width;
use textwrap::{Options, WordSeparator, WordSplitter};

/// What a command that is advised begins with.
const PROGRAMS: [&str; 3] = ["vestry ", "vestryctl ", "vestryd "];

/// Returns `text` with every line that is too wide broken between words. The parts are indented as the line is; a command at its
/// end stays whole, in a line of its own when it has to.
#[must_use]
pub fn fitted(text: &str, columns: usize) -> String {
    let lines = text.split('\n').map(|line| match display_width(line) <= columns {
        true => line.to_owned(),
        false => broken(line, columns),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns `text` behind a name, in lines between words that go on below its beginning.
#[must_use]
pub fn fitted_behind(name: &str, text: &str, columns: usize) -> String {
    filled(text, columns, name, &" ".repeat(display_width(name)))
}

fn broken(line: &str, columns: usize) -> String {
    if is_command(line.trim_start()) {
        return line.to_owned();
    }
    // It stands behind a colon, at the end of its line.
    let command = line.match_indices(": ").map(|(at, _)| at + 1);
    let command = command.filter_map(|at| line.split_at_checked(at));
    let mut command = command.filter(|(_, command)| is_command(command.trim_start()));
    let Some((prose, command)) = command.next() else {
        return wrapped(line, columns);
    };
    let prose = wrapped(prose, columns);
    let last = display_width(prose.rsplit('\n').next().unwrap_or_default());
    match last + display_width(command) <= columns {
        true => format!("{prose}{command}"),
        false => format!("{prose}\n{}{}", indent_of(line), command.trim_start()),
    }
}

/// Whether a text is a command of ours, and not a sentence that begins with the name of a program.
fn is_command(text: &str) -> bool {
    let words = PROGRAMS.iter().find_map(|name| text.strip_prefix(name));
    words.is_some_and(|words| words.starts_with(|c: char| c.is_ascii_lowercase() || c == '-'))
}

fn indent_of(line: &str) -> &str {
    line.get(..line.len() - line.trim_start_matches(' ').len()).unwrap_or_default()
}

fn wrapped(line: &str, columns: usize) -> String {
    let indent = indent_of(line);
    // The space behind a question stays.
    let end = line.get(line.trim_end_matches(' ').len()..).unwrap_or_default();
    format!("{}{end}", filled(line.trim_matches(' '), columns, indent, indent))
}

fn filled(text: &str, columns: usize, first: &str, others: &str) -> String {
    let options = Options::new(columns)
        .initial_indent(first)
        .subsequent_indent(others)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::fill(text, options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_broken_and_what_fits_stays() {
        let cases = [
            ("short", "short"),
            ("", ""),
            ("one two three four", "one two\nthree four"),
            ("  one two three four", "  one two\n  three\n  four"),
            ("one\n\ntwo three four", "one\n\ntwo three\nfour"),
            ("a sha256:0123456789 b", "a\nsha256:0123456789\nb"),
            ("a --password-stdin", "a\n--password-stdin"),
            ("the question: ", "the\nquestion: "),
            ("\u{1b}[31mone\u{1b}[0m two", "\u{1b}[31mone\u{1b}[0m two"),
            ("\u{65e5}\u{672c} \u{8a9e}\u{8a9e}\u{8a9e}", "\u{65e5}\u{672c}\n\u{8a9e}\u{8a9e}\u{8a9e}"),
        ];
        for (text, expected) in cases {
            assert_eq!(fitted(text, 10), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_said_of_a_name_stands_behind_it() {
        assert_eq!(fitted_behind("name  ", "one two three", 13), "name  one two\n      three");
        assert_eq!(fitted_behind("", "one two", 80), "one two");
    }

    #[test]
    fn a_command_is_copied_whole() {
        let cases = [
            ("Log in: vestry login naman", 30, "Log in: vestry login naman"),
            ("Log in: vestry login naman", 20, "Log in:\nvestry login naman"),
            ("Log in: vestry login naman", 10, "Log in:\nvestry login naman"),
            ("  then log in: vestry show", 18, "  then log in:\n  vestry show"),
            ("  vestry join --replace vestry1-abc", 20, "  vestry join --replace vestry1-abc"),
            ("vestryd 0.1.0 as operator", 20, "vestryd 0.1.0 as\noperator"),
            ("See that vestryd runs; then go on", 20, "See that vestryd\nruns; then go on"),
            ("vestry join --replace vestry1-abc", 20, "vestry join --replace vestry1-abc"),
        ];
        for (text, columns, expected) in cases {
            assert_eq!(fitted(text, columns), expected, "{text:?}");
        }
    }
}
