//! What stands before the cursor of a line, and so what may come there: a place in the tree of commands, or in a statement.

use super::vocabulary;
use crate::cli::PromptLine;
use crate::render::Format;
use crate::select::{Position, Takes, fitting, in_sql, words_at};
use crate::sql::view_called;
use clap::{Arg, ArgAction, Command, CommandFactory, ValueEnum};
use vestry_protocol::views::{self, Columns};

/// Reads what stands before the cursor; `waiting` are the lines of a statement before this one, and `behind` is what stands behind.
pub(super) fn position(waiting: &str, before: &str, behind: &str) -> Position {
    if !waiting.is_empty() {
        return in_sql(waiting, before, behind, None);
    }
    let words = typed_words(before);
    let Some((last, complete)) = words.split_last() else { return words_at(0, Vec::new()) };
    let Some(first) = complete.first() else {
        return words_at(last.start, fitting(first_words(&last.text), &last.text));
    };
    let offer = |words: Vec<String>| words_at(last.start, fitting(words, &last.text));
    let strings = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match first.text.as_str() {
        "\\d" => offer(views::ALL.iter().map(|view| view.view.to_owned()).collect()),
        "\\x" => offer(strings(&["auto", "on"])),
        "\\timing" => offer(strings(&["off", "on"])),
        "\\format" => {
            let formats = Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
            offer(formats.map(|value| value.get_name().to_owned()).chain(["auto".to_owned()]).collect())
        }
        word if vocabulary::is_command(&word.to_ascii_lowercase()) => in_a_command(&words, before, behind),
        _ => in_sql("", before, behind, None),
    }
}

/// What a line may begin with.
fn first_words(typed: &str) -> Vec<String> {
    if typed.starts_with('\\') {
        return vocabulary::BACKSLASH.iter().map(|word| (*word).to_owned()).collect();
    }
    vocabulary::first_words().map(str::to_owned).collect()
}

/// A word as a shell cuts them, which may not be at its end.
#[derive(Debug, PartialEq, Eq)]
struct Typed {
    /// Where it begins, its quote left out.
    start: usize,
    text: String,
}

/// The words of a line; the last one is the one at its end, which may be empty.
fn typed_words(line: &str) -> Vec<Typed> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<Typed>, None::<char>);
    let mut characters = line.char_indices();
    while let Some((at, c)) = characters.next() {
        let behind = at + c.len_utf8();
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                word.get_or_insert(Typed { start: behind, text: String::new() });
                quote = Some(c);
            }
            (None | Some('"'), '\\') if word.is_some() || !line.starts_with('\\') => {
                let escaped = characters.next().map(|(_, c)| c);
                word.get_or_insert(Typed { start: at, text: String::new() }).text.extend(escaped);
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert(Typed { start: at, text: String::new() }).text.push(c),
        }
    }
    words.push(word.unwrap_or(Typed { start: line.len(), text: String::new() }));
    words
}

/// Where the words that are whole lead to in the tree of commands.
struct Reached<'c> {
    command: &'c Command,
    /// An option whose value comes next.
    waits: Option<&'c Arg>,
    positionals: usize,
    used: Vec<&'c clap::Id>,
}

fn walk<'c>(prompt: &'c Command, words: &[Typed]) -> Reached<'c> {
    let mut reached = Reached { command: prompt, waits: None, positionals: 0, used: Vec::new() };
    for Typed { text, .. } in words {
        if reached.waits.take().is_some() {
            continue;
        }
        if let Some(option) = text.strip_prefix("--") {
            let (name, has_value) = option.split_once('=').map_or((option, false), |(name, _)| (name, true));
            let found = option_called(reached.command, name);
            reached.used.extend(found.map(Arg::get_id));
            reached.waits = found.filter(|option| !has_value && takes_a_value(option));
        } else if let Some(inner) = reached.command.find_subcommand(text) {
            (reached.command, reached.positionals) = (inner, 0);
        } else {
            reached.positionals += 1;
        }
    }
    reached
}

fn in_a_command(words: &[Typed], line: &str, behind: &str) -> Position {
    let mut prompt = PromptLine::command();
    // Has the options of every command known to each.
    prompt.build();
    let nowhere = || words_at(line.len(), Vec::new());
    let Some((last, complete)) = words.split_last() else { return nowhere() };
    let first = complete.first().map_or("", |first| first.text.as_str());
    let Reached { command, waits, positionals, used } = walk(&prompt, complete);
    let assigned = last.text.strip_prefix("--").and_then(|option| option.split_once('='));
    match (waits, assigned) {
        (Some(option), _) => return value_of(option, command, first, last, line, behind),
        (None, Some((name, value))) => {
            let Some(option) = option_called(command, name) else { return nowhere() };
            let Some(start) = start_of(value, line) else { return nowhere() };
            let value = Typed { start, text: value.to_owned() };
            return value_of(option, command, first, &value, line, behind);
        }
        (None, None) => {}
    }
    let options =
        command.get_arguments().filter(|option| !option.is_hide_set() && !used.contains(&option.get_id()));
    let options = options.filter_map(|option| Some(format!("--{}", option.get_long()?)));
    if last.text.starts_with('-') {
        return words_at(last.start, fitting(options.collect(), &last.text));
    }
    let inner = command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help");
    let mut offered: Vec<String> = inner.map(|inner| inner.get_name().to_owned()).collect();
    match command.get_positionals().nth(positionals).map(|argument| argument.get_id().as_str()) {
        // An account that is made has no name yet, and operators have names of their own.
        Some("name" | "subject") if command.get_name() != "create" && first != "operators" => {
            return Position { start: last.start, takes: Takes::Name(last.text.clone()) };
        }
        Some("statement") => return in_sql_within(line, last, behind, None),
        Some(_) => {}
        // What has to be done with it comes first.
        None if command.is_subcommand_required_set() => {}
        // Nothing else can come here but an option.
        None => offered.extend(options),
    }
    words_at(last.start, fitting(offered, &last.text))
}

/// Where the end of a line begins that is this text; nowhere when quotes or escapes stand in it.
fn start_of(end: &str, line: &str) -> Option<usize> {
    line.strip_suffix(end).map(str::len)
}

fn option_called<'c>(command: &'c Command, name: &str) -> Option<&'c Arg> {
    command.get_arguments().find(|option| option.get_long() == Some(name))
}

fn takes_a_value(option: &Arg) -> bool {
    matches!(option.get_action(), ArgAction::Set | ArgAction::Append)
}

/// What the value of an option may be.
fn value_of(
    option: &Arg,
    command: &Command,
    first: &str,
    typed: &Typed,
    line: &str,
    behind: &str,
) -> Position {
    let values = option.get_possible_values();
    if !values.is_empty() {
        let shown = values.iter().filter(|value| !value.is_hide_set());
        return words_at(
            typed.start,
            fitting(shown.map(|value| value.get_name().to_owned()).collect(), &typed.text),
        );
    }
    let view = match first {
        "export" => Some(&views::ACCOUNTS),
        first => view_called(first),
    };
    let name = option.get_value_names().and_then(<[_]>::first).map_or("", |name| name.as_str());
    let columns = |typed: &str| {
        let all = view.iter().flat_map(|view| view.columns).map(|column| (*column).to_owned());
        fitting(all.collect(), typed)
    };
    match name {
        "COLUMN" => words_at(typed.start, columns(&typed.text)),
        "A,B" => {
            let begun = typed.text.rsplit(',').next().unwrap_or_default();
            let start = start_of(begun, line);
            start.map_or_else(|| words_at(line.len(), Vec::new()), |start| words_at(start, columns(begun)))
        }
        "EXPR" => in_sql_within(line, typed, behind, view),
        "NAME" if command.get_name() != "revoke" => {
            Position { start: typed.start, takes: Takes::Name(typed.text.clone()) }
        }
        _ => words_at(line.len(), Vec::new()),
    }
}

/// A statement or a condition as a word of a command. Where quotes of the command line stand in it, nothing is offered.
fn in_sql_within(line: &str, typed: &Typed, behind: &str, view: Option<&'static Columns>) -> Position {
    match line.get(typed.start..) {
        Some(text) if text == typed.text => {
            let inner = in_sql("", text, behind, view);
            Position { start: typed.start + inner.start, ..inner }
        }
        _ => words_at(line.len(), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::BEHIND_A_VALUE;
    use proptest::prelude::*;

    /// What is offered where the cursor is.
    fn offered(before: &str) -> Vec<String> {
        match position("", before, "").takes {
            Takes::Words(words) => words,
            Takes::Name(name) => vec![format!("NAME {name}")],
        }
    }

    #[test]
    fn a_command_is_completed_by_its_place_in_the_tree() {
        let cases: &[(&str, &[&str])] = &[
            ("thr", &["throttle"]),
            ("acc", &["account", "accounts"]),
            ("account s", &["show", "suspend"]),
            ("account ", &["create", "delete", "reset", "restore", "resume", "show", "suspend"]),
            ("throttle cl", &["clear"]),
            ("account show us", &["NAME us"]),
            ("account suspend ", &["NAME "]),
            ("account suspend naman --r", &["--reason"]),
            ("account delete naman --confirm n", &["NAME n"]),
            ("throttle clear na", &["NAME na"]),
            ("account create na", &[]),
            ("operators revoke ma", &[]),
            ("accounts --format ", &["csv", "json", "ndjson", "table", "tsv", "vertical"]),
            ("accounts --format=v", &["vertical"]),
            ("import people.csv --format ", &["csv", "ndjson"]),
            ("export --format n", &["ndjson"]),
            ("accounts --sort na", &["name"]),
            ("sessions --sort las", &["last_used"]),
            ("accounts --columns name,ag", &["age"]),
            ("import people.csv --dr", &["--dry-run"]),
            ("accounts --desc --de", &[]),
            ("accounts --where \"sta", &["status"]),
            ("accounts --where 'age > 3 an", &["and"]),
            ("audit --where \"acti", &["action"]),
            ("export --where \"gen", &["gender"]),
            ("sql \"select nam", &["name"]),
            ("dri", &["drill"]),
            ("man ", &[]),
            ("\\d a", &["accounts", "audit"]),
            ("\\f", &["\\format"]),
            ("\\format t", &["table", "tsv"]),
            ("\\x ", &["auto", "on"]),
            ("status ", &["--format", "--help", "--json"]),
        ];
        for (before, expected) in cases {
            assert_eq!(offered(before), *expected, "{before}");
        }
        let first = offered("");
        for word in ["accounts", "status", "drill", "select", "help", "exit", "next"] {
            assert!(first.iter().any(|offered| offered == word), "{word}");
        }
        assert!(!first.iter().any(|word| word == "man"), "{first:?}");
    }

    #[test]
    fn a_statement_is_completed_by_its_place_in_the_select() {
        let cases: &[(&str, &[&str])] = &[
            ("sel", &["select"]),
            ("select * from op", &["operators"]),
            ("select * from accounts, ses", &["sessions"]),
            ("select count(em", &["email"]),
            ("select * from throttle where ", &["failed", "failures", "lane", "opens"]),
            ("select * from throttle order by op", &["opens"]),
            ("select operators.pi", &["pin"]),
            ("select * from sessions s where s.dev", &["device"]),
            ("select * from sessions as s where s.dev", &["device"]),
            ("select name ", BEHIND_A_VALUE),
            ("select name from accounts wh", &["where"]),
            ("select name from accounts where age > 3 gr", &["group by"]),
            ("SELECT name FR", &["FROM"]),
            ("select 'na", &[]),
            ("select 12", &[]),
            ("select -- na", &[]),
            ("select lengt", &["length("]),
        ];
        for (before, expected) in cases {
            assert_eq!(offered(before), *expected, "{before}");
        }
        // What stands behind the cursor names the view.
        let Takes::Words(columns) = position("", "select f", " from throttle").takes else { panic!() };
        assert_eq!(columns[..2], ["failed", "failures"]);
        let waiting = position("select name\nfrom throttle where\n", "  op", "");
        assert_eq!(waiting, Position { start: 2, takes: Takes::Words(vec!["opens".to_owned()]) });
    }

    #[test]
    fn the_word_begins_where_it_was_typed() {
        for (before, start) in [
            ("select count(em", 13),
            ("account show na", 13),
            ("accounts --where \"age > 3 and na", 30),
            ("accounts --columns name,ag", 24),
            ("accounts --format=v", 18),
            ("select '\u{e9}', na", 13),
            ("accounts --columns \"\u{6f22}\"", 24),
            ("accounts --format=\"\u{6f22}\"", 23),
            ("", 0),
        ] {
            assert_eq!(position("", before, "").start, start, "{before}");
        }
    }

    proptest! {
        #[test]
        fn a_place_is_one_of_the_line_whatever_was_typed(
            waiting in "(select '\n|select \\(\n)?",
            before in "(accounts --where |account show |select |accounts --columns |sql |\\\\d )?[a.,='\"\\[`/*é漢 \\\\(-]{0,20}",
            behind in "[ a'é]{0,5}",
        ) {
            let place = position(&waiting, &before, &behind);
            prop_assert!(before.is_char_boundary(place.start), "{:?} {:?}", before, place);
        }
    }
}
