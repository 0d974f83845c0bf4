//! Replacing secrets, while no server runs.
//!
//! Each rotation makes a new file beside the one in force, has the database take over in one transaction with its event, and puts
//! the file in its place. A crash in between leaves the old secret or the new one in force, never half of either
//! (`secrets::finish_replacements`).

use crate::audit::act;
use crate::audit::actor::Actor;
use crate::audit::head;
use crate::clock::Plausible;
use crate::credentials::Pepper;
use crate::data_dir::DataDir;
use crate::secrets::error::SetupError;
use crate::secrets::files::{Secrets, finish_replacements, read_audit_key, replacement_of};
use crate::secrets::kind::{AUDIT_KEY_FACT, NEXT_OPAQUE_KEY_FACT, OPAQUE_KEY_FACT, PEPPER_FACT, SecretKind};
use crate::secrets::making::create_secret;
use crate::secrets::rekey::rekey_audit_chain;
use std::path::PathBuf;
use vestry_protocol::audit::AuditFault;
use vestry_protocol::count::Count;
use vestry_protocol::item::Open;
use vestry_store::backup::Offline;
use vestry_store::{GenerationRow, Party, StoreError};
use vestry_tls::private_file;

/// Who replaces a secret, and when.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// Who.
    pub actor: Actor<'a>,
    /// When.
    pub now: Plausible,
}

/// A database whose secrets fit it, and that no server uses: whoever holds the lock of its data directory.
struct AtRest {
    secrets: Secrets,
    database: Offline,
    generations: Vec<GenerationRow>,
}

impl AtRest {
    fn open(data_dir: &DataDir) -> Result<Self, SetupError> {
        finish_replacements(data_dir)?;
        let secrets = Secrets::read(data_dir)?;
        let mut database = Offline::open(&data_dir.database(), secrets.chain.clone())?;
        secrets.verify_for_offline(&mut database)?;
        let generations = database.read(|tx| tx.opaque_generations())?;
        Ok(Self { secrets, database, generations })
    }
}

/// Makes a new OPAQUE key, which every new record is made with from the next start on, and to which each other record moves at
/// the next login of its account. Returns how many there are.
///
/// # Errors
/// [`SetupError::RotationUnderWay`] when the last one has not ended.
pub fn begin_opaque(data_dir: &DataDir, by: By<'_>) -> Result<u64, SetupError> {
    let AtRest { mut database, generations, .. } = AtRest::open(data_dir)?;
    let [only] = generations[..] else {
        return Err(SetupError::RotationUnderWay { left: generations.first().map_or(0, |row| row.records) });
    };
    make_replacement(data_dir, SecretKind::OpaqueKey)?;
    let next = Secrets::read(data_dir)?.next_opaque.ok_or(SetupError::SecretMissing(NEXT_OPAQUE_KEY_FACT))?;
    database.write(|tx| {
        let name = next.id();
        let noted = by.actor.note(tx, by.now.reading(), act::OpaqueRotationBegun, Party::Text(&name), "")?;
        tx.begin_opaque_generation(&noted, by.now.reading())?;
        tx.replace_fact(&noted, NEXT_OPAQUE_KEY_FACT, &name)
    })?;
    Ok(only.records)
}

/// Ends the rotation of the OPAQUE key: the one that was replaced is removed, and accounts whose records are of it have no
/// password any more. Returns how many there are.
///
/// # Errors
/// [`SetupError::RecordsLeft`] unless `without` says how many those are; [`SetupError::NoRotation`] when there is none.
pub fn finish_opaque(data_dir: &DataDir, without: Option<u64>, by: By<'_>) -> Result<u64, SetupError> {
    let AtRest { mut database, generations, secrets } = AtRest::open(data_dir)?;
    let ([older, _], Some(next)) = (&generations[..], secrets.next_opaque) else {
        return Err(SetupError::NoRotation);
    };
    let left = older.records;
    if left != without.unwrap_or(0) {
        return Err(SetupError::RecordsLeft { left });
    }
    database.write(|tx| {
        let detail = {
            let left = Count::new(left, "account");
            format!("{left} {} without a password", left.is())
        };
        let name = next.id();
        let noted =
            by.actor.note(tx, by.now.reading(), act::OpaqueRotationFinished, Party::Text(&name), &detail)?;
        tx.end_opaque_generation(&noted, older.generation)?;
        tx.replace_fact(&noted, OPAQUE_KEY_FACT, &name)?;
        tx.forget_fact(&noted, NEXT_OPAQUE_KEY_FACT)
    })?;
    finish_replacements(data_dir)?;
    Ok(left)
}

/// Makes a new pepper and seals every imported hash under it. Returns how many there were.
///
/// # Errors
/// [`SetupError::ImportedHashDamaged`] when one does not open; then nothing was changed.
pub fn rotate_pepper(data_dir: &DataDir, by: By<'_>) -> Result<u64, SetupError> {
    let AtRest { mut database, secrets, .. } = AtRest::open(data_dir)?;
    let path = make_replacement(data_dir, SecretKind::Pepper)?;
    let next = Pepper::from_bytes(&private_file::read(&path)?)
        .ok_or_else(|| SetupError::SecretDamaged(path.display().to_string()))?;
    let resealed = database.write(|tx| {
        let noted = by.actor.note(tx, by.now.reading(), act::PepperRotated, Party::Text(&next.name()), "")?;
        let resealed = tx.reseal_imported(&noted, |sealed, oprf_id| {
            let hash = secrets.pepper.open(sealed, oprf_id).ok_or(SetupError::ImportedHashDamaged)?;
            next.seal(&hash, oprf_id).map_err(SetupError::from)
        })?;
        tx.replace_fact(&noted, PEPPER_FACT, &next.name())?;
        Ok::<_, SetupError>(resealed)
    })?;
    finish_replacements(data_dir)?;
    Ok(resealed)
}

/// What became of a rotation of the audit key.
#[derive(Debug)]
pub enum AuditRotation {
    /// The chain goes on under the new key; so many events were checked and sealed.
    Done(u64),
    /// The audit is not as it was written: nothing was changed.
    Refused(Open<AuditFault>),
}

/// Checks the audit, ends its chain with an event and begins the next one under a new key with another.
///
/// # Errors
/// When a file or the database refuses.
pub fn rotate_audit(data_dir: &DataDir, by: By<'_>) -> Result<AuditRotation, SetupError> {
    let AtRest { mut database, .. } = AtRest::open(data_dir)?;
    let known = head::read(&data_dir.audit_head())?.map(|head| head.known);
    if let Some(fault) = database.verify_audit(known)?.fault {
        return Ok(AuditRotation::Refused(fault));
    }
    let path = make_replacement(data_dir, SecretKind::AuditKey)?;
    let next = read_audit_key(&path)?;
    database.write(|tx| {
        by.actor.note(tx, by.now.reading(), act::AuditRotated, Party::Text(&next.id()), "")?;
        Ok::<_, StoreError>(())
    })?;
    drop(database);
    let mut database = Offline::open(&data_dir.database(), next.clone())?;
    let sealed = database.write(|tx| rekey_audit_chain(tx, &by.actor, &next, by.now))?;
    debug_assert_eq!(database.read(|tx| tx.fact(AUDIT_KEY_FACT))?, Some(next.id()));
    drop(database);
    finish_replacements(data_dir)?;
    Ok(AuditRotation::Done(sealed))
}

/// Makes the file of a secret's replacement. One that a rotation left behind before the database took over was never used, and
/// serves.
fn make_replacement(data_dir: &DataDir, kind: SecretKind) -> Result<PathBuf, SetupError> {
    let next = replacement_of(&data_dir.path().join(kind.fact()));
    if !next.exists() {
        create_secret(&next, kind)?;
    }
    Ok(next)
}
