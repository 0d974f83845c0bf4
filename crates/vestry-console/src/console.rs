//! The connection to the admin port: made when it is needed, made anew when it was lost.
//!
//! A call is repeated only when it certainly did not reach the server. It never prints and never decides; what rows
//! look like is the writer's matter.

use crate::failure::Failure;
use crate::render::RowWriter;
use crate::settings::Settings;
use std::io::Write;
use std::time::Duration;
use vestry_client::wire::{Wire, WireError};
use vestry_protocol::ADMIN_ALPN;
use vestry_protocol::admin::{AdminCall, AdminReply, Cell, RowsEnd};
use vestry_protocol::audit::{AuditVerdict, Checkpoint};
use vestry_protocol::typed::{Typed, vestryctl};
use vestry_tls::config::console_client_from_files;

mod import;
#[cfg(test)]
mod tests;

pub(crate) use import::{ImportLink, Imported};

/// The server ends a query after 30 s; its own word for that must arrive first.
const REPLY_TIMEOUT: Duration = Duration::from_secs(60);

/// A console with a server somewhere.
pub(crate) struct Console {
    settings: Settings,
    wire: Option<Wire<AdminCall, AdminReply>>,
    /// Set when a connection had to be made anew, until somebody was told.
    reconnected: bool,
}

impl Console {
    /// With a server that is not asked anything yet.
    pub(crate) fn with(settings: Settings) -> Self {
        Self { settings, wire: None, reconnected: false }
    }

    /// Whether the connection was lost and made anew since this was last asked.
    pub(crate) fn was_reconnected(&mut self) -> bool {
        std::mem::take(&mut self.reconnected)
    }

    /// Returns the way to the server.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Gives the connection up, as when an answer is not waited for any more.
    pub(crate) fn disconnect(&mut self) {
        self.wire = None;
    }

    /// Asks for one answer. A refusal is a failure.
    pub(crate) async fn ask(&mut self, call: AdminCall) -> Result<AdminReply, Failure> {
        let id = self.send(&call).await?;
        let reply = self.receive(id, &call).await?;
        self.settle();
        Ok(reply)
    }

    /// Asks for rows and writes them as they come.
    pub(crate) async fn stream_rows(
        &mut self,
        call: AdminCall,
        writer: &mut dyn RowWriter,
        out: &mut dyn Write,
    ) -> Result<RowsEnd, Failure> {
        let end = self.receive_rows(&call, writer, out).await;
        match &end {
            Ok(end) => {
                self.settle();
                writer.end(Duration::from_micros(end.elapsed_us), out)
            }
            Err(Failure::Output(_)) => {
                self.disconnect();
                Ok(())
            }
            Err(_) => writer.broke_off(out),
        }
        .and_then(|()| out.flush())
        .map_err(Failure::Output)?;
        end
    }

    async fn receive_rows(
        &mut self,
        call: &AdminCall,
        writer: &mut dyn RowWriter,
        out: &mut dyn Write,
    ) -> Result<RowsEnd, Failure> {
        let id = self.send(call).await?;
        let AdminReply::Columns(names) = self.receive(id, call).await? else {
            return Err(self.misunderstood());
        };
        let mut rows = Rows { columns: names.len(), seen: 0 };
        writer.columns(names, out).map_err(Failure::Output)?;
        loop {
            let reply = self.receive(id, call).await?;
            if let AdminReply::RowsEnd(end) = reply {
                return if end.rows == rows.seen { Ok(end) } else { Err(self.misunderstood()) };
            }
            let AdminReply::Rows(chunk) = reply else { return Err(self.misunderstood()) };
            if !rows.admit(&chunk) {
                return Err(self.misunderstood());
            }
            chunk.iter().try_for_each(|row| writer.row(row, out)).map_err(Failure::Output)?;
        }
    }

    /// Asks for a backup and writes it as it comes; how many bytes it has. Only then it is whole.
    pub(crate) async fn stream_backup(&mut self, out: &mut dyn Write) -> Result<u64, Failure> {
        let call = AdminCall::BackUp;
        let id = self.send(&call).await?;
        let mut received = 0u64;
        loop {
            match self.receive(id, &call).await? {
                AdminReply::BackupChunk(chunk) => {
                    received = received.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
                    if let Err(error) = out.write_all(&chunk) {
                        self.disconnect();
                        return Err(Failure::Output(error));
                    }
                }
                AdminReply::BackupEnd { bytes } if bytes == received => {
                    self.settle();
                    return Ok(bytes);
                }
                _ => return Err(self.misunderstood()),
            }
        }
    }

    /// Has the whole audit checked. That it goes on is heard and not told.
    pub(crate) async fn verify_audit(
        &mut self,
        checkpoints: Vec<Checkpoint>,
    ) -> Result<AuditVerdict, Failure> {
        let call = AdminCall::VerifyAudit { checkpoints };
        let id = self.send(&call).await?;
        loop {
            match self.receive(id, &call).await? {
                AdminReply::AuditChecked { .. } => {}
                AdminReply::AuditVerified(verdict) => {
                    self.settle();
                    return Ok(verdict);
                }
                _ => return Err(self.misunderstood()),
            }
        }
    }

    async fn send(&mut self, call: &AdminCall) -> Result<u64, Failure> {
        let had_one = self.wire.is_some();
        match self.try_to_send(call).await {
            Err(Failure::Wire { error: WireError::LostBeforeSending(_), .. }) if had_one => {
                let id = self.try_to_send(call).await?;
                self.reconnected = true;
                Ok(id)
            }
            sent => sent,
        }
    }

    async fn try_to_send(&mut self, call: &AdminCall) -> Result<u64, Failure> {
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => self.connect().await?,
        };
        let id = wire.send(call).await.map_err(|error| self.lost(error))?;
        self.wire = Some(wire);
        Ok(id)
    }

    async fn connect(&self) -> Result<Wire<AdminCall, AdminReply>, Failure> {
        let Settings { address, ca, certificate, key } = &self.settings;
        let tls = console_client_from_files(ca, certificate, key)?;
        let wire = Wire::connect(address.host(), address.port(), tls, ADMIN_ALPN).await;
        Ok(wire.map_err(|error| self.lost(error))?.with_reply_timeout(REPLY_TIMEOUT))
    }

    /// The next reply. After a refusal nothing more comes; after any other failure the connection is of no use.
    async fn receive(&mut self, id: u64, call: &AdminCall) -> Result<AdminReply, Failure> {
        let Some(wire) = self.wire.as_mut() else { return Err(Failure::UnexpectedReply) };
        match wire.receive_for(id).await {
            Ok(AdminReply::Refused(refusal)) => {
                self.settle();
                Err(Failure::Refused(refusal))
            }
            Ok(reply) => Ok(reply),
            Err(error) => {
                self.disconnect();
                Err(match (look_after(call), &error) {
                    (Some(look), WireError::LostAfterSending(_)) => {
                        Failure::Unsure { server: self.settings.address.clone(), error, look }
                    }
                    (_, _) => self.lost(error),
                })
            }
        }
    }

    fn settle(&mut self) {
        if let Some(wire) = self.wire.as_mut() {
            wire.settle();
        }
    }

    fn lost(&self, error: WireError) -> Failure {
        Failure::Wire { server: self.settings.address.clone(), error }
    }

    /// What follows cannot be understood either.
    fn misunderstood(&mut self) -> Failure {
        self.disconnect();
        Failure::UnexpectedReply
    }
}

/// What a stream of rows has to keep to.
struct Rows {
    columns: usize,
    seen: u64,
}

impl Rows {
    fn admit(&mut self, chunk: &[Vec<Cell>]) -> bool {
        self.seen = self.seen.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        chunk.iter().all(|row| row.len() == self.columns)
    }
}

/// For calls that change something: the command that shows whether it was done.
fn look_after(call: &AdminCall) -> Option<Typed> {
    match call {
        AdminCall::ShowStatus
        | AdminCall::Query { .. }
        | AdminCall::ListRows(_)
        | AdminCall::ShowAccount { .. }
        | AdminCall::ShowJoinString
        | AdminCall::FollowAudit { .. }
        | AdminCall::VerifyAudit { .. }
        | AdminCall::BackUp
        | AdminCall::StartImport
        | AdminCall::ImportRows(_)
        | AdminCall::DropImport
        | AdminCall::ShowLimits => None,
        AdminCall::ReloadSettings => Some(vestryctl("audit --where").arg("action = 'settings.read'")),
        AdminCall::CreateAccount { name, .. }
        | AdminCall::SuspendAccount { name, .. }
        | AdminCall::ResumeAccount { name }
        | AdminCall::DeleteAccount { name }
        | AdminCall::RestoreAccount { name }
        | AdminCall::ResetAccount { name } => Some(vestryctl("account show").arg(name)),
        AdminCall::RevokeSession { .. } => Some(vestryctl("sessions")),
        AdminCall::RevokeOperator { .. } => Some(vestryctl("operators")),
        AdminCall::ClearThrottle { .. } => Some(vestryctl("throttle")),
        AdminCall::FinishImport { .. } => {
            Some(vestryctl("audit --sort id --desc --where \"action = 'accounts.imported'\""))
        }
    }
}
