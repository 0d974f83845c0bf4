//! Where the rows go that are left out: a new private file, which is there only when there is one, standard output, or nowhere.

use crate::bad_rows::BadRowWriter;
use crate::failure::Failure;
use crate::output::Written;
use crate::reader::Raw;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use vestry_seal::Target;
use vestry_terminal::output::refuse_closed;

/// The rows that are left out.
#[derive(Debug, Default)]
pub(super) struct SetAside {
    writing: Option<BadRowWriter<BufWriter<Target>>>,
    path: Option<PathBuf>,
    written: Option<Written>,
    has_rows: bool,
}

impl SetAside {
    /// Begins the file, if there is to be one; refuses to overwrite.
    pub(super) fn begin(path: Option<&Path>, header: Option<&[String]>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let target = Target::open(path, refuse_closed)?;
        let written = Some(Written::from(&target));
        let writing = Some(BadRowWriter::begin(BufWriter::new(target), header));
        Ok(Self { writing, path: Some(path.to_owned()), written, has_rows: false })
    }

    /// Whether rows are kept.
    pub(super) fn is_wanted(&self) -> bool {
        self.written.is_some()
    }

    pub(super) fn row(&mut self, raw: &Raw, reason: &str) -> Result<(), Failure> {
        self.has_rows = true;
        match self.writing.as_mut() {
            Some(writing) => writing.row(raw, reason).map_err(not_written),
            None => Ok(()),
        }
    }

    /// Puts the file on the disk under its name, if any row is in it.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        let Some(writing) = self.writing.take().filter(|_| self.has_rows) else { return Ok(()) };
        let target = writing.into_inner().into_inner();
        target.map_err(|error| not_written(error.into_error()))?.finish()?;
        Ok(())
    }

    /// Takes a finished file back, when the import was not done after all.
    pub(super) fn remove(&self) {
        let is_a_file = self.has_rows && self.written == Some(Written::ToAFile);
        if let Some(path) = self.path.as_ref().filter(|_| is_a_file) {
            // It is our own and of no use; whoever sees it left can remove it.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn not_written(cause: io::Error) -> Failure {
    Failure::NotWritten { what: "the rows that are left out", cause }
}
