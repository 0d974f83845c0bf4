//! Stored password hashes (PHC strings), as somebody who writes into the database would leave them: their cost is
//! bounded before any work, more tightly for an import, judging never fails, and only the password of an untouched hash is right.
#![no_main]

use arbitrary::Arbitrary;
use std::cell::RefCell;
use std::sync::OnceLock;
use vestry_protocol::fields::Password;
use vestry_protocol::secret::SecretText;
use vestry_server::config::Argon2idConfig;
use vestry_server::credentials::{Argon2id, Memory, Pepper};

const PASSWORD: &str = "correct horse battery staple";
/// More than this is not hashed here; the server does, on threads of its own.
const WORK_MAX: u32 = 2_048;

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Typed(&'a [u8]),
    /// Parameters in place of those of the record.
    Costly {
        memory: &'a str,
        passes: &'a str,
        lanes: &'a str,
    },
    Bent {
        at: u8,
        byte: u8,
    },
    Password(&'a str),
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

libfuzzer_sys::fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Typed(record) => {
            assert!(!judge(PASSWORD, record) || record == record_of_password().as_bytes())
        }
        Input::Costly { memory, passes, lanes } => {
            let costly =
                record_of_password().replace("m=64,t=1,p=1", &format!("m={memory},t={passes},p={lanes}"));
            assert!(!judge(PASSWORD, costly.as_bytes()) || costly == record_of_password(), "{costly}");
        }
        Input::Bent { at, byte } => {
            let mut bent = record_of_password().as_bytes().to_vec();
            let at = usize::from(at) % bent.len();
            bent[at] ^= byte;
            assert_eq!(judge(PASSWORD, &bent), byte == 0, "{}", String::from_utf8_lossy(&bent));
        }
        Input::Password(typed) => {
            assert_eq!(judge(typed, record_of_password().as_bytes()), typed == PASSWORD)
        }
    }
});

/// Whether the password is right, unless finding out costs too much for a fuzz target.
fn judge(typed: &str, record: &[u8]) -> bool {
    let cost = scheme().cost_of(record);
    let (memory_kib, iterations, parallelism) = cost.unwrap_or((64, 1, 1));
    assert!(memory_kib <= 256 * 1024 && iterations <= 32 && (1..=16).contains(&parallelism), "{cost:?}");
    // What an import takes in is one of ours to judge, and cheaper still.
    let is_admitted = std::str::from_utf8(record).is_ok_and(|record| scheme().admit(record).is_ok());
    let is_bearable = cost.is_some() && memory_kib <= 128 * 1024 && memory_kib * iterations <= 256 * 1024;
    assert!(is_bearable || !is_admitted, "{cost:?} was taken in");
    let Ok(password) = Password::parse(&SecretText::new(typed.to_owned())) else { return false };
    if memory_kib * iterations > WORK_MAX {
        return false;
    }
    let right = MEMORY.with_borrow_mut(|memory| scheme().is_right(memory, &password, record));
    right.expect("a record in the database makes judging fail")
}

/// What the server stores for [`PASSWORD`].
fn record_of_password() -> &'static str {
    static RECORD: OnceLock<String> = OnceLock::new();
    RECORD.get_or_init(|| {
        let password = Password::parse(&SecretText::new(PASSWORD.to_owned())).expect("a password");
        MEMORY.with_borrow_mut(|memory| scheme().hash_new(memory, &password)).expect("a hash")
    })
}

fn scheme() -> &'static Argon2id {
    static SCHEME: OnceLock<Argon2id> = OnceLock::new();
    SCHEME.get_or_init(|| {
        let cheap =
            Argon2idConfig { memory_kib: 64, iterations: 1, parallelism: 1, threads: 1, queue_max: 1 };
        Argon2id::new(cheap, Pepper::from_bytes(&[7; 32]).expect("a pepper")).expect("a scheme")
    })
}
