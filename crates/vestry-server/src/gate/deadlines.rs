//! When half-open attempts end by themselves: one queue for all of them, and one task that waits for the first.
//!
//! An attempt lives as long as the settings said when it began. One that has an outcome leaves the queue.

use super::attempt::Attempt;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// The place of an attempt in the queue.
pub(super) type Due = (Instant, u64);

/// Cloning shares the queue.
#[derive(Debug, Clone)]
pub(super) struct Deadlines(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// Another attempt is the first to end.
    first_changed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: BTreeMap<Due, Weak<Attempt>>,
    number: u64,
}

impl Deadlines {
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared { queue: Mutex::default(), first_changed: Notify::new() }))
    }

    /// Has an attempt end after its lifetime.
    pub(super) fn push(&self, attempt: &Arc<Attempt>, lifetime: Duration) -> Due {
        let mut queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.number = queue.number.wrapping_add(1);
        let due = (Instant::now() + lifetime, queue.number);
        // Lifetimes change with the settings: a later attempt may be the first to end.
        let is_first = queue.waiting.keys().next().is_none_or(|first| due < *first);
        queue.waiting.insert(due, Arc::downgrade(attempt));
        drop(queue);
        if is_first {
            self.0.first_changed.notify_one();
        }
        due
    }

    pub(super) fn remove(&self, due: Due) {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner).waiting.remove(&due);
    }

    /// Waits for the next attempt whose time is over. Only one task may.
    pub(super) async fn next(&self) -> Arc<Attempt> {
        loop {
            let first = {
                let queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner);
                queue.waiting.keys().next().map(|(due, _)| *due)
            };
            match first {
                None => self.0.first_changed.notified().await,
                Some(due) if due > Instant::now() => {
                    // Either may be first; then it is looked again.
                    let _ = timeout_at(due, self.0.first_changed.notified()).await;
                }
                Some(_) => {
                    let mut queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner);
                    let late = queue.waiting.pop_first();
                    drop(queue);
                    if let Some(attempt) = late.and_then(|(_, attempt)| attempt.upgrade()) {
                        return attempt;
                    }
                }
            }
        }
    }
}
