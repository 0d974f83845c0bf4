//! A run: workers on a thread or two, a time to warm up, a window in which everything counts, and what the server used
//! meanwhile.

use crate::dial::Dialer;
use crate::failure::Failure;
use crate::frames::{DEPTH_MAX, Requests};
use crate::operation::{Mix, Operation};
use crate::progress::Progress;
use crate::set::AccountSet;
use crate::tally::{Outcome, Tallies, Tally, Timing};
use crate::usage::{Usage, Used};
use crate::worker::{Pace, Task, Worker};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep_until, timeout_at};
use vestry_opaque::unstretched::Prover;
use vestry_server::data_dir::DataDir;

/// No run is longer.
pub const SECONDS_MAX: f64 = 600.0;
/// No run has more clients.
pub const CONNECTIONS_MAX: u64 = 12_000;
/// Logins that one thread has under way before a run: more would only wait for each other.
const PREPARED_AT_ONCE: usize = 32;

/// How often the line on a terminal changes.
const TIME_BETWEEN_LINES: Duration = Duration::from_millis(500);

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where.
    pub address: SocketAddr,
    /// The CA of the server, when it is not that of the data directory.
    pub ca: Option<PathBuf>,
    /// The data directory, when the server is a Vestry server.
    pub data_dir: Option<PathBuf>,
    /// The process whose use is reported.
    pub pid: Option<u32>,
    /// What to do.
    pub mix: Mix,
    /// Clients.
    pub connections: u64,
    /// Requests that share a write.
    pub depth: usize,
    /// Threads of this program.
    pub threads: u64,
    /// How long everything counts.
    pub time: Duration,
    /// How long nothing counts before.
    pub warmup: Duration,
    /// How many things are done at most.
    pub count: u64,
    /// How many things are due a second; as fast as possible when absent.
    pub rate: Option<f64>,
    /// Source addresses.
    pub sources: u8,
    /// What chance comes from.
    pub seed: u64,
    /// For binds: a name and its password.
    pub ldap: Option<(String, String)>,
}

/// What a run saw.
#[derive(Debug)]
pub struct Ran {
    /// By operation.
    pub tallies: Tallies,
    /// How long everything counted.
    pub time: Duration,
    /// What the server used meanwhile.
    pub server: Option<Used>,
    /// What this program used meanwhile.
    pub client: Used,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    start: Instant,
    end: Instant,
}

/// What the threads share while they run.
struct Shared {
    task: Arc<Task>,
    /// Things that may still be done.
    left: AtomicU64,
    done: AtomicU64,
    window: watch::Receiver<Option<Window>>,
    /// Between two things that are due to one worker.
    every: Option<Duration>,
}

/// Runs a plan.
///
/// # Errors
/// When it cannot begin; what goes wrong later is counted.
pub fn run(plan: &Plan) -> Result<Ran, Failure> {
    let (announce, window) = watch::channel(None);
    let every = plan.rate.map(|rate| Duration::from_secs_f64(plan.connections as f64 / rate));
    let shared = Arc::new(Shared {
        task: Arc::new(task_of(plan)?),
        left: AtomicU64::new(plan.count),
        done: AtomicU64::new(0),
        window,
        every,
    });
    let (report, reports) = mpsc::channel(16);
    let threads = (0..plan.threads).map(|thread| {
        let (shared, report) = (shared.clone(), report.clone());
        let mine: Vec<u64> = (0..plan.connections).filter(|worker| worker % plan.threads == thread).collect();
        std::thread::Builder::new()
            .name(format!("load-{thread}"))
            .spawn(move || run_thread(&shared, mine, &report))
            .map_err(Failure::system("a thread"))
    });
    let threads = threads.collect::<Result<Vec<_>, _>>()?;
    drop(report);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::system("a runtime"))?;
    let watched = runtime.block_on(watch_over(plan, &shared, &announce, reports));
    drop(announce);
    let tallies = collect(threads)?;
    let (time, server, client) = watched?;
    Ok(Ran { tallies, time, server, client })
}

fn task_of(plan: &Plan) -> Result<Task, Failure> {
    let in_bounds = (1..=CONNECTIONS_MAX).contains(&plan.connections)
        && (1..=DEPTH_MAX).contains(&plan.depth)
        && (1..=8).contains(&plan.threads)
        && (plan.time + plan.warmup).as_secs_f64() <= SECONDS_MAX
        && plan.rate.is_none_or(|rate| (0.001..=10_000_000.0).contains(&rate));
    if !in_bounds {
        return Err(Failure::other(format!(
            "use 1 to {CONNECTIONS_MAX} connections, a depth of 1 to {DEPTH_MAX}, 1 to 8 threads, {SECONDS_MAX} s at most"
        )));
    }
    if plan.data_dir.is_none() && plan.mix.operations().any(Operation::needs_accounts) {
        return Err(Failure::other("these operations need the --data-dir that `vestry-bench data` made"));
    }
    let data_dir = plan.data_dir.as_ref().map(DataDir::at);
    let set = data_dir.as_ref().map(AccountSet::read).transpose()?;
    let ca = match (&plan.ca, &data_dir) {
        (Some(ca), _) => ca.clone(),
        (None, Some(data_dir)) => data_dir.certs(None).ca_certificate(),
        (None, None) => return Err(Failure::other("name the server's CA with --ca, or its --data-dir")),
    };
    let speaks_vestry = data_dir.is_some();
    let prover = set.as_ref().map(|set| Prover::new(set.password.as_bytes())).transpose()?;
    Ok(Task {
        dialer: Dialer::new(plan.address, &ca, speaks_vestry, plan.sources)?,
        mix: plan.mix.clone(),
        depth: plan.depth,
        set,
        requests: Requests::encode()?,
        prover,
        ldap: plan.ldap.clone(),
        workers: plan.connections,
        seed: plan.seed,
    })
}

/// From the moment when every worker is ready to the end of the window: the time that counted, and what was used.
async fn watch_over(
    plan: &Plan,
    shared: &Shared,
    announce: &watch::Sender<Option<Window>>,
    mut reports: mpsc::Receiver<Result<(), Failure>>,
) -> Result<(Duration, Option<Used>, Used), Failure> {
    let progress = Progress::new();
    progress.say("connecting …");
    for _ in 0..plan.threads {
        reports.recv().await.unwrap_or_else(|| Err(Failure::other("a thread ended before it began")))?;
    }
    let start = Instant::now() + plan.warmup;
    let end = start + plan.time;
    announce.send_replace(Some(Window { start, end }));
    sleep_until(start.into()).await;
    let usage = || (plan.pid.map(Usage::of_tree), Usage::of_tree(std::process::id()));
    let (before, begun) = (usage(), Instant::now());
    let mut working = plan.threads;
    while working > 0 {
        let tick = end.min(Instant::now() + TIME_BETWEEN_LINES);
        if timeout_at(tick.into(), reports.recv()).await.is_ok() {
            working -= 1;
        }
        let (left, done) =
            (end.saturating_duration_since(Instant::now()), shared.done.load(Ordering::Relaxed));
        progress.say(&format!("{}: {done} done, {:.0} s to go", plan.mix, left.as_secs_f64()));
        if left.is_zero() {
            break;
        }
    }
    let (after, time) = (usage(), begun.elapsed());
    let server = after.0.zip(before.0).map(|(after, before)| after.since(&before));
    Ok((time, server, after.1.since(&before.1)))
}

fn collect(threads: Vec<JoinHandle<Result<Tallies, Failure>>>) -> Result<Tallies, Failure> {
    let mut all = Tallies::new();
    for thread in threads {
        let seen = thread.join().map_err(|_| Failure::other("a thread of the load panicked"))??;
        for (operation, tally) in seen {
            match all.get_mut(&operation) {
                Some(known) => known.add(&tally)?,
                None => drop(all.insert(operation, tally)),
            }
        }
    }
    Ok(all)
}

fn run_thread(
    shared: &Arc<Shared>,
    mine: Vec<u64>,
    report: &mpsc::Sender<Result<(), Failure>>,
) -> Result<Tallies, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::system("a runtime"))?;
    let tallies = shared.task.mix.operations().map(|operation| Ok((operation, Tally::new()?)));
    let tallies = Rc::new(RefCell::new(tallies.collect::<Result<Tallies, Failure>>()?));
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let workers = match prepare_all(&shared.task, mine).await {
            Ok(workers) => workers,
            Err(failure) => return drop(report.send(Err(failure)).await),
        };
        // When nobody listens, the run was given up.
        let _ = report.send(Ok(())).await;
        let mut announced = shared.window.clone();
        let window = announced.wait_for(Option::is_some).await.ok().and_then(|window| *window);
        if let Some(window) = window {
            run_workers(shared, workers, window, &tallies).await;
            // Done; the thread stays until what it used was looked at, which is when nothing more is announced.
            let _ = report.send(Ok(())).await;
            let _ = announced.changed().await;
        }
    });
    // Workers that were cut off in the middle of something go with this.
    drop(local);
    Ok(tallies.take())
}

async fn prepare_all(task: &Arc<Task>, numbers: Vec<u64>) -> Result<Vec<(u64, Worker)>, Failure> {
    let (mut ready, mut under_way) = (Vec::with_capacity(numbers.len()), JoinSet::new());
    for number in numbers {
        if under_way.len() >= PREPARED_AT_ONCE {
            ready.extend(next_ready(&mut under_way).await?);
        }
        let task = task.clone();
        under_way
            .spawn_local(async move { Worker::prepare(task, number).await.map(|worker| (number, worker)) });
    }
    while let Some(worker) = next_ready(&mut under_way).await? {
        ready.push(worker);
    }
    Ok(ready)
}

async fn next_ready(
    under_way: &mut JoinSet<Result<(u64, Worker), Failure>>,
) -> Result<Option<(u64, Worker)>, Failure> {
    match under_way.join_next().await {
        None => Ok(None),
        Some(Ok(prepared)) => prepared.map(Some),
        Some(Err(error)) => Err(Failure::other(error.to_string())),
    }
}

async fn run_workers(
    shared: &Arc<Shared>,
    workers: Vec<(u64, Worker)>,
    window: Window,
    tallies: &Rc<RefCell<Tallies>>,
) {
    let mut running = JoinSet::new();
    for (number, worker) in workers {
        let pace = shared.every.map_or(Pace::Closed, |every| {
            // Workers take turns.
            let share = number as f64 / shared.task.workers as f64;
            Pace::Open { next: Instant::now() + every.mul_f64(share), every }
        });
        let (shared, tallies) = (shared.clone(), tallies.clone());
        running.spawn_local(worker.run(pace, move |operation, outcome, timing| {
            shared.note(window, &tallies, operation, outcome, timing)
        }));
    }
    tokio::select! {
        () = sleep_until(window.end.into()) => {}
        () = async { while running.join_next().await.is_some() {} } => {}
    }
}

impl Shared {
    /// Counts what falls into the window; whether there is more to do.
    fn note(
        &self,
        window: Window,
        tallies: &RefCell<Tallies>,
        operation: Operation,
        outcome: Outcome,
        timing: Timing,
    ) -> bool {
        if timing.answered < window.start {
            return true;
        }
        let has_left =
            self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if timing.answered > window.end || has_left.is_err() {
            return false;
        }
        self.done.fetch_add(1, Ordering::Relaxed);
        tallies.borrow_mut().get_mut(&operation).is_some_and(|tally| tally.record(outcome, timing).is_ok())
    }
}
