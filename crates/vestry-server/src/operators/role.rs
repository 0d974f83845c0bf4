//! Which role each call of the admin port takes.

use crate::config::ResetBy;
use crate::failure::Failure;
use crate::settings::Settings;
use vestry_protocol::admin::AdminCall;
use vestry_protocol::role::Role;

/// What a call takes of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needed {
    /// At least this role.
    Role(Role),
    /// At least the role that issues one-time codes, which is a setting.
    Codes,
}

impl Needed {
    /// Returns the least role, by the settings of this moment.
    pub(crate) fn role(self, settings: &Settings) -> Role {
        match (self, settings.now().accounts.reset_by) {
            (Self::Role(role), _) => role,
            (Self::Codes, ResetBy::Helpdesk) => Role::Helpdesk,
            (Self::Codes, ResetBy::Admin) => Role::Admin,
        }
    }

    /// Refuses a role that is not enough.
    pub(crate) fn require(self, role: Role, settings: &Settings) -> Result<(), Failure> {
        let needed = self.role(settings);
        let by_setting = (self == Self::Codes).then_some("accounts.reset_by");
        match role >= needed {
            true => Ok(()),
            false => Err(Failure::Forbidden { role: role.as_str(), needed: needed.as_str(), by_setting }),
        }
    }
}

/// What a call needs. Every call by name, so that a new one cannot slip through.
pub(crate) fn role_needed(call: &AdminCall) -> Needed {
    match call {
        AdminCall::ShowStatus
        | AdminCall::Query { .. }
        | AdminCall::ListRows(_)
        | AdminCall::FollowAudit { .. }
        | AdminCall::VerifyAudit { .. }
        | AdminCall::ShowAccount { .. }
        | AdminCall::CompleteName { .. }
        | AdminCall::ShowJoinString => Needed::Role(Role::Viewer),
        // Both answer with a one-time code.
        AdminCall::CreateAccount { .. } | AdminCall::ResetAccount { .. } => Needed::Codes,
        AdminCall::SuspendAccount { .. }
        | AdminCall::ResumeAccount { .. }
        | AdminCall::RevokeSession { .. }
        | AdminCall::ClearThrottle { subject: Some(_) } => Needed::Role(Role::Helpdesk),
        AdminCall::DeleteAccount { .. }
        | AdminCall::RestoreAccount { .. }
        | AdminCall::RevokeOperator { .. }
        | AdminCall::ClearThrottle { subject: None }
        | AdminCall::BackUp
        | AdminCall::StartImport
        | AdminCall::ImportRows(_)
        | AdminCall::FinishImport { .. }
        | AdminCall::DropImport
        | AdminCall::ShowLimits
        | AdminCall::ReloadSettings => Needed::Role(Role::Admin),
    }
}
