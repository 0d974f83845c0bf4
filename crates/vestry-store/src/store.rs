//! The open database: its reading threads and its one writer.

use crate::backup::Offline;
use crate::chain_key::ChainKey;
use crate::error::StoreError;
use crate::limits::StoreLimits;
use crate::pool::{self, ReadPool};
use crate::readers::Readers;
use crate::schema;
use crate::supervisor::Supervisor;
use crate::tx::{ReadTx, WriteTx};
use crate::writer::Writer;
use std::path::{Path, PathBuf};

/// The open database. Cloning shares it.
#[derive(Clone)]
pub struct Store {
    readers: Readers,
    writer: Writer,
    chain: ChainKey,
    path: PathBuf,
    supervisor: Supervisor,
}

impl Store {
    /// Makes the database file (mode 0600) with today's schema, and begins its audit chain.
    ///
    /// # Errors
    /// When the file is there already or cannot be made.
    pub fn create(path: &Path, chain: &ChainKey) -> Result<(), StoreError> {
        pool::create_private_file(path)?;
        let mut database = Offline::open(path, chain.clone())?;
        database.give_back_empty_pages()?;
        database.write(|tx| tx.begin_audit_chain().map(drop))
    }

    /// Opens the database, brings its schema up to date and starts the writer thread.
    ///
    /// # Errors
    /// When the file is missing, damaged, from a newer version, or cannot be written.
    pub fn open(path: &Path, limits: StoreLimits, chain: ChainKey) -> Result<Self, StoreError> {
        let mut conn = pool::open_writer(path)?;
        schema::migrate(&mut conn)?;
        let pool = ReadPool::open(path, limits.readers_max.saturating_mul(2))?;
        let supervisor = Supervisor::default();
        let readers = Readers::start(&supervisor, &pool, limits.readers_max)?;
        let writer = Writer::start(&supervisor, conn, chain.clone(), limits)?;
        Ok(Self { readers, writer, chain, path: path.to_owned(), supervisor })
    }

    /// Returns what its threads were started by, and what a server starts its own parts with.
    #[must_use]
    pub fn supervisor(&self) -> &Supervisor {
        &self.supervisor
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
        self.readers.run(closure).await
    }

    /// Runs a closure that looks a few rows up by their keys, where it is called, or on another thread when every connection
    /// is taken. Its view is its own, and begins with its first read. That takes some microseconds, waits for no lock, and
    /// costs less than another thread would; whatever may read more belongs to [`Store::read`].
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn look_up<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: FnOnce(&ReadTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.readers.run_here(closure).await
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

    /// The key of its audit chain.
    #[must_use]
    pub fn chain(&self) -> &ChainKey {
        &self.chain
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
