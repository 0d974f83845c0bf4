//! Reads: a few threads take what waits, several reads to one view.
//!
//! ```text
//!  callers ──▶ queue ──▶ thread ──▶ begin ─ read ─ read ─ read ─ end ──▶ answers
//! ```
//!
//! A view is begun after its reads were taken from the queue, so each of them sees everything that was acknowledged
//! before it was asked for. The threads are few and stay busy under load; waking one for each read would cost more
//! than the read.

use crate::error::StoreError;
use crate::pool::{ReadConnection, ReadPool};
use crate::supervisor::Supervisor;
use crate::tx::ReadTx;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use tokio::sync::oneshot;

/// More reads in one view save nothing worth having, and keep the other threads idle.
const READS_PER_VIEW_MAX: usize = 16;

type Read = Box<dyn FnOnce(Result<&ReadTx<'_>, StoreError>) + Send>;

/// The reading threads' letter box. Cloning shares it; the threads end with the last clone.
#[derive(Clone)]
pub(crate) struct Readers {
    open: Arc<Open>,
    pool: ReadPool,
}

/// Closes the queue when it is dropped.
struct Open(Arc<Queue>);

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    threads: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Read>,
    idle: usize,
    closed: bool,
}

impl Readers {
    pub(crate) fn start(supervisor: &Supervisor, pool: &ReadPool, threads: u32) -> Result<Self, StoreError> {
        let threads = usize::try_from(threads).unwrap_or(1).max(1);
        let queue = Arc::new(Queue { threads, ..Queue::default() });
        let readers = Self { open: Arc::new(Open(queue.clone())), pool: pool.clone() };
        for _ in 0..threads {
            let (queue, pool) = (queue.clone(), pool.clone());
            supervisor
                .thread("vestry-reader", move || read_until_closed(&queue, &pool))
                .map_err(|error| StoreError::Statement(error.to_string()))?;
        }
        Ok(readers)
    }

    pub(crate) async fn run<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: FnOnce(&ReadTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let read: Read = Box::new(move |view| {
            // A caller that went away no longer wants to know.
            let _ = answer.send(view.map_err(E::from).and_then(closure));
        });
        let queue = &self.open.0;
        let wakes = {
            let mut state = queue.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.waiting.push_back(read);
            // Waking nobody would still be a system call.
            state.idle > 0
        };
        if wakes {
            queue.changed.notify_one();
        }
        answered.await.unwrap_or_else(|_| Err(StoreError::ClosurePanicked.into()))
    }

    pub(crate) async fn run_here<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: FnOnce(&ReadTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match self.pool.get_at_once() {
            Some(conn) => in_a_view_of_its_own(&conn, closure),
            None => {
                let pool = self.pool.clone();
                let waited = tokio::task::spawn_blocking(move || in_a_view_of_its_own(&pool.get()?, closure));
                waited.await.unwrap_or_else(|_| Err(StoreError::ClosurePanicked.into()))
            }
        }
    }
}

/// The view begins with the first read of the closure, and is nobody else's.
fn in_a_view_of_its_own<T, E: From<StoreError>>(
    conn: &ReadConnection,
    closure: impl FnOnce(&ReadTx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let mut outcome = Err(StoreError::ClosurePanicked.into());
    conn.with_view(|view| {
        // A panic must not leave the view open for the next one.
        if let Ok(answer) = catch_unwind(AssertUnwindSafe(|| closure(view))) {
            outcome = answer;
        }
    })?;
    outcome
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.0.changed.notify_all();
    }
}

impl Queue {
    /// This thread's share of what waits; `None` when nothing will come any more.
    fn take(&self) -> Option<Vec<Read>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
        let share = state.waiting.len().div_ceil(self.threads).min(READS_PER_VIEW_MAX);
        Some(state.waiting.drain(..share).collect())
    }
}

fn read_until_closed(queue: &Queue, pool: &ReadPool) {
    while let Some(reads) = queue.take() {
        let mut reads = reads.into_iter();
        let viewed = pool.get().and_then(|conn| {
            conn.with_view(|view| reads.by_ref().for_each(|read| run_alone(read, Ok(view))))
        });
        // Without a view there was no read yet: each caller is told why.
        if let Err(error) = viewed {
            reads.for_each(|read| run_alone(read, Err(error.same_for_all())));
        }
    }
}

/// A panic ends one read; its caller is told by the dropped answer.
fn run_alone(read: Read, view: Result<&ReadTx<'_>, StoreError>) {
    let _ = catch_unwind(AssertUnwindSafe(|| read(view)));
}

#[cfg(test)]
mod tests {
    use crate::error::StoreError;
    use crate::fresh::fresh_store_with;
    use crate::limits::StoreLimits;

    #[tokio::test]
    async fn a_read_that_panics_ends_alone_and_the_view_after_it_is_whole() {
        let (_folder, store) = fresh_store_with(StoreLimits { readers_max: 1, ..StoreLimits::default() });
        let (before, broken, after) = tokio::join!(
            store.read(|tx| tx.fact("x")),
            store.read(|_| -> Result<(), StoreError> { panic!("injected") }),
            store.read(|tx| tx.fact("x")),
        );
        assert!(matches!(broken, Err(StoreError::ClosurePanicked)));
        assert!(matches!((before, after), (Ok(None), Ok(None))));
    }

    /// Reads that share a view must not see an older one than they were asked for in.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_read_sees_what_was_acknowledged_before_it_was_asked_for() {
        let (_folder, store) = fresh_store_with(StoreLimits { readers_max: 1, ..StoreLimits::default() });
        let rivals: Vec<_> = (0..4)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    for _ in 0..400 {
                        store.read(|tx| tx.fact("none")).await.unwrap();
                    }
                })
            })
            .collect();
        for number in 0..100 {
            let name = format!("fact {number}");
            let learned = name.clone();
            store.write(move |tx| tx.learn_fact(&learned, "known")).await.unwrap();
            assert!(store.read(move |tx| tx.fact(&name)).await.unwrap().is_some(), "{number}");
        }
        for rival in rivals {
            rival.await.unwrap();
        }
    }
}
