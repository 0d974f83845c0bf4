//! A register of a test's own, in a folder that goes when it is dropped.

use crate::{ChainKey, Store, StoreLimits};

/// With these limits.
pub(crate) fn fresh_store_with(limits: StoreLimits) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vestry.db");
    Store::create(&path, &ChainKey::for_tests()).unwrap();
    let store = Store::open(&path, limits, ChainKey::for_tests()).unwrap();
    (folder, store)
}

/// With the usual limits.
pub(crate) fn fresh_store() -> (tempfile::TempDir, Store) {
    fresh_store_with(StoreLimits::default())
}
