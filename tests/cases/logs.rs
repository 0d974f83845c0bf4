//! What is written down for people who investigate: one line an event, whatever was in it, and nothing left out.

use vestry_protocol::admin::AdminCall;
use vestry_protocol::user::UserCall;
use vestry_tests::harness::{OTHER_PASSWORD, PASSWORD, Server, login, registration, rows_of, secret};
use vestry_tests::programs::Person;

/// What tries to look like the end of a line, or like a line of its own.
const HOSTILE: [&str; 6] = [
    "naman\n2026-11-23T00:00:00Z INFO all is well",
    "naman\r\n",
    "naman\u{2028}2",
    "naman\u{85}3",
    "na\u{1b}[2Kman",
    "a\0b",
];

#[tokio::test]
async fn sec_0042_a_log_has_one_line_an_event_whatever_is_in_it() {
    let server = Server::start();
    let mut wire = server.connect().await;
    for text in HOSTILE {
        let device =
            UserCall::LogIn { name: "nobody".into(), password: secret(PASSWORD), device: text.into() };
        for call in [login(text, OTHER_PASSWORD), registration(text, PASSWORD), device] {
            wire.call(call).await.unwrap();
        }
        let mut operator = server.connect_as("admin").await;
        // A query is text, too, and is written down.
        let sql = format!("select '{}' as text", text.replace('\0', ""));
        rows_of(&mut operator, AdminCall::Query { sql }).await.unwrap();
        server.let_everybody_try_again().await;
    }
    let listed = ["--format", "tsv", "audit", "--limit", "0", "--columns", "id,at,detail"];
    let events = Person::new().vestryctl(&server, &listed).ended_with(0);
    let numbers: Vec<usize> =
        events.out.lines().skip(1).map(|line| line.split('\t').next().unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>(), "{}", events.out);
    assert!(numbers.len() > 2 * HOSTILE.len() && events.out.contains("all is well"), "{}", events.out);
    server.signal(rustix::process::Signal::TERM);
    let talk = server.talk_after_stop();
    let hazardous = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{2028}' | '\u{85}');
    assert!(!talk.contains(hazardous) && !talk.lines().any(|line| line.contains("all is well")), "{talk}");
}
