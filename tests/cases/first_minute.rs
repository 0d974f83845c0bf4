//! The first minute: from the join string that somebody sent to an account that is logged in.

use vestry_tests::harness::Server;
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
    person.run("vestry", &["join"], "").ended_with(2);
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
