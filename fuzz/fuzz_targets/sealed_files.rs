//! Sealed files: what was sealed opens as it was, whatever the pieces it was written and read in; a file that was changed
//! in any way hands out nothing but whole chunks of what was sealed, in their order, and never says that it has ended.
#![no_main]

use arbitrary::Arbitrary;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use vestry_seal::passphrase::FileKey;
use vestry_seal::{SealError, SealedReader, SealedWriter};

/// Longer contents only take longer: four chunks have a first, a last and two between them.
const CONTENT_BYTES_MAX: usize = 4 * 64 * 1024;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    seed: &'a [u8],
    repeats: u16,
    written_in: NonZeroU16,
    read_in: NonZeroU16,
    changes: Vec<Change<'a>>,
}

/// What somebody does to the sealed file. Places are taken within its length.
#[derive(Debug, Arbitrary)]
enum Change<'a> {
    Flip { at: u32, bits: u8 },
    Cut { at: u32 },
    Append { bytes: &'a [u8] },
    Remove { at: u32, count: u16 },
    Replace { with: &'a [u8] },
    Rotate { by: u32 },
}

libfuzzer_sys::fuzz_target!(|input: Input<'_>| {
    let content: Vec<u8> =
        input.seed.repeat(usize::from(input.repeats) + 1).into_iter().take(CONTENT_BYTES_MAX).collect();
    let whole = seal(&content, input.written_in);
    let mut bent = whole.clone();
    for change in &input.changes {
        apply(change, &mut bent);
    }
    let (read, ended_well) = open(&bent, input.read_in);
    assert!(content.starts_with(&read), "what was not sealed was handed out");
    assert_eq!(ended_well, bent == whole, "a changed file opened, or a whole one did not");
    if ended_well {
        assert_eq!(read.len(), content.len());
    }
});

fn seal(content: &[u8], piece: NonZeroU16) -> Vec<u8> {
    let mut writer = SealedWriter::new_under(Vec::new(), &FileKey::of_byte(7)).expect("a header");
    for piece in content.chunks(usize::from(piece.get())) {
        writer.write_all(piece).expect("memory takes it");
    }
    writer.finish().expect("it is whole")
}

/// What the reader hands out, and whether it said that this was all.
fn open(file: &[u8], piece: NonZeroU16) -> (Vec<u8>, bool) {
    let (mut read, mut buffer) = (Vec::new(), vec![0; usize::from(piece.get())]);
    let mut reader = match SealedReader::open_under(file, FileKey::of_byte(7)) {
        Ok(reader) => reader,
        Err(error) => {
            assert!(SealError::behind(&error).is_some(), "{error}");
            return (read, false);
        }
    };
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return (read, true),
            Ok(count) => read.extend_from_slice(&buffer[..count]),
            Err(error) => {
                assert!(SealError::behind(&error).is_some(), "{error}");
                assert!(reader.read(&mut buffer).is_err(), "an error became an end");
                return (read, false);
            }
        }
    }
}

fn apply(change: &Change<'_>, file: &mut Vec<u8>) {
    let length = file.len();
    let place = |at: u32| at as usize % (length + 1);
    match *change {
        Change::Flip { at, bits } => {
            let at = place(at);
            if let Some(byte) = file.get_mut(at) {
                *byte ^= bits;
            }
        }
        Change::Cut { at } => file.truncate(place(at)),
        Change::Append { bytes } => file.extend_from_slice(bytes),
        Change::Remove { at, count } => {
            let from = place(at);
            let to = (from + usize::from(count)).min(length);
            file.drain(from..to);
        }
        Change::Replace { with } => *file = with.to_vec(),
        Change::Rotate { by } => file.rotate_left(place(by)),
    }
}
