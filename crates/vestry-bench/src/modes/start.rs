//! Starting a server again and again: from the start of the process to the line that says where it listens, to the
//! first handshake that is done, and its memory when nobody asks anything.

use crate::dial::{Dialer, hang_up};
use crate::failure::Failure;
use crate::usage::Usage;
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use vestry_server::data_dir::DataDir;

/// No run starts more.
pub const TIMES_MAX: u32 = 200;

/// How long a server that nobody talks to is left alone before its memory is looked at.
const REST: Duration = Duration::from_millis(300);

/// The starts of one program on one data directory.
#[derive(Debug, Serialize)]
pub struct Starts {
    /// To the line, in milliseconds, sorted.
    pub listening_ms: Vec<f64>,
    /// To the first handshake that was done, in milliseconds, sorted.
    pub answering_ms: Vec<f64>,
    /// Resident memory before anybody connected, in KiB, sorted.
    pub resident_kib: Vec<u64>,
}

/// Starts and stops `vestryd` so many times.
///
/// # Errors
/// When it does not start, or cannot be talked to.
pub fn run(vestryd: &Path, data_dir: &Path, times: u32) -> Result<Starts, Failure> {
    if !(1..=TIMES_MAX).contains(&times) {
        return Err(Failure::other(format!("use 1 to {TIMES_MAX} starts")));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::system("a runtime"))?;
    let mut starts = Starts { listening_ms: vec![], answering_ms: vec![], resident_kib: vec![] };
    for number in 0..times {
        let begun = Instant::now();
        let (mut server, user_port) = Running::start(vestryd, data_dir)?;
        starts.listening_ms.push(milliseconds(begun));
        if number % 2 == 0 {
            // Every other one is asked at once; the others are left alone, since an answer takes memory.
            let ca = DataDir::at(data_dir).certs(None).ca_certificate();
            let dialer = Dialer::new(user_port, &ca, true, 1)?;
            runtime
                .block_on(async { hang_up(dialer.dial(0).await?).await })
                .map_err(Failure::system("the server"))?;
            starts.answering_ms.push(milliseconds(begun));
        } else {
            runtime.block_on(async { tokio::time::sleep(REST).await });
            starts.resident_kib.push(Usage::of_tree(server.0.id()).resident_kib());
        }
        let pid = i32::try_from(server.0.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| Failure::other("a process without a number"))?;
        kill_process(pid, Signal::TERM).map_err(|error| Failure::other(error.to_string()))?;
        server.0.wait().map_err(Failure::system("stopping vestryd"))?;
    }
    starts.listening_ms.sort_by(f64::total_cmp);
    starts.answering_ms.sort_by(f64::total_cmp);
    starts.resident_kib.sort_unstable();
    Ok(starts)
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// A server that ends with this value.
struct Running(Child);

impl Running {
    fn start(vestryd: &Path, data_dir: &Path) -> Result<(Self, SocketAddr), Failure> {
        let listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        let child = Command::new(vestryd)
            .arg("serve")
            .arg("--data-dir")
            .arg(data_dir)
            .args(listen)
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Failure::system(vestryd.display().to_string()))?;
        let mut running = Self(child);
        let stderr = running.0.stderr.take().ok_or_else(|| Failure::other("its standard error is gone"))?;
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        let listens = lines.find_map(|line| {
            let (_, rest) = line.split_once(" listens on ")?;
            rest.split(' ').next()?.parse().ok()
        });
        let address = listens.ok_or_else(|| Failure::other("vestryd ended before it listened"))?;
        // What it says from now on is not for us, but has to go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        Ok((running, address))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
