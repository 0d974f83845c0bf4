//! What was acknowledged is there: after `kill -9`, after a stop in the middle of requests, after a full disk.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Mutex;
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::{UserCall, UserReply};
use vestry_tests::harness::{
    OTHER_PASSWORD, PASSWORD, Server, UserWire, from_environment, imported_login, program, refusal_of,
};
use vestry_tests::light::{Halfway, finish_login, start_login};
use vestry_tests::talk::{self, Refusable};

/// How often the short form kills the server. `scripts/prove.sh` sets more.
fn rounds() -> usize {
    from_environment("VESTRY_KILL_ROUNDS", 8)
}

pub(crate) fn set_age(age: u16) -> UserCall {
    UserCall::UpdateAccount(talk::age(age))
}

/// Sets ever new ages until the connection breaks; the last acknowledged and the last tried one.
async fn write_until_cut(mut wire: UserWire, first: u16, acknowledged: Arc<AtomicBool>) -> (u16, u16) {
    let (mut last, mut tried) = (first, first);
    loop {
        tried = if tried >= 149 { 1 } else { tried + 1 };
        match wire.call(set_age(tried)).await {
            Ok(UserReply::AccountUpdated(_)) => last = tried,
            Ok(other) => panic!("{other:?}"),
            Err(_) => return (last, tried),
        }
        acknowledged.store(true, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn sec_0017_what_was_acknowledged_survives_kill_9_under_writes() {
    // Writes as fast as they go, for as many rounds as are asked for.
    let mut server = Server::start_with("gate.writes_at_once = 1000000\ngate.write_interval_ms = 0");
    let names: Vec<String> = (0..8).map(|number| format!("person{number}")).collect();
    let mut ledger = BTreeMap::new();
    for name in &names {
        server.register(name).await;
        ledger.insert(name.clone(), 0);
    }
    for round in 0..rounds() {
        let mut writers = Vec::new();
        for name in &names {
            let (wire, _) = server.log_in(name, PASSWORD).await;
            let begun = Arc::new(AtomicBool::new(false));
            let writer = tokio::spawn(write_until_cut(wire, ledger[name], begun.clone()));
            writers.push((name, begun, writer));
        }
        while !writers.iter().all(|(_, begun, _)| begun.load(Ordering::Relaxed)) {
            tokio::task::yield_now().await;
        }
        let folder = server.kill();
        server = Server::start_in(folder);
        for (name, _, writer) in writers {
            let (acknowledged, tried) = writer.await.unwrap();
            let rows =
                server.select(&format!("select coalesce(age, 0) from accounts where name = '{name}'")).await;
            let found: u16 = rows[0][0].parse().unwrap();
            // The last one was on its way: it may or may not be there. Nothing older may be.
            assert!(
                found == acknowledged || found == tried,
                "round {round}: {name} has {found}, not {acknowledged} or {tried}"
            );
            ledger.insert(name.clone(), found);
        }
    }
    let folder = server.stop();
    let checked =
        Command::new(program("vestryd")).arg("check").arg("--data-dir").arg(folder.path()).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[tokio::test]
async fn a_stop_answers_what_was_accepted_and_says_goodbye() {
    let server = Server::start_with("hashing.imported_login_ms = 500");
    let mut wire = server.connect().await;
    // Requests that are surely still under way when the signal comes: each is answered after half a second.
    for number in 0..6 {
        wire.send(&imported_login(&format!("stranger{number}"), PASSWORD)).await.unwrap();
    }
    // One answer proves that the batch has arrived.
    wire.receive().await.unwrap().body.expect_refusal(RefusalCode::WrongCredentials);
    server.signal(rustix::process::Signal::TERM);
    for _ in 1..6 {
        wire.receive().await.unwrap().body.expect_refusal(RefusalCode::WrongCredentials);
    }
    assert!(wire.receive().await.is_err());
    let server = Server::start_in(server.stop());
    let failed = server.select("select count(*) from audit where action = 'login.failed'").await;
    assert_eq!(failed, [["6"]]);
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_a_stop() {
    let server = Server::start();
    let _idle = server.connect().await;
    let _half = tokio::net::TcpStream::connect(server.user).await.unwrap();
    server.signal(rustix::process::Signal::TERM);
    while !server.talk().contains("stopping") {
        tokio::task::yield_now().await;
    }
    let talk = server.talk_after_stop();
    assert!(!talk.contains("did not finish in time"), "{talk}");
}

/// A small file system of one's own, unmounted on drop.
pub(crate) struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where the system does not let us mount one.
    pub(crate) fn mount(mebibytes: usize) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={mebibytes}m,mode=700");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(folder.path()).output();
        mounted.ok().filter(|done| done.status.success()).map(|_| Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn sec_0018_a_full_disk_refuses_writes_serves_reads_and_recovers_by_itself() {
    let Some(disk) = SmallDisk::mount(4) else {
        println!("skipped: this system does not let us mount a tmpfs (root can)");
        return;
    };
    let data = Arc::new(tempfile::tempdir_in(disk.path()).unwrap());
    Server::init(data.path(), "gate.writes_at_once = 1000");
    let server = Server::start_in(data);
    server.register("naman").await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let ballast = disk.path().join("ballast");
    let _ = std::fs::write(&ballast, vec![0; 8 * 1024 * 1024]);
    let acknowledged = Arc::new(Mutex::new(0));
    let mut refused = None;
    for age in 1..=150 {
        match wire.call(set_age(age)).await.unwrap() {
            UserReply::AccountUpdated(_) => *acknowledged.lock().await = age,
            other => {
                refused = Some(refusal_of(other));
                break;
            }
        }
    }
    assert_eq!(refused, Some(RefusalCode::Unavailable));
    let shown = |reply| match reply {
        UserReply::AccountShown(account) => account.profile.age.unwrap_or(0),
        other => panic!("{other:?}"),
    };
    assert_eq!(shown(wire.call(UserCall::ShowAccount).await.unwrap()), *acknowledged.lock().await);
    // An operator's read goes on without its event, and the log has it instead.
    assert_eq!(server.select("select name from accounts").await, [["naman"]]);
    while !server.talk().contains("an operator's read is in no audit event") {
        tokio::task::yield_now().await;
    }
    std::fs::remove_file(&ballast).unwrap();
    assert!(matches!(wire.call(set_age(77)).await.unwrap(), UserReply::AccountUpdated(_)));
    assert_eq!(shown(wire.call(UserCall::ShowAccount).await.unwrap()), 77);
    drop(server);
}

/// H-4: what could not be written was not counted, so that a full disk was worth thousands of guesses.
#[tokio::test]
async fn a_full_disk_forgets_no_failure_and_admits_no_guess_until_it_takes_writes() {
    let Some(disk) = SmallDisk::mount(4) else {
        println!("skipped: this system does not let us mount a tmpfs (root can)");
        return;
    };
    let data = Arc::new(tempfile::tempdir_in(disk.path()).unwrap());
    Server::init(data.path(), "gate.writes_at_once = 1000");
    let server = Server::start_in(data);
    server.register("naman").await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let ballast = disk.path().join("ballast");
    let _ = std::fs::write(&ballast, vec![0; 8 * 1024 * 1024]);
    let mut age = 0;
    while let UserReply::AccountUpdated(_) = wire.call(set_age(age % 150)).await.unwrap() {
        age += 1;
    }
    // Each on a connection of its own, some given up behind the first half, where a guess is made already.
    let (mut evaluated, mut refused) = (0, 0);
    while refused < 50 {
        let mut stranger = server.connect().await;
        match Halfway::start(&mut stranger, OTHER_PASSWORD, start_login("naman", None)).await {
            Ok(_) if evaluated % 2 == 0 => evaluated += 1,
            Ok(_) => {
                evaluated += 1;
                let code = refusal_of(stranger.call(finish_login(vec![0; 64])).await.unwrap());
                assert_eq!(
                    code,
                    RefusalCode::Unavailable,
                    "a failure that could not be written was answered"
                );
            }
            Err(reply) => {
                let code = refusal_of(reply);
                assert!([RefusalCode::Unavailable, RefusalCode::Throttled].contains(&code), "{code:?}");
                refused += usize::from(code == RefusalCode::Unavailable);
            }
        }
    }
    assert!((1..=5).contains(&evaluated), "{evaluated} guesses were evaluated on a full disk");
    std::fs::remove_file(&ballast).unwrap();
    let lane = "select failures from throttle where lane = 'account naman'";
    while server.select(lane).await != [[evaluated.to_string()]] {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let events = "select count(*) from audit where action = 'login.failed' and subject = 'naman'";
    assert_eq!(server.select(events).await, [[evaluated.to_string()]]);
    server.let_everybody_try_again().await;
    server.log_in("naman", PASSWORD).await;
}

#[test]
fn a_damaged_database_is_named_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    Server::init(folder.path(), "");
    let database = folder.path().join("vestry.db");
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[..100].fill(0x5a);
    std::fs::write(&database, &bytes).unwrap();
    let run = |command: &[&str]| {
        let done = Command::new(program("vestryd"))
            .args(command)
            .arg("--data-dir")
            .arg(folder.path())
            .output()
            .unwrap();
        (
            done.status.code(),
            String::from_utf8_lossy(&done.stderr).into_owned() + &String::from_utf8_lossy(&done.stdout),
        )
    };
    let (code, said) = run(&["serve"]);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("damaged"), "{said}");
    let (code, said) = run(&["check"]);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("FAIL  database"), "{said}");
    assert_eq!(std::fs::read(&database).unwrap(), bytes);
}
