//! OPAQUE messages at the server, from a peer that made them up: each is refused or answered in full size, no made-up
//! KE3 proves anything, and an envelope that was taken reads back as it was stored.
#![no_main]

use arbitrary::Arbitrary;
use std::sync::OnceLock;
use vestry_protocol::fields::StretchingCost;
use vestry_protocol::user::{Envelope, Stretching};
use vestry_server::credentials::{OpaqueKey, OpaqueRecord};
use vestry_store::AccountId;

const EXPORTER: [u8; 32] = [7; 32];

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Request { name: &'a str, request: Bytes<'a> },
    Login { name: &'a str, record: Option<Bytes<'a>>, ke1: Bytes<'a>, ke3: Bytes<'a> },
    Upload { name: &'a str, upload: Bytes<'a>, cost: [u32; 3] },
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
        Input::Request { name, request } => {
            let request = request.of("registration_request");
            if let Ok(response) = key().evaluate(name, &request) {
                assert_eq!((request.len(), response.len()), (32, 64));
                assert_eq!(key().evaluate(name, &request).expect("once more"), response, "not a function");
            }
        }
        Input::Login { name, record, ke1, ke3 } => log_in(name, record, &ke1.of("KE1"), &ke3.of("KE3")),
        Input::Upload { name, upload, cost } => keep(name, upload.of("registration_upload"), cost),
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

fn log_in(name: &str, record: Option<Bytes<'_>>, ke1: &[u8], ke3: &[u8]) {
    let cost = StretchingCost::default().numbers();
    let record = record.and_then(|upload| {
        OpaqueRecord::from_envelope(
            "naman",
            &Envelope { upload: upload.of("registration_upload"), stretching: cost },
        )
        .ok()
    });
    let account = record.is_some().then(|| AccountId::for_tests(1));
    let record = record.map(|record| record.to_bytes());
    let started = key().start_login(name, account, record.as_deref(), ke1, &EXPORTER);
    let Ok((ke2, stretching, exchange)) = started else {
        return;
    };
    assert_eq!(
        (ke1.len(), ke2.len(), stretching),
        (96, 320, cost),
        "an answer shows whether there is a record"
    );
    // The server's half is random, so a KE3 that was made before it proves nothing.
    assert!(exchange.finish(ke3, &EXPORTER).is_none(), "a made-up KE3 proves a password");
}

fn keep(name: &str, upload: Vec<u8>, [memory_kib, iterations, parallelism]: [u32; 3]) {
    let stretching = Stretching { memory_kib, iterations, parallelism };
    let name: String = name.chars().take(32).filter(char::is_ascii).collect();
    let Ok(record) = OpaqueRecord::from_envelope(&name, &Envelope { upload, stretching }) else { return };
    assert!(StretchingCost::parse(stretching).is_ok());
    let stored = record.to_bytes();
    let read = OpaqueRecord::read(&stored).expect("what was stored is read");
    assert_eq!(read.to_bytes(), stored);
}

fn key() -> &'static OpaqueKey {
    static KEY: OnceLock<OpaqueKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let parts = [real("oprf_seed"), real("server_private_key"), real("server_public_key")];
        OpaqueKey::from_bytes(&parts.concat()).expect("a key")
    })
}
