//! What a login, a `show`, an idle connection and a table of 100,000 accounts cost: time as seen by the client, and
//! CPU and memory of the server. `scripts/measure.sh` builds everything for release and runs it; it asserts nothing.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vestry_protocol::fields::Username;
use vestry_protocol::user::{Change, ProfileUpdate, UserCall};
use vestry_store::{ActorKind, CredentialKind, Event, NewAccount, ProfilePatch, Store, StoreLimits};
use vestry_tests::exchanges;
use vestry_tests::harness::{PASSWORD, Server, login, program};
use vestry_tests::programs::with_admin;

const LOGINS: u32 = 200;
const OPAQUE_LOGINS: u32 = 500;
const SHOWS: u32 = 20_000;
const UPDATES: u32 = 2_000;
const IDLE: u64 = 5_000;
const ACCOUNTS: u32 = 100_000;
/// The unit of `/proc/PID/stat`, the same on every Linux that Rust runs on.
const TICK: Duration = Duration::from_millis(10);

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
    let mut times = Vec::new();
    let before = usage_of(server.pid()).0;
    for _ in 0..LOGINS {
        let begun = Instant::now();
        let mut wire = server.connect().await;
        wire.call(login("naman", PASSWORD)).await.expect("an answer");
        times.push(begun.elapsed());
    }
    report("login, Argon2id, fresh connection", times, usage_of(server.pid()).0 - before, LOGINS);
    println!("{:<44} {:>12}", "resident memory, after these logins", mebibytes(usage_of(server.pid()).1));

    // The client stretches for as long as it likes; here as cheaply as it may, since the server does not notice.
    exchanges::register(&server, "shubham", PASSWORD).await;
    let (mut times, before) = (Vec::new(), usage_of(server.pid()).0);
    for _ in 0..OPAQUE_LOGINS {
        let begun = Instant::now();
        exchanges::logged_in(&server, "shubham", PASSWORD).await;
        times.push(begun.elapsed());
    }
    report("login, OPAQUE, fresh connection", times, usage_of(server.pid()).0 - before, OPAQUE_LOGINS);
    println!("{:<44} {:>12}", "resident memory, after these logins", mebibytes(usage_of(server.pid()).1));

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

fn measure_table(runtime: &tokio::runtime::Runtime) {
    let server = Server::start();
    let folder = server.stop();
    runtime.block_on(fill(&folder.path().join("vestry.db")));
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
async fn fill(database: &std::path::Path) {
    let store = Store::open(database, StoreLimits::default()).expect("a register");
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

/// CPU time so far, and resident memory in KiB.
fn usage_of(pid: u32) -> (Duration, u64) {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process lives");
    let after_name = stat.rsplit(')').next().expect("a process has a name");
    let fields: Vec<u64> = after_name.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
    let ticks = u32::try_from(fields[11] + fields[12]).expect("a short run");
    (TICK * ticks, fields[21] * 4)
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
