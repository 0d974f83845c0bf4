//! A gate over a database of a test's own. What it admits went through it: there is no other way to an [`Admitted`].

use super::{Admitted, AttemptKind, Gate};
use crate::clock::Clock;
use crate::config::{Config, GateConfig, Overrides};
use crate::failure::Failure;
use crate::names::Target;
use crate::settings::Settings;
use crate::source::Source;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::Username;
use vestry_store::{ChainKey, OprfId, Store, StoreLimits};

pub(crate) struct Fixture {
    _folder: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) gate: Gate,
    pub(crate) now: Arc<AtomicI64>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(GateConfig::default())
    }

    pub(crate) fn with(limits: GateConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vestry.db");
        let key = || ChainKey::from_bytes(&[7; ChainKey::BYTES]).unwrap();
        Store::create(&path, &key()).unwrap();
        let store = Store::open(&path, StoreLimits::default(), key()).unwrap();
        let now = Arc::new(AtomicI64::new(1_700_000_000));
        let told = now.clone();
        let clock = Clock::from_fn(move || UnixSeconds::from_seconds(told.load(Ordering::Relaxed)));
        let settings = Settings::new(Config { gate: limits, ..Config::default() }, Overrides::default());
        let gate = Gate::start(store.clone(), clock, settings);
        Self { _folder: folder, store, gate, now }
    }

    /// A login of a name from an address.
    pub(crate) async fn try_login(&self, name: &str, from: &str) -> Result<Admitted, Failure> {
        let source = Source::of(from.parse().unwrap());
        let gate = self.gate.clone();
        let name = Username::parse(name).unwrap();
        self.store
            .look_up(move |tx| {
                let mut id = [0; 32];
                id.iter_mut().zip(name.as_str().bytes()).for_each(|(to, from)| *to = from);
                let target = Target { oprf_id: OprfId(id), name: name.to_string(), account: None };
                gate.admit(tx, AttemptKind::Login, &target, &source)
            })
            .await
    }

    /// One that is admitted.
    pub(crate) async fn login(&self, name: &str) -> Admitted {
        self.try_login(name, "192.0.2.1").await.unwrap()
    }
}
