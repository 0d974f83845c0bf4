//! From the join string to an account that is logged in, and what the menu and `status` show then.

use crate::programs::{joined, json};
use vestry_tests::harness::{OTHER_PASSWORD, PASSWORD, Server};
use vestry_tests::programs::Person;

/// The string that the operator sends.
fn join_string(server: &Server) -> String {
    Person::new().vestryctl(server, &["join-string"]).ended_with(0).out.trim().to_owned()
}

#[test]
fn a_join_string_is_read_in_whatever_shape_mail_and_chat_make_of_it() {
    let server = Server::start();
    let line = join_string(&server);
    let (head, tail) = line.split_at(40);
    let shapes: [&[&str]; 8] = [
        &[&line],
        &[&format!("vestry://join/{line}")],
        &[&format!("\u{2039}`{line}`\u{203a}.")],
        &["vestry", "join", &line],
        &[head, tail],
        &[&format!("> {head}\n> {tail}=")],
        &[&format!("{head}\u{200b}{tail}").replacen('-', "\u{2013}", 1)],
        &[&format!("Hello,\nthis is it: {head}\u{ad}{tail}\nYours, Hana")],
    ];
    for shape in shapes {
        let person = Person::new();
        let joined = person.run("vestry", &[&["join"], shape].concat(), "").ended_with(0);
        assert!(joined.out.starts_with("Joined localhost:"), "{shape:?}: {}", joined.out);
        let piped = person.run("vestry", &["join", "-"], &shape.join("\n")).ended_with(0);
        assert_eq!(piped.out, joined.out, "{shape:?}");
    }
    let person = Person::new();
    person.run("vestry", &["join", "-"], "no such thing\n").ended_with(65);
    person.run("vestry", &["join", "-"], &"a".repeat(100_000)).ended_with(65);
    let nobody = person.run("vestry", &["join"], "").ended_with(2);
    assert!(nobody.err.contains("give the join string, or - to read it"), "{}", nobody.err);
}

#[test]
fn a_join_string_can_be_pasted_in_several_lines_when_it_is_asked_for() {
    let server = Server::start();
    let line = join_string(&server);
    let (head, tail) = line.split_at(40);
    let person = Person::new();
    let mut terminal = person.open("vestry", &["join"]);
    terminal.wait_for("Join string from your operator: ");
    terminal.type_keys(&format!("> {head}\r> {tail}\r"));
    terminal.wait_for("Joined localhost:");
    assert_eq!(terminal.finish().0, 0);
    let mut terminal = person.open("vestry", &["join"]);
    terminal.wait_for("Join string from your operator: ");
    terminal.type_line(head);
    terminal.wait_for("(Enter gives up): ");
    terminal.type_line(&line);
    terminal.wait_for("Joined localhost:");
    assert_eq!(terminal.finish().0, 0);
    let mut terminal = person.open("vestry", &["join"]);
    terminal.wait_for("Join string from your operator: ");
    terminal.type_line("");
    assert_eq!(terminal.finish().0, 65);
}

/// `vestry` alone, before any server was joined.
#[test]
fn the_menu_asks_for_a_join_string_when_no_server_is_known() {
    let server = Server::start();
    let line = join_string(&server);
    let person = Person::new();
    let mut menu = person.open("vestry", &[]);
    menu.answer("Join string from your operator: ", &format!("vestry join '{line}'"));
    menu.wait_for("It is your server from now on.");
    menu.wait_for("Nobody is logged in to localhost:");
    menu.answer("choice: ", "0");
    assert_eq!(menu.finish().0, 0);
    let mut menu = Person::new().open("vestry", &[]);
    menu.answer("Join string from your operator: ", "");
    assert_eq!(menu.finish().0, 65);
}

#[test]
fn registering_logs_in_and_asks_for_the_password_once() {
    let (server, person) = joined();
    let mut terminal = person.open("vestry", &["register", "naman"]);
    terminal.answer("Password (", PASSWORD);
    terminal.answer("Type it once more", PASSWORD);
    terminal.wait_for("Registered naman, and logged in.");
    terminal.wait_for("See your account with: vestry show");
    let (code, screen) = terminal.finish();
    assert_eq!((code, screen.matches("assword").count()), (0, 2), "{screen}");
    person.run("vestry", &["show"], "").ended_with(0);
    let devices = person.run("vestry", &["devices", "--json"], "").ended_with(0);
    assert_eq!(json(&devices).as_array().unwrap().len(), 1);
    // As a login does, it takes the place of a session that is kept here, and says so before a password is asked for.
    let words = ["register", "hana", "--remember", "--json", "--password-stdin"];
    let second = person.vestry(&words, PASSWORD).ended_with(0);
    assert!(second.err.starts_with("naman is logged in here; a login as hana"), "{}", second.err);
    let told = json(&second);
    assert_eq!((&told["name"], &told["logged_in"]), (&"hana".into(), &true.into()));
    assert!(told["expires"].as_str().unwrap().starts_with("20") && told["idle_secs_max"].is_u64());
    let third = person.vestry(&["register", "anirudh", "--no-login", "--json", "--password-stdin"], PASSWORD);
    let told = json(&third.ended_with(0));
    assert_eq!((&told["logged_in"], told["expires"].is_null()), (&false.into(), true));
    let sql = ["sql", "--format", "tsv", "select account from sessions"];
    assert_eq!(person.vestryctl(&server, &sql).out, "account\nhana\n");
}

#[test]
fn the_menu_has_the_numbers_of_the_report_and_sessions_devices_and_password() {
    let (server, person) = joined();
    let other = Person::new();
    other.join(&server);
    let mut menu = person.open("vestry", &[]);
    menu.wait_for("Nobody is logged in to localhost:");
    menu.answer("choice: ", "2");
    menu.answer("Username", "naman");
    for field in ["Email: ", "Age: ", "Gender: "] {
        menu.answer(field, "");
    }
    menu.answer("Password (", PASSWORD);
    menu.answer("Type it once more", PASSWORD);
    menu.wait_for("Registered naman, and logged in.");
    menu.wait_for("naman is logged in to localhost:");
    other.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    menu.answer("choice: ", "7");
    menu.wait_for("(this session)");
    menu.answer("End one, by its number (Enter goes back): ", "3");
    menu.wait_for("Type one of the numbers in front of the names.");
    // One of the two is this one, which is refused; the other is ended.
    menu.answer("goes back): ", "1");
    menu.answer("goes back): ", "2");
    menu.wait_for("Ended.");
    menu.wait_for("There is no other.");
    other.run("vestry", &["show"], "").ended_with(77);
    menu.answer("choice: ", "8");
    menu.answer("Forget one, by its number (Enter goes back): ", "1");
    menu.wait_for("Forgotten.");
    menu.wait_for("No device is remembered.");
    menu.answer("choice: ", "9");
    menu.answer("Current password of naman: ", OTHER_PASSWORD);
    menu.answer("Password (", OTHER_PASSWORD);
    menu.answer("Type it once more", OTHER_PASSWORD);
    menu.wait_for("The current password is wrong. The new one need not be typed again.");
    menu.answer("Current password of naman: ", PASSWORD);
    menu.wait_for("Password changed.");
    menu.answer("choice: ", "0");
    menu.wait_for("You stay logged in as naman");
    assert_eq!(menu.finish().0, 0);
    other.vestry(&["login", "naman", "--password-stdin"], OTHER_PASSWORD).ended_with(0);
}

/// The form is kept while the server is down for a moment.
#[test]
fn a_form_of_the_menu_is_sent_again_when_the_server_was_away() {
    let (server, person) = joined();
    let mut menu = person.open("vestry", &[]);
    menu.answer("choice: ", "2");
    menu.answer("Username", "naman");
    menu.answer("Email: ", "naman@gmail.com");
    menu.answer("Age: ", "");
    menu.answer("Gender: ", "");
    menu.answer("Password (", PASSWORD);
    menu.wait_for("Type it once more");
    let address = server.user.to_string();
    let folder = server.stop();
    menu.type_line(PASSWORD);
    menu.wait_for("Enter tries again with what you typed; 0 goes back: ");
    let settings = folder.path().join("vestryd.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, text.replacen("127.0.0.1:0", &address, 1)).unwrap();
    let _server = Server::start_in(folder);
    menu.type_line("");
    menu.wait_for("Registered naman, and logged in.");
    menu.answer("choice: ", "5");
    menu.wait_for("naman@gmail.com");
    menu.answer("choice: ", "0");
    assert_eq!(menu.finish().0, 0);
}

#[test]
fn status_tells_in_one_screen_what_a_person_wants_to_know() {
    let (server, person) = joined();
    let lone = person.run("vestry", &["status"], "").ended_with(0);
    assert!(lone.out.ends_with("logged in as:  nobody\n"), "{}", lone.out);
    assert!(lone.err.ends_with("Log in: vestry login NAME\n"), "{}", lone.err);
    person.vestry(&["register", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    let status = || person.run("vestry", &["status"], "").ended_with(0);
    let shown = status().out;
    for line in ["logged in as:   naman", "sessions:       1", "devices:        1", "new since then: nothing"]
    {
        assert!(shown.lines().any(|shown| shown == line), "{line}:\n{shown}");
    }
    assert!(shown.contains("\nsession began:  20") && shown.contains("\nsession ends:   20"), "{shown}");
    // A later login from another home is new.
    let other = Person::new();
    other.join(&server);
    let mut shown = status().out;
    // Times are in seconds: one in the same second is not later.
    while shown.contains("new since then: nothing") {
        other.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(0);
        shown = status().out;
    }
    assert!(shown.contains("new since then: a login from 127.0.0.1 ("), "{shown}");
    assert!(shown.lines().count() <= 20 && shown.lines().any(|line| line == "sessions:       2"), "{shown}");
    let told = json(&person.run("vestry", &["status", "--json"], ""));
    assert_eq!((&told["sessions"], told["news"].as_array().unwrap().len()), (&2.into(), 1));
}

/// Words stay whole on a narrow screen, and a command can be copied.
#[test]
fn at_forty_columns_no_word_is_broken_and_no_command_either() {
    let (_server, person) = joined();
    person.vestry(&["register", "naman", "--no-login", "--password-stdin"], PASSWORD).ended_with(0);
    let screen_of = |arguments: &[&str]| {
        let mut terminal = person.open_with("vestry", arguments, 40, &[]);
        terminal.wait_for_silence();
        terminal.all().replace('\r', "")
    };
    for arguments in [
        &["show"][..],
        &["delete"],
        &["passwd"],
        &["login", "naman", "--no-input"],
        &["login", "n"],
        &["status", "--server", "no.such.name.example:1"],
        &["register", "naman", "--age", "200"],
    ] {
        let screen = screen_of(arguments);
        for line in screen.lines().filter(|line| !line.contains("vestry ")) {
            assert!(line.chars().count() <= 40, "{arguments:?}: {line:?}");
        }
    }
    let screen = screen_of(&["show"]);
    assert!(screen.lines().any(|line| line.trim() == "Log in: vestry login NAME"), "{screen}");
}
