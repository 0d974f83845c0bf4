//! One list of commands and one of views: the shell, the prompt and the documents have the same.

use crate::documents::read;
use crate::programs::logged_in;
use std::collections::BTreeSet;
use vestry_protocol::views;
use vestry_tests::harness::Server;
use vestry_tests::programs::{Person, with_admin};

/// The commands that `vestryctl --help` lists.
fn commands_of_vestryctl() -> BTreeSet<String> {
    let help = Person::new().run("vestryctl", &["--help"], "").ended_with(0).out;
    let (_, listed) = help.split_once("\nCommands:\n").unwrap();
    let (listed, _) = listed.split_once("\n\n").unwrap();
    let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn the_readme_has_each_command_of_vestryctl_and_no_other() {
    let text = read("README.md");
    let lines = text.lines().filter_map(|line| {
        line.strip_prefix("    vestryctl ").or_else(|| line.strip_prefix("    $ vestryctl "))
    });
    let words = lines.filter_map(|line| line.split_whitespace().next()).filter(|word| *word != "#");
    let shown: BTreeSet<String> = words.map(str::to_owned).collect();
    let commands = commands_of_vestryctl();
    assert!(commands.len() > 10, "{commands:?}");
    assert_eq!(shown, commands);
}

#[test]
fn the_documents_have_every_view_with_its_columns() {
    let (protocol, readme) = (read("docs/PROTOCOL.md"), read("README.md"));
    let rows: Vec<&str> = protocol.lines().filter(|line| line.starts_with("| `")).collect();
    for view in views::ALL {
        let (name, columns) = (format!("| `{}`", view.view), format!("| `{}` |", view.columns.join(" ")));
        assert!(rows.iter().any(|row| row.starts_with(&name) && row.contains(&columns)), "{}", view.view);
        assert!(readme.contains(&format!("`{}`", view.view)), "{}", view.view);
    }
}

/// O10 of the trials: what worked in the shell waited for the end of a statement at the prompt.
#[test]
fn the_prompt_runs_the_commands_of_the_shell_or_says_where_they_run() {
    let (server, person) = (Server::start(), Person::new());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.csv");
    std::fs::write(&file, "name,age\nnaman,40\n").unwrap();
    let admin = with_admin(&server, &[]);
    let mut prompt = person.open("vestryctl", &admin.iter().map(String::as_str).collect::<Vec<_>>());
    prompt.answer("vestry> ", "throttle clear naman");
    prompt.wait_for("nothing was throttled there");
    prompt.answer("vestry> ", "throttle");
    prompt.wait_for("Empty set");
    prompt.answer("vestry> ", &format!("import {}", file.display()));
    prompt.wait_for("accounts imported: 1");
    prompt.answer("vestry> ", "export --columns name,age");
    prompt.wait_for("naman,40");
    prompt.answer("vestry> ", &format!("backup {}/vestry.backup", folder.path().display()));
    prompt.wait_for("The keys are not in it");
    prompt.answer("vestry> ", "reload");
    prompt.wait_for("none has changed");
    prompt.answer("vestry> ", "man");
    prompt.wait_for("this is for a shell:");
    prompt.answer("vestry> ", "help");
    prompt.wait_for("lane failures failed opens");
    prompt.wait_for("Make accounts of the rows of a file");
    prompt.answer("vestry> ", "exit");
    assert_eq!(prompt.finish().0, 0);
}

/// U-21: a variable that a script set to nothing stopped every command, and was not named.
#[test]
fn u_21_an_empty_variable_counts_as_unset() {
    let (server, person) = logged_in();
    let shell = |line: &str| {
        let mut shell = person.open_shell("/bin/dash", &["-i"]);
        shell.type_line(&format!("{line}; echo ended with $?"));
        let said = shell.wait_for("ended with 0");
        assert!(!said.contains("vestry: "), "{said}");
    };
    shell("VESTRY_SERVER= VESTRY_CA= vestry show");
    shell("VESTRY_CA= vestry completions bash >/dev/null");
    shell(&format!("VESTRY_DATA_DIR= vestryctl --data-dir {} --version", server.folder().display()));
    shell(&format!(
        "VESTRY_DATA_DIR= vestryd check --data-dir {} >/dev/null 2>&1; true",
        server.folder().display()
    ));
    shell("VESTRY_DATA_DIR= vestryd --version");
}

/// U-18: ordinary emoji and Persian words were "invisible characters".
#[test]
fn u_18_texts_of_people_are_taken_and_shown_and_what_is_refused_is_named() {
    let (server, person) = logged_in();
    for gender in
        ["\u{2642}\u{fe0f}", "\u{1f469}\u{200d}\u{1f680}", "\u{63a}\u{6cc}\u{631}\u{200c}\u{62f}\u{648}"]
    {
        person.run("vestry", &["update", "--gender", gender], "").ended_with(0);
        assert!(person.run("vestry", &["show"], "").ended_with(0).out.contains(gender), "{gender:?}");
        let listed = person.vestryctl(&server, &["accounts", "--format", "table"]).ended_with(0).out;
        assert!(listed.contains(gender), "{listed}");
    }
    let refused = person.run("vestry", &["update", "--gender", "a\u{202e}b"], "").ended_with(65);
    assert!(refused.err.contains("U+202E"), "{}", refused.err);
}
