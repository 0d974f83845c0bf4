//! The marks of the chain, and its newest event, in the database.
//!
//! The place to go on from is read from the database in each transaction, since another process may have written an
//! event, and remembered until its end: the head is sealed once for all events that share a commit. What a savepoint
//! undoes must not stay in the chain, so that the writer puts the place back, too.

use crate::chain_key::{
    ChainKey, ChainPoint, EVENT_COLUMNS, EventBytes, Mark, MarkName, NOTHING, bytes_of, older_link,
};
use crate::error::StoreError;
use crate::tx::{ReadTx, WriteTx};
use data_encoding::HEXLOWER;
use rusqlite::{OptionalExtension, params};
use vestry_protocol::UnixSeconds;
use vestry_protocol::audit::Checkpoint;
use vestry_protocol::typed::vestryctl;

impl ReadTx<'_> {
    pub(super) fn audit_mark(&self, key: &ChainKey, name: MarkName) -> Result<Mark, StoreError> {
        let mut statement =
            self.conn.prepare_cached("select id, value, seal from audit_mark where name = ?1")?;
        let found = statement
            .query_row([name.as_str()], |row| {
                let (value, seal) = (row.get_ref(1)?, row.get_ref(2)?);
                Ok(key.judge(name, row.get(0)?, bytes_of(value), bytes_of(seal)))
            })
            .optional()?;
        Ok(found.unwrap_or(Mark::Absent))
    }

    /// Whether an event that was written down elsewhere is in the audit, or was removed because of its age. Only a check of the
    /// whole chain says more.
    ///
    /// # Errors
    /// When the database does.
    pub fn audit_has(&self, key: &ChainKey, event: &Checkpoint) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached("select mac from audit_event where id = ?1")?;
        let mac: Option<Option<Vec<u8>>> = statement.query_row([event.id], |row| row.get(0)).optional()?;
        let mac = mac.flatten().map(|mac| HEXLOWER.encode(&mac));
        if mac.is_some_and(|mac| mac.starts_with(&event.mac)) {
            // A row that was left behind a head that was put back counts for nothing.
            let head = self.audit_mark(key, MarkName::Head)?;
            return Ok(matches!(head, Mark::At(head) if head.id >= event.id));
        }
        let purged = self.audit_mark(key, MarkName::Purged)?;
        Ok(matches!(purged, Mark::At(purged) if purged.id >= event.id))
    }

    /// When the newest of the events of one kind was, as they say.
    ///
    /// # Errors
    /// When the database does.
    pub fn newest_event_of(&self, action: &str) -> Result<Option<UnixSeconds>, StoreError> {
        let mut statement = self.conn.prepare("select max(at) from audit_event where action = ?1")?;
        let newest: Option<i64> = statement.query_row([action], |row| row.get(0))?;
        Ok(newest.map(UnixSeconds::from_seconds))
    }

    /// The newest event and its MAC in hexadecimal, as the mark of it says.
    ///
    /// # Errors
    /// When the database does.
    pub fn audit_head(&self, key: &ChainKey) -> Result<Option<(i64, String)>, StoreError> {
        Ok(match self.audit_mark(key, MarkName::Head)? {
            Mark::At(ChainPoint { id, link }) => Some((id, HEXLOWER.encode(&link))),
            Mark::Absent | Mark::Forged => None,
        })
    }
}

impl WriteTx<'_> {
    /// Where the next event goes: its number, and what it is put behind.
    pub(super) fn next_audit_place(&self) -> Result<ChainPoint, StoreError> {
        let end = match self.chain_end.get() {
            Some(place) => Mark::At(place),
            None => self.audit_mark(self.chain, MarkName::Head)?,
        };
        match end {
            Mark::At(ChainPoint { id, link }) => Ok(ChainPoint { id: id.saturating_add(1), link }),
            Mark::Absent | Mark::Forged => {
                let id = self.free_audit_id()?;
                tracing::error!(id, "the audit chain has lost its head; run: {}", vestryctl("audit verify"));
                Ok(ChainPoint { id, link: self.chain.break_before(id) })
            }
        }
    }

    /// Seals the newest event of this transaction as the head. Whoever commits calls it before.
    pub(crate) fn seal_chain_end(&self) -> Result<(), StoreError> {
        match self.chain_end.take() {
            Some(place) => self.set_audit_mark(MarkName::Head, place),
            None => Ok(()),
        }
    }

    /// A number behind every event, for when the one behind the head is taken or unknown.
    pub(super) fn free_audit_id(&self) -> Result<i64, StoreError> {
        let last: Option<i64> =
            self.conn.query_row("select max(id) from audit_event", [], |row| row.get(0))?;
        Ok(last.unwrap_or(0).saturating_add(1))
    }

    pub(super) fn set_audit_mark(&self, name: MarkName, place: ChainPoint) -> Result<(), StoreError> {
        let (name, seal) = (name.as_str(), self.chain.seal(name, place.id, &place.link));
        let values = params![name, place.id, place.link, seal];
        let mut update = self
            .conn
            .prepare_cached("update audit_mark set id = ?2, value = ?3, seal = ?4 where name = ?1")?;
        if update.execute(values)? == 0 {
            self.conn
                .execute("insert into audit_mark (name, id, value, seal) values (?1, ?2, ?3, ?4)", values)?;
        }
        Ok(())
    }

    /// Begins a chain behind all events that are there, as they are: none in a new database, and all when the key was
    /// lost. How many there are.
    ///
    /// # Errors
    /// When the database does.
    pub fn begin_audit_chain(&self) -> Result<u64, StoreError> {
        let (mut place, mut older) = (ChainPoint::START, 0);
        // A mark of another key is taken over: it says where the events begin that are still there.
        let mut purged = self.conn.prepare("select id, value from audit_mark where name = 'purged'")?;
        let found = purged.query_row([], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?))).optional()?;
        if let Some((id, value)) = found {
            place = ChainPoint { id, link: value.try_into().unwrap_or(NOTHING) };
            self.set_audit_mark(MarkName::Purged, place)?;
        }
        let sql = format!("select {EVENT_COLUMNS} from audit_event order by id");
        let mut statement = self.conn.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let event = EventBytes::of_row(row)?;
            place = ChainPoint { id: event.id, link: older_link(&place.link, &event) };
            older += 1;
        }
        self.set_audit_mark(MarkName::Older, place)?;
        self.chain_end.set(Some(place));
        Ok(older)
    }
}
