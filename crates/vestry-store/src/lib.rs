//! The register: one SQLite file in WAL mode, its schema and migrations, every SQL statement of Vestry.
//!
//! It never touches the network, TLS, hashing or the clock: times come in as parameters, secrets as hashes.
//!
//! Reads and writes are different things. [`Store::read`] takes a connection from the pool and gives the
//! closure a [`ReadTx`], one consistent view. [`Store::write`] sends the closure to the one writer thread, which
//! runs what waits as one transaction (`writer.rs`) and answers after the commit reached the disk. Closures may
//! not wait for anything: no lock or transaction is held across an await.
//!
//! A change of the register needs a [`Noted`]: the proof that its audit event was written in the same
//! transaction. A user's own account needs a [`LiveSession`]: the proof that the session was checked in it.

mod accounts;
mod audit;
mod credentials;
mod error;
mod facts;
mod maintenance;
mod operators;
mod pool;
pub mod query;
mod schema;
mod sessions;
mod writer;

pub use accounts::{AccountId, AccountRow, Counts, NewAccount, ProfilePatch, Standing};
pub use audit::{ActorKind, Event, Noted};
pub use credentials::{CredentialKind, LoginRecord};
pub use error::StoreError;
pub use maintenance::Swept;
pub use operators::{NewOperator, OperatorRow};
pub use schema::Schema;
pub use sessions::{LiveSession, NewSessionRow, SessionId, SessionRow};

use rusqlite::Connection;
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// The open register. Cloning shares it.
#[derive(Clone)]
pub struct Store {
    readers: pool::Readers,
    writer: writer::Writer,
    path: PathBuf,
}

/// How much of the machine the store may use.
#[derive(Debug, Clone, Copy)]
pub struct StoreLimits {
    /// Connections that read at once; more wait.
    pub readers_max: u32,
    /// Writes that wait for the writer thread; more wait to be queued.
    pub writes_queued_max: usize,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self { readers_max: 4, writes_queued_max: 1024 }
    }
}

/// What a reading closure gets: one consistent view of the register.
pub struct ReadTx<'c> {
    conn: &'c Connection,
}

/// What a writing closure gets: the newest state, and the right to change it. Reads work here too.
pub struct WriteTx<'c> {
    read: ReadTx<'c>,
}

impl<'c> Deref for WriteTx<'c> {
    type Target = ReadTx<'c>;
    fn deref(&self) -> &ReadTx<'c> {
        &self.read
    }
}

impl Store {
    /// Makes the database file (mode 0600) with today's schema.
    ///
    /// # Errors
    /// When the file is there already or cannot be made.
    pub fn create(path: &Path) -> Result<(), StoreError> {
        pool::create_private_file(path)?;
        let mut conn = pool::open_writer(path)?;
        schema::migrate(&mut conn)
    }

    /// Opens the register, brings its schema up to date and starts the writer thread.
    ///
    /// # Errors
    /// When the file is missing, damaged, from a newer version, or cannot be written.
    pub fn open(path: &Path, limits: StoreLimits) -> Result<Self, StoreError> {
        let mut conn = pool::open_writer(path)?;
        schema::migrate(&mut conn)?;
        let readers = pool::Readers::open(path, limits.readers_max)?;
        let writer = writer::Writer::start(conn, limits.writes_queued_max)?;
        Ok(Self { readers, writer, path: path.to_owned() })
    }

    /// Runs a closure on one consistent view, off the async workers.
    ///
    /// # Errors
    /// What the closure returns, or a [`StoreError`] when there is no connection to be had.
    pub async fn read<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: FnOnce(&ReadTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let readers = self.readers.clone();
        tokio::task::spawn_blocking(move || readers.with_view(closure))
            .await
            .unwrap_or_else(|_| Err(StoreError::ClosurePanicked.into()))
    }

    /// Runs a closure on the writer thread and answers after its changes are on disk. When the closure returns
    /// an error, nothing of it remains.
    ///
    /// # Errors
    /// What the closure returns, or a [`StoreError`] when its changes could not be committed.
    pub async fn write<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: FnOnce(&WriteTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer.run(closure).await
    }

    /// Finishes what waits, then closes the writer. Later writes fail with [`StoreError::Closed`].
    pub async fn close(&self) {
        self.writer.close().await;
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The size of the database with its write-ahead log, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        let log = pool::beside(&self.path, "-wal");
        [&self.path, &log].into_iter().filter_map(|file| file.metadata().ok()).map(|facts| facts.len()).sum()
    }

    /// Reads every page and every index: for `vestryd check`, not for a running server.
    ///
    /// # Errors
    /// With what is damaged.
    pub fn verify_integrity(path: &Path) -> Result<(), StoreError> {
        pool::verify_integrity(path)
    }
}
