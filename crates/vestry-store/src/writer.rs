//! Group commit: one thread owns the only writing connection and commits what waits as one transaction.
//!
//! ```text
//!  callers ──▶ bounded queue ──▶ begin ─ job ─ job ─ job ─ commit (one fsync) ──▶ answers
//!                                        └ savepoint each, unless alone: a job that fails undoes only itself
//! ```
//!
//! A job is answered after the commit, so what was acknowledged is on disk. A job that returns an error or
//! panics leaves nothing behind. When the commit fails (disk full), every job of the batch gets the error.
//! It never retries: the caller knows whether its request may be done twice.

use crate::chain_key::ChainKey;
use crate::error::StoreError;
use crate::limits::StoreLimits;
use crate::supervisor::Supervisor;
use crate::tx::WriteTx;
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// One yield had four logins share a commit under load, four had nine; each makes the commit wait a little longer.
const YIELDS_BEFORE_A_COMMIT: u32 = 4;

type JobSender = mpsc::Sender<Box<dyn Job>>;

/// The writer thread's letter box. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: Arc<Mutex<Option<JobSender>>>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Writer {
    pub(crate) fn start(
        supervisor: &Supervisor,
        conn: Connection,
        chain: ChainKey,
        limits: StoreLimits,
    ) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel(limits.writes_queued_max);
        let batch_max = limits.writes_a_transaction_max.max(1);
        let thread = supervisor
            .thread("vestry-writer", move || commit_until_closed(&conn, &chain, jobs, batch_max))
            .map_err(|error| StoreError::Statement(error.to_string()))?;
        Ok(Self { queue: Arc::new(Mutex::new(Some(queue))), thread: Arc::new(Mutex::new(Some(thread))) })
    }

    pub(crate) async fn run<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: FnOnce(&WriteTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(ClosureJob { closure: Some(closure), outcome: None, answer });
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let queue = queue.ok_or(StoreError::Closed)?;
        queue.send(job).await.map_err(|_| StoreError::Closed)?;
        answered.await.unwrap_or_else(|_| Err(StoreError::ClosurePanicked.into()))
    }

    pub(crate) async fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // The thread ends when the last caller has its answer; waiting for it must not block a worker.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

/// A closure with the place for its answer, its types forgotten.
trait Job: Send {
    /// Runs once; whether its changes are to be kept.
    fn run(&mut self, tx: &WriteTx<'_>) -> bool;
    /// Tells the caller how it ended; `commit` says whether the batch reached the disk.
    fn answer(self: Box<Self>, commit: Result<(), StoreError>);
}

struct ClosureJob<T, E, F> {
    closure: Option<F>,
    outcome: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for ClosureJob<T, E, F>
where
    F: FnOnce(&WriteTx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, tx: &WriteTx<'_>) -> bool {
        let Some(closure) = self.closure.take() else { return false };
        // A panic ends one job, not the writer; the savepoint undoes whatever state it left.
        let outcome = catch_unwind(AssertUnwindSafe(|| closure(tx)))
            .unwrap_or_else(|_| Err(StoreError::ClosurePanicked.into()));
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn answer(self: Box<Self>, commit: Result<(), StoreError>) {
        let answer = match (commit, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            // What was refused stays refused, whether or not the others could be kept.
            (Err(_), Some(Err(refused))) => Err(refused),
            (Err(error), _) => Err(error.into()),
            (Ok(()), None) => Err(StoreError::ClosurePanicked.into()),
        };
        // A caller that went away no longer wants to know.
        let _ = self.answer.send(answer);
    }
}

fn commit_until_closed(
    conn: &Connection,
    chain: &ChainKey,
    mut jobs: mpsc::Receiver<Box<dyn Job>>,
    batch_max: usize,
) {
    let mut batch = Vec::with_capacity(batch_max);
    let mut shared_by = 0;
    while jobs.blocking_recv_many(&mut batch, batch_max) > 0 {
        // Where all processors are busy, each yield lets another caller go on and maybe ask, and a commit that is shared by
        // more costs each of them less. Where one is idle, nobody waits; and whoever writes alone has nobody to wait for.
        let yields = if shared_by.max(batch.len()) > 1 { YIELDS_BEFORE_A_COMMIT } else { 0 };
        for _ in 0..yields {
            std::thread::yield_now();
            while batch.len() < batch_max
                && let Ok(job) = jobs.try_recv()
            {
                batch.push(job);
            }
        }
        shared_by = batch.len();
        commit_together(conn, chain, &mut batch);
    }
}

/// Runs one batch in one transaction and answers each job.
fn commit_together(conn: &Connection, chain: &ChainKey, batch: &mut Vec<Box<dyn Job>>) {
    let committed = run_in_transaction(conn, chain, batch);
    if let Err(error) = &committed {
        tracing::error!(%error, jobs = batch.len(), "a batch of writes was not committed");
        if !conn.is_autocommit() {
            let _ = conn.execute_batch("rollback");
        }
    }
    for job in batch.drain(..) {
        let commit = committed.as_ref().map(|_| ()).map_err(StoreError::same_for_all);
        // Nobody may want the answer any more, and dropping it is the job's own code, too.
        let _ = catch_unwind(AssertUnwindSafe(|| job.answer(commit)));
    }
}

fn run_in_transaction(
    conn: &Connection,
    chain: &ChainKey,
    batch: &mut [Box<dyn Job>],
) -> Result<(), StoreError> {
    let run = |statement| conn.prepare_cached(statement)?.execute([]).map(drop);
    run("begin immediate")?;
    let tx = WriteTx::on(conn, chain);
    let keep = match batch {
        // A savepoint keeps a copy of each page that its job changes; who is alone has the transaction itself.
        [alone] => run_one(&tx, alone)?,
        together => {
            for job in together {
                run("savepoint job")?;
                let before = tx.chain_end.get();
                if !run_one(&tx, job)? {
                    run("rollback to job")?;
                    tx.chain_end.set(before);
                }
                run("release job")?;
            }
            true
        }
    };
    if !keep {
        return Ok(run("rollback")?);
    }
    tx.seal_chain_end()?;
    Ok(run("commit")?)
}

/// Whether the changes of a job are to be kept.
fn run_one(tx: &WriteTx<'_>, job: &mut Box<dyn Job>) -> Result<bool, StoreError> {
    let keep = job.run(tx);
    // Running out of disk can make SQLite undo the whole transaction, the jobs before this one too.
    if tx.conn.is_autocommit() { Err(StoreError::NotWritable) } else { Ok(keep) }
}

impl StoreError {
    /// The same error for another job of the batch.
    pub(crate) fn same_for_all(&self) -> Self {
        match self {
            Self::NotWritable => Self::NotWritable,
            Self::Damaged => Self::Damaged,
            Self::Held => Self::Held,
            other => Self::Statement(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::backup::Offline;
    use crate::chain_key::ChainKey;
    use crate::error::StoreError;
    use crate::fresh::{EVENT, Test, fresh_store, keys_of};
    use crate::limits::StoreLimits;
    use crate::store::Store;
    use crate::tables::accounts::{NewAccount, ProfilePatch};
    use vestry_protocol::UnixSeconds;
    use vestry_protocol::fields::Username;

    async fn register(
        store: &Store,
        name: &str,
        then: fn() -> Result<(), StoreError>,
    ) -> Result<bool, StoreError> {
        let name = Username::parse(name).unwrap();
        store
            .write(move |tx| {
                let noted = tx.note_on(tx.next_account_id()?, &Test("test"), &EVENT)?;
                let new = NewAccount {
                    name: &name,
                    keys: &keys_of(&name, 0),
                    profile: ProfilePatch::default(),
                    password: None,
                    created: UnixSeconds::from_seconds(1),
                };
                let made = tx.insert_account(&noted, &new)?.is_some();
                then().map(|()| made)
            })
            .await
    }

    async fn exists(store: &Store, name: &'static str) -> bool {
        let name = Username::parse(name).unwrap();
        store.read(move |tx| tx.account(&name, UnixSeconds::from_seconds(1))).await.unwrap().is_some()
    }

    #[tokio::test]
    async fn a_job_that_fails_or_panics_undoes_only_itself() {
        let (_folder, store) = fresh_store();
        let (kept, refused, broken, after) = tokio::join!(
            register(&store, "kept", || Ok(())),
            register(&store, "refused", || Err(StoreError::Held)),
            register(&store, "broken", || panic!("injected")),
            register(&store, "after", || Ok(())),
        );
        assert!(matches!((kept, after), (Ok(true), Ok(true))));
        assert!(matches!(refused, Err(StoreError::Held)));
        assert!(matches!(broken, Err(StoreError::ClosurePanicked)));
        let found =
            [exists(&store, "kept").await, exists(&store, "refused").await, exists(&store, "broken").await];
        assert_eq!(found, [true, false, false]);
    }

    /// Panics when it is dropped.
    struct Bad;

    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("injected");
        }
    }

    #[tokio::test]
    async fn an_answer_that_nobody_wants_and_that_panics_leaves_the_writer_alive() {
        let (_folder, store) = fresh_store();
        let (began, beginning) = tokio::sync::oneshot::channel();
        let asking = tokio::spawn({
            let store = store.clone();
            async move {
                let write = store.write(move |_| {
                    let _ = began.send(());
                    Ok::<_, StoreError>(Bad)
                });
                // It is let go of while it waits.
                let _ = tokio::time::timeout(std::time::Duration::ZERO, write).await.map(std::mem::forget);
            }
        });
        asking.await.unwrap();
        beginning.await.unwrap();
        assert!(register(&store, "after", || Ok(())).await.unwrap());
    }

    #[tokio::test]
    async fn the_audit_chain_holds_the_events_of_the_jobs_that_were_kept_and_no_others() {
        let (folder, store) = fresh_store();
        let mut kept = 0;
        let fates: [fn() -> Result<(), StoreError>; 3] =
            [|| Ok(()), || Err(StoreError::Held), || panic!("injected")];
        // All that share a commit, in every order of three; and each alone.
        for order in 0..27_usize {
            let fate = |place: u32| fates[order / 3_usize.pow(place) % 3];
            let names = [0, 1, 2].map(|place| format!("job{order}-{place}"));
            let [first, second, third] =
                [0, 1, 2].map(|place| register(&store, &names[place], fate(u32::try_from(place).unwrap())));
            let (first, second, third) = tokio::join!(first, second, third);
            kept += [first, second, third].iter().filter(|done| done.is_ok()).count();
            let alone = register(&store, &format!("alone{order}"), fate(0)).await;
            kept += usize::from(alone.is_ok());
        }
        store.close().await;
        let path = folder.path().join("vestry.db");
        let verdict = Offline::open(&path, ChainKey::for_tests()).unwrap().verify_audit(None).unwrap();
        assert_eq!((verdict.fault, verdict.head), (None, i64::try_from(kept).unwrap()));
        assert_eq!((kept, verdict.events), (27 + 9, 36));
    }

    #[tokio::test]
    async fn one_name_is_won_once_however_many_want_it() {
        let (_folder, store) = fresh_store();
        let tries: Vec<_> = (0..64)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { register(&store, "naman", || Ok(())).await.unwrap() })
            })
            .collect();
        let mut won = 0;
        for attempt in tries {
            won += usize::from(attempt.await.unwrap());
        }
        assert_eq!(won, 1);
    }

    #[tokio::test]
    async fn what_was_queued_before_closing_is_committed_and_later_writes_are_refused() {
        let (folder, store) = fresh_store();
        let queued = tokio::spawn({
            let store = store.clone();
            async move { register(&store, "queued", || Ok(())).await }
        });
        assert!(queued.await.unwrap().unwrap());
        store.close().await;
        assert!(matches!(register(&store, "late", || Ok(())).await, Err(StoreError::Closed)));
        let reopened =
            Store::open(&folder.path().join("vestry.db"), StoreLimits::default(), ChainKey::for_tests())
                .unwrap();
        assert!(exists(&reopened, "queued").await);
    }

    #[tokio::test]
    async fn the_database_file_and_its_log_are_readable_only_by_their_owner() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, store) = fresh_store();
        register(&store, "naman", || Ok(())).await.unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
        }
    }

    #[test]
    fn a_file_that_is_no_database_is_called_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vestry.db");
        std::fs::write(&path, "this is not a database, however long it is. ".repeat(100)).unwrap();
        assert!(matches!(
            Store::open(&path, StoreLimits::default(), ChainKey::for_tests()),
            Err(StoreError::Damaged)
        ));
    }
}
