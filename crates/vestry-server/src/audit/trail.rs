//! The audit trail while the server runs: checkpoints go to the log, old events are removed, and what operators read is
//! recorded once.
//!
//! Nothing here stops an act or a read: what cannot be done is said in the log.

use crate::audit::act::{Action, Actor};
use crate::server::Server;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use vestry_protocol::UnixSeconds;
use vestry_protocol::typed::vestryctl;
use vestry_store::{Aged, Cutoff, Party, PurgeRefused};

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
    pub async fn write_checkpoint(&self, server: &Server) {
        let key = server.store.chain().clone();
        match server.store.read(move |tx| tx.audit_head(&key)).await {
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

    /// Removes the events that are older than the settings keep them.
    pub async fn remove_old_events(&self, server: &Server, aged: Aged) {
        let days = server.settings.now().audit_days;
        if days == 0 {
            return;
        }
        let (now, cutoff) = (server.clock.now(), aged.keeping(days.saturating_mul(DAY_SECS)));
        for _ in 0..PURGES_PER_ROUND_MAX {
            match remove_chunk(server, cutoff, now).await {
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

/// Whether there may be more.
async fn remove_chunk(server: &Server, cutoff: Cutoff, now: UnixSeconds) -> Result<bool, PurgeRefused> {
    server
        .store
        .write(move |tx| {
            let Some(purge) = tx.plan_audit_purge(cutoff)? else { return Ok(false) };
            let detail = format!("{} events, up to {}", purge.events(), purge.last());
            let noted = Actor::server().note(tx, now, Action::AuditPurged, Party::NONE, &detail)?;
            tx.purge_audit(&noted, &purge)?;
            Ok::<_, PurgeRefused>(purge.is_full())
        })
        .await
}

/// A page that goes on with what was recorded so long ago is recorded again. Each page begins the time anew.
const RECORDED_FOR: Duration = Duration::from_secs(10 * 60);

/// More listings than operators page through at once; the one that was used least recently makes room.
const RECORDED_MAX: usize = 256;

/// What operators read of late, so that the pages of one listing are one event. It is kept here and not taken from the
/// request: a page says of itself that it is not the first.
#[derive(Default)]
pub struct RecordedReads(Mutex<HashMap<[u8; 32], Instant>>);

impl RecordedReads {
    /// Whether a read is a new one; from now on it is not.
    pub fn is_new(
        &self,
        now: Instant,
        operator: &str,
        (subject, detail): (&str, &str),
        goes_on: bool,
    ) -> bool {
        let read = name_of(operator, subject, detail);
        let mut recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.retain(|_, used| now.duration_since(*used) < RECORDED_FOR);
        let is_known = recorded.insert(read, now).is_some();
        if recorded.len() > RECORDED_MAX {
            let oldest = recorded.iter().min_by_key(|(_, used)| **used).map(|(read, _)| *read);
            oldest.and_then(|oldest| recorded.remove(&oldest));
        }
        !(goes_on && is_known)
    }

    /// The read was not recorded after all.
    pub fn forget(&self, operator: &str, subject: &str, detail: &str) {
        let read = name_of(operator, subject, detail);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&read);
    }
}

fn name_of(operator: &str, subject: &str, detail: &str) -> [u8; 32] {
    let mut digest = Sha256::new();
    for text in [operator, subject, detail] {
        digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(text);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_of_a_listing_are_one_read_until_it_was_left_alone_for_ten_minutes() {
        let (reads, mut now) = (RecordedReads::default(), Instant::now());
        let (all, some) = (("accounts", ""), ("accounts", "where age > 30"));
        assert!(reads.is_new(now, "admin", all, true), "nobody recorded the first page");
        for _ in 0..20 {
            now += RECORDED_FOR - Duration::from_secs(1);
            assert!(!reads.is_new(now, "admin", all, true));
        }
        assert!(reads.is_new(now, "admin", all, false), "a first page is always one");
        assert!(reads.is_new(now, "hana", all, true));
        assert!(reads.is_new(now, "admin", some, true));
        reads.forget("hana", "accounts", "");
        assert!(reads.is_new(now, "hana", all, true));
        assert!(reads.is_new(now + RECORDED_FOR, "admin", all, true));
    }

    #[test]
    fn no_more_listings_are_remembered_than_fit() {
        let reads = RecordedReads::default();
        for number in 0..3 * RECORDED_MAX {
            reads.is_new(Instant::now(), "admin", ("accounts", &number.to_string()), false);
        }
        assert_eq!(reads.0.lock().unwrap().len(), RECORDED_MAX);
    }
}
