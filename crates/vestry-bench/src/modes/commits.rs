//! Durable updates straight into the database, without a server around it: as many callers wait at a time as there
//! would be connections. With one job a transaction it is what a server would do without group commit, at its best:
//! nothing else takes its time.
//!
//! Before it counts, the write-ahead log is made to grow to its size: a log that is written over needs no change of
//! the file's own data at each fsync, and a server's is one after its first minutes.

use crate::act::Benched;
use crate::failure::Failure;
use crate::random::Random;
use crate::set::AccountSet;
use crate::tally::{Summary, Times};
use serde::Serialize;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::{Age, Username};
use vestry_protocol::user::Change;
use vestry_server::clock::Clock;
use vestry_server::data_dir::DataDir;
use vestry_server::secrets::files::read_audit_key;
use vestry_store::{
    AccountId, ActorKind, Event, NewSessionRow, Party, SessionId, Store, StoreError, StoreLimits, WriteTx,
};

/// No run has more callers.
pub const CALLERS_MAX: u64 = 1_024;

/// How long the sessions of a run last, and how long they may be idle.
const HOUR_SECS: i64 = 60 * 60;

/// The log is written from its beginning again when it is as long as this (`vestry-store`, `wal_autocheckpoint`).
const LOG_BYTES: u64 = 4_000 * 4_096;
/// Callers that make it grow, who share transactions.
const GROWING_CALLERS: usize = 256;
/// It does not take longer.
const GROWING_MAX: Duration = Duration::from_secs(20);

/// How many sessions were opened so far.
static OPENED: AtomicU64 = AtomicU64::new(0);

/// How many were durable.
#[derive(Debug, Serialize)]
pub struct Committed {
    /// Callers that waited at a time.
    pub callers: u64,
    /// Jobs that may share a transaction.
    pub jobs_a_transaction: usize,
    /// All in all.
    pub done: u64,
    /// A second.
    pub per_second: f64,
    /// From the call to the answer.
    pub latency: Summary,
}

/// Updates accounts of a set for so long.
///
/// # Errors
/// When the database does not take one, or a server has it.
pub fn run(folder: &Path, callers: u64, batch: usize, time: Duration) -> Result<Committed, Failure> {
    if !(1..=CALLERS_MAX).contains(&callers) || !(1..=256).contains(&batch) {
        return Err(Failure::other(format!(
            "use 1 to {CALLERS_MAX} callers and 1 to 256 jobs a transaction"
        )));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(Failure::system("a runtime"))?;
    let data_dir = DataDir::at(folder);
    let _lock = data_dir.lock().map_err(|error| Failure::other(error.to_string()))?;
    let set = AccountSet::read(&data_dir)?;
    let open = |batch| -> Result<Store, Failure> {
        let limits = StoreLimits { writes_a_transaction_max: batch, ..StoreLimits::default() };
        Ok(Store::open(&data_dir.database(), limits, read_audit_key(&data_dir.audit_key())?)?)
    };
    // Stays open: with the last one to close it, the log would go.
    let (all, wall) = runtime.block_on(async {
        let growing = open(GROWING_CALLERS)?;
        let many = u64::try_from(GROWING_CALLERS).unwrap_or(1);
        let deadline = Instant::now() + GROWING_MAX;
        let file = || data_dir.database().metadata().map_err(Failure::system("the database"));
        while growing.size_bytes() < file()?.len() + LOG_BYTES && Instant::now() < deadline {
            update_together(&growing, &set, many, Duration::from_millis(200)).await?;
        }
        let store = open(batch)?;
        let seen = update_together(&store, &set, callers, time).await?;
        store.close().await;
        growing.close().await;
        Ok::<_, Failure>(seen)
    })?;
    let (done, latency) = (all.count(), all.summary());
    Ok(Committed {
        callers,
        jobs_a_transaction: batch,
        done,
        per_second: done as f64 / wall.as_secs_f64(),
        latency,
    })
}

async fn update_together(
    store: &Store,
    set: &AccountSet,
    callers: u64,
    time: Duration,
) -> Result<(Times, Duration), Failure> {
    let mut opening = JoinSet::new();
    for number in 0..callers {
        let account = number * (set.accounts / callers).max(1) % set.accounts.max(1);
        opening.spawn(Caller::open(store.clone(), set.name(account)));
    }
    let opened = opening.join_all().await.into_iter().collect::<Result<Vec<Caller>, _>>()?;
    let (begun, mut running) = (Instant::now(), JoinSet::new());
    for caller in opened {
        running.spawn(caller.update_until(begun + time));
    }
    let mut all = Times::new()?;
    while let Some(seen) = running.join_next().await {
        all.add(&seen.map_err(|error| Failure::other(error.to_string()))??);
    }
    Ok((all, begun.elapsed()))
}

/// Somebody who is logged in, as far as the database is concerned.
struct Caller {
    store: Store,
    session: SessionId,
    random: Random,
}

impl Caller {
    async fn open(store: Store, name: String) -> Result<Self, Failure> {
        let now = Clock::system().now();
        let name = Username::parse(&name).map_err(|error| Failure::other(error.to_string()))?;
        // Another run, or another round within this second, must not make the same sessions.
        let mut random = Random::new(now.seconds().cast_unsigned(), OPENED.fetch_add(1, Ordering::Relaxed));
        let session = SessionId::from_wire(random.draw() >> 1);
        let token_hash = [random.draw(), random.draw()].map(u64::to_be_bytes).concat();
        store
            .write(move |tx| {
                let account = tx.account(&name, now)?;
                let account = account.ok_or_else(|| Failure::other(format!("{name} is not there")))?;
                let proof = match tx.credential(account.id)? {
                    Some(credential) => tx.still_proven(account.id, &credential)?,
                    None => None,
                };
                let proof = proof.ok_or_else(|| Failure::other(format!("{name} has no password")))?;
                let noted = tx.note_on(account.id, &Benched("bench.session"), &event(now, account.id))?;
                Ok::<_, Failure>(tx.insert_session(
                    &noted,
                    &proof,
                    &NewSessionRow {
                        id: session,
                        token_hash: &token_hash,
                        device: "bench",
                        source: "127.0.0.1",
                        created: now,
                        expires: now.plus(HOUR_SECS),
                    },
                )?)
            })
            .await?;
        Ok(Self { store, session, random })
    }

    async fn update_until(mut self, end: Instant) -> Result<Times, Failure> {
        let mut times = Times::new()?;
        while Instant::now() < end {
            let (session, now) = (self.session, Clock::system().now());
            let age = u16::try_from(18 + self.random.below(64)).unwrap_or(18);
            let begun = Instant::now();
            self.store.write(move |tx| update(tx, session, age, now)).await?;
            times.record(begun.elapsed());
        }
        Ok(times)
    }
}

/// What the server does for an update, in one transaction.
fn update(tx: &WriteTx<'_>, session: SessionId, age: u16, now: UnixSeconds) -> Result<(), Failure> {
    let live = tx.live_session(session, now, HOUR_SECS)?;
    let live = live.ok_or_else(|| Failure::other("a session ended"))?;
    // A session is marked as used once a minute, which these seconds are not.
    let account = live.account();
    let unreadable = |error: &dyn std::fmt::Display| Failure::other(error.to_string());
    let age = Age::new(age).map_err(|error| unreadable(&error))?;
    let noted = tx.note_on(account.id, &Benched("account.updated"), &event(now, account.id))?;
    tx.set_profile(&noted, &Change::Set(age), &Change::Keep)?;
    tx.account_by_id(account.id, now)?.ok_or(StoreError::Closed)?;
    Ok(())
}

fn event(at: UnixSeconds, account: AccountId) -> Event<'static> {
    let (actor_kind, party) = (ActorKind::User, Party::Account(account));
    Event { at, actor_kind, actor: party, subject: party, source: "127.0.0.1", detail: "age" }
}
