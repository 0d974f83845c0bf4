//! OPAQUE messages at the server, from a peer that made them up: each is refused or answered in full size, no made-up
//! KE3 proves anything, and an envelope that was taken reads back as it was stored.
#![no_main]

use arbitrary::Arbitrary;
use std::sync::OnceLock;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::StretchingCost;
use vestry_protocol::user::{Envelope, Stretching};
use vestry_server::clock::Clock;
use vestry_server::credentials::{Blinded, Ke1, OpaqueKey, OpaqueRecord};
use vestry_server::gate::{Admitted, AttemptKind, Gate};
use vestry_server::names::Target;
use vestry_server::settings::Settings;
use vestry_server::source::Source;
use vestry_store::{AccountId, ChainKey, Generation, OprfId, SealedRecord, Store, StoreLimits};

const EXPORTER: [u8; 32] = [7; 32];

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Request { account: [u8; 32], request: Bytes<'a> },
    Login { account: [u8; 32], record: Option<Bytes<'a>>, ke1: Bytes<'a>, ke3: Bytes<'a> },
    Upload { upload: Bytes<'a>, cost: [u32; 3] },
    Stored(&'a [u8]),
    Key(&'a [u8]),
}

/// Bytes of the right length more often than chance would have it, some of them with elements that are on the curve.
#[derive(Debug, Arbitrary)]
enum Bytes<'a> {
    Any(&'a [u8]),
    Real { at: u8, byte: u8, cut: bool },
}

/// A real registration and a login with it: each message a valid one to bend.
const LOGIN: &str = include_str!("../../tests/vectors/opaque/login.json");

/// A value of the vector.
fn real(name: &str) -> Vec<u8> {
    let start = format!("\"{name}\": \"");
    let (_, rest) = LOGIN.split_once(&start).expect("the vector has it");
    let (hex, _) = rest.split_once('"').expect("it ends");
    data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hexadecimal")
}

impl Bytes<'_> {
    fn of(&self, name: &str) -> Vec<u8> {
        match self {
            Self::Any(bytes) => bytes.to_vec(),
            Self::Real { at, byte, cut } => {
                let mut bytes = real(name);
                let at = usize::from(*at) % bytes.len();
                bytes[at] ^= byte;
                bytes.truncate(bytes.len() - usize::from(*cut));
                bytes
            }
        }
    }
}

libfuzzer_sys::fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Request { account, request } => {
            let request = request.of("registration_request");
            let evaluate = || {
                let blinded = Blinded::parse(&request)?;
                admitted(|admitted| key().evaluate(admitted, OprfId(account), blinded))
            };
            if let Ok(response) = evaluate() {
                assert_eq!((request.len(), response.len()), (32, 64));
                assert_eq!(evaluate().expect("once more"), response, "not a function");
            }
        }
        Input::Login { account, record, ke1, ke3 } => {
            log_in(OprfId(account), record, &ke1.of("KE1"), &ke3.of("KE3"))
        }
        Input::Upload { upload, cost } => keep(upload.of("registration_upload"), cost),
        Input::Stored(bytes) => {
            if let Some(record) = OpaqueRecord::read(bytes) {
                assert_eq!(record.to_bytes(), bytes, "two rows are one record");
            }
        }
        Input::Key(bytes) => {
            let _ = OpaqueKey::from_bytes(bytes).map(|key| key.id());
        }
    }
});

fn log_in(id: OprfId, record: Option<Bytes<'_>>, ke1: &[u8], ke3: &[u8]) {
    let cost = StretchingCost::default().numbers();
    let record = record.and_then(|upload| {
        OpaqueRecord::from_envelope(&Envelope { upload: upload.of("registration_upload"), stretching: cost })
            .ok()
    });
    let Ok(parsed) = Ke1::parse(ke1) else { return };
    let known = record.map(|record| {
        let record = SealedRecord { bytes: record.to_bytes(), generation: Generation(1) };
        (AccountId::for_tests(1), record)
    });
    let started = admitted(|admitted| key().start_login(admitted, id, known, parsed, &EXPORTER));
    let Ok((ke2, stretching, exchange)) = started else { return };
    assert_eq!(
        (ke1.len(), ke2.len(), stretching),
        (96, 320, cost),
        "an answer shows whether there is a record"
    );
    // The server's half is random, so a KE3 that was made before it proves nothing.
    assert!(exchange.finish(ke3, &EXPORTER).is_none(), "a made-up KE3 proves a password");
}

fn keep(upload: Vec<u8>, [memory_kib, iterations, parallelism]: [u32; 3]) {
    let stretching = Stretching { memory_kib, iterations, parallelism };
    let Ok(record) = OpaqueRecord::from_envelope(&Envelope { upload, stretching }) else { return };
    assert_eq!(
        stretching,
        StretchingCost::default().numbers(),
        "another cost than the server asks for was taken"
    );
    let stored = record.to_bytes();
    let read = OpaqueRecord::read(&stored).expect("what was stored is read");
    assert_eq!(read.to_bytes(), stored);
}

/// Nothing is evaluated but for an attempt that a gate admitted; one is enough for all inputs.
fn admitted<T>(evaluate: impl FnOnce(&Admitted) -> T) -> T {
    static GATE: OnceLock<(Runtime, TempDir, Admitted)> = OnceLock::new();
    let (_, _, admitted) = GATE.get_or_init(|| {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let admitted = runtime.block_on(async {
            let path = folder.path().join("vestry.db");
            let chain = ChainKey::from_bytes(&[7; ChainKey::BYTES]).expect("a key");
            Store::create(&path, &chain).expect("a database can be made");
            let store = Store::open(&path, StoreLimits::default(), chain).expect("it can be opened");
            let settings = Settings::defaults();
            let gate = Gate::start(store.clone(), Clock::from_fn(UnixSeconds::default), settings);
            let source = Source::of([127, 0, 0, 1].into());
            let begun = store.look_up(move |tx| {
                let target = Target { oprf_id: OprfId([0; 32]), name: String::new(), account: None };
                gate.admit(tx, AttemptKind::Login, &target, &source)
            });
            begun.await.expect("the first attempt is admitted")
        });
        (runtime, folder, admitted)
    });
    evaluate(admitted)
}

fn key() -> &'static OpaqueKey {
    static KEY: OnceLock<OpaqueKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let parts = [real("oprf_seed"), real("server_private_key"), real("server_public_key")];
        OpaqueKey::from_bytes(&parts.concat()).expect("a key")
    })
}
