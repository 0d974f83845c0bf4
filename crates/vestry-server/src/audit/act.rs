//! The audit vocabulary: what acts are called, who did them and from where.
//!
//! One event an act, in the act's own transaction. Never a secret in one, and never text that a peer made up:
//! parties are numbers and operators' names, details are fixed words and counts. The one exception is what an operator
//! asked for (`operator.read`): it is spelled out on one line and cut.

use vestry_protocol::UnixSeconds;
use vestry_store::{AccountId, ActorKind, Event, LiveOperator, Noted, Party, StoreError, WriteTx};

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
    /// The password was proven again within a session, after failures.
    PasswordProven,
    /// Somebody wanted a name that is taken.
    RegistrationRefused,
    /// A device was given a token that lets it try passwords without waiting for strangers.
    DeviceRemembered,
    /// A device was forgotten by its owner.
    DeviceForgotten,
    /// Lanes that had failed too often were opened.
    ThrottleCleared,
    /// A profile changed.
    AccountUpdated,
    /// A password changed, by its owner.
    PasswordChanged,
    /// A login moved the password record to the server's new OPAQUE key.
    RecordMoved,
    /// A one-time code was right, and had a new password evaluated.
    ResetStarted,
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
    /// An operator asked for what takes a higher role.
    OperatorRefused,
    /// A copy of the database was handed out.
    DatabaseBackedUp,
    /// The database was put back from a copy.
    DatabaseRestored,
    /// An operator brought many accounts in.
    AccountsImported,
    /// An operator read accounts, sessions or the audit.
    OperatorRead,
    /// The chain of events began anew under another key.
    AuditRekeyed,
    /// An event that the server wrote down, or that a client saw, is not there.
    AuditPutBack,
    /// The database was put back, and the audit goes on from an earlier event.
    AuditAccepted,
    /// Events that were old enough were removed.
    AuditPurged,
    /// The chain of events ends under this key, and goes on under another.
    AuditRotated,
    /// A new OPAQUE key was made, to which password records move.
    OpaqueRotationBegun,
    /// The OPAQUE key that was replaced is gone.
    OpaqueRotationFinished,
    /// Imported password hashes were sealed under a new pepper.
    PepperRotated,
    /// The settings were read again.
    SettingsRead,
}

impl Action {
    /// What the event is called.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountRegistered => "account.registered",
            Self::LoggedIn => "login.ok",
            Self::LoginFailed => "login.failed",
            Self::LoginRefused => "login.refused",
            Self::PasswordProven => "password.proven",
            Self::RegistrationRefused => "registration.refused",
            Self::DeviceRemembered => "device.remembered",
            Self::DeviceForgotten => "device.forgotten",
            Self::ThrottleCleared => "throttle.cleared",
            Self::AccountUpdated => "account.updated",
            Self::PasswordChanged => "password.changed",
            Self::RecordMoved => "record.moved",
            Self::ResetStarted => "reset.started",
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
            Self::OperatorRefused => "operator.refused",
            Self::DatabaseBackedUp => "database.backed_up",
            Self::DatabaseRestored => "database.restored",
            Self::AccountsImported => "accounts.imported",
            Self::OperatorRead => "operator.read",
            Self::AuditRekeyed => "audit.rekeyed",
            Self::AuditPutBack => "audit.put_back",
            Self::AuditAccepted => "audit.accepted",
            Self::AuditPurged => "audit.purged",
            Self::AuditRotated => "audit.rotated",
            Self::OpaqueRotationBegun => "opaque.rotation_begun",
            Self::OpaqueRotationFinished => "opaque.rotation_finished",
            Self::PepperRotated => "pepper.rotated",
            Self::SettingsRead => "settings.read",
        }
    }
}

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
    pub fn note<'tx>(
        &self,
        tx: &'tx WriteTx<'_>,
        at: UnixSeconds,
        action: Action,
        subject: Party<'_>,
        detail: &str,
    ) -> Result<Noted<'tx>, StoreError> {
        tx.note(&Event {
            at,
            actor_kind: self.kind,
            actor: self.party,
            action: action.as_str(),
            subject,
            source: self.source,
            detail,
        })
    }
}
