//! What acts are called in the audit, and what each may change: another act is another line.
//!
//! The name of an event is part of the operator's interface: never reworded. A handler that notes one act and makes a change that
//! only another may make does not compile. Nothing else implements `Permits` in this crate (a test looks).

use vestry_store::change::{
    ChangeProfile, ClearLanes, CountAttempt, DeleteAccount, EndSessions, EnrolOperator, ForgetDevice,
    ImportAccounts, IssueCode, MakeAccount, OpenSession, PurgeAccount, PurgeAudit, RememberDevice,
    ReplaceRecord, ReplaceSecret, RestoreAccount, RestoreDatabase, ResumeAccount, RevokeOperator,
    SetPassword, SuspendAccount, UseCode,
};
use vestry_store::{Act, Permits};

/// Makes a type of each act.
macro_rules! acts {
    ($($(#[doc = $text:literal])+ $act:ident = $name:literal $(may $($change:ident),+)?;)+) => {
        $(
            $(#[doc = $text])+
            #[derive(Debug, Clone, Copy)]
            pub struct $act;

            impl Act for $act {
                fn name(&self) -> &'static str {
                    $name
                }
            }

            $($(impl Permits<$change> for $act {})+)?
        )+
    };
}

acts! {
    /// An account was made by its user.
    AccountRegistered = "account.registered" may MakeAccount, CountAttempt;
    /// A session was opened with a password.
    LoggedIn = "login.ok" may OpenSession, ReplaceRecord, CountAttempt;
    /// A password was wrong, or the name unknown.
    LoginFailed = "login.failed" may CountAttempt;
    /// The password was right, but the account may not log in.
    LoginRefused = "login.refused";
    /// The password was proven again within a session, after failures.
    PasswordProven = "password.proven" may CountAttempt;
    /// Somebody wanted a name that is taken.
    RegistrationRefused = "registration.refused" may CountAttempt;
    /// A device was given a token that lets it try passwords without waiting for strangers.
    DeviceRemembered = "device.remembered" may RememberDevice;
    /// A device was forgotten by its owner.
    DeviceForgotten = "device.forgotten" may ForgetDevice;
    /// Lanes that had failed too often were opened.
    ThrottleCleared = "throttle.cleared" may ClearLanes;
    /// A profile changed.
    AccountUpdated = "account.updated" may ChangeProfile;
    /// A password changed, by its owner.
    PasswordChanged = "password.changed" may SetPassword;
    /// A login moved the password record to the server's new OPAQUE key.
    RecordMoved = "record.moved" may ReplaceRecord;
    /// A one-time code was right, and had a new password evaluated.
    ResetStarted = "reset.started" may UseCode;
    /// A one-time code set a new password.
    PasswordReset = "password.reset" may UseCode, SetPassword, ClearLanes;
    /// A one-time code was wrong, used or too old.
    ResetFailed = "reset.failed" may CountAttempt;
    /// A user deleted the account, or an operator did.
    AccountDeleted = "account.deleted" may DeleteAccount;
    /// Sessions were ended by their owner.
    LoggedOut = "logout" may EndSessions;
    /// One session was revoked.
    SessionRevoked = "session.revoked" may EndSessions;
    /// An account was made by an operator.
    AccountCreated = "account.created" may MakeAccount, IssueCode;
    /// An account was suspended.
    AccountSuspended = "account.suspended" may SuspendAccount;
    /// A suspension was lifted, by an operator or by its date.
    AccountResumed = "account.resumed" may ResumeAccount;
    /// A deletion was undone.
    AccountRestored = "account.restored" may RestoreAccount;
    /// A deleted account is gone for good.
    AccountPurged = "account.purged" may PurgeAccount;
    /// A one-time code was issued.
    ResetIssued = "reset.issued" may IssueCode;
    /// An operator's certificate was taken into use.
    OperatorEnrolled = "operator.enrolled" may EnrolOperator;
    /// An operator's certificates were taken out of use.
    OperatorRevoked = "operator.revoked" may RevokeOperator;
    /// An operator asked for what takes a higher role.
    OperatorRefused = "operator.refused";
    /// A copy of the database was handed out.
    DatabaseBackedUp = "database.backed_up";
    /// The database was put back from a copy.
    DatabaseRestored = "database.restored" may RestoreDatabase;
    /// An operator brought many accounts in.
    AccountsImported = "accounts.imported" may ImportAccounts;
    /// An operator read accounts, sessions or the audit.
    OperatorRead = "operator.read";
    /// The chain of events began anew under another key.
    AuditRekeyed = "audit.rekeyed" may ReplaceSecret;
    /// An event that the server wrote down, or that a client saw, is not there.
    AuditPutBack = "audit.put_back";
    /// The database was put back, and the audit goes on from an earlier event.
    AuditAccepted = "audit.accepted";
    /// Events that were old enough were removed.
    AuditPurged = "audit.purged" may PurgeAudit;
    /// The chain of events ends under this key, and goes on under another.
    AuditRotated = "audit.rotated" may ReplaceSecret;
    /// A new OPAQUE key was made, to which password records move.
    OpaqueRotationBegun = "opaque.rotation_begun" may ReplaceSecret;
    /// The OPAQUE key that was replaced is gone.
    OpaqueRotationFinished = "opaque.rotation_finished" may ReplaceSecret;
    /// Imported password hashes were sealed under a new pepper.
    PepperRotated = "pepper.rotated" may ReplaceSecret;
    /// The settings were read again.
    SettingsRead = "settings.read";
}

/// An attempt that came to nothing, by how it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptFailed {
    /// At a password.
    Login,
    /// At a name.
    Registration,
    /// At a one-time code.
    Code,
    /// Nothing that can fail: a password was proven before it.
    Proven,
}

impl Act for AttemptFailed {
    fn name(&self) -> &'static str {
        match self {
            Self::Login => LoginFailed.name(),
            Self::Registration => RegistrationRefused.name(),
            Self::Code => ResetFailed.name(),
            Self::Proven => PasswordProven.name(),
        }
    }
}

impl Permits<CountAttempt> for AttemptFailed {}
