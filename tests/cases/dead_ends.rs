//! A file or a folder of a user that is of no use: what it is, is said, what can be set aside is, and the command that is advised
//! mends the rest. Each test is named after its number in the list of trials of public bug reports.

use crate::processes::{
    command_of_another, is_root, log_in, open_sessions, run_folder, session_file, set_mode,
};
use crate::programs::{joined, logged_in, registered};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use vestry_tests::harness::{OTHER_PASSWORD, PASSWORD, Server};
use vestry_tests::programs::{Person, Ran};

type Spoil = fn(&Path);

/// What may be at a path, in place of the file that belongs there.
const SPOILED: [(&str, Spoil); 6] = [
    ("was damaged", |path| fs::write(path, "= no = sense").unwrap()),
    ("is not a regular file", |path| {
        fs::remove_file(path).unwrap();
        fs::create_dir_all(path.join("something/inside")).unwrap();
    }),
    ("is a link that leads nowhere", |path| {
        fs::remove_file(path).unwrap();
        symlink("/nowhere/at/all", path).unwrap();
    }),
    ("Too many levels of symbolic links", |path| {
        fs::remove_file(path).unwrap();
        symlink(path, path).unwrap();
    }),
    ("is far too long", |path| fs::write(path, vec![b'\n'; 2 * 1024 * 1024]).unwrap()),
    ("Permission denied", |path| set_mode(path, 0)),
];

fn servers_file(person: &Person) -> PathBuf {
    person.home().join("config/vestry/servers.toml")
}

fn join_string(person: &Person, server: &Server) -> String {
    person.vestryctl(server, &["join-string"]).out.trim().to_owned()
}

/// Runs `vestry` as a user other than root, who is bound by file modes.
fn run_bound(person: &Person, words: &[&str], input: &str) -> Ran {
    Ran::of_command(command_of_another(person, words), input)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

/// Runs what the last line of a complaint advises.
#[track_caller]
fn follow_advice(said: &str) {
    let advised = said.lines().last().expect("advice").trim();
    let shell = Command::new("sh").args(["-c", advised]).stderr(Stdio::null()).status().unwrap();
    assert!(shell.success(), "{advised}\n{said}");
}

#[test]
fn u_16_a_list_of_servers_that_is_of_no_use_is_set_aside_and_stops_no_command() {
    let (server, person) = registered();
    let join = join_string(&person, &server);
    let file = servers_file(&person);
    for (word, spoil) in SPOILED {
        for command in [["status"].as_slice(), &["join", &join], &["logout"], &["login", "naman"]] {
            run_bound(&person, &["join", &join], "").ended_with(0);
            spoil(&file);
            let ran = run_bound(&person, command, "");
            let aside = with_suffix(&file, ".damaged");
            assert!(ran.err.contains(word), "{word}: {command:?}: {}", ran.err);
            let told = format!("; it was set aside as {}.\n", aside.display());
            assert!(ran.err.contains(&told), "{word}: {command:?}: {}", ran.err);
            assert!(aside.symlink_metadata().is_ok());
            if command.first() == Some(&"join") {
                ran.ended_with(0);
            } else {
                assert!(ran.ended_with(78).err.trim_end().ends_with("vestry join vestry1-..."), "{word}");
            }
            let _ = fs::remove_dir_all(&aside).or_else(|_| fs::remove_file(&aside));
        }
    }
    run_bound(&person, &["join", &join], "").ended_with(0);
    run_bound(&person, &["login", "naman", "--password-stdin"], &format!("{PASSWORD}\n")).ended_with(0);
}

#[test]
fn u_22_a_session_that_is_of_no_use_is_set_aside_and_stops_no_login() {
    let (_server, person) = registered();
    let password = format!("{PASSWORD}\n");
    let login = || run_bound(&person, &["login", "naman", "--password-stdin"], &password);
    login().ended_with(0);
    let file = session_file(&person);
    for (word, spoil) in SPOILED {
        spoil(&file);
        let status = run_bound(&person, &["status"], "").ended_with(0);
        assert!(status.err.contains(word) && status.err.contains("it was set aside as"), "{}", status.err);
        assert!(status.out.contains("logged in as:  nobody"), "{}", status.out);
        let ran = login().ended_with(0);
        assert!(!ran.err.contains("set aside"), "{}", ran.err);
        spoil(&file);
        assert!(login().ended_with(0).err.contains(word));
        run_bound(&person, &["show"], "").ended_with(0);
    }
}

#[test]
fn u_22_files_of_a_device_that_are_of_no_use_are_set_aside_and_stop_no_login() {
    let (_server, person) = registered();
    let password = format!("{PASSWORD}\n");
    let login = || run_bound(&person, &["login", "naman", "--password-stdin"], &password).ended_with(0);
    login();
    for kind in ["devices", "witnesses"] {
        let kept = || {
            let found = Command::new("find")
                .args([
                    &person.home().join("state/vestry").join(kind).display().to_string(),
                    "-name",
                    "naman",
                ])
                .output()
                .unwrap();
            PathBuf::from(String::from_utf8(found.stdout).unwrap().trim())
        };
        for (word, spoil) in SPOILED {
            spoil(&kept());
            let said = login().err;
            assert!(said.contains(word) && said.contains("it was set aside as"), "{kind}: {word}: {said}");
            assert!(!login().err.contains("set aside"), "{kind}: {word}");
        }
        set_mode(&kept(), 0o644);
        let said = login().err;
        assert!(said.contains("can be read or changed by others (mode 0644); it was set aside"), "{said}");
    }
}

#[test]
fn u_22_what_is_set_aside_takes_a_name_that_is_free() {
    let (server, person) = logged_in();
    let join = join_string(&person, &server);
    let (list, session) = (servers_file(&person), session_file(&person));
    let taken = |path: &Path| {
        fs::create_dir_all(with_suffix(path, ".damaged").join("inside")).unwrap();
        fs::write(with_suffix(path, ".damaged.1"), "of last week").unwrap();
        fs::write(path, "= no = sense").unwrap();
    };
    taken(&session);
    let said = person.run("vestry", &["show"], "").ended_with(77).err;
    assert!(said.contains(&format!("set aside as {}.damaged.2", session.display())), "{said}");
    taken(&list);
    let said = person.run("vestry", &["join", &join], "").ended_with(0).err;
    assert!(said.contains(&format!("set aside as {}.damaged.2", list.display())), "{said}");
    for path in [list, session] {
        assert_eq!(fs::read_to_string(with_suffix(&path, ".damaged.1")).unwrap(), "of last week");
        assert_eq!(fs::read_to_string(with_suffix(&path, ".damaged.2")).unwrap(), "= no = sense");
    }
}

#[test]
fn u_22_a_session_that_others_could_read_serves_only_to_be_ended() {
    let (server, person) = logged_in();
    let file = session_file(&person);
    for words in [["login", "naman", "--password-stdin"].as_slice(), &["logout"]] {
        set_mode(&file, 0o644);
        let said = person.run("vestry", &["show"], "").ended_with(78).err;
        assert!(said.contains("(mode 0644)") && said.trim_end().ends_with("vestry logout"), "{said}");
        let status = person.run("vestry", &["status"], "").ended_with(0);
        assert!(status.err.contains("(mode 0644)"), "{}", status.err);
        assert!(status.out.contains("logged in as:  nobody"), "{}", status.out);
        let said = person.vestry(words, PASSWORD).ended_with(0).err;
        assert!(said.contains("(mode 0644); it is used for nothing but to end that session"), "{said}");
        let left = usize::from(words.first() == Some(&"login"));
        assert_eq!(open_sessions(&person, &server).len(), left, "{words:?}");
    }
    // The menu, too, offers a login.
    log_in(&person, "naman").ended_with(0);
    set_mode(&session_file(&person), 0o640);
    let mut menu = person.open("vestry", &[]);
    menu.wait_for("(mode 0640)");
    menu.wait_for("1  login");
    menu.answer("Your choice: ", "0");
    assert_eq!(menu.finish().0, 0);
}

#[test]
fn u_2_no_account_is_deleted_whose_session_could_not_be_forgotten() {
    let (_server, person) = registered();
    let password = format!("{PASSWORD}\n");
    let run = |words: &[&str]| run_bound(&person, words, &password);
    run(&["login", "naman", "--password-stdin"]).ended_with(0);
    set_mode(&run_folder(&person), 0o500);
    // Nothing is asked: neither name nor password was given.
    let said = run(&["delete"]).ended_with(78).err;
    assert!(said.contains("could not be removed: Permission denied"), "{said}");
    assert!(said.contains("Nothing was sent."), "{said}");
    run(&["show"]).ended_with(0);
    follow_advice(&said);
    run(&["delete", "--confirm", "naman", "--password-stdin"]).ended_with(0);
}

#[test]
fn u_2_a_logout_and_what_follows_it_advise_what_mends_a_closed_folder() {
    let (_server, person) = registered();
    let password = format!("{PASSWORD}\n");
    let run = |words: &[&str]| run_bound(&person, words, &password);
    let login = ["login", "naman", "--password-stdin"];
    run(&login).ended_with(0);
    set_mode(&run_folder(&person), 0o500);
    let said = run(&["logout"]).ended_with(74).err;
    run(&login).ended_with(78);
    follow_advice(&said);
    run(&login).ended_with(0);
}

#[test]
fn u_15_a_file_in_place_of_a_folder_is_named_with_the_command_that_mends_it() {
    let (server, person) = registered();
    let join = join_string(&person, &server);
    let in_the_way = |folder: &str| {
        let path = person.home().join(folder);
        let _ = fs::remove_dir_all(&path);
        fs::write(path, "in the way").unwrap();
    };
    in_the_way("state");
    // What is kept there can be done without, but for a session that is to be remembered.
    person.run("vestry", &["status"], "").ended_with(0);
    let said = log_in(&person, "naman").ended_with(0).err;
    assert!(said.contains("this device could not be remembered") && said.contains("state is not a folder"));
    let remember = ["login", "naman", "--remember", "--password-stdin"];
    let said = person.vestry(&remember, PASSWORD).ended_with(78).err;
    assert!(said.contains("state is not a folder") && said.contains("Nothing was sent."), "{said}");
    follow_advice(&said);
    person.vestry(&remember, PASSWORD).ended_with(0);
    in_the_way("config");
    let said = person.run("vestry", &["join", &join], "").ended_with(78).err;
    assert!(said.contains("config is not a folder"), "{said}");
    follow_advice(&said);
    person.run("vestry", &["join", &join], "").ended_with(0);
    in_the_way("run/vestry");
    let said = log_in(&person, "naman").ended_with(78).err;
    assert!(said.contains("run/vestry is not a folder"), "{said}");
    follow_advice(&said);
    log_in(&person, "naman").ended_with(0);
    set_mode(&run_folder(&person), 0o755);
    follow_advice(&person.run("vestry", &["show"], "").ended_with(78).err);
    person.run("vestry", &["show"], "").ended_with(0);
    // What is no file stays where it is.
    let mut command = person.command("vestry");
    command.args(remember).env("XDG_STATE_HOME", "/dev/null").stdout(Stdio::piped());
    let said = Ran::of_command(command, &format!("{PASSWORD}\n")).ended_with(78).err;
    assert!(said.contains("/dev/null is not a folder") && !said.contains("mv "), "{said}");
    assert!(said.contains("XDG_STATE_HOME"), "{said}");
}

#[test]
fn u_15_a_closed_folder_is_named_with_the_command_that_opens_it() {
    let (server, person) = joined();
    let join = join_string(&person, &server);
    let folder = person.home().join("config/vestry");
    for (mode, words) in
        [(0o000, ["status"].as_slice()), (0o000, &["join", &join]), (0o500, &["join", &join])]
    {
        run_bound(&person, &["join", &join], "").ended_with(0);
        set_mode(&folder, mode);
        let said = run_bound(&person, words, "").ended_with(78).err;
        assert!(said.contains("Permission denied") && said.contains("chmod u+rwx "), "{said}");
        follow_advice(&said);
        run_bound(&person, words, "").ended_with(0);
    }
    if is_root() {
        // A folder of root's: nothing that this user types opens it.
        let command = command_of_another(&person, &["join", &join]);
        std::os::unix::fs::chown(&folder, Some(0), Some(0)).unwrap();
        let said = Ran::of_command(command, "").ended_with(78).err;
        assert!(said.contains("XDG_CONFIG_HOME") && !said.contains("chmod"), "{said}");
    }
}

#[test]
fn u_22_something_in_place_of_the_lock_stops_nothing() {
    let (server, person) = logged_in();
    for folder in ["run/vestry", "config/vestry"] {
        let lock = person.home().join(folder).join(".lock");
        let _ = fs::remove_file(&lock);
        fs::create_dir(lock).unwrap();
    }
    person.join(&server);
    person.run("vestry", &["logout"], "").ended_with(0);
    log_in(&person, "naman").ended_with(0);
}

#[test]
fn u_22_nobody_is_told_to_log_in_to_an_account_that_is_gone() {
    let (_server, person) = logged_in();
    let (file, other) = (session_file(&person), person.home().join("kept"));
    fs::copy(&file, &other).unwrap();
    person.vestry(&["delete", "--confirm", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    for command in ["status", "show"] {
        // As another machine has it.
        fs::copy(&other, &file).unwrap();
        let said = person.run("vestry", &[command], "").err;
        assert!(said.contains("your session has ended: the account was deleted"), "{said}");
        assert!(said.contains("Your operator can restore it") && !said.contains("vestry login"), "{said}");
    }
}

#[test]
fn u_22_join_says_when_a_variable_names_another_server() {
    let (server, person) = joined();
    let join = join_string(&person, &server);
    let run = |variable: &str, value: &str| {
        let mut command = person.command("vestry");
        command.args(["join", &join]).env(variable, value).stdout(Stdio::piped());
        Ran::of_command(command, "").ended_with(0)
    };
    let ca = server.folder().join("certs/ca.pem").display().to_string();
    for (variable, value) in [("VESTRY_SERVER", "other.example"), ("VESTRY_CA", &ca)] {
        let ran = run(variable, value);
        assert!(ran.out.starts_with("Joined ") && !ran.out.contains("from now on"), "{}", ran.out);
        assert!(ran.err.contains(&format!("{variable} is set, and goes before it.")), "{}", ran.err);
        assert!(ran.err.contains(&format!("unset {variable}")), "{}", ran.err);
    }
    let joined = run("VESTRY_SERVER", "").out;
    let (name, rest) = joined.strip_prefix("Joined ").and_then(|rest| rest.split_once(" (")).expect("a name");
    assert!(rest.contains("It is your server from now on."), "{joined}");
    assert_eq!(run("VESTRY_SERVER", name).out, joined);
    person.vestry(&["register", "naman", "--password-stdin"], OTHER_PASSWORD).ended_with(0);
}
