//! What breaks under a server: pages flipped, a log cut, a disk without the right to write, a certificate that cannot
//! be renewed. Each ends in a clear state and a clear message. And what the server has no right to touch itself.

use crate::durability::SmallDisk;
use rustix::process::Signal;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::sleep;
use vestry_protocol::UnixSeconds;
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::{UserCall, UserReply};
use vestry_server::clock::Clock;
use vestry_tests::harness::{PASSWORD, Server, copy_of, imported_login, program, refusal_of};
use vestry_tests::imported::import;
use vestry_tests::light::{log_in, reset};
use vestry_tests::programs::{Person, core_limits};
use vestry_tests::talk::{Refusable, User};
use vestry_tls::Validity;

const PAGE_BYTES: usize = 4096;
const DAY: i64 = 24 * 60 * 60;

/// A command of `vestryd` on a folder: its exit code and all that it said.
fn vestryd(command: &[&str], folder: &Path) -> (Option<i32>, String) {
    let done = Command::new(program("vestryd")).args(command).arg("--data-dir").arg(folder).output().unwrap();
    let said = [done.stderr, done.stdout].concat();
    (done.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// Turns the bits of a page's first half over: its header and what points into it.
fn flip_page(database: &Path, number: usize) {
    let mut bytes = std::fs::read(database).unwrap();
    bytes[number * PAGE_BYTES..][..PAGE_BYTES / 2].iter_mut().for_each(|byte| *byte ^= 0xff);
    // In place, as a disk would do it: a running server keeps its file.
    std::os::unix::fs::FileExt::write_all_at(
        &std::fs::File::options().write(true).open(database).unwrap(),
        &bytes[number * PAGE_BYTES..][..PAGE_BYTES],
        (number * PAGE_BYTES) as u64,
    )
    .unwrap();
}

/// A stopped database with some accounts, all of it in one file.
async fn database_of_some() -> Arc<TempDir> {
    let server = Server::start();
    for number in 0..6 {
        server.register(&format!("person{number}")).await;
    }
    server.stop()
}

fn pages(database: &Path) -> usize {
    usize::try_from(database.metadata().unwrap().len()).unwrap() / PAGE_BYTES
}

/// Who logs in and looks gets the truth, or a refusal that says that it is the server's fault; whether it was the truth.
async fn truth_or_refusal(server: &Server, name: &str) -> bool {
    let is_refused = |reply: UserReply| {
        let code = refusal_of(reply);
        assert!(matches!(code, RefusalCode::Internal | RefusalCode::Unavailable), "{code:?}");
        false
    };
    let mut wire = server.connect().await;
    match log_in(&mut wire, name, PASSWORD).await {
        UserReply::LoggedIn(_) => match wire.call(UserCall::ShowAccount).await.unwrap() {
            UserReply::AccountShown(account) => {
                assert_eq!(account.name, name);
                true
            }
            other => is_refused(other),
        },
        other => is_refused(other),
    }
}

#[tokio::test]
async fn every_flipped_page_is_found_by_check() {
    let folder = database_of_some().await;
    let database = folder.path().join("vestry.db");
    for page in 0..pages(&database) {
        flip_page(&database, page);
        let (code, said) = vestryd(&["check"], folder.path());
        assert!(code == Some(78) && said.contains("FAIL  database"), "page {page}: {said}");
        // The other way round it is whole again.
        flip_page(&database, page);
    }
    let (code, said) = vestryd(&["check"], folder.path());
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test]
async fn a_server_on_flipped_pages_serves_the_truth_or_says_that_it_cannot() {
    let whole = database_of_some().await;
    let (mut served, mut refused, mut not_started) = (0, 0, 0);
    for page in (1..pages(&whole.path().join("vestry.db"))).step_by(4) {
        let folder = copy_of(whole.path());
        flip_page(&folder.path().join("vestry.db"), page);
        let started = tokio::task::spawn_blocking(move || Server::start_in(folder)).await;
        let Ok(server) = started else {
            let why = started.err().unwrap().into_panic();
            let why = why.downcast_ref::<String>().unwrap();
            assert!(why.contains("the database is damaged"), "page {page}: {why}");
            not_started += 1;
            continue;
        };
        match truth_or_refusal(&server, "person3").await {
            true => served += 1,
            false => {
                server.wait_for("the database is damaged").await;
                refused += 1;
            }
        }
        // Whatever was damaged, it still is there to say so.
        server.connect().await.describe().await;
    }
    println!("{served} served, {refused} refused, {not_started} did not start");
    assert!(refused + not_started > 0, "no page that was flipped was ever read");
}

#[tokio::test]
async fn pages_flipped_under_a_running_server_are_refused_and_not_written_over() {
    let server = Server::start_in(database_of_some().await);
    let database = server.folder().join("vestry.db");
    for page in 1..pages(&database) {
        flip_page(&database, page);
    }
    let mut refused = 0;
    for number in 0..6 {
        refused += usize::from(!truth_or_refusal(&server, &format!("person{number}")).await);
    }
    assert!(refused > 0, "every page was in memory");
    server.wait_for("the database is damaged").await;
    server.connect().await.describe().await;
    let folder = server.kill();
    let (code, said) = vestryd(&["check"], folder.path());
    assert!(code == Some(78) && said.contains("FAIL  database"), "{said}");
}

#[tokio::test]
async fn a_damaged_log_ends_at_its_last_whole_commit() {
    let server = Server::start_in(database_of_some().await);
    server.register("early").await;
    let log = server.folder().join("vestry.db-wal");
    let whole = usize::try_from(log.metadata().unwrap().len()).unwrap();
    server.register("late").await;
    let folder = server.kill();
    let log = folder.path().join("vestry.db-wal");
    let mut bytes = std::fs::read(&log).unwrap();
    assert!(bytes.len() > whole + 2048);
    bytes[whole..].iter_mut().for_each(|byte| *byte ^= 0xff);
    std::fs::write(&log, bytes).unwrap();
    let server = Server::start_in(folder);
    for name in ["person0", "early"] {
        assert!(truth_or_refusal(&server, name).await, "{name} is not as it was");
    }
    assert!(server.refused_login("late", PASSWORD).await.is(RefusalCode::WrongCredentials));
    let (code, said) = vestryd(&["check"], server.stop().path());
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_disk_without_writes_is_named_at_start_and_serving_resumes_when_it_has_them() {
    let Some(disk) = SmallDisk::mount(4) else {
        println!("skipped: this system does not let us mount a tmpfs (root can)");
        return;
    };
    let data = Arc::new(tempfile::tempdir_in(disk.path()).unwrap());
    Server::init(data.path(), "");
    let remount = |how: &str| Command::new("mount").args(["-o", how]).arg(disk.path()).status().unwrap();
    assert!(remount("remount,ro").success());
    let (code, said) = vestryd(&["serve"], data.path());
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("cannot write to") && said.contains("Read-only file system"), "{said}");
    assert!(said.contains(&data.path().display().to_string()), "{said}");
    assert!(remount("remount,rw").success());
    Server::start_in(data).stop();
}

/// I-6: a damaged record was a wrong password for ever, and neither the log nor `check` said a word.
#[tokio::test]
async fn a_damaged_password_record_is_one_line_in_the_log_and_named_by_check() {
    let server = Server::start_with("hashing.imported_login_ms = 500");
    for name in ["naman", "anirudh", "maria"] {
        server.register(name).await;
    }
    import(&server, &[("shubham", PASSWORD)]).await;
    let folder = server.stop();
    let (code, said) = vestryd(&["check"], folder.path());
    assert!(code == Some(0) && said.contains("ok    password records: all 4 can be read"), "{said}");
    let database = rusqlite::Connection::open(folder.path().join("vestry.db")).unwrap();
    let damage = "update credential set record = substr(record, 1, 100)
                  where account_id in (select id from account where name in ('naman', 'shubham'))";
    assert_eq!(database.execute(damage, []).unwrap(), 2);
    drop(database);
    let (code, said) = vestryd(&["check"], folder.path());
    assert_eq!(code, Some(78), "{said}");
    let line = said.lines().find(|line| line.starts_with("FAIL")).unwrap();
    assert!(line.starts_with("FAIL  password records: 2 cannot be read"), "{said}");
    assert!(
        line.contains("naman (account 1), shubham (account 4).") && line.ends_with("account reset NAME"),
        "{said}"
    );
    let server = Server::start_in(folder);
    let unknown = server.refused_login("nobody-here", PASSWORD).await;
    for _ in 0..3 {
        assert_eq!(server.refused_login("naman", PASSWORD).await, unknown);
    }
    server
        .connect()
        .await
        .ask(imported_login("shubham", PASSWORD))
        .await
        .expect_refusal(RefusalCode::WrongCredentials);
    server.log_in("anirudh", PASSWORD).await;
    let lines = || server.talk().lines().filter(|line| line.contains("damaged")).count();
    while lines() < 2 {
        sleep(Duration::from_millis(20)).await;
    }
    let talk = server.talk();
    for account in ["account=1", "account=4"] {
        let said = talk.lines().filter(|line| line.contains(account)).collect::<Vec<_>>();
        assert!(said.len() == 1 && said[0].contains("ERROR"), "one line about {account}: {talk}");
    }
    assert!(!talk.contains("naman") && !talk.contains("shubham"), "a name that was typed: {talk}");
    // What check advises is the way out.
    let code = server.issue_code("naman").await;
    let redeemed = reset(&mut server.connect().await, "naman", code.expose_secret(), PASSWORD).await;
    assert!(matches!(redeemed, UserReply::PasswordReset { .. }), "{redeemed:?}");
    server.log_in("naman", PASSWORD).await;
}

fn now() -> UnixSeconds {
    Clock::system().now()
}

#[tokio::test]
async fn a_certificate_that_cannot_be_renewed_is_named_served_and_renewed_later() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    Server::init(folder.path(), "");
    let certs = vestry_tls::CertsDir::at(folder.path().join("certs"));
    let ends = now().plus(8);
    certs
        .renew_server(&certs.server_hosts().unwrap(), Validity { not_before: ends.minus(DAY), days: 1 })
        .unwrap();
    let (key, hidden) = (certs.ca_key(), folder.path().join("hidden"));
    std::fs::rename(&key, &hidden).unwrap();
    let server = Server::start_in(folder.clone());
    server.wait_for("the server certificate cannot be renewed and ends on").await;
    assert!(server.talk().contains("ca.key is missing"), "{}", server.talk());
    let person = Person::new();
    person.join(&server);
    let status = person.vestryctl(&server, &["status"]).ended_with(0);
    assert!(status.out.contains("certificate"), "{}", status.out);
    let (_, said) = vestryd(&["check"], folder.path());
    assert!(said.contains("warn  CA: the server certificate cannot be renewed"), "{said}");
    while now() <= ends {
        sleep(Duration::from_millis(100)).await;
    }
    let refused = person.run("vestry", &["status"], "").ended_with(76);
    assert!(refused.err.contains("expired"), "{}", refused.err);
    let (code, said) = vestryd(&["check"], folder.path());
    assert!(
        code == Some(78)
            && said.contains("EXPIRED; first see to the CA, then run: vestryd certs renew --data-dir"),
        "{said}"
    );
    std::fs::rename(&hidden, &key).unwrap();
    server.signal(Signal::HUP);
    server.wait_for("the server certificate was renewed").await;
    person.run("vestry", &["status"], "").ended_with(0);
    // Said once, and not with every look.
    assert_eq!(server.talk().matches("cannot be renewed").count(), 1, "{}", server.talk());
}

#[test]
fn a_certificate_that_has_ended_and_cannot_be_renewed_is_named_at_start() {
    let folder = tempfile::tempdir().unwrap();
    Server::init(folder.path(), "");
    let certs = vestry_tls::CertsDir::at(folder.path().join("certs"));
    certs
        .renew_server(&certs.server_hosts().unwrap(), Validity { not_before: now().minus(2 * DAY), days: 1 })
        .unwrap();
    std::fs::remove_file(certs.ca_key()).unwrap();
    let (code, said) = vestryd(&["serve"], folder.path());
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("the server certificate ended on") && said.contains("ca.key is missing"), "{said}");
}

#[tokio::test]
async fn a_ca_near_its_end_is_told_of_by_check_and_in_the_log() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let certs = vestry_tls::CertsDir::at(folder.path().join("certs"));
    std::fs::create_dir(certs.path()).unwrap();
    certs.create_authority("Vestry CA", Validity { not_before: now(), days: 5 }).unwrap();
    Server::init(folder.path(), "");
    let server = Server::start_in(folder.clone());
    server.wait_for("the CA ends on").await;
    assert!(!server.talk().contains("was renewed"), "a certificate cannot outlive its CA: {}", server.talk());
    let (_, said) = vestryd(&["check"], folder.path());
    assert!(said.contains("warn  CA: ends on"), "{said}");
    server.register("naman").await;
}

#[tokio::test]
async fn a_running_server_cannot_open_what_is_not_its_own() {
    let server = Server::start();
    if server.talk().contains("not confined") {
        println!("skipped: this kernel has no Landlock");
        return;
    }
    let (certs, aside) = (server.folder().join("certs"), server.folder().join("aside"));
    let outside = copy_of(&certs);
    std::fs::rename(&certs, &aside).unwrap();
    std::os::unix::fs::symlink(outside.path(), &certs).unwrap();
    server.signal(Signal::HUP);
    server.wait_for("the reload failed").await;
    assert!(server.talk().contains("Permission denied"), "{}", server.talk());
    std::fs::remove_file(&certs).unwrap();
    std::fs::rename(&aside, &certs).unwrap();
    server.signal(Signal::HUP);
    server.wait_for("the certificates were read again").await;
    server.register("naman").await;
}

/// L-4 of the review: UDP, UNIX sockets and netlink were open to a server that said "no new sockets".
#[tokio::test]
async fn sec_0101_every_thread_of_a_running_server_is_refused_sockets_and_programs() {
    let server = Server::start();
    server.register("naman").await;
    let threads = std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let mut count = 0;
    for thread in threads {
        let status = std::fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        assert!(status.contains("\nSeccomp:\t2\n"), "{status}");
        count += 1;
    }
    assert!(count > 4, "{count}");
    server.wait_for("no new sockets, programs or tracing (seccomp)").await;
}

/// I-5 of the review: nothing bounded what the service took of its machine.
#[test]
fn sec_0112_the_unit_bounds_memory_swap_threads_and_restarts() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/vestryd.service");
    let unit = std::fs::read_to_string(unit).unwrap();
    for line in [
        "MemoryMax=80%",
        "MemorySwapMax=0",
        "TasksMax=512",
        "StartLimitIntervalSec=300",
        "StartLimitBurst=20",
    ] {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
}

/// L-6 of the review: SQLite and aws-lc were compiled without a check of their stacks, and sums wrapped in the release.
#[test]
fn sec_0102_linked_c_checks_its_stack_and_copies_and_sums_do_not_wrap() {
    for (name, checks) in [
        ("vestryd", &["__stack_chk_fail", "__memcpy_chk"][..]),
        ("vestry", &["__stack_chk_fail"]),
        ("vestryctl", &["__stack_chk_fail"]),
    ] {
        let bytes = std::fs::read(program(name)).unwrap();
        for check in checks {
            let symbol = [check.as_bytes(), b"\0"].concat();
            let is_there = bytes.windows(symbol.len()).any(|window| window == symbol);
            assert!(
                is_there,
                "{name} has no {check}; CFLAGS of your own take the place of .cargo/config.toml's"
            );
        }
    }
    let manifest =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml")).unwrap();
    let release = manifest.split("[profile.release]").nth(1).unwrap().split("\n[").next().unwrap();
    assert!(release.contains("\noverflow-checks = true\n"), "{release}");
}

#[tokio::test]
async fn a_server_leaves_no_core_gains_no_privilege_and_check_says_what_is_in_force() {
    let server = Server::start();
    let of_process = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", server.pid())).unwrap();
    assert!(of_process("status").contains("NoNewPrivs:\t1"));
    assert_eq!(core_limits(server.pid()), ["0", "0"]);
    let (code, said) = vestryd(&["check"], server.folder());
    assert_eq!(code, Some(0), "{said}");
    for line in
        ["in force in every vestryd:", "ok    memory: no core dumps", "  files: ", "memory is not locked"]
    {
        assert!(said.contains(line), "{line:?}: {said}");
    }
}

/// What a process of the same user tries with another: its memory, its maps, its environment, and to trace it. For each, the
/// number of the system's error, or zero.
const LOOK_INTO: &str = "
import ctypes, sys
pid = int(sys.argv[1])
for name in ['mem', 'maps', 'environ', 'auxv']:
    try:
        with open(f'/proc/{pid}/{name}', 'rb') as file:
            file.read(0 if name == 'mem' else 1)
        print(name, 0)
    except OSError as error:
        print(name, error.errno)
libc = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH = 16
print('ptrace', 0 if libc.ptrace(PTRACE_ATTACH, pid, None, None) == 0 else ctypes.get_errno())
";

/// A command as the user that this is not: root may look into everything.
fn as_nobody(program: impl AsRef<std::ffi::OsStr>) -> Command {
    const NOBODY: u32 = 65_534;
    let mut command = Command::new(program);
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// Looks into a process; every name with what the system said.
fn look_into(python: &str, pid: u32) -> Vec<(String, i32)> {
    let looked = as_nobody(python).args(["-c", LOOK_INTO, &pid.to_string()]).output().unwrap();
    let said = String::from_utf8_lossy(&looked.stdout).into_owned();
    let of_line =
        |line: &str| line.split_once(' ').map(|(name, errno)| (name.to_owned(), errno.parse().unwrap()));
    let found: Vec<_> = said.lines().filter_map(of_line).collect();
    assert_eq!(found.len(), 5, "{said} {}", String::from_utf8_lossy(&looked.stderr));
    found
}

/// The control is an ordinary process of the same user, into which the same attempts succeed.
#[tokio::test]
async fn no_process_of_its_user_looks_into_a_running_server() {
    let Some(python) =
        ["/usr/bin/python3", "/usr/local/bin/python3"].into_iter().find(|path| Path::new(path).exists())
    else {
        println!("skipped: there is no python3 to look with");
        return;
    };
    let folder = Arc::new(tempfile::tempdir().unwrap());
    Server::init(folder.path(), "");
    if rustix::process::geteuid().is_root() {
        let owned = Command::new("chown").args(["-R", "65534:65534"]).arg(folder.path()).status().unwrap();
        assert!(owned.success());
    }
    let mut sleeper = as_nobody("sleep").arg("60").spawn().unwrap();
    let of_sleeper = look_into(python, sleeper.id());
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    let server = Server::start_by(folder, as_nobody(program("vestryd")));
    let of_server = look_into(python, server.pid());
    println!("into an ordinary process: {of_sleeper:?}; into the server: {of_server:?}");
    // Where Yama forbids tracing altogether, the rest still shows that the attempts are good ones.
    let works = |name: &str| of_sleeper.iter().any(|(tried, errno)| tried == name && *errno == 0);
    assert!(works("maps") && works("environ"), "the control was not looked into: {of_sleeper:?}");
    const EPERM: i32 = 1;
    const EACCES: i32 = 13;
    for (name, errno) in of_server {
        assert!([EPERM, EACCES].contains(&errno), "{name} of the server: {errno}");
    }
    server.connect().await.describe().await;
}

#[tokio::test]
async fn a_sort_that_does_not_fit_into_memory_finds_room_in_the_data_directory() {
    let server = Server::start();
    let numbers = "with recursive n(i) as (select 1 union all select i + 1 from n limit 600000)";
    let sql =
        format!("{numbers} select i, hex(i) || hex(i) || hex(i) from n order by 2 limit 1 offset 599999");
    assert_eq!(server.select(&sql).await[0][0], "99999");
}
