//! The benchmark's own program against a real server: it counts what it did, bounds itself, and makes accounts that a
//! server cannot tell from others. Nothing here looks at a time.

use serde_json::{Value, json};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use tempfile::TempDir;
use vestry_tests::harness::{Server, program};

const ACCOUNTS: u64 = 300;

fn bench(arguments: &[&str]) -> Output {
    let done =
        Command::new(program("vestry-bench")).arg("--json").args(arguments).stdin(Stdio::null()).output();
    done.expect("vestry-bench runs")
}

/// What it prints, when it goes well.
#[track_caller]
fn figures(arguments: &[&str]) -> Value {
    let done = bench(arguments);
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).expect("it prints JSON")
}

/// A server on a data directory that `vestry-bench data` made.
fn server() -> Server {
    let folder = Arc::new(TempDir::new().expect("a temporary folder"));
    let set = folder.path().display().to_string();
    let made = figures(&["data", "--dir", &set, "--accounts", &ACCOUNTS.to_string(), "--seed", "7"]);
    assert_eq!(made["accounts"], ACCOUNTS);
    Server::start_in(folder)
}

/// So many operations of a mix, within a minute.
#[track_caller]
fn load(server: &Server, mix: &str, count: u64, more: &[&str]) -> Value {
    let (address, folder) = (server.user.to_string(), server.folder().display().to_string());
    let (pid, count) = (server.pid().to_string(), count.to_string());
    let mut arguments =
        vec!["load", "--address", &address, "--data-dir", &folder, "--pid", &pid, "--mix", mix];
    arguments.extend(["--count", &count, "--warmup", "0", "--connections", "4"]);
    if !more.contains(&"--seconds") {
        arguments.extend(["--seconds", "60"]);
    }
    arguments.extend(more);
    figures(&arguments)
}

/// How many were done, when nothing was refused and nothing broke.
#[track_caller]
fn done(report: &Value, operation: &str) -> u64 {
    let seen = &report["operations"][operation];
    assert_eq!((&seen["refused"], &seen["broken"]), (&json!({}), &json!({})), "{operation}");
    seen["done"].as_u64().expect("a number")
}

#[test]
fn every_operation_is_done_as_often_as_it_says_and_no_more() {
    let server = server();
    for (mix, count, more) in [
        ("login-opaque", 40, &[][..]),
        ("resume", 40, &[]),
        ("handshake", 40, &[]),
        ("show", 500, &["--depth", "16", "--threads", "2"]),
        ("update", 100, &["--depth", "4"]),
    ] {
        let report = load(&server, mix, count, more);
        assert_eq!((done(&report, mix), report["done"].as_u64()), (count, Some(count)), "{mix}");
        assert!(report["server"]["resident_kib"].as_u64() > Some(1_000), "{report}");
    }
}

#[tokio::test]
async fn what_it_did_is_in_the_database() {
    let server = server();
    load(&server, "update", 50, &[]);
    load(&server, "login-opaque", 30, &[]);
    let count = async |action: &str| {
        let sql = format!("select count(*) from audit where action = '{action}'");
        server.select(&sql).await[0][0].parse::<u64>().unwrap()
    };
    // What was under way when the last one was counted was done as well, and each client logged in first.
    let (updated, logged_in) = (count("account.updated").await, count("login.ok").await);
    assert!((50..=54).contains(&updated), "{updated}");
    assert!((34..=38).contains(&logged_in), "{logged_in}");
    let kinds = server.select("select credential, count(*) from accounts group by 1 order by 1").await;
    assert_eq!(kinds, [["opaque", "300"]]);
}

#[test]
fn a_mix_is_counted_by_operation() {
    let server = server();
    let report = load(&server, "show=2,update=1,handshake=1", 400, &[]);
    let each = ["show", "update", "handshake"].map(|operation| done(&report, operation));
    assert_eq!(each.iter().sum::<u64>(), 400);
    assert!(each.iter().all(|count| *count > 50), "{each:?}");
}

/// At a fixed rate no more is done than was due, however fast the server is.
#[test]
fn a_rate_is_kept() {
    let server = server();
    let report = load(&server, "show", 1_000_000, &["--rate", "200", "--seconds", "2"]);
    let count = done(&report, "show");
    assert!(count <= 410, "{count} were done of the 400 that were due");
}

#[test]
fn pages_idle_connections_starts_and_commits_are_measured_too() {
    let server = server();
    let folder = server.folder().display().to_string();
    let ca = server.certs().ca_certificate().display().to_string();
    let (admin, user, pid) = (server.admin.to_string(), server.user.to_string(), server.pid().to_string());
    let tables = figures(&["table", "--address", &admin, "--data-dir", &folder, "--times", "2"]);
    for page in ["first page", "last page"] {
        assert_eq!(tables["asked"][page]["rows"], 100, "{tables}");
    }
    let held = figures(&["idle", "--address", &user, "--ca", &ca, "--pid", &pid, "--connections", "50"]);
    assert_eq!(held["connections"], 50);
    let folder = server.stop();
    let set = folder.path().display().to_string();
    let committed = figures(&["commits", "--data-dir", &set, "--callers", "8", "--seconds", "1"]);
    assert!(committed["done"].as_u64() > Some(0), "{committed}");
    let vestryd = program("vestryd").display().to_string();
    let starts = figures(&["start", "--vestryd", &vestryd, "--data-dir", &set, "--times", "2"]);
    assert_eq!(starts["listening_ms"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_set_that_is_there_is_never_overwritten_and_a_foreign_folder_is_no_set() {
    let folder = TempDir::new().expect("a temporary folder");
    let set = folder.path().display().to_string();
    figures(&["data", "--dir", &set, "--accounts", "10"]);
    let before = std::fs::read(folder.path().join("vestry.db")).unwrap();
    let again = bench(&["data", "--dir", &set, "--accounts", "10"]);
    assert!(!again.status.success());
    assert_eq!(std::fs::read(folder.path().join("vestry.db")).unwrap(), before);
    assert_refused(&["load", "--address", "127.0.0.1:1", "--mix", "show", "--data-dir", "/"], "bench.json");
    assert_refused(&["load", "--address", "127.0.0.1:1", "--mix", "show"], "--data-dir");
    let no_ca = ["load", "--address", "127.0.0.1:1", "--mix", "handshake", "--ca", "/nowhere.pem"];
    assert_refused(&no_ca, "/nowhere.pem");
}

#[track_caller]
fn assert_refused(arguments: &[&str], why: &str) {
    let done = bench(arguments);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!done.status.success() && said.contains(why), "{arguments:?}: {said}");
}
