//! What a line of the prompt asks for, with those that wait before it.

use super::vocabulary;
use crate::render::Format;
use crate::sql::nearest;
use crate::statement::{Inside, Statement, split};
use crate::words::words_of;
use clap::ValueEnum;
use vestry_protocol::escape::{Escaped, hazards};
use vestry_protocol::views;

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More lines.
    Wait,
    Leave,
    Help,
    Command(Vec<String>),
    /// The page behind the one that was shown last.
    Next,
    /// A statement, or several.
    Statements(Vec<Statement>),
    /// The columns of one view, or all views.
    Describe(Option<&'static views::Columns>),
    /// How rows are shown from now on; the default when absent.
    Format(Option<Format>),
    /// Whether the time of each answer is told; the other way round when absent.
    Timing(Option<bool>),
    /// None of these: what is wrong, and what may have been meant.
    Mistake(String),
}

/// What begins a statement. Others than a select are refused by the server, which says why.
const STATEMENTS: [&str; 23] = [
    "alter",
    "analyze",
    "attach",
    "begin",
    "commit",
    "create",
    "delete",
    "detach",
    "drop",
    "end",
    "explain",
    "insert",
    "pragma",
    "reindex",
    "release",
    "replace",
    "rollback",
    "savepoint",
    "select",
    "update",
    "vacuum",
    "values",
    "with",
];

/// What is typed at the prompts of other databases, and what does it here.
const ELSEWHERE: [(&str, &str); 6] = [
    ("show", "\\d"),
    ("describe", "\\d VIEW"),
    ("desc", "\\d VIEW"),
    ("use", "\\d"),
    (".tables", "\\d"),
    (".quit", "exit"),
];

/// Reads a line behind those that wait for the end of their statement.
pub(super) fn step(pending: &mut String, line: &str) -> Step {
    if let Some(unseen) = hazards(line).find(|c| !matches!(c, '\t' | '\n' | '\r')) {
        // What was typed before it waits on.
        let waits = if pending.is_empty() { "" } else { " The lines before it wait." };
        let code = u32::from(unseen);
        return Step::Mistake(format!("U+{code:04X} in this line cannot be seen; nothing was done.{waits}"));
    }
    let bare = line.trim().trim_end_matches(';').trim_end();
    let first = bare.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    let leaves = vocabulary::LEAVE.contains(&first.as_str());
    if pending.is_empty() {
        match first.as_str() {
            "" => return Step::Wait,
            _ if leaves => return Step::Leave,
            first if vocabulary::HELP.contains(&first) => return Step::Help,
            vocabulary::NEXT if bare.eq_ignore_ascii_case(vocabulary::NEXT) => return Step::Next,
            first if vocabulary::is_command(first) => {
                return words_of(bare).map_or_else(
                    || Step::Mistake("A quote in this line does not end; nothing was done.".to_owned()),
                    Step::Command,
                );
            }
            first if first.starts_with('\\') => return of_backslash(bare),
            first if !begins_a_statement(first) => return Step::Mistake(mistake(first)),
            _ => {}
        }
    } else if matches!(waits_for(pending), Inside::Nothing | Inside::Parentheses) {
        // In no statement do these words stand alone on a line.
        let stands_alone = bare.eq_ignore_ascii_case(&first);
        match first.as_str() {
            _ if leaves && stands_alone => {
                pending.clear();
                return Step::Leave;
            }
            first if stands_alone && vocabulary::HELP.contains(&first) => return Step::Help,
            first if first.starts_with('\\') && !first.starts_with("\\g") => return of_backslash(bare),
            _ => {}
        }
    }
    pending.push_str(line);
    pending.push('\n');
    let (statements, rest) = split(pending);
    *pending = if rest.is_blank() { String::new() } else { rest.text };
    if statements.is_empty() { Step::Wait } else { Step::Statements(statements) }
}

/// Inside of what the lines that wait end.
pub(super) fn waits_for(pending: &str) -> Inside {
    split(pending).1.inside()
}

/// Whether a line may begin with a word, or with a longer one that begins so.
pub(super) fn may_begin(first: &str) -> bool {
    let first = first.trim_end_matches(';').to_ascii_lowercase();
    let known = |word: &str| word.starts_with(&first);
    first.is_empty()
        || begins_a_statement(&first)
        || STATEMENTS.iter().chain(&vocabulary::LEAVE).chain(&vocabulary::HELP).any(|word| known(word))
        || vocabulary::BACKSLASH.iter().chain([&vocabulary::NEXT]).any(|word| known(word))
        || vocabulary::commands().any(known)
        || vocabulary::is_command(&first)
}

fn begins_a_statement(first: &str) -> bool {
    let word: String = first.chars().take_while(char::is_ascii_alphabetic).collect();
    first.starts_with(['(', '-', '/', ';']) || STATEMENTS.contains(&word.as_str())
}

fn of_backslash(bare: &str) -> Step {
    let mut words = bare.split_whitespace();
    let (name, argument, more) = (words.next().unwrap_or_default(), words.next(), words.next());
    let on_or_off = |text: &str| match text {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    };
    match (name, argument, more) {
        ("\\d", None, _) => Step::Describe(None),
        ("\\d", Some(view), None) => {
            match views::ALL.iter().find(|known| known.view.eq_ignore_ascii_case(view)) {
                Some(known) => Step::Describe(Some(known)),
                None => {
                    let known = views::ALL.map(|known| known.view);
                    let meant = nearest(view, known).map_or_else(|| known.join(", "), str::to_owned);
                    Step::Mistake(format!("There is no view {}. Did you mean: {meant}?", Escaped(view)))
                }
            }
        }
        ("\\x", None | Some("on"), None) => Step::Format(Some(Format::Vertical)),
        ("\\x", Some("auto" | "off"), None) => Step::Format(None),
        ("\\timing", None, _) => Step::Timing(None),
        ("\\timing", Some(text), None) if on_or_off(text).is_some() => Step::Timing(on_or_off(text)),
        ("\\format", Some("auto"), None) => Step::Format(None),
        ("\\format", Some(text), None) => match Format::from_str(text, true) {
            Ok(format) => Step::Format(Some(format)),
            Err(_) => Step::Mistake(format!("\\format takes {}", formats())),
        },
        ("\\format", None, _) => Step::Mistake(format!("\\format takes {}", formats())),
        ("\\x", _, _) => Step::Mistake("\\x takes on or auto".to_owned()),
        ("\\timing", _, _) => Step::Mistake("\\timing takes on or off".to_owned()),
        ("\\d", _, _) => Step::Mistake("\\d takes one view, or none".to_owned()),
        (other, _, _) => Step::Mistake(format!(
            "There is no {}. There are: \\d [VIEW], \\x [on|auto], \\format FORMAT, \\timing [on|off], \\h, \\q",
            Escaped(other)
        )),
    }
}

fn formats() -> String {
    let names = Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
    let names: Vec<String> = names.map(|name| name.get_name().to_owned()).collect();
    format!("auto, {}", names.join(", "))
}

fn mistake(first: &str) -> String {
    let elsewhere = ELSEWHERE.iter().find(|(word, _)| *word == first).map(|(_, here)| *here);
    let shown: String = first.chars().take(40).collect();
    match elsewhere.or_else(|| nearest(first, vocabulary::first_words())) {
        Some(meant) => {
            format!("'{}' is neither a command nor a statement. Did you mean: {meant}?", Escaped(&shown))
        }
        None => format!(
            "'{}' is neither a command nor a statement. Type help for what there is.",
            Escaped(&shown)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(sql: &str, vertical: bool) -> Statement {
        Statement { sql: sql.to_owned(), vertical }
    }

    fn alone(line: &str) -> Step {
        step(&mut String::new(), line)
    }

    #[test]
    fn a_line_is_a_command_only_at_the_beginning() {
        let mut pending = String::new();
        let words = ["accounts", "--sort", "age"].map(str::to_owned).to_vec();
        assert_eq!(step(&mut pending, "accounts --sort age;"), Step::Command(words));
        assert_eq!(step(&mut pending, "select name from"), Step::Wait);
        assert_eq!(step(&mut pending, "accounts"), Step::Wait);
        assert_eq!(
            step(&mut pending, "; select 2\\G  "),
            Step::Statements(vec![
                statement("select name from\naccounts", false),
                statement("select 2", true)
            ])
        );
        assert_eq!(pending, "");
    }

    #[test]
    fn a_quote_keeps_a_statement_open() {
        let mut pending = String::new();
        assert_eq!(step(&mut pending, "select ';"), Step::Wait);
        assert_eq!(waits_for(&pending), Inside::Quotes('\''));
        for (text, inside) in [
            ("select (1, ')' -- )", Inside::Parentheses),
            ("select (1)", Inside::Nothing),
            ("select (\"", Inside::Quotes('"')),
            ("select /* (", Inside::Comment),
        ] {
            assert_eq!(waits_for(&format!("{text}\n")), inside, "{text}");
        }
        assert_eq!(step(&mut pending, "exit"), Step::Wait);
        assert_eq!(step(&mut pending, "';"), Step::Statements(vec![statement("select ';\nexit\n'", false)]));
        assert!(matches!(alone("account show 'naman"), Step::Mistake(said) if said.contains("quote")));
    }

    #[test]
    fn leaving_and_help_have_the_usual_names() {
        for line in ["exit", "quit;", "\\q", " EXIT "] {
            assert_eq!(alone(line), Step::Leave, "{line}");
        }
        assert_eq!(alone("next;"), Step::Next);
        for line in ["help", "help;", "?", "\\h"] {
            assert_eq!(alone(line), Step::Help, "{line}");
        }
        assert_eq!(alone(" ; "), Step::Wait);
    }

    /// O-10: whoever had begun something else could not leave.
    #[test]
    fn exit_leaves_behind_a_statement_that_waits() {
        let mut pending = String::new();
        assert_eq!(step(&mut pending, "select 1"), Step::Wait);
        assert_eq!(step(&mut pending, "exit"), Step::Leave);
        assert_eq!(pending, "");
        assert_eq!(step(&mut pending, "select 1 as"), Step::Wait);
        assert_eq!(step(&mut pending, "exit;"), Step::Leave);
        assert_eq!(step(&mut pending, "select name"), Step::Wait);
        assert_eq!(step(&mut pending, "\\d accounts"), Step::Describe(Some(&views::ACCOUNTS)));
        assert_eq!(step(&mut pending, "help"), Step::Help);
        assert_eq!(
            step(&mut pending, "from accounts \\G"),
            Step::Statements(vec![statement("select name\nfrom accounts", true)])
        );
    }

    /// O-10: what is no command waited for the end of a statement.
    #[test]
    fn o_10_what_is_neither_a_command_nor_a_statement_is_an_error_at_once() {
        for (line, meant) in [
            ("throtle clear naman", "throttle"),
            ("acounts", "accounts"),
            ("selct * from accounts;", "select"),
            ("show tables;", "\\d"),
            ("describe accounts", "\\d VIEW"),
            (".quit", "exit"),
            ("\\d acounts", "accounts"),
            ("\\dt", "\\d [VIEW]"),
            ("\\format xml", "csv"),
            ("\\timing maybe", "on or off"),
            ("zzzzzz", "help"),
        ] {
            let step = alone(line);
            assert!(matches!(&step, Step::Mistake(said) if said.contains(meant)), "{line}: {step:?}");
        }
        for line in ["select", "SELECT(1)", "with a as", "(select 1", "-- a comment", "/* one", "insert into"]
        {
            assert_eq!(alone(line), Step::Wait, "{line}");
        }
        for (line, code) in [("select 1\u{c};", "U+000C"), ("account show na\u{200b}man", "U+200B")] {
            assert!(matches!(alone(line), Step::Mistake(said) if said.contains(code)), "{line:?}");
        }
        assert!(matches!(alone("select\t1;"), Step::Statements(_)));
        let hostile = alone("\u{1b}[2J\u{1b}]0;x");
        assert!(matches!(&hostile, Step::Mistake(said) if !said.contains('\u{1b}')), "{hostile:?}");
    }

    #[test]
    fn backslash_commands_are_read() {
        for (line, expected) in [
            ("\\d", Step::Describe(None)),
            ("\\d Audit;", Step::Describe(Some(&views::AUDIT))),
            ("\\x", Step::Format(Some(Format::Vertical))),
            ("\\x auto", Step::Format(None)),
            ("\\timing", Step::Timing(None)),
            ("\\timing off", Step::Timing(Some(false))),
            ("\\format csv", Step::Format(Some(Format::Csv))),
            ("\\format auto", Step::Format(None)),
        ] {
            assert_eq!(alone(line), expected, "{line}");
        }
    }
}
