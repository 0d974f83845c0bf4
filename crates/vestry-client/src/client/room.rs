//! What stretching a password takes of this machine: memory, and a thread. Both are had before the first half of an exchange is sent,
//! so that no attempt begins, and is counted, that this machine cannot finish.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use tokio::sync::oneshot;
use vestry_opaque::{OpaqueError, StretchingMemory};
use vestry_protocol::fields::StretchingCost;

type Job = Box<dyn FnOnce(&mut StretchingMemory) + Send>;

/// Refuses when a password could not be stretched on this machine, before it is asked for. Takes nothing.
///
/// # Errors
/// [`OpaqueError::NoMemory`].
pub fn refuse_without_memory() -> Result<(), OpaqueError> {
    StretchingMemory::reserve(StretchingCost::default()).map(drop)
}

/// Room to stretch passwords in, one after another: a thread that has the memory for the cost that servers ask for by default.
/// Dropped, it gives its memory back, before the next one is had: two at once need not fit.
pub(super) struct Room {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    is_at_work: AtomicBool,
}

impl Room {
    /// Has all of it, or says that it cannot be had.
    pub(super) async fn reserve() -> Result<Self, OpaqueError> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (say, heard) = oneshot::channel();
        // Before the thread: what its allocator sets aside for it must not take the place of this, and can be done without.
        let mut memory = StretchingMemory::reserve(StretchingCost::default())?;
        let work = move || {
            memory.fill();
            // The caller may have been dropped.
            if say.send(()).is_ok() {
                while let Ok(job) = queue.recv() {
                    job(&mut memory);
                }
            }
        };
        // A thread takes memory, too.
        let thread = thread::Builder::new().name("stretching".to_owned()).spawn(work);
        let thread = thread.map_err(|_| OpaqueError::NoMemory)?;
        heard.await.map_err(|_| OpaqueError::NoMemory)?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), is_at_work: AtomicBool::new(false) })
    }

    /// Does a step that stretches, which takes a tenth of a second and more: no other connection of this thread waits for it.
    pub(super) async fn stretch<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut StretchingMemory) -> Result<T, OpaqueError> + Send + 'static,
    ) -> Result<T, OpaqueError> {
        let (say, heard) = oneshot::channel();
        let job: Job = Box::new(move |memory| {
            // The caller may have been dropped.
            let _ = say.send(step(memory));
        });
        let jobs = self.jobs.as_ref().ok_or(OpaqueError::NotStretched)?;
        self.is_at_work.store(true, Ordering::Relaxed);
        jobs.send(job).map_err(|_| OpaqueError::NotStretched)?;
        let done = heard.await.unwrap_or(Err(OpaqueError::NotStretched));
        self.is_at_work.store(false, Ordering::Relaxed);
        done
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        drop(self.jobs.take());
        // A step that nobody waits for any more ends by itself.
        if let Some(thread) = self.thread.take()
            && !self.is_at_work.load(Ordering::Relaxed)
        {
            // It cannot have failed: it did nothing since.
            let _ = thread.join();
        }
    }
}
