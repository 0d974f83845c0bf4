//! Room on the disk, and how files are copied.

use super::error::BackupError;
use std::path::Path;

/// A disk with less room than this beyond what is written could stop the database's own writes.
const ROOM_BYTES_MIN: u64 = 64 * 1024 * 1024;

/// Files are copied in pieces of this size, however large they are.
pub(super) const COPY_BYTES: usize = 64 * 1024;

/// Refuses to fill the disk that the database has to write to.
pub(super) fn require_room(folder: &Path, bytes: u64) -> Result<(), BackupError> {
    let disk =
        rustix::fs::statvfs(folder).map_err(|cause| BackupError::system(folder, "examined", cause.into()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let needed = bytes.saturating_add(ROOM_BYTES_MIN);
    if free >= needed {
        return Ok(());
    }
    let mib = |bytes: u64| bytes.div_ceil(1024 * 1024);
    Err(BackupError::NoRoom { path: folder.to_owned(), free_mib: mib(free), needed_mib: mib(needed) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_without_room_is_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        assert!(require_room(folder.path(), 0).is_ok());
        assert!(matches!(require_room(folder.path(), u64::MAX / 2), Err(BackupError::NoRoom { .. })));
    }
}
