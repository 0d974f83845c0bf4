//! Frames to messages and back. This is the only file that names bincode.
//!
//! bincode 2, `standard()` configuration: little-endian variable-length integers, no self-description. Every
//! decode has a hard limit and must use up its input; both are what keep a hostile 13-byte frame from claiming
//! an exabyte.

use crate::frame::{FrameError, append_header};
use crate::limits::{FRAME_HEADER_BYTES, REPLY_BYTES_MAX};
use crate::message::Request;
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

/// An enum whose variants are numbered from 0 in their order.
pub trait Numbered {
    /// How many there are: the smallest number that this version does not know.
    const KNOWN: u32;
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

/// A whole frame that is no request of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// The number of its call is one of a later version.
    #[error("this server does not know call {call}")]
    Unsupported {
        /// The number of the request.
        id: u64,
        /// The number of the call.
        call: u32,
    },
    /// It is not exactly one message.
    #[error("the frame is not exactly one request")]
    Malformed {
        /// The number of the request, as far as it could be read; else 0.
        id: u64,
    },
}

/// Reads a request from a whole payload. One that cannot be read is still answered under its number.
///
/// # Errors
/// When it is no request that this version knows.
pub fn decode_request<Call: DeserializeOwned + Numbered, const LIMIT: usize>(
    payload: &[u8],
) -> Result<Request<Call>, Unreadable> {
    decode::<Request<Call>, LIMIT>(payload).map_err(|_| {
        let Ok((id, behind)) = first::<u64>(payload) else { return Unreadable::Malformed { id: 0 } };
        match first::<u32>(behind) {
            Ok((call, _)) if call >= Call::KNOWN => Unreadable::Unsupported { id, call },
            _ => Unreadable::Malformed { id },
        }
    })
}

/// The number of an encoded variant, and its fields.
pub(crate) fn split_number(bytes: &[u8]) -> Result<(u32, &[u8]), CodecError> {
    first(bytes)
}

/// A variant whose number and fields came apart. They are bounded by the message that they came in.
pub(crate) fn decode_content<T: DeserializeOwned>(number: u32, content: &[u8]) -> Result<T, CodecError> {
    let number = encode(&number)?;
    decode::<T, REPLY_BYTES_MAX>(&[&number, content].concat())
}

/// The value at the front, and what is behind it.
fn first<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, &[u8]), CodecError> {
    let config = bincode::config::standard().with_limit::<16>();
    let (value, used) =
        bincode::serde::decode_from_slice(bytes, config).map_err(|_| CodecError::Malformed)?;
    Ok((value, bytes.get(used..).unwrap_or_default()))
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
