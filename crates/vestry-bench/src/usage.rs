//! What a process and its children used: processor time, memory and context switches, out of `/proc`.
//!
//! Processor time is the sum of `/proc/PID/task/TID/schedstat` over the threads that live, which counts nanoseconds,
//! where `/proc/PID/stat` counts ticks of 10 ms. Two things are in ticks only and are added from there: what children
//! used that have ended and were waited for (`cutime`, `cstime`), and what threads used that have ended (the process's
//! own total, where it is more than the living threads' by more than the rounding).

use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// Linux counts a hundred ticks a second on every architecture that it runs servers on.
const TICK_NS: u64 = 10_000_000;

/// The total of a process may be off by one tick for each of user and system time, at either end.
const ROUNDING_NS: u64 = 4 * TICK_NS;

/// Children of children, deeper than any server here.
const GENERATIONS_MAX: usize = 8;

/// What a process and its children used up to a moment.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    processes: BTreeMap<u32, Process>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Process {
    threads_ns: u64,
    /// Own time, in whole ticks, and that of children that ended.
    total_ns: u64,
    children_ns: u64,
    switches: u64,
    resident_kib: u64,
    proportional_kib: Option<u64>,
    peak_kib: u64,
}

/// What was used between two moments, and the memory at the second.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Used {
    /// Processor time, in seconds.
    pub cpu_secs: f64,
    /// Context switches, voluntary or not, of the threads that lived at the end.
    pub switches: u64,
    /// Resident memory, in KiB; memory that processes share is counted in each.
    pub resident_kib: u64,
    /// Memory with what is shared counted once, where the system tells.
    pub proportional_kib: Option<u64>,
    /// The highest resident memory since the start, in KiB.
    pub peak_kib: u64,
}

impl Usage {
    /// Of a process and its children now. A process that is gone has used nothing.
    #[must_use]
    pub fn of_tree(pid: u32) -> Self {
        let parents = parents();
        let mut found = vec![pid];
        let mut generation = vec![pid];
        for _ in 0..GENERATIONS_MAX {
            let is_child = |parent: &u32| generation.contains(parent);
            generation = parents.iter().filter(|(_, parent)| is_child(parent)).map(|(pid, _)| *pid).collect();
            if generation.is_empty() {
                break;
            }
            found.extend(&generation);
        }
        let processes = found.into_iter().filter_map(|pid| Some((pid, Process::read(pid)?)));
        Self { processes: processes.collect() }
    }

    /// What was used since an earlier moment.
    #[must_use]
    pub fn since(&self, before: &Self) -> Used {
        let nothing = Process::default();
        let each =
            || self.processes.iter().map(|(pid, now)| (now, before.processes.get(pid).unwrap_or(&nothing)));
        let cpu_ns: u64 = each().map(|(now, then)| now.cpu_since(then)).sum();
        // What ended in between is in its parent's account, from its beginning on.
        let ended = before.processes.iter().filter(|(pid, _)| !self.processes.contains_key(pid));
        let counted_before: u64 = ended.map(|(_, process)| process.threads_ns + process.children_ns).sum();
        let sum = |field: fn(&Process) -> u64| self.processes.values().map(field).sum();
        Used {
            cpu_secs: cpu_ns.saturating_sub(counted_before) as f64 / 1e9,
            switches: each().map(|(now, then)| now.switches.saturating_sub(then.switches)).sum(),
            resident_kib: sum(|process| process.resident_kib),
            proportional_kib: self.processes.values().map(|process| process.proportional_kib).sum(),
            peak_kib: sum(|process| process.peak_kib),
        }
    }

    /// Resident memory, in KiB.
    #[must_use]
    pub fn resident_kib(&self) -> u64 {
        self.processes.values().map(|process| process.resident_kib).sum()
    }
}

impl Process {
    fn read(pid: u32) -> Option<Self> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let [own, children] = times_of(&fs::read_to_string(folder.join("stat")).ok()?)?;
        let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
        let shared = fs::read_to_string(folder.join("smaps_rollup")).ok();
        let mut process = Self {
            total_ns: own,
            children_ns: children,
            resident_kib: field_of(&status, "VmRSS:").unwrap_or(0),
            peak_kib: field_of(&status, "VmHWM:").unwrap_or(0),
            proportional_kib: shared.and_then(|text| field_of(&text, "Pss:")),
            ..Self::default()
        };
        for task in fs::read_dir(folder.join("task")).ok()?.flatten() {
            let read = |name| fs::read_to_string(task.path().join(name)).unwrap_or_default();
            let schedstat = read("schedstat");
            process.threads_ns += schedstat.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0);
            let status = read("status");
            let switches = |kind| field_of(&status, kind).unwrap_or(0);
            process.switches +=
                switches("voluntary_ctxt_switches:") + switches("nonvoluntary_ctxt_switches:");
        }
        Some(process)
    }

    fn cpu_since(&self, before: &Self) -> u64 {
        let threads = self.threads_ns.saturating_sub(before.threads_ns);
        let total = self.total_ns.saturating_sub(before.total_ns);
        let own = if total > threads.saturating_add(ROUNDING_NS) { total } else { threads };
        own + self.children_ns.saturating_sub(before.children_ns)
    }
}

/// Own and waited-for children's time out of `/proc/PID/stat`, in nanoseconds.
fn times_of(stat: &str) -> Option<[u64; 2]> {
    // The name is in parentheses and may hold anything, parentheses too.
    let (_, behind_name) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = behind_name.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<u64>().ok());
    Some([(ticks(11)? + ticks(12)?) * TICK_NS, (ticks(13)? + ticks(14)?) * TICK_NS])
}

fn field_of(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Every process with its parent.
fn parents() -> Vec<(u32, u32)> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbered = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let with_parent = numbered.filter_map(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, behind_name) = stat.rsplit_once(')')?;
        Some((pid, behind_name.split_whitespace().nth(1)?.parse().ok()?))
    });
    with_parent.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_name_with_parentheses_does_not_move_the_fields() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 1 2 3 4 50 25 10 5 20 0 1 0";
        assert_eq!(times_of(stat), Some([75 * TICK_NS, 15 * TICK_NS]));
    }

    #[test]
    fn work_of_this_process_and_of_a_child_that_ended_is_seen() {
        let pid = std::process::id();
        let before = Usage::of_tree(pid);
        let sum = (0..20_000_000_u64).fold(0, |sum, number| std::hint::black_box(sum ^ number));
        std::hint::black_box(sum);
        let child = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        assert!(Command::new("sh").args(["-c", child]).status().unwrap().success());
        let used = Usage::of_tree(pid).since(&before);
        assert!(used.cpu_secs > 0.02, "{used:?}");
        assert!(used.resident_kib > 1_000, "{used:?}");
    }

    #[test]
    fn a_process_that_is_gone_has_used_nothing() {
        let gone = Usage::of_tree(u32::MAX);
        let used = gone.since(&gone);
        assert_eq!((used.switches, used.resident_kib), (0, 0));
        assert!(used.cpu_secs.abs() < f64::EPSILON);
    }
}
