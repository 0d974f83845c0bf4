//! A database of a test's own, in a folder that goes when it is dropped.

use crate::audit::event::{ActorKind, Event};
use crate::audit::party::Party;
use crate::chain_key::ChainKey;
use crate::change::{Act, Permits};
use crate::ids::OprfId;
use crate::limits::StoreLimits;
use crate::store::Store;
use crate::tables::accounts::NameKeys;
use sha2::{Digest, Sha256};
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::Username;

/// An act of the tests, which may change anything.
pub(crate) struct Test<'a>(pub(crate) &'a str);

impl Act for Test<'_> {
    fn name(&self) -> &str {
        self.0
    }
}

impl<Change> Permits<Change> for Test<'_> {}

/// What there is to say of it.
pub(crate) const EVENT: Event<'_> = Event {
    at: at(1),
    actor_kind: ActorKind::User,
    actor: Party::Text("naman"),
    subject: Party::NONE,
    source: "",
    detail: "",
};

/// Shortens what tests write often.
pub(crate) const fn at(seconds: i64) -> UnixSeconds {
    UnixSeconds::from_seconds(seconds)
}

/// Keys of a name, as a server would make them.
pub(crate) fn keys_of(name: &Username, generation: i64) -> NameKeys {
    let name_key: [u8; 32] = Sha256::digest(name.as_str()).into();
    let oprf_id = Sha256::new().chain_update(name_key).chain_update(generation.to_be_bytes()).finalize();
    NameKeys { name_key, generation, oprf_id: OprfId(oprf_id.into()) }
}

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
