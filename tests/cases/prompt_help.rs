//! What the prompt of `vestryctl` helps with: where a statement is wrong, what was meant, and what can be typed.

use vestry_tests::harness::Server;
use vestry_tests::programs::{Person, Terminal, with_admin};

/// Opens the prompt on a pseudo-terminal of `columns`.
fn prompt(server: &Server, person: &Person, columns: u16) -> Terminal {
    let arguments = with_admin(server, &[]);
    let arguments = arguments.iter().map(String::as_str).collect::<Vec<_>>();
    let mut prompt = person.open_with("vestryctl", &arguments, columns, &[("CLICOLOR", "")]);
    prompt.wait_for("vestry> ");
    prompt
}

/// Types a line, and returns the lines that come before the next prompt.
fn said(prompt: &mut Terminal, line: &str) -> Vec<String> {
    prompt.type_line(line);
    // Behind the line, the editor switches off the marks around pasted text.
    prompt.wait_for("\u{1b}[?2004l");
    let told = prompt.wait_for("vestry> ").replace("\u{1b}[31m", "").replace("\u{1b}[0m", "");
    let mut lines: Vec<String> = told.lines().map(|line| line.trim_end().to_owned()).collect();
    // The prompt itself, and the end of the line that was typed.
    lines.pop();
    lines.into_iter().skip_while(String::is_empty).collect()
}

/// O-10: a column that no view has was answered with all views and all their columns.
#[test]
fn o_10_an_error_points_into_the_statement_and_names_what_was_meant() {
    let (server, person) = (Server::start(), Person::new());
    let cases: &[(&str, &[&str], &[&str])] = &[
        (
            "select nam from accounts;",
            &[
                "               ^",
                "vestryctl: no such column: nam",
                "  Did you mean name? \\d accounts lists its columns.",
            ],
            &["               ^", "vestryctl: no such column: nam", "  Did you mean name?"],
        ),
        (
            "select '\u{6f22}\u{5b57}', emial from accounts;",
            &[
                "                       ^",
                "vestryctl: no such column: emial",
                "  Did you mean email? \\d accounts lists its columns.",
            ],
            &[
                "  select '\u{6f22}\u{5b57}', emial from accounts",
                "                 ^",
                "vestryctl: no such column: emial",
                "  Did you mean email?",
            ],
        ),
        (
            "select * from acounts;",
            &[
                "                      ^",
                "vestryctl: no such view: acounts",
                "  Did you mean accounts? \\d lists the views.",
            ],
            &["                      ^", "vestryctl: no such view: acounts", "  Did you mean accounts?"],
        ),
        (
            "select lenght(name) from accounts;",
            &[
                "               ^",
                "vestryctl: no such function: lenght",
                "  Did you mean length? Functions of text, numbers and dates run here.",
            ],
            &[
                "  select lenght(name) from accounts",
                "         ^",
                "vestryctl: no such function: lenght",
                "  Did you mean length?",
            ],
        ),
        (
            "select * form accounts;",
            &["                 ^", "vestryctl: near \"form\": syntax error", "  Did you mean from?"],
            &["                 ^", "vestryctl: near \"form\": syntax error", "  Did you mean from?"],
        ),
        (
            "accounts --where \"age >\"",
            &["                               ^", "vestryctl: the condition is not complete"],
            &["                               ^", "vestryctl: the condition is not complete"],
        ),
        (
            "accounts --where \"agee > 3\"",
            &[
                "                          ^",
                "vestryctl: no such column: agee",
                "  Did you mean age? \\d accounts lists its columns.",
            ],
            &["                          ^", "vestryctl: no such column: agee", "  Did you mean age?"],
        ),
        (
            "export --where \"age > 3 and nam = 1\"",
            &[
                "                                    ^",
                "vestryctl: no such column: nam",
                "  Did you mean name? \\d accounts lists its columns.",
            ],
            &[
                "  age > 3 and nam = 1",
                "              ^",
                "vestryctl: no such column: nam",
                "  Did you mean name?",
            ],
        ),
        (
            "accounts --sort nam",
            &[
                "vestryctl: accounts has no column nam",
                "  Did you mean name? \\d accounts lists its columns.",
            ],
            &["vestryctl: accounts has no column nam", "  Did you mean name?"],
        ),
        (
            "select 1 from accounts where name = 'somebody with a name that is longer than most' and nam = 1;",
            &[
                "  …rom accounts where name = 'somebody with a name that is longer than most' and nam = 1",
                "",
                "",
                "",
            ],
            &["", "", "", ""],
        ),
    ];
    for (columns, is_wide) in [(80, true), (40, false)] {
        let mut prompt = prompt(&server, &person, columns);
        for (line, wide, narrow) in cases {
            let expected = if is_wide { wide } else { narrow };
            let told = said(&mut prompt, line);
            if expected.contains(&"") {
                // Longer than the screen: the caret stands below its word all the same.
                let (shown, caret) = (&told[0], told[1].len() - 1);
                assert!(shown.contains('\u{2026}') && told.len() <= 4, "{told:#?}");
                assert!(shown.chars().count() < columns.into(), "{told:#?}");
                let below: String = shown.chars().skip(caret).take(3).collect();
                assert_eq!(below, "nam", "{told:#?}");
                continue;
            }
            assert_eq!(told, *expected, "{line} at {columns}: {told:#?}");
        }
        prompt.type_line("select name,");
        prompt.wait_for("-> ");
        let told = said(&mut prompt, "  agee from accounts limit 1;");
        assert_eq!(told[0].find('^'), Some(10), "{told:#?}");
        assert_eq!(told[1], "vestryctl: no such column: agee");
        prompt.type_line("select name, agee");
        prompt.wait_for("-> ");
        let told = said(&mut prompt, "from accounts;");
        assert_eq!(told[..2], ["  select name, agee", "               ^"], "{told:#?}");
        assert!(told.len() <= 4, "{told:#?}");
        prompt.type_line("exit");
        assert_eq!(prompt.finish().0, 0);
    }
}

/// O-10: in a shell the statement is shown with its caret, and each thing is said once.
#[test]
fn o_10_a_command_in_a_shell_points_into_what_was_typed() {
    let (server, person) = (Server::start(), Person::new());
    let cases: &[(&[&str], &str)] = &[
        (
            &["sql", "select nam from accounts"],
            "  select nam from accounts\n         ^\nvestryctl: no such column: nam\n  Did you mean name?\n",
        ),
        (&["accounts", "--where", "age >"], "  age >\n       ^\nvestryctl: the condition is not complete\n"),
        (
            &["export", "--where", "(age > 3"],
            "  (age > 3\n  ^\nvestryctl: the condition opens a parenthesis that it does not close\n",
        ),
        (
            &["export", "--where", "age > 3) or (1"],
            "  age > 3) or (1\n         ^\nvestryctl: the condition closes a parenthesis that it did not open\n",
        ),
        (
            &["audit", "--follow", "--where", "acter = 'x'"],
            "  acter = 'x'\n  ^\nvestryctl: no such column: acter\n  Did you mean actor?\n",
        ),
        (
            &["sql", "select 1; select 2"],
            "vestryctl: only one statement runs at a time; send them one by one\n",
        ),
        (
            &["sql", "select * from account"],
            "  select * from account\n                ^\nvestryctl: account is not one of the views\n  Did you mean accounts?\n",
        ),
    ];
    for (arguments, expected) in cases {
        let ran = person.vestryctl(&server, arguments).ended_with(65);
        assert_eq!(ran.err, *expected, "{arguments:?}");
    }
}

/// O-10: `\x` and `\format` said nothing, and an unfinished statement not what it waits for.
#[test]
fn o_10_what_a_setting_did_and_what_a_statement_waits_for_is_shown() {
    let (server, person) = (Server::start(), Person::new());
    let mut prompt = prompt(&server, &person, 40);
    let cases: [(&str, &[&str]); 5] = [
        ("\\x", &["Rows are shown vertically."]),
        ("\\format csv", &["Rows are shown as csv."]),
        ("\\x auto", &["Rows are shown as a table where they", "fit, else vertically."]),
        ("select 1\u{200b};", &["U+200B in this line cannot be seen;", "nothing was done."]),
        ("next", &["No list before this has more rows."]),
    ];
    for (line, expected) in cases {
        assert_eq!(said(&mut prompt, line), *expected, "{line}");
    }
    for (line, waits) in
        [("select (", "    (-> "), ("'a", "    '-> "), ("' /*", "    *-> "), ("*/)", "     -> ")]
    {
        prompt.type_line(line);
        prompt.wait_for("\u{1b}[?2004l");
        assert!(prompt.wait_for("-> ").ends_with(waits), "{line}");
    }
    let told = said(&mut prompt, "\\G");
    assert!(told.iter().any(|line| line.contains("1. row")), "{told:?}");
    for name in ["anna", "berta", "clara"] {
        said(&mut prompt, &format!("account create {name}"));
    }
    said(&mut prompt, "\\format tsv");
    let first = said(&mut prompt, "accounts --columns name --limit 2");
    assert_eq!(first, ["name", "anna", "berta", "There are more rows: next"]);
    assert_eq!(said(&mut prompt, "next"), ["name", "clara"]);
    // The end of the input at a confirmation.
    prompt.type_line("account delete anna");
    prompt.wait_for("to go ahead: ");
    prompt.type_keys("\u{4}");
    prompt.wait_for("nothing was typed;");
    prompt.wait_for("vestry> ");
    prompt.type_line("exit");
    assert_eq!(prompt.finish().0, 0);
}

/// O-10: Tab offered words wherever the cursor was, no names, and nothing on an empty line.
#[test]
fn o_10_tab_offers_what_may_come_where_the_cursor_is() {
    let (server, person) = (Server::start(), Person::new());
    let mut prompt = prompt(&server, &person, 80);
    for number in 0..22 {
        said(&mut prompt, &format!("account create user{number:02}"));
    }
    said(&mut prompt, "account create berta");
    said(&mut prompt, "\\format tsv");
    prompt.type_keys("\t");
    prompt.wait_for("throttle");
    let offered = prompt.wait_for("vestry> ");
    assert!(["accounts", "next", "select"].iter().all(|word| prompt.all().contains(word)), "{offered}");
    // One name is completed, and many are shown without a longer begin than all of them have.
    prompt.type_keys("account show ber\t");
    prompt.wait_for("berta ");
    assert!(said(&mut prompt, "").iter().any(|line| line.contains("berta")));
    prompt.type_keys("account show u\t");
    prompt.wait_for("user00");
    prompt.wait_for("user19");
    prompt.wait_for("... more: type on");
    assert!(!prompt.wait_for("vestry> ").contains("user2"));
    prompt.type_keys("ser21\r");
    prompt.wait_for("user21");
    prompt.wait_for("vestry> ");
    prompt.type_keys("select ema\tfrom acco\twhere nam\t= 'berta';");
    let told = said(&mut prompt, "");
    assert_eq!(told, ["email", "NULL"], "{}", prompt.all());
    // It is on record once, however often the key was pressed.
    let told = said(&mut prompt, "select count(*) from audit where detail = 'completion of names';");
    assert_eq!(told.last().map(String::as_str), Some("1"));
    // A server that does not answer costs the key, and no typing.
    server.signal(rustix::process::Signal::STOP);
    let began = std::time::Instant::now();
    prompt.type_keys("account show use\tX");
    prompt.wait_for("X");
    assert!(began.elapsed() < std::time::Duration::from_secs(3), "{:?}", began.elapsed());
    server.signal(rustix::process::Signal::CONT);
    prompt.type_keys("\u{3}");
    prompt.wait_for("vestry> ");
    prompt.type_line("exit");
    assert_eq!(prompt.finish().0, 0);
}

/// O-10: the line is painted and its rest offered where colours are wanted, and nowhere else.
#[test]
fn o_10_colours_are_where_they_are_wanted_and_a_dumb_terminal_works() {
    let (server, person) = (Server::start(), Person::new());
    let open = |arguments: &[&str], variables: &[(&str, &str)]| {
        let arguments = with_admin(&server, arguments);
        let arguments = arguments.iter().map(String::as_str).collect::<Vec<_>>();
        let mut prompt = person.open_with("vestryctl", &arguments, 80, variables);
        prompt.wait_for("vestry> ");
        prompt
    };
    let mut prompt = open(&[], &[("CLICOLOR", "")]);
    prompt.type_line("select 'painted' as word;");
    prompt.wait_for("\u{1b}[1mselect\u{1b}[0m \u{1b}[32m'painted'\u{1b}[0m");
    prompt.wait_for("vestry> ");
    // The rest of a line that was typed before, which a key takes.
    prompt.type_keys("select 'pai");
    prompt.wait_for("\u{1b}[90mnted' as word;\u{1b}[0m");
    prompt.type_keys("\u{1b}[C\r");
    prompt.wait_for("1 row in set");
    prompt.wait_for("vestry> ");
    prompt.type_line("accont");
    prompt.wait_for("\u{1b}[31maccont\u{1b}[0m");
    prompt.wait_for("vestry> ");
    prompt.type_line("select nam from accounts;");
    prompt.wait_for("\u{1b}[31mvestryctl:\u{1b}[0m no such column");
    prompt.wait_for("vestry> ");
    prompt.type_line("exit");
    assert_eq!(prompt.finish().0, 0);
    let cases: [(&[&str], &[(&str, &str)]); 5] = [
        (&[], &[("CLICOLOR", ""), ("NO_COLOR", "1")]),
        (&[], &[("CLICOLOR", "0")]),
        (&["--color", "never"], &[("CLICOLOR_FORCE", "1")]),
        (&["--color=never"], &[("CLICOLOR", ""), ("NO_COLOR", "")]),
        (&[], &[("CLICOLOR", ""), ("TERM", "dumb")]),
    ];
    for (arguments, variables) in cases {
        let mut prompt = open(arguments, variables);
        prompt.type_line("select nam from accounts;");
        prompt.wait_for("vestryctl: no such column: nam");
        prompt.wait_for("vestry> ");
        prompt.type_line("select 6 * 7;");
        prompt.wait_for("42");
        prompt.wait_for("vestry> ");
        prompt.type_line("exit");
        let (code, screen) = prompt.finish();
        assert_eq!(code, 0, "{screen}");
        let is_dumb = variables.contains(&("TERM", "dumb"));
        for escape in ["\u{1b}[31m", "\u{1b}[1m", "\u{1b}[90m", "\u{1b}[0m"] {
            assert!(!screen.contains(escape), "{arguments:?} {variables:?}: {screen:?}");
        }
        // It draws nothing twice, and moves no cursor.
        assert!(!is_dumb || !screen.contains('\u{1b}'), "{screen:?}");
    }
    // Into a pipe only when it is wanted; rows never.
    let plain = person.vestryctl(&server, &["sql", "select nam"]).ended_with(65);
    assert!(!plain.err.contains('\u{1b}'), "{}", plain.err);
    let painted = person.vestryctl(&server, &["--color", "always", "sql", "select nam"]).ended_with(65);
    assert!(painted.err.contains("\u{1b}[31mvestryctl:\u{1b}[0m no such column"), "{}", painted.err);
    let rows = person
        .vestryctl(&server, &["--color", "always", "--format", "table", "sql", "select 1"])
        .ended_with(0);
    assert!(!rows.out.contains('\u{1b}'), "{}", rows.out);
    let own = person.run("vestry", &["--color", "always", "show"], "");
    assert!(own.err.contains("\u{1b}[31mvestry:\u{1b}[0m "), "{}", own.err);
    assert!(!person.run("vestry", &["show"], "").err.contains('\u{1b}'));
}

/// O-10: a word of any length was told whole, and tips broke in the middle of words.
#[test]
fn o_10_a_mistake_in_a_command_is_short_and_breaks_between_words() {
    let (server, person) = (Server::start(), Person::new());
    let long = "x".repeat(3_000);
    for (program, arguments) in
        [("vestryctl", ["account", &long]), ("vestry", [&long, "--json"]), ("vestryd", [&long, "x"])]
    {
        let ran = person.run(program, &arguments, "").ended_with(2);
        assert!(
            ran.err.contains(&format!("{}\u{2026}", "x".repeat(60))) && ran.err.len() < 600,
            "{}",
            ran.err
        );
    }
    let mut prompt = prompt(&server, &person, 40);
    let told = said(&mut prompt, "accounts --colums name --wher 'age > 3'");
    assert!(told.iter().any(|line| line.contains("--columns")), "{told:#?}");
    assert!(told.iter().all(|line| line.chars().count() <= 40), "{told:#?}");
    let told = said(&mut prompt, &format!("account {}", "y".repeat(500)));
    assert!(told.iter().any(|line| line.contains("yyy\u{2026}")), "{told:#?}");
    assert!(said(&mut prompt, "help").iter().any(|line| line.starts_with("  drill ")));
    prompt.type_line("exit");
    assert_eq!(prompt.finish().0, 0);
}
