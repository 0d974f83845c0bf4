//! Password hashes (PHC strings) from other systems, and sealed ones as somebody who writes into the database would leave them:
//! their cost is bounded before any work, and only what was sealed for an account opens for it.
#![no_main]

use arbitrary::Arbitrary;
use std::cell::RefCell;
use std::sync::OnceLock;
use std::time::Duration;
use vestry_server::credentials::{ImportedHashes, Pepper, Speed};
use vestry_server::hashing::argon2id::Memory;
use vestry_store::OprfId;

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Typed(&'a [u8]),
    /// Parameters in place of those of a good one.
    Costly {
        memory: &'a str,
        passes: &'a str,
        lanes: &'a str,
    },
    /// Sealed, and changed.
    Bent {
        record: &'a str,
        at: u16,
        byte: u8,
        account: u8,
    },
}

const GOOD: &str = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

libfuzzer_sys::fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Typed(record) => {
            if let Ok(record) = std::str::from_utf8(record) {
                require_bounded(record);
            }
        }
        Input::Costly { memory, passes, lanes } => {
            require_bounded(&GOOD.replace("m=64,t=1,p=1", &format!("m={memory},t={passes},p={lanes}")));
        }
        Input::Bent { record, at, byte, account } => {
            let mut sealed = hashes().seal(record, OprfId([0; 32])).expect("there are random bytes");
            let at = usize::from(at) % sealed.len();
            sealed[at] ^= byte;
            let opened = hashes().open_record(&sealed, OprfId([account; 32]));
            assert_eq!(opened.as_deref(), (byte == 0 && account == 0).then_some(record));
        }
    }
});

/// What can be judged at all costs no more than this, and what an import takes in less.
fn require_bounded(record: &str) {
    let cost = ImportedHashes::cost_of(record);
    let (memory_kib, passes, lanes) = cost.unwrap_or((8, 1, 1));
    assert!(memory_kib <= 128 * 1024 && passes <= 32 && (1..=16).contains(&lanes), "{cost:?}");
    let is_admitted = hashes().admit(record, speed(), Duration::from_secs(2)).is_ok();
    let is_bearable = cost.is_some() && memory_kib.saturating_mul(passes) <= 256 * 1024;
    assert!(is_bearable || !is_admitted, "{cost:?} was taken in");
}

fn hashes() -> &'static ImportedHashes {
    static HASHES: OnceLock<ImportedHashes> = OnceLock::new();
    HASHES.get_or_init(|| {
        ImportedHashes::new(Pepper::from_bytes(&[7; 32]).expect("a pepper")).expect("its decoy fits")
    })
}

/// That of this machine, measured once.
fn speed() -> Speed {
    thread_local! {
        static SPEED: RefCell<Option<Speed>> = const { RefCell::new(None) };
    }
    SPEED.with_borrow_mut(|speed| {
        *speed
            .get_or_insert_with(|| ImportedHashes::measure(&mut Memory::default()).expect("there is memory"))
    })
}
