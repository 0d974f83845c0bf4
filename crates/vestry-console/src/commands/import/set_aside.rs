//! Where the rows go that are left out: a new private file, which is there only when there is one, or nowhere.

use crate::bad_rows::BadRowWriter;
use crate::failure::Failure;
use crate::reader::Raw;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use vestry_seal::NewFile;

/// The file of bad rows.
#[derive(Debug, Default)]
pub(super) struct SetAside {
    writing: Option<BadRowWriter<BufWriter<NewFile>>>,
    path: Option<PathBuf>,
    has_rows: bool,
}

impl SetAside {
    /// Begins the file, if there is to be one; refuses to overwrite.
    pub(super) fn begin(path: Option<&Path>, header: Option<&[String]>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let out = BufWriter::new(NewFile::create(path)?);
        let writing = BadRowWriter::begin(out, header).map_err(Failure::Output)?;
        Ok(Self { writing: Some(writing), path: Some(path.to_owned()), has_rows: false })
    }

    /// Whether rows go to a file.
    pub(super) fn is_a_file(&self) -> bool {
        self.path.is_some()
    }

    pub(super) fn row(&mut self, raw: &Raw, reason: &str) -> Result<(), Failure> {
        self.has_rows = true;
        match self.writing.as_mut() {
            Some(writing) => writing.row(raw, reason).map_err(Failure::Output),
            None => Ok(()),
        }
    }

    /// Puts the file on the disk under its name, if any row is in it.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        let Some(writing) = self.writing.take().filter(|_| self.has_rows) else { return Ok(()) };
        let file = writing.into_inner().into_inner();
        file.map_err(|error| Failure::Output(error.into_error()))?.finish()?;
        Ok(())
    }

    /// Takes a finished file back, when the import was not done after all.
    pub(super) fn remove(&self) {
        if let Some(path) = self.path.as_ref().filter(|_| self.has_rows) {
            // It is our own and of no use; whoever sees it left can remove it.
            let _ = std::fs::remove_file(path);
        }
    }
}
