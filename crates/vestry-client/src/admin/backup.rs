//! A backup as it comes, in pieces: no more than one reply of it is in memory.

use super::connection::Connection;
use super::error::AdminError;
use vestry_protocol::admin::{AdminCall, AdminReply};

/// The bytes of a backup. It is whole when [`Backup::next`] has returned `None`, and not before. Dropped earlier, it leaves a
/// connection that cannot be used.
#[derive(Debug)]
pub struct Backup<'c> {
    connection: &'c mut Connection,
    id: u64,
    received: u64,
    is_whole: bool,
}

impl<'c> Backup<'c> {
    pub(super) async fn open(connection: &'c mut Connection) -> Result<Self, AdminError> {
        let id = connection.send(&AdminCall::BackUp).await?;
        Ok(Self { connection, id, received: 0, is_whole: false })
    }

    /// Returns the next bytes; `None` at the end.
    ///
    /// # Errors
    /// When the server cannot go on, the connection is lost, or the length is not what the server says.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, AdminError> {
        if self.is_whole {
            return Ok(None);
        }
        match self.connection.receive(self.id).await? {
            AdminReply::BackupChunk(chunk) => {
                self.received = self.received.saturating_add(chunk.len() as u64);
                Ok(Some(chunk))
            }
            AdminReply::BackupEnd { bytes } if bytes == self.received => {
                self.connection.settle();
                self.is_whole = true;
                Ok(None)
            }
            _ => Err(AdminError::UnexpectedReply),
        }
    }

    /// Returns how many bytes came so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.received
    }
}
