//! The calls of the admin port, typed: each takes what it is about and returns what its own answer holds; rows, a backup and an
//! import come and go in pieces, so that none is ever whole in memory.
//!
//! It repeats nothing and asks nobody: whether a call may be sent again over another connection is for the caller to decide.

mod backup;
mod connection;
mod error;
mod import;
mod rows;
#[cfg(test)]
mod tests;

pub use backup::Backup;
pub use error::AdminError;
pub use import::{Import, Imported};
pub use rows::Rows;

use crate::address::Address;
use crate::wire::{Wire, WireError};
use connection::Connection;
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;
use vestry_protocol::admin::{
    AccountDetail, AdminCall, AdminReply, FollowFrom, Limit, Listing, SettingChange, Status,
};
use vestry_protocol::audit::{AuditVerdict, Checkpoint};
use vestry_protocol::secret::SecretText;
use vestry_protocol::user::Profile;
use vestry_protocol::{ADMIN_ALPN, UnixSeconds};

/// The server ends a query after 30 s; its own word for that must arrive first.
const REPLY_TIMEOUT: Duration = Duration::from_secs(60);

/// A connection to the admin port.
#[derive(Debug)]
pub struct AdminClient(Connection);

/// A one-time code with which a user sets a password.
#[derive(Debug)]
pub struct IssuedCode {
    /// The canonical name of the account.
    pub name: String,
    /// The code. The server shows it once and keeps a hash.
    pub code: SecretText,
    /// When it stops working.
    pub expires: UnixSeconds,
}

/// Names of accounts that begin alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletedNames {
    /// The first of them, in their order.
    pub names: Vec<String>,
    /// Whether there are others.
    pub has_more: bool,
}

/// What came of reading settings and certificates again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reloaded {
    /// They are in force, but for changes that need a restart.
    Read(Vec<SettingChange>),
    /// They cannot be used, for this reason; nothing has changed.
    Kept(String),
}

impl AdminClient {
    /// Connects with an operator's certificate, which `tls` holds (`vestry_tls::config::console_client_from_files`), and
    /// verifies the server. Nothing is sent but the handshake.
    ///
    /// # Errors
    /// When the server cannot be reached, or is not the one that `tls` trusts.
    pub async fn connect(address: &Address, tls: Arc<ClientConfig>) -> Result<Self, WireError> {
        let wire = Wire::connect(address.host(), address.port(), tls, ADMIN_ALPN).await?;
        Ok(Self(Connection::over(wire.with_reply_timeout(REPLY_TIMEOUT))))
    }

    /// Returns whether the connection can be used again: each call has had its last answer, and none failed but by a refusal.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.0.is_usable()
    }

    /// Returns how the server is.
    ///
    /// # Errors
    /// As every call: the connection, a refusal, or an answer to something else.
    pub async fn status(&mut self) -> Result<Status, AdminError> {
        let own = |reply| if let AdminReply::StatusShown(status) = reply { Some(status) } else { None };
        self.0.ask(AdminCall::ShowStatus, own).await
    }

    /// Runs one `select` over the views.
    ///
    /// # Errors
    /// As every call; above all when the server does not run this statement.
    pub async fn query(&mut self, sql: impl Into<String>) -> Result<Rows<'_>, AdminError> {
        Rows::open(&mut self.0, &AdminCall::Query { sql: sql.into() }).await
    }

    /// Returns a page of a view, in a stable order; the end of the rows says where the next page begins.
    ///
    /// # Errors
    /// As every call.
    pub async fn list(&mut self, listing: Listing) -> Result<Rows<'_>, AdminError> {
        Rows::open(&mut self.0, &AdminCall::ListRows(listing.into())).await
    }

    /// Returns the audit events behind one, in their order, all `columns` when there are none; the end of the rows says where to
    /// go on, also when there were no rows.
    ///
    /// # Errors
    /// As every call.
    pub async fn follow_audit(
        &mut self,
        columns: Vec<String>,
        filter: Option<String>,
        from: FollowFrom,
    ) -> Result<Rows<'_>, AdminError> {
        Rows::open(&mut self.0, &AdminCall::FollowAudit { columns, filter, from }).await
    }

    /// Returns one account.
    ///
    /// # Errors
    /// As every call; above all when there is none of this name.
    pub async fn account(&mut self, name: impl Into<String>) -> Result<AccountDetail, AdminError> {
        let own = |reply| if let AdminReply::AccountShown(account) = reply { Some(account) } else { None };
        self.0.ask(AdminCall::ShowAccount { name: name.into() }, own).await
    }

    /// Returns the first names of accounts that begin with `prefix`, for a person who types one.
    ///
    /// # Errors
    /// As every call.
    pub async fn complete_name(&mut self, prefix: impl Into<String>) -> Result<CompletedNames, AdminError> {
        let own = |reply| match reply {
            AdminReply::NamesCompleted { names, has_more } => Some(CompletedNames { names, has_more }),
            _ => None,
        };
        self.0.ask(AdminCall::CompleteName { prefix: prefix.into() }, own).await
    }

    /// Makes an account, whose user sets the password with the code.
    ///
    /// # Errors
    /// As every call; above all when the name is taken.
    pub async fn create_account(
        &mut self,
        name: impl Into<String>,
        profile: Profile,
    ) -> Result<IssuedCode, AdminError> {
        self.issue(AdminCall::CreateAccount { name: name.into(), profile }).await
    }

    /// Issues a code to set a new password with. The old password works until it is redeemed.
    ///
    /// # Errors
    /// As every call.
    pub async fn reset_account(&mut self, name: impl Into<String>) -> Result<IssuedCode, AdminError> {
        self.issue(AdminCall::ResetAccount { name: name.into() }).await
    }

    /// Lets nobody log in to an account until then, or for good, and ends its sessions. Returns the account as it is now.
    ///
    /// # Errors
    /// As every call.
    pub async fn suspend_account(
        &mut self,
        name: impl Into<String>,
        until: Option<UnixSeconds>,
        reason: Option<String>,
    ) -> Result<AccountDetail, AdminError> {
        self.change(AdminCall::SuspendAccount { name: name.into(), until, reason }).await
    }

    /// Lifts a suspension. Returns the account as it is now.
    ///
    /// # Errors
    /// As every call; above all when it is not suspended.
    pub async fn resume_account(&mut self, name: impl Into<String>) -> Result<AccountDetail, AdminError> {
        self.change(AdminCall::ResumeAccount { name: name.into() }).await
    }

    /// Deletes an account, which can be restored for seven days. Returns it as it is now.
    ///
    /// # Errors
    /// As every call.
    pub async fn delete_account(&mut self, name: impl Into<String>) -> Result<AccountDetail, AdminError> {
        self.change(AdminCall::DeleteAccount { name: name.into() }).await
    }

    /// Undoes a deletion. Returns the account as it is now.
    ///
    /// # Errors
    /// As every call; above all when it is not deleted, or gone for good.
    pub async fn restore_account(&mut self, name: impl Into<String>) -> Result<AccountDetail, AdminError> {
        self.change(AdminCall::RestoreAccount { name: name.into() }).await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// As every call; above all when there is none with this number.
    pub async fn revoke_session(&mut self, id: u64) -> Result<(), AdminError> {
        let own = |reply| matches!(reply, AdminReply::SessionRevoked).then_some(());
        self.0.ask(AdminCall::RevokeSession { id }, own).await
    }

    /// Takes an operator's certificates out of use, at once and for good.
    ///
    /// # Errors
    /// As every call.
    pub async fn revoke_operator(&mut self, name: impl Into<String>) -> Result<(), AdminError> {
        let own = |reply| matches!(reply, AdminReply::OperatorRevoked).then_some(());
        self.0.ask(AdminCall::RevokeOperator { name: name.into() }, own).await
    }

    /// Returns the line that a user types to trust this server.
    ///
    /// # Errors
    /// As every call.
    pub async fn join_string(&mut self) -> Result<String, AdminError> {
        let own = |reply| if let AdminReply::JoinString(join) = reply { Some(join) } else { None };
        self.0.ask(AdminCall::ShowJoinString, own).await
    }

    /// Lets a name or a prefix (as the view `throttle` has it) be tried again that failed too often, or everything. Returns how
    /// many lanes are open again.
    ///
    /// # Errors
    /// As every call.
    pub async fn clear_throttle(&mut self, subject: Option<String>) -> Result<u64, AdminError> {
        let own = |reply| if let AdminReply::ThrottleCleared { lanes } = reply { Some(lanes) } else { None };
        self.0.ask(AdminCall::ClearThrottle { subject }, own).await
    }

    /// Has the whole audit chain checked, and compared with checkpoints that were written down elsewhere.
    ///
    /// # Errors
    /// As every call. A fault that is found is an answer.
    pub async fn verify_audit(&mut self, checkpoints: Vec<Checkpoint>) -> Result<AuditVerdict, AdminError> {
        let id = self.0.send(&AdminCall::VerifyAudit { checkpoints }).await?;
        loop {
            match self.0.receive(id).await? {
                // The check goes on.
                AdminReply::AuditChecked { .. } => {}
                AdminReply::AuditVerified(verdict) => {
                    self.0.settle();
                    return Ok(verdict);
                }
                _ => return Err(AdminError::UnexpectedReply),
            }
        }
    }

    /// Returns a backup of the database as it is at one moment, without keys.
    ///
    /// # Errors
    /// As every call.
    pub async fn back_up(&mut self) -> Result<Backup<'_>, AdminError> {
        Backup::open(&mut self.0).await
    }

    /// Begins an import. Nothing changes before its end; when the connection ends, nothing has.
    ///
    /// # Errors
    /// As every call.
    pub async fn start_import<T>(&mut self) -> Result<Import<'_, T>, AdminError> {
        Import::start(&mut self.0).await
    }

    /// Returns the limits of the gate that are in force, each once.
    ///
    /// # Errors
    /// As every call.
    pub async fn limits(&mut self) -> Result<Vec<Limit>, AdminError> {
        let own = |reply| if let AdminReply::LimitsShown(limits) = reply { Some(limits) } else { None };
        self.0.ask(AdminCall::ShowLimits, own).await
    }

    /// Has the server read its settings and certificates again.
    ///
    /// # Errors
    /// As every call. Settings that cannot be used are an answer.
    pub async fn reload_settings(&mut self) -> Result<Reloaded, AdminError> {
        let own = |reply| match reply {
            AdminReply::SettingsRead(changes) => Some(Reloaded::Read(changes)),
            AdminReply::SettingsKept(why) => Some(Reloaded::Kept(why)),
            _ => None,
        };
        self.0.ask(AdminCall::ReloadSettings, own).await
    }

    async fn change(&mut self, call: AdminCall) -> Result<AccountDetail, AdminError> {
        let own = |reply| if let AdminReply::AccountChanged(account) = reply { Some(account) } else { None };
        self.0.ask(call, own).await
    }

    async fn issue(&mut self, call: AdminCall) -> Result<IssuedCode, AdminError> {
        let own = |reply| match reply {
            AdminReply::CodeIssued { name, code, expires } => Some(IssuedCode { name, code, expires }),
            _ => None,
        };
        self.0.ask(call, own).await
    }
}
