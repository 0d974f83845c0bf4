//! `backup.toml`: what a backup holds, of when it is, and which keys its database needs. It comes first, so that
//! everything behind it is expected by name, size and digest.

use super::error::BackupError;
use super::kind::{DATABASE, Kind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use vestry_protocol::calendar::parse_rfc3339;

/// The name of the manifest in an archive.
pub(super) const MANIFEST: &str = "backup.toml";
/// Raised when an older program could not read what a newer one writes.
pub(super) const FORMAT: u32 = 1;
/// A thousand operators fit; more is a mistake or an attack.
pub(super) const MANIFEST_BYTES_MAX: u64 = 256 * 1024;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    /// Of the program that made it.
    pub(super) version: String,
    /// When, as RFC 3339.
    pub(super) created: String,
    /// Whether keys are inside.
    pub(super) secrets: bool,
    /// The public names of the keys that the database was made with.
    pub(super) keys: BTreeMap<String, String>,
    /// Everything else in the archive.
    pub(super) files: BTreeMap<String, FileFacts>,
}

/// What a file has to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileFacts {
    pub(super) bytes: u64,
    /// In lower-case hexadecimal.
    pub(super) sha256: String,
}

/// The one field that every format has.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl Manifest {
    pub(super) fn to_text(&self) -> Result<String, BackupError> {
        toml::to_string(self).map_err(|error| BackupError::NotWritten(std::io::Error::other(error)))
    }

    /// Reads a manifest, and refuses one that asks for anything that a backup does not hold.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, BackupError> {
        let not_one = || BackupError::unfit("its backup.toml cannot be read");
        let text = std::str::from_utf8(bytes).map_err(|_| not_one())?;
        let FormatOnly { format } = toml::from_str(text).map_err(|_| not_one())?;
        if format != FORMAT {
            return Err(BackupError::FormatTooNew(format));
        }
        let manifest: Self = toml::from_str(text).map_err(|_| not_one())?;
        if parse_rfc3339(&manifest.created).is_none() {
            return Err(BackupError::unfit("its backup.toml does not say of when it is"));
        }
        if !manifest.files.contains_key(DATABASE) {
            return Err(BackupError::unfit("it holds no vestry.db"));
        }
        for (name, facts) in &manifest.files {
            let kind = Kind::of(name)
                .ok_or_else(|| BackupError::unfit(format_args!("{name} has no place in it")))?;
            if !manifest.secrets && matches!(kind, Kind::Secret | Kind::Certificate) {
                return Err(BackupError::unfit(format_args!(
                    "it says that it holds no keys, and holds {name}"
                )));
            }
            if facts.bytes > kind.bytes_max() {
                return Err(BackupError::unfit(format_args!("{name} is too long")));
            }
        }
        Ok(manifest)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::backup) fn manifest() -> Manifest {
        let facts = FileFacts { bytes: 3, sha256: "00".repeat(32) };
        Manifest {
            format: FORMAT,
            version: "0.1.0".to_owned(),
            created: "2026-11-23T00:00:00Z".to_owned(),
            secrets: false,
            keys: BTreeMap::from([("secrets/pepper".to_owned(), "0a0b".to_owned())]),
            files: BTreeMap::from([(DATABASE.to_owned(), facts)]),
        }
    }

    #[test]
    fn a_manifest_reads_back() {
        let written = manifest().to_text().unwrap();
        assert_eq!(Manifest::parse(written.as_bytes()).unwrap(), manifest());
    }

    #[test]
    fn a_newer_format_is_told_apart_from_damage() {
        let newer = b"format = 2\nwhatever = 'else'\n";
        assert!(matches!(Manifest::parse(newer), Err(BackupError::FormatTooNew(2))));
        for damaged in [&b""[..], b"format = 'one'", b"\xff", b"format = 1"] {
            assert!(matches!(Manifest::parse(damaged), Err(BackupError::Unfit(_))), "{damaged:?}");
        }
    }

    #[test]
    fn a_manifest_cannot_ask_for_files_that_no_backup_holds() {
        let with = |name: &str, bytes: u64, secrets: bool| {
            let facts = FileFacts { bytes, sha256: String::new() };
            let mut manifest = Manifest { secrets, ..manifest() };
            manifest.files.insert(name.to_owned(), facts);
            Manifest::parse(manifest.to_text().unwrap().as_bytes())
        };
        assert!(with("secrets/pepper", 32, true).is_ok());
        assert!(with("secrets/pepper", 32, false).is_err());
        assert!(with("secrets/pepper", 1 << 30, true).is_err());
        assert!(with("../../etc/passwd", 1, true).is_err());
        let undated = Manifest { created: "\u{1b}[2J".to_owned(), ..manifest() };
        assert!(Manifest::parse(undated.to_text().unwrap().as_bytes()).is_err());
        let empty = Manifest { files: BTreeMap::new(), ..manifest() };
        assert!(Manifest::parse(empty.to_text().unwrap().as_bytes()).is_err());
    }
}
