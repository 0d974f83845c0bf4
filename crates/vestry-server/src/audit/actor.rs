//! Who acts, and from where, as the audit says it.
//!
//! One event an act, in the act's own transaction. Never a secret in one, and never text that a peer made up:
//! parties are numbers and operators' names, details are fixed words and counts. The one exception is what an operator
//! asked for (`operator.read`): it is spelled out on one line and cut.

use vestry_protocol::UnixSeconds;
use vestry_store::{
    AccountId, Act, ActorKind, Event, LiveOperator, Noted, NotedOn, Party, StoreError, WriteTx,
};

/// Who acts, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Actor<'a> {
    kind: ActorKind,
    party: Party<'a>,
    source: &'a str,
}

impl<'a> Actor<'a> {
    /// A user who proved an account's password, session or one-time code.
    #[must_use]
    pub fn user(account: AccountId, source: &'a str) -> Self {
        Self { kind: ActorKind::User, party: Party::Account(account), source }
    }

    /// A client on the user port that proved nothing.
    #[must_use]
    pub fn stranger(source: &'a str) -> Self {
        Self { kind: ActorKind::User, party: Party::NONE, source }
    }

    /// An operator on the admin port, whose right was checked in the transaction that the event is of.
    #[must_use]
    pub fn operator(live: &'a LiveOperator<'_>, source: &'a str) -> Self {
        Self { kind: ActorKind::Operator, party: Party::Text(live.name()), source }
    }

    /// Somebody at the machine itself, by the user of the system.
    #[must_use]
    pub fn at_the_machine(user: &'a str) -> Self {
        Self { kind: ActorKind::Operator, party: Party::Text(user), source: "this machine" }
    }

    /// The server by itself.
    #[must_use]
    pub fn server() -> Self {
        Self { kind: ActorKind::Server, party: Party::Text("vestryd"), source: "" }
    }

    /// Writes the event of an act, in the act's transaction.
    ///
    /// # Errors
    /// When the store does.
    pub fn note<'tx, A: Act + Copy>(
        &self,
        tx: &'tx WriteTx<'_>,
        at: UnixSeconds,
        act: A,
        subject: Party<'_>,
        detail: &str,
    ) -> Result<Noted<'tx, A>, StoreError> {
        tx.note(&act, &self.event(at, subject, detail))
    }

    /// Writes the event of an act on one account, in the act's transaction.
    ///
    /// # Errors
    /// When the store does.
    pub fn note_on<'tx, A: Act + Copy>(
        &self,
        tx: &'tx WriteTx<'_>,
        at: UnixSeconds,
        act: A,
        account: AccountId,
        detail: &str,
    ) -> Result<NotedOn<'tx, A>, StoreError> {
        tx.note_on(account, &act, &self.event(at, Party::NONE, detail))
    }

    fn event<'e>(&self, at: UnixSeconds, subject: Party<'e>, detail: &'e str) -> Event<'e>
    where
        'a: 'e,
    {
        Event { at, actor_kind: self.kind, actor: self.party, subject, source: self.source, detail }
    }
}
