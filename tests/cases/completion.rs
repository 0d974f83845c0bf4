//! What a shell completes: the script that a program prints is loaded by a real shell, which is asked what it makes of a line.

use crate::processes::set_mode;
use crate::programs::{joined, logged_in};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vestry_tests::harness::{PASSWORD, program};
use vestry_tests::programs::{Person, Ran};

/// Calls the function of the script as bash does for a line that ends at the cursor; its words are cut as bash cuts them.
const ASK_BASH: &str = r#"
source /dev/stdin <<<"$("$PROGRAM" completions bash)"
COMP_LINE="$1"; COMP_POINT=${#1}; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9
"_complete_$PROGRAM" "$PROGRAM" "$CURRENT" "" 2>&1
printf '%s\n' "${COMPREPLY[@]}"
"#;

/// Cuts a line as bash does: at blanks, and at `:` and `=`, which are words of their own; a quoted word is one.
fn words_of(line: &str) -> (Vec<String>, String) {
    let mut words: Vec<String> = Vec::new();
    let (mut is_open, mut is_fresh) = (false, true);
    for c in line.chars() {
        match c {
            '"' => {
                is_open = !is_open;
                if is_fresh {
                    words.push(String::new());
                }
                words.last_mut().unwrap().push(c);
                is_fresh = false;
            }
            ' ' if !is_open => is_fresh = true,
            ':' | '=' if !is_open => {
                words.push(c.to_string());
                is_fresh = true;
            }
            c => {
                if is_fresh {
                    words.push(String::new());
                }
                words.last_mut().unwrap().push(c);
                is_fresh = false;
            }
        }
    }
    let is_behind_blank = line.ends_with(' ') && !is_open;
    if is_behind_blank {
        words.push(String::new());
    }
    let current = words.last().unwrap().trim_start_matches('"');
    let current = if [":", "="].contains(&current) { "" } else { current };
    (words.clone(), current.to_owned())
}

/// What bash offers for a line.
fn offered(person: &Person, program_name: &str, line: &str) -> Vec<String> {
    let (words, current) = words_of(line);
    let folder = program("vestry").parent().unwrap().display().to_string();
    let mut command = person.command("vestry");
    let environment: Vec<_> =
        command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    command = Command::new("bash");
    command.env_clear().envs(environment).env("PATH", format!("{folder}:/usr/bin:/bin"));
    command.env("PROGRAM", program_name).env("CURRENT", current).current_dir(person.home());
    command.args(["--norc", "-c", ASK_BASH, "bash", line]).args(words).stdout(Stdio::piped());
    let ran = Ran::of_command(command, "").ended_with(0);
    assert_eq!(ran.err, "", "{line}");
    ran.out.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn address_of(person: &Person) -> String {
    let list = fs::read_to_string(person.home().join("config/vestry/servers.toml")).unwrap();
    list.lines().find_map(|line| line.strip_prefix("default = ")).unwrap().trim_matches('"').to_owned()
}

#[test]
fn bash_completes_commands_options_and_servers_that_were_joined() {
    let (_server, person) = joined();
    let address = address_of(&person);
    let (host, port) = address.rsplit_once(':').unwrap();
    assert_eq!(offered(&person, "vestry", "vestry log"), ["login", "logout"]);
    assert_eq!(offered(&person, "vestry", "vestry login --rem"), ["--remember"]);
    assert_eq!(offered(&person, "vestry", "vestry --server "), [address.as_str()]);
    assert_eq!(offered(&person, "vestry", &format!("vestry --server {}", &host[..1])), [address.as_str()]);
    // Bash cuts at the colon, and keeps what stands before it.
    assert_eq!(offered(&person, "vestry", &format!("vestry --server {host}:")), [port]);
    assert_eq!(offered(&person, "vestry", &format!("vestry --server {host}:{}", &port[..2])), [port]);
    assert_eq!(offered(&person, "vestry", "vestry --server="), [address.as_str()]);
    assert_eq!(offered(&person, "vestry", &format!("vestry --server {address} stat")), ["status"]);
    for name in ["vestry", "vestryctl", "vestryd"] {
        let all = offered(&person, name, &format!("{name} "));
        assert!(all.len() > 5 && !all.iter().any(|word| word == "completions" || word == "man"), "{all:?}");
    }
    assert_eq!(offered(&person, "vestryd", "vestryd secrets ro"), ["rotate"]);
}

#[test]
fn bash_completes_ones_own_sessions_and_devices() {
    let (_server, person) = logged_in();
    let other = Person::new();
    fs::create_dir_all(other.home().join("config")).unwrap();
    let copied = Command::new("cp")
        .args([
            "-a",
            person.home().join("config/vestry").to_str().unwrap(),
            other.home().join("config").to_str().unwrap(),
        ])
        .status()
        .unwrap();
    assert!(copied.success());
    other.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    for (list, act) in [("sessions", "revoke"), ("devices", "forget")] {
        let listed = person.run("vestry", &[list, "--json"], "").ended_with(0).out;
        let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
        let mut ids: Vec<String> =
            listed.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
        let first = ids[0].clone();
        let mut all = offered(&person, "vestry", &format!("vestry {list} {act} "));
        all.retain(|word| !word.starts_with("--"));
        ids.sort();
        all.sort();
        assert_eq!((all, ids.len()), (ids, 2), "{list}");
        assert_eq!(offered(&person, "vestry", &format!("vestry {list} {act} {}", &first[..12])), [first]);
    }
}

#[test]
fn bash_completes_views_and_columns_and_no_format_that_is_refused() {
    let person = Person::new();
    let ask = |line: &str| offered(&person, "vestryctl", line);
    assert_eq!(ask("vestryctl sql \"select * from ac"), ["select * from accounts"]);
    assert_eq!(ask("vestryctl sql \"select la"), ["select lane", "select last_login", "select last_used"]);
    assert_eq!(ask("vestryctl export --columns name,em"), ["name,email"]);
    assert_eq!(
        ask("vestryctl accounts --where \"age > 3 and cre"),
        ["age > 3 and created", "age > 3 and credential"]
    );
    let mut sorted = ask("vestryctl audit --sort act");
    sorted.sort();
    assert_eq!(sorted, ["action", "actor", "actor_kind"]);
    for line in ["vestryctl import --format ", "vestryctl export --format "] {
        assert_eq!(ask(line), ["csv", "ndjson"], "{line}");
    }
    assert!(ask("vestryctl accounts --format ").contains(&"json".to_owned()));
    let help = person.run("vestryctl", &["import", "--help"], "").ended_with(0).out;
    assert!(!help.contains("possible values") || !help.contains("ndjson, json"), "{help}");
}

#[test]
fn a_tab_completes_an_address_and_a_command_in_a_shell_of_a_person() {
    let (_server, person) = joined();
    let address = address_of(&person);
    let (host, port) = address.rsplit_once(':').unwrap();
    let shells: [(&str, &[&str], &str); 2] = [
        ("/bin/bash", &["--norc", "--noprofile", "-i"], ""),
        ("/bin/zsh", &["-f", "-i"], "autoload -U compinit; compinit -u; "),
    ];
    for (path, arguments, before) in shells {
        let name = path.rsplit('/').next().unwrap();
        if !Path::new(path).exists() {
            println!("skipped: {name} is not installed");
            continue;
        }
        let mut shell = person.open_shell(path, arguments);
        // The marker in two parts, so that the line itself is not taken for it.
        shell.type_line(&format!("{before}source <(vestry completions {name}); echo loa''ded"));
        shell.wait_for("loaded");
        shell.wait_for("ready> ");
        shell.type_keys(&format!("vestry --server {host}:\t"));
        shell.wait_for(port);
        shell.type_keys("stat\t\r");
        shell.wait_for("logged in as:");
    }
}

/// The line of the shell is no place for words, and Tab no time to wait.
#[test]
fn a_completion_that_cannot_know_says_nothing_and_changes_nothing() {
    let (server, person) = logged_in();
    let session = crate::processes::session_file(&person);
    let list = person.home().join("config/vestry/servers.toml");
    let (kept, known) = (fs::read(&session).unwrap(), fs::read(&list).unwrap());
    let ids = || {
        let begun = Instant::now();
        let mut words = offered(&person, "vestry", "vestry sessions revoke ");
        words.retain(|word| !word.starts_with("--"));
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        words
    };
    assert_eq!(ids().len(), 1);
    let unchanged = |path: &Path, bytes: &[u8]| {
        assert_eq!(ids(), [""; 0]);
        assert_eq!(fs::read(path).unwrap(), bytes);
        let folder = path.parent().unwrap();
        let aside = fs::read_dir(folder)
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".damaged"));
        assert_eq!(aside.count(), 0);
    };
    for (path, right) in [(&session, &kept), (&list, &known)] {
        fs::write(path, "= no = sense").unwrap();
        unchanged(path, b"= no = sense");
        assert_eq!(offered(&person, "vestry", "vestry stat"), ["status"]);
        fs::write(path, right).unwrap();
    }
    set_mode(&session, 0o644);
    unchanged(&session, &kept);
    set_mode(&session, 0o600);
    assert_eq!(ids().len(), 1);
    drop(server);
    unchanged(&session, &kept);
    // A server that takes the connection and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let moved = String::from_utf8(known)
        .unwrap()
        .replace(&address_of(&person), &silent.local_addr().unwrap().to_string());
    fs::write(&list, moved).unwrap();
    assert_eq!(ids(), [""; 0]);
}

#[test]
fn every_shell_gets_a_script_and_those_that_are_here_take_it() {
    let (_server, person) = joined();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        for name in ["vestry", "vestryctl", "vestryd"] {
            let script = person.run(name, &["completions", shell], "").ended_with(0).out;
            assert!(script.contains(name) && script.contains("VESTRY_COMPLETE"), "{shell}: {script}");
            assert!(!script.contains("target/debug"), "{shell}: {script}");
        }
    }
    // An empty variable is none.
    let mut command = person.command("vestry");
    command.args(["status"]).env("VESTRY_COMPLETE", "").stdout(Stdio::piped());
    assert!(Ran::of_command(command, "").ended_with(0).out.contains("logged in as"));
    let folder = program("vestry").parent().unwrap().display().to_string();
    let asks = [("fish", "vestry completions fish | source; complete -C 'vestry log'")];
    for (shell, line) in asks {
        let mut command = Command::new(shell);
        let environment = person.command("vestry");
        let environment = environment.get_envs().filter_map(|(name, value)| Some((name, value?)));
        command
            .env_clear()
            .envs(environment)
            .env("PATH", format!("{folder}:/usr/bin:/bin"))
            .args(["-c", line]);
        match command.output() {
            Err(_) => println!("skipped: {shell} is not installed"),
            Ok(ran) => {
                let out = String::from_utf8_lossy(&ran.stdout).into_owned();
                assert!(
                    out.contains("logout") || out.contains(": function"),
                    "{shell}: {out}{:?}",
                    ran.stderr
                );
            }
        }
    }
}

/// A name of a file is anybody's: on the line it is a word, and nothing that a shell does.
#[test]
fn bash_is_offered_names_of_files_that_it_runs_nothing_of() {
    let person = Person::new();
    for name in ["b;id", "c$(id)", "d'q", "e\"x", "f plain"] {
        fs::write(person.home().join(name), "").unwrap();
    }
    for (line, quoted) in [
        ("vestryctl import b", "b\\;id"),
        ("vestryctl import c", "c\\$\\(id\\)"),
        ("vestryctl import d", "d\\'q"),
        ("vestryctl import f", "f\\ plain"),
    ] {
        assert_eq!(offered(&person, "vestryctl", line), [quoted], "{line}");
    }
    for line in ["vestryctl import \"c", "vestryctl import \"e"] {
        assert_eq!(offered(&person, "vestryctl", line), [""; 0], "{line}");
    }
}
