//! What stretching a password takes of this machine: memory, and a thread. Both are had before the first half of an exchange is sent,
//! so that no attempt begins, and is counted, that this machine cannot finish.

use std::sync::mpsc;
use std::thread;
use tokio::sync::oneshot;
use vestry_opaque::{OpaqueError, StretchingMemory};
use vestry_protocol::fields::StretchingCost;

type Job = Box<dyn FnOnce(&mut StretchingMemory) + Send>;

/// Refuses when a password could not be stretched on this machine, before it is asked for. Takes nothing.
///
/// # Errors
/// [`OpaqueError::NoMemory`].
pub fn refuse_without_memory() -> Result<(), OpaqueError> {
    StretchingMemory::refuse_without(StretchingCost::default())
}

/// Room to stretch passwords in, one after another: a thread that has the memory for the cost that servers ask for by default.
/// Dropped, it ends.
pub(super) struct Room {
    jobs: mpsc::Sender<Job>,
}

impl Room {
    /// Has all of it, or says that it cannot be had.
    pub(super) async fn reserve() -> Result<Self, OpaqueError> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (say, heard) = oneshot::channel();
        let work = move || {
            let mut memory = match StretchingMemory::reserve(StretchingCost::default()) {
                Ok(memory) => memory,
                Err(error) => {
                    // Whoever waits for it may have given up.
                    let _ = say.send(Err(error));
                    return;
                }
            };
            if say.send(Ok(())).is_ok() {
                while let Ok(job) = queue.recv() {
                    job(&mut memory);
                }
            }
        };
        // A thread takes memory, too.
        thread::Builder::new()
            .name("stretching".to_owned())
            .spawn(work)
            .map_err(|_| OpaqueError::NoMemory)?;
        heard.await.unwrap_or(Err(OpaqueError::NoMemory))?;
        Ok(Self { jobs })
    }

    /// Does a step that stretches, which takes a tenth of a second and more: no other connection of this thread waits for it.
    pub(super) async fn stretch<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut StretchingMemory) -> Result<T, OpaqueError> + Send + 'static,
    ) -> Result<T, OpaqueError> {
        let (say, heard) = oneshot::channel();
        let job: Job = Box::new(move |memory| {
            // Whoever waits for it may have given up.
            let _ = say.send(step(memory));
        });
        self.jobs.send(job).map_err(|_| OpaqueError::NotStretched)?;
        heard.await.unwrap_or(Err(OpaqueError::NotStretched))
    }
}
