//! The hidden prompt on a real terminal, as people meet it: in a shell, stopped, killed, with streams that lead elsewhere.
//!
//! `ssh-keygen`, whose prompt has been in every terminal for 25 years, is asked the same way where it is installed.

use crate::programs::joined;
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{InputModes, LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use vestry_tests::harness::{PASSWORD, Server};
use vestry_tests::programs::{Person, SHELL_PROMPT, Terminal};

/// A program that asks for something hidden.
struct Asker {
    /// As it is typed in a shell.
    command: String,
    question: &'static str,
    secret: &'static str,
    /// What it prints behind the right answer.
    done: &'static str,
    /// What its prompt is for that OpenSSH's is not.
    is_ours: bool,
}

const PASSPHRASE: &str = "copper lantern orbit mango 17";

/// Asks everybody the same: `vestry login`, and `ssh-keygen -y` where it is installed.
fn with_each_asker(test: impl Fn(&Person, &Asker)) {
    let (_server, person) = registered();
    let ours = Asker {
        command: "vestry login naman".to_owned(),
        question: "Password for naman: ",
        secret: PASSWORD,
        done: "Logged in as naman",
        is_ours: true,
    };
    test(&person, &ours);
    let key = person.home().join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-a", "1", "-N", PASSPHRASE, "-C", "hidden-test", "-f"])
        .arg(&key)
        .status();
    match made {
        Ok(status) => assert!(status.success()),
        Err(error) => return println!("ssh-keygen is not installed, and is not compared: {error}"),
    }
    let theirs = Asker {
        command: format!("ssh-keygen -y -f {}", key.display()),
        question: "Enter passphrase",
        secret: PASSPHRASE,
        done: "ssh-ed25519 AAAA",
        is_ours: false,
    };
    test(&person, &theirs);
}

fn registered() -> (Server, Person) {
    let (server, person) = joined();
    person.vestry(&["register", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    (server, person)
}

fn bash(person: &Person) -> Terminal {
    person.open_shell("/bin/bash", &["--norc", "--noprofile", "-i"])
}

/// Types as a person does, so that each key may arrive alone.
fn type_slowly(terminal: &mut Terminal, text: &str) {
    for key in text.chars() {
        terminal.type_keys(key.encode_utf8(&mut [0; 4]));
        pause(3);
    }
}

#[expect(clippy::disallowed_methods, reason = "keys that come one by one are what is tested")]
fn pause(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

/// A signal that comes between OpenSSH's question and its reading is noted and changes nothing.
fn pause_for(asker: &Asker) {
    if !asker.is_ours {
        pause(300);
    }
}

/// Answers the question that is on the screen, and asserts that the answer is never there.
fn answer(terminal: &mut Terminal, asker: &Asker) {
    type_slowly(terminal, asker.secret);
    terminal.type_keys("\r");
    terminal.wait_for(asker.done);
    let screen = terminal.all();
    // Without a controlling terminal OpenSSH reads standard input as it is.
    if !asker.is_ours && asker.command.starts_with("setsid") {
        return;
    }
    for shown in [asker.secret, &asker.secret[1..], &asker.secret[..6]] {
        assert!(!screen.contains(shown), "{}: {screen}", asker.command);
    }
}

/// The process that a shell on this terminal started last.
fn child_of(shell: u32) -> Pid {
    let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
    let last = children.split_whitespace().next_back().expect("the shell started something");
    Pid::from_raw(last.parse().unwrap()).unwrap()
}

/// Waits until the process is in this state, as the kernel calls it.
fn wait_for_state(pid: Pid, state: &str) {
    for _ in 0..1_000 {
        let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).unwrap_or_default();
        if status.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with(state)) {
            return;
        }
        pause(10);
    }
    panic!("process {} is not in state {state}", pid.as_raw_pid());
}

#[test]
fn u_4_a_login_that_was_begun_in_the_background_reads_the_whole_password_after_fg() {
    with_each_asker(|person, asker| {
        let mut shell = bash(person);
        shell.type_line(&format!("{} &", asker.command));
        shell.wait_for(SHELL_PROMPT);
        wait_for_state(child_of(shell.pid()), "T");
        shell.type_line("fg");
        shell.wait_for(asker.question);
        answer(&mut shell, asker);
    });
}

/// U-4: the modes that a shell's line editor leaves are not those of a line.
#[test]
fn u_4_the_prompt_sets_the_modes_that_it_relies_on_and_gives_them_back() {
    let (_server, person) = registered();
    let mut shell = bash(&person);
    shell.type_line("stty raw -echo; vestry login naman; stty -a | tr '\\n' ' '; stty sane");
    shell.wait_for("Password for naman: ");
    type_slowly(&mut shell, "wrong\u{15}");
    type_slowly(&mut shell, "x\u{7f}");
    type_slowly(&mut shell, PASSWORD);
    shell.type_keys("\r");
    shell.wait_for("Logged in as naman");
    let modes = shell.wait_for("-echonl");
    for mode in ["-icrnl", "-opost", "-isig", "-icanon", "-echo "] {
        assert!(modes.contains(mode), "{mode}: {modes}");
    }
    assert!(!shell.all().contains(PASSWORD));
}

#[test]
fn u_6_a_signal_at_the_prompt_puts_the_terminal_back_and_ends_the_program() {
    let modes = |line: &Termios| (line.local_modes, line.input_modes, line.output_modes);
    for (signal, name) in [
        (Signal::TERM, "Terminated"),
        (Signal::HUP, "Hangup"),
        (Signal::INT, "Interrupt"),
        (Signal::QUIT, "Quit"),
        (Signal::ALARM, "Alarm clock"),
        (Signal::USR1, "User defined signal 1"),
    ] {
        let (_server, person) = registered();
        let mut asking = person.open("vestry", &["login", "naman"]);
        let line = asking.line();
        asking.wait_for("Password for naman: ");
        let hidden = tcgetattr(&line).unwrap();
        assert!(!hidden.local_modes.contains(LocalModes::ECHO));
        asking.type_keys("half of it");
        kill_process(Pid::from_raw(asking.pid().cast_signed()).unwrap(), signal).unwrap();
        let (ended_by, screen) = asking.finish_by_signal();
        assert!(ended_by.starts_with(name), "{ended_by}: {screen}");
        let after = tcgetattr(&line).unwrap();
        assert!(after.local_modes.contains(LocalModes::ECHO | LocalModes::ISIG), "{signal:?}");
        assert_eq!(
            modes(&after).0,
            hidden.local_modes | LocalModes::ECHO | LocalModes::ECHOE | LocalModes::ECHOK
        );
        assert!(!screen.contains("half"), "{screen}");
    }
}

/// U-6: a login killed by `timeout` left the shell without echo.
#[test]
fn u_6_a_shell_that_repairs_nothing_has_its_echo_back() {
    let (_server, person) = registered();
    let mut shell = person.open_shell("/bin/dash", &["-i"]);
    shell.type_line("timeout --foreground 2 vestry login naman; stty -a");
    shell.wait_for("Password for naman: ");
    let modes = shell.wait_for("echoctl");
    assert!(modes.contains("isig icanon iexten echo echoe echok"), "{modes}");
    assert!(modes.contains(" eol = <undef>"), "{modes}");
}

#[test]
fn u_7_a_prompt_that_was_stopped_and_continued_asks_again_and_hides_again() {
    with_each_asker(|person, asker| {
        // OpenSSH notes no stop that cannot be caught.
        let stops: &[Signal] = if asker.is_ours { &[Signal::TSTP, Signal::STOP] } else { &[Signal::TSTP] };
        for stop in stops {
            let mut shell = bash(person);
            shell.type_line(&asker.command);
            shell.wait_for(asker.question);
            if *stop == Signal::TSTP {
                type_slowly(&mut shell, "typed before the stop");
            }
            pause_for(asker);
            let asking = child_of(shell.pid());
            kill_process(asking, *stop).unwrap();
            shell.wait_for("Stopped");
            shell.wait_for(SHELL_PROMPT);
            shell.type_line("echo $((20 + 22))");
            shell.wait_for("42\r\n");
            shell.wait_for(SHELL_PROMPT);
            shell.type_line("fg");
            shell.wait_for(asker.question);
            answer(&mut shell, asker);
            assert!(!shell.all().contains("typed before"), "{}", shell.all());
        }
    });
}

#[test]
fn u_19_ctrl_z_suspends_and_ctrl_backslash_and_ctrl_c_end_the_prompt() {
    with_each_asker(|person, asker| {
        let mut shell = bash(person);
        shell.type_line(&asker.command);
        shell.wait_for(asker.question);
        pause_for(asker);
        shell.type_keys("\u{1a}");
        shell.wait_for("Stopped");
        shell.wait_for(SHELL_PROMPT);
        shell.type_line("fg");
        shell.wait_for(asker.question);
        answer(&mut shell, asker);
        for (key, code) in [("\u{3}", "130"), ("\u{1c}", "131")] {
            shell.type_line(&asker.command);
            shell.wait_for(asker.question);
            pause_for(asker);
            shell.type_keys(key);
            shell.wait_for(SHELL_PROMPT);
            shell.type_line("echo ended with $?");
            shell.wait_for(&format!("ended with {code}"));
        }
        // The shell's own loop ends, too: it sees that a signal ended the program.
        shell.wait_for(SHELL_PROMPT);
        shell.type_line(&format!("for i in 1 2 3; do {}; done", asker.command));
        shell.wait_for(asker.question);
        pause_for(asker);
        shell.type_keys("\u{3}");
        shell.wait_for(SHELL_PROMPT);
    });
}

#[test]
fn u_14_without_a_controlling_terminal_standard_input_is_the_one() {
    with_each_asker(|person, asker| {
        let mut shell = bash(person);
        let asker = Asker { command: format!("setsid -w {}", asker.command), ..*asker };
        shell.type_line(&asker.command);
        shell.wait_for(asker.question);
        answer(&mut shell, &asker);
    });
}

#[test]
fn any_one_stream_may_lead_elsewhere_and_the_person_is_asked_all_the_same() {
    let (_server, person) = registered();
    for redirection in ["</dev/null", "2>errors", ">answers"] {
        let mut shell = bash(&person);
        shell.type_line(&format!("cd; vestry login naman {redirection}; cat errors answers 2>/dev/null"));
        shell.wait_for("Password for naman: ");
        type_slowly(&mut shell, PASSWORD);
        shell.type_keys("\r");
        shell.wait_for("Logged in as naman");
    }
    // Nobody is asked where neither what is read nor what is said is a person's.
    let mut shell = bash(&person);
    shell.type_line("vestry login naman </dev/null 2>errors; echo $? $(cat errors)");
    shell.wait_for("2 vestry: the password is needed, and there is no terminal to ask on");
}

#[test]
fn pasted_text_is_taken_without_its_brackets_and_of_several_lines_the_first() {
    let (_server, person) = registered();
    for (pasted, rest) in [
        (format!("\u{1b}[200~{PASSWORD}\u{1b}[201~\r"), ""),
        (format!("\u{1b}[200~{PASSWORD}\r"), "\u{1b}[201~"),
    ] {
        let mut shell = bash(&person);
        shell.type_line("vestry login naman");
        shell.wait_for("Password for naman: ");
        shell.type_keys(&pasted);
        shell.type_keys(rest);
        shell.wait_for("Logged in as naman");
        shell.wait_for(SHELL_PROMPT);
        assert!(!shell.all().contains(PASSWORD));
    }
}

/// U-19: what is no UTF-8 was told as "control characters".
#[test]
fn u_19_a_terminal_of_another_encoding_is_named_and_asked_again() {
    let (_server, person) = registered();
    let mut asking = person.open("vestry", &["login", "naman"]);
    asking.wait_for("Password for naman: ");
    asking.type_bytes(b"stra\xdfe\r");
    asking.wait_for("not UTF-8 text");
    asking.wait_for("Password for naman: ");
    asking.type_line(PASSWORD);
    asking.wait_for("Logged in as naman");
    assert_eq!(asking.finish().0, 0);
}

/// A character of several bytes is erased whole, whatever the terminal was told of UTF-8.
#[test]
fn erasing_takes_a_whole_character() {
    let (_server, person) = registered();
    let mut asking = person.open("vestry", &["login", "naman"]);
    let line = asking.line();
    let mut modes = tcgetattr(&line).unwrap();
    modes.input_modes.remove(InputModes::IUTF8);
    tcsetattr(&line, OptionalActions::Now, &modes).unwrap();
    asking.wait_for("Password for naman: ");
    asking.type_line(&format!("\u{20ac}\u{7f}{PASSWORD}"));
    asking.wait_for("Logged in as naman");
    assert_eq!(asking.finish().0, 0);
}

#[test]
fn the_shells_that_these_tests_need_are_there() {
    for shell in ["/bin/bash", "/bin/dash"] {
        assert!(Path::new(shell).exists(), "{shell} is missing");
    }
}

/// U-13: it showed what was typed, and wanted Ctrl-D.
#[test]
fn u_13_password_stdin_asks_hidden_on_a_terminal_and_takes_a_line_of_a_pipe() {
    let (_server, person) = registered();
    let mut asking = person.open("vestry", &["login", "naman", "--password-stdin"]);
    asking.wait_for("Password for naman: ");
    asking.type_line(PASSWORD);
    asking.wait_for("Logged in as naman");
    let (code, screen) = asking.finish();
    assert_eq!(code, 0);
    assert!(!screen.contains(PASSWORD), "{screen}");
    // Whoever writes the line keeps the pipe open until the program has ended.
    let mut shell = bash(&person);
    shell.type_line(&format!(
        "mkfifo {0}; exec 5<>{0}; echo '{PASSWORD}' >&5; vestry login naman --password-stdin <&5",
        person.home().join("pipe").display()
    ));
    shell.wait_for("Logged in as naman");
}

/// U-5: a file that an editor saved with a byte order mark made a password that nobody can type.
#[test]
fn u_5_a_password_with_a_byte_order_mark_is_the_one_that_is_typed() {
    let (_server, person) = joined();
    let file = person.home().join("password");
    let write = |text: &str| {
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    let path = file.to_str().unwrap();
    write(&format!("\u{feff}{PASSWORD}\r\n"));
    person.run("vestry", &["register", "naman", "--password-file", path], "").ended_with(0);
    person.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    person.vestry(&["login", "naman", "--password-stdin"], &format!("\u{feff}{PASSWORD}")).ended_with(0);
    for (text, named) in [
        (format!("{PASSWORD}\u{200b}"), "U+200B"),
        (format!("{PASSWORD}\u{a0}"), "U+00A0"),
        (format!("\u{2003}{PASSWORD}"), "U+2003"),
    ] {
        write(&text);
        let refused =
            person.run("vestry", &["register", "other", "--password-file", path], "").ended_with(65);
        assert!(refused.err.contains(named), "{}", refused.err);
        let noted = person.run("vestry", &["login", "naman", "--password-file", path], "").ended_with(77);
        assert!(noted.err.contains(named), "{}", noted.err);
    }
}
