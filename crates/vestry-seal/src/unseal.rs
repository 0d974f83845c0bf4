//! Opening what was sealed. No byte is handed out before its chunk was verified, and the end only after the last
//! chunk said that it is the last: a changed, missing, doubled or moved chunk is an error and never an end.

use crate::chunk::{CHUNK_BYTES, Decryptor, TAG_BYTES};
use crate::error::SealError;
use crate::passphrase::{FileKey, HEADER_BYTES, MAGIC, Passphrase, Recipe};
use std::io::{self, BufRead, Read};
use zeroize::Zeroizing;

/// Whether a file begins as a sealed one. Nothing is taken from it.
///
/// # Errors
/// When it cannot be read.
pub fn is_sealed(input: &mut impl BufRead) -> io::Result<bool> {
    Ok(input.fill_buf()?.starts_with(MAGIC))
}

/// Reads what a `SealedWriter` wrote.
pub struct SealedReader<R> {
    input: R,
    header: [u8; HEADER_BYTES],
    /// Gone after the last chunk, and after an error.
    decryptor: Option<Decryptor>,
    chunk: Zeroizing<Vec<u8>>,
    /// How much of the chunk was handed out.
    taken: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    First,
    Later,
    Whole,
    Refused,
}

impl<R: BufRead> SealedReader<R> {
    /// Reads the header and makes the key. Whether it is the right one shows at the first read.
    ///
    /// # Errors
    /// When the file is not sealed, or its header is not one.
    pub fn open(input: R, passphrase: &Passphrase) -> io::Result<Self> {
        Self::open_with(input, |recipe| recipe.key_of(passphrase))
    }

    fn open_with(
        mut input: R,
        key_of: impl FnOnce(&Recipe) -> Result<FileKey, SealError>,
    ) -> io::Result<Self> {
        let mut header = [0; HEADER_BYTES];
        input.read_exact(&mut header).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => SealError::NotSealed.into(),
            _ => error,
        })?;
        let file_key = key_of(&Recipe::of_header(&header)?)?;
        let (key, nonce) = file_key.parts();
        let decryptor = Some(Decryptor::new(key, nonce.into()));
        let chunk = Zeroizing::new(Vec::with_capacity(CHUNK_BYTES + TAG_BYTES));
        Ok(Self { input, header, decryptor, chunk, taken: 0, state: State::First })
    }

    fn open_chunk(&mut self) -> io::Result<()> {
        let refusal =
            if self.state == State::First { SealError::WrongPassphrase } else { SealError::Changed };
        let mut decryptor = self.decryptor.take().ok_or(refusal)?;
        self.state = State::Refused;
        self.chunk.clear();
        self.taken = 0;
        let most = u64::try_from(CHUNK_BYTES + TAG_BYTES).unwrap_or(u64::MAX);
        (&mut self.input).take(most).read_to_end(&mut self.chunk)?;
        let opened = if self.input.fill_buf()?.is_empty() {
            decryptor.decrypt_last_in_place(&self.header, &mut *self.chunk).map(|()| State::Whole)
        } else {
            let opened = decryptor.decrypt_next_in_place(&self.header, &mut *self.chunk);
            self.decryptor = Some(decryptor);
            opened.map(|()| State::Later)
        };
        if opened.is_err() {
            self.chunk.clear();
            self.decryptor = None;
        }
        self.state = opened.map_err(|_| refusal)?;
        Ok(())
    }
}

impl<R: BufRead> Read for SealedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken >= self.chunk.len() && self.state != State::Whole {
            self.open_chunk()?;
        }
        let mut left = self.chunk.get(self.taken..).unwrap_or_default();
        let count = left.read(buffer)?;
        self.taken += count;
        Ok(count)
    }
}

/// What tests and the fuzz target of sealed files see of this file (docs/FUZZING.md).
#[cfg(any(test, feature = "fuzzing"))]
impl<R: BufRead> SealedReader<R> {
    /// As [`SealedReader::open`], under a key that costs nothing.
    ///
    /// # Errors
    /// As [`SealedReader::open`].
    pub fn open_under(input: R, key: FileKey) -> io::Result<Self> {
        Self::open_with(input, |_| Ok(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SealedWriter;
    use std::io::Write;

    const SEALED_CHUNK: usize = CHUNK_BYTES + TAG_BYTES;

    fn passphrase() -> Passphrase {
        Passphrase::of_line(b"correct horse battery staple").unwrap()
    }

    fn sealed(content: &[u8]) -> Vec<u8> {
        let mut writer = SealedWriter::new(Vec::new(), &passphrase()).unwrap();
        writer.write_all(content).unwrap();
        writer.finish().unwrap()
    }

    fn opened_with(sealed: &[u8], passphrase: &Passphrase) -> Result<Vec<u8>, SealError> {
        let mut content = Vec::new();
        SealedReader::open(sealed, passphrase)
            .and_then(|mut reader| reader.read_to_end(&mut content))
            .map_err(|error| SealError::behind(&error).unwrap())?;
        Ok(content)
    }

    fn opened(sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        opened_with(sealed, &passphrase())
    }

    /// Content of a length, no two chunks of it the same.
    fn content(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|at| u8::try_from((at / 7 + at / CHUNK_BYTES) % 251).unwrap()).collect()
    }

    #[test]
    fn what_is_sealed_opens_whole_whatever_its_length() {
        for bytes in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
            let file = sealed(&content(bytes));
            let chunks = bytes.div_ceil(CHUNK_BYTES).max(1);
            assert_eq!(file.len(), HEADER_BYTES + bytes + chunks * TAG_BYTES);
            assert!(opened(&file).unwrap() == content(bytes), "{bytes}");
            assert!(is_sealed(&mut file.as_slice()).unwrap());
        }
    }

    #[test]
    fn a_wrong_passphrase_opens_nothing() {
        let other = Passphrase::of_line(b"purple owls count seven spoons").unwrap();
        assert_eq!(opened_with(&sealed(b"naman"), &other), Err(SealError::WrongPassphrase));
    }

    /// A small file, sealed under a key that costs nothing: every place of it can be tried.
    fn sealed_cheaply(content: &[u8]) -> Vec<u8> {
        let mut writer = SealedWriter::new_under(Vec::new(), &FileKey::of_byte(7)).unwrap();
        writer.write_all(content).unwrap();
        writer.finish().unwrap()
    }

    fn opened_cheaply(sealed: &[u8]) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        SealedReader::open_under(sealed, FileKey::of_byte(7))?.read_to_end(&mut content)?;
        Ok(content)
    }

    #[test]
    fn a_bit_flipped_anywhere_is_refused() {
        let small = sealed_cheaply(&content(300));
        assert_eq!(opened_cheaply(&small).unwrap(), content(300));
        for bit in 0..8 * small.len() {
            let mut bent = small.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert!(opened_cheaply(&bent).is_err(), "bit {bit} of a file of one chunk");
        }
        // Of a longer one, the places around its chunks.
        let file = sealed(&content(2 * CHUNK_BYTES + 100));
        let second = HEADER_BYTES + SEALED_CHUNK;
        let last = file.len() - 1;
        for at in [0, 15, 17, 30, HEADER_BYTES - 1, HEADER_BYTES, second - 1, second, second + 9, last] {
            let mut bent = file.clone();
            bent[at] ^= 0x10;
            assert!(opened(&bent).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_file_that_was_cut_anywhere_is_refused() {
        let small = sealed_cheaply(&content(300));
        for length in 0..small.len() {
            assert!(opened_cheaply(&small[..length]).is_err(), "a file of one chunk, cut to {length}");
        }
        assert!(opened_cheaply(&[small.as_slice(), b"x"].concat()).is_err());
        let file = sealed(&content(2 * CHUNK_BYTES));
        let (second, end) = (HEADER_BYTES + SEALED_CHUNK, file.len());
        for length in
            [0, 10, HEADER_BYTES, HEADER_BYTES + 5, second - 1, second, second + 1, end - 16, end - 1]
        {
            assert!(opened(&file[..length]).is_err(), "{length}");
        }
        let longer = [file.as_slice(), b"x"].concat();
        assert_eq!(opened(&longer), Err(SealError::Changed));
    }

    #[test]
    fn chunks_that_were_swapped_doubled_or_dropped_are_refused() {
        let file = sealed(&content(3 * CHUNK_BYTES));
        let (header, chunks) = file.split_at(HEADER_BYTES);
        let chunks: Vec<&[u8]> = chunks.chunks(SEALED_CHUNK).collect();
        for order in [&[1, 0, 2][..], &[0, 0, 1, 2], &[0, 2], &[0, 2, 1], &[0, 1, 2, 2]] {
            let moved: Vec<&[u8]> = order.iter().map(|number| chunks[*number]).collect();
            assert!(opened(&[header, &moved.concat()].concat()).is_err(), "{order:?}");
        }
    }

    #[test]
    fn an_error_stays_an_error_and_never_becomes_an_end() {
        let mut file = sealed(&content(CHUNK_BYTES + 10));
        *file.last_mut().unwrap() ^= 1;
        let mut reader = SealedReader::open(file.as_slice(), &passphrase()).unwrap();
        let mut first = vec![0; CHUNK_BYTES];
        reader.read_exact(&mut first).unwrap();
        for _ in 0..3 {
            assert!(reader.read(&mut [0; 10]).is_err());
        }
    }

    #[test]
    fn nothing_of_the_content_is_readable_and_no_two_files_are_alike() {
        let (first, second) =
            (sealed(&b"naman@example.org ".repeat(1000)), sealed(&b"naman@example.org ".repeat(1000)));
        assert!(!first.windows(5).any(|window| window == b"naman"));
        assert_ne!(first[HEADER_BYTES..], second[HEADER_BYTES..]);
    }
}
