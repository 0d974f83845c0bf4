//! The check of the chain: every event from the first to the newest, and the first thing that is wrong.
//!
//! It reads a chunk at a time, each in a view of its own, so that no reading thread is held for long and memory stays
//! flat. Meanwhile events may come at the end and go at the beginning. It changes nothing.

use crate::chain_key::{ChainKey, ChainPoint, EVENT_COLUMNS, EventBytes, Link, Mark, MarkName, older_link};
use crate::error::StoreError;
use crate::tx::ReadTx;
use data_encoding::HEXLOWER;
use rusqlite::params;
use vestry_protocol::audit::{AuditFault, AuditVerdict, Checkpoint};

/// Events of one view: about a millisecond.
const CHUNK_EVENTS: u32 = 1_000;

/// The marks of a whole chain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marks {
    pub(super) older: ChainPoint,
    pub(super) purged: ChainPoint,
    pub(super) head: ChainPoint,
}

impl Marks {
    pub(super) fn read(tx: &ReadTx<'_>, key: &ChainKey) -> Result<Option<Self>, StoreError> {
        let older = tx.audit_mark(key, MarkName::Older)?;
        let purged = tx.audit_mark(key, MarkName::Purged)?;
        let head = tx.audit_mark(key, MarkName::Head)?;
        Ok(match (older, purged, head) {
            (Mark::At(older), Mark::At(purged), Mark::At(head)) => Some(Self { older, purged, head }),
            (Mark::At(older), Mark::Absent, Mark::At(head)) => {
                Some(Self { older, purged: ChainPoint::START, head })
            }
            (_, _, _) => None,
        })
    }
}

/// Goes from event to event.
#[derive(Debug)]
pub(super) struct Walk {
    key: ChainKey,
    pub(super) at: ChainPoint,
}

impl Walk {
    pub(super) fn begin(key: &ChainKey, marks: &Marks) -> Self {
        Self { key: key.clone(), at: marks.purged }
    }

    /// Takes the next event in the order of their numbers.
    pub(super) fn step(&mut self, event: &EventBytes<'_>, marks: &Marks) -> Result<(), AuditFault> {
        if event.id <= self.at.id {
            return Err(AuditFault::Inserted { id: event.id });
        }
        let link = match event.id <= marks.older.id {
            true => older_link(&self.at.link, event),
            false => self.chained_link(event, marks)?,
        };
        self.at = ChainPoint { id: event.id, link };
        match self.at.id == marks.older.id && self.at != marks.older {
            true => Err(AuditFault::Older { last: marks.older.id }),
            false => Ok(()),
        }
    }

    fn chained_link(&self, event: &EventBytes<'_>, marks: &Marks) -> Result<Link, AuditFault> {
        let (id, Marks { older, head, .. }) = (event.id, marks);
        self.require_all_older(older)?;
        let expected = self.at.id.saturating_add(1);
        if id > expected {
            let missing = AuditFault::Missing { first: expected, last: id.saturating_sub(1) };
            return Err(if expected > head.id { AuditFault::Inserted { id } } else { missing });
        }
        let link = self.key.link(&self.at.link, event);
        match event.has_mac(&link) {
            true if id <= head.id => Ok(link),
            // It is a good event; it is the mark that was put back to an earlier one.
            true => Err(AuditFault::Marks),
            false if event.has_mac(&self.key.link(&self.key.break_before(id), event)) => {
                Err(AuditFault::Broken { id })
            }
            false if event.mac.is_none() || id > head.id => Err(AuditFault::Inserted { id }),
            false => Err(AuditFault::Changed { id }),
        }
    }

    /// The events from before the chain are checked as a whole, when the last of them was taken.
    fn require_all_older(&self, older: &ChainPoint) -> Result<(), AuditFault> {
        let has_all = self.at.id > older.id || self.at == *older;
        if has_all { Ok(()) } else { Err(AuditFault::Older { last: older.id }) }
    }

    /// There are no more events.
    fn end(&self, marks: &Marks) -> Result<(), AuditFault> {
        self.require_all_older(&marks.older)?;
        let (last, head) = (self.at, marks.head);
        match last.id.cmp(&head.id) {
            std::cmp::Ordering::Less => {
                Err(AuditFault::Truncated { first: last.id.saturating_add(1), last: head.id })
            }
            _ if last == head => Ok(()),
            _ => Err(AuditFault::Marks),
        }
    }
}

/// A check under way.
#[derive(Debug)]
pub struct Verification {
    key: ChainKey,
    /// Those that are still to come, the first one last.
    checkpoints: Vec<Checkpoint>,
    /// What the server itself wrote down last, beside the key.
    last_known: Option<Checkpoint>,
    walk: Option<Walk>,
    suspect: Option<Suspect>,
    verdict: AuditVerdict,
}

/// An event that is not as it was written: it may be another one that was put into its place.
#[derive(Debug)]
struct Suspect {
    id: i64,
    behind: Link,
    stored: Option<Link>,
    looked_to: i64,
}

impl Verification {
    /// Of the chain of this key, with what the server wrote down last outside the database, and what was written down elsewhere.
    #[must_use]
    pub fn new(key: ChainKey, last_known: Option<Checkpoint>, mut checkpoints: Vec<Checkpoint>) -> Self {
        checkpoints.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.id));
        let verdict = AuditVerdict {
            events: 0,
            purged_to: 0,
            older_to: 0,
            head: 0,
            head_mac: String::new(),
            checkpoints: 0,
            fault: None,
        };
        Self { key, checkpoints, last_known, walk: None, suspect: None, verdict }
    }

    /// How many events were checked so far.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.verdict.events
    }

    /// Checks the next events; the verdict when there are no more, or one is wrong.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn advance(&mut self, tx: &ReadTx<'_>) -> Result<Option<AuditVerdict>, StoreError> {
        let judged = match self.suspect.take() {
            Some(suspect) => self.look_for_its_place(tx, suspect)?,
            None => self.check_chunk(tx)?,
        };
        Ok(match judged {
            Ok(End::Later) => None,
            Ok(End::Reached) => Some(self.verdict.clone()),
            Err(fault) => Some(AuditVerdict { fault: Some(fault.into()), ..self.verdict.clone() }),
        })
    }

    fn check_chunk(&mut self, tx: &ReadTx<'_>) -> Result<Result<End, AuditFault>, StoreError> {
        let Some(marks) = Marks::read(tx, &self.key)? else { return Ok(Err(AuditFault::Marks)) };
        self.verdict.purged_to = marks.purged.id;
        self.verdict.older_to = marks.older.id;
        self.verdict.head = marks.head.id;
        self.verdict.head_mac = HEXLOWER.encode(&marks.head.link);
        // The first chunk begins below the first event, where none may be.
        let begun = self.walk.take();
        let behind = begun.as_ref().map_or(i64::MIN, |walk| walk.at.id.max(marks.purged.id));
        let mut walk = begun.unwrap_or_else(|| Walk::begin(&self.key, &marks));
        if walk.at.id < marks.purged.id {
            walk.at = marks.purged;
        }
        // What was purged meanwhile is compared with nothing.
        while self.checkpoints.pop_if(|next| next.id <= walk.at.id).is_some() {}
        self.last_known.take_if(|known| known.id <= walk.at.id);
        let sql = format!("select {EVENT_COLUMNS} from audit_event where id > ?1 order by id limit ?2");
        let mut statement = tx.conn.prepare_cached(&sql)?;
        let mut rows = statement.query(params![behind, CHUNK_EVENTS])?;
        let mut taken = 0;
        while let Some(row) = rows.next()? {
            let event = EventBytes::of_row(row)?;
            if let Err(fault) = self.check_event(&mut walk, &event, &marks) {
                // A change is told apart from a swap before it is told.
                let AuditFault::Changed { id } = fault else { return Ok(Err(fault)) };
                let stored = event.stored_link();
                self.suspect = Some(Suspect { id, behind: walk.at.link, stored, looked_to: id });
                return Ok(Ok(End::Later));
            }
            taken += 1;
        }
        let end = if taken == CHUNK_EVENTS { Ok(End::Later) } else { self.check_end(&walk, &marks) };
        self.walk = Some(walk);
        Ok(end)
    }

    fn check_event(
        &mut self,
        walk: &mut Walk,
        event: &EventBytes<'_>,
        marks: &Marks,
    ) -> Result<(), AuditFault> {
        walk.step(event, marks)?;
        self.verdict.events += 1;
        while let Some(checkpoint) = self.checkpoints.pop_if(|next| next.id == event.id) {
            let mac = event.mac.map(|mac| HEXLOWER.encode(mac)).unwrap_or_default();
            if !mac.starts_with(&checkpoint.mac) {
                return Err(AuditFault::Checkpoint { id: event.id });
            }
            self.verdict.checkpoints += 1;
        }
        if let Some(known) = self.last_known.take_if(|known| known.id == event.id) {
            let mac = event.mac.map(|mac| HEXLOWER.encode(mac)).unwrap_or_default();
            if !mac.starts_with(&known.mac) {
                return Err(AuditFault::PutBack { id: known.id });
            }
        }
        Ok(())
    }

    fn check_end(&self, walk: &Walk, marks: &Marks) -> Result<End, AuditFault> {
        walk.end(marks)?;
        if let Some(known) = &self.last_known {
            return Err(AuditFault::PutBack { id: known.id });
        }
        match self.checkpoints.last() {
            // The whole end was put back to what it was.
            Some(beyond) => Err(AuditFault::Checkpoint { id: beyond.id }),
            None => Ok(End::Reached),
        }
    }

    /// Looks at the events behind a suspect for the one that belongs into its place.
    fn look_for_its_place(
        &mut self,
        tx: &ReadTx<'_>,
        mut suspect: Suspect,
    ) -> Result<Result<End, AuditFault>, StoreError> {
        let sql = format!("select {EVENT_COLUMNS} from audit_event where id > ?1 order by id limit ?2");
        let mut statement = tx.conn.prepare_cached(&sql)?;
        let mut rows = statement.query(params![suspect.looked_to, CHUNK_EVENTS])?;
        let mut looked_at = 0;
        while let Some(row) = rows.next()? {
            let event = EventBytes::of_row(row)?;
            let link = self.key.link(&suspect.behind, &EventBytes { id: suspect.id, ..event });
            if event.has_mac(&link) || suspect.stored == Some(link) {
                return Ok(Err(AuditFault::Swapped { id: suspect.id, with: event.id }));
            }
            suspect.looked_to = event.id;
            looked_at += 1;
        }
        if looked_at < CHUNK_EVENTS {
            return Ok(Err(AuditFault::Changed { id: suspect.id }));
        }
        self.suspect = Some(suspect);
        Ok(Ok(End::Later))
    }
}

/// Whether a check has come to its end.
enum End {
    Reached,
    Later,
}
