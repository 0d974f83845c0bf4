//! The chain: how an event is tied to the one before it, and the marks that say where the chain begins and ends.
//!
//! ```text
//!  events from before │ mac_1 = MAC(digest of those, event 1) ─ mac_2 = MAC(mac_1, event 2) ─ … ─ mac_n │
//!               older ┘                                     └ purged (what was old is removed)    head ┘
//! ```
//!
//! Everything is computed from the key here; `docs/PROTOCOL.md` says how. Nothing here knows what events mean, or a database.

use data_encoding::HEXLOWER;
use hmac::{Hmac, Mac};
use rusqlite::Row;
use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;
use vestry_protocol::UnixSeconds;
use zeroize::Zeroizing;

/// The MAC of an event, or the digest of those that have none.
pub(crate) type Link = [u8; 32];

/// What a chain begins with when there is nothing before it.
pub(crate) const NOTHING: Link = [0; 32];

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
    pub(crate) fn link(&self, behind: &Link, event: &EventBytes<'_>) -> Link {
        let mut computing = self.begin(EVENT);
        computing.take(behind);
        event.feed(|bytes| computing.take(bytes));
        computing.finish()
    }

    /// What an event is put behind when nobody can tell any more what it belongs behind: from there on, no check of
    /// the chain passes.
    pub(crate) fn break_before(&self, id: i64) -> Link {
        let mut computing = self.begin(BREAK);
        computing.take(&id.to_be_bytes());
        computing.finish()
    }

    pub(crate) fn seal(&self, name: MarkName, id: i64, value: &Link) -> Link {
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
pub(crate) fn older_link(behind: &Link, event: &EventBytes<'_>) -> Link {
    let mut digest = Sha256::new_with_prefix(OLDER_EVENT);
    digest.update(behind);
    event.feed(|bytes| digest.update(bytes));
    feed_text(event.mac.unwrap_or_default(), &mut |bytes| digest.update(bytes));
    digest.finalize().into()
}

/// An event as it is stored, whatever bytes somebody put there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventBytes<'a> {
    pub(crate) id: i64,
    pub(crate) at: UnixSeconds,
    /// Kind of actor, actor, action, subject, source and detail.
    pub(crate) texts: [&'a [u8]; 6],
    pub(crate) mac: Option<&'a [u8]>,
}

/// The columns of an [`EventBytes`], for a select.
pub(crate) const EVENT_COLUMNS: &str = "id, at, actor_kind, actor, action, subject, source, detail, mac";

impl<'a> EventBytes<'a> {
    /// From a row of [`EVENT_COLUMNS`].
    pub(crate) fn of_row(row: &'a Row<'_>) -> rusqlite::Result<Self> {
        let mut texts: [&[u8]; 6] = [&[]; 6];
        for (text, column) in texts.iter_mut().zip(2..) {
            *text = bytes_of(row.get_ref(column)?);
        }
        let mac = match row.get_ref(8)? {
            ValueRef::Null => None,
            value => Some(bytes_of(value)),
        };
        Ok(Self { id: row.get(0)?, at: row.get(1).map(UnixSeconds::from_seconds)?, texts, mac })
    }

    /// Every value but the MAC, so that no two events have the same bytes.
    fn feed(&self, mut take: impl FnMut(&[u8])) {
        take(&self.id.to_be_bytes());
        take(&self.at.seconds().to_be_bytes());
        for text in self.texts {
            feed_text(text, &mut take);
        }
    }

    pub(crate) fn has_mac(&self, link: &Link) -> bool {
        self.mac == Some(link.as_slice())
    }

    /// The MAC as it is stored, when it could be one.
    pub(crate) fn stored_link(&self) -> Option<Link> {
        self.mac?.try_into().ok()
    }
}

fn feed_text(text: &[u8], take: &mut impl FnMut(&[u8])) {
    take(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
    take(text);
}

/// The columns are strict; anything else than text and bytes is not there.
pub(crate) fn bytes_of(value: ValueRef<'_>) -> &[u8] {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => &[],
    }
}

/// Which mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MarkName {
    /// Behind the last event from before the chain.
    Older,
    /// Behind the last event that was removed.
    Purged,
    /// Behind the newest event.
    Head,
}

impl MarkName {
    pub(crate) fn as_str(self) -> &'static str {
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

/// A point of the chain: behind an event, with what the next one is put behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChainPoint {
    pub(crate) id: i64,
    pub(crate) link: Link,
}

impl ChainPoint {
    /// Before the first event.
    pub(crate) const START: Self = Self { id: 0, link: NOTHING };
}

/// A mark as it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// There is none.
    Absent,
    /// It was not sealed with this key.
    Forged,
    /// A place that the server wrote down.
    At(ChainPoint),
}

impl ChainKey {
    /// Judges a mark by its seal.
    pub(crate) fn judge(&self, name: MarkName, id: i64, value: &[u8], seal: &[u8]) -> Mark {
        match Link::try_from(value) {
            Ok(link) if self.seal(name, id, &link) == seal => Mark::At(ChainPoint { id, link }),
            _ => Mark::Forged,
        }
    }
}
