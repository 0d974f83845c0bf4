//! Connections that were used once and now wait: what each costs the server in memory.

use crate::dial::{Dialer, PATIENCE, Stream};
use crate::failure::Failure;
use crate::frames::Line;
use crate::progress::Progress;
use crate::usage::Usage;
use serde::Serialize;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep, timeout};
use vestry_protocol::user::UserCall;

/// No run holds more.
pub const IDLE_MAX: u64 = 15_000;

/// Handshakes under way at once.
const AT_ONCE: usize = 64;

/// Connections before the first look: a server that has served some has its buffers and threads.
const BEFORE: u64 = 200;

/// What is said once on each connection before it is idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Speech {
    /// A Vestry client asks what the server is.
    Vestry,
    /// A browser asks for a page and keeps the connection.
    Http,
    /// Bytes that come back.
    Echo,
}

/// What to hold, and whose memory to look at.
#[derive(Debug)]
pub struct Plan {
    /// Where.
    pub address: SocketAddr,
    /// The server's CA.
    pub ca: PathBuf,
    /// The server.
    pub pid: u32,
    /// How many.
    pub connections: u64,
    /// What each says.
    pub speech: Speech,
    /// Source addresses.
    pub sources: u8,
}

/// What was held.
#[derive(Debug, Serialize)]
pub struct Held {
    /// How many.
    pub connections: u64,
    /// How long it took to make them.
    pub seconds: f64,
    /// Resident memory of the server before, in KiB.
    pub before_kib: u64,
    /// And with all of them.
    pub after_kib: u64,
    /// What one of them costs.
    pub bytes_each: f64,
    /// What the server used within a second while all of them waited, in microseconds.
    pub idle_cpu_us: f64,
}

/// Holds connections, looks, and lets go.
///
/// # Errors
/// When one of them could not be made.
pub fn run(plan: &Plan) -> Result<Held, Failure> {
    if !(1..=IDLE_MAX).contains(&plan.connections) {
        return Err(Failure::other(format!("use 1 to {IDLE_MAX} connections")));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::system("a runtime"))?;
    let vestry = plan.speech == Speech::Vestry;
    let dialer = Dialer::new(plan.address, &plan.ca, vestry, plan.sources)?;
    let (before, seconds, after, idle) = LocalSet::new().block_on(&runtime, async {
        let first = open_all(&dialer, plan.speech, BEFORE).await?;
        sleep(Duration::from_millis(300)).await;
        let before = Usage::of_tree(plan.pid);
        let begun = Instant::now();
        let held = open_all(&dialer, plan.speech, plan.connections).await?;
        let seconds = begun.elapsed().as_secs_f64();
        sleep(Duration::from_millis(500)).await;
        let after = Usage::of_tree(plan.pid);
        sleep(Duration::from_secs(1)).await;
        let idle = Usage::of_tree(plan.pid).since(&after);
        drop((first, held));
        Ok::<_, Failure>((before, seconds, after, idle))
    })?;
    let (before_kib, after_kib) = (before.resident_kib(), after.resident_kib());
    let grown = after_kib.saturating_sub(before_kib) as f64 * 1024.0;
    Ok(Held {
        connections: plan.connections,
        seconds,
        before_kib,
        after_kib,
        bytes_each: grown / plan.connections as f64,
        idle_cpu_us: idle.cpu_secs * 1e6,
    })
}

async fn open_all(dialer: &Dialer, speech: Speech, count: u64) -> Result<Vec<Stream>, Failure> {
    let progress = Progress::new();
    let (mut held, mut under_way) = (Vec::new(), JoinSet::new());
    for number in 0..count {
        let dialer = dialer.clone();
        under_way.spawn_local(async move { speak(dialer.dial(number).await?, speech).await });
        if under_way.len() >= AT_ONCE {
            held.extend(next(&mut under_way).await?);
            progress.say(&format!("{} of {count} connections", held.len()));
        }
    }
    while let Some(stream) = next(&mut under_way).await? {
        held.push(stream);
    }
    Ok(held)
}

async fn next(under_way: &mut JoinSet<io::Result<Stream>>) -> Result<Option<Stream>, Failure> {
    match under_way.join_next().await {
        None => Ok(None),
        Some(Ok(made)) => made.map(Some).map_err(Failure::system("a connection to hold")),
        Some(Err(error)) => Err(Failure::other(error.to_string())),
    }
}

async fn speak(mut stream: Stream, speech: Speech) -> io::Result<Stream> {
    let request: &[u8] = match speech {
        Speech::Vestry => {
            let mut line = Line::new(stream);
            line.call(&UserCall::DescribeServer).await?;
            return Ok(line.into_stream());
        }
        Speech::Http => b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        Speech::Echo => b"hello",
    };
    stream.write_all(request).await?;
    stream.flush().await?;
    let mut answer = [0; 4096];
    let read = timeout(PATIENCE, stream.read(&mut answer)).await;
    match read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(stream),
    }
}
