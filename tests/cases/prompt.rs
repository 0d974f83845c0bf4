//! The prompt of `vestryctl` on a terminal, as an operator meets it.

use vestry_tests::harness::Server;
use vestry_tests::programs::{Person, Terminal, with_admin};

fn prompt(server: &Server, person: &Person) -> Terminal {
    let arguments = with_admin(server, &[]);
    let mut prompt = person.open("vestryctl", &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    prompt.wait_for("vestry> ");
    prompt
}

/// Types a line, and returns what comes before the next prompt.
fn said(prompt: &mut Terminal, line: &str) -> String {
    prompt.type_line(line);
    prompt.wait_for("\n");
    prompt.wait_for("vestry> ")
}

fn tells(prompt: &mut Terminal, line: &str, expected: &str) {
    let told = said(prompt, line);
    assert!(told.contains(expected), "{line}: {told:?}");
}

/// O-10: `throttle clear naman` waited for the end of a statement, and so did every mistake.
#[test]
fn o_10_every_command_works_at_the_prompt_and_a_mistake_is_told_at_once() {
    let (server, person) = (Server::start(), Person::new());
    let mut prompt = prompt(&server, &person);
    tells(&mut prompt, "throttle clear naman", "nothing was throttled there");
    for (line, meant) in [
        ("throtle clear naman", "Did you mean: throttle?"),
        ("selct 1;", "Did you mean: select?"),
        ("show tables;", "Did you mean: \\d?"),
        ("\\d acounts", "Did you mean: accounts?"),
        ("\\nothing", "\\d [VIEW]"),
    ] {
        tells(&mut prompt, line, meant);
    }
    tells(&mut prompt, "\\d operators", "pin      text    of the certificate");
    tells(&mut prompt, "\\timing", "Times are shown");
    tells(&mut prompt, "select 42;", "Time: ");
    said(&mut prompt, "\\x");
    tells(&mut prompt, "select 42 as answer;", "1. row");
    said(&mut prompt, "\\format ndjson");
    tells(&mut prompt, "select 42 as answer;", "{\"answer\":42}");
    prompt.type_line("select 'it");
    prompt.wait_for("   '-> ");
    prompt.type_line("s'");
    prompt.wait_for("-> ");
    prompt.type_line("exit");
    let (code, screen) = prompt.finish();
    assert_eq!(code, 0, "{screen}");
}

/// O-8: a box of ten thousand rows was printed to its end, and on a slow terminal megabytes of it.
#[test]
fn o_8_ctrl_c_stops_rows_that_are_being_printed_and_not_the_next_command() {
    let (server, person) = (Server::start(), Person::new());
    let mut prompt = prompt(&server, &person);
    prompt.type_line("\\format tsv");
    prompt.wait_for("vestry> ");
    prompt.type_line(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 400000) \
         select printf('%0200d', i) from n;",
    );
    prompt.wait_for("0000000100");
    // The terminal stands still, as one that cannot follow, and what is printed waits for it.
    prompt.type_keys("\u{13}");
    prompt.wait_for_silence();
    let before = prompt.all().len();
    prompt.type_keys("\u{3}");
    prompt.wait_for("interrupted");
    let behind = prompt.all().len() - before;
    assert!(behind < 80_000, "{behind} bytes came behind Ctrl-C");
    prompt.wait_for("vestry> ");
    // Nothing of what was broken off comes with the next answer.
    prompt.type_line("select 'still ' || 'here';");
    prompt.wait_for("\n");
    assert_eq!(prompt.wait_for("still here").matches("0000").count(), 0);
    prompt.wait_for("vestry> ");
    // A line and a confirmation are dropped, too.
    prompt.type_keys("select 1");
    prompt.type_keys("\u{3}");
    prompt.wait_for("vestry> ");
    said(&mut prompt, "account create naman");
    prompt.type_line("account delete naman");
    prompt.wait_for("to go ahead: ");
    prompt.type_keys("\u{3}");
    prompt.wait_for("interrupted; nothing was done");
    prompt.wait_for("vestry> ");
    tells(&mut prompt, "select 1 as one \\G", "1. row");
    said(&mut prompt, "\\format tsv");
    tells(&mut prompt, "select status from accounts;", "active");
    prompt.type_line("exit");
    assert_eq!(prompt.finish().0, 0);
}
