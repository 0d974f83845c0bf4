//! What time does to the database. What has expired goes every minute: it is refused already, and can be made again. What is old goes
//! every hour and for good, so that its age is not that of the clock. Each purge and each ended suspension is an event.

use crate::audit::act;
use crate::audit::actor::Actor;
use crate::config::RESTORABLE_SECS;
use crate::gate::LANES_MAX;
use crate::gate::policy::FORGOTTEN_AFTER_SECS;
use vestry_protocol::UnixSeconds;
use vestry_store::{Aged, StoreError, WriteTx};

/// A device that was not used for half a year is a stranger again.
const DEVICE_SECS: i64 = 180 * 24 * 60 * 60;

/// How many accounts a round changed.
#[derive(Debug, PartialEq, Eq)]
pub struct Swept {
    /// Deleted ones that are gone for good.
    pub purged: usize,
    /// Suspended ones whose date came.
    pub resumed: usize,
}

/// Removes what has expired, a bounded number of rows.
///
/// # Errors
/// When the store does.
pub fn remove_expired(tx: &WriteTx<'_>, now: UnixSeconds, idle_secs_max: i64) -> Result<(), StoreError> {
    tx.sweep(now, idle_secs_max)?;
    tx.bound_lanes(LANES_MAX)
}

/// Removes what is old, and ends the suspensions that are over, a bounded number of rows.
///
/// # Errors
/// When the store does.
pub fn remove_old(tx: &WriteTx<'_>, now: UnixSeconds, aged: Aged) -> Result<Swept, StoreError> {
    tx.forget_old_lanes(aged.keeping(FORGOTTEN_AFTER_SECS))?;
    tx.forget_old_devices(aged.keeping(DEVICE_SECS))?;
    let purgeable = tx.purgeable_accounts(aged.keeping(RESTORABLE_SECS))?;
    let resumable = tx.resumable_accounts(aged.keeping(0))?;
    let (by, swept) = (Actor::server(), Swept { purged: purgeable.len(), resumed: resumable.len() });
    for account in purgeable {
        let noted = by.note_on(tx, now, act::AccountPurged, account.id(), "")?;
        tx.purge_account(&noted, account)?;
    }
    for account in resumable {
        let id = account.id();
        let noted = by.note_on(tx, now, act::AccountResumed, id, "its date came")?;
        tx.resume_account(&noted)?;
    }
    Ok(swept)
}
