//! One event, and the proof that it was written.

use crate::audit::party::Party;
use crate::chain_key::{ChainPoint, EventBytes, Link};
use crate::change::Act;
use crate::error::StoreError;
use crate::ids::AccountId;
use crate::tx::WriteTx;
use rusqlite::params;
use std::marker::PhantomData;
use std::ops::Deref;
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
    /// Who.
    pub actor: Party<'a>,
    /// To whom or what.
    pub subject: Party<'a>,
    /// From where: an address.
    pub source: &'a str,
    /// What else an investigation needs.
    pub detail: &'a str,
}

/// Proof that the event of an act was written in this transaction. Nobody else can build one.
#[derive(Debug)]
pub struct Noted<'tx, A> {
    point: ChainPoint,
    transaction: PhantomData<&'tx ()>,
    act: PhantomData<fn() -> A>,
}

/// The same of an act on one account, which the event names: what it pays for is done to that account.
#[derive(Debug)]
pub struct NotedOn<'tx, A> {
    noted: Noted<'tx, A>,
    account: AccountId,
}

impl<A> Noted<'_, A> {
    /// Returns the number of the event and its MAC. It stays there when the transaction is committed.
    #[must_use]
    pub fn place(&self) -> (i64, [u8; 32]) {
        (self.point.id, self.point.link)
    }
}

impl<A> NotedOn<'_, A> {
    /// Returns the account.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }
}

impl<'tx, A> Deref for NotedOn<'tx, A> {
    type Target = Noted<'tx, A>;
    fn deref(&self) -> &Noted<'tx, A> {
        &self.noted
    }
}

impl WriteTx<'_> {
    /// Writes an event behind the newest one.
    ///
    /// # Errors
    /// When the database does.
    pub fn note<A: Act>(&self, act: &A, event: &Event<'_>) -> Result<Noted<'_, A>, StoreError> {
        let (actor, subject) = (event.actor.to_text(), event.subject.to_text());
        let texts = [event.actor_kind.as_str(), &actor, act.name(), &subject, event.source, event.detail];
        let bytes = |id| EventBytes { id, at: event.at, texts: texts.map(str::as_bytes), mac: None };
        let ChainPoint { mut id, link: behind } = self.next_audit_place()?;
        let mut link = self.chain.link(&behind, &bytes(id));
        if !self.insert_event((id, event.at), texts, &link)? {
            // Somebody inserted an event there; the gap, too, stays found.
            id = self.free_audit_id()?;
            link = self.chain.link(&behind, &bytes(id));
            if !self.insert_event((id, event.at), texts, &link)? {
                return Err(StoreError::Statement("there is no number left for an audit event".to_owned()));
            }
        }
        let point = ChainPoint { id, link };
        self.chain_end.set(Some(point));
        self.remember_name(event.actor, event.at)?;
        self.remember_name(event.subject, event.at)?;
        Ok(Noted { point, transaction: PhantomData, act: PhantomData })
    }

    /// Writes the event of an act on an account, which becomes the subject of the event.
    ///
    /// # Errors
    /// When the database does.
    pub fn note_on<A: Act>(
        &self,
        account: AccountId,
        act: &A,
        event: &Event<'_>,
    ) -> Result<NotedOn<'_, A>, StoreError> {
        let noted = self.note(act, &Event { subject: Party::Account(account), ..*event })?;
        Ok(NotedOn { noted, account })
    }

    /// Whether the number was free.
    fn insert_event(
        &self,
        (id, at): (i64, UnixSeconds),
        [kind, actor, action, subject, source, detail]: [&str; 6],
        link: &Link,
    ) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "insert into audit_event (id, at, actor_kind, actor, action, subject, source, detail, mac)
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) on conflict (id) do nothing",
        )?;
        let values = params![id, at.seconds(), kind, actor, action, subject, source, detail, link];
        Ok(statement.execute(values)? == 1)
    }
}
