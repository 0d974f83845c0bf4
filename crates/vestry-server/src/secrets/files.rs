//! The secrets of a server as they are read, compared with what the database knows, and replaced.
//!
//! A secret that is replaced lies beside the one in force (`opaque-next.key`) until the database says that it took over; then its
//! file takes the place of the other. The database decides: what a crash left half done is finished at the next start.

use super::error::SetupError;
use super::kind::{
    AUDIT_KEY_FACT, NAMES_SEED_FACT, NEXT_OPAQUE_KEY_FACT, OPAQUE_KEY_FACT, PEPPER_FACT, SecretKind,
};
use crate::credentials::{OpaqueKey, OpaqueKeys, Pepper};
use crate::data_dir::DataDir;
use crate::names::NameSeed;
use std::fs::File;
use std::path::{Path, PathBuf};
use vestry_store::backup::{Offline, database_facts};
use vestry_store::{ChainKey, GenerationRow, ReadTx, Store, StoreError};
use vestry_tls::private_file;

/// The secrets of a server.
pub struct Secrets {
    /// Seals imported password hashes.
    pub pepper: Pepper,
    /// Evaluates OPAQUE passwords.
    pub opaque: OpaqueKey,
    /// Takes its place, once records have moved to it.
    pub next_opaque: Option<OpaqueKey>,
    /// Names the key that each is evaluated under.
    pub names: NameSeed,
    /// Ties the audit events to one another.
    pub chain: ChainKey,
}

/// What a database knows of its secrets.
pub struct Known {
    facts: Vec<(&'static str, Option<String>)>,
    next_opaque: Option<String>,
    generations: Vec<GenerationRow>,
}

impl Known {
    /// Reads what a database knows.
    ///
    /// # Errors
    /// When the database does.
    pub fn read(tx: &ReadTx<'_>) -> Result<Self, StoreError> {
        let facts = SecretKind::ALL.into_iter().map(|kind| Ok((kind.fact(), tx.fact(kind.fact())?)));
        Ok(Self {
            facts: facts.collect::<Result<_, StoreError>>()?,
            next_opaque: tx.fact(NEXT_OPAQUE_KEY_FACT)?,
            generations: tx.opaque_generations()?,
        })
    }

    /// Returns how many records have moved to another OPAQUE key and how many are left, while they do.
    #[must_use]
    pub fn opaque_rotation(&self) -> Option<(u64, u64)> {
        match self.generations[..] {
            [older, newest] => Some((newest.records, older.records)),
            _ => None,
        }
    }
}

impl Secrets {
    /// Reads the files of a data directory.
    ///
    /// # Errors
    /// When one is missing, exposed or damaged.
    pub fn read(data_dir: &DataDir) -> Result<Self, SetupError> {
        Self::read_from(|fact| data_dir.path().join(fact))
    }

    /// Reads them from wherever the file of each is.
    ///
    /// # Errors
    /// When one is missing, exposed or damaged.
    pub fn read_from(file_of: impl Fn(&str) -> PathBuf) -> Result<Self, SetupError> {
        let next = file_of(NEXT_OPAQUE_KEY_FACT);
        Ok(Self {
            pepper: read_secret(&file_of(PEPPER_FACT), Pepper::from_bytes)?,
            opaque: read_secret(&file_of(OPAQUE_KEY_FACT), OpaqueKey::from_bytes)?,
            next_opaque: next.exists().then(|| read_secret(&next, OpaqueKey::from_bytes)).transpose()?,
            names: read_secret(&file_of(NAMES_SEED_FACT), NameSeed::from_bytes)?,
            chain: read_audit_key(&file_of(AUDIT_KEY_FACT))?,
        })
    }

    /// Checks that the database was made with these secrets, and the first time writes down which. Returns the OPAQUE keys with
    /// their generations.
    ///
    /// # Errors
    /// When it was made with others.
    pub async fn bind_to(&self, store: &Store) -> Result<OpaqueKeys, SetupError> {
        let known = store.read(Known::read).await?;
        self.compare(&known)?;
        let mine = self.public_names();
        let bound = store.write(move |tx| mine.iter().try_for_each(|(fact, name)| tx.learn_fact(fact, name)));
        bound.await?;
        self.opaque_keys(&known)
    }

    /// The same check on a database that no server uses, without writing anything. Returns what the database knows.
    ///
    /// # Errors
    /// When it was made with others.
    pub fn verify_for_offline(&self, database: &mut Offline) -> Result<Known, SetupError> {
        let known = database.read(Known::read)?;
        self.compare(&known)?;
        self.opaque_keys(&known).map(|_| known)
    }

    fn public_names(&self) -> [(&'static str, String); 4] {
        [
            (PEPPER_FACT, self.pepper.name()),
            (OPAQUE_KEY_FACT, self.opaque.id()),
            (NAMES_SEED_FACT, self.names.id()),
            (AUDIT_KEY_FACT, self.chain.id()),
        ]
    }

    fn compare(&self, known: &Known) -> Result<(), SetupError> {
        for ((fact, name), (_, recorded)) in self.public_names().iter().zip(&known.facts) {
            if recorded.as_ref().is_some_and(|recorded| recorded != name) {
                return Err(SetupError::SecretOfAnother(fact));
            }
        }
        Ok(())
    }

    /// Tells which key each generation of a database is of.
    fn opaque_keys(&self, known: &Known) -> Result<OpaqueKeys, SetupError> {
        match known.generations[..] {
            [only] => Ok(OpaqueKeys::new((only.generation, self.opaque.clone()), None)),
            [older, newest] => {
                let next = self.next_opaque.clone().ok_or(SetupError::SecretMissing(NEXT_OPAQUE_KEY_FACT))?;
                if known.next_opaque != Some(next.id()) {
                    return Err(SetupError::SecretOfAnother(NEXT_OPAQUE_KEY_FACT));
                }
                let older = (older.generation, self.opaque.clone());
                Ok(OpaqueKeys::new((newest.generation, next), Some(older)))
            }
            _ => Err(StoreError::Damaged.into()),
        }
    }
}

/// Where the replacement of a secret lies until it takes over.
#[must_use]
pub fn replacement_of(path: &Path) -> PathBuf {
    let (stem, extension) = (path.file_stem().unwrap_or_default(), path.extension());
    let mut name = stem.to_owned();
    name.push("-next");
    if let Some(extension) = extension {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// Puts the file of each secret in place that the database says took over. Returns the facts of those that were.
///
/// # Errors
/// When a file cannot be read or moved.
pub fn finish_replacements(data_dir: &DataDir) -> Result<Vec<&'static str>, SetupError> {
    let facts = database_facts(&data_dir.database())?;
    let mut finished = Vec::new();
    for kind in SecretKind::REPLACEABLE {
        let fact = kind.fact();
        let path = data_dir.path().join(fact);
        let next = replacement_of(&path);
        let (Some(recorded), true) = (facts.get(fact), next.exists()) else { continue };
        let is_recorded = |path: &Path| -> Result<bool, SetupError> {
            Ok(path.exists() && kind.public_name(&private_file::read(path)?).as_ref() == Some(recorded))
        };
        if !is_recorded(&path)? && is_recorded(&next)? {
            std::fs::rename(&next, &path)
                .and_then(|()| File::open(data_dir.secrets())?.sync_all())
                .map_err(|cause| SetupError::NotReplaced { path: path.display().to_string(), cause })?;
            finished.push(fact);
        }
    }
    Ok(finished)
}

/// Reads the key of an audit chain.
///
/// # Errors
/// When it is missing, exposed or damaged.
pub fn read_audit_key(path: &Path) -> Result<ChainKey, SetupError> {
    let lost = || SetupError::AuditKeyLost(path.to_owned());
    match private_file::read(path) {
        Err(error) if error.is_missing() => Err(lost()),
        other => ChainKey::from_bytes(&other?).ok_or_else(lost),
    }
}

fn read_secret<T>(path: &Path, parse: impl FnOnce(&[u8]) -> Option<T>) -> Result<T, SetupError> {
    let bytes = match private_file::read(path) {
        Err(error) if error.is_missing() => {
            return Err(SetupError::SecretLost(path.display().to_string()));
        }
        other => other?,
    };
    parse(&bytes).ok_or_else(|| SetupError::SecretDamaged(path.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replacement_lies_beside_the_secret_in_force() {
        for (fact, next) in [
            (PEPPER_FACT, "secrets/pepper-next"),
            (OPAQUE_KEY_FACT, NEXT_OPAQUE_KEY_FACT),
            (AUDIT_KEY_FACT, "secrets/audit-next.key"),
        ] {
            assert_eq!(replacement_of(Path::new(fact)), Path::new(next));
        }
    }
}
