//! What a run saw, for a person and for a program.

use crate::failure::Failure;
use crate::load::{Plan, Ran};
use crate::tally::{Summary, Tally};
use crate::usage::Used;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

/// A run in numbers. The keys are stable.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was done.
    pub mix: String,
    /// By how many clients.
    pub connections: u64,
    /// Requests that shared a write.
    pub depth: usize,
    /// What was due a second, when it was not as fast as possible.
    pub rate: Option<f64>,
    /// How long everything counted.
    pub seconds: f64,
    /// How much was done.
    pub done: u64,
    /// How much of it a second.
    pub per_second: f64,
    /// What the server used for each thing done.
    pub server: Option<PerOperation>,
    /// What the client used for each thing done.
    pub client: PerOperation,
    /// By operation.
    pub operations: BTreeMap<String, OperationReport>,
}

/// What one process used, all in all and for each thing done.
#[derive(Debug, Serialize)]
pub struct PerOperation {
    /// Processor time for each thing done, in microseconds.
    pub cpu_us: f64,
    /// Context switches for each thing done.
    pub switches_each: f64,
    /// All in all, and memory.
    #[serde(flatten)]
    pub used: Used,
}

/// One operation in numbers.
#[derive(Debug, Serialize)]
pub struct OperationReport {
    /// How much was done.
    pub done: u64,
    /// From when it was due.
    pub latency: Summary,
    /// From when it was sent.
    pub service: Summary,
    /// What the server said no to, by the name of its code.
    pub refused: BTreeMap<String, RefusedReport>,
    /// What broke, by what it was.
    pub broken: BTreeMap<String, u64>,
}

/// Refusals of one code in numbers.
#[derive(Debug, Serialize)]
pub struct RefusedReport {
    /// How many.
    pub count: u64,
    /// How fast.
    pub latency: Summary,
    /// How many said when to come back.
    pub with_retry: u64,
    /// The average wait that was asked for, in milliseconds.
    pub retry_mean_ms: f64,
    /// The longest.
    pub retry_max_ms: f64,
}

impl Report {
    /// Of a run.
    #[must_use]
    pub fn of(plan: &Plan, ran: &Ran) -> Self {
        let done: u64 = ran.tallies.values().map(Tally::done).sum();
        let operations =
            ran.tallies.iter().map(|(operation, tally)| (operation.to_string(), of_tally(tally)));
        Self {
            mix: plan.mix.to_string(),
            connections: plan.connections,
            depth: plan.depth,
            rate: plan.rate,
            seconds: ran.time.as_secs_f64(),
            done,
            per_second: done as f64 / ran.time.as_secs_f64().max(f64::MIN_POSITIVE),
            server: ran.server.map(|used| PerOperation::of(used, done)),
            client: PerOperation::of(ran.client, done),
            operations: operations.collect(),
        }
    }

    /// As a table.
    ///
    /// # Errors
    /// When nobody takes it.
    pub fn write_table(&self, out: &mut impl Write) -> std::io::Result<()> {
        let Self { mix, connections, depth, seconds, done, per_second, .. } = self;
        writeln!(out, "{mix}: {connections} connections, depth {depth}, {seconds:.1} s")?;
        writeln!(out, "  {done} done, {per_second:.0} a second")?;
        for (name, operation) in &self.operations {
            write_operation(out, name, operation)?;
        }
        for (who, used) in [("server", self.server.as_ref()), ("client", Some(&self.client))] {
            let Some(PerOperation { cpu_us, switches_each, used }) = used else { continue };
            let (resident, peak) = (mebibytes(used.resident_kib), mebibytes(used.peak_kib));
            writeln!(
                out,
                "  {who}: {cpu_us:.1} µs of CPU and {switches_each:.2} context switches each, {resident:.1} MiB resident, {peak:.1} MiB at most"
            )?;
        }
        Ok(())
    }
}

impl PerOperation {
    fn of(used: Used, done: u64) -> Self {
        let each = done.max(1) as f64;
        Self { cpu_us: used.cpu_secs * 1e6 / each, switches_each: used.switches as f64 / each, used }
    }
}

fn of_tally(tally: &Tally) -> OperationReport {
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let refused = tally.refused.iter().map(|(code, refusals)| {
        let report = RefusedReport {
            count: refusals.times.count(),
            latency: refusals.times.summary(),
            with_retry: refusals.with_retry,
            retry_mean_ms: milliseconds(refusals.retry_sum) / refusals.with_retry.max(1) as f64,
            retry_max_ms: milliseconds(refusals.retry_max),
        };
        (code.clone(), report)
    });
    OperationReport {
        done: tally.done(),
        latency: tally.latency.summary(),
        service: tally.service.summary(),
        refused: refused.collect(),
        broken: tally.broken.clone(),
    }
}

fn write_operation(out: &mut impl Write, name: &str, operation: &OperationReport) -> std::io::Result<()> {
    let row = |out: &mut dyn Write, label: &str, s: &Summary| {
        writeln!(
            out,
            "  {label:<28} p50 {:>9.0}  p90 {:>9.0}  p99 {:>9.0}  p99.9 {:>9.0}  max {:>9.0} µs",
            s.p50_us, s.p90_us, s.p99_us, s.p999_us, s.max_us
        )
    };
    row(out, name, &operation.latency)?;
    for (code, refused) in &operation.refused {
        let RefusedReport { count, with_retry, retry_mean_ms, retry_max_ms, .. } = refused;
        row(out, &format!("{name}, {code}"), &refused.latency)?;
        writeln!(
            out,
            "    {count} refused, {with_retry} with a time to wait: {retry_mean_ms:.0} ms on average, {retry_max_ms:.0} ms at most"
        )?;
    }
    for (what, count) in &operation.broken {
        writeln!(out, "    {count} broke: {what}")?;
    }
    Ok(())
}

fn mebibytes(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// Prints anything as one line of JSON.
///
/// # Errors
/// When nobody takes it.
pub fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(|error| Failure::other(error.to_string()))?;
    print_line(&text)
}

/// Prints one line.
///
/// # Errors
/// When nobody takes it.
pub fn print_line(text: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{text}").map_err(Failure::system("standard output"))
}
