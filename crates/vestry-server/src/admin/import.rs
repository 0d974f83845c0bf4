//! Bringing many accounts in over the admin port: rows are judged as they come and wait in a scratch file; one
//! transaction of the writer makes all of them accounts.
//!
//! An import belongs to its connection. Until [`finish`] nothing of the database changes, and whatever ends the
//! connection, or the server, ends the import. No row is in memory longer than its batch.

mod judging;

use crate::audit::act;
use crate::credentials::ImportedHashes;
use crate::failure::Failure;
use crate::operators::operator::Operator;
use crate::operators::operator::act;
use crate::operators::reads::Read;
use crate::ports::connection::Ended;
use crate::ports::conversation::Replies;
use crate::process::work_folder::{WorkFolder, WorkFolderError};
use crate::server::Server;
use crate::source::Source;
use judging::{Judge, Judged};
use std::io;
use std::net::Ipv4Addr;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, MissedTickBehavior, interval};
use vestry_protocol::admin::AdminReply;
use vestry_protocol::count::Count;
use vestry_protocol::escape::Escaped;
use vestry_protocol::import::{BadRow, ImportRow};
use vestry_store::import::{Added, StagedRows, Staging};
use vestry_store::{Party, StoreError};

/// Somebody else's import takes this long at least.
const RETRY_AFTER_MS: u64 = 10_000;

/// A million accounts take some seconds to make; whoever waits sees that it goes on.
const PROGRESS_PERIOD: Duration = Duration::from_millis(500);

/// An import may not take the room that the database's other writes need.
const ROOM_BYTES_MIN: u64 = 64 * 1024 * 1024;

/// What a row takes in the scratch file, it takes in the write-ahead log and in the database again.
const COPIES_TO_COME: u64 = 2;

/// An import under way.
pub(super) struct Import {
    staging: Staging,
    scratch: Scratch,
    /// What rows are judged by; measured when the import began.
    judge: Arc<Judge>,
}

/// The scratch folder and the right to have one; given back together.
struct Scratch(Option<(WorkFolder, OwnedSemaphorePermit)>);

impl Scratch {
    fn path(&self) -> Option<&Path> {
        self.0.as_ref().map(|(folder, _)| folder.path())
    }

    /// Refuses to fill the disk that the database has to write to.
    fn require_room_for(&self, staging: &Staging) -> Result<(), Failure> {
        let path = self.path().ok_or(Failure::Internal("an import lost its folder"))?;
        let disk = rustix::fs::statvfs(path).map_err(|_| StoreError::NotWritable)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let needed = staging.bytes().saturating_mul(COPIES_TO_COME).saturating_add(ROOM_BYTES_MIN);
        if free >= needed { Ok(()) } else { Err(StoreError::NotWritable.into()) }
    }

    /// Gives both back here and now: for a thread that may block.
    fn close(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // To give a large file back to the disk takes longer than a worker may be held.
        let Some(parts) = self.0.take() else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn_blocking(move || drop(parts)));
        }
    }
}

pub(super) async fn start(
    server: &Server,
    operator: &Operator,
    import: &mut Option<Import>,
) -> Result<AdminReply, Failure> {
    if import.is_some() {
        return Err(Failure::ImportUnderWay);
    }
    let permit = server.imports.clone().try_acquire_owned();
    let permit = permit.map_err(|_| Failure::Busy { retry_after_ms: RETRY_AFTER_MS })?;
    let recorded = server.queries.record(server, operator, Read::of_import()).await?;
    // How fast this machine hashes is measured where it hashes, so that what else runs there counts.
    let here = Source::of(Ipv4Addr::LOCALHOST.into());
    let measured = server.hashing.run(&here, ImportedHashes::measure).await;
    let measured = measured.map_err(|not_run| Failure::from(&not_run))??;
    let speed = measured.map_err(|_| Failure::Internal("the speed of hashing could not be measured"))?;
    let judge = Arc::new(Judge {
        hashes: server.imported.clone(),
        names: server.names.clone(),
        speed,
        answer_after: server.settings.now().hashing.imported_login_time,
        _recorded: recorded,
    });
    let database = server.store.path().to_owned();
    let begun = in_background(move || {
        let data_dir = database.parent().ok_or(Failure::Internal("the database is in no folder"))?;
        let folder = WorkFolder::create_in(data_dir).map_err(no_folder)?;
        let staging = Staging::create(&folder.path().join("import.db"))?;
        let scratch = Scratch(Some((folder, permit)));
        scratch.require_room_for(&staging)?;
        Ok(Import { staging, scratch, judge })
    });
    *import = Some(begun.await?);
    Ok(AdminReply::ImportStarted)
}

fn no_folder(error: WorkFolderError) -> Failure {
    let WorkFolderError { path, action, cause } = error;
    let path = path.display().to_string();
    tracing::error!(path = %Escaped(&path), %cause, "the folder of an import could not be {action}");
    match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::ReadOnlyFilesystem => StoreError::NotWritable.into(),
        _ => Failure::Internal("an import has no folder"),
    }
}

/// Judges rows and keeps the good ones. When this fails, the import is over.
pub(super) async fn take(
    server: &Server,
    import: &mut Option<Import>,
    rows: Vec<ImportRow>,
) -> Result<AdminReply, Failure> {
    let mut import_under_way = import.take().ok_or(Failure::NoImport)?;
    let (judge, now) = (import_under_way.judge.clone(), server.clock.now());
    let Judged { good, mut bad } = server.store.read(move |tx| judge.judge(tx, rows, now)).await?;
    let kept = in_background(move || {
        let Import { staging, scratch, .. } = &mut import_under_way;
        scratch.require_room_for(staging)?;
        for row in &good {
            // A name may be waiting already.
            if let Added::Repeats { line } = staging.add(&row.as_staged())? {
                bad.push(BadRow { line: row.line(), reason: format!("name: line {line} has it already") });
            }
        }
        bad.sort_by_key(|row| row.line);
        Ok((import_under_way, bad))
    });
    let (kept, bad) = kept.await?;
    *import = Some(kept);
    Ok(AdminReply::RowsJudged(bad))
}

/// Gives an import up.
pub(super) async fn drop_it(import: &mut Option<Import>) -> Result<AdminReply, Failure> {
    let Import { staging, scratch, .. } = import.take().ok_or(Failure::NoImport)?;
    in_background(move || {
        drop(staging);
        scratch.close();
        Ok(AdminReply::ImportDropped)
    })
    .await
}

pub(super) async fn finish(
    server: &Server,
    operator: &Operator,
    import: &mut Option<Import>,
    accounts: u64,
    replies: &mut Replies<'_, AdminReply>,
) -> Result<(), Ended> {
    let last = match begin_to_finish(import.take(), accounts).await {
        Ok((rows, scratch)) => {
            let made = make_accounts(server, operator, rows, replies).await?;
            // Before the answer, so that another import may follow it at once. What is left would go at the next start.
            let _ = tokio::task::spawn_blocking(move || scratch.close()).await;
            made
        }
        Err(failure) => Err(failure),
    };
    replies.send(last.unwrap_or_else(|failure| AdminReply::Refused(failure.into_refusal()))).await
}

async fn begin_to_finish(import: Option<Import>, accounts: u64) -> Result<(StagedRows, Scratch), Failure> {
    let Import { staging, scratch, .. } = import.ok_or(Failure::NoImport)?;
    if staging.accounts() != accounts {
        return Err(Failure::ImportCount);
    }
    in_background(move || {
        scratch.require_room_for(&staging)?;
        Ok((staging.into_rows()?, scratch))
    })
    .await
}

/// The act, with a sign of life now and then. When the operator goes away before its end, nothing of it remains.
async fn make_accounts(
    server: &Server,
    operator: &Operator,
    rows: StagedRows,
    replies: &mut Replies<'_, AdminReply>,
) -> Result<Result<AdminReply, Failure>, Ended> {
    let progress = Arc::new(Progress::default());
    let given_up = GivenUpWhenDropped(progress.clone());
    let making = make(server, operator, rows, progress.clone());
    let (dismissed, mut dismissal) = (operator.dismissed(server), None);
    tokio::pin!(making, dismissed);
    let mut ticks = interval(PROGRESS_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let made = loop {
        tokio::select! {
            made = &mut making => break made,
            _ = ticks.tick() => {}
            () = replies.peer_gone() => return Err(Ended::Closed),
            // Whether it is undone or was too late is known at its end.
            failure = &mut dismissed, if dismissal.is_none() => {
                progress.given_up.store(true, Ordering::Relaxed);
                dismissal = Some(failure);
            }
        }
        let accounts = progress.made.load(Ordering::Relaxed);
        replies.send(AdminReply::ImportContinues { accounts }).await?;
        replies.flush().await?;
    };
    drop(given_up);
    Ok(made.map_err(|failure| dismissal.unwrap_or(failure)))
}

async fn make(
    server: &Server,
    operator: &Operator,
    rows: StagedRows,
    progress: Arc<Progress>,
) -> Result<AdminReply, Failure> {
    let now = server.clock.now();
    let (accounts, with_password) = (rows.accounts(), rows.with_password());
    let begun = act(server, operator, move |tx, by| {
        let begun = Instant::now();
        let detail = format!(
            "{}, {with_password} with a password, sha256:{}",
            Count::new(accounts, "account"),
            rows.digest()
        );
        let noted = by.as_actor().note(tx, now, act::AccountsImported, Party::NONE, &detail)?;
        tx.import_accounts(&noted, &rows, now, |made| {
            progress.made.store(made, Ordering::Relaxed);
            match progress.given_up.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        Ok(begun)
    })
    .await?;
    let elapsed_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    Ok(AdminReply::ImportFinished { accounts, with_password, elapsed_us })
}

/// How far the accounts have come, and whether anybody still wants them.
#[derive(Default)]
struct Progress {
    made: AtomicU64,
    given_up: AtomicBool,
}

/// Ends the act when nobody waits for it any more.
struct GivenUpWhenDropped(Arc<Progress>);

impl Drop for GivenUpWhenDropped {
    fn drop(&mut self) {
        self.0.given_up.store(true, Ordering::Relaxed);
    }
}

/// Runs what reads and writes files where that may take its time.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Failure::Internal("an import broke off"))?
}
