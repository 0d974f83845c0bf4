//! The way back: read all of a backup, prove that it is sound and fits its keys, end what must not come back to life,
//! and only then put it in place. Until that last step nothing in the data directory is changed.

use super::error::BackupError;
use super::kind::DATABASE;
use super::placing::Placing;
use super::unpack;
use crate::audit::act;
use crate::audit::actor::Actor;
use crate::audit::head::{self, AuditHead};
use crate::clock::Plausible;
use crate::data_dir::DataDir;
use crate::process::work_folder::WorkFolder;
use crate::secrets::error::SetupError;
use crate::secrets::files::Secrets;
use crate::secrets::kind::{NEXT_OPAQUE_KEY_FACT, OPAQUE_KEY_FACT, SecretKind};
use crate::secrets::making::create_secret;
use crate::secrets::rekey::rekey_audit_chain;
use std::io::BufRead;
use std::path::Path;
use vestry_protocol::typed::vestryd;
use vestry_seal::{Passphrase, SealedReader, is_sealed};
use vestry_store::backup::Offline;
use vestry_store::{ChainKey, Party, Store, StoreError};

/// What came back.
pub struct Restored {
    /// Of when the backup is.
    pub created: String,
    /// How many sessions were ended.
    pub sessions: u64,
    /// How many one-time codes were made useless.
    pub codes: u64,
    /// What the operator should know.
    pub notes: Vec<String>,
}

/// What is to be restored, and where to.
pub struct Wanted<'a> {
    /// What it was sealed with.
    pub passphrase: Option<&'a Passphrase>,
    /// A data directory that holds no database.
    pub data_dir: &'a DataDir,
    /// The key of the audit chain is lost: its events are sealed as they are, under a new one.
    pub new_audit_key: bool,
}

/// Opens a backup to be restored.
///
/// # Errors
/// When the system refuses.
pub fn open(file: &Path) -> Result<impl BufRead + use<>, BackupError> {
    unpack::open(file)
}

/// Restores a backup into a data directory that holds no database.
///
/// # Errors
/// With the first thing that stands against it; then the data directory is as it was.
pub fn restore(
    input: impl BufRead,
    wanted: &Wanted<'_>,
    by: &Actor<'_>,
    now: Plausible,
) -> Result<Restored, BackupError> {
    let Wanted { passphrase, data_dir, new_audit_key } = *wanted;
    vestry_tls::private_file::create_dir(data_dir.path())?;
    let _lock = data_dir.lock()?;
    refuse_a_database_in_place(data_dir)?;
    let work = WorkFolder::create_in(data_dir.path())?;
    let manifest = unpack_opened(input, passphrase, work.path())?;
    let database = work.path().join(DATABASE);
    let audit_key_is_new = make_audit_key_in(work.path(), data_dir, new_audit_key)?;
    let placing = Placing::decide(work.path(), data_dir)?;
    let source_of = |fact: &str| placing.source_of(&data_dir.path().join(fact));
    for name in SecretKind::ALL.map(SecretKind::fact) {
        if !source_of(name).exists() {
            return Err(BackupError::SecretMissing { path: data_dir.path().join(name), name });
        }
    }
    let secrets = Secrets::read_from(source_of)?;
    Store::verify_integrity(&database)?;
    let mut database = Offline::open(&database, secrets.chain.clone())?;
    let mut notes = placing.notes().to_vec();
    match audit_key_is_new {
        true => {
            database.write(|tx| rekey_audit_chain(tx, by, &secrets.chain, now).map(drop))?;
            require_fitting_secrets(&mut database, &secrets, &placing, data_dir)?;
        }
        false => {
            require_fitting_secrets(&mut database, &secrets, &placing, data_dir)?;
            // A database is worth more than its audit: one that was tampered with is restored, with a warning.
            notes.extend(
                database.verify_audit(None)?.fault.map(|fault| {
                    format!("warning: the audit in the backup is not as it was written: {fault}")
                }),
            );
        }
    }
    let (sessions, codes) = database.write(|tx| {
        let detail = format!("backup of {}", manifest.created);
        let noted = by.note(tx, now.reading(), act::DatabaseRestored, Party::NONE, &detail)?;
        tx.forget_every_device(&noted)?;
        Ok::<_, StoreError>((tx.end_every_session(&noted)?, tx.void_every_reset_code(&noted)?))
    })?;
    database.close_into_one_file()?;
    placing.carry_out(data_dir)?;
    notes.extend(write_audit_head_down(data_dir, &secrets.chain, audit_key_is_new)?);
    Ok(Restored { created: manifest.created, sessions, codes, notes })
}

/// Makes the key of the audit chain among what was unpacked, when somebody says that it is lost.
fn make_audit_key_in(unpacked: &Path, data_dir: &DataDir, is_lost: bool) -> Result<bool, BackupError> {
    let unpacked = DataDir::at(unpacked);
    if !is_lost || unpacked.audit_key().exists() || data_dir.audit_key().exists() {
        return Ok(false);
    }
    vestry_tls::private_file::create_dir(&unpacked.secrets())?;
    create_secret(&unpacked.audit_key(), SecretKind::AuditKey)?;
    Ok(true)
}

/// A new machine knows nothing of the audit yet, and of a new chain nobody does; who knows another event is told how to go on.
fn write_audit_head_down(
    data_dir: &DataDir,
    chain: &ChainKey,
    is_new_chain: bool,
) -> Result<Option<String>, BackupError> {
    let path = data_dir.audit_head();
    let mut database = Offline::open(&data_dir.database(), chain.clone())?;
    let known = head::read(&path);
    let epoch = match known.as_ref().ok().and_then(Option::as_ref) {
        Some(head) => head.epoch,
        None => database.read(head::epoch_of)?,
    };
    let fits = match known {
        known if is_new_chain || matches!(known, Ok(None)) => {
            if let Some(known) = database.read(|tx| head::newest(tx, chain))? {
                head::write(&path, &AuditHead::of(epoch, known))?;
            }
            true
        }
        Ok(Some(head)) => database.read(|tx| tx.audit_has(chain, &head.known))?,
        Ok(None) | Err(_) => false,
    };
    database.close_into_one_file()?;
    let told = || {
        format!(
            "the audit in the backup is not up to what was written down last; to go on from it, before the server starts: {}",
            vestryd("audit accept")
        )
    };
    Ok((!fits).then(told))
}

/// The log of a database that is gone would be taken for that of the one that comes.
fn refuse_a_database_in_place(data_dir: &DataDir) -> Result<(), BackupError> {
    let names = ["vestry.db", "vestry.db-wal", "vestry.db-shm", "vestry.db-journal"];
    let is_there = |name: &&str| data_dir.path().join(name).symlink_metadata().is_ok();
    match names.iter().any(is_there) {
        true => Err(BackupError::DatabaseInPlace { folder: data_dir.path().to_owned() }),
        false => Ok(()),
    }
}

fn unpack_opened(
    mut input: impl BufRead,
    passphrase: Option<&Passphrase>,
    into: &Path,
) -> Result<super::manifest::Manifest, BackupError> {
    let sealed = is_sealed(&mut input).map_err(BackupError::NotRead)?;
    match (sealed, passphrase) {
        (true, Some(passphrase)) => {
            let opened = SealedReader::open(input, passphrase).map_err(BackupError::of_reading)?;
            unpack::unpack(opened, into)
        }
        (false, None) => unpack::unpack(input, into),
        (true, None) => Err(BackupError::PassphraseNeeded),
        (false, Some(_)) => Err(BackupError::NotSealed),
    }
}

/// Proves that the database was made with these keys.
fn require_fitting_secrets(
    database: &mut Offline,
    secrets: &Secrets,
    placing: &Placing,
    data_dir: &DataDir,
) -> Result<(), BackupError> {
    let error = match secrets.verify_for_offline(database) {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    let (SetupError::SecretOfAnother(name) | SetupError::SecretMissing(name)) = error else {
        return Err(error.into());
    };
    let path = placing.source_of(&data_dir.path().join(name));
    // Records that need an OPAQUE key that is gone, as after a rotation that was finished, have an error of their own.
    let (key, rows) = database.read(|tx| Ok::<_, StoreError>((tx.fact(name)?, tx.opaque_generations()?)))?;
    let row = match name {
        OPAQUE_KEY_FACT => rows.first(),
        NEXT_OPAQUE_KEY_FACT => rows.last(),
        _ => None,
    };
    Err(match row.filter(|row| row.records > 0) {
        Some(row) => BackupError::RecordsWithoutKey {
            records: row.records,
            of: rows.iter().map(|row| row.records).sum(),
            key: key.unwrap_or_default(),
            path,
        },
        None => BackupError::SecretOfAnother { path, name },
    })
}
