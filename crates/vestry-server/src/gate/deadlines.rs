//! When half-open attempts end by themselves: one queue for all of them, and one task that waits for the first.
//!
//! All live equally long, so that what comes in last ends last. An attempt that has an outcome leaves the queue.

use super::Tried;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// The place of an attempt in the queue.
pub(super) type Due = (Instant, u64);

/// Cloning shares the queue.
#[derive(Debug, Clone)]
pub(super) struct Deadlines(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    lifetime: Duration,
    queue: Mutex<Queue>,
    begun: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: BTreeMap<Due, Weak<Tried>>,
    number: u64,
}

impl Deadlines {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self(Arc::new(Shared { lifetime, queue: Mutex::default(), begun: Notify::new() }))
    }

    /// Puts an attempt behind all others.
    pub(super) fn push(&self, tried: &Arc<Tried>) -> Due {
        let mut queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.number = queue.number.wrapping_add(1);
        let due = (Instant::now() + self.0.lifetime, queue.number);
        let was_empty = queue.waiting.is_empty();
        queue.waiting.insert(due, Arc::downgrade(tried));
        drop(queue);
        if was_empty {
            self.0.begun.notify_one();
        }
        due
    }

    pub(super) fn remove(&self, due: Due) {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner).waiting.remove(&due);
    }

    /// Waits for the next attempt whose time is over. Only one task may.
    pub(super) async fn next(&self) -> Arc<Tried> {
        loop {
            let first = self.first_due();
            match first {
                None => self.0.begun.notified().await,
                Some(due) if due > Instant::now() => sleep_until(due).await,
                Some(_) => {
                    let mut queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner);
                    let late = queue.waiting.pop_first();
                    drop(queue);
                    if let Some(tried) = late.and_then(|(_, tried)| tried.upgrade()) {
                        return tried;
                    }
                }
            }
        }
    }

    fn first_due(&self) -> Option<Instant> {
        let queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.waiting.keys().next().map(|(due, _)| *due)
    }
}
