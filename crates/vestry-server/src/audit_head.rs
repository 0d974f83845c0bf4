//! What the server last wrote down of its audit, beside the key: `secrets/audit.head`. Whoever can write the database and not the
//! folder of secrets can then neither wipe the audit, nor shorten it, nor put an earlier one back unseen. The last second can be
//! cut: the file is written behind the commits, at most once a second, so that it is never ahead of them.
//!
//! ```text
//! known 4711 0123…    the newest event, and its MAC
//! found 4600 89ab…    the one that a start found instead; the file stays as it is until somebody accepts that
//! ```
//!
//! Nothing here stops the server.

use crate::data_dir::DataDir;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use thiserror::Error;
use tokio::time::{MissedTickBehavior, interval};
use vestry_protocol::audit::Checkpoint;
use vestry_store::{ChainKey, ReadTx, Store, StoreError};
use vestry_tls::{FileError, private_file};

const WRITING_PERIOD: Duration = Duration::from_secs(1);

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
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
    #[error("{} is damaged; when the audit is as you left it, take it: vestryd audit accept", .0.display())]
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
    let text = line("known", &head.known) + found.as_deref().unwrap_or_default();
    private_file::replace(path, text.as_bytes())
}

impl FromStr for AuditHead {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut lines = text.lines();
        let mut next = |word: &str| {
            let Some(line) = lines.next() else { return Ok(None) };
            let (first, place) = line.split_once(' ').ok_or(())?;
            let (id, mac) = place.split_once(' ').ok_or(())?;
            let place = Checkpoint { id: id.parse().map_err(|_| ())?, mac: mac.to_owned() };
            let is_good = first == word && place.is_well_formed();
            if is_good { Ok(Some(place)) } else { Err(()) }
        };
        let (known, found) = (next("known")?.ok_or(())?, next("found")?);
        if lines.next().is_some() { Err(()) } else { Ok(Self { known, found }) }
    }
}

/// The newest event of a database, as its mark says.
///
/// # Errors
/// When the store does.
pub fn newest(tx: &ReadTx<'_>, key: &ChainKey) -> Result<Option<Checkpoint>, StoreError> {
    Ok(tx.audit_head(key)?.map(|(id, mac)| Checkpoint { id, mac }))
}

/// Keeps the file while a server runs.
pub struct HeadKeeper {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    /// The newest event that is in the file; `None` while the file must stay as it is.
    written: Option<i64>,
    is_failing: bool,
}

impl HeadKeeper {
    /// Compares the file with the database, and says in the log what does not fit.
    ///
    /// # Errors
    /// When the store does.
    pub async fn begin(data_dir: &DataDir, store: &Store) -> Result<Self, StoreError> {
        let path = data_dir.audit_head();
        let written = match read(&path) {
            Ok(Some(head)) => {
                let (key, known) = (store.chain().clone(), head.known.clone());
                let judged = store
                    .read(move |tx| Ok::<_, StoreError>((tx.audit_has(&key, &known)?, newest(tx, &key)?)));
                match judged.await? {
                    (true, _) => Some(head.known.id),
                    (false, newest) => {
                        tell_it_was_put_back(&path, head, newest);
                        None
                    }
                }
            }
            Ok(None) => {
                tracing::warn!(
                    "{} is missing: nobody can tell whether the audit was cut meanwhile",
                    path.display()
                );
                Some(0)
            }
            Err(error) => {
                tracing::error!("{error}");
                None
            }
        };
        Ok(Self { path, state: Mutex::new(State { written, is_failing: false }) })
    }

    /// What the file says, for a check of the chain.
    #[must_use]
    pub fn known(&self) -> Option<Checkpoint> {
        read(&self.path).ok().flatten().map(|head| head.known)
    }

    /// Writes the newest event down, when there is a new one.
    pub async fn keep(self: &Arc<Self>, store: &Store) {
        let key = store.chain().clone();
        let Ok(Some(newest)) = store.read(move |tx| newest(tx, &key)).await else { return };
        let keeper = self.clone();
        // It waits for the disk.
        let _ = tokio::task::spawn_blocking(move || keeper.write_down(newest)).await;
    }

    fn write_down(&self, known: Checkpoint) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.written.is_none_or(|written| written == known.id) {
            return;
        }
        let id = known.id;
        match write(&self.path, &AuditHead { known, found: None }) {
            Ok(()) => {
                state.written = Some(id);
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
}

/// The first start that finds it writes down what it found: how many events are lost is known from then on.
fn tell_it_was_put_back(path: &Path, mut head: AuditHead, newest: Option<Checkpoint>) {
    let newest = newest.unwrap_or(Checkpoint { id: 0, mac: "0".repeat(Checkpoint::DIGITS_MAX) });
    tracing::error!(
        known = head.known.id,
        newest = newest.id,
        "the audit was wiped, shortened or put back; when you put this database back: vestryd audit accept"
    );
    if head.found.is_none() {
        head.found = Some(newest);
        if let Err(error) = write(path, &head) {
            tracing::error!(%error, "what was found is not written down");
        }
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
            let head = AuditHead { known: place(7), found };
            write(&path, &head).unwrap();
            assert_eq!(read(&path).unwrap(), Some(head));
        }
        let whole = std::fs::read_to_string(&path).unwrap();
        for text in [
            "",
            "known",
            "known 7",
            "known 7 0f",
            "known x 0f0f0f0f0f0f0f0f",
            whole.trim_start_matches("known"),
            &format!("{whole}{whole}"),
        ] {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(read(&path), Err(AuditHeadError::Damaged(_))), "{text:?}");
        }
    }
}
