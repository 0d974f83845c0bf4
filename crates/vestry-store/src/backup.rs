//! Copies of the database: a consistent one of a live file, and work on a file that no server has open.
//!
//! A copy is taken through a reading connection: the server's writer goes on meanwhile, and nothing in the file that
//! is copied changes. Nothing here knows archives, keys or where copies go.

use crate::audit::event::Noted;
use crate::audit::verify::Verification;
use crate::chain_key::ChainKey;
use crate::change::{Permits, RestoreDatabase};
use crate::error::StoreError;
use crate::pool;
use crate::query::caps::CancelFlag;
use crate::schema;
use crate::schema::Schema;
use crate::tx::{ReadTx, WriteTx};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use vestry_protocol::audit::{AuditVerdict, Checkpoint};

/// How often SQLite asks whether to go on: every so many steps of its machine, a few milliseconds apart.
const STEPS_BETWEEN_LOOKS: i32 = 50_000;

/// Copies a database as it is at one moment into a new file (mode 0600), also while a server writes to it. What was
/// purged from it is not in the copy. Answers with the facts of the copy.
///
/// # Errors
/// When the file cannot be read, the copy cannot be written, or `cancel` was raised; a part of the copy may be left.
pub fn copy_database(
    from: &Path,
    to: &Path,
    cancel: CancelFlag,
) -> Result<BTreeMap<String, String>, StoreError> {
    let target = to.to_str().ok_or_else(|| StoreError::CannotOpen {
        path: to.to_owned(),
        cause: "its path is not UTF-8".to_owned(),
    })?;
    pool::create_private_file(to)?;
    let conn = open_reader(from)?;
    conn.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || cancel.is_raised()))?;
    conn.execute("vacuum into ?1", [target]).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => StoreError::Cancelled,
        _ => error.into(),
    })?;
    facts_of(&open_reader(to)?)
}

fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(|error| match error.into() {
        StoreError::Statement(cause) => StoreError::CannotOpen { path: path.to_owned(), cause },
        known => known,
    })?;
    conn.busy_timeout(pool::BUSY_WAIT)?;
    conn.execute_batch("pragma trusted_schema = off;")?;
    Ok(conn)
}

/// Reads the facts of a database that a server may be using.
///
/// # Errors
/// When the file cannot be read.
pub fn database_facts(path: &Path) -> Result<BTreeMap<String, String>, StoreError> {
    facts_of(&open_reader(path)?)
}

fn facts_of(conn: &Connection) -> Result<BTreeMap<String, String>, StoreError> {
    let mut statement = conn.prepare("select name, value from fact")?;
    let facts = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(facts.collect::<Result<_, _>>()?)
}

/// A database without a server's threads: one connection, one closure at a time, each on disk when it returns.
pub struct Offline {
    conn: Connection,
    chain: ChainKey,
    path: PathBuf,
}

impl Offline {
    /// Opens a database that nobody else uses, and brings its schema up to date.
    ///
    /// # Errors
    /// When the file is missing, damaged, or from a newer version.
    pub fn open(path: &Path, chain: ChainKey) -> Result<Self, StoreError> {
        let mut conn = pool::open_writer(path)?;
        schema::migrate(&mut conn)?;
        Ok(Self { conn, chain, path: path.to_owned() })
    }

    /// Opens a database that a server may be using: its schema stays as it is, and has to be today's.
    ///
    /// # Errors
    /// When the file is missing, damaged, or from another version.
    pub fn open_beside_a_server(path: &Path, chain: ChainKey) -> Result<Self, StoreError> {
        let conn = pool::open_writer(path)?;
        let version: usize = conn.query_row("pragma user_version", [], |row| row.get(0))?;
        match version.cmp(&Schema::version()) {
            std::cmp::Ordering::Less => Err(StoreError::TooOld),
            std::cmp::Ordering::Greater => Err(StoreError::TooNew),
            std::cmp::Ordering::Equal => Ok(Self { conn, chain, path: path.to_owned() }),
        }
    }

    /// Keeps so many changed pages in memory before they are written, for transactions that change many in no order.
    ///
    /// # Errors
    /// When the database does not take the setting.
    pub fn keep_pages(&mut self, kib: u32) -> Result<(), StoreError> {
        Ok(pool::keep_pages(&self.conn, kib)?)
    }

    /// Leaves no page behind that a migration emptied: nobody could tell a damaged one from a sound one.
    pub(crate) fn give_back_empty_pages(&self) -> Result<(), StoreError> {
        Ok(self.conn.execute_batch("vacuum")?)
    }

    /// Runs a closure on one consistent view.
    ///
    /// # Errors
    /// What the closure returns.
    pub fn read<T, E: From<StoreError>>(
        &mut self,
        closure: impl FnOnce(&ReadTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let view = self.conn.transaction().map_err(StoreError::from)?;
        closure(&ReadTx { conn: &view })
    }

    /// Runs a closure in a transaction of its own; when it returns an error, nothing of it remains.
    ///
    /// # Errors
    /// What the closure returns, or a [`StoreError`] when its changes could not be committed.
    pub fn write<T, E: From<StoreError>>(
        &mut self,
        closure: impl FnOnce(&WriteTx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let behavior = rusqlite::TransactionBehavior::Immediate;
        let transaction = self.conn.transaction_with_behavior(behavior).map_err(StoreError::from)?;
        let tx = WriteTx::on(&transaction, &self.chain);
        let done = closure(&tx)?;
        tx.seal_chain_end()?;
        transaction.commit().map_err(StoreError::from)?;
        Ok(done)
    }

    /// Checks the whole audit chain, with what a server wrote down of it last.
    ///
    /// # Errors
    /// When the database cannot be read; what is wrong with the chain is in the verdict.
    pub fn verify_audit(&mut self, last_known: Option<Checkpoint>) -> Result<AuditVerdict, StoreError> {
        let mut verification = Verification::new(self.chain.clone(), last_known, Vec::new());
        loop {
            if let Some(verdict) = self.read(|tx| verification.advance(tx))? {
                return Ok(verdict);
            }
        }
    }

    /// Folds the write-ahead log back, so that the one file is all there is, and closes it.
    ///
    /// # Errors
    /// When somebody else has the file open, or the disk does not take it.
    pub fn close_into_one_file(self) -> Result<(), StoreError> {
        let mode: String = self.conn.query_row("pragma journal_mode = delete", [], |row| row.get(0))?;
        self.conn.close().map_err(|(_, error)| error)?;
        let log_is_left = ["-wal", "-shm"].iter().any(|suffix| pool::beside(&self.path, suffix).exists());
        if mode == "delete" && !log_is_left { Ok(()) } else { Err(StoreError::Held) }
    }
}

impl WriteTx<'_> {
    /// Ends the sessions of everybody; how many there were.
    ///
    /// # Errors
    /// When the database does.
    pub fn end_every_session<A: Permits<RestoreDatabase>>(
        &self,
        _: &Noted<'_, A>,
    ) -> Result<u64, StoreError> {
        let ended = self.conn.execute("delete from session", [])?;
        Ok(u64::try_from(ended).unwrap_or(u64::MAX))
    }

    /// Makes every one-time code useless; how many there were.
    ///
    /// # Errors
    /// When the database does.
    pub fn void_every_reset_code<A: Permits<RestoreDatabase>>(
        &self,
        _: &Noted<'_, A>,
    ) -> Result<u64, StoreError> {
        let voided = self.conn.execute("delete from reset_code", [])?;
        Ok(u64::try_from(voided).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fresh::{EVENT, Test, at, keys_of};
    use crate::ids::SessionId;
    use crate::limits::StoreLimits;
    use crate::store::Store;
    use crate::tables::accounts::{NewAccount, ProfilePatch};
    use crate::tables::passwords::IssuedCode;
    use crate::tables::passwords::StillProven;
    use crate::tables::reset_codes::NewResetCode;
    use crate::tables::sessions::NewSessionRow;
    use std::os::unix::fs::PermissionsExt;
    use vestry_protocol::fields::Username;

    async fn add(store: &Store, number: i64) {
        let name = Username::parse(&format!("person{number}")).unwrap();
        store
            .write(move |tx| {
                let id = tx.next_account_id()?;
                let noted = tx.note_on(id, &Test("test"), &EVENT)?;
                let new = NewAccount {
                    name: &name,
                    keys: &keys_of(&name, 0),
                    profile: ProfilePatch::default(),
                    password: None,
                    created: at(1),
                };
                let account = tx.insert_account(&noted, &new)?.unwrap();
                let issued = IssuedCode { by: "admin".to_owned(), at: at(1) };
                tx.set_reset_code(
                    &noted,
                    &NewResetCode { code_hash: b"hash", issued: &issued, expires: at(1_000) },
                )?;
                tx.learn_fact("secrets/pepper", "0a0b")?;
                let hash = number.to_be_bytes();
                tx.insert_session(
                    &noted,
                    &StillProven::for_tests(account),
                    &NewSessionRow {
                        id: SessionId::from_wire(u64::try_from(number).unwrap()),
                        token_hash: &hash,
                        device: "",
                        source: "",
                        created: at(1),
                        expires: at(1_000),
                    },
                )?;
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
    }

    fn count(path: &Path, table: &str) -> i64 {
        let sql = format!("select count(*) from {table}");
        open_reader(path).unwrap().query_row(&sql, [], |row| row.get(0)).unwrap()
    }

    fn fresh() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("vestry.db"), folder.path().join("copy.db"));
        Store::create(&from, &ChainKey::for_tests()).unwrap();
        (folder, from, to)
    }

    #[tokio::test]
    async fn a_copy_of_a_database_under_writes_is_whole_private_and_of_one_moment() {
        let (_folder, from, to) = fresh();
        let store = Store::open(&from, StoreLimits::default(), ChainKey::for_tests()).unwrap();
        add(&store, 1).await;
        let writing = tokio::spawn({
            let store = store.clone();
            async move {
                for number in 2..200 {
                    add(&store, number).await;
                }
            }
        });
        let copied = tokio::task::spawn_blocking({
            let (from, to) = (from.clone(), to.clone());
            move || copy_database(&from, &to, CancelFlag::default())
        });
        let facts = copied.await.unwrap().unwrap();
        writing.await.unwrap();
        assert_eq!(facts["secrets/pepper"], "0a0b");
        assert_eq!(to.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        Store::verify_integrity(&to).unwrap();
        // Each person came in one transaction, and so is in the copy whole or not at all.
        assert!(count(&to, "account") >= 1);
        for table in ["session", "reset_code", "audit_event"] {
            assert_eq!(count(&to, table), count(&to, "account"), "{table}");
        }
    }

    #[tokio::test]
    async fn what_was_deleted_is_not_in_the_bytes_of_a_copy() {
        let (_folder, from, to) = fresh();
        let mut database = Offline::open(&from, ChainKey::for_tests()).unwrap();
        let fill = |tx: &WriteTx<'_>| tx.learn_fact("canary", &"tweet".repeat(4_000));
        database.write(fill).unwrap();
        database.conn.execute_batch("pragma secure_delete = off; delete from fact").unwrap();
        copy_database(&from, &to, CancelFlag::default()).unwrap();
        assert!(!std::fs::read(&to).unwrap().windows(10).any(|window| window == b"tweettweet"));
    }

    #[test]
    fn a_copy_that_nobody_waits_for_ends() {
        let (_folder, from, to) = fresh();
        let mut database = Offline::open(&from, ChainKey::for_tests()).unwrap();
        let fill =
            |tx: &WriteTx<'_>| (0..60_000).try_for_each(|at| tx.learn_fact(&format!("fact {at}"), "x"));
        database.write(fill).unwrap();
        let cancel = CancelFlag::default();
        cancel.raise();
        assert!(matches!(copy_database(&from, &to, cancel), Err(StoreError::Cancelled)));
    }

    #[test]
    fn a_copy_never_overwrites() {
        let (_folder, from, to) = fresh();
        std::fs::write(&to, b"mine").unwrap();
        let refused = copy_database(&from, &to, CancelFlag::default());
        assert!(matches!(refused, Err(StoreError::AlreadyThere(_))));
        assert_eq!(std::fs::read(&to).unwrap(), b"mine");
    }

    #[tokio::test]
    async fn sessions_and_codes_end_in_one_transaction_or_not_at_all() {
        let (_folder, path, _) = fresh();
        let store = Store::open(&path, StoreLimits::default(), ChainKey::for_tests()).unwrap();
        add(&store, 1).await;
        add(&store, 2).await;
        store.close().await;
        drop(store);
        let mut database = Offline::open(&path, ChainKey::for_tests()).unwrap();
        let end_all = |tx: &WriteTx<'_>| {
            let noted = tx.note(&Test("test"), &EVENT)?;
            Ok::<_, StoreError>((tx.end_every_session(&noted)?, tx.void_every_reset_code(&noted)?))
        };
        let broken: Result<(), _> = database.write(|tx| end_all(tx).and(Err(StoreError::Closed)));
        assert!(broken.is_err());
        assert_eq!((count(&path, "session"), count(&path, "audit_event")), (2, 2));
        assert_eq!(database.write(end_all).unwrap(), (2, 2));
        database.close_into_one_file().unwrap();
        assert_eq!((count(&path, "session"), count(&path, "audit_event")), (0, 3));
    }

    #[test]
    fn a_database_of_another_version_is_not_changed_beside_a_server() {
        let (_folder, path, _) = fresh();
        assert!(Offline::open_beside_a_server(&path, ChainKey::for_tests()).is_ok());
        for (version, too_old) in [(0, true), (99, false)] {
            let conn = pool::open_writer(&path).unwrap();
            conn.pragma_update(None, "user_version", version).unwrap();
            let refused = Offline::open_beside_a_server(&path, ChainKey::for_tests()).err().unwrap();
            assert_eq!(matches!(refused, StoreError::TooOld), too_old, "{refused}");
        }
    }
}
