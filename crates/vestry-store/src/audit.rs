//! Audit events: one for each act, in the act's own transaction.
//!
//! What the events are called is the server's vocabulary; here they are rows. [`WriteTx::note`] writes one and
//! returns [`Noted`], which every change of the register asks for: no act without its event.

use crate::{StoreError, WriteTx};
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
    /// Writes an event.
    ///
    /// # Errors
    /// When the database does.
    pub fn note(&self, event: &Event<'_>) -> Result<Noted<'_>, StoreError> {
        self.conn
            .prepare_cached(
                "insert into audit_event (at, actor_kind, actor, action, subject, source, detail)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                event.at,
                event.actor_kind.as_str(),
                event.actor,
                event.action,
                event.subject,
                event.source,
                event.detail
            ])?;
        Ok(Noted(PhantomData))
    }
}
