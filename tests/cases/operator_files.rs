//! What an operator's commands read and write: answers that cannot be written, `-`, and files of accounts as people have them.
//! The numbers are those of the list of faults that comparable programs have.

use std::process::{Command, Stdio};
use vestry_tests::harness::{Server, program};
use vestry_tests::programs::{Person, Ran};

/// A server, and an operator with a shell in a folder of their own.
struct Desk {
    server: Server,
    person: Person,
}

impl Desk {
    fn new() -> Self {
        Self { server: Server::start(), person: Person::new() }
    }

    /// What a shell makes of a script, in the operator's folder; both streams of it are pipes.
    fn shell(&self, script: &str) -> Ran {
        let programs = program("vestryctl").parent().unwrap().display().to_string();
        let output = Command::new("sh")
            .args(["-c", script])
            .env_clear()
            .env("PATH", format!("{programs}:/usr/bin:/bin"))
            .env("HOME", self.person.home())
            .env("VESTRY_DATA_DIR", self.server.folder())
            .current_dir(self.person.home())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// A command as it is advised here.
    fn advised(&self, words: &str) -> String {
        format!("vestryctl --data-dir {} {words}", self.server.folder().display())
    }
}

/// The lines that end in a command of the operator's program, without what stands before it.
fn advised<'a>(said: &'a str, before: &str) -> Vec<&'a str> {
    said.lines().filter_map(|line| line.trim_start().strip_prefix(before)).collect()
}

#[track_caller]
fn fits_eighty_columns(said: &str) {
    for line in said.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn o_14_a_code_that_cannot_be_written_is_one_command_away() {
    let desk = Desk::new();
    for (words, done) in [
        ("create naman", "the account naman was made."),
        ("reset naman --confirm naman", "a code for naman was issued."),
        ("--json create anna", "the account anna was made."),
    ] {
        let lost = desk.shell(&format!("vestryctl account {words} > /dev/full")).ended_with(74);
        let lines: Vec<&str> = lost.err.lines().filter(|line| !line.starts_with("Account ")).collect();
        let at = lines.iter().position(|line| *line == done).unwrap_or_else(|| panic!("{}", lost.err));
        assert!(lines[at + 1].starts_with("vestryctl: its code could not be written: "), "{}", lost.err);
        assert_eq!(lines.len(), at + 3, "{}", lost.err);
        fits_eighty_columns(lines[at + 1]);
        let mend = advised(&lost.err, "Another code: ")[0];
        let name = if words.contains("anna") { "anna" } else { "naman" };
        assert_eq!(mend, desk.advised(&format!("account reset {name}")));
        let mended = desk.shell(&format!("{mend} --confirm {name}")).ended_with(0);
        assert!(mended.out.contains("code"), "{}", mended.out);
    }
}

#[test]
fn o_14_each_lost_code_of_a_class_is_named_with_its_way_back() {
    let desk = Desk::new();
    let made =
        desk.shell("for n in ada bob cem; do vestryctl account create $n || echo $? >&2; done > /dev/full");
    assert_eq!(made.err.lines().filter(|line| *line == "74").count(), 3, "{}", made.err);
    let ways = advised(&made.err, "Another code: ");
    assert_eq!(ways.len(), 3, "{}", made.err);
    let mend: Vec<String> =
        ways.iter().zip(["ada", "bob", "cem"]).map(|(way, name)| format!("{way} --confirm {name}")).collect();
    desk.shell(&format!("set -e; {}", mend.join("; "))).ended_with(0);
    // Nobody reads, or standard output is thrown away: it is no failure of the disk, and the code is as lost.
    let thrown_away = desk.shell("vestryctl account create dana > /dev/null").ended_with(0);
    assert!(thrown_away.err.contains("the account dana was made; its code went to /dev/null"));
    assert_eq!(advised(&thrown_away.err, "Another code: "), [desk.advised("account reset dana")]);
    let closed = desk.shell("vestryctl account create emil >&-");
    assert!(closed.err.contains("the account emil was made"), "{}", closed.err);
    assert_eq!(advised(&closed.err, "Another code: "), [desk.advised("account reset emil")]);
}

#[test]
fn o_14_every_change_is_said_when_its_answer_has_no_reader() {
    let desk = Desk::new();
    desk.shell("vestryctl account create naman").ended_with(0);
    for (words, done) in [
        ("account suspend naman --confirm naman", "naman is suspended."),
        ("account resume naman", "naman is active."),
        ("account delete naman --confirm naman", "naman is deleted; it can be restored until "),
        ("account restore naman", "naman is active."),
        ("throttle clear naman", "lanes that were opened: 0."),
        ("reload", "the settings were read again."),
    ] {
        let lost = desk.shell(&format!("vestryctl {words} > /dev/full")).ended_with(74);
        assert!(lost.err.lines().any(|line| line.starts_with(done)), "{words}: {}", lost.err);
    }
    // A pipe without a reader: `true` has ended when the read is done that comes first.
    let script = "mkfifo p; (exec 3<p; exec 3<&-) & exec 4>p; wait; vestryctl account suspend naman --confirm naman >&4";
    let unread = desk.shell(script).ended_with(0);
    assert!(unread.err.lines().any(|line| line == "naman is suspended."), "{}", unread.err);
}
