//! The database: one SQLite file in WAL mode, its schema and migrations, every SQL statement of Vestry.
//!
//! It never touches the network, TLS, hashing or the clock: times come in as parameters, secrets as hashes.
//!
//! Reads and writes are different things. [`Store::read`] sends the closure to the reading threads (`readers.rs`),
//! where a connection of the pool gives it a [`ReadTx`], one consistent view. [`Store::write`] sends the closure to the one writer thread, which
//! runs what waits as one transaction (`writer.rs`) and answers after the commit reached the disk. Closures may
//! not wait for anything: no lock or transaction is held across an await.
//!
//! A change of the database needs a [`Noted`]: the proof that its audit event was written in the same
//! transaction. A user's own account needs a [`LiveSession`]: the proof that the session was checked in it.

mod accounts;
mod aging;
mod audit;
pub mod backup;
mod credentials;
mod devices;
mod error;
mod facts;
#[cfg(test)]
mod fresh;
pub mod import;
mod maintenance;
mod operators;
mod pool;
pub mod query;
mod readers;
mod reset_codes;
mod schema;
mod sessions;
mod supervisor;
mod throttle;
mod writer;

pub use accounts::{AccountId, AccountRow, Counts, NameKeys, NewAccount, OprfId, ProfilePatch, Standing};
pub use aging::{Aged, ClockJump, Cutoff, Lived};
pub use audit::{ActorKind, AuditPurge, ChainKey, Event, Noted, Party, PurgeRefused, Verification};
pub use credentials::{
    Credential, CredentialKind, Generation, GenerationRow, IssuedCode, NewCredential, PasswordFacts,
    SealedRecord, StoredCredential,
};
pub use devices::{DeviceRow, KnownDevice, NewDevice};
pub use error::StoreError;
pub use maintenance::{Purgeable, Resumable};
pub use operators::{NewOperator, OperatorRow};
pub use reset_codes::{NewResetCode, ResetCode};
pub use schema::Schema;
pub use sessions::{LiveSession, NewSessionRow, SessionId, SessionRow};
pub use supervisor::Supervisor;
pub use throttle::{Lane, Streak};

use rusqlite::Connection;
use std::cell::Cell;
use std::ops::Deref;
use std::path::{Path, PathBuf};

/// The open database. Cloning shares it.
#[derive(Clone)]
pub struct Store {
    readers: readers::Readers,
    writer: writer::Writer,
    chain: ChainKey,
    path: PathBuf,
    supervisor: Supervisor,
}

/// How much of the machine the store may use.
#[derive(Debug, Clone, Copy)]
pub struct StoreLimits {
    /// Threads that read, and as many connections again for looking up; more reads wait.
    pub readers_max: u32,
    /// Writes that wait for the writer thread; more wait to be queued.
    pub writes_queued_max: usize,
    /// Writes that share a transaction, and so an fsync. More save no more fsyncs worth having, and keep the first
    /// caller waiting; 1 is what the benchmark compares with.
    pub writes_a_transaction_max: usize,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self { readers_max: 4, writes_queued_max: 1024, writes_a_transaction_max: 256 }
    }
}

/// What a reading closure gets: one consistent view of the database.
pub struct ReadTx<'c> {
    conn: &'c Connection,
}

/// What a writing closure gets: the newest state, and the right to change it. Reads work here too.
pub struct WriteTx<'c> {
    read: ReadTx<'c>,
    chain: &'c ChainKey,
    /// The newest event of this transaction; whoever commits writes it down as the head of the audit chain.
    chain_end: Cell<Option<audit::Place>>,
}

impl<'c> WriteTx<'c> {
    /// On a connection whose transaction has begun.
    fn on(conn: &'c Connection, chain: &'c ChainKey) -> Self {
        Self { read: ReadTx { conn }, chain, chain_end: Cell::new(None) }
    }
}

impl<'c> Deref for WriteTx<'c> {
    type Target = ReadTx<'c>;
    fn deref(&self) -> &ReadTx<'c> {
        &self.read
    }
}

impl Store {
    /// Makes the database file (mode 0600) with today's schema, and begins its audit chain.
    ///
    /// # Errors
    /// When the file is there already or cannot be made.
    pub fn create(path: &Path, chain: &ChainKey) -> Result<(), StoreError> {
        pool::create_private_file(path)?;
        let mut database = backup::Offline::open(path, chain.clone())?;
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
        let pool = pool::ReadPool::open(path, limits.readers_max.saturating_mul(2))?;
        let supervisor = Supervisor::default();
        let readers = readers::Readers::start(&supervisor, &pool, limits.readers_max)?;
        let writer = writer::Writer::start(&supervisor, conn, chain.clone(), limits)?;
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
