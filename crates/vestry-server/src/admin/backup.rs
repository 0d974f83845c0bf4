//! A backup over the admin port: made on a thread of its own and sent as fast as the operator takes it, a few chunks
//! in memory at a time. Never a key in it: whoever asks from afar gets the database and nothing that opens it.

use crate::audit::act;
use crate::backup::archive::{self, Contents};
use crate::backup::error::BackupError;
use crate::data_dir::DataDir;
use crate::failure::Failure;
use crate::operators::operator::Operator;
use crate::operators::operator::act;
use crate::ports::connection::Ended;
use crate::ports::conversation::Replies;
use crate::server::Server;
use std::io::{self, Write};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;
use vestry_protocol::admin::AdminReply;
use vestry_protocol::limits::BACKUP_CHUNK_BYTES;
use vestry_store::query::{CancelFlag, RaisedWhenDropped};
use vestry_store::{Party, StoreError};

/// Chunks that wait for the connection; then the archive waits.
const CHUNKS_WAITING_MAX: usize = 4;

/// A large database takes minutes to copy; an empty chunk tells whoever waits that it goes on.
const SIGN_OF_LIFE_PERIOD: Duration = Duration::from_secs(10);

/// Somebody else's backup takes this long at least.
const RETRY_AFTER_MS: u64 = 10_000;

pub(super) async fn send(
    server: &Server,
    operator: &Operator,
    replies: &mut Replies<'_, AdminReply>,
) -> Result<(), Ended> {
    let Ok(_only) = server.backups.try_acquire() else {
        let busy = Failure::Busy { retry_after_ms: RETRY_AFTER_MS };
        return replies.send(AdminReply::Refused(busy.into_refusal())).await;
    };
    let contents = match note(server, operator).await {
        Ok(contents) => contents,
        Err(failure) => return replies.send(AdminReply::Refused(failure.into_refusal())).await,
    };
    let (chunks, mut ready) = mpsc::channel(CHUNKS_WAITING_MAX);
    let cancel = CancelFlag::default();
    let given_up = RaisedWhenDropped(cancel.clone());
    let making = tokio::task::spawn_blocking(move || {
        let writer = ChunkWriter { chunks, chunk: Vec::new(), bytes: 0 };
        // The writer ends here, and with it the channel: that is how the connection learns of the end.
        archive::write(&contents, cancel, writer).map(|written| written.bytes)
    });
    loop {
        let chunk = tokio::select! {
            chunk = ready.recv() => chunk,
            () = sleep(SIGN_OF_LIFE_PERIOD) => Some(Vec::new()),
            () = replies.peer_gone() => return Err(Ended::Closed),
        };
        match chunk {
            Some(chunk) => replies.send(AdminReply::BackupChunk(chunk)).await?,
            None => break,
        }
        replies.flush().await?;
    }
    let made = making.await.map_err(|_| Failure::Internal("a backup broke off"));
    drop(given_up);
    let last = match made.and_then(|made| made.map_err(failure_of)) {
        Ok(bytes) => AdminReply::BackupEnd { bytes },
        Err(failure) => AdminReply::Refused(failure.into_refusal()),
    };
    replies.send(last).await
}

/// First the event, so that no copy leaves without it; it is in the backup as well.
async fn note(server: &Server, operator: &Operator) -> Result<Contents, Failure> {
    let now = server.clock.now();
    act(server, operator, move |tx, by| {
        by.as_actor().note(tx, now, act::DatabaseBackedUp, Party::NONE, "database, sent to the operator")?;
        Ok(())
    })
    .await?;
    let folder = server.store.path().parent().ok_or(Failure::Internal("the database is in no folder"))?;
    let data_dir = DataDir::at(folder);
    Ok(Contents { settings: data_dir.config_file(), data_dir, keys: None, now })
}

fn failure_of(error: BackupError) -> Failure {
    match error {
        BackupError::Store(error) => Failure::Store(error),
        BackupError::NoRoom { .. } => Failure::Store(StoreError::NotWritable),
        other => {
            tracing::error!(error = %other, "a backup could not be made");
            Failure::Internal("a backup could not be made")
        }
    }
}

/// Cuts what is written to it into chunks, and waits while the connection has enough of them.
struct ChunkWriter {
    chunks: mpsc::Sender<Vec<u8>>,
    chunk: Vec<u8>,
    bytes: u64,
}

impl ChunkWriter {
    fn send(&mut self) -> io::Result<()> {
        self.bytes += u64::try_from(self.chunk.len()).unwrap_or(u64::MAX);
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(BACKUP_CHUNK_BYTES));
        self.chunks.blocking_send(chunk).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = BACKUP_CHUNK_BYTES.saturating_sub(self.chunk.len());
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.chunk.extend_from_slice(taken);
        if self.chunk.len() >= BACKUP_CHUNK_BYTES {
            self.send()?;
        }
        Ok(taken.len())
    }

    /// The archive flushes once, at its end.
    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() { Ok(()) } else { self.send() }
    }
}
