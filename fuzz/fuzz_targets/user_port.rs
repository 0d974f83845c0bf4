//! The user port as a whole: the real server over TLS, and a visitor with four connections who calls in any order,
//! stops half way, replays, bends and makes up. Every answer is held against a model of who proved what.
#![no_main]

use libfuzzer_sys::arbitrary::{Arbitrary, Unstructured};
use vestry_fuzz::port::{Op, visit};

/// More calls find nothing that so many do not.
const OPS_MAX: usize = 48;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let mut bytes = Unstructured::new(input);
    let mut ops = Vec::new();
    while !bytes.is_empty() && ops.len() < OPS_MAX {
        let Ok(op) = Op::arbitrary(&mut bytes) else { break };
        ops.push(op);
    }
    visit(ops);
});
