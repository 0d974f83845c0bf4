//! The way of this program to the admin port: a connection that is made when it is needed, and made again when it was lost.
//!
//! A call is repeated only when it certainly did not reach the server. It never prints and never decides; what rows
//! look like is the writer's matter.

use crate::done::Done;
use crate::failure::Failure;
use crate::mistake::{Asked, Mistake};
use crate::render::RowWriter;
use crate::settings::Settings;
use std::io::{self, Write};
use std::time::Duration;
use vestry_client::WireError;
use vestry_client::admin::{AdminClient, AdminError, Rows};
use vestry_protocol::admin::RowsEnd;
use vestry_protocol::typed::Typed;
use vestry_tls::config::console_client_from_files;

#[cfg(test)]
mod tests;

/// A console with a server somewhere.
pub(crate) struct Console {
    settings: Settings,
    /// The connection, while no call has it. One that broke off is not used again.
    client: Option<AdminClient>,
    /// Set when a connection had to be made again, until somebody was told.
    reconnected: bool,
}

impl Console {
    /// With a server that is not asked anything yet.
    pub(crate) fn with(settings: Settings) -> Self {
        Self { settings, client: None, reconnected: false }
    }

    /// Returns whether the connection was lost and made again since this was last asked.
    pub(crate) fn was_reconnected(&mut self) -> bool {
        std::mem::take(&mut self.reconnected)
    }

    /// Returns the way to the server.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns whether there is a connection, which the server may have closed.
    pub(crate) fn is_connected(&self) -> bool {
        self.client.is_some()
    }

    /// Gives the connection up.
    pub(crate) fn disconnect(&mut self) {
        self.client = None;
    }

    /// Makes a call that changes nothing.
    pub(crate) async fn read<T>(
        &mut self,
        call: impl AsyncFnMut(&mut AdminClient) -> Result<T, AdminError>,
    ) -> Result<T, Failure> {
        self.call(call).await?.map_err(|error| Failure::of_call(&self.settings.address, error, None))
    }

    /// Makes a call that changes something; `look` shows whether it was done, should the answer be lost.
    pub(crate) async fn change<T>(
        &mut self,
        look: Typed,
        call: impl AsyncFnMut(&mut AdminClient) -> Result<T, AdminError>,
    ) -> Result<Done<T>, Failure> {
        let changed = self.call(call).await?.map(Done::new);
        changed.map_err(|error| Failure::of_call(&self.settings.address, error, Some(look)))
    }

    /// Opens a stream of rows and writes them as they come. A mistake in what was asked is pointed at.
    pub(crate) async fn stream_rows(
        &mut self,
        asked: Asked<'_>,
        mut open: impl AsyncFnMut(&mut AdminClient) -> Result<Rows<'_>, AdminError>,
        writer: &mut dyn RowWriter,
        out: &mut dyn Write,
    ) -> Result<RowsEnd, Failure> {
        let streamed =
            self.call(async |client| write_rows(&mut open(client).await?, writer, out).await).await?;
        let written = streamed.map_err(|error| match error {
            AdminError::RefusedAt { refusal, fault } => {
                Failure::Mistake(Box::new(Mistake::new(asked, &refusal, &fault)))
            }
            error => Failure::of_call(&self.settings.address, error, None),
        });
        let end = match written {
            Ok(written) => written.map_err(Failure::Output)?,
            Err(failure) => {
                writer.broke_off(out).and_then(|()| out.flush()).map_err(Failure::Output)?;
                return Err(failure);
            }
        };
        let ended = writer.end(Duration::from_micros(end.elapsed_us), out).and_then(|()| out.flush());
        ended.map(|()| end).map_err(Failure::Output)
    }

    /// Asks for a backup and writes it as it comes; returns how many bytes it has. Only then it is whole.
    pub(crate) async fn stream_backup(&mut self, out: &mut dyn Write) -> Result<u64, Failure> {
        let written = self.read(async |client| {
            let mut backup = client.back_up().await?;
            while let Some(chunk) = backup.next().await? {
                if let Err(error) = out.write_all(&chunk) {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(backup.bytes()))
        });
        written.await?.map_err(|cause| Failure::NotWritten { what: "the backup", cause })
    }

    /// Returns a connection that nothing was asked on yet, for what belongs to one connection.
    pub(crate) async fn new_connection(&mut self) -> Result<&mut AdminClient, Failure> {
        let client = self.connect().await?;
        Ok(self.client.insert(client))
    }

    /// A call that is dropped in the middle takes its connection with it.
    async fn call<T>(
        &mut self,
        mut call: impl AsyncFnMut(&mut AdminClient) -> Result<T, AdminError>,
    ) -> Result<Result<T, AdminError>, Failure> {
        let kept = self.client.take().filter(AdminClient::is_usable);
        let had_one = kept.is_some();
        if let Some(mut client) = kept {
            let done = call(&mut client).await;
            if !matches!(done, Err(AdminError::Wire(WireError::LostBeforeSending(_)))) {
                self.client = Some(client);
                return Ok(done);
            }
        }
        let mut client = self.connect().await?;
        self.reconnected |= had_one;
        let done = call(&mut client).await;
        self.client = Some(client);
        Ok(done)
    }

    async fn connect(&self) -> Result<AdminClient, Failure> {
        let Settings { address, ca, certificate, key } = &self.settings;
        let tls = console_client_from_files(ca, certificate, key)?;
        let connected = AdminClient::connect(address, tls).await;
        connected.map_err(|error| Failure::of_call(address, error.into(), None))
    }
}

/// Writes rows as they come, but for what stands behind the last one; an output that fails ends it.
async fn write_rows(
    rows: &mut Rows<'_>,
    writer: &mut dyn RowWriter,
    out: &mut dyn Write,
) -> Result<io::Result<RowsEnd>, AdminError> {
    if let Err(error) = writer.columns(rows.columns().to_vec(), out) {
        return Ok(Err(error));
    }
    while let Some(row) = rows.next().await? {
        if let Err(error) = writer.row(&row, out) {
            return Ok(Err(error));
        }
    }
    rows.end().cloned().map(Ok).ok_or(AdminError::UnexpectedReply)
}
