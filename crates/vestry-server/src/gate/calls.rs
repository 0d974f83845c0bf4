//! What each call of the user port needs, and what it may cost: one table, without a wildcard, so that a new call does not
//! compile before somebody has said it. The dispatcher reads it, and so do the fuzz model and the test that plays every call
//! against the limits.

use vestry_protocol::user::UserCall;

/// A call of the user port, without what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Call {
    /// See [`UserCall`]; the same for all that follow.
    DescribeServer,
    /// First half.
    StartRegistration,
    /// Second half.
    FinishRegistration,
    /// First half.
    StartLogin,
    /// Second half.
    FinishLogin,
    /// With the password itself.
    LogInImported,
    /// With a session's token.
    ResumeSession,
    /// First half.
    StartReset,
    /// Second half.
    FinishReset,
    /// Reads.
    ShowAccount,
    /// Writes; an e-mail address uses a proof up.
    UpdateAccount,
    /// First half.
    StartProof,
    /// Second half.
    FinishProof,
    /// First half; uses the proof up.
    StartNewPassword,
    /// Second half.
    FinishNewPassword,
    /// Uses a proof up.
    DeleteAccount,
    /// Reads.
    ListSessions,
    /// Writes.
    RevokeSession,
    /// Ends the session, or all.
    LogOut,
    /// Once, after a login on the same connection.
    RememberDevice,
    /// Reads.
    ListDevices,
    /// Writes.
    ForgetDevice,
    /// Reads.
    ShowNotices,
    /// First half; uses up that the connection logged in by an older record.
    StartRecordMove,
    /// Second half.
    FinishRecordMove,
}

/// What a call needs before it does anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// To be admitted by the gate.
    Attempt,
    /// The first half on the same connection, which was admitted.
    FirstHalf,
    /// A session.
    Session,
    /// A session, and to be admitted by the gate in its lane.
    AttemptInSession,
    /// A session, and the first half on the same connection.
    FirstHalfInSession,
    /// A session, and a proof of the password or a login from a moment ago, which is used up.
    Proof,
}

/// Where a call is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Nowhere: it tells nothing that others cannot ask for, and changes nothing.
    Nowhere,
    /// In the lane of the account or the device, and in those of the source.
    AtTheAccount,
    /// With names and registrations of the source, and in the lane of the name.
    AsRegistration,
    /// By the code and by its account; wrong ones with the source.
    ByCode,
    /// In the lane of the session.
    InTheSession,
    /// Among the writes of the account; with a proof, by that.
    AmongWrites,
    /// By what it ends: there are no more of those than logins.
    ByWhatItEnds,
}

/// A row of the table: the most that one call may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// What it needs.
    pub needs: Needs,
    /// Evaluations under the key of an account or a name, and comparisons with a hash.
    pub evaluations: u32,
    /// Names of which it says whether they are taken.
    pub names: u32,
    /// Audit events that it writes.
    pub events: u32,
    /// Where it is counted.
    pub counted: Counted,
}

impl Row {
    /// Whether it is a call of a session.
    #[must_use]
    pub fn is_of_session(&self) -> bool {
        match self.needs {
            Needs::Nothing | Needs::Attempt | Needs::FirstHalf => false,
            Needs::Session | Needs::AttemptInSession | Needs::FirstHalfInSession | Needs::Proof => true,
        }
    }
}

impl Call {
    /// Every call, in the order of the protocol.
    pub const ALL: [Self; 25] = [
        Self::DescribeServer,
        Self::StartRegistration,
        Self::FinishRegistration,
        Self::StartLogin,
        Self::FinishLogin,
        Self::LogInImported,
        Self::ResumeSession,
        Self::StartReset,
        Self::FinishReset,
        Self::ShowAccount,
        Self::UpdateAccount,
        Self::StartProof,
        Self::FinishProof,
        Self::StartNewPassword,
        Self::FinishNewPassword,
        Self::DeleteAccount,
        Self::ListSessions,
        Self::RevokeSession,
        Self::LogOut,
        Self::RememberDevice,
        Self::ListDevices,
        Self::ForgetDevice,
        Self::ShowNotices,
        Self::StartRecordMove,
        Self::FinishRecordMove,
    ];

    /// Which call a message is.
    #[must_use]
    pub fn of(call: &UserCall) -> Self {
        match call {
            UserCall::DescribeServer => Self::DescribeServer,
            UserCall::StartRegistration { .. } => Self::StartRegistration,
            UserCall::FinishRegistration { .. } => Self::FinishRegistration,
            UserCall::StartLogin { .. } => Self::StartLogin,
            UserCall::FinishLogin { .. } => Self::FinishLogin,
            UserCall::LogInImported { .. } => Self::LogInImported,
            UserCall::ResumeSession { .. } => Self::ResumeSession,
            UserCall::StartReset { .. } => Self::StartReset,
            UserCall::FinishReset { .. } => Self::FinishReset,
            UserCall::ShowAccount => Self::ShowAccount,
            UserCall::UpdateAccount(_) => Self::UpdateAccount,
            UserCall::StartProof { .. } => Self::StartProof,
            UserCall::FinishProof { .. } => Self::FinishProof,
            UserCall::StartNewPassword { .. } => Self::StartNewPassword,
            UserCall::FinishNewPassword { .. } => Self::FinishNewPassword,
            UserCall::DeleteAccount => Self::DeleteAccount,
            UserCall::ListSessions => Self::ListSessions,
            UserCall::RevokeSession { .. } => Self::RevokeSession,
            UserCall::LogOut { .. } => Self::LogOut,
            UserCall::RememberDevice => Self::RememberDevice,
            UserCall::ListDevices => Self::ListDevices,
            UserCall::ForgetDevice { .. } => Self::ForgetDevice,
            UserCall::ShowNotices => Self::ShowNotices,
            UserCall::StartRecordMove { .. } => Self::StartRecordMove,
            UserCall::FinishRecordMove { .. } => Self::FinishRecordMove,
        }
    }

    /// What it needs and what it may cost.
    #[must_use]
    pub fn row(self) -> Row {
        let row =
            |needs, evaluations, names, events, counted| Row { needs, evaluations, names, events, counted };
        match self {
            Self::DescribeServer => row(Needs::Nothing, 0, 0, 0, Counted::Nowhere),
            Self::StartRegistration => row(Needs::Attempt, 1, 1, 1, Counted::AsRegistration),
            Self::FinishRegistration => row(Needs::FirstHalf, 0, 1, 1, Counted::AsRegistration),
            Self::StartLogin => row(Needs::Attempt, 1, 0, 1, Counted::AtTheAccount),
            Self::FinishLogin => row(Needs::FirstHalf, 0, 0, 1, Counted::AtTheAccount),
            Self::LogInImported => row(Needs::Attempt, 1, 0, 1, Counted::AtTheAccount),
            Self::ResumeSession => row(Needs::Nothing, 0, 0, 0, Counted::Nowhere),
            Self::StartReset => row(Needs::Attempt, 1, 0, 1, Counted::ByCode),
            Self::FinishReset => row(Needs::FirstHalf, 0, 0, 1, Counted::ByCode),
            Self::ShowAccount | Self::ListSessions | Self::ListDevices | Self::ShowNotices => {
                row(Needs::Session, 0, 0, 0, Counted::Nowhere)
            }
            Self::UpdateAccount => row(Needs::Session, 0, 0, 1, Counted::AmongWrites),
            Self::RevokeSession | Self::ForgetDevice | Self::LogOut => {
                row(Needs::Session, 0, 0, 1, Counted::ByWhatItEnds)
            }
            Self::StartProof => row(Needs::AttemptInSession, 1, 0, 1, Counted::InTheSession),
            Self::FinishProof => row(Needs::FirstHalfInSession, 0, 0, 1, Counted::InTheSession),
            Self::StartNewPassword | Self::StartRecordMove => {
                row(Needs::Proof, 1, 0, 0, Counted::InTheSession)
            }
            Self::FinishNewPassword | Self::FinishRecordMove => {
                row(Needs::FirstHalfInSession, 0, 0, 1, Counted::InTheSession)
            }
            Self::DeleteAccount => row(Needs::Proof, 0, 0, 1, Counted::InTheSession),
            Self::RememberDevice => row(Needs::Proof, 0, 0, 1, Counted::AmongWrites),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_evaluates_tells_or_writes_is_counted_somewhere() {
        for call in Call::ALL {
            let row = call.row();
            let costs = row.evaluations + row.names + row.events > 0;
            assert!(!costs || row.counted != Counted::Nowhere, "{call:?}");
            assert!(
                row.evaluations == 0 || !matches!(row.needs, Needs::Nothing | Needs::Session),
                "{call:?}"
            );
        }
    }
}
