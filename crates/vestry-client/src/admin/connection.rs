//! One connection to the admin port: a call out, its replies in.

use super::error::AdminError;
use crate::wire::Wire;
use vestry_protocol::admin::{AdminCall, AdminReply};

/// A connection, and whether what it hears next is the answer to what it asks next.
#[derive(Debug)]
pub(super) struct Connection {
    wire: Wire<AdminCall, AdminReply>,
    /// How many calls wait for their last answer. A stream that is dropped before its end, and any failure but a refusal,
    /// leaves one behind.
    open: u32,
}

impl Connection {
    pub(super) fn over(wire: Wire<AdminCall, AdminReply>) -> Self {
        Self { wire, open: 0 }
    }

    pub(super) fn is_usable(&self) -> bool {
        self.open == 0
    }

    /// Sends a call and returns its number.
    pub(super) async fn send(&mut self, call: &AdminCall) -> Result<u64, AdminError> {
        self.open += 1;
        Ok(self.wire.send(call).await?)
    }

    /// Returns the next reply to the call with this number. Behind a refusal nothing more comes.
    pub(super) async fn receive(&mut self, id: u64) -> Result<AdminReply, AdminError> {
        match self.wire.receive_for(id).await? {
            AdminReply::Refused(refusal) => {
                self.settle();
                Err(AdminError::Refused(refusal))
            }
            AdminReply::QueryRefusedAt { refusal, fault } => {
                self.settle();
                Err(AdminError::RefusedAt { refusal, fault })
            }
            reply => Ok(reply),
        }
    }

    /// Says that a call has had its last answer.
    pub(super) fn settle(&mut self) {
        self.wire.settle();
        self.release();
    }

    /// Keeps the connection for what consists of several calls, until it is released.
    pub(super) fn hold(&mut self) {
        self.open += 1;
    }

    /// Says that what the connection was kept for is over.
    pub(super) fn release(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// Asks for one answer; `own` takes it out of the reply that belongs to the call.
    pub(super) async fn ask<T>(
        &mut self,
        call: AdminCall,
        own: impl FnOnce(AdminReply) -> Option<T>,
    ) -> Result<T, AdminError> {
        let id = self.send(&call).await?;
        let answer = own(self.receive(id).await?).ok_or(AdminError::UnexpectedReply)?;
        self.settle();
        Ok(answer)
    }
}
