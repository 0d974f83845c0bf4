//! The audit vocabulary: what acts are called, who did them and from where.
//!
//! One event an act, in the act's own transaction. Never a secret in one, and never text that a peer made up:
//! subjects are canonical names and numbers, details are fixed words and counts.

use vestry_protocol::UnixSeconds;
use vestry_store::{ActorKind, Event, Noted, StoreError, WriteTx};

/// What was done. The name in the audit table is part of the operator's interface: never reworded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// An account was made by its user.
    AccountRegistered,
    /// A session was opened with a password.
    LoggedIn,
    /// A password was wrong, or the name unknown.
    LoginFailed,
    /// The password was right, but the account may not log in.
    LoginRefused,
    /// A profile changed.
    AccountUpdated,
    /// An account was moved from a password hash to OPAQUE.
    CredentialMigrated,
    /// A password changed, by its owner.
    PasswordChanged,
    /// A one-time code set a new password.
    PasswordReset,
    /// A one-time code was wrong, used or too old.
    ResetFailed,
    /// A user deleted the account, or an operator did.
    AccountDeleted,
    /// Sessions were ended by their owner.
    LoggedOut,
    /// One session was revoked.
    SessionRevoked,
    /// An account was made by an operator.
    AccountCreated,
    /// An account was suspended.
    AccountSuspended,
    /// A suspension was lifted, by an operator or by its date.
    AccountResumed,
    /// A deletion was undone.
    AccountRestored,
    /// A deleted account is gone for good.
    AccountPurged,
    /// A one-time code was issued.
    ResetIssued,
    /// An operator's certificate was taken into use.
    OperatorEnrolled,
    /// An operator's certificates were taken out of use.
    OperatorRevoked,
}

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Self::AccountRegistered => "account.registered",
            Self::LoggedIn => "login.ok",
            Self::LoginFailed => "login.failed",
            Self::LoginRefused => "login.refused",
            Self::AccountUpdated => "account.updated",
            Self::CredentialMigrated => "credential.migrated",
            Self::PasswordChanged => "password.changed",
            Self::PasswordReset => "password.reset",
            Self::ResetFailed => "reset.failed",
            Self::AccountDeleted => "account.deleted",
            Self::LoggedOut => "logout",
            Self::SessionRevoked => "session.revoked",
            Self::AccountCreated => "account.created",
            Self::AccountSuspended => "account.suspended",
            Self::AccountResumed => "account.resumed",
            Self::AccountRestored => "account.restored",
            Self::AccountPurged => "account.purged",
            Self::ResetIssued => "reset.issued",
            Self::OperatorEnrolled => "operator.enrolled",
            Self::OperatorRevoked => "operator.revoked",
        }
    }
}

/// Who acts, and from where.
#[derive(Debug, Clone, Copy)]
pub struct Actor<'a> {
    kind: ActorKind,
    name: &'a str,
    source: &'a str,
}

impl<'a> Actor<'a> {
    /// Somebody on the user port, by the canonical name that is logged in or was tried.
    #[must_use]
    pub fn user(name: &'a str, source: &'a str) -> Self {
        Self { kind: ActorKind::User, name, source }
    }

    /// An operator.
    #[must_use]
    pub fn operator(name: &'a str, source: &'a str) -> Self {
        Self { kind: ActorKind::Operator, name, source }
    }

    /// The server by itself.
    #[must_use]
    pub fn server() -> Self {
        Self { kind: ActorKind::Server, name: "vestryd", source: "" }
    }

    /// Writes the event of an act, in the act's transaction.
    ///
    /// # Errors
    /// When the store does.
    pub fn note<'tx>(
        &self,
        tx: &'tx WriteTx<'_>,
        at: UnixSeconds,
        action: Action,
        subject: &str,
        detail: &str,
    ) -> Result<Noted<'tx>, StoreError> {
        tx.note(&Event {
            at,
            actor_kind: self.kind,
            actor: self.name,
            action: action.as_str(),
            subject,
            source: self.source,
            detail,
        })
    }
}
