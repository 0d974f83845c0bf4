//! A machine whose memory does not suffice to stretch a password. Each test is named after its number in the list of trials of public
//! bug reports.

use crate::processes::{actions, log_in};
use crate::programs::{logged_in, registered};
use std::process::{Command, Stdio};
use vestry_tests::harness::{OTHER_PASSWORD, PASSWORD, Server, program};
use vestry_tests::programs::{Person, Ran};

/// What stretching takes by default.
const STRETCHING_MIB: u32 = 64;

/// `vestry` as a process that may have so much address space and no more.
fn limited(person: &Person, mebibytes: u32, words: &[&str], input: &str) -> Ran {
    let mut command = Command::new("sh");
    command
        .env_clear()
        .envs(person.command("vestry").get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.args(["-c", &format!("ulimit -c 0; ulimit -v {}; exec \"$0\" \"$@\"", mebibytes * 1024)]);
    command.arg(program("vestry")).args(words).stdout(Stdio::piped());
    Ran::of_command(command, input)
}

/// As much as the program needs for everything else, and some.
fn enough_but_to_stretch(person: &Person) -> u32 {
    let runs = |mebibytes: &u32| limited(person, *mebibytes, &["status"], "").code == 0;
    let needed = (8..512).step_by(8).find(runs).expect("status runs");
    needed + STRETCHING_MIB / 2
}

/// What the server counts, and what it wrote down.
fn counted(person: &Person, server: &Server) -> String {
    let lanes = "select lane, failures from throttle where lane not like 'registrations%'";
    let lanes = person.vestryctl(server, &["sql", "--format", "tsv", lanes]).ended_with(0).out;
    lanes + &actions(person, server)
}

#[test]
fn u_2_no_attempt_begins_on_a_machine_that_could_not_finish_it() {
    let (server, person) = logged_in();
    let limit = enough_but_to_stretch(&person);
    let code =
        person.vestryctl(&server, &["account", "create", "pupil1", "--format", "json"]).ended_with(0).out;
    let code = code.split('"').find(|word| word.len() > 15 && word.contains('-')).expect("a code").to_owned();
    let before = counted(&person, &server);
    let input = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    for (words, lines) in [
        (["login", "naman"].as_slice(), [PASSWORD].as_slice()),
        (&["login", "naman", "--imported"], &[PASSWORD]),
        (&["register", "pupil2"], &[PASSWORD]),
        (&["passwd"], &[PASSWORD, OTHER_PASSWORD]),
        (&["reset", "pupil1"], &[&code, OTHER_PASSWORD]),
        (&["update", "--email", "naman@example.org"], &[PASSWORD]),
        (&["delete", "--confirm", "naman"], &[PASSWORD]),
    ] {
        let words = [words, &["--password-stdin"]].concat();
        let ran = limited(&person, limit, &words, &input(lines)).ended_with(78);
        assert!(ran.out.is_empty(), "{words:?}: {}", ran.out);
        assert!(ran.err.contains("too little free memory to stretch a password"), "{words:?}: {}", ran.err);
        assert!(ran.err.contains("Nothing of a password was sent."), "{words:?}: {}", ran.err);
        assert_eq!(counted(&person, &server), before, "{words:?}");
    }
    // What needs none works.
    limited(&person, limit, &["show"], "").ended_with(0);
    log_in(&person, "naman").ended_with(0);
}

#[test]
fn u_2_no_password_is_asked_for_on_a_machine_that_could_not_stretch_it() {
    let (_server, person) = registered();
    let limit = enough_but_to_stretch(&person);
    // There is no line to read.
    let said = limited(&person, limit, &["login", "naman", "--password-stdin"], "").ended_with(78).err;
    assert!(said.contains("too little free memory"), "{said}");
    let mut shell = person.open_shell("/bin/sh", &[]);
    shell.type_line(&format!("ulimit -v {}", limit * 1024));
    shell.wait_for("ready> ");
    for words in ["login naman", "register pupil1"] {
        shell.type_line(&format!("vestry {words}; echo ended with $?."));
        let screen = shell.wait_for("ended with 78.");
        assert!(screen.contains("too little free memory") && !screen.contains("Password"), "{screen}");
    }
}
