//! The promise of the user port, as a list of digests: no file of its vectors changes any more. `sha256sum -c FROZEN` checks it
//! without any of this.

use super::{Port, read_folder, root};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

/// The list, beside the vectors.
const FROZEN: &str = "FROZEN";

/// The folders of which every file is the user port's.
const FOLDERS: [&str; 6] = ["conversations", "opaque", "passwords", "refused", "texts", "user"];

/// Returns the files that belong on the list, with their digests as they are now.
///
/// # Errors
/// When a file cannot be read.
pub fn today() -> io::Result<BTreeMap<String, String>> {
    let mut files = BTreeSet::new();
    for folder in FOLDERS {
        for entry in std::fs::read_dir(root().join(folder))? {
            files.insert(format!("{folder}/{}", entry?.file_name().to_string_lossy()));
        }
    }
    let hostile = read_folder("hostile")?;
    let of_users = hostile.into_iter().filter(|(_, vector)| vector.port == Port::User);
    files.extend(of_users.map(|(name, _)| format!("{name}.json")));
    let digest = |name: String| {
        let digest = HEXLOWER.encode(&Sha256::digest(std::fs::read(root().join(&name))?));
        Ok((name, digest))
    };
    files.into_iter().map(digest).collect()
}

/// Reads the list.
///
/// # Errors
/// When it cannot be read.
pub fn listed() -> io::Result<BTreeMap<String, String>> {
    let text = match std::fs::read_to_string(root().join(FROZEN)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        other => other?,
    };
    let lines = text.lines().filter_map(|line| line.split_once("  "));
    Ok(lines.map(|(digest, name)| (name.to_owned(), digest.to_owned())).collect())
}

/// Appends what is not on the list yet, and returns its names. A line that is there stays as it is.
///
/// # Errors
/// When a file cannot be read, or the list not be written.
pub fn append_missing() -> io::Result<Vec<String>> {
    let listed = listed()?;
    let missing: Vec<_> = today()?.into_iter().filter(|(name, _)| !listed.contains_key(name)).collect();
    let mut list = std::fs::File::options().create(true).append(true).open(root().join(FROZEN))?;
    for (name, digest) in &missing {
        writeln!(list, "{digest}  {name}")?;
    }
    Ok(missing.into_iter().map(|(name, _)| name).collect())
}
