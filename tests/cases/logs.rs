//! What is written down for people who investigate: one line an event, whatever was in it, and nothing left out.

use crate::durability::SmallDisk;
use std::sync::Arc;
use vestry_protocol::admin::AdminCall;
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::{Profile, UserCall, UserReply};
use vestry_tests::harness::{OTHER_PASSWORD, PASSWORD, Server, imported_login, rows_of, secret};
use vestry_tests::light::{self, Halfway, log_in, reset};
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
    let server = Server::start_with("imported_login_ms = 500");
    let mut wire = server.connect().await;
    for text in HOSTILE {
        // White space around a name is forgiven: one of these is a name.
        light::register(&mut wire, text, PASSWORD, Profile::default()).await;
        let refused = [
            log_in(&mut wire, text, OTHER_PASSWORD).await,
            wire.call(imported_login(text, OTHER_PASSWORD)).await.unwrap(),
            reset(&mut wire, text, text, PASSWORD).await,
        ];
        assert!(refused.iter().all(|reply| matches!(reply, UserReply::Refused(_))), "{text:?}: {refused:?}");
        let device = UserCall::LogInImported {
            name: "nobody".into(),
            password: secret(PASSWORD),
            device: text.into(),
        };
        wire.call(device).await.unwrap();
        // Broken off, it is written down by another task.
        Halfway::login(&mut wire, text, OTHER_PASSWORD).await;
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

/// O1 of the trials of public bug reports: the log was on the disk that filled, telling of the failed commit panicked
/// on the writer's thread, and every later write was refused until somebody restarted the server.
#[tokio::test]
async fn sec_0067_a_log_that_cannot_be_written_stops_nothing() {
    let Some(disk) = SmallDisk::mount(4) else {
        println!("skipped: this system does not let us mount a tmpfs (root can)");
        return;
    };
    let data = Arc::new(tempfile::tempdir_in(disk.path()).unwrap());
    Server::init(data.path(), "writes_at_once = 1000");
    let server = Server::start_without_log(data);
    server.register("naman").await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let ballast = disk.path().join("ballast");
    let _ = std::fs::write(&ballast, vec![0; 8 * 1024 * 1024]);
    // Each commit that fails is a line, and so is each read that could not be recorded.
    let mut refused = 0;
    for _ in 0..200 {
        if let UserReply::Refused(refusal) = wire.call(crate::durability::set_age(41)).await.unwrap() {
            assert!(refusal.is(RefusalCode::Unavailable), "{refusal:?}");
            refused += 1;
        }
    }
    assert!(refused > 0, "the disk was not full");
    assert_eq!(server.select("select name from accounts").await, [["naman"]]);
    std::fs::remove_file(&ballast).unwrap();
    let updated = wire.call(crate::durability::set_age(42)).await.unwrap();
    assert!(matches!(updated, UserReply::AccountUpdated(_)), "{updated:?}");
    // Reading the certificates again is a line of its own, on the task that the server ends with.
    server.signal(rustix::process::Signal::HUP);
    assert!(server.refused_login("naman", OTHER_PASSWORD).await.is(RefusalCode::WrongCredentials));
    server.stop();
}
