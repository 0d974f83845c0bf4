//! What a login, a `show`, an idle connection and a table of 100,000 accounts cost: time as seen by the client, and
//! CPU and memory of the server. `scripts/measure.sh` builds everything for release and runs it; it asserts nothing.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use vestry_protocol::fields::Username;
use vestry_protocol::user::{Change, ProfileUpdate, UserCall, UserReply};
use vestry_server::data_dir::DataDir;
use vestry_server::setup::read_audit_key;
use vestry_store::{ActorKind, CredentialKind, Event, NewAccount, ProfilePatch, Store, StoreLimits};
use vestry_tests::harness::{PASSWORD, Server, login, program};
use vestry_tests::light;
use vestry_tests::programs::with_admin;

const LOGINS: u32 = 320;
const OPAQUE_LOGINS: u32 = 4_000;
/// People who log in at the same time, each on a fresh connection every time.
const AT_ONCE: u32 = 16;
/// Accounts that each of them uses in turn: nobody logs in 250 times in two seconds.
const ACCOUNTS_EACH: u32 = 16;
const SHOWS: u32 = 20_000;
const UPDATES: u32 = 2_000;
const IDLE: u64 = 5_000;
const ACCOUNTS: u32 = 100_000;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    println!("{:<44} {:>12} {:>12} {:>14}", "what", "median", "p99", "server CPU each");
    runtime.block_on(measure_requests());
    measure_table(&runtime);
}

async fn measure_requests() {
    let server = Server::start_with("connections_per_source_max = 10000");
    let (_, idle_kib) = usage_of(server.pid());
    println!("{:<44} {:>12}", "resident memory, just started", mebibytes(idle_kib));
    server.register("naman").await;
    for person in 0..AT_ONCE {
        server.register(&format!("hashed{person}")).await;
    }
    let server = Arc::new(server);
    for (what, count, kind) in [
        ("login, Argon2id, fresh connections", LOGINS, Login::Password),
        ("login, OPAQUE, fresh connections", OPAQUE_LOGINS, Login::Opaque),
    ] {
        if kind == Login::Opaque {
            for number in 0..AT_ONCE * ACCOUNTS_EACH {
                light::register(&server, &format!("person{number}")).await;
            }
        }
        let before = usage_of(server.pid()).0;
        let people: Vec<_> = (0..AT_ONCE)
            .map(|person| tokio::spawn(log_in_often(server.clone(), kind, person, count / AT_ONCE)))
            .collect();
        let mut times = Vec::new();
        for person in people {
            times.extend(person.await.expect("logged in"));
        }
        report(what, times, usage_of(server.pid()).0 - before, count);
        println!("{:<44} {:>12}", "resident memory, after these logins", mebibytes(usage_of(server.pid()).1));
    }

    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let (mut times, before) = (Vec::new(), usage_of(server.pid()).0);
    for _ in 0..SHOWS {
        let begun = Instant::now();
        wire.call(UserCall::ShowAccount).await.expect("an answer");
        times.push(begun.elapsed());
    }
    report("show, one open connection", times, usage_of(server.pid()).0 - before, SHOWS);

    let (mut times, before) = (Vec::new(), usage_of(server.pid()).0);
    for age in (0..150).cycle().take(UPDATES as usize) {
        let update = ProfileUpdate { age: Change::Set(age), ..ProfileUpdate::default() };
        let begun = Instant::now();
        wire.call(UserCall::UpdateAccount(update)).await.expect("an answer");
        times.push(begun.elapsed());
    }
    report("update, one open connection, durable", times, usage_of(server.pid()).0 - before, UPDATES);

    let before = usage_of(server.pid()).1;
    let mut held = Vec::new();
    for _ in 0..IDLE {
        let mut wire = server.connect().await;
        wire.call(UserCall::DescribeServer).await.expect("an answer");
        held.push(wire);
    }
    let grown = usage_of(server.pid()).1 - before;
    println!(
        "{:<44} {:>12}",
        format!("memory of one of {IDLE} idle connections"),
        format!("{:.1} kB", grown as f64 * 1.024 / IDLE as f64)
    );
}

/// What opens a session.
#[derive(Clone, Copy, PartialEq)]
enum Login {
    Password,
    Opaque,
}

async fn log_in_often(server: Arc<Server>, kind: Login, person: u32, count: u32) -> Vec<Duration> {
    let mut times = Vec::new();
    for number in 0..count {
        let name = format!("person{}", person * ACCOUNTS_EACH + number % ACCOUNTS_EACH);
        let begun = Instant::now();
        let mut wire = server.connect().await;
        let reply = match kind {
            Login::Password => {
                wire.call(login(&format!("hashed{person}"), PASSWORD)).await.expect("an answer")
            }
            Login::Opaque => light::log_in(&mut wire, &name).await,
        };
        assert!(matches!(reply, UserReply::LoggedIn(_)), "{reply:?}");
        times.push(begun.elapsed());
    }
    times
}

fn measure_table(runtime: &tokio::runtime::Runtime) {
    let server = Server::start();
    let folder = server.stop();
    runtime.block_on(fill(&DataDir::at(folder.path())));
    let server = Server::start_in(folder);
    println!();
    println!(
        "{:<44} {:>12} {:>12} {:>14}",
        format!("table of {ACCOUNTS} accounts"),
        "time",
        "vestryctl",
        "vestryd"
    );
    for format in ["tsv", "csv", "ndjson", "json", "table"] {
        let begun = Instant::now();
        let peak =
            run_and_watch(&with_admin(&server, &["sql", "--format", format, "select * from accounts"]));
        let label = format!("select * from accounts, {format}");
        let resident = usage_of(server.pid()).1;
        println!(
            "{label:<44} {:>12} {:>12} {:>14}",
            milliseconds(begun.elapsed()),
            mebibytes(peak),
            mebibytes(resident)
        );
    }
    for (what, arguments) in [
        ("first page of 100, by name", &["accounts", "--limit", "100"][..]),
        ("count and average", &["sql", "select count(*), avg(age) from accounts"]),
    ] {
        let begun = Instant::now();
        let peak = run_and_watch(&with_admin(&server, arguments));
        println!("{what:<44} {:>12} {:>12}", milliseconds(begun.elapsed()), mebibytes(peak));
    }
}

/// Accounts straight into the register: nobody hashes 100,000 passwords to measure a table.
async fn fill(data_dir: &DataDir) {
    let chain = read_audit_key(&data_dir.audit_key()).expect("a key");
    let store = Store::open(&data_dir.database(), StoreLimits::default(), chain).expect("a register");
    let event = Event {
        at: 0,
        actor_kind: ActorKind::Server,
        actor: "measure",
        action: "fill",
        subject: "",
        source: "",
        detail: "",
    };
    let filled = store.write(move |tx| {
        let noted = tx.note(&event)?;
        for number in 0..ACCOUNTS {
            let name = Username::parse(&format!("person{number:06}")).expect("a name");
            let new = NewAccount { name: &name, profile: ProfilePatch::default(), created: 1_700_000_000 };
            let account = tx.insert_account(&noted, &new)?.expect("a fresh name");
            tx.set_credential(&noted, account, CredentialKind::Argon2id, b"$none", 0)?;
        }
        Ok::<_, vestry_store::StoreError>(())
    });
    filled.await.expect("filled");
    store.close().await;
}

/// Runs `vestryctl`, throws its output away, and returns its peak memory in KiB.
fn run_and_watch(arguments: &[String]) -> u64 {
    let mut child = Command::new(program("vestryctl"))
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("vestryctl runs");
    let mut out = child.stdout.take().expect("it is piped");
    let (mut peak, mut buffer) = (0, vec![0; 1 << 16]);
    while out.read(&mut buffer).expect("it can be read") > 0 {
        peak = peak.max(peak_kib(child.id()));
    }
    assert!(child.wait().expect("it ends").success());
    peak
}

fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

/// CPU time of all threads so far, to the nanosecond, and resident memory in KiB. `/proc/PID/stat` counts ticks of
/// 10 ms, which misses the short bursts of a server that mostly waits.
fn usage_of(pid: u32) -> (Duration, u64) {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the process lives");
    let nanoseconds = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    let cpu = Duration::from_nanos(nanoseconds.sum());
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process lives");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    (cpu, resident.trim().trim_end_matches(" kB").parse().unwrap_or(0))
}

fn report(what: &str, mut times: Vec<Duration>, cpu: Duration, count: u32) {
    times.sort();
    let (median, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!(
        "{what:<44} {:>12} {:>12} {:>14}",
        microseconds(median),
        microseconds(p99),
        microseconds(cpu / count)
    );
}

fn microseconds(time: Duration) -> String {
    format!("{} µs", time.as_micros())
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

fn mebibytes(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}
