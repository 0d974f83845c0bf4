//! Deciding what of an unpacked backup goes where, and putting it there. What is in place stays: keys that differ are
//! a refusal, settings and certificates of one's own are kept. The database goes last, since it makes a server start.

use super::error::BackupError;
use super::kind::{DATABASE, SETTINGS};
use crate::data_dir::DataDir;
use std::fs::File;
use std::path::{Path, PathBuf};
use vestry_tls::private_file;

/// What will be done, decided before anything is.
#[derive(Debug, Default)]
pub(super) struct Placing {
    moves: Vec<(PathBuf, PathBuf)>,
    notes: Vec<String>,
}

impl Placing {
    /// Compares what was unpacked with what is in place.
    pub(super) fn decide(unpacked: &Path, data_dir: &DataDir) -> Result<Self, BackupError> {
        let mut placing = Self::default();
        for file in files_in(&unpacked.join("secrets"))? {
            let target = data_dir.secrets().join(file.file_name().unwrap_or_default());
            if !target.exists() {
                placing.moves.push((file, target));
            } else if !are_alike(&file, &target)? {
                return Err(BackupError::SecretDiffers(target));
            }
        }
        // The folder of certificates goes in whole or not at all: a server's certificate without its key helps nobody.
        let (certs, target) = (unpacked.join("certs"), data_dir.path().join("certs"));
        if certs.exists()
            && (!target.exists() || files_in(&target)?.is_empty() && !target.join("operators").exists())
        {
            placing.moves.push((certs, target));
        } else if certs.exists() {
            for name in ["ca.pem", "ca.key"] {
                let (file, target) = (certs.join(name), target.join(name));
                if file.exists() && target.exists() && !are_alike(&file, &target)? {
                    return Err(BackupError::SecretDiffers(target));
                }
            }
            placing.notes.push("the certificates in place were kept".to_owned());
        }
        let (settings, target) = (unpacked.join(SETTINGS), data_dir.config_file());
        if settings.exists() {
            if !target.exists() {
                placing.moves.push((settings, target));
            } else if !are_alike(&settings, &target)? {
                let note = "the vestryd.toml in place was kept; the one in the backup differs";
                placing.notes.push(note.to_owned());
            }
        }
        placing.moves.push((unpacked.join(DATABASE), data_dir.database()));
        Ok(placing)
    }

    /// What the operator should know of it.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Where a secret will be found: in place, or among what is to be moved.
    pub(super) fn source_of(&self, target: &Path) -> PathBuf {
        let moved = self.moves.iter().find(|(_, to)| to == target);
        moved.map_or_else(|| target.to_owned(), |(from, _)| from.clone())
    }

    /// Does it. When one step fails, those before it are undone.
    pub(super) fn carry_out(self, data_dir: &DataDir) -> Result<(), BackupError> {
        let mut done: Vec<(PathBuf, PathBuf)> = Vec::new();
        for (from, to) in self.moves {
            if let Err(error) = move_to(&from, &to) {
                for (from, to) in done.iter().rev() {
                    // The first error is the one to tell.
                    let _ = std::fs::rename(to, from);
                }
                return Err(error);
            }
            done.push((from, to));
        }
        for folder in [data_dir.path(), &data_dir.secrets()] {
            let synced = File::open(folder).and_then(|folder| folder.sync_all());
            synced.map_err(|cause| BackupError::system(folder, "written", cause))?;
        }
        Ok(())
    }
}

fn move_to(from: &Path, to: &Path) -> Result<(), BackupError> {
    if let Some(folder) = to.parent() {
        private_file::create_dir(folder)?;
    }
    std::fs::rename(from, to).map_err(|cause| BackupError::system(to, "put in place", cause))
}

fn are_alike(one: &Path, other: &Path) -> Result<bool, BackupError> {
    let read = |path: &Path| -> Result<_, BackupError> {
        std::fs::read(path)
            .map(zeroize::Zeroizing::new)
            .map_err(|cause| BackupError::system(path, "read", cause))
    };
    Ok(read(one)? == read(other)?)
}

/// The files of a folder; none when it is not there.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|cause| BackupError::system(folder, "read", cause))?;
    Ok(entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_file()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// An unpacked backup with keys, and an empty data directory.
    fn unpacked() -> (tempfile::TempDir, PathBuf, DataDir) {
        let folder = tempfile::tempdir().unwrap();
        let (work, data) = (folder.path().join("work-1"), folder.path().to_owned());
        for (name, text) in [
            ("vestry.db", "database"),
            ("vestryd.toml", "settings"),
            ("secrets/pepper", "pepper"),
            ("secrets/opaque.key", "key"),
            ("certs/ca.pem", "ca"),
            ("certs/operators/admin.pem", "admin"),
        ] {
            put(&work, name, text);
        }
        (folder, work, DataDir::at(data))
    }

    fn put(folder: &Path, name: &str, text: &str) {
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), text).unwrap();
    }

    fn text(data_dir: &DataDir, name: &str) -> String {
        fs::read_to_string(data_dir.path().join(name)).unwrap_or_default()
    }

    #[test]
    fn everything_goes_into_an_empty_folder() {
        let (_folder, work, data_dir) = unpacked();
        let placing = Placing::decide(&work, &data_dir).unwrap();
        assert_eq!(placing.source_of(&data_dir.pepper()), work.join("secrets/pepper"));
        placing.carry_out(&data_dir).unwrap();
        assert_eq!(text(&data_dir, "vestry.db"), "database");
        assert_eq!(text(&data_dir, "vestryd.toml"), "settings");
        assert_eq!(text(&data_dir, "secrets/opaque.key"), "key");
        assert_eq!(text(&data_dir, "certs/operators/admin.pem"), "admin");
    }

    #[test]
    fn what_is_in_place_is_kept_and_only_what_is_missing_is_added() {
        let (_folder, work, data_dir) = unpacked();
        put(data_dir.path(), "secrets/pepper", "pepper");
        put(data_dir.path(), "vestryd.toml", "mine");
        put(data_dir.path(), "certs/server.pem", "newer");
        let placing = Placing::decide(&work, &data_dir).unwrap();
        assert_eq!(placing.notes().len(), 2);
        assert_eq!(placing.source_of(&data_dir.pepper()), data_dir.pepper());
        placing.carry_out(&data_dir).unwrap();
        assert_eq!(text(&data_dir, "vestryd.toml"), "mine");
        assert_eq!(text(&data_dir, "certs/server.pem"), "newer");
        assert_eq!(text(&data_dir, "certs/ca.pem"), "");
        assert_eq!(text(&data_dir, "secrets/opaque.key"), "key");
    }

    #[test]
    fn keys_that_differ_are_refused() {
        for name in ["secrets/pepper", "secrets/opaque.key", "certs/ca.pem"] {
            let (_folder, work, data_dir) = unpacked();
            put(data_dir.path(), name, "another");
            let refused = Placing::decide(&work, &data_dir).unwrap_err();
            assert!(matches!(refused, BackupError::SecretDiffers(path) if path.ends_with(name)));
        }
    }

    #[test]
    fn a_step_that_fails_undoes_the_steps_before_it() {
        let (_folder, work, data_dir) = unpacked();
        let placing = Placing::decide(&work, &data_dir).unwrap();
        fs::remove_file(work.join("vestry.db")).unwrap();
        assert!(placing.carry_out(&data_dir).is_err());
        assert_eq!(text(&data_dir, "secrets/pepper") + &text(&data_dir, "vestryd.toml"), "");
        assert!(!data_dir.path().join("certs").exists());
        assert_eq!(fs::read_to_string(work.join("secrets/pepper")).unwrap(), "pepper");
    }
}
