//! Retention: the oldest events go from the beginning of the chain, and a mark says up to where, so that the rest can
//! still be checked. Only what passes the check is removed: age is a column like any other, and whoever forged one must
//! not have the server remove the traces.

use crate::aging::Cutoff;
use crate::audit::event::Noted;
use crate::audit::verify::{Marks, Walk};
use crate::chain_key::{ChainPoint, EVENT_COLUMNS, EventBytes, MarkName};
use crate::change::{Permits, PurgeAudit};
use crate::error::StoreError;
use crate::tx::WriteTx;
use rusqlite::params;
use thiserror::Error;
use vestry_protocol::audit::AuditFault;

/// So many events a transaction at most, so that the writer is never held for long.
const EVENTS_PER_PURGE_MAX: u32 = 500;

/// Events that are old enough to be removed, and were checked.
#[derive(Debug)]
pub struct AuditPurge {
    to: ChainPoint,
    events: u32,
    cutoff: Cutoff,
}

impl AuditPurge {
    /// How many.
    #[must_use]
    pub fn events(&self) -> u32 {
        self.events
    }

    /// The last of them.
    #[must_use]
    pub fn last(&self) -> i64 {
        self.to.id
    }

    /// Whether there may be more of them.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.events == EVENTS_PER_PURGE_MAX
    }
}

/// Why old events stay.
#[derive(Debug, Error)]
pub enum PurgeRefused {
    /// They do not pass the check.
    #[error("the audit does not pass its check: {0}")]
    Fault(AuditFault),
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for PurgeRefused {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl WriteTx<'_> {
    /// Looks for the oldest events, up to the first one that is not from before the cutoff.
    ///
    /// # Errors
    /// When they are not as they were written.
    pub fn plan_audit_purge(&self, cutoff: Cutoff) -> Result<Option<AuditPurge>, PurgeRefused> {
        let fault = PurgeRefused::Fault;
        // The check reads the marks, of which the head is as old as the last commit until it is sealed.
        self.seal_chain_end()?;
        let marks = Marks::read(self, self.chain)?.ok_or(fault(AuditFault::Marks))?;
        let (mut walk, mut events) = (Walk::begin(self.chain, &marks), 0);
        let sql = format!("select {EVENT_COLUMNS} from audit_event order by id limit ?1");
        let mut statement = self.conn.prepare_cached(&sql)?;
        let mut rows = statement.query(params![EVENTS_PER_PURGE_MAX])?;
        while let Some(row) = rows.next()? {
            let event = EventBytes::of_row(row)?;
            if event.at >= cutoff.before() {
                break;
            }
            walk.step(&event, &marks).map_err(fault)?;
            events += 1;
        }
        Ok((events > 0).then_some(AuditPurge { to: walk.at, events, cutoff }))
    }

    /// Removes them with the names that only they have, and marks where the rest begins.
    ///
    /// # Errors
    /// When the database does.
    pub fn purge_audit<A: Permits<PurgeAudit>>(
        &self,
        _: &Noted<'_, A>,
        purge: &AuditPurge,
    ) -> Result<(), StoreError> {
        self.conn.prepare_cached("delete from audit_event where id <= ?1")?.execute([purge.to.id])?;
        self.purge_audit_names(purge.cutoff.before())?;
        self.set_audit_mark(MarkName::Purged, purge.to)
    }
}
