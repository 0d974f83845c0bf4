//! The log: one line an event, on standard error, written by a thread of its own.
//!
//! The log may share a full disk with the database, and its reader may be gone or stuck: a line that cannot be written, or that
//! finds no room among those that wait, is lost, and nothing else happens. Whoever logs never waits, and nothing here panics. How
//! many lines were lost is told as soon as one can be written again.

use crate::clock::{Clock, as_date};
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that wait to be written: a burst of a few seconds, and about a megabyte.
const LINES_WAITING_MAX: usize = 4096;

/// How often lines that were lost are told again, while nothing can be written.
const TELL_AGAIN_PERIOD: Duration = Duration::from_secs(1);

/// How long the end of the process waits for its last lines.
const LAST_LINES_TIMEOUT: Duration = Duration::from_secs(1);

/// Begins to log, at the level of `VESTRY_LOG` (`debug`, `info`, `warn`; default `info`). Lines wait until
/// [`Log::start_thread`], because a thread that was started before the process was confined would not be. A panic is a
/// line, too: the standard library's own way is to write where the panic is, and to wait there.
#[must_use]
pub fn start() -> Log {
    let level = match std::env::var("VESTRY_LOG").as_deref() {
        Ok("debug") => tracing::Level::DEBUG,
        Ok("warn") => tracing::Level::WARN,
        _ => tracing::Level::INFO,
    };
    let (queue, log) = queue();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .with_target(false)
        .log_internal_errors(false)
        .with_writer(queue);
    // A second subscriber (in a test) is no reason to stop.
    if subscriber.try_init().is_ok() {
        std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    }
    log
}

/// What has to be kept while there is something to log; when it is dropped, the lines that wait are written, as far as
/// that goes within a second.
pub struct Log {
    entries: SyncSender<Entry>,
    waiting: Mutex<Option<(Receiver<Entry>, Arc<AtomicU64>)>>,
}

/// Where lines are handed in.
struct Queue {
    entries: SyncSender<Entry>,
    lost: Arc<AtomicU64>,
}

enum Entry {
    Line(Vec<u8>),
    /// Everything before it is written; dropping the sender says so.
    End(#[expect(dead_code, reason = "it is held until it is dropped")] SyncSender<()>),
}

fn queue() -> (Queue, Log) {
    let (entries, waiting) = sync_channel(LINES_WAITING_MAX);
    let lost = Arc::<AtomicU64>::default();
    let log = Log { entries: entries.clone(), waiting: Mutex::new(Some((waiting, lost.clone()))) };
    (Queue { entries, lost }, log)
}

impl Log {
    /// A log for words alone, which nothing else writes to.
    #[must_use]
    pub fn of_words() -> Self {
        queue().1
    }

    /// Says something in the order of the log's lines, without its date. It waits for nobody, like any other line.
    pub fn say(&self, words: &str) {
        // What finds no room is said in vain: there are thousands of lines before it that nobody reads.
        let _ = self.entries.try_send(Entry::Line(format!("{words}\n").into()));
    }

    /// Starts the thread that writes.
    pub fn start_thread(&self) {
        self.write_to(io::stderr);
    }

    /// Does nothing the second time.
    fn write_to<W: Write>(&self, make: impl FnOnce() -> W + Send + 'static) {
        let Some((entries, lost)) = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        let thread = std::thread::Builder::new().name("vestry-log".to_owned());
        // Without a thread there is no log, and the server runs.
        let _ = thread
            .spawn(move || Pen { out: make(), is_within_line: false, untold: 0 }.write_all(&entries, &lost));
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.start_thread();
        let (done, ended) = sync_channel(0);
        // A queue that is full is one that nobody empties.
        if self.entries.try_send(Entry::End(done)).is_ok() {
            let _ = ended.recv_timeout(LAST_LINES_TIMEOUT);
        }
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

/// The subscriber writes each event at once.
impl Write for &Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.entries.try_send(Entry::Line(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the thread writes with.
struct Pen<W> {
    out: W,
    /// The last write stopped within a line.
    is_within_line: bool,
    /// Lines that are lost, which nobody was told.
    untold: u64,
}

impl<W: Write> Pen<W> {
    fn write_all(mut self, entries: &Receiver<Entry>, lost: &AtomicU64) {
        loop {
            let next = if self.untold == 0 {
                entries.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                entries.recv_timeout(TELL_AGAIN_PERIOD)
            };
            self.untold = self.untold.saturating_add(lost.swap(0, Ordering::Relaxed));
            match next {
                Ok(Entry::Line(line)) => {
                    if !(self.tell_what_is_lost() && self.write_line(&line)) {
                        self.untold = self.untold.saturating_add(1);
                    }
                }
                Ok(Entry::End(_)) | Err(RecvTimeoutError::Timeout) => drop(self.tell_what_is_lost()),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Whether nothing is left to be told.
    fn tell_what_is_lost(&mut self) -> bool {
        if self.untold > 0 {
            let (now, untold) = (as_date(Clock::system().now()), self.untold);
            if self.write_line(format!("{now}  WARN lines of the log were lost lines={untold}\n").as_bytes())
            {
                self.untold = 0;
            }
        }
        self.untold == 0
    }

    fn write_line(&mut self, line: &[u8]) -> bool {
        let end_of_the_last: &[u8] = if self.is_within_line { b"\n" } else { b"" };
        let written = self.write(end_of_the_last) && self.write(line);
        // Standard error keeps nothing back; another writer may.
        written && self.out.flush().is_ok()
    }

    /// Notes how a piece that is cut short leaves the line.
    fn write(&mut self, mut piece: &[u8]) -> bool {
        while !piece.is_empty() {
            match self.out.write(piece) {
                Ok(count @ 1..) => {
                    let (written, left) = piece.split_at(count.min(piece.len()));
                    self.is_within_line = !written.ends_with(b"\n");
                    piece = left;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return false,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with so much room.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<Inside>>);

    #[derive(Default)]
    struct Inside {
        written: Vec<u8>,
        room: usize,
        refused: usize,
    }

    impl Disk {
        fn make_room(&self, bytes: usize) {
            self.0.lock().unwrap().room = bytes;
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().written.clone()).unwrap()
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut inside = self.0.lock().unwrap();
            let count = bytes.len().min(inside.room);
            if count == 0 {
                inside.refused += 1;
                return Err(io::ErrorKind::StorageFull.into());
            }
            inside.written.extend(&bytes[..count]);
            inside.room -= count;
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn pen(out: Disk) -> Pen<Disk> {
        Pen { out, is_within_line: false, untold: 0 }
    }

    #[test]
    fn lines_that_find_no_room_on_the_disk_are_counted_and_told() {
        let (disk, (entries, waiting)) = (Disk::default(), sync_channel(9));
        disk.make_room(9);
        for line in ["first\n", "second\n", "third\n"] {
            entries.send(Entry::Line(line.into())).unwrap();
        }
        let writing = std::thread::spawn({
            let disk = disk.clone();
            move || pen(disk).write_all(&waiting, &AtomicU64::new(0))
        });
        // The disk has room again, and nobody logs: within a second it is told all the same.
        while disk.0.lock().unwrap().refused < 2 {
            std::thread::yield_now();
        }
        disk.make_room(1000);
        while !disk.text().contains("lines=") {
            std::thread::yield_now();
        }
        drop(entries);
        writing.join().unwrap();
        let text = disk.text();
        let (told, lost) = text.split_once("  WARN ").unwrap();
        assert!(told.starts_with("first\nsec\n2"), "{text}");
        assert_eq!(lost, "lines of the log were lost lines=2\n", "{text}");
    }

    #[test]
    fn whoever_logs_waits_for_nobody_and_the_end_for_a_second_at_most() {
        let (queue, log) = queue();
        let (stuck, release) = sync_channel::<()>(0);
        let (begun, begins) = sync_channel(1);
        log.write_to(move || Stuck(release, begun));
        (&queue).write_all(b"a line\n").unwrap();
        begins.recv().unwrap();
        for _ in 0..3 * LINES_WAITING_MAX {
            (&queue).write_all(b"a line\n").unwrap();
        }
        let lost = queue.lost.load(Ordering::Relaxed);
        assert_eq!(lost, 2 * u64::try_from(LINES_WAITING_MAX).unwrap());
        drop(log);
        drop(stuck);
    }

    /// Says that it was asked to, and writes nothing until its sender is gone.
    struct Stuck(Receiver<()>, SyncSender<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.1.try_send(());
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
