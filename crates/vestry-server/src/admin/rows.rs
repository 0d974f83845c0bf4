//! Row streams: a query runs on a thread of its own and fills chunks; the connection sends them as fast as the
//! operator takes them. Never more than a few chunks are in memory, however large the table.

use crate::failure::Failure;
use crate::operators::operator::Operator;
use crate::operators::reads::{Follow, Read, Recorded};
use crate::ports::connection::Ended;
use crate::ports::conversation::Replies;
use crate::server::Server;
use std::ops::ControlFlow;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, error::TryRecvError};
use tokio::time::{Instant, timeout_at};
use vestry_protocol::admin::{AdminReply, Cell, Listing, RowsEnd, View};
use vestry_protocol::item::Open;
use vestry_protocol::limits::ROW_CHUNK_BYTES_SOFT;
use vestry_store::query::{CancelFlag, OperatorReader, QueryEnd, QueryError, RaisedWhenDropped, RowSink};

/// Chunks that wait for the connection; then the query waits.
const CHUNKS_WAITING_MAX: usize = 2;

pub(super) async fn query(
    server: &Server,
    operator: &Operator,
    sql: String,
    replies: &mut Replies<'_, AdminReply>,
) -> Result<(), Ended> {
    let recorded = server.queries.record(server, operator, Read::of_query(sql.clone())).await;
    let Some(recorded) = or_refuse(recorded, replies).await? else { return Ok(()) };
    stream(server, &recorded, replies, move |reader, sink| reader.run(&sql, sink)).await
}

pub(super) async fn list(
    server: &Server,
    operator: &Operator,
    listing: Listing<Open<View>>,
    replies: &mut Replies<'_, AdminReply>,
) -> Result<(), Ended> {
    let Some(listing) = listing.known() else {
        let failure = Failure::Unsupported { what: "view" };
        return replies.send(AdminReply::Refused(failure.into_refusal())).await;
    };
    let recorded = server.queries.record(server, operator, Read::of_listing(&listing)).await;
    let Some(recorded) = or_refuse(recorded, replies).await? else { return Ok(()) };
    stream(server, &recorded, replies, move |reader, sink| reader.list(&listing, sink)).await
}

pub(super) async fn follow(
    server: &Server,
    operator: &Operator,
    asked: Follow,
    replies: &mut Replies<'_, AdminReply>,
) -> Result<(), Ended> {
    let recorded = server.queries.record(server, operator, Read::of_follow(&asked)).await;
    let Some(recorded) = or_refuse(recorded, replies).await? else { return Ok(()) };
    let Follow { columns, filter, from } = asked;
    stream(server, &recorded, replies, move |reader, sink| reader.follow(columns, filter, from, sink)).await
}

/// What there is to go on with; or the refusal is sent.
async fn or_refuse<T>(
    recorded: Result<T, Failure>,
    replies: &mut Replies<'_, AdminReply>,
) -> Result<Option<T>, Ended> {
    match recorded {
        Ok(recorded) => Ok(Some(recorded)),
        Err(failure) => replies.send(AdminReply::Refused(failure.into_refusal())).await.map(|()| None),
    }
}

async fn stream(
    server: &Server,
    recorded: &Recorded,
    replies: &mut Replies<'_, AdminReply>,
    run: impl FnOnce(&OperatorReader, &mut dyn RowSink) -> Result<QueryEnd, QueryError> + Send + 'static,
) -> Result<(), Ended> {
    let (chunks, mut ready) = mpsc::channel(CHUNKS_WAITING_MAX);
    let (reader, started) = (server.queries.of(recorded).clone(), Instant::now());
    let cancel = CancelFlag::default();
    // However this ends, also when the connection makes room or the server stops.
    let _given_up = RaisedWhenDropped(cancel.clone());
    let running = tokio::task::spawn_blocking(move || {
        let mut sink = ChunkSink::new(chunks, cancel);
        let end = run(&reader, &mut sink)?;
        // The peer went away: there is nobody to tell how it ended.
        let _ = sink.send_rows();
        Ok::<_, QueryError>(end)
    });
    loop {
        let chunk = match ready.try_recv() {
            Ok(chunk) => Some(chunk),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => {
                // What is there already should not wait for what takes long.
                replies.flush().await?;
                tokio::select! {
                    chunk = ready.recv() => chunk,
                    () = replies.peer_gone() => return Err(Ended::Closed),
                }
            }
        };
        match chunk {
            Some(chunk) => replies.send(chunk).await?,
            None => break,
        }
    }
    let end = running.await.map_err(|_| Failure::Internal("a query broke off"));
    let last = match end.and_then(|end| end.map_err(Failure::Query)) {
        Ok(QueryEnd { rows, next }) => {
            let elapsed_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            AdminReply::RowsEnd(RowsEnd { rows, elapsed_us, next })
        }
        Err(failure) => refused_at(failure),
    };
    replies.send(last).await
}

/// With the place of what is wrong, where the statement has one.
fn refused_at(failure: Failure) -> AdminReply {
    let fault = if let Failure::Query(error) = &failure { error.fault().cloned() } else { None };
    let refusal = failure.into_refusal();
    match fault {
        Some(fault) => AdminReply::QueryRefusedAt { refusal, fault },
        None => AdminReply::Refused(refusal),
    }
}

/// Gathers rows into chunks that fit a frame.
struct ChunkSink {
    chunks: mpsc::Sender<AdminReply>,
    rows: Vec<Vec<Cell>>,
    bytes: usize,
    cancel: CancelFlag,
    until: Option<Instant>,
    runtime: Handle,
}

impl ChunkSink {
    /// On a blocking thread of the runtime.
    fn new(chunks: mpsc::Sender<AdminReply>, cancel: CancelFlag) -> Self {
        Self { chunks, rows: Vec::new(), bytes: 0, cancel, until: None, runtime: Handle::current() }
    }

    fn send_rows(&mut self) -> ControlFlow<()> {
        if self.rows.is_empty() {
            return ControlFlow::Continue(());
        }
        self.bytes = 0;
        let rows = std::mem::take(&mut self.rows);
        self.send(AdminReply::Rows(rows))
    }

    /// Waits for the connection, which waits for its peer; for no longer than the query may run.
    fn send(&self, reply: AdminReply) -> ControlFlow<()> {
        let sending = self.chunks.send(reply);
        let sent = match self.until {
            Some(until) => self
                .runtime
                .block_on(async { timeout_at(until, sending).await.is_ok_and(|sent| sent.is_ok()) }),
            None => self.runtime.block_on(sending).is_ok(),
        };
        if sent { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

impl RowSink for ChunkSink {
    fn cancel_flag(&self) -> Option<CancelFlag> {
        Some(self.cancel.clone())
    }

    fn columns(&mut self, names: Vec<String>, until: std::time::Instant) -> ControlFlow<()> {
        self.until = Some(until.into());
        self.send(AdminReply::Columns(names))
    }

    fn row(&mut self, row: Vec<Cell>) -> ControlFlow<()> {
        self.bytes += ROW_BUDGET_BYTES + row.iter().map(budget_bytes).sum::<usize>();
        self.rows.push(row);
        if self.bytes >= ROW_CHUNK_BYTES_SOFT { self.send_rows() } else { ControlFlow::Continue(()) }
    }
}

/// What a decoder counts against its limit: every length as 8 bytes, every variant as 4, however short they are on
/// the wire. A chunk is measured the same way, so that a million NULLs still are chunks that decoders take.
const ROW_BUDGET_BYTES: usize = 8;

/// A cell is an item: 4 for its number, 8 for the length of its content, and that, in which a number has 9 bytes at most.
fn budget_bytes(cell: &Cell) -> usize {
    match cell {
        Cell::Null => 12,
        Cell::Integer(_) | Cell::Real(_) => 21,
        Cell::Text(text) => 21 + text.len(),
        Cell::Blob(bytes) => 21 + bytes.len(),
        Cell::Unknown(item) => 12 + item.content.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestry_protocol::Reply;
    use vestry_protocol::codec::{decode, encode};
    use vestry_protocol::limits::REPLY_BYTES_MAX;

    #[tokio::test]
    async fn a_chunk_of_any_rows_is_one_that_decoders_take() {
        let rows = [vec![Cell::Null], vec![Cell::Integer(0); 9], vec![Cell::Text(String::new())], Vec::new()];
        for row in rows {
            let (chunks, mut ready) = mpsc::channel(CHUNKS_WAITING_MAX);
            let filled = row.clone();
            tokio::task::spawn_blocking(move || {
                let mut sink = ChunkSink::new(chunks, CancelFlag::default());
                while sink.row(filled.clone()).is_continue() && sink.bytes > 0 {}
            })
            .await
            .unwrap();
            let reply = Reply { id: u64::MAX, body: ready.recv().await.unwrap() };
            let taken = decode::<Reply<AdminReply>, REPLY_BYTES_MAX>(&encode(&reply).unwrap());
            assert!(taken.is_ok(), "{row:?}");
        }
    }
}
