//! The hashing threads: a fixed number, each with memory of its own, behind a bounded queue in which networks take turns.
//!
//! Hashing never runs on an async worker. When the queue is full the caller is told at once how long to wait,
//! so that a pile-up costs the server nothing; work whose caller went away is skipped.

use super::argon2id::Memory;
use super::fair_queue::{FairQueue, Pushed};
use crate::failure::Failure;
use crate::source::Source;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::oneshot;
use vestry_store::Supervisor;

/// Runs in the memory of a thread; without any it is turned away, and its caller is told.
type Task = Box<dyn FnOnce(Option<&mut Memory>) + Send>;

/// Never tell anybody to come back sooner than this, however fast the last hash was.
const RETRY_MS_MIN: u64 = 50;

/// Where passwords wait to be hashed. Cloning shares it; the threads end with the last clone.
#[derive(Clone)]
pub struct HashingPool {
    open: Arc<Open>,
    load: Arc<Load>,
    threads: u64,
}

/// That a task was turned away and nothing of it ran.
#[derive(Debug)]
pub struct NotRun {
    retry_after_ms: u64,
}

impl From<&NotRun> for Failure {
    fn from(refused: &NotRun) -> Self {
        Self::Busy { retry_after_ms: refused.retry_after_ms }
    }
}

/// Ends the threads when it is dropped.
struct Open(Arc<Queue>);

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    waiting: FairQueue<Task>,
    closed: bool,
}

#[derive(Default)]
struct Load {
    /// Tasks that wait or run.
    pending: AtomicU64,
    /// A moving average of one task's time.
    task_us: AtomicU64,
}

impl HashingPool {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start(supervisor: &Supervisor, threads: usize, queue_max: usize) -> std::io::Result<Self> {
        let state = Mutex::new(State { waiting: FairQueue::new(queue_max), closed: false });
        let queue = Arc::new(Queue { state, changed: Condvar::new() });
        let open = Arc::new(Open(queue.clone()));
        let load = Arc::new(Load::default());
        for _ in 0..threads {
            let (queue, load) = (queue.clone(), load.clone());
            supervisor.thread("vestry-hasher", move || work_until_closed(&queue, &load))?;
        }
        Ok(Self { open, load, threads: u64::try_from(threads.max(1)).unwrap_or(1) })
    }

    /// Runs one task on a hashing thread, in the turn of its network.
    ///
    /// # Errors
    /// [`NotRun`] when the queue, or the network's share of it, is full, with the time that it needs to empty; also later, when
    /// a network with nothing waiting needs the slot of one with much.
    pub async fn run<T: Send + 'static>(
        &self,
        source: &Source,
        task: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<Result<T, Failure>, NotRun> {
        let (answer, answered) = oneshot::channel();
        let task: Task = Box::new(move |memory: Option<&mut Memory>| {
            if !answer.is_closed() {
                let _ = answer.send(memory.map(task));
            }
        });
        self.load.pending.fetch_add(1, Ordering::Relaxed);
        match self.open.0.push(source, task) {
            Pushed::Waits => {}
            Pushed::InPlaceOf(displaced) => {
                displaced(None);
                self.load.pending.fetch_sub(1, Ordering::Relaxed);
            }
            Pushed::Refused => {
                self.load.pending.fetch_sub(1, Ordering::Relaxed);
                return Err(self.not_run());
            }
        }
        match answered.await {
            Ok(Some(done)) => Ok(Ok(done)),
            Ok(None) => Err(self.not_run()),
            Err(_) => Ok(Err(Failure::Internal("a hashing task broke off"))),
        }
    }

    fn not_run(&self) -> NotRun {
        let waiting_us = self.pending() * self.load.task_us.load(Ordering::Relaxed);
        NotRun { retry_after_ms: (waiting_us / self.threads / 1_000).max(RETRY_MS_MIN) }
    }

    /// How many tasks wait or run.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.load.pending.load(Ordering::Relaxed)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.0.changed.notify_all();
    }
}

impl Queue {
    fn push(&self, source: &Source, task: Task) -> Pushed<Task> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let pushed = state.waiting.push(source.network(), task);
        drop(state);
        self.changed.notify_one();
        pushed
    }

    /// Waits for the next task; `None` when there will be none.
    fn next(&self) -> Option<Task> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match state.waiting.pop() {
                Some(task) => return Some(task),
                None if state.closed => return None,
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

fn work_until_closed(queue: &Queue, load: &Load) {
    let mut memory = Memory::default();
    while let Some(task) = queue.next() {
        let started = Instant::now();
        // A panic ends one task; its caller is told by the dropped answer.
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| task(Some(&mut memory))));
        if done.is_err() {
            memory = Memory::default();
        }
        load.remember(started.elapsed().as_micros());
    }
}

impl Load {
    fn remember(&self, took_us: u128) {
        let took = u64::try_from(took_us).unwrap_or(u64::MAX);
        let before = self.task_us.load(Ordering::Relaxed);
        let average = if before == 0 { took } else { before - before / 8 + took / 8 };
        self.task_us.store(average, Ordering::Relaxed);
        self.pending.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn here() -> Source {
        Source::of("192.0.2.1".parse().unwrap())
    }

    #[tokio::test]
    async fn a_full_queue_answers_busy_at_once_and_works_again_when_it_empties() {
        let pool = HashingPool::start(&Supervisor::default(), 1, 1).unwrap();
        let (release, wait) = mpsc::channel::<()>();
        let (begun, beginning) = oneshot::channel();
        let running = tokio::spawn({
            let pool = pool.clone();
            async move {
                pool.run(&here(), move |_| {
                    begun.send(()).unwrap();
                    wait.recv().unwrap();
                })
                .await
            }
        });
        beginning.await.unwrap();
        let waiting = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(&here(), |_| 2).await }
        });
        while pool.pending() < 2 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(pool.run(&here(), |_| 3).await, Err(NotRun { retry_after_ms: 50.. })));
        release.send(()).unwrap();
        running.await.unwrap().unwrap().unwrap();
        assert_eq!(waiting.await.unwrap().unwrap().unwrap(), 2);
        assert_eq!(pool.run(&here(), |_| 4).await.unwrap().unwrap(), 4);
    }

    /// The second of one network makes room for the first of another, and is told so before it ran.
    #[tokio::test]
    async fn a_task_that_makes_room_for_another_network_is_answered_busy_and_never_runs() {
        let pool = HashingPool::start(&Supervisor::default(), 1, 3).unwrap();
        let (release, wait) = mpsc::channel::<()>();
        let (begun, beginning) = oneshot::channel();
        let spawn = |task: Box<dyn FnOnce() -> u32 + Send>, from: &str| {
            let (pool, from) = (pool.clone(), Source::of(from.parse().unwrap()));
            tokio::spawn(async move { pool.run(&from, move |_| task()).await })
        };
        let running = spawn(
            Box::new(move || {
                begun.send(()).unwrap();
                wait.recv().unwrap();
                0
            }),
            "192.0.2.1",
        );
        beginning.await.unwrap();
        let mut waiting = Vec::new();
        for (number, from) in [(1, "192.0.2.1"), (2, "192.0.2.1"), (3, "198.51.100.1"), (4, "203.0.113.1")] {
            waiting.push(spawn(Box::new(move || number), from));
            while pool.pending() < 1 + u64::from(number.min(3)) {
                tokio::task::yield_now().await;
            }
        }
        let displaced = waiting.remove(1).await.unwrap();
        assert!(matches!(displaced, Err(NotRun { retry_after_ms: 50.. })), "{displaced:?}");
        release.send(()).unwrap();
        running.await.unwrap().unwrap().unwrap();
        for (task, expected) in waiting.into_iter().zip([1, 3, 4]) {
            assert_eq!(task.await.unwrap().unwrap().unwrap(), expected);
        }
        // A caller has its answer before the thread counts the task as done.
        while pool.pending() > 0 {
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn who_is_turned_away_is_told_how_long_the_queue_takes_to_empty() {
        let pool = HashingPool::start(&Supervisor::default(), 2, 1).unwrap();
        let told = |pending, task_us| {
            pool.load.pending.store(pending, Ordering::Relaxed);
            pool.load.task_us.store(task_us, Ordering::Relaxed);
            pool.not_run().retry_after_ms
        };
        assert_eq!((told(80, 10_000), told(1, 10_000), told(0, 0)), (400, RETRY_MS_MIN, RETRY_MS_MIN));
    }

    #[test]
    fn what_a_task_takes_is_an_average_that_follows_by_eighths() {
        let load = Load::default();
        load.pending.store(3, Ordering::Relaxed);
        let after = |took_us| {
            load.remember(took_us);
            (load.task_us.load(Ordering::Relaxed), load.pending.load(Ordering::Relaxed))
        };
        assert_eq!([after(8_000), after(16_000), after(8_000)], [(8_000, 2), (9_000, 1), (8_875, 0)]);
    }

    #[test]
    fn the_threads_end_with_the_last_handle() {
        let pool = HashingPool::start(&Supervisor::default(), 2, 1).unwrap();
        let queue = Arc::downgrade(&pool.open.0);
        drop(pool);
        while queue.strong_count() > 0 {
            std::thread::yield_now();
        }
    }

    #[tokio::test]
    async fn a_task_that_panics_ends_alone() {
        let pool = HashingPool::start(&Supervisor::default(), 1, 4).unwrap();
        assert!(matches!(pool.run(&here(), |_| panic!("injected")).await, Ok(Err(Failure::Internal(_)))));
        assert_eq!(pool.run(&here(), |_| 5).await.unwrap().unwrap(), 5);
    }
}
