//! Rows as they come, one at a time: no more than one reply of them is in memory.

use super::connection::Connection;
use super::error::AdminError;
use std::vec::IntoIter;
use vestry_protocol::admin::{AdminCall, AdminReply, Cell, RowsEnd};

/// The rows of a query, a page or a look at the audit. Dropped before its end, it leaves a connection that cannot be used.
#[derive(Debug)]
pub struct Rows<'c> {
    connection: &'c mut Connection,
    id: u64,
    columns: Vec<String>,
    /// What is left of the reply that came last.
    chunk: IntoIter<Vec<Cell>>,
    received: u64,
    end: Option<RowsEnd>,
}

impl<'c> Rows<'c> {
    /// Sends the call, and waits for the header.
    pub(super) async fn open(connection: &'c mut Connection, call: &AdminCall) -> Result<Self, AdminError> {
        let id = connection.send(call).await?;
        let AdminReply::Columns(columns) = connection.receive(id).await? else {
            return Err(AdminError::UnexpectedReply);
        };
        Ok(Self { connection, id, columns, chunk: Vec::new().into_iter(), received: 0, end: None })
    }

    /// Returns the names of the columns.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Returns the next row, which is as long as the header; `None` at the end.
    ///
    /// # Errors
    /// When the query breaks off, the connection is lost, or rows do not fit their header or their count.
    pub async fn next(&mut self) -> Result<Option<Vec<Cell>>, AdminError> {
        loop {
            if let Some(row) = self.chunk.next() {
                return Ok(Some(row));
            }
            if self.end.is_some() {
                return Ok(None);
            }
            match self.connection.receive(self.id).await? {
                AdminReply::Rows(rows) if rows.iter().all(|row| row.len() == self.columns.len()) => {
                    self.received = self.received.saturating_add(rows.len() as u64);
                    self.chunk = rows.into_iter();
                }
                AdminReply::RowsEnd(end) if end.rows == self.received => {
                    self.connection.settle();
                    self.end = Some(end);
                }
                _ => return Err(AdminError::UnexpectedReply),
            }
        }
    }

    /// Returns what the server says behind the last row; `None` before [`Rows::next`] has returned `None`.
    #[must_use]
    pub fn end(&self) -> Option<&RowsEnd> {
        self.end.as_ref()
    }
}
