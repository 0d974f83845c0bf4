//! An import over the connection: batches go out before the ones before them are answered. It belongs to one connection, so
//! none of its calls is ever repeated over another.

use super::connection::Connection;
use super::error::AdminError;
use std::collections::VecDeque;
use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::import::{BadRow, ImportRow};

/// So many batches are on their way: one that the server works on, one behind it, and one that is being made.
const BATCHES_ON_THEIR_WAY_MAX: usize = 3;

/// An import under way, with something of the caller's for each batch. Dropped before its end, it changes nothing and leaves
/// a connection that cannot be used.
#[derive(Debug)]
pub struct Import<'c, T> {
    connection: &'c mut Connection,
    on_their_way: VecDeque<(u64, T)>,
}

/// What came of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// How many accounts were made.
    pub accounts: u64,
    /// How many of them have a password.
    pub with_password: u64,
    /// How long other writes waited, in microseconds.
    pub elapsed_us: u64,
}

impl<'c, T> Import<'c, T> {
    pub(super) async fn start(connection: &'c mut Connection) -> Result<Self, AdminError> {
        let own = |reply| matches!(reply, AdminReply::ImportStarted).then_some(());
        connection.ask(AdminCall::StartImport, own).await?;
        connection.hold();
        Ok(Self { connection, on_their_way: VecDeque::new() })
    }

    /// Sends a batch, with what is to come back with its verdict. Returns a verdict when one has to be waited for.
    ///
    /// # Errors
    /// As every call.
    pub async fn send(
        &mut self,
        rows: Vec<ImportRow>,
        memo: T,
    ) -> Result<Option<(T, Vec<BadRow>)>, AdminError> {
        let id = self.connection.send(&AdminCall::ImportRows(rows)).await?;
        self.on_their_way.push_back((id, memo));
        match self.on_their_way.len() > BATCHES_ON_THEIR_WAY_MAX {
            true => self.receive_verdict().await,
            false => Ok(None),
        }
    }

    /// Returns the verdict on the oldest batch that has none yet; `None` when each has one.
    ///
    /// # Errors
    /// As every call.
    pub async fn receive_verdict(&mut self) -> Result<Option<(T, Vec<BadRow>)>, AdminError> {
        let Some((id, memo)) = self.on_their_way.pop_front() else { return Ok(None) };
        let AdminReply::RowsJudged(bad) = self.connection.receive(id).await? else {
            return Err(AdminError::UnexpectedReply);
        };
        self.connection.settle();
        Ok(Some((memo, bad)))
    }

    /// Has the accounts made, all in one act, once every batch has its verdict; `went_on` is called with how many there are now and then.
    ///
    /// # Errors
    /// As every call; above all when another number of accounts waits.
    pub async fn finish(self, accounts: u64, mut went_on: impl FnMut(u64)) -> Result<Imported, AdminError> {
        let id = self.connection.send(&AdminCall::FinishImport { accounts }).await?;
        loop {
            match self.connection.receive(id).await? {
                AdminReply::ImportContinues { accounts } => went_on(accounts),
                AdminReply::ImportFinished { accounts: made, with_password, elapsed_us }
                    if made == accounts =>
                {
                    self.connection.settle();
                    self.connection.release();
                    return Ok(Imported { accounts, with_password, elapsed_us });
                }
                _ => return Err(AdminError::UnexpectedReply),
            }
        }
    }

    /// Gives the import up, as after a dry run.
    ///
    /// # Errors
    /// As every call.
    pub async fn give_up(self) -> Result<(), AdminError> {
        let own = |reply| matches!(reply, AdminReply::ImportDropped).then_some(());
        self.connection.ask(AdminCall::DropImport, own).await?;
        self.connection.release();
        Ok(())
    }
}
