//! Sealing: bytes in, authenticated chunks out, in the STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizár,
//! 2015). Each chunk is sealed under its number and whether it is the last, together with the header.
//!
//! It keeps one chunk in memory, whatever the size of the file.

use crate::chunk::{CHUNK_BYTES, Encryptor, TAG_BYTES};
use crate::error::SealError;
use crate::passphrase::{FileKey, Passphrase, Recipe};
use std::io::{self, Write};
use zeroize::Zeroizing;

/// Seals what is written to it. Without [`SealedWriter::finish`] the file is not whole, and does not open.
pub struct SealedWriter<W> {
    out: W,
    header: Vec<u8>,
    /// Gone when a write failed: what follows would not fit what is there.
    encryptor: Option<Encryptor>,
    chunk: Zeroizing<Vec<u8>>,
}

impl<W: Write> SealedWriter<W> {
    /// Writes the header. The key costs a tenth of a second and 64 MiB, once.
    ///
    /// # Errors
    /// When there are no random bytes, or the header cannot be written.
    pub fn new(out: W, passphrase: &Passphrase) -> io::Result<Self> {
        let recipe = Recipe::of_today().map_err(io::Error::other)?;
        let file_key = recipe.key_of(passphrase).map_err(io::Error::other)?;
        Self::begin(out, recipe, &file_key)
    }

    fn begin(mut out: W, recipe: Recipe, file_key: &FileKey) -> io::Result<Self> {
        let header = recipe.to_header().to_vec();
        let (key, nonce) = file_key.parts();
        let encryptor = Some(Encryptor::new(key, nonce.into()));
        out.write_all(&header)?;
        // Room for the tag from the start, so that the chunk never moves and leaves an unwiped copy.
        let chunk = Zeroizing::new(Vec::with_capacity(CHUNK_BYTES + TAG_BYTES));
        Ok(Self { out, header, encryptor, chunk })
    }

    /// Seals the last chunk, and hands back what it wrote to.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        let encryptor = self.encryptor.take().ok_or(SealError::BrokenOff)?;
        encryptor.encrypt_last_in_place(&self.header, &mut *self.chunk).map_err(|_| SealError::BrokenOff)?;
        self.out.write_all(&self.chunk)?;
        Ok(self.out)
    }

    fn seal_chunk(&mut self) -> io::Result<()> {
        let mut encryptor = self.encryptor.take().ok_or(SealError::BrokenOff)?;
        encryptor.encrypt_next_in_place(&self.header, &mut *self.chunk).map_err(|_| SealError::BrokenOff)?;
        self.out.write_all(&self.chunk)?;
        self.chunk.clear();
        self.encryptor = Some(encryptor);
        Ok(())
    }
}

/// What tests and the fuzz target of sealed files see of this file (docs/FUZZING.md).
#[cfg(any(test, feature = "fuzzing"))]
impl<W: Write> SealedWriter<W> {
    /// As [`SealedWriter::new`], under a key that costs nothing.
    ///
    /// # Errors
    /// As [`SealedWriter::new`].
    pub fn new_under(out: W, key: &FileKey) -> io::Result<Self> {
        Self::begin(out, Recipe::of_today().map_err(io::Error::other)?, key)
    }
}

impl<W: Write> Write for SealedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits until more comes: the last one is sealed as the last.
        if self.chunk.len() >= CHUNK_BYTES {
            self.seal_chunk()?;
        }
        let room = CHUNK_BYTES.saturating_sub(self.chunk.len());
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.chunk.extend_from_slice(taken);
        Ok(taken.len())
    }

    /// What is sealed goes on; a chunk that is not full has to wait.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
