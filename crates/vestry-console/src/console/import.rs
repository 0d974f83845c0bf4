//! An import over the connection: batches go out before the ones before them are answered. It belongs to one
//! connection, so none of its calls is ever repeated over another.

use super::Console;
use crate::failure::Failure;
use std::collections::VecDeque;
use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::import::{BadRow, ImportRow};

/// So many batches are on their way: one that the server works on, one behind it, and one that is being made.
const BATCHES_ON_THEIR_WAY_MAX: usize = 3;

/// An import under way. Whoever drops it without an end has to disconnect.
pub(crate) struct ImportLink<'c, T> {
    console: &'c mut Console,
    on_their_way: VecDeque<(u64, T)>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Imported {
    /// How many accounts were made.
    pub(crate) accounts: u64,
    /// How many of them have a password.
    pub(crate) with_password: u64,
    /// How long other writes waited, in microseconds.
    pub(crate) elapsed_us: u64,
}

impl<'c, T> ImportLink<'c, T> {
    /// Begins an import.
    pub(crate) async fn start(console: &'c mut Console) -> Result<Self, Failure> {
        match console.ask(AdminCall::StartImport).await? {
            AdminReply::ImportStarted => Ok(Self { console, on_their_way: VecDeque::new() }),
            _ => Err(console.misunderstood()),
        }
    }

    /// Sends a batch, with what is to come back with its verdict. Returns a verdict when one has to be waited for.
    pub(crate) async fn send(
        &mut self,
        rows: Vec<ImportRow>,
        memo: T,
    ) -> Result<Option<(T, Vec<BadRow>)>, Failure> {
        let id = self.send_here(&AdminCall::ImportRows(rows)).await?;
        self.on_their_way.push_back((id, memo));
        match self.on_their_way.len() > BATCHES_ON_THEIR_WAY_MAX {
            true => self.receive_verdict().await,
            false => Ok(None),
        }
    }

    /// The verdict on the oldest batch that has none yet.
    pub(crate) async fn receive_verdict(&mut self) -> Result<Option<(T, Vec<BadRow>)>, Failure> {
        let Some((id, memo)) = self.on_their_way.pop_front() else { return Ok(None) };
        match self.console.receive(id, &AdminCall::ImportRows(Vec::new())).await? {
            AdminReply::RowsJudged(bad) => {
                self.console.settle();
                Ok(Some((memo, bad)))
            }
            _ => Err(self.console.misunderstood()),
        }
    }

    /// Has the accounts made; `went_on` hears how many there are now and then.
    pub(crate) async fn finish(
        mut self,
        accounts: u64,
        mut went_on: impl FnMut(u64),
    ) -> Result<Imported, Failure> {
        let call = AdminCall::FinishImport { accounts };
        let id = self.send_here(&call).await?;
        loop {
            match self.console.receive(id, &call).await? {
                AdminReply::ImportContinues { accounts } => went_on(accounts),
                AdminReply::ImportFinished { accounts: made, with_password, elapsed_us }
                    if made == accounts =>
                {
                    self.console.settle();
                    return Ok(Imported { accounts, with_password, elapsed_us });
                }
                _ => return Err(self.console.misunderstood()),
            }
        }
    }

    /// Gives the import up, as after a dry run.
    pub(crate) async fn give_up(mut self) -> Result<(), Failure> {
        let id = self.send_here(&AdminCall::DropImport).await?;
        match self.console.receive(id, &AdminCall::DropImport).await? {
            AdminReply::ImportDropped => {
                self.console.settle();
                Ok(())
            }
            _ => Err(self.console.misunderstood()),
        }
    }

    /// Over this connection or not at all.
    async fn send_here(&mut self, call: &AdminCall) -> Result<u64, Failure> {
        let Some(wire) = self.console.wire.as_mut() else { return Err(Failure::UnexpectedReply) };
        let sent = wire.send(call).await;
        sent.map_err(|error| {
            self.console.disconnect();
            self.console.lost(error)
        })
    }
}
