//! Bytes to frames and back: a big-endian `u32` length, then that many bytes of one message.
//!
//! Pure: it never reads or writes a socket. The length is judged before anything is allocated for it.

use crate::count::Count;
use crate::limits::FRAME_HEADER_BYTES;
use thiserror::Error;

/// Why a stream of bytes cannot be cut into frames. Each ends the connection: what follows is unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The peer announced more than it may send in this state.
    #[error("a frame of {} was announced; the limit here is {limit}", Count::new(*announced, "byte"))]
    TooLong {
        /// The length in the prefix.
        announced: usize,
        /// The limit in force.
        limit: usize,
    },
    /// A frame without a message.
    #[error("an empty frame was sent")]
    Empty,
}

/// Cuts the first frame off `bytes`: its payload and how many bytes it took in all.
///
/// `None` means that more bytes are needed.
///
/// # Errors
/// When the length prefix is zero or over `limit`, as soon as the four bytes of the prefix are there.
pub fn split_first(bytes: &[u8], limit: usize) -> Result<Option<(&[u8], usize)>, FrameError> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<FRAME_HEADER_BYTES>() else {
        return Ok(None);
    };
    let announced = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
    match announced {
        0 => Err(FrameError::Empty),
        n if n > limit => Err(FrameError::TooLong { announced, limit }),
        n => Ok(rest.get(..n).map(|payload| (payload, FRAME_HEADER_BYTES + n))),
    }
}

/// Appends the prefix for a payload of `payload_bytes`.
///
/// # Errors
/// When the payload is empty or longer than `limit`.
pub fn append_header(out: &mut Vec<u8>, payload_bytes: usize, limit: usize) -> Result<(), FrameError> {
    let too_long = FrameError::TooLong { announced: payload_bytes, limit };
    match u32::try_from(payload_bytes) {
        Ok(0) => Err(FrameError::Empty),
        Ok(n) if payload_bytes <= limit => {
            out.extend_from_slice(&n.to_be_bytes());
            Ok(())
        }
        _ => Err(too_long),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_length_over_the_limit_is_refused_before_its_payload_arrives() {
        assert_eq!(
            split_first(&[0xff, 0xff, 0xff, 0xff], 4096),
            Err(FrameError::TooLong { announced: 0xffff_ffff, limit: 4096 })
        );
    }

    #[test]
    fn an_empty_frame_is_refused() {
        assert_eq!(split_first(&[0, 0, 0, 0, 1], 4096), Err(FrameError::Empty));
    }

    proptest! {
        #[test]
        fn what_was_framed_comes_back_whole_wherever_the_stream_is_cut(
            payload in proptest::collection::vec(any::<u8>(), 1..300), cut in 0usize..310,
        ) {
            let mut bytes = Vec::new();
            append_header(&mut bytes, payload.len(), 300).unwrap();
            bytes.extend_from_slice(&payload);
            let seen = &bytes[..cut.min(bytes.len())];
            let expected = (seen.len() == bytes.len()).then_some((payload.as_slice(), bytes.len()));
            prop_assert_eq!(split_first(seen, 300).unwrap(), expected);
        }
    }
}
