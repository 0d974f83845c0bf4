//! Making a backup: a copy of the database, and a tar archive of it and what was asked for, straight to where it goes.
//!
//! Of the database never more than a piece is in memory; keys, certificates and settings are small and bounded.

use super::error::BackupError;
use super::kind::{DATABASE, Kind, SETTINGS, is_plain};
use super::manifest::{FORMAT, FileFacts, MANIFEST, Manifest};
use super::room::{COPY_BYTES, require_room};
use crate::clock::as_date;
use crate::data_dir::DataDir;
use crate::process::work_folder::WorkFolder;
use crate::secrets::kind::NEXT_OPAQUE_KEY_FACT;
use crate::secrets::kind::SecretKind;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use vestry_protocol::UnixSeconds;
use vestry_store::backup::copy_database;
use vestry_store::query::CancelFlag;
use vestry_tls::CertsDir;
use vestry_tls::private_file::{self, FILE_BYTES_MAX};
use zeroize::Zeroizing;

/// What a backup is to hold.
pub struct Contents {
    /// The database, and room for a copy of it.
    pub data_dir: DataDir,
    /// The settings; left out when they are not there.
    pub settings: PathBuf,
    /// The certificates, to take them and the secrets too.
    pub keys: Option<CertsDir>,
    /// When.
    pub now: UnixSeconds,
}

/// A file on its way into the archive.
enum Member {
    Small { name: String, bytes: Zeroizing<Vec<u8>> },
    Database { path: PathBuf, facts: FileFacts },
}

impl Member {
    fn name(&self) -> &str {
        match self {
            Self::Small { name, .. } => name,
            Self::Database { .. } => DATABASE,
        }
    }

    fn facts(&self) -> FileFacts {
        match self {
            Self::Small { bytes, .. } => {
                FileFacts { bytes: length_of(bytes), sha256: HEXLOWER.encode(&Sha256::digest(bytes)) }
            }
            Self::Database { facts, .. } => facts.clone(),
        }
    }
}

/// Writes a whole archive to `out`, and hands it back.
///
/// # Errors
/// When something cannot be read, `out` does not take it, or `cancel` was raised.
pub fn write<W: Write>(contents: &Contents, cancel: CancelFlag, out: W) -> Result<W, BackupError> {
    let work = WorkFolder::create_in(contents.data_dir.path())?;
    let database = contents.data_dir.database();
    let size = database.metadata().map_err(|cause| BackupError::system(&database, "examined", cause))?.len();
    require_room(work.path(), size)?;
    let copy = work.path().join(DATABASE);
    let mut keys = copy_database(&database, &copy, cancel)?;
    keys.retain(|fact, _| {
        SecretKind::ALL.iter().any(|kind| kind.fact() == fact) || fact == NEXT_OPAQUE_KEY_FACT
    });
    let facts = facts_of_file(&copy).map_err(|cause| BackupError::system(&copy, "read", cause))?;
    let mut members = vec![Member::Database { path: copy, facts }];
    if contents.settings.exists() {
        let bytes = read_public(&contents.settings)?;
        members.push(Member::Small { name: SETTINGS.to_owned(), bytes });
    }
    if let Some(certs) = &contents.keys {
        take_folder("secrets", &contents.data_dir.secrets(), &mut members)?;
        take_folder("certs", certs.path(), &mut members)?;
    }
    let manifest = Manifest {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        created: as_date(contents.now),
        secrets: contents.keys.is_some(),
        keys,
        files: members.iter().map(|member| (member.name().to_owned(), member.facts())).collect(),
    };
    pack(&manifest, &members, contents.now, out)
}

/// Takes every file of a folder of keys. A file that a backup could not hold is an error: a backup that silently
/// lacks a key is worse than none. Hidden files are nobody's keys.
fn take_folder(name: &str, folder: &Path, members: &mut Vec<Member>) -> Result<(), BackupError> {
    let unreadable = |cause| BackupError::system(folder, "read", cause);
    let mut entries: Vec<_> = std::fs::read_dir(folder).and_then(Iterator::collect).map_err(unreadable)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, file_name) = (entry.path(), entry.file_name());
        let file_name = file_name.to_str().ok_or_else(|| BackupError::NotTaken(path.clone()))?;
        let entry_name = format!("{name}/{file_name}");
        if file_name.starts_with('.') {
            continue;
        }
        if entry_name == "certs/operators" && path.is_dir() {
            take_folder(&entry_name, &path, members)?;
        } else if is_plain(file_name) && Kind::of(&entry_name).is_some() && path.is_file() {
            let is_certificate = file_name.ends_with(".pem") || file_name.ends_with(".md");
            let bytes = if is_certificate { read_public(&path)? } else { private_file::read(&path)? };
            members.push(Member::Small { name: entry_name, bytes });
        } else {
            return Err(BackupError::NotTaken(path));
        }
    }
    Ok(())
}

/// A small file that others may read.
fn read_public(path: &Path) -> Result<Zeroizing<Vec<u8>>, BackupError> {
    let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut bytes = Zeroizing::new(Vec::new());
    let read = File::open(path).and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes));
    read.map_err(|cause| BackupError::system(path, "read", cause))?;
    if bytes.len() > FILE_BYTES_MAX { Err(BackupError::NotTaken(path.to_owned())) } else { Ok(bytes) }
}

fn pack<W: Write>(
    manifest: &Manifest,
    members: &[Member],
    now: UnixSeconds,
    out: W,
) -> Result<W, BackupError> {
    let mut builder = tar::Builder::new(out);
    let text = manifest.to_text()?;
    let manifest = header(MANIFEST, length_of(text.as_bytes()), now)?;
    builder.append(&manifest, text.as_bytes()).map_err(BackupError::NotWritten)?;
    for member in members {
        let header = header(member.name(), member.facts().bytes, now)?;
        match member {
            Member::Small { bytes, .. } => builder.append(&header, bytes.as_slice()),
            Member::Database { path, .. } => File::open(path).and_then(|file| builder.append(&header, file)),
        }
        .map_err(BackupError::NotWritten)?;
    }
    let mut out = builder.into_inner().map_err(BackupError::NotWritten)?;
    out.flush().map_err(BackupError::NotWritten)?;
    Ok(out)
}

fn header(name: &str, bytes: u64, now: UnixSeconds) -> Result<tar::Header, BackupError> {
    let mut header = tar::Header::new_gnu();
    header.set_path(name).map_err(BackupError::NotWritten)?;
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_mtime(u64::try_from(now.seconds()).unwrap_or_default());
    header.set_entry_type(tar::EntryType::Regular);
    header.set_cksum();
    Ok(header)
}

fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn facts_of_file(path: &Path) -> io::Result<FileFacts> {
    let (mut file, mut digest, mut bytes) = (File::open(path)?, Sha256::new(), 0);
    let mut piece = vec![0; COPY_BYTES];
    loop {
        let count = file.read(&mut piece)?;
        let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else {
            return Ok(FileFacts { bytes, sha256: HEXLOWER.encode(&digest.finalize()) });
        };
        digest.update(read);
        bytes += length_of(read);
    }
}
