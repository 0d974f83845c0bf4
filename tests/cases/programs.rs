//! The three programs as a person uses them: commands and exit codes, the menu and the prompt on a terminal, the
//! scripts.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use vestry_protocol::admin::AdminCall;
use vestry_tests::harness::{OTHER_PASSWORD, PASSWORD, Server, program};
use vestry_tests::imported::import;
use vestry_tests::programs::{Person, Ran, core_limits, with_admin};

pub(crate) fn joined() -> (Server, Person) {
    let server = Server::start();
    let person = Person::new();
    person.join(&server);
    (server, person)
}

pub(crate) fn registered() -> (Server, Person) {
    let (server, person) = joined();
    let register = ["register", "naman", "--age", "40", "--no-login", "--password-stdin"];
    person.vestry(&register, PASSWORD).ended_with(0);
    (server, person)
}

pub(crate) fn logged_in() -> (Server, Person) {
    let (server, person) = registered();
    person.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    (server, person)
}

pub(crate) fn json(ran: &Ran) -> serde_json::Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.out))
}

#[test]
fn the_commands_tell_the_tour_of_the_report() {
    let (server, person) = logged_in();
    let shown = json(&person.run("vestry", &["show", "--json"], "").ended_with(0));
    assert_eq!((&shown["name"], &shown["age"]), (&"naman".into(), &40.into()));
    let keys: Vec<&str> = shown.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys.len(), 6, "{keys:?}");
    person.run("vestry", &["update", "--age", "35", "--gender", "male"], "").ended_with(0);
    person.vestry(&["update", "--email", "n@example.org", "--password-stdin"], PASSWORD).ended_with(0);
    let shown = person.run("vestry", &["show"], "").ended_with(0).out;
    for part in ["naman", "35", "male", "n@example.org"] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(!shown.contains(PASSWORD));
    person.run("vestry", &["update", "--gender", ""], "").ended_with(0);
    assert_eq!(json(&person.run("vestry", &["show", "--json"], ""))["gender"], serde_json::Value::Null);
    person.run("vestry", &["logout"], "").ended_with(0);
    person.run("vestry", &["show"], "").ended_with(77);
    let table =
        person.vestryctl(&server, &["sql", "--format", "table", "select * from accounts"]).ended_with(0).out;
    let header = table.lines().nth(1).unwrap().split('|').map(str::trim).filter(|word| !word.is_empty());
    assert_eq!(
        header.collect::<Vec<_>>(),
        [
            "name",
            "email",
            "age",
            "gender",
            "status",
            "credential",
            "created",
            "last_login",
            "suspended_until",
            "suspended_reason"
        ]
    );
    assert!(table.contains("1 row in set ("), "{table}");
}

#[test]
fn commands_change_a_password_list_sessions_and_delete_the_account() {
    let (_server, person) = logged_in();
    let both = format!("{PASSWORD}\n{OTHER_PASSWORD}");
    person.vestry(&["passwd", "--password-stdin"], &both).ended_with(0);
    person.run("vestry", &["show"], "").ended_with(0);
    let sessions = json(&person.run("vestry", &["sessions", "--json"], "").ended_with(0));
    assert_eq!(sessions.as_array().unwrap().len(), 1);
    let id = sessions[0]["id"].as_str().unwrap().to_owned();
    person.run("vestry", &["sessions", "revoke", "0000000000000001"], "").ended_with(77);
    person.run("vestry", &["sessions", "revoke", &id], "").ended_with(0);
    person.run("vestry", &["show"], "").ended_with(77);
    person.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(77);
    person.vestry(&["login", "naman", "--password-stdin"], OTHER_PASSWORD).ended_with(0);
    let delete = ["delete", "--no-input", "--password-stdin", "--confirm"];
    person.vestry(&[&delete[..], &["somebody"]].concat(), OTHER_PASSWORD).ended_with(65);
    person.vestry(&[&delete[..], &["naman"]].concat(), OTHER_PASSWORD).ended_with(0);
    person.vestry(&["login", "naman", "--password-stdin"], OTHER_PASSWORD).ended_with(77);
}

#[test]
fn bad_input_has_its_exit_code_and_says_what_to_do() {
    let (server, person) = joined();
    let cases: [(&[&str], &str, i32, &str); 9] = [
        (&["register"], "", 2, "register"),
        (&["no-such-command"], "", 2, "no-such-command"),
        (&["register", "n", "--password-stdin"], PASSWORD, 65, "name"),
        (&["register", "naman", "--age", "200", "--password-stdin"], PASSWORD, 65, "age"),
        (&["register", "naman", "--email", "x", "--password-stdin"], PASSWORD, 65, "e-mail"),
        (&["register", "naman", "--password-stdin"], "short", 65, "at least 15"),
        (&["login", "naman", "--no-input"], "", 2, "password"),
        (&["login", "naman", "--password-stdin"], PASSWORD, 77, "wrong"),
        (&["show"], "", 77, "vestry login"),
    ];
    for (arguments, input, code, said) in cases {
        let ran = person.vestry(arguments, input).ended_with(code);
        assert!(ran.err.contains(said), "{arguments:?}: {}", ran.err);
        assert_eq!(ran.out, "", "{arguments:?}");
    }
    let huge = "x".repeat(2 * 1024 * 1024);
    person.vestry(&["register", "naman", "--password-stdin"], &huge).ended_with(65);
    let accounts = person.vestryctl(&server, &["sql", "--format", "tsv", "select count(*) from accounts"]);
    assert_eq!(accounts.out.lines().nth(1), Some("0"));
}

/// Each way by which a password is set, but the menu, which has the same check.
#[test]
fn a_weak_new_password_is_refused_with_its_reason_on_every_way() {
    let (server, person) = logged_in();
    let code = ["account", "create", "anirudh", "--format", "json"];
    let code = json(&person.vestryctl(&server, &code))["code"].as_str().unwrap().to_owned();
    let ways: [(&[&str], &str); 3] =
        [(&["register", "hana"], ""), (&["passwd"], PASSWORD), (&["reset", "anirudh"], &code)];
    let weak = [
        ("1234567890123456", "keyboard"),
        ("password12345678", "attackers try this one first"),
        ("naman-naman-hana-anirudh", "your name"),
        ("aaaaaaaaaaaaaaaaaaaa", "repeats"),
        ("dragon1234567890", "well-known"),
    ];
    for (way, first) in ways {
        for (text, said) in weak {
            let name = if way == ["passwd"] { "naman" } else { way[1] };
            let text = if said == "your name" { format!("{name}-{name}-vestry-1") } else { text.to_owned() };
            let lines = if first.is_empty() { text.clone() } else { format!("{first}\n{text}") };
            let ran = person.vestry(&[way, &["--password-stdin"]].concat(), &lines).ended_with(65);
            assert!(ran.err.contains(said) && !ran.err.contains(&text), "{way:?} {text}: {}", ran.err);
        }
    }
    person
        .vestry(&["reset", "anirudh", "--password-stdin"], &format!("{code}\n{OTHER_PASSWORD}"))
        .ended_with(0);
}

#[test]
fn a_password_that_is_not_utf_8_and_an_exposed_password_file_are_refused() {
    let (_server, person) = registered();
    let file = person.home().join("password");
    std::fs::write(&file, [0xff, 0xfe, b'\n']).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let path = file.to_str().unwrap();
    person.run("vestry", &["login", "naman", "--password-file", path], "").ended_with(65);
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    person.run("vestry", &["login", "naman", "--password-file", path], "").ended_with(0);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = person.run("vestry", &["login", "naman", "--password-file", path], "");
    assert!([65, 78].contains(&ran.code) && ran.err.contains("chmod 600"), "{}: {}", ran.code, ran.err);
}

#[test]
fn an_unknown_and_an_unreachable_server_are_told_apart() {
    let person = Person::new();
    let ran = person.run("vestry", &["status"], "").ended_with(78);
    assert!(ran.err.contains("vestry join"), "{}", ran.err);
    let (server, person) = joined();
    server.stop();
    person.run("vestry", &["status"], "").ended_with(69);
}

#[test]
fn sec_0024_a_changed_server_gets_no_byte_of_a_request_and_the_client_exits_76() {
    let (server, person) = logged_in();
    let port = server.user.port();
    server.stop();
    // Another server, with its own key, on the same port.
    let other = tempfile::tempdir().unwrap();
    Server::init(other.path(), "");
    let file = other.path().join("vestryd.toml");
    let text =
        std::fs::read_to_string(&file).unwrap().replacen("127.0.0.1:0", &format!("127.0.0.1:{port}"), 1);
    std::fs::write(&file, text).unwrap();
    let other = Server::start_in(Arc::new(other));
    for arguments in [&["show"][..], &["status"], &["login", "naman", "--password-stdin"]] {
        let ran = person.vestry(arguments, PASSWORD).ended_with(76);
        assert!(ran.err.contains("operator"), "{}", ran.err);
    }
    let line = person.vestryctl(&other, &["join-string"]).out;
    person.run("vestry", &["join", line.trim()], "").ended_with(76);
    // The other server saw handshakes that failed, and not one request.
    let events = person.vestryctl(
        &other,
        &["sql", "--format", "tsv", "select count(*) from audit where actor_kind = 'user'"],
    );
    assert_eq!(events.out.lines().nth(1), Some("0"));
    person.run("vestry", &["join", "--replace", line.trim()], "").ended_with(0);
    person.run("vestry", &["status"], "").ended_with(0);
}

/// While the server is down, anybody on the machine can listen where it did.
#[test]
fn sec_0059_whoever_squats_the_admin_port_gets_nothing_from_the_console() {
    let server = Server::start();
    let person = Person::new();
    let (port, folder) = (server.admin.port(), server.stop());
    // A whole server of the squatter's, with keys of his own, which would answer any operator that shook hands with it.
    let squatter = tempfile::tempdir().unwrap();
    Server::init(squatter.path(), "");
    let file = squatter.path().join("vestryd.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let (before, after) = settings.rsplit_once("127.0.0.1:0").unwrap();
    std::fs::write(&file, format!("{before}127.0.0.1:{port}{after}")).unwrap();
    let squatter = Server::start_in(Arc::new(squatter));
    assert_eq!(squatter.admin.port(), port);
    let admin = format!("127.0.0.1:{port}");
    let data = folder.path().display().to_string();
    for verb in [&["status"][..], &["account", "delete", "naman", "--confirm", "naman"], &["sql", "select 1"]]
    {
        let arguments = [&["--data-dir", &data, "--admin", &admin], verb].concat();
        let ran = person.run("vestryctl", &arguments, "").ended_with(76);
        assert!(ran.out.is_empty(), "{}", ran.out);
    }
    // No operator's request arrived: this one, which records itself before it is answered, is the first.
    let told = person.vestryctl(
        &squatter,
        &["sql", "--format", "tsv", "select count(*) from audit where actor_kind = 'operator'"],
    );
    assert_eq!(told.out.lines().nth(1), Some("1"));
}

#[test]
fn a_join_string_with_a_typing_error_is_refused_before_anything_is_sent() {
    let server = Server::start();
    let person = Person::new();
    let line = person.vestryctl(&server, &["join-string"]).ended_with(0).out;
    let mut typed = line.trim().to_owned();
    let last = typed.pop().unwrap();
    typed.push(if last == 'a' { 'b' } else { 'a' });
    person.run("vestry", &["join", &typed], "").ended_with(65);
    person.run("vestry", &["status"], "").ended_with(78);
}

#[test]
fn the_menu_registers_logs_in_retrieves_updates_and_loses_nothing_to_a_bad_answer() {
    let (_server, person) = joined();
    let mut menu = person.open("vestry", &[]);
    menu.wait_for("1  login");
    menu.wait_for("2  register");
    menu.wait_for("7  first login");
    menu.wait_for("8  reset");
    menu.wait_for("0  exit");
    menu.answer("choice: ", "5");
    menu.answer("choice: ", "2");
    menu.answer("Username", "no spaces please");
    menu.answer("Username", "naman");
    menu.answer("Email: ", "not an address");
    menu.answer("Email: ", "naman@gmail.com");
    menu.answer("Age: ", "two hundred");
    menu.answer("Age: ", "40");
    menu.answer("Gender: ", "");
    menu.answer("Password (", "short");
    menu.answer("Password (", PASSWORD);
    menu.answer("Type it once more", PASSWORD);
    menu.wait_for("Registered naman, and logged in.");
    menu.wait_for("naman is logged in to localhost:");
    menu.wait_for("3  update");
    menu.wait_for("4  delete");
    menu.wait_for("5  retrieve");
    menu.wait_for("6  logout");
    menu.answer("choice: ", "5");
    menu.wait_for("naman@gmail.com");
    menu.answer("choice: ", "3");
    menu.answer("Email [naman@gmail.com]: ", "");
    menu.answer("Age [40]: ", "35");
    menu.answer("Gender", "");
    menu.wait_for("Updated");
    menu.answer("choice: ", "6");
    menu.wait_for("2  register");
    menu.answer("choice: ", "0");
    let (code, screen) = menu.finish();
    assert_eq!(code, 0);
    assert!(!screen.contains(PASSWORD), "a password was shown");
    let widest = screen.lines().map(|line| line.trim_end().chars().count()).max().unwrap();
    assert!(widest <= 80, "{widest} columns");
}

#[test]
fn the_menu_takes_the_first_login_of_an_imported_account() {
    let server = Server::start_with("hashing.imported_login_ms = 500");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(import(&server, &[("naman", PASSWORD)]));
    let person = Person::new();
    person.join(&server);
    let mut menu = person.open("vestry", &[]);
    menu.answer("choice: ", "1");
    menu.answer("Username", "naman");
    menu.answer("Password for naman", PASSWORD);
    menu.wait_for("The name or the password is wrong");
    menu.answer("Password for naman", "");
    menu.answer("choice: ", "7");
    menu.wait_for("the password is");
    menu.answer("Username", "naman");
    menu.answer("Password for naman", PASSWORD);
    menu.wait_for("Logged in as naman");
    menu.answer("choice: ", "6");
    menu.answer("choice: ", "1");
    menu.answer("Username", "naman");
    menu.answer("Password for naman", PASSWORD);
    menu.wait_for("Logged in as naman");
    menu.answer("choice: ", "0");
    assert_eq!(menu.finish().0, 0);
}

#[test]
fn devices_are_listed_and_forgotten_by_commands() {
    let (server, person) = logged_in();
    let listed = json(&person.run("vestry", &["devices", "--json"], "").ended_with(0));
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    person.run("vestry", &["devices", "forget", "0000000000000001"], "").ended_with(77);
    person.run("vestry", &["devices", "forget", "no number"], "").ended_with(65);
    let forgot = person.run("vestry", &["devices", "forget", &id], "").ended_with(0);
    assert_eq!(forgot.out, format!("Forgot device {id}.\n"));
    assert_eq!(json(&person.run("vestry", &["devices", "--json"], "").ended_with(0)), serde_json::json!([]));
    // At its next login it is remembered again, under another number.
    person.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    let again = json(&person.run("vestry", &["devices", "--json"], "").ended_with(0));
    assert!(again[0]["id"].is_string() && again[0]["id"] != id.as_str(), "{again}");
    // And at the one after that it is not remembered twice.
    person.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    assert_eq!(json(&person.run("vestry", &["devices", "--json"], "").ended_with(0)), again);
    let events = person.vestryctl(
        &server,
        &["sql", "--format", "tsv", "select count(*) from audit where action = 'device.remembered'"],
    );
    assert_eq!(events.out.lines().nth(1), Some("2"));
}

#[test]
fn the_menu_survives_a_killed_server_and_shows_the_account_as_acknowledged() {
    let (server, person) = logged_in();
    let port = server.user.port();
    let mut menu = person.open("vestry", &[]);
    menu.answer("choice: ", "5");
    menu.wait_for("age:");
    menu.wait_for("choice: ");
    let folder = server.kill();
    menu.type_line("5");
    menu.wait_for("not reachable");
    let file = folder.path().join("vestryd.toml");
    let text =
        std::fs::read_to_string(&file).unwrap().replacen("127.0.0.1:0", &format!("127.0.0.1:{port}"), 1);
    std::fs::write(&file, text).unwrap();
    let _server = Server::start_in(folder);
    menu.answer("choice: ", "5");
    menu.wait_for("40");
    menu.answer("choice: ", "0");
    assert_eq!(menu.finish().0, 0);
}

#[test]
fn without_a_terminal_the_menu_is_no_menu() {
    let (_server, person) = joined();
    let ran = person.run("vestry", &[], "").ended_with(2);
    assert!(ran.err.contains("Usage") || ran.out.contains("Usage"), "{}{}", ran.out, ran.err);
}

#[test]
fn the_prompt_of_the_operator_runs_sql_commands_and_says_goodbye() {
    let (server, person) = registered();
    let arguments = with_admin(&server, &[]);
    let mut prompt = person.open("vestryctl", &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    prompt.answer("vestry> ", "select name, age");
    prompt.answer("-> ", "from accounts;");
    prompt.wait_for("| naman |");
    prompt.wait_for("1 row in set (");
    prompt.answer("vestry> ", "select * from py3\\G");
    prompt.wait_for("1. row");
    prompt.wait_for("pass: ********");
    prompt.answer("vestry> ", "delete from accounts;");
    prompt.wait_for("only select runs here");
    prompt.answer("vestry> ", "account show naman");
    prompt.wait_for("active");
    prompt.answer("vestry> ", "exit");
    assert_eq!(prompt.finish().0, 0);
}

#[test]
fn an_operator_manages_an_account_from_the_console() {
    let (server, person) = logged_in();
    let ctl = |arguments: &[&str]| person.vestryctl(&server, arguments);
    ctl(&["account", "suspend", "naman"]).ended_with(2);
    let dry = ctl(&["account", "suspend", "naman", "--dry-run", "--reason", "rent is due"]).ended_with(0);
    assert!(dry.out.contains("naman") || dry.err.contains("naman"));
    person.run("vestry", &["show"], "").ended_with(0);
    ctl(&["account", "suspend", "naman", "--confirm", "anirudh"]).ended_with(65);
    ctl(&["account", "suspend", "naman", "--confirm", "naman", "--until", "7d", "--reason", "rent is due"])
        .ended_with(0);
    person.run("vestry", &["show"], "").ended_with(77);
    let told = person.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(77);
    assert!(told.err.contains("rent is due"), "{}", told.err);
    ctl(&["account", "resume", "naman"]).ended_with(0);
    ctl(&["account", "resume", "naman"]).ended_with(77);
    ctl(&["account", "delete", "naman", "--confirm", "naman"]).ended_with(0);
    ctl(&["account", "restore", "naman"]).ended_with(0);
    person.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    let made = ctl(&["account", "create", "anirudh", "--age", "18"]).ended_with(0);
    let code = (made.out + &made.err)
        .split_whitespace()
        .find(|word| word.matches('-').count() == 3)
        .unwrap()
        .to_owned();
    let lines = format!("{code}\n{OTHER_PASSWORD}");
    person.vestry(&["reset", "anirudh", "--password-stdin"], &lines).ended_with(0);
    person.vestry(&["reset", "anirudh", "--password-stdin"], &lines).ended_with(77);
    person.vestry(&["login", "anirudh", "--password-stdin"], OTHER_PASSWORD).ended_with(0);
    ctl(&["account", "show", "nobody-here"]).ended_with(77);
    let status = json(&ctl(&["status", "--json"]).ended_with(0));
    assert!(status.to_string().contains("sha256:"), "{status}");
}

#[test]
fn tables_come_in_every_format_and_pages() {
    let (server, person) = joined();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for number in 0..5 {
        let call = AdminCall::CreateAccount { name: format!("person{number}"), profile: Default::default() };
        runtime.block_on(server.operate(call));
    }
    let ctl = |arguments: &[&str]| person.vestryctl(&server, arguments).ended_with(0);
    let plain = ctl(&["accounts", "--columns", "name,status"]);
    assert_eq!(plain.out.lines().next(), Some("name\tstatus"));
    assert_eq!(plain.out.lines().count(), 6);
    let rows = json(&ctl(&["accounts", "--format", "json", "--columns", "name", "--sort", "name", "--desc"]));
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]["name"]), (5, &"person4".into()));
    let csv = ctl(&["accounts", "--format", "csv", "--columns", "name,age", "--where", "name > 'person2'"]);
    assert_eq!(csv.out.replace("\r\n", "\n"), "name,age\nperson3,\nperson4,\n");
    assert_eq!(ctl(&["accounts", "--format", "ndjson", "--columns", "name"]).out.lines().count(), 5);
    let page = ctl(&["accounts", "--columns", "name", "--limit", "3", "--format", "tsv"]);
    assert_eq!(page.out.lines().count(), 4);
    let cursor = page.err.split_whitespace().last().unwrap().trim_matches('\'').to_owned();
    let rest = ctl(&["accounts", "--columns", "name", "--limit", "3", "--after", &cursor, "--format", "tsv"]);
    assert_eq!(rest.out, "name\nperson3\nperson4\n");
    ctl(&["audit", "--limit", "1"]);
    ctl(&["sessions"]);
    ctl(&["operators"]);
    person.vestryctl(&server, &["accounts", "--where", "1) union select 1 --"]).ended_with(65);
    person.vestryctl(&server, &["sql", "select * from credential"]).ended_with(65);
}

#[test]
fn sec_0025_files_that_others_can_read_are_refused_by_name() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    Server::init(folder.path(), "");
    let run = |command: &str| {
        let mut vestryd = Command::new(program("vestryd"));
        let done = vestryd.arg(command).arg("--data-dir").arg(folder.path()).output().unwrap();
        let said = [done.stderr, done.stdout].concat();
        (done.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    let under = |name: &str| files_below(&folder.path().join(name)).into_iter().map(|(path, _)| path);
    // Each secret that there is, so that a new one is tried too; and the keys of certificates, which are beside public files.
    let keys = under("certs").filter(|path| path.extension().is_some_and(|kind| kind == "key"));
    let files: Vec<PathBuf> = under("secrets").chain(keys).collect();
    let mut names: Vec<String> = ["vestry.db", "secrets"].map(str::to_owned).to_vec();
    for path in &files {
        names.push(path.strip_prefix(folder.path()).unwrap().display().to_string());
    }
    for known in ["secrets/opaque.key", "secrets/audit.key", "certs/ca.key", "certs/operators/admin.key"] {
        assert!(names.iter().any(|name| name == known), "{known} is not there: {names:?}");
    }
    for name in &names {
        let path = folder.path().join(name);
        let before = path.metadata().unwrap().permissions();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(before.mode() | 0o044)).unwrap();
        for (command, (code, said)) in [("serve", run("serve")), ("check", run("check"))] {
            assert_eq!(code, Some(78), "{command} {name}: {said}");
            assert!(said.contains(name) && said.contains("chmod"), "{command} {name}: {said}");
        }
        std::fs::set_permissions(&path, before).unwrap();
    }
    Server::start_in(folder).stop();
}

#[test]
fn sec_0026_hostile_rows_do_not_drive_the_operators_terminal() {
    let server = Server::start();
    let person = Person::new();
    let hostile = "char(27)||'[2J'||char(27)||']0;owned'||char(7)||char(27)||']52;c;aGk='||char(7)||char(155)||'31m'||char(13)||char(8238)";
    let sql = format!("select {hostile} as trap, 1 as one");
    for format in ["table", "vertical", "tsv", "csv", "json", "ndjson"] {
        let ran = person.vestryctl(&server, &["sql", "--format", format, &sql]);
        // `char` is not on the list of functions; then the text has to come in as a literal.
        let ran = if ran.code == 0 {
            ran
        } else {
            let literal = "select '\u{1b}[2J\u{1b}]0;owned\u{7}\u{1b}]52;c;aGk=\u{7}\u{9b}31m\u{202e}' as trap, 1 as one";
            person.vestryctl(&server, &["sql", "--format", format, literal]).ended_with(0)
        };
        let printed = ran.out.clone() + &ran.err;
        assert!(printed.contains("2J"), "{format}: the row is missing: {printed:?}");
        let drives = |c: char| (c.is_control() && !['\n', '\t', '\r'].contains(&c)) || c == '\u{202e}';
        assert!(!printed.contains(drives), "{format}: {printed:?}");
        assert_eq!(printed.matches('\r').count(), printed.matches("\r\n").count(), "{format}");
    }
}

#[test]
fn sec_0027_no_password_is_in_the_arguments_the_environment_or_the_log() {
    let (server, person) = logged_in();
    let canary = PASSWORD;
    person.vestry(&["login", "naman", "--password-stdin"], "a wrong password of a canary").ended_with(77);
    // A name that is no name may be a password typed in the wrong place.
    person.vestry(&["login", "correct horse battery staple", "--password-stdin"], "x").ended_with(65);
    for flag in ["--password", "--pass", "-p"] {
        person.vestry(&["login", "naman", flag, canary], "").ended_with(2);
    }
    let of_server = |what: &str| std::fs::read(format!("/proc/{}/{what}", server.pid())).unwrap_or_default();
    for place in [of_server("cmdline"), of_server("environ"), server.talk().into_bytes()] {
        assert!(!String::from_utf8_lossy(&place).contains(canary));
    }
    let audit =
        person.vestryctl(&server, &["sql", "--format", "tsv", "select * from audit"]).ended_with(0).out;
    assert!(
        audit.contains("login.failed") && !audit.contains("canary") && !audit.contains(canary),
        "{audit}"
    );
    for (path, text) in files_below(person.home()) {
        assert!(!text.contains(canary), "{} holds a password", path.display());
    }
}

fn files_below(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push((path.clone(), String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned()));
        }
    }
    found
}

#[test]
fn no_core_dump_of_the_client_can_hold_what_is_typed() {
    let (_server, person) = joined();
    let mut terminal = person.open("vestry", &["login", "naman"]);
    terminal.wait_for("assword");
    assert_eq!(core_limits(terminal.pid()), ["0", "0"]);
    terminal.type_keys("\u{3}");
}

#[test]
fn the_clients_token_file_is_for_its_owner_only() {
    let (_server, person) = logged_in();
    let mut files = files_below(&person.home().join("run"));
    assert!(files.iter().all(|(path, _)| path.metadata().unwrap().permissions().mode() & 0o777 == 0o600));
    files.retain(|(path, _)| !path.ends_with(".lock"));
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(files[0].0.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&files[0].0, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = person.run("vestry", &["show"], "");
    assert!(ran.code != 0 && ran.err.contains("chmod 600"), "{}: {}", ran.code, ran.err);
}

#[test]
fn every_program_has_help_with_examples_a_version_completions_and_a_manual() {
    let person = Person::new();
    for name in ["vestryd", "vestry", "vestryctl"] {
        let help = person.run(name, &["--help"], "").ended_with(0).out;
        assert!(help.contains("Examples:") && help.contains("Exit codes"), "{name}: {help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{name} is too wide");
        assert!(person.run(name, &["--version"], "").ended_with(0).out.starts_with(name));
        assert!(person.run(name, &["completions", "bash"], "").ended_with(0).out.contains("complete"));
        assert!(person.run(name, &["man"], "").ended_with(0).out.contains(".TH"));
    }
}

#[test]
fn init_never_overwrites_and_generate_certs_is_silent_about_nothing() {
    let folder = tempfile::tempdir().unwrap();
    Server::init(folder.path(), "");
    let before: Vec<_> =
        files_below(folder.path()).into_iter().map(|(path, text)| (path, text.len())).collect();
    let again =
        Command::new(program("vestryd")).arg("init").arg("--data-dir").arg(folder.path()).output().unwrap();
    assert!(again.status.success());
    assert!(String::from_utf8_lossy(&again.stderr).contains("nothing was changed"));
    let after: Vec<_> =
        files_below(folder.path()).into_iter().map(|(path, text)| (path, text.len())).collect();
    assert_eq!(before, after);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Runs a script of the repository without a terminal, with the programs that are built already.
fn script(name: &str, arguments: &[&str]) -> Ran {
    let done = Command::new(root().join("scripts").join(name))
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    Ran {
        code: done.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&done.stdout).into_owned(),
        err: String::from_utf8_lossy(&done.stderr).into_owned(),
    }
}

/// A port whose successor is free too, at this moment.
fn two_free_ports() -> u16 {
    loop {
        let one = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = one.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
}

#[test]
fn the_quickstart_plays_the_tour_twice_and_says_when_its_port_is_busy() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, port) = (folder.path().to_str().unwrap(), two_free_ports().to_string());
    let arguments = ["--dir", dir, "--port", &port];
    let first = script("quickstart.sh", &arguments).ended_with(0);
    assert!(first.out.contains("3 rows in set") && first.out.contains("4 rows in set"), "{}", first.out);
    let again = script("quickstart.sh", &arguments).ended_with(0);
    assert!(again.out.contains("from an earlier run"), "{}", again.out);
    let _busy = TcpListener::bind(("127.0.0.1", port.parse().unwrap())).unwrap();
    let busy = script("quickstart.sh", &arguments).ended_with(1);
    assert!(busy.err.contains("cannot listen on"), "{}", busy.err);
}

#[test]
fn certificates_are_made_by_script_for_these_hosts_and_operators() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("made").display().to_string();
    let arguments = [
        "--dir",
        &dir,
        "--host",
        "accounts.example.org",
        "--days",
        "7",
        "--operator",
        "hana",
        "--operator",
        "vera",
    ];
    let made = script("gen-certs.sh", &arguments).ended_with(0);
    assert_eq!(made.out.lines().count(), 4, "{}", made.out);
    let shown =
        Command::new(program("vestryd")).args(["certs", "show", "--certs-dir", &dir]).output().unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    for part in ["accounts.example.org, localhost, 127.0.0.1, ::1", "CN=hana", "CN=vera", "sha256:"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    for key in ["ca.key", "server.key", "operators/hana.key"] {
        let mode = Path::new(&dir).join(key).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
    assert_eq!(script("gen-certs.sh", &arguments).ended_with(0).out, "");
    script("gen-certs.sh", &["--no-such-option"]).ended_with(2);
}
