//! Bytes to messages and back, for either port and either direction.

use serde::Serialize;
use serde::de::DeserializeOwned;
use vestry_protocol::codec::{CodecError, append_frame, decode, encode};
use vestry_protocol::frame::split_first;

/// Reads a payload as one message. Where it is one:
/// it is never shorter than its own encoding, and equal to it where it is as long;
/// its encoding reads back to the same bytes, fits a frame, and is no message any more with a byte less or more.
pub fn require_one_meaning<T: Serialize + DeserializeOwned, const LIMIT: usize>(payload: &[u8]) {
    let Ok(message) = decode::<T, LIMIT>(payload) else { return };
    let canonical = encode(&message).expect("what was read has bytes");
    assert!(canonical.len() <= payload.len(), "a message is shorter on the wire than its own encoding");
    if canonical.len() == payload.len() {
        assert_eq!(&canonical[..], payload, "two payloads of one length are one message");
    }
    let again = decode::<T, LIMIT>(&canonical).expect("what was written is read");
    assert_eq!(
        encode(&again).expect("it has bytes")[..],
        canonical[..],
        "reading and writing change a message"
    );
    let mut frame = Vec::new();
    append_frame(&mut frame, &message, LIMIT).expect("what was read fits a frame");
    let split = split_first(&frame, LIMIT).expect("our own frame is one");
    assert_eq!(split, Some((&canonical[..], frame.len())));
    for cut in [0, canonical.len() / 2, canonical.len() - 1] {
        assert!(decode::<T, LIMIT>(&canonical[..cut]).is_err(), "a message without its end is one too");
    }
    let longer = [&canonical[..], &[0]].concat();
    if longer.len() <= LIMIT {
        assert!(matches!(decode::<T, LIMIT>(&longer), Err(CodecError::TrailingBytes(1))));
    }
}
