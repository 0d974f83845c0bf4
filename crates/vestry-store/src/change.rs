//! What an act may change: the proof that its event was written pays for these changes and for no others.
//!
//! Which act may make which change is the server's to say, in one table. A mutator asks for `Noted<'_, A>` of any act `A` that
//! [`Permits`] its change, so that the event of one act does not compile as the price of another.

/// What was done: an act has an event, and its event this name.
pub trait Act {
    /// Returns what the event is called, in the vocabulary of the server.
    fn name(&self) -> &str;
}

/// That an act may make a change.
pub trait Permits<Change>: Act {}

/// Makes the types that stand for changes.
macro_rules! changes {
    ($($(#[doc = $text:literal])+ $name:ident,)+) => {
        $($(#[doc = $text])+ #[derive(Debug, Clone, Copy)] pub struct $name;)+
    };
}

changes! {
    /// Makes an account, with its password record.
    MakeAccount,
    /// Makes many accounts at once.
    ImportAccounts,
    /// Changes what a profile says.
    ChangeProfile,
    /// Sets a new password.
    SetPassword,
    /// Puts an OPAQUE record in the place of an imported hash, or one under another key in the place of an older one.
    ReplaceRecord,
    /// Suspends an account.
    SuspendAccount,
    /// Lifts a suspension.
    ResumeAccount,
    /// Deletes an account.
    DeleteAccount,
    /// Undoes a deletion.
    RestoreAccount,
    /// Removes a deleted account for good.
    PurgeAccount,
    /// Opens a session.
    OpenSession,
    /// Ends sessions.
    EndSessions,
    /// Remembers a device.
    RememberDevice,
    /// Forgets a device.
    ForgetDevice,
    /// Issues a one-time code.
    IssueCode,
    /// Has a one-time code evaluated, or uses it up.
    UseCode,
    /// Writes down what an attempt came to.
    CountAttempt,
    /// Opens lanes.
    ClearLanes,
    /// Takes an operator in.
    EnrolOperator,
    /// Takes an operator's certificates out of use.
    RevokeOperator,
    /// Replaces a secret, and what the database knows of it.
    ReplaceSecret,
    /// Removes old events.
    PurgeAudit,
    /// Ends what a restored database must not go on with.
    RestoreDatabase,
}
