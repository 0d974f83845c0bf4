//! Reading an archive into a folder of its own. Each entry has to be what the manifest in front of it announced: a
//! regular file with a name that has a place in a data directory, of its size and its digest. Nothing else is written.
//!
//! It reads to the very end, so that a sealed archive is verified whole before anybody uses a file of it.

use super::error::BackupError;
use super::kind::DATABASE;
use super::manifest::{FileFacts, MANIFEST, MANIFEST_BYTES_MAX, Manifest};
use super::room::{COPY_BYTES, require_room};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use tar::{Archive, Entry};
use vestry_seal::{Packed, is_dash};
use vestry_tls::private_file;

/// Unpacks a whole archive into an empty folder.
pub(super) fn unpack(input: impl Read, into: &Path) -> Result<Manifest, BackupError> {
    let mut archive = Archive::new(input);
    // Raw: long names, sparse files and other extensions are entries that no backup has.
    let mut entries = archive.entries().map_err(BackupError::of_reading)?.raw(true);
    let first = entries.next().ok_or_else(|| BackupError::unfit("it is empty"))?.map_err(of_archive)?;
    if !name_of(&first).is_ok_and(|name| name == MANIFEST) || first.size() > MANIFEST_BYTES_MAX {
        return Err(BackupError::unfit("it does not begin with a backup.toml"));
    }
    let mut text = Vec::new();
    first.take(MANIFEST_BYTES_MAX).read_to_end(&mut text).map_err(of_archive)?;
    let manifest = Manifest::parse(&text)?;
    let mut awaited = manifest.files.clone();
    for entry in entries {
        let mut entry = entry.map_err(of_archive)?;
        let name = name_of(&entry)?;
        let facts = awaited.remove(&name).filter(|facts| facts.bytes == entry.size()).ok_or_else(|| {
            BackupError::unfit(format_args!("{name} is not as its backup.toml announces it"))
        })?;
        if name == DATABASE {
            require_room(into, facts.bytes)?;
        }
        unpack_file(&mut entry, &into.join(&name), &name, &facts)?;
    }
    if let Some(name) = awaited.keys().next() {
        return Err(BackupError::unfit(format_args!("it was cut short: {name} is not in it")));
    }
    // Behind an archive there may be zeros and nothing else. The last bytes are where a seal says that it is whole.
    let (mut rest, mut piece) = (archive.into_inner(), vec![0; COPY_BYTES]);
    loop {
        let count = rest.read(&mut piece).map_err(of_archive)?;
        match piece.get(..count).unwrap_or_default() {
            [] => return Ok(manifest),
            read if read.iter().any(|byte| *byte != 0) => {
                return Err(BackupError::unfit("there is something behind its end"));
            }
            _ => {}
        }
    }
}

/// What the archive format calls an error is damage, unless the seal broke or the disk did.
fn of_archive(error: io::Error) -> BackupError {
    match BackupError::of_reading(error) {
        // What the library says of it shows bytes of the file, whatever that is.
        BackupError::NotRead(_) => BackupError::unfit("it is damaged or no archive at all"),
        known => known,
    }
}

/// The name of an entry that is a regular file.
fn name_of(entry: &Entry<'_, impl Read>) -> Result<String, BackupError> {
    let bytes = entry.path_bytes();
    let name = String::from_utf8_lossy(&bytes);
    match entry.header().entry_type().is_file() {
        true => Ok(name.into_owned()),
        false => Err(BackupError::unfit(format_args!("{name} is not a regular file"))),
    }
}

fn unpack_file(entry: &mut impl Read, path: &Path, name: &str, facts: &FileFacts) -> Result<(), BackupError> {
    let unwritable = |cause| BackupError::system(path, "written", cause);
    if let Some(folder) = path.parent() {
        private_file::create_dir(folder)?;
    }
    // Certificates are public; what they are in, is not.
    let mode = if name.ends_with(".pem") { 0o644 } else { 0o600 };
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(unwritable)?;
    let (mut digest, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; COPY_BYTES]);
    loop {
        let count = entry.read(&mut piece).map_err(of_archive)?;
        let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else { break };
        digest.update(read);
        file.write_all(read).map_err(unwritable)?;
        bytes += u64::try_from(count).unwrap_or(u64::MAX);
    }
    file.sync_all().map_err(unwritable)?;
    if bytes == facts.bytes && HEXLOWER.encode(&digest.finalize()) == facts.sha256 {
        return Ok(());
    }
    Err(BackupError::unfit(format_args!("{name} was changed or cut short")))
}

/// Opens a file for reading from its first byte.
pub(super) fn open(path: &Path) -> Result<io::BufReader<File>, BackupError> {
    let input = match is_dash(path) {
        true if io::stdin().is_terminal() => return Err(BackupError::InputOnATerminal),
        true => io::stdin().as_fd().try_clone_to_owned().map(File::from),
        false => File::open(path),
    };
    let file = input.map_err(|cause| BackupError::system(path, "opened", cause))?;
    let mut file = io::BufReader::with_capacity(COPY_BYTES, file);
    let beginning = file.fill_buf().map_err(|cause| BackupError::system(path, "read", cause))?;
    match Packed::of_beginning(beginning) {
        Some(packed) => Err(BackupError::Packed(packed)),
        None => Ok(file),
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::tests::manifest;
    use super::*;
    use std::collections::BTreeMap;
    use tar::EntryType;

    struct Made {
        name: &'static str,
        kind: EntryType,
        bytes: &'static [u8],
    }

    const DATABASE_ENTRY: Made = Made { name: DATABASE, kind: EntryType::Regular, bytes: b"abc" };

    fn good_manifest() -> Manifest {
        let sha256 = HEXLOWER.encode(&Sha256::digest(b"abc"));
        Manifest {
            files: BTreeMap::from([(DATABASE.to_owned(), FileFacts { bytes: 3, sha256 })]),
            ..manifest()
        }
    }

    fn archive(manifest: &Manifest, entries: &[Made]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let text = manifest.to_text().unwrap();
        let mut add = |name: &str, kind: EntryType, bytes: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(bytes.len() as u64);
            header.set_entry_type(kind);
            header.set_link_name("/etc/passwd").unwrap();
            header.set_cksum();
            builder.append(&header, bytes).unwrap();
        };
        add(MANIFEST, EntryType::Regular, text.as_bytes());
        for made in entries {
            add(made.name, made.kind, made.bytes);
        }
        builder.into_inner().unwrap()
    }

    fn unpacked(bytes: &[u8]) -> (Result<Manifest, BackupError>, Vec<std::ffi::OsString>) {
        let folder = tempfile::tempdir().unwrap();
        let outcome = unpack(bytes, folder.path());
        let names =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        (outcome, names)
    }

    #[test]
    fn an_archive_as_announced_is_unpacked() {
        let (outcome, names) = unpacked(&archive(&good_manifest(), &[DATABASE_ENTRY]));
        assert_eq!(outcome.unwrap(), good_manifest());
        assert_eq!(names, [DATABASE]);
    }

    #[test]
    fn entries_that_were_not_announced_are_refused() {
        let odd = |name, kind, bytes| Made { name, kind, bytes };
        let cases: [&[Made]; 9] = [
            &[DATABASE_ENTRY, odd("../evil", EntryType::Regular, b"x")],
            &[DATABASE_ENTRY, odd("/tmp/evil", EntryType::Regular, b"x")],
            &[DATABASE_ENTRY, odd("secrets/pepper", EntryType::Regular, b"x")],
            &[DATABASE_ENTRY, DATABASE_ENTRY],
            &[odd(DATABASE, EntryType::Symlink, b"")],
            &[odd(DATABASE, EntryType::Link, b"")],
            &[odd(DATABASE, EntryType::GNULongName, b"abc"), DATABASE_ENTRY],
            &[odd(DATABASE, EntryType::Regular, b"abcd")],
            &[odd(DATABASE, EntryType::Regular, b"abd")],
        ];
        for (number, entries) in cases.iter().enumerate() {
            let (outcome, names) = unpacked(&archive(&good_manifest(), entries));
            assert!(matches!(outcome, Err(BackupError::Unfit(_))), "case {number}: {outcome:?}");
            assert!(names.iter().all(|name| name == DATABASE), "case {number}: {names:?}");
        }
    }

    #[test]
    fn an_archive_that_is_cut_anywhere_or_goes_on_behind_its_end_is_refused() {
        let whole = archive(&good_manifest(), &[DATABASE_ENTRY]);
        for length in [0, 100, 512, 700, 1024, 1536, 1537] {
            assert!(unpacked(&whole[..length]).0.is_err(), "{length}");
        }
        assert!(unpacked(&[whole.as_slice(), &[0; 9_000]].concat()).0.is_ok());
        assert!(unpacked(&[whole.as_slice(), b"more"].concat()).0.is_err());
        assert!(unpacked(&b"this is no archive. ".repeat(100)).0.is_err());
    }
}
