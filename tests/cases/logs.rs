//! What is written down for people who investigate: one line an event, whatever was in it, and nothing left out.

use crate::durability::SmallDisk;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use std::sync::Arc;
use tempfile::TempDir;
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
    let server = Server::start_with("hashing.imported_login_ms = 500");
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

/// Makes each part that runs as long as the server does log that it failed, and looks whether it goes on: the writer and
/// the readers on a full disk, what writes failures down, both ports without descriptors, reading the certificates again.
async fn every_part_goes_on(server: Server, disk: &SmallDisk) {
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
    Halfway::login(&mut server.connect().await, "naman", OTHER_PASSWORD).await;
    std::fs::remove_file(&ballast).unwrap();
    let updated = wire.call(crate::durability::set_age(42)).await.unwrap();
    assert!(matches!(updated, UserReply::AccountUpdated(_)), "{updated:?}");
    out_of_descriptors(&server).await;
    // Reading the certificates again is a line, whether or not they can be read.
    let certificate = server.certs().server_certificate();
    let kept = std::fs::read(&certificate).unwrap();
    std::fs::write(&certificate, "no certificate").unwrap();
    server.signal(rustix::process::Signal::HUP);
    server.connect().await;
    std::fs::write(&certificate, kept).unwrap();
    server.signal(rustix::process::Signal::HUP);
    server.let_everybody_try_again().await;
    // Nobody is let in before what failed while the disk was full is written.
    let refusal = loop {
        let refusal = server.refused_login("naman", OTHER_PASSWORD).await;
        if !refusal.is(RefusalCode::Unavailable) {
            break refusal;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert!(refusal.is(RefusalCode::WrongCredentials), "{refusal:?}");
    assert_eq!(server.select("select name from accounts").await, [["naman"]]);
    server.stop();
}

/// Leaves the process no descriptor for a new connection, for a moment.
async fn out_of_descriptors(server: &Server) {
    let pid = Pid::from_raw(i32::try_from(server.pid()).unwrap());
    // What it may raise it to is what it has from us.
    let none = Rlimit { current: Some(3), maximum: getrlimit(Resource::Nofile).maximum };
    let before = prlimit(pid, Resource::Nofile, none).unwrap();
    let waiting = [
        tokio::net::TcpStream::connect(server.user).await.unwrap(),
        tokio::net::TcpStream::connect(server.admin).await.unwrap(),
    ];
    // Each port looks again after a tenth of a second.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    prlimit(pid, Resource::Nofile, before).unwrap();
    drop(waiting);
}

/// O1 of the trials of public bug reports: the log was on the disk that filled, telling of the failed commit panicked
/// on the writer's thread, and every later write was refused until somebody restarted the server.
#[tokio::test]
async fn sec_0067_a_log_that_cannot_be_written_stops_nothing() {
    let Some(disk) = SmallDisk::mount(4) else {
        println!("skipped: this system does not let us mount a tmpfs (root can)");
        return;
    };
    let data = set_up_on(&disk);
    every_part_goes_on(Server::start_without_log(data), &disk).await;
}

/// The log was written by whoever logged: a reader of the pipe that stood still stopped the workers, one after the other.
#[tokio::test]
async fn sec_0086_a_log_that_nobody_reads_stops_nothing() {
    let Some(disk) = SmallDisk::mount(4) else {
        println!("skipped: this system does not let us mount a tmpfs (root can)");
        return;
    };
    let (server, reader) = Server::start_with_stuck_log(set_up_on(&disk));
    every_part_goes_on(server, &disk).await;
    drop(reader);
}

fn set_up_on(disk: &SmallDisk) -> Arc<TempDir> {
    let data = Arc::new(tempfile::tempdir_in(disk.path()).unwrap());
    Server::init(data.path(), "gate.writes_at_once = 1000");
    data
}

/// A service manager acts on an exit code: a server that cannot serve gives one, also when nobody reads why.
#[test]
fn a_server_that_cannot_start_ends_though_nobody_reads_its_words() {
    let (folder, taken) = (tempfile::tempdir().unwrap(), std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    Server::init(folder.path(), "");
    let (log, _reader) = vestry_tests::harness::stuck_pipe();
    let listen = taken.local_addr().unwrap().to_string();
    let mut vestryd = std::process::Command::new(vestry_tests::harness::program("vestryd"));
    vestryd.args(["--listen", &listen, "--data-dir"]).arg(folder.path()).stderr(log);
    assert_eq!(vestryd.status().unwrap().code(), Some(78));
}
