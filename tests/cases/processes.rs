//! The files that several processes of one user share, and what is said when one of them cannot be kept. Each test is named after
//! its number in the list of trials of public bug reports.

use crate::durability::SmallDisk;
use crate::programs::{joined, logged_in, registered};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use vestry_tests::harness::{OTHER_PASSWORD, PASSWORD, Server};
use vestry_tests::programs::{Person, Ran, Terminal};

/// A user of whom root can run a program; any but root.
const OTHER_USER: u32 = 65_534;

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub(crate) fn log_in(person: &Person, name: &str) -> Ran {
    person.vestry(&["login", name, "--password-stdin"], PASSWORD)
}

fn make_account(person: &Person, name: &str) {
    person.vestry(&["register", name, "--no-login", "--password-stdin"], PASSWORD).ended_with(0);
}

/// Whose sessions are open at the server.
pub(crate) fn open_sessions(person: &Person, server: &Server) -> Vec<String> {
    let sql = "select account from sessions order by account";
    let rows = person.vestryctl(server, &["sql", "--format", "tsv", sql]).ended_with(0).out;
    rows.lines().skip(1).map(str::to_owned).collect()
}

fn whose(person: &Person) -> String {
    let shown = person.run("vestry", &["show"], "").ended_with(0).out;
    shown.lines().find_map(|line| line.strip_prefix("name:")).expect("a name").trim().to_owned()
}

fn menu_of(person: &Person, name: &str) -> Terminal {
    let mut menu = person.open("vestry", &[]);
    menu.wait_for(&format!("{name} is logged in to localhost:"));
    menu.wait_for("Your choice: ");
    menu
}

/// What the audit says, in its order.
pub(crate) fn actions(person: &Person, server: &Server) -> String {
    let sql = "select action, subject from audit where actor_kind <> 'operator' order by id";
    person.vestryctl(server, &["sql", "--format", "tsv", sql]).ended_with(0).out
}

pub(crate) fn run_folder(person: &Person) -> PathBuf {
    person.home().join("run/vestry")
}

pub(crate) fn session_file(person: &Person) -> PathBuf {
    let entries = fs::read_dir(run_folder(person)).unwrap().map(|entry| entry.unwrap().path());
    let mut files = entries.filter(|path| path.extension().is_some_and(|kind| kind == "session"));
    files.next().expect("a session is kept")
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn u_1_a_process_whose_session_ended_leaves_that_of_another_process() {
    let (_server, person) = logged_in();
    let mut menu = menu_of(&person, "naman");
    let both = format!("{PASSWORD}\n{OTHER_PASSWORD}\n");
    person.run("vestry", &["passwd", "--password-stdin"], &both).ended_with(0);
    // The menu holds a token that has ended.
    menu.type_line("5");
    menu.wait_for("Your choice: ");
    assert_eq!(whose(&person), "naman");
}

#[test]
fn u_1_a_logout_in_one_process_leaves_the_account_of_another_logged_in() {
    let (server, person) = logged_in();
    make_account(&person, "pupil1");
    let mut menu = menu_of(&person, "naman");
    let said = log_in(&person, "pupil1").ended_with(0).err;
    assert!(said.contains("naman is logged in here"), "{said}");
    menu.type_line("6");
    menu.wait_for("Your choice: ");
    assert_eq!(whose(&person), "pupil1");
    assert_eq!(open_sessions(&person, &server), ["pupil1"]);
}

/// A session that is open at the server is held by a file, and the other way round, whoever of the two comes first.
#[test]
fn u_1_a_logout_beside_a_login_leaves_no_session_without_a_holder() {
    let (server, person) = registered();
    for round in 0..6 {
        log_in(&person, "naman").ended_with(0);
        std::thread::scope(|scope| {
            scope.spawn(|| log_in(&person, "naman").ended_with(0));
            for _ in 0..6 {
                let code = person.run("vestry", &["logout"], "").code;
                assert!([0, 77].contains(&code), "{code}");
            }
        });
        let held = person.run("vestry", &["show"], "").code == 0;
        assert_eq!(open_sessions(&person, &server).len(), usize::from(held), "round {round}");
    }
}

/// Everything of a person becomes another user's, as whom their programs run: root may write everywhere.
pub(crate) fn command_of_another(person: &Person, words: &[&str]) -> Command {
    let mut command = person.command("vestry");
    if is_root() {
        let home = person.home().display().to_string();
        let owner = format!("{OTHER_USER}:{OTHER_USER}");
        assert!(Command::new("chown").args(["-R", &owner, &home]).status().unwrap().success());
        command.uid(OTHER_USER).gid(OTHER_USER).current_dir("/");
    }
    command.args(words).stdout(Stdio::piped());
    command
}

#[test]
fn u_2_nothing_is_sent_when_a_session_could_not_be_kept() {
    let (server, person) = registered();
    let run = |words: &[&str], input: &str| Ran::of_command(command_of_another(&person, words), input);
    fs::create_dir(run_folder(&person)).unwrap();
    set_mode(&run_folder(&person), 0o700);
    run(&["login", "naman", "--password-stdin"], &format!("{PASSWORD}\n")).ended_with(0);
    let events = || actions(&person, &server);
    let before = events();
    set_mode(&run_folder(&person), 0o500);
    for (words, input) in [
        (["login", "naman", "--password-stdin"].as_slice(), format!("{PASSWORD}\n")),
        (&["passwd", "--password-stdin"], format!("{PASSWORD}\n{OTHER_PASSWORD}\n")),
    ] {
        let said = run(words, &input).ended_with(78).err;
        assert!(said.contains("Permission denied") && said.contains("Nothing was sent."), "{said}");
    }
    assert_eq!(events(), before);
    assert_eq!(open_sessions(&person, &server), ["naman"]);
    // What is ended needs no place; that its file stays is said behind it, and it is no dead end.
    let out = run(&["logout"], "").ended_with(74);
    assert_eq!(out.out, "Logged out.\n");
    let mend = format!("chmod u+rwx {}", run_folder(&person).display());
    assert_in_order(&out.err, &["the file of the ended session stays", "Permission denied", &mend]);
    let status = run(&["status"], "").ended_with(0);
    assert!(status.out.contains("nobody"), "{}", status.out);
    assert_in_order(&status.err, &["Its file stays", &mend, "vestry login naman"]);
    assert!(Command::new("sh").args(["-c", &mend]).status().unwrap().success());
    run(&["login", "naman", "--password-stdin"], &format!("{PASSWORD}\n")).ended_with(0);
}

#[test]
fn u_2_a_login_with_a_read_only_home_leaves_no_device_behind() {
    let (_server, person) = registered();
    let run = |words: &[&str], input: &str| Ran::of_command(command_of_another(&person, words), input);
    let _ = fs::remove_dir_all(person.home().join("state"));
    set_mode(person.home(), 0o555);
    let ran = run(&["login", "naman", "--password-stdin"], &format!("{PASSWORD}\n")).ended_with(0);
    assert_eq!(ran.out, "Logged in as naman.\n");
    assert!(ran.err.contains("this device could not be remembered"), "{}", ran.err);
    let listed = run(&["devices", "--json"], "").ended_with(0).out;
    assert_eq!(listed.trim(), "[]");
    set_mode(person.home(), 0o755);
}

#[test]
fn u_2_nothing_is_sent_when_the_disk_is_full() {
    let Some(disk) = SmallDisk::mount(1) else {
        println!("skipped: this system does not let us mount a tmpfs (root can)");
        return;
    };
    let (server, person) = registered();
    let run = |words: &[&str], input: &str| {
        let mut command = person.command("vestry");
        command.args(words).env("XDG_RUNTIME_DIR", disk.path()).stdout(Stdio::piped());
        Ran::of_command(command, input)
    };
    let password = format!("{PASSWORD}\n");
    run(&["login", "naman", "--password-stdin"], &password).ended_with(0);
    let ballast = disk.path().join("ballast");
    let _ = fs::write(&ballast, vec![0; 2 * 1024 * 1024]);
    for words in [["login", "naman", "--password-stdin"].as_slice(), &["passwd", "--password-stdin"]] {
        let said = run(words, &format!("{PASSWORD}\n{OTHER_PASSWORD}\n")).ended_with(78).err;
        assert!(said.contains("No space left") && said.contains("Nothing was sent."), "{said}");
    }
    assert_eq!(open_sessions(&person, &server), ["naman"]);
    fs::remove_file(ballast).unwrap();
    run(&["show"], "").ended_with(0);
}

/// Starts a command on a terminal, and answers up to its last question; then something happens to the folder of its session.
fn with_the_folder_lost(
    person: &Person,
    words: &[&str],
    answers: &[(&str, &str)],
    lose: fn(&Path),
) -> (u32, String) {
    let mut terminal = person.open("vestry", words);
    let (last, first) = answers.split_last().unwrap();
    for (question, answer) in first {
        terminal.answer(question, answer);
    }
    terminal.wait_for(last.0);
    lose(&run_folder(person));
    terminal.type_line(last.1);
    terminal.finish()
}

fn put_a_file_in_its_place(folder: &Path) {
    // A program that makes it only later finds the file, too.
    let _ = fs::remove_dir_all(folder);
    fs::write(folder, "in the way").unwrap();
}

/// Where each of these stands on a screen, one behind the other.
#[track_caller]
fn assert_in_order(screen: &str, parts: &[&str]) {
    let mut rest = screen;
    for part in parts {
        rest =
            rest.split_once(part).unwrap_or_else(|| panic!("{part:?} is not where it belongs:\n{screen}")).1;
    }
}

#[test]
fn u_2_a_new_password_is_said_before_the_session_that_could_not_be_kept() {
    let (server, person) = logged_in();
    let answers = [
        ("Current password of naman: ", PASSWORD),
        ("type your own): ", OTHER_PASSWORD),
        ("Type it once more", OTHER_PASSWORD),
    ];
    let (code, screen) = with_the_folder_lost(&person, &["passwd"], &answers, put_a_file_in_its_place);
    assert_eq!(code, 74, "{screen}");
    let parts =
        ["Password changed.", "the new session could not be kept", "Log in again: vestry login naman"];
    assert_in_order(&screen, &parts);
    assert_eq!(open_sessions(&person, &server), Vec::<String>::new());
    fs::remove_file(run_folder(&person)).unwrap();
    person.vestry(&["login", "naman", "--password-stdin"], OTHER_PASSWORD).ended_with(0);
}

#[test]
fn u_2_a_deletion_is_said_before_the_file_that_could_not_be_removed() {
    let (_server, person) = logged_in();
    let answers = [("Type its name to go on: ", "naman"), ("Password of naman: ", PASSWORD)];
    let open_to_all = |folder: &Path| set_mode(folder, 0o755);
    let (code, screen) = with_the_folder_lost(&person, &["delete"], &answers, open_to_all);
    assert_eq!(code, 74, "{screen}");
    let parts = [
        "Deleted naman. The operator can undo it until 20",
        "the file of the ended session stays",
        "chmod 700 ",
    ];
    assert_in_order(&screen, &parts);
}

#[test]
fn u_2_a_login_that_could_not_be_kept_is_logged_out_again() {
    let (server, person) = registered();
    let answers = [("Password for naman: ", PASSWORD)];
    let (code, screen) =
        with_the_folder_lost(&person, &["login", "naman"], &answers, put_a_file_in_its_place);
    assert_eq!(code, 74, "{screen}");
    assert_in_order(
        &screen,
        &["the login as naman worked, but its session could not be kept", "logged out again"],
    );
    assert!(!screen.contains("Logged in as"), "{screen}");
    assert_eq!(open_sessions(&person, &server), Vec::<String>::new());
    fs::remove_file(run_folder(&person)).unwrap();
    log_in(&person, "naman").ended_with(0);
}

#[test]
fn u_2_what_the_menu_did_is_said_and_it_goes_on_when_nothing_can_be_kept() {
    let (server, person) = logged_in();
    let mut menu = menu_of(&person, "naman");
    set_mode(&run_folder(&person), 0o755);
    menu.type_line("6");
    let screen = menu.wait_for("Your choice: ");
    assert_in_order(&screen, &["Logged out.", "the file of the ended session stays", "chmod 700 "]);
    assert_eq!(open_sessions(&person, &server), Vec::<String>::new());
    menu.type_line("0");
    assert_eq!(menu.finish().0, 0);
}

#[test]
fn u_2_what_was_done_is_said_when_the_answer_cannot_be_written() {
    let (server, person) = joined();
    let run = |words: &[&str], input: &[&str], done: &str| {
        let mut command = person.command("vestry");
        command
            .args(words)
            .stdout(File::options().write(true).open("/dev/full").expect("Linux has /dev/full"));
        let said = Ran::of_command(command, &format!("{}\n", input.join("\n"))).ended_with(74).err;
        assert!(said.starts_with(done), "{words:?}: {said}");
        assert!(said.contains("could not be written") && !said.contains("try again"), "{words:?}: {said}");
    };
    run(
        &["register", "naman", "--json", "--password-stdin"],
        &[PASSWORD],
        "Registered naman, and logged in.",
    );
    run(&["login", "naman", "--password-stdin"], &[PASSWORD], "Logged in as naman.");
    run(&["passwd", "--password-stdin"], &[PASSWORD, OTHER_PASSWORD], "Password changed.");
    run(&["update", "--age", "40"], &[], "name: ");
    run(&["logout", "--json"], &[], "Logged out.");
    log_in(&person, "naman").ended_with(77);
    let code = person
        .vestryctl(&server, &["--format", "json", "account", "reset", "naman", "--confirm", "naman"])
        .ended_with(0)
        .out;
    let code: serde_json::Value = serde_json::from_str(&code).unwrap();
    let code = code[0]["code"].as_str().or(code["code"].as_str()).expect("a code").to_owned();
    run(&["reset", "naman", "--password-stdin"], &[&code, OTHER_PASSWORD], "The password of naman is set");
    person.vestry(&["login", "naman", "--password-stdin"], OTHER_PASSWORD).ended_with(0);
    let delete = ["delete", "--confirm", "naman", "--password-stdin"];
    run(&delete, &[OTHER_PASSWORD], "Deleted naman. The operator can undo it until 20");
}

#[test]
fn u_9_a_login_ends_the_session_that_was_kept_here_at_the_server_too() {
    let (server, person) = registered();
    let other = Person::new();
    other.join(&server);
    log_in(&other, "naman").ended_with(0);
    for lifetime in [&[][..], &["--remember"], &[], &["--remember"]] {
        let words = [&["login", "naman", "--password-stdin"], lifetime].concat();
        person.vestry(&words, PASSWORD).ended_with(0);
        assert_eq!(open_sessions(&person, &server), ["naman", "naman"]);
        assert_eq!(whose(&person), "naman");
    }
    assert_eq!(whose(&other), "naman");
}

#[test]
fn u_9_other_processes_take_the_new_session_of_the_account_from_the_file() {
    let (server, person) = logged_in();
    let mut menu = menu_of(&person, "naman");
    log_in(&person, "naman").ended_with(0);
    menu.type_line("5");
    menu.wait_for("username:");
    menu.wait_for("Your choice: ");
    log_in(&person, "naman").ended_with(0);
    // A change, too.
    menu.type_line("3");
    for (question, answer) in [("Email [", ""), ("Age [", "41"), ("Gender [", "")] {
        menu.answer(question, answer);
    }
    menu.wait_for("Updated.");
    menu.answer("Your choice: ", "6");
    menu.wait_for("Logged out.");
    assert_eq!(open_sessions(&person, &server), Vec::<String>::new());
    person.run("vestry", &["show"], "").ended_with(77);
}

#[tokio::test]
async fn u_9_a_device_that_was_logged_out_is_told_why_at_its_next_call() {
    let (server, person) = registered();
    let other = Person::new();
    other.join(&server);
    let told = |why: &str| {
        let said = person.run("vestry", &["show"], "").ended_with(77).err;
        assert!(said.contains(&format!("your session has ended: {why}")), "{said}");
    };
    log_in(&person, "naman").ended_with(0);
    // 33 logins of the program itself would stretch a password 33 times.
    server.register("pupil1").await;
    let (_, session) = server.log_in("pupil1", PASSWORD).await;
    let token = data_encoding::HEXLOWER.encode(session.token.expose_secret());
    fs::write(session_file(&person), format!("vestry session 1\npupil1\n{token}\n")).unwrap();
    assert_eq!(whose(&person), "pupil1");
    for _ in 0..32 {
        server.log_in("pupil1", PASSWORD).await;
    }
    told("the account had too many sessions");
    log_in(&person, "naman").ended_with(0);
    log_in(&other, "naman").ended_with(0);
    other
        .run("vestry", &["passwd", "--password-stdin"], &format!("{PASSWORD}\n{OTHER_PASSWORD}\n"))
        .ended_with(0);
    let mut menu = person.open("vestry", &[]);
    menu.wait_for("your session has ended: the password was changed. Log in again with 1.");
    menu.answer("Your choice: ", "0");
}

#[test]
fn u_10_servers_that_are_joined_at_once_are_all_known() {
    let servers = [Server::start(), Server::start()];
    let person = Person::new();
    let joins = servers.each_ref().map(|server| person.vestryctl(server, &["join-string"]).out);
    for round in 0..10 {
        let _ = fs::remove_file(person.home().join("config/vestry/servers.toml"));
        std::thread::scope(|scope| {
            for join in &joins {
                scope.spawn(|| person.run("vestry", &["join", join.trim()], "").ended_with(0));
            }
        });
        let list = fs::read_to_string(person.home().join("config/vestry/servers.toml")).unwrap();
        assert_eq!(list.matches("[servers.").count(), 2, "round {round}: {list}");
    }
}

#[test]
fn u_15_root_leaves_nothing_in_the_folder_of_another_user() {
    if !is_root() {
        println!("skipped: only root writes in the folders of others");
        return;
    }
    let (server, person) = registered();
    let join = person.vestryctl(&server, &["join-string"]).out;
    let run = |words: &[&str], input: &str| Ran::of_command(command_of_another(&person, words), input);
    run(&["login", "naman", "--remember", "--password-stdin"], &format!("{PASSWORD}\n")).ended_with(0);
    let before = facts_below(person.home());
    for words in
        [["join", join.trim()].as_slice(), &["login", "naman", "--remember", "--password-stdin"], &["logout"]]
    {
        let said = person.vestry(words, PASSWORD).err;
        assert!(said.contains("belongs to another user (number 65534)"), "{words:?}: {said}");
        assert!(said.contains("sudo -u '#65534'") || words == ["logout"], "{words:?}: {said}");
        assert_eq!(facts_below(person.home()), before, "{words:?}");
    }
    run(&["status"], "").ended_with(0);
}

/// As an earlier version left it when root ran it once with a user's home.
#[test]
fn u_15_what_root_left_in_a_users_folder_is_set_aside_with_a_word() {
    if !is_root() {
        println!("skipped: only root can leave a file to another user");
        return;
    }
    let (server, person) = joined();
    let join = person.vestryctl(&server, &["join-string"]).out;
    let list = person.home().join("config/vestry/servers.toml");
    let status = command_of_another(&person, &["status"]);
    chown(&list, Some(0), Some(0)).unwrap();
    let said = Ran::of_command(status, "").ended_with(78).err;
    let word = format!("Permission denied (os error 13); it was set aside as {}.damaged.", list.display());
    assert_in_order(&said, &[&word, "no server is known yet", "vestry join"]);
    Ran::of_command(command_of_another(&person, &["join", join.trim()]), "").ended_with(0);
}

/// Every path below a folder, with its owner and its length.
fn facts_below(folder: &Path) -> Vec<(PathBuf, u32, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let facts = path.symlink_metadata().unwrap();
        if facts.is_dir() {
            found.extend(facts_below(&path));
        }
        found.push((path, facts.uid(), facts.len()));
    }
    found.sort();
    found
}

#[test]
fn u_16_a_linked_list_of_servers_is_replaced_where_it_is_and_keeps_its_comments() {
    let (first, second) = (Server::start(), Server::start());
    let person = Person::new();
    let folder = person.home().join("dotfiles");
    fs::create_dir(&folder).unwrap();
    fs::create_dir_all(person.home().join("config/vestry")).unwrap();
    let (file, link) = (folder.join("servers.toml"), person.home().join("config/vestry/servers.toml"));
    symlink("../../dotfiles/servers.toml", &link).unwrap();
    // A link to nothing yet.
    person.join(&first);
    let made = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("# of the lab\nnewer = true\n{made}")).unwrap();
    set_mode(&file, 0o644);
    person.join(&second);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("# of the lab\nnewer = true\n"), "{text}");
    assert_eq!((text.matches("[servers.").count(), file.metadata().unwrap().mode() & 0o777), (2, 0o644));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "something was left beside it");
    person.run("vestry", &["status"], "").ended_with(0);
    set_mode(&file, 0o664);
    let said = person.run("vestry", &["status"], "").ended_with(78).err;
    assert!(said.contains("can be changed by others (mode 0664)") && said.contains("chmod go-w"), "{said}");
}

#[test]
fn u_16_a_linked_session_is_replaced_where_it_is() {
    let (_server, person) = logged_in();
    let (file, real) = (session_file(&person), person.home().join("elsewhere"));
    fs::rename(&file, &real).unwrap();
    symlink(&real, &file).unwrap();
    let before = fs::read(&real).unwrap();
    log_in(&person, "naman").ended_with(0);
    assert!(file.symlink_metadata().unwrap().is_symlink());
    assert_ne!(fs::read(&real).unwrap(), before);
    person.run("vestry", &["logout"], "").ended_with(0);
    assert!(!real.exists(), "the token was left where the link leads");
}

#[test]
fn u_22_a_damaged_session_is_set_aside_and_no_dead_end() {
    let (_server, person) = logged_in();
    let file = session_file(&person);
    let aside = file.with_extension("session.damaged");
    let damage = || {
        let _ = fs::remove_file(&aside);
        fs::write(&file, "vestry session 9\n").unwrap();
        set_mode(&file, 0o600);
    };
    let word = format!("{} was damaged; it was set aside as {}", file.display(), aside.display());
    damage();
    let said = person.run("vestry", &["logout"], "").ended_with(77).err;
    assert!(said.contains(&word) && said.contains("vestry login"), "{said}");
    assert_eq!(fs::read_to_string(&aside).unwrap(), "vestry session 9\n");
    damage();
    let mut menu = person.open("vestry", &[]);
    menu.wait_for("was damaged; it was set aside");
    menu.answer("Your choice: ", "0");
    assert_eq!(menu.finish().0, 0);
    damage();
    assert!(log_in(&person, "naman").ended_with(0).err.contains(&word));
    assert_eq!(whose(&person), "naman");
}

#[test]
fn u_22_a_damaged_file_of_a_device_is_set_aside_with_a_word() {
    let (_server, person) = logged_in();
    let devices = person.home().join("state/vestry/devices");
    let mut found = facts_below(&devices).into_iter().map(|(path, ..)| path);
    let file = found.find(|path| path.ends_with("naman")).expect("this device is remembered");
    fs::write(&file, "no token").unwrap();
    let said = log_in(&person, "naman").ended_with(0).err;
    assert!(said.contains("naman was damaged; it was set aside as"), "{said}");
    assert_eq!(fs::read_to_string(file.with_extension("damaged")).unwrap(), "no token");
    // It was remembered again.
    assert_eq!(fs::read(&file).unwrap().len(), 64);
    assert_eq!(log_in(&person, "naman").ended_with(0).err.matches("damaged").count(), 0);
}

#[test]
fn u_22_a_key_of_a_later_version_in_the_list_of_servers_is_kept() {
    let (server, person) = registered();
    let file = person.home().join("config/vestry/servers.toml");
    let text = format!(
        "later = 1\n{}\nname = \"the lab\"\n[groups]\nx = 1\n",
        fs::read_to_string(&file).unwrap().trim()
    );
    fs::write(&file, &text).unwrap();
    log_in(&person, "naman").ended_with(0);
    person.join(&server);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn u_22_a_path_in_advice_can_be_pasted_into_a_shell() {
    let (server, person) = joined();
    let home = person.home().join("a home's");
    fs::create_dir(&home).unwrap();
    let run = |words: &[&str]| {
        let mut command = person.command("vestry");
        command.args(words).env("XDG_CONFIG_HOME", &home).stdout(Stdio::piped());
        Ran::of_command(command, "")
    };
    run(&["join", person.vestryctl(&server, &["join-string"]).out.trim()]).ended_with(0);
    set_mode(&home.join("vestry/servers.toml"), 0o666);
    let said = run(&["status"]).ended_with(78).err;
    let advised = said.trim().split_once("with: ").expect("a command").1;
    assert!(Command::new("sh").args(["-c", advised]).status().unwrap().success(), "{advised}");
    run(&["status"]).ended_with(0);
}

#[test]
fn u_22_what_was_typed_is_not_printed_back_whole_when_it_is_long() {
    let person = Person::new();
    let long = "a".repeat(20_000);
    let said = person.run("vestry", &["--server", &long, "status"], "").ended_with(65).err;
    assert!(said.contains("'aaa") && said.contains("is not the address of a server"), "{said}");
    assert!(said.len() < 1_000, "{}", said.len());
    let said = person.run("vestry", &["sessions", "revoke", &long], "").ended_with(65).err;
    assert!(said.contains("is not the id of a session") && said.len() < 1_000, "{said}");
}

#[test]
fn u_22_a_join_string_in_several_parts_is_read() {
    let (server, person) = joined();
    let join = person.vestryctl(&server, &["join-string"]).out;
    let (first, second) = join.trim().split_at(40);
    let other = Person::new();
    other.run("vestry", &["join", first, second], "").ended_with(0);
}
