//! The chain: how an event is tied to the one before it, and the marks that say where the chain begins and ends.
//!
//! ```text
//!  events from before │ mac_1 = MAC(digest of those, event 1) ─ mac_2 = MAC(mac_1, event 2) ─ … ─ mac_n │
//!               older ┘                                     └ purged (what was old is removed)    head ┘
//! ```
//!
//! The place to go on from is read from the database in each transaction, since another process may have written an
//! event, and remembered until its end: the head is sealed once for all events that share a commit. What a savepoint
//! undoes must not stay in the chain, so that the writer puts the place back, too. Everything is computed from the
//! key here; `docs/PROTOCOL.md` says how. Nothing here knows what events mean.

use crate::{ReadTx, StoreError, WriteTx};
use data_encoding::HEXLOWER;
use hmac::{Hmac, Mac};
use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, params};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;
use vestry_protocol::audit::Checkpoint;
use vestry_protocol::typed::vestryctl;
use zeroize::Zeroizing;

/// The MAC of an event, or the digest of those that have none.
pub(super) type Link = [u8; 32];

/// What a chain begins with when there is nothing before it.
pub(super) const NOTHING: Link = [0; 32];

const EVENT: &[u8] = b"vestry audit event 1\0";
const OLDER_EVENT: &[u8] = b"vestry audit older event 1\0";
const BREAK: &[u8] = b"vestry audit break 1\0";
const KEY_NAME: &[u8] = b"vestry audit key 1\0";

/// A block of SHA-256: HMAC fills a key up to it with zeros.
const BLOCK_BYTES: usize = 64;

/// The key of the chain. It cannot print itself, and is wiped when the last copy is dropped.
#[derive(Clone)]
pub struct ChainKey(Arc<Zeroizing<[u8; BLOCK_BYTES]>>);

impl fmt::Debug for ChainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChainKey")
    }
}

impl ChainKey {
    /// The length of a key.
    pub const BYTES: usize = 32;

    /// From the bytes of its file; `None` when there are not exactly 32.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut block = Zeroizing::new([0; BLOCK_BYTES]);
        let key = bytes.first_chunk::<{ Self::BYTES }>().filter(|key| key.len() == bytes.len())?;
        *block.first_chunk_mut()? = *key;
        Some(Self(Arc::new(block)))
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self::from_bytes(&[7; Self::BYTES]).unwrap()
    }

    /// What names this key in public.
    #[must_use]
    pub fn id(&self) -> String {
        HEXLOWER.encode(self.begin(KEY_NAME).finish().get(..8).unwrap_or_default())
    }

    /// Derives a key for another use, which its label names.
    #[must_use]
    pub fn derive(&self, label: &[u8]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.begin(label).finish())
    }

    fn begin(&self, label: &[u8]) -> Computing {
        let mut computing = Computing(<Hmac<Sha256> as Mac>::new((&**self.0).into()));
        computing.take(label);
        computing
    }

    /// The MAC of an event behind another one.
    pub(super) fn link(&self, behind: &Link, event: &EventBytes<'_>) -> Link {
        let mut computing = self.begin(EVENT);
        computing.take(behind);
        event.feed(|bytes| computing.take(bytes));
        computing.finish()
    }

    /// What an event is put behind when nobody can tell any more what it belongs behind: from there on, no check of
    /// the chain passes.
    pub(super) fn break_before(&self, id: i64) -> Link {
        let mut computing = self.begin(BREAK);
        computing.take(&id.to_be_bytes());
        computing.finish()
    }

    fn seal(&self, name: MarkName, id: i64, value: &Link) -> Link {
        let mut computing = self.begin(name.label());
        computing.take(&id.to_be_bytes());
        computing.take(value);
        computing.finish()
    }
}

/// A MAC in the making.
struct Computing(Hmac<Sha256>);

impl Computing {
    fn take(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self) -> Link {
        self.0.finalize().into_bytes().into()
    }
}

/// The digest of one more event from before the chain, with the MAC that it may have of an earlier one.
pub(super) fn older_link(behind: &Link, event: &EventBytes<'_>) -> Link {
    let mut digest = Sha256::new_with_prefix(OLDER_EVENT);
    digest.update(behind);
    event.feed(|bytes| digest.update(bytes));
    feed_text(event.mac.unwrap_or_default(), &mut |bytes| digest.update(bytes));
    digest.finalize().into()
}

/// An event as it is stored, whatever bytes somebody put there.
#[derive(Debug, Clone, Copy)]
pub(super) struct EventBytes<'a> {
    pub(super) id: i64,
    pub(super) at: i64,
    /// Kind of actor, actor, action, subject, source and detail.
    pub(super) texts: [&'a [u8]; 6],
    pub(super) mac: Option<&'a [u8]>,
}

/// The columns of an [`EventBytes`], for a select.
pub(super) const EVENT_COLUMNS: &str = "id, at, actor_kind, actor, action, subject, source, detail, mac";

impl<'a> EventBytes<'a> {
    /// From a row of [`EVENT_COLUMNS`].
    pub(super) fn of_row(row: &'a Row<'_>) -> rusqlite::Result<Self> {
        let mut texts: [&[u8]; 6] = [&[]; 6];
        for (text, column) in texts.iter_mut().zip(2..) {
            *text = bytes_of(row.get_ref(column)?);
        }
        let mac = match row.get_ref(8)? {
            ValueRef::Null => None,
            value => Some(bytes_of(value)),
        };
        Ok(Self { id: row.get(0)?, at: row.get(1)?, texts, mac })
    }

    /// Every value but the MAC, so that no two events have the same bytes.
    fn feed(&self, mut take: impl FnMut(&[u8])) {
        take(&self.id.to_be_bytes());
        take(&self.at.to_be_bytes());
        for text in self.texts {
            feed_text(text, &mut take);
        }
    }

    pub(super) fn has_mac(&self, link: &Link) -> bool {
        self.mac == Some(link.as_slice())
    }

    /// The MAC as it is stored, when it could be one.
    pub(super) fn stored_link(&self) -> Option<Link> {
        self.mac?.try_into().ok()
    }
}

fn feed_text(text: &[u8], take: &mut impl FnMut(&[u8])) {
    take(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
    take(text);
}

/// The columns are strict; anything else than text and bytes is not there.
fn bytes_of(value: ValueRef<'_>) -> &[u8] {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => &[],
    }
}

/// Which mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MarkName {
    /// Behind the last event from before the chain.
    Older,
    /// Behind the last event that was removed.
    Purged,
    /// Behind the newest event.
    Head,
}

impl MarkName {
    fn as_str(self) -> &'static str {
        match self {
            Self::Older => "older",
            Self::Purged => "purged",
            Self::Head => "head",
        }
    }

    fn label(self) -> &'static [u8] {
        match self {
            Self::Older => b"vestry audit older 1\0",
            Self::Purged => b"vestry audit purged 1\0",
            Self::Head => b"vestry audit head 1\0",
        }
    }
}

/// A place behind an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(super) id: i64,
    pub(super) link: Link,
}

impl Place {
    /// Before the first event.
    pub(super) const START: Self = Self { id: 0, link: NOTHING };
}

/// A mark as it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// There is none.
    Absent,
    /// It was not sealed with this key.
    Forged,
    /// A place that the server wrote down.
    At(Place),
}

impl ChainKey {
    /// Judges a mark by its seal.
    fn judge(&self, name: MarkName, id: i64, value: &[u8], seal: &[u8]) -> Mark {
        match Link::try_from(value) {
            Ok(link) if self.seal(name, id, &link) == seal => Mark::At(Place { id, link }),
            _ => Mark::Forged,
        }
    }
}

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
    pub fn newest_event_of(&self, action: &str) -> Result<Option<i64>, StoreError> {
        let mut statement = self.conn.prepare("select max(at) from audit_event where action = ?1")?;
        Ok(statement.query_row([action], |row| row.get(0))?)
    }

    /// The newest event and its MAC in hexadecimal, as the mark of it says.
    ///
    /// # Errors
    /// When the database does.
    pub fn audit_head(&self, key: &ChainKey) -> Result<Option<(i64, String)>, StoreError> {
        Ok(match self.audit_mark(key, MarkName::Head)? {
            Mark::At(Place { id, link }) => Some((id, HEXLOWER.encode(&link))),
            Mark::Absent | Mark::Forged => None,
        })
    }
}

impl WriteTx<'_> {
    /// Where the next event goes: its number, and what it is put behind.
    pub(super) fn next_audit_place(&self) -> Result<Place, StoreError> {
        let end = match self.chain_end.get() {
            Some(place) => Mark::At(place),
            None => self.audit_mark(self.chain, MarkName::Head)?,
        };
        match end {
            Mark::At(Place { id, link }) => Ok(Place { id: id.saturating_add(1), link }),
            Mark::Absent | Mark::Forged => {
                let id = self.free_audit_id()?;
                tracing::error!(id, "the audit chain has lost its head; run: {}", vestryctl("audit verify"));
                Ok(Place { id, link: self.chain.break_before(id) })
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

    pub(super) fn set_audit_mark(&self, name: MarkName, place: Place) -> Result<(), StoreError> {
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
        let (mut place, mut older) = (self.place_of_the_purged_as_found()?, 0);
        let sql = format!("select {EVENT_COLUMNS} from audit_event order by id");
        let mut statement = self.conn.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let event = EventBytes::of_row(row)?;
            place = Place { id: event.id, link: older_link(&place.link, &event) };
            older += 1;
        }
        self.set_audit_mark(MarkName::Older, place)?;
        self.chain_end.set(Some(place));
        Ok(older)
    }

    /// A mark of another key is taken over: it says where the events begin that are still there.
    fn place_of_the_purged_as_found(&self) -> Result<Place, StoreError> {
        let mut statement = self.conn.prepare("select id, value from audit_mark where name = 'purged'")?;
        let found = statement.query_row([], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?))).optional()?;
        let Some((id, value)) = found else { return Ok(Place::START) };
        let place = Place { id, link: value.try_into().unwrap_or(NOTHING) };
        self.set_audit_mark(MarkName::Purged, place)?;
        Ok(place)
    }
}
