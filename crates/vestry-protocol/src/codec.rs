//! Frames to messages and back. This is the only file that names bincode.
//!
//! bincode 2, `standard()` configuration: little-endian variable-length integers, no self-description. Every
//! decode has a hard limit and must use up its input; both are what keep a hostile 13-byte frame from claiming
//! an exabyte.

use crate::frame::{FrameError, append_header};
use crate::limits::FRAME_HEADER_BYTES;
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

/// Why bytes are not a message, or a message has no bytes.
#[derive(Debug, Error)]
pub enum CodecError {
    /// The payload is not the message that was expected: unknown variant, bad text, cut short, over the limit.
    #[error("the message could not be read")]
    Malformed,
    /// A message was read, but bytes are left over.
    #[error("bytes are left over after the message: {0}")]
    TrailingBytes(usize),
    /// The message does not fit a frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Reads one message from a whole payload. `LIMIT` bounds what the decoder may claim.
///
/// # Errors
/// When the payload is malformed or has bytes left over.
pub fn decode<T: DeserializeOwned, const LIMIT: usize>(payload: &[u8]) -> Result<T, CodecError> {
    let config = bincode::config::standard().with_limit::<LIMIT>();
    let (message, used) =
        bincode::serde::decode_from_slice(payload, config).map_err(|_| CodecError::Malformed)?;
    match payload.len().saturating_sub(used) {
        0 => Ok(message),
        left => Err(CodecError::TrailingBytes(left)),
    }
}

/// Appends one message with its length prefix. On an error `out` is as it was.
///
/// # Errors
/// When the message is longer than `limit`.
pub fn append_frame<T: Serialize>(out: &mut Vec<u8>, message: &T, limit: usize) -> Result<(), CodecError> {
    let payload = encode(message)?;
    out.reserve(FRAME_HEADER_BYTES + payload.len());
    append_header(out, payload.len(), limit)?;
    out.extend_from_slice(&payload);
    Ok(())
}

/// The bytes of one message, without a length prefix; wiped when dropped, since any message may hold a secret.
///
/// # Errors
/// When the message holds something that has no bytes (no message of this crate does).
pub fn encode<T: Serialize>(message: &T) -> Result<zeroize::Zeroizing<Vec<u8>>, CodecError> {
    bincode::serde::encode_to_vec(message, bincode::config::standard())
        .map(zeroize::Zeroizing::new)
        .map_err(|_| CodecError::Malformed)
}
