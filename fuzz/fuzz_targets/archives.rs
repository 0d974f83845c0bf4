//! Backup archives: whatever is in one, files appear in the folder that it is unpacked into and nowhere else, as regular
//! files of their owner's; what is taken is what its manifest announced, byte for byte, and a defect can be printed.
#![no_main]

use arbitrary::Arbitrary;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tar::EntryType;
use vestry_fuzz::{has_control, scratch};
use vestry_server::backup::unpack_archive;

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    /// As it came.
    Bytes(&'a [u8]),
    /// With a manifest that announces what is there, but for what is bent afterwards.
    Made {
        entries: Vec<Entry<'a>>,
        manifest: Option<&'a str>,
        secrets: bool,
        bend: Option<(u32, u8)>,
        cut: Option<u32>,
    },
}

#[derive(Debug, Arbitrary)]
struct Entry<'a> {
    name: Name<'a>,
    kind: u8,
    content: &'a [u8],
    unannounced: bool,
}

#[derive(Debug, Arbitrary)]
enum Name<'a> {
    Known(u8),
    Other(&'a str),
}

const KNOWN: [&str; 12] = [
    "vestry.db",
    "vestryd.toml",
    "secrets/pepper",
    "secrets/opaque.key",
    "secrets/audit.key",
    "certs/ca.pem",
    "certs/ca.key",
    "certs/operators/admin.pem",
    "certs/operators/../../evil",
    "../evil",
    "/tmp/evil",
    "secrets",
];

libfuzzer_sys::fuzz_target!(|input: Input<'_>| {
    let (archive, announced) = match input {
        Input::Bytes(bytes) => (bytes.to_vec(), None),
        Input::Made { entries, manifest, secrets, bend, cut } => {
            let (mut archive, announced) = pack(&entries, manifest, secrets);
            let untouched = bend.is_none_or(|(_, bits)| bits == 0) && cut.is_none() && manifest.is_none();
            if let Some((at, bits)) = bend {
                let at = at as usize % archive.len();
                archive[at] ^= bits;
            }
            if let Some(length) = cut {
                archive.truncate(length as usize % (archive.len() + 1));
            }
            (archive, untouched.then_some(announced))
        }
    };
    let around = tempfile::tempdir_in(scratch::folder().path()).expect("a folder");
    let into = around.path().join("into");
    fs::create_dir(&into).expect("a folder");
    let outcome = unpack_archive(archive.as_slice(), &into);
    assert_eq!(
        fs::read_dir(around.path()).expect("it is there").count(),
        1,
        "something was written beside the folder"
    );
    let found = files_below(&into);
    match outcome {
        Ok(()) => {
            if let Some(announced) = announced {
                assert_eq!(found, announced);
            }
        }
        Err(error) => assert!(!has_control(&error.to_string()), "{error}"),
    }
});

/// An archive, and what its manifest announces.
fn pack(
    entries: &[Entry<'_>],
    manifest: Option<&str>,
    secrets: bool,
) -> (Vec<u8>, BTreeMap<String, Vec<u8>>) {
    let mut announced = BTreeMap::new();
    for entry in entries.iter().filter(|entry| !entry.unannounced) {
        announced.insert(name_of(entry).to_owned(), entry.content.to_vec());
    }
    let text = manifest.map_or_else(|| manifest_of(&announced, secrets), str::to_owned);
    let mut builder = tar::Builder::new(Vec::new());
    add(&mut builder, "backup.toml", EntryType::Regular, text.as_bytes());
    for entry in entries {
        let kind = if entry.kind < 200 { EntryType::Regular } else { EntryType::new(entry.kind - 200) };
        add(&mut builder, name_of(entry), kind, entry.content);
    }
    (builder.into_inner().expect("memory takes it"), announced)
}

fn name_of<'a>(entry: &'a Entry<'_>) -> &'a str {
    match entry.name {
        Name::Known(number) => KNOWN[usize::from(number) % KNOWN.len()],
        Name::Other(name) => name,
    }
}

fn manifest_of(announced: &BTreeMap<String, Vec<u8>>, secrets: bool) -> String {
    let mut text = format!(
        "format = 1\nversion = \"0.1.0\"\ncreated = \"2026-01-01T00:00:00Z\"\nsecrets = {secrets}\n[keys]\n"
    );
    for (name, content) in announced {
        let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(content));
        let _ = write!(text, "[files.{name:?}]\nbytes = {}\nsha256 = \"{digest}\"\n", content.len());
    }
    text
}

fn add(builder: &mut tar::Builder<Vec<u8>>, name: &str, kind: EntryType, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    // Written as bytes: the library would refuse most of the names that are of interest.
    let length = name.len().min(100);
    header.as_mut_bytes()[..length].copy_from_slice(&name.as_bytes()[..length]);
    header.set_size(content.len() as u64);
    header.set_entry_type(kind);
    header.set_cksum();
    builder.append(&header, content).expect("memory takes it");
}

/// Every file below a folder, by its name in an archive. Anything but a file of its owner's is a mistake.
fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("it is there") {
            let path = entry.expect("it is there").path();
            let facts = fs::symlink_metadata(&path).expect("it is there");
            assert!(facts.is_dir() || facts.is_file(), "{} is something else", path.display());
            assert_eq!(facts.permissions().mode() & 0o022, 0, "{} is writable by others", path.display());
            if facts.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("it is below").display().to_string();
                found.insert(name, fs::read(&path).expect("it is ours"));
            }
        }
    }
    found
}
