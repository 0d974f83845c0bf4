//! Audit events: one for each act, in the act's own transaction.
//!
//! What the events are called is the server's vocabulary; here they are rows. [`WriteTx::note`] writes one and
//! returns [`Noted`], which every change of the register asks for: no act without its event.
//!
//! Events form a chain (`chain.rs`), so that whoever changes the file without the key is found (`verify.rs`). What is
//! old enough goes from its beginning, and only what a check has passed (`retention.rs`).

mod chain;
mod retention;
#[cfg(test)]
mod tests;
mod verify;

pub use chain::ChainKey;
pub(crate) use chain::Place;
pub use retention::{AuditPurge, PurgeRefused};
pub use verify::Verification;

use crate::{StoreError, WriteTx};
use chain::{EventBytes, Link};
use rusqlite::params;
use std::marker::PhantomData;
use vestry_protocol::UnixSeconds;

/// Who acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorKind {
    /// Somebody on the user port.
    User,
    /// Somebody on the admin port, or at the machine itself.
    Operator,
    /// The server, by itself.
    Server,
}

impl ActorKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
            Self::Server => "server",
        }
    }
}

/// One audit event. Never a secret in it.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// When.
    pub at: UnixSeconds,
    /// What kind of actor.
    pub actor_kind: ActorKind,
    /// Who: a canonical name.
    pub actor: &'a str,
    /// What was done, in the server's vocabulary.
    pub action: &'a str,
    /// To what: a canonical name, a session's number.
    pub subject: &'a str,
    /// From where: an address.
    pub source: &'a str,
    /// What else an investigation needs.
    pub detail: &'a str,
}

/// Proof that an audit event was written in this transaction. Nobody else can build one.
#[derive(Debug)]
pub struct Noted<'tx>(PhantomData<&'tx ()>);

impl WriteTx<'_> {
    /// Writes an event behind the newest one.
    ///
    /// # Errors
    /// When the database does.
    pub fn note(&self, event: &Event<'_>) -> Result<Noted<'_>, StoreError> {
        let Place { mut id, link: behind } = self.next_audit_place()?;
        let mut link = self.chain.link(&behind, &event.bytes(id));
        if !self.insert_event(id, event, &link)? {
            // Somebody inserted an event there; the gap, too, stays found.
            id = self.free_audit_id()?;
            link = self.chain.link(&behind, &event.bytes(id));
            if !self.insert_event(id, event, &link)? {
                return Err(StoreError::Statement("there is no number left for an audit event".to_owned()));
            }
        }
        self.chain_end.set(Some(Place { id, link }));
        Ok(Noted(PhantomData))
    }

    /// Whether the number was free.
    fn insert_event(&self, id: i64, event: &Event<'_>, link: &Link) -> Result<bool, StoreError> {
        let [kind, actor, action, subject, source, detail] = event.texts();
        let mut statement = self.conn.prepare_cached(
            "insert into audit_event (id, at, actor_kind, actor, action, subject, source, detail, mac)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) on conflict (id) do nothing",
        )?;
        let values = params![id, event.at, kind, actor, action, subject, source, detail, link];
        Ok(statement.execute(values)? == 1)
    }
}

impl Event<'_> {
    fn texts(&self) -> [&str; 6] {
        [self.actor_kind.as_str(), self.actor, self.action, self.subject, self.source, self.detail]
    }

    fn bytes(&self, id: i64) -> EventBytes<'_> {
        EventBytes { id, at: self.at, texts: self.texts().map(str::as_bytes), mac: None }
    }
}
