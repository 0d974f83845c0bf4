//! The audit trail while the server runs: checkpoints go to the log, and old events are removed.
//!
//! Nothing here stops an act or a read: what cannot be done is said in the log.

use crate::audit::act;
use crate::audit::actor::Actor;
use std::sync::atomic::{AtomicI64, Ordering};
use vestry_protocol::UnixSeconds;
use vestry_protocol::count::Count;
use vestry_protocol::typed::vestryctl;
use vestry_store::{Aged, Party, PurgeRefused, Store};

const DAY_SECS: i64 = 24 * 60 * 60;

/// So many hexadecimal digits of a MAC are a checkpoint: 64 bits, which nobody finds another event for.
const CHECKPOINT_DIGITS: usize = 16;

/// Chunks of old events that are removed in an hour: six million events, a transaction for every 500.
const PURGES_PER_ROUND_MAX: u32 = 12_000;

/// How far the audit is written down in the log.
#[derive(Default)]
pub struct Trail {
    logged: AtomicI64,
}

impl Trail {
    /// Says in the log which event is the newest and what its MAC begins with, if there are new ones. Whoever cuts off
    /// the end of the audit, or puts all of it back to what it was, cannot change the log of another machine.
    pub async fn write_checkpoint(&self, store: &Store) {
        let key = store.chain().clone();
        match store.read(move |tx| tx.audit_head(&key)).await {
            Ok(Some((id, mac))) if self.logged.swap(id, Ordering::Relaxed) != id => {
                let mac = mac.get(..CHECKPOINT_DIGITS).unwrap_or_default();
                tracing::info!(id, %mac, "audit checkpoint");
            }
            Ok(Some(_)) => {}
            Ok(None) => {
                tracing::error!(
                    "the audit chain has lost its head; look with: {}",
                    vestryctl("audit verify")
                );
            }
            Err(error) => tracing::warn!(%error, "there is no audit checkpoint this time"),
        }
    }

    /// Removes the events that are older than so many days; none when that is 0.
    pub async fn remove_old_events(&self, store: &Store, aged: Aged, days: i64, now: UnixSeconds) {
        if days == 0 {
            return;
        }
        let cutoff = aged.keeping(days.saturating_mul(DAY_SECS));
        for _ in 0..PURGES_PER_ROUND_MAX {
            let removed = store.write(move |tx| {
                let Some(purge) = tx.plan_audit_purge(cutoff)? else { return Ok(false) };
                let detail = format!("{}, up to {}", Count::new(purge.events(), "event"), purge.last());
                let noted = Actor::server().note(tx, now, act::AuditPurged, Party::NONE, &detail)?;
                tx.purge_audit(&noted, &purge)?;
                Ok::<_, PurgeRefused>(purge.is_full())
            });
            match removed.await {
                // There may be more.
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::error!(%error, "old audit events are kept; look with: {}", vestryctl("audit verify"));
                    return;
                }
            }
        }
    }
}
