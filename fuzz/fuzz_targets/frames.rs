//! A stream of bytes cut into frames: the same frames wherever the stream was cut, none over the limit, and a bad
//! length is known from its four bytes.
#![no_main]

use vestry_protocol::frame::{FrameError, append_header, split_first};

libfuzzer_sys::fuzz_target!(|input: (u16, u8, &[u8])| {
    let (limit, piece, stream) = (usize::from(input.0), usize::from(input.1) + 1, input.2);
    let whole = frames(stream, limit);
    assert_eq!(in_pieces(stream, limit, piece), whole, "what arrives in pieces is cut in another way");
    let mut written = Vec::new();
    for payload in &whole.0 {
        assert!((1..=limit).contains(&payload.len()));
        append_header(&mut written, payload.len(), limit).expect("a payload of a frame fits one");
        written.extend_from_slice(payload);
    }
    assert!(stream.starts_with(&written), "frames do not read back to the stream");
    let rest = &stream[written.len()..];
    match (whole.1, rest.first_chunk()) {
        (Some(FrameError::Empty), Some(prefix)) => assert_eq!(u32::from_be_bytes(*prefix), 0),
        (Some(FrameError::TooLong { announced, limit: told }), Some(prefix)) => {
            assert_eq!((announced, told), (u32::from_be_bytes(*prefix) as usize, limit));
            assert!(announced > limit);
        }
        (Some(_), None) => panic!("a length was judged before it was there"),
        (None, Some(prefix)) => {
            let announced = u32::from_be_bytes(*prefix) as usize;
            assert!(announced > 0 && announced <= limit && rest.len() < announced + 4, "a whole frame waits");
        }
        (None, None) => {}
    }
});

type Frames = (Vec<Vec<u8>>, Option<FrameError>);

fn frames(mut stream: &[u8], limit: usize) -> Frames {
    let mut found = Vec::new();
    loop {
        match split_first(stream, limit) {
            Ok(Some((payload, taken))) => {
                found.push(payload.to_vec());
                stream = &stream[taken..];
            }
            Ok(None) => return (found, None),
            Err(error) => return (found, Some(error)),
        }
    }
}

/// As a connection does it: bytes are kept until a frame is whole.
fn in_pieces(stream: &[u8], limit: usize, piece: usize) -> Frames {
    let (mut found, mut inbox) = (Vec::new(), Vec::new());
    for arrived in stream.chunks(piece) {
        inbox.extend_from_slice(arrived);
        loop {
            let taken = match split_first(&inbox, limit) {
                Ok(Some((payload, taken))) => {
                    found.push(payload.to_vec());
                    taken
                }
                Ok(None) => break,
                Err(error) => return (found, Some(error)),
            };
            inbox.drain(..taken);
        }
    }
    (found, None)
}
