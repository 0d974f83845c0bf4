//! What can be typed at the prompt, from the one definition of the commands ([`crate::cli`]) and the one table of views: for
//! the prompt itself, its help and the Tab key.

use super::columns;
use crate::cli::{Command, PromptLine};
use crate::failure::Failure;
use clap::CommandFactory;
use std::path::Path;
use std::sync::LazyLock;
use vestry_protocol::typed::vestryctl;
use vestry_protocol::views;
use vestry_terminal::fitted::{fitted, fitted_behind};

/// What ends the prompt, and what shows its help.
pub(super) const LEAVE: [&str; 3] = ["exit", "quit", "\\q"];
pub(super) const HELP: [&str; 3] = ["help", "\\h", "?"];

/// What shows the page behind a list.
pub(super) const NEXT: &str = "next";

/// What begins a statement that runs.
const SELECTS: [&str; 3] = ["select", "with", "values"];

/// What begins with a backslash.
pub(super) const BACKSLASH: [&str; 6] = ["\\d", "\\format", "\\h", "\\q", "\\timing", "\\x"];

/// How far the columns of a view, and what is said of a command, stand from the left.
const INDENT: usize = 14;

/// Returns whether a line that begins with this word is a command.
pub(super) fn is_command(word: &str) -> bool {
    COMMANDS.iter().any(|(name, _)| name == word)
}

/// Returns the names of all commands on offer.
pub(super) fn commands() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().filter(|(_, is_offered)| *is_offered).map(|(name, _)| name.as_str())
}

/// The names of all commands, and whether they are on offer. Made once: the line is looked at once a key.
static COMMANDS: LazyLock<Vec<(String, bool)>> = LazyLock::new(|| {
    let prompt = PromptLine::command();
    prompt.get_subcommands().map(|command| (command.get_name().to_owned(), !command.is_hide_set())).collect()
});

/// Refuses what belongs into a shell.
pub(super) fn refuse_here(command: &Command) -> Result<(), Failure> {
    let is_stdin = |file: &Path| file.as_os_str() == "-";
    let in_a_shell = |words| Err(Failure::Usage(format!("this is for a shell: {}", vestryctl(words))));
    match command {
        Command::Completions(_) => in_a_shell("completions"),
        Command::Man(_) => in_a_shell("man"),
        Command::Sql(sql) if sql.statement == "-" => {
            Err(Failure::Usage("the prompt has no other input to read; type the statement".to_owned()))
        }
        Command::Import(import) if is_stdin(&import.file) => {
            Err(Failure::Usage("the prompt has no other input to read; name a file".to_owned()))
        }
        Command::Sql(_)
        | Command::Drill(_)
        | Command::Accounts(_)
        | Command::Account(_)
        | Command::Sessions(_)
        | Command::Audit(_)
        | Command::Operators(_)
        | Command::Throttle(_)
        | Command::JoinString
        | Command::Backup(_)
        | Command::Import(_)
        | Command::Export(_)
        | Command::Status
        | Command::Reload => Ok(()),
    }
}

/// Returns what a line may begin with, but for a backslash.
pub(super) fn first_words() -> impl Iterator<Item = &'static str> {
    let [leave, ..] = LEAVE;
    let [help, ..] = HELP;
    commands().chain(SELECTS).chain([NEXT, leave, help])
}

/// Returns the help of the prompt, in lines of at most `width` columns where words let it.
pub(super) fn help(width: usize) -> String {
    let entry =
        |name: &str, text: &str| fitted_behind(&format!("  {name:<width$}", width = INDENT - 2), text, width);
    let views = views::ALL.map(|view| entry(view.view, &view.columns.join(" ")));
    let prompt = PromptLine::command();
    let commands = prompt.get_subcommands().filter(|command| !command.is_hide_set()).map(|command| {
        entry(command.get_name(), &command.get_about().map(ToString::to_string).unwrap_or_default())
    });
    let sentence = |sentence| fitted(sentence, width);
    let first = sentence("Any select over these views, ended with ; (or \\G to see each row as a list):");
    let second = sentence("Or a command on one line; add --help to see what it takes:");
    let last = [
        "\\d [VIEW] shows views and their columns, \\x [on|auto] rows as lists.",
        "\\format FORMAT is for all answers from then on, and \\timing tells how long each took.",
        "next shows the next page of a list; Tab completes.",
        "exit or Ctrl-D leaves; Ctrl-C drops the line, or stops the answer.",
    ]
    .map(sentence);
    let lines = [first].into_iter().chain(views).chain([second]).chain(commands).chain(last);
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the columns of a view with what they hold, or all views with their columns, in lines of at most `width` columns where
/// words let it.
pub(super) fn describe(view: Option<&'static views::Columns>, width: usize) -> String {
    let lines: Vec<String> = match view {
        Some(view) => {
            let rows = columns::of_view(view);
            let longest = rows.iter().map(|(column, ..)| column.len()).max().unwrap_or_default();
            let line = |(column, kind, meaning): &columns::Row| {
                fitted_behind(&format!("{column:<longest$}  {kind:<6}  "), meaning, width)
            };
            rows.iter().map(line).collect()
        }
        None => {
            let line = |view: &views::Columns| {
                fitted_behind(&format!("{:<INDENT$}", view.view), &view.columns.join(" "), width)
            };
            views::ALL.iter().map(line).collect()
        }
    };
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    fn shell_commands() -> Vec<String> {
        Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect()
    }

    /// O10 of the trials: `throttle clear naman` waited for the end of a statement.
    #[test]
    fn each_command_of_the_shell_is_a_command_of_the_prompt_and_there_is_no_other() {
        let prompt: Vec<String> =
            PromptLine::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
        assert_eq!(prompt, shell_commands());
        for command in shell_commands() {
            assert!(is_command(&command), "{command}");
        }
        assert!(!is_command("select"));
    }

    #[test]
    fn a_command_is_on_offer_or_refused_with_the_way_to_do_it() {
        let is_refused = |line: &str| {
            let line = PromptLine::try_parse_from(line.split(' ')).unwrap();
            refuse_here(&line.command).err().map(|failure| failure.to_string())
        };
        for (line, advice) in [
            ("man", "vestryctl man"),
            ("completions bash", "vestryctl completions"),
            ("sql -", "type the statement"),
            ("import - --format csv", "name a file"),
        ] {
            assert!(is_refused(line).is_some_and(|said| said.contains(advice)), "{line}");
        }
        for line in
            ["throttle clear naman", "drill", "import a.csv", "export", "backup a", "audit verify", "reload"]
        {
            assert_eq!(is_refused(line), None, "{line}");
        }
    }

    #[test]
    fn help_has_every_view_with_its_columns_and_every_command_on_offer() {
        let text = help(120);
        for view in views::ALL {
            let line = format!("  {:<12}{}\n", view.view, view.columns.join(" "));
            assert!(text.contains(&line), "{line}");
        }
        for command in Cli::command().get_subcommands() {
            let begins = text.contains(&format!("\n  {:<12}", command.get_name()));
            assert_eq!(begins, !command.is_hide_set(), "{}", command.get_name());
        }
    }

    #[test]
    fn help_fits_the_screen() {
        for width in [40, 80] {
            let text = help(width);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
            assert!(text.lines().filter(|line| line.starts_with("  ")).count() > 20);
        }
    }
}
