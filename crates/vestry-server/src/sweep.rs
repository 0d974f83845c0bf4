//! What time does to the register, a round a minute: what has expired is removed, and each purge and each ended suspension is an
//! event.

use crate::audit::{Action, Actor};
use crate::gate::LANES_MAX;
use crate::gate::policy::FORGOTTEN_AFTER_SECS;
use crate::server::RESTORABLE_SECS;
use vestry_protocol::UnixSeconds;
use vestry_store::{Party, StoreError, WriteTx};

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

/// Does a round, of a bounded number of rows.
///
/// # Errors
/// When the store does.
pub fn sweep(tx: &WriteTx<'_>, now: UnixSeconds, idle_secs_max: i64) -> Result<Swept, StoreError> {
    let due = tx.sweep(now, idle_secs_max, now.saturating_sub(RESTORABLE_SECS))?;
    tx.sweep_throttle(now.saturating_sub(FORGOTTEN_AFTER_SECS), LANES_MAX)?;
    tx.sweep_devices(now.saturating_sub(DEVICE_SECS))?;
    let (by, swept) = (Actor::server(), Swept { purged: due.purges.len(), resumed: due.resumptions.len() });
    for id in due.purges {
        let noted = by.note(tx, now, Action::AccountPurged, Party::Account(id), "")?;
        tx.purge_account(&noted, id)?;
    }
    for id in due.resumptions {
        let noted = by.note(tx, now, Action::AccountResumed, Party::Account(id), "its date came")?;
        tx.resume_account(&noted, id)?;
    }
    Ok(swept)
}
