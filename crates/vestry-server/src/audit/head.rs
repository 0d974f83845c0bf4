//! What the server last wrote down of its audit, beside the key: `secrets/audit.head`. Whoever can write the database and not the
//! folder of secrets can then neither wipe the audit, nor shorten it, nor put an earlier one back unseen. The last second can be
//! cut: the file is written behind the commits, at most once a second, so that it is never ahead of them.
//!
//! ```text
//! epoch 0             how often a database that was put back was accepted; it only grows
//! known 4711 0123…    the newest event, and its MAC
//! found 4600 89ab…    the one that was found instead; the file stays as it is until somebody accepts that
//! ```
//!
//! Where the folder of secrets was put back too, clients tell (`witness.rs`). Nothing here stops the server.

use crate::audit::act;
use crate::audit::actor::Actor;
use crate::audit::witness::{Seen, WitnessKey};
use crate::clock::Clock;
use crate::data_dir::DataDir;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use thiserror::Error;
use tokio::time::{MissedTickBehavior, interval};
use vestry_protocol::UnixSeconds;
use vestry_protocol::audit::Checkpoint;
use vestry_protocol::typed::vestryd;
use vestry_store::{Act, ChainKey, Noted, Party, ReadTx, Store, StoreError};
use vestry_tls::private_file::Shown;
use vestry_tls::{FileError, private_file};

const WRITING_PERIOD: Duration = Duration::from_secs(1);

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    /// What witnesses of clients say that are of an earlier one means nothing any more.
    pub epoch: u64,
    /// The newest event that was written down.
    pub known: Checkpoint,
    /// The newest event of a database that does not have it.
    pub found: Option<Checkpoint>,
}

/// Why the file cannot be used.
#[derive(Debug, Error)]
pub enum AuditHeadError {
    /// The system refused.
    #[error(transparent)]
    File(#[from] FileError),
    /// It does not say what it should.
    #[error("{} is damaged; when the audit is as you left it, take it: {}", Shown(.0), vestryd("audit accept"))]
    Damaged(PathBuf),
}

/// Reads the file. `None` when there is none.
///
/// # Errors
/// When it cannot be read or is damaged.
pub fn read(path: &Path) -> Result<Option<AuditHead>, AuditHeadError> {
    let bytes = match private_file::read(path) {
        Err(error) if error.is_missing() => return Ok(None),
        other => other?,
    };
    let head = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok());
    head.map(Some).ok_or_else(|| AuditHeadError::Damaged(path.to_owned()))
}

/// Writes the file.
///
/// # Errors
/// When the system refuses.
pub fn write(path: &Path, head: &AuditHead) -> Result<(), FileError> {
    let line = |word, place: &Checkpoint| format!("{word} {} {}\n", place.id, place.mac);
    let found = head.found.as_ref().map(|place| line("found", place));
    let text = format!(
        "epoch {}\n{}{}",
        head.epoch,
        line("known", &head.known),
        found.as_deref().unwrap_or_default()
    );
    private_file::replace(path, text.as_bytes())
}

impl AuditHead {
    /// What is written down of a database whose newest event this is.
    #[must_use]
    pub fn of(epoch: u64, known: Checkpoint) -> Self {
        Self { epoch, known, found: None }
    }

    /// The epoch after this one, from now on. A file that is made anew begins with the time, too: it is behind every
    /// epoch that the lost one can have had.
    #[must_use]
    pub fn next_epoch(before: Option<u64>, now: UnixSeconds) -> u64 {
        before.map_or(0, |before| before.saturating_add(1)).max(now.seconds().unsigned_abs())
    }
}

impl FromStr for AuditHead {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut lines = text.lines();
        let epoch = lines.next().and_then(|line| line.strip_prefix("epoch ")).ok_or(())?;
        let epoch = epoch.parse().map_err(|_| ())?;
        let mut next = |word: &str| {
            let Some(line) = lines.next() else { return Ok(None) };
            let (first, place) = line.split_once(' ').ok_or(())?;
            let (id, mac) = place.split_once(' ').ok_or(())?;
            let place = Checkpoint { id: id.parse().map_err(|_| ())?, mac: mac.to_owned() };
            let is_good = first == word && place.is_well_formed();
            if is_good { Ok(Some(place)) } else { Err(()) }
        };
        let (known, found) = (next("known")?.ok_or(())?, next("found")?);
        if lines.next().is_some() { Err(()) } else { Ok(Self { epoch, known, found }) }
    }
}

/// The newest event of a database, as its mark says.
///
/// # Errors
/// When the store does.
pub fn newest(tx: &ReadTx<'_>, key: &ChainKey) -> Result<Option<Checkpoint>, StoreError> {
    Ok(tx.audit_head(key)?.map(|(id, mac)| Checkpoint { id, mac }))
}

/// Whether an event that was written down is there, and the newest one.
async fn look(store: &Store, known: Option<Checkpoint>) -> Result<(bool, Option<Checkpoint>), StoreError> {
    let key = store.chain().clone();
    let looked = store.read(move |tx| {
        let is_there = known.map_or(Ok(true), |known| tx.audit_has(&key, &known));
        Ok((is_there?, newest(tx, &key)?))
    });
    looked.await
}

/// The epoch of a database whose file is not there: of the last time that one was accepted, as its audit says.
///
/// # Errors
/// When the store does.
pub fn epoch_of(tx: &ReadTx<'_>) -> Result<u64, StoreError> {
    let accepted = tx.newest_event_of(act::AuditAccepted.name())?;
    Ok(accepted.and_then(|at| u64::try_from(at.seconds()).ok()).unwrap_or(0))
}

/// Keeps the file while a server runs, and compares it with the database and with what clients saw.
pub struct HeadKeeper {
    path: PathBuf,
    witnesses: WitnessKey,
    clock: Clock,
    /// The newest event of the first start that found the database put back; when none did, of this one.
    found: Checkpoint,
    epoch: AtomicU64,
    /// Held while the file is written, which waits for the disk.
    state: Mutex<State>,
}

struct State {
    file: FileState,
    is_failing: bool,
}

/// What may be done with the file.
enum FileState {
    /// It is written, up to this event; there may have been no file.
    Written(Option<Checkpoint>),
    /// It stays as it is, since it cannot be read.
    Unreadable,
    /// The database was put back; it says what is known of that, and nothing else is written.
    PutBack {
        /// With the farthest event that somebody saw.
        head: AuditHead,
        is_written: bool,
    },
}

impl HeadKeeper {
    /// Compares the file with the database, and says in the log what does not fit.
    ///
    /// # Errors
    /// When the store does.
    pub async fn begin(data_dir: &DataDir, store: &Store, clock: Clock) -> Result<Self, StoreError> {
        let path = data_dir.audit_head();
        let (head, file) = match read(&path) {
            Ok(None) => {
                tracing::warn!(
                    "{} is missing: nobody can tell whether the audit was cut meanwhile",
                    path.display()
                );
                (None, FileState::Written(None))
            }
            Ok(Some(head)) => {
                let written = FileState::Written(Some(head.known.clone()));
                (Some(head), written)
            }
            Err(error) => {
                tracing::error!("{error}");
                (None, FileState::Unreadable)
            }
        };
        let (is_there, newest) = look(store, head.as_ref().map(|head| head.known.clone())).await?;
        let epoch = match &head {
            Some(head) => head.epoch,
            // It reads the whole audit, which a start has no time for as a rule.
            None => store.read(epoch_of).await?,
        };
        let found = head.as_ref().and_then(|head| head.found.clone()).or(newest);
        let keeper = Self {
            path,
            witnesses: WitnessKey::of(store.chain()),
            clock,
            found: found.unwrap_or_else(|| Checkpoint { id: 0, mac: "0".repeat(Checkpoint::DIGITS_MAX) }),
            epoch: AtomicU64::new(epoch),
            state: Mutex::new(State { file, is_failing: false }),
        };
        if let Some(AuditHead { epoch, known, .. }) = head
            && !is_there
        {
            // Without an event: what is found of the audit stays as it was found.
            keeper.take_as_put_back(&Seen { epoch, event: known });
            keeper.write_down(None);
        }
        Ok(keeper)
    }

    /// What the file says, for a check of the chain.
    #[must_use]
    pub fn known(&self) -> Option<Checkpoint> {
        read(&self.path).ok().flatten().map(|head| head.known)
    }

    /// What a client is to keep of an event.
    #[must_use]
    pub fn witness_of<A>(&self, noted: &Noted<'_, A>) -> Vec<u8> {
        self.witnesses.seal(self.epoch(), noted)
    }

    /// Compares what a client kept with the audit. One that does not open, or that was seen in an earlier epoch, is ignored.
    pub async fn weigh(self: &Arc<Self>, store: &Store, witness: &[u8]) {
        let Some(seen) = self.witnesses.open(witness).filter(|seen| seen.epoch >= self.epoch()) else {
            return;
        };
        let (key, event) = (store.chain().clone(), seen.event.clone());
        match store.look_up(move |tx| tx.audit_has(&key, &event)).await {
            Ok(true) => drop(self.epoch.fetch_max(seen.epoch, Ordering::Relaxed)),
            Ok(false) => self.tell_it_was_put_back(store, &seen).await,
            Err(error) => tracing::warn!(%error, "what a client saw of the audit was not compared with it"),
        }
    }

    /// Takes what is missing for put back, in the file and, the first time, in the audit.
    async fn tell_it_was_put_back(self: &Arc<Self>, store: &Store, seen: &Seen) {
        let is_new = self.take_as_put_back(seen);
        self.write_aside(None).await;
        if !is_new {
            return;
        }
        let event = &seen.event;
        let (now, detail) = (self.clock.now(), format!("event {} mac={} is not there", event.id, event.mac));
        let noted = store.write(move |tx| {
            Actor::server().note(tx, now, act::AuditPutBack, Party::NONE, &detail).map(drop)
        });
        if let Err(error) = noted.await {
            tracing::error!(%error, "that the audit was put back is not in the audit");
        }
    }

    /// Remembers what somebody saw and the database does not have, and tells the log the first time; whether it was.
    fn take_as_put_back(&self, Seen { epoch, event }: &Seen) -> bool {
        let mut state = self.lock();
        let known = match &state.file {
            FileState::PutBack { head, .. } => Some(head.known.id),
            FileState::Written(_) | FileState::Unreadable => None,
        };
        let before = self.epoch.fetch_max(*epoch, Ordering::Relaxed);
        if *epoch > before || known.is_none_or(|known| event.id > known) {
            let head =
                AuditHead { epoch: self.epoch(), known: event.clone(), found: Some(self.found.clone()) };
            state.file = FileState::PutBack { head, is_written: false };
        }
        if known.is_none() {
            tracing::error!(
                known = event.id,
                newest = self.found.id,
                "the audit was wiped, shortened or put back; when you put this database back, stop the server and run: {}",
                vestryd("audit accept")
            );
        }
        known.is_none()
    }

    /// Writes the newest event down when there is a new one, and the one before is still there.
    pub async fn keep(self: &Arc<Self>, store: &Store) {
        let last = match &self.lock().file {
            FileState::Written(last) => last.clone(),
            FileState::Unreadable | FileState::PutBack { .. } => None,
        };
        match (look(store, last.clone()).await, last) {
            (Ok((false, _)), Some(event)) => {
                self.tell_it_was_put_back(store, &Seen { epoch: self.epoch(), event }).await;
            }
            (Ok((_, newest)), _) => self.write_aside(newest).await,
            (Err(_), _) => {}
        }
    }

    /// It waits for the disk.
    async fn write_aside(self: &Arc<Self>, newest: Option<Checkpoint>) {
        let keeper = self.clone();
        let _ = tokio::task::spawn_blocking(move || keeper.write_down(newest)).await;
    }

    /// Writes what is not in the file yet. What cannot be written is tried again with the next call.
    fn write_down(&self, newest: Option<Checkpoint>) {
        let mut state = self.lock();
        let head = match (&state.file, newest) {
            (FileState::Written(last), Some(newest)) if last.as_ref() != Some(&newest) => {
                AuditHead::of(self.epoch(), newest)
            }
            (FileState::PutBack { head, is_written: false }, _) => head.clone(),
            _ => return,
        };
        match write(&self.path, &head) {
            Ok(()) => {
                match &mut state.file {
                    FileState::PutBack { is_written, .. } => *is_written = true,
                    file => *file = FileState::Written(Some(head.known)),
                }
                if std::mem::take(&mut state.is_failing) {
                    tracing::info!("{} is written again", self.path.display());
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut state.is_failing, true) {
                    tracing::error!(%error, "what was added to the audit can be cut off unseen");
                }
            }
        }
    }

    /// Goes on for ever.
    pub async fn keep_writing(self: Arc<Self>, store: Store) {
        let mut ticks = interval(WRITING_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.keep(&store).await;
        }
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_reads_back_and_anything_else_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.head");
        assert_eq!(read(&path).unwrap(), None);
        let place = |id| Checkpoint { id, mac: "0f".repeat(32) };
        for found in [None, Some(place(3))] {
            let head = AuditHead { epoch: 5, known: place(7), found };
            write(&path, &head).unwrap();
            assert_eq!(read(&path).unwrap(), Some(head));
        }
        let whole = std::fs::read_to_string(&path).unwrap();
        for text in [
            "",
            "epoch 5",
            "epoch 5\nknown",
            "epoch 5\nknown 7",
            "epoch 5\nknown 7 0f",
            "epoch 5\nknown x 0f0f0f0f0f0f0f0f",
            "epoch x\nknown 7 0f0f0f0f0f0f0f0f",
            whole.trim_start_matches("epoch 5\n"),
            &format!("{whole}{whole}"),
        ] {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(read(&path), Err(AuditHeadError::Damaged(_))), "{text:?}");
        }
    }
}
