//! Writes down the failures that no handler writes: attempts that were dropped, or timed out.
//!
//! A failure keeps its share until it is on disk. One that cannot be written is tried again until it can be; meanwhile the
//! gate admits nothing, so that a full disk is no way to guess without being counted.

use super::attempt::Attempt;
use crate::audit::actor::Actor;
use crate::clock::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use vestry_protocol::UnixSeconds;
use vestry_store::{Store, StoreError};

/// How long to wait before a failure is written again.
const RETRY_PERIOD: Duration = Duration::from_millis(500);

/// More failures than this do not share a transaction.
const BATCH_MAX: usize = 256;

/// Where failures are handed in. Cloning shares it.
#[derive(Debug, Clone)]
pub(super) struct Recorder {
    failures: mpsc::UnboundedSender<Told>,
    is_behind: Arc<AtomicBool>,
}

#[derive(Debug)]
enum Told {
    Failed(Arc<Attempt>),
    Flush(oneshot::Sender<()>),
}

impl Recorder {
    pub(super) fn start(store: Store, clock: Clock) -> Self {
        let (failures, told) = mpsc::unbounded_channel();
        let is_behind = Arc::new(AtomicBool::new(false));
        let supervisor = store.supervisor().clone();
        supervisor.task("failures", record_for_ever(store, clock, told, is_behind.clone()));
        Self { failures, is_behind }
    }

    /// Bounded by the shares that attempts hold.
    pub(super) fn record(&self, attempt: Arc<Attempt>) {
        // At the very end of the process nothing is left to write it down.
        let _ = self.failures.send(Told::Failed(attempt));
    }

    /// Whether there are failures that could not be written.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Acquire)
    }

    pub(super) async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.failures.send(Told::Flush(done)).is_ok() {
            let _ = flushed.await;
        }
    }
}

async fn record_for_ever(
    store: Store,
    clock: Clock,
    mut told: mpsc::UnboundedReceiver<Told>,
    is_behind: Arc<AtomicBool>,
) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while told.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let (mut failed, mut flushing) = (Vec::new(), Vec::new());
        for one in batch.drain(..) {
            match one {
                Told::Failed(attempt) => failed.push(attempt),
                Told::Flush(done) => flushing.push(done),
            }
        }
        while let Err(error) = write_down(&store, clock.now(), &failed).await {
            if !is_behind.swap(true, Ordering::AcqRel) {
                tracing::error!(%error, failures = failed.len(), "failed attempts are not on disk; no attempt is admitted");
            }
            tokio::time::sleep(RETRY_PERIOD).await;
        }
        if is_behind.swap(false, Ordering::AcqRel) {
            tracing::info!(failures = failed.len(), "failed attempts are on disk again");
        }
        failed.iter().for_each(|attempt| attempt.give_shares_back());
        for done in flushing {
            // Who waited may have given up.
            let _ = done.send(());
        }
    }
}

async fn write_down(store: &Store, now: UnixSeconds, failed: &[Arc<Attempt>]) -> Result<(), StoreError> {
    if failed.is_empty() {
        return Ok(());
    }
    let failed = failed.to_vec();
    let written = store.write(move |tx| {
        for attempt in &failed {
            let by = Actor::stranger(attempt.source.text());
            let noted = by.note(tx, now, attempt.act, attempt.target.as_party(), "broken off")?;
            attempt.count_failure(tx, &noted, now)?;
        }
        Ok::<_, StoreError>(())
    });
    written.await
}
