//! Exit codes: each program's own table, its `--help` and the documents say the same, and what could not be written is no success.

use crate::documents::read;
use std::fs::File;
use std::process::{Command, Output, Stdio};
use vestry_tests::harness::{Server, program};
use vestry_tests::programs::Person;

/// The code, and what it means.
type Meaning = (u8, &'static str);

fn of_vestryd() -> Vec<Meaning> {
    vestry_terminal::exit::OF_SERVER.iter().map(|(exit, text)| (*exit as u8, *text)).collect()
}

fn of_clients() -> Vec<Meaning> {
    vestry_terminal::exit::OF_CLIENTS.iter().map(|(exit, text)| (*exit as u8, *text)).collect()
}

fn of_programs() -> [(&'static str, Vec<Meaning>); 3] {
    [("vestryd", of_vestryd()), ("vestry", of_clients()), ("vestryctl", of_clients())]
}

#[test]
fn help_and_the_documents_have_the_exit_codes_of_each_programs_table() {
    let person = Person::new();
    for (name, codes) in of_programs() {
        let help = person.run(name, &["--help"], "").ended_with(0).out;
        let (_, listed) = help.split_once("Exit codes:").unwrap();
        let listed = listed.split_whitespace().collect::<Vec<_>>().join(" ");
        let expected: Vec<String> = codes.iter().map(|(code, text)| format!("{code} {text}")).collect();
        assert_eq!(listed, expected.join(" "), "{name}");
    }
    let text = read("docs/OPERATIONS.md");
    let (_, section) = text.split_once("## Exit codes").unwrap();
    let rows = section.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with("| "));
    let rows: Vec<Vec<&str>> =
        rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect();
    for (column, codes) in [(1, of_vestryd()), (2, of_clients())] {
        let written: Vec<(u8, &str)> = rows
            .iter()
            .filter_map(|row| Some((row[0].parse().ok()?, row[column])))
            .filter(|(_, text)| !text.is_empty())
            .collect();
        assert_eq!(written, codes);
    }
}

fn into_a_full_disk(name: &str, words: &[&str]) -> Output {
    let full = File::options().write(true).open("/dev/full").expect("Linux has /dev/full");
    Command::new(program(name)).args(words).stdout(Stdio::from(full)).output().unwrap()
}

/// The list of O14 of the trials of public bug reports: `vestryd check >/dev/full` was a success, and so was everything that
/// `vestryd` could not answer.
#[test]
fn sec_0099_an_answer_that_could_not_be_written_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    Server::init(folder.path(), "");
    let data = folder.path().to_str().unwrap();
    let lost = |words: &[&str]| {
        let output = into_a_full_disk("vestryd", &[words, &["--data-dir", data]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(74), "{words:?}: {said}");
        said
    };
    let backup = folder.path().join("vestry.backup");
    lost(&["check"]);
    lost(&["certs", "show"]);
    // What was done is said all the same.
    for (words, done) in [
        (&["certs", "operator", "hana"][..], "operators/hana.pem"),
        (&["certs", "renew"], "server.pem"),
        (&["secrets", "rotate", "pepper"], "a new pepper is made"),
        (&["backup", backup.to_str().unwrap()], "vestry.backup"),
    ] {
        let said = lost(words);
        assert!(said.contains("could not be written") && said.contains(done), "{words:?}: {said}");
    }
    for (name, _) in of_programs() {
        for words in [&["--help"][..], &["--version"], &["completions", "bash"], &["man"]] {
            let output = into_a_full_disk(name, words);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(74), "{name} {words:?}: {said}");
        }
    }
}

#[test]
fn a_backup_that_cannot_be_written_ends_with_74_and_not_as_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    Server::init(folder.path(), "");
    let data = folder.path().to_str().unwrap();
    for file in ["/nowhere/vestry.backup", "/proc/vestry.backup"] {
        Person::new().run("vestryd", &["backup", "--data-dir", data, file], "").ended_with(74);
    }
}

/// U-22: with few descriptors the runtime panicked, and the exit code was 101.
#[test]
fn u_22_too_few_descriptors_are_told_before_anything_is_asked() {
    let (_server, person) = crate::programs::joined();
    for descriptors in 5..24 {
        let home = |name: &str| person.home().join(name);
        let ran = Command::new("/bin/sh")
            .args(["-c", "ulimit -n \"$1\"; exec \"$2\" status", "sh", &descriptors.to_string()])
            .arg(program("vestry"))
            .envs([("HOME", person.home().to_owned()), ("XDG_CONFIG_HOME", home("config"))])
            .envs([("XDG_STATE_HOME", home("state")), ("XDG_RUNTIME_DIR", home("run"))])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        // 127: the system's loader had too few itself.
        assert!([Some(0), Some(78), Some(127)].contains(&ran.status.code()), "{descriptors}: {said}");
    }
}
