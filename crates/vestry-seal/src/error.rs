//! Why a sealed file does not open.

use std::io;
use thiserror::Error;

/// Why a sealed file does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// The file begins otherwise.
    #[error("the file is not sealed, or by a newer version of Vestry")]
    NotSealed,
    /// The header asks for a cost that no version of Vestry writes.
    #[error("the header of the file was changed: it asks for a cost that Vestry never writes")]
    CostOutOfRange,
    /// The first chunk does not fit the key.
    #[error("the passphrase is wrong, or the file was changed or cut short")]
    WrongPassphrase,
    /// A later chunk does not.
    #[error("the file was changed or cut short since it was sealed")]
    Changed,
    /// Something failed before.
    #[error("sealing broke off before its end")]
    BrokenOff,
}

impl From<SealError> for io::Error {
    fn from(error: SealError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

impl SealError {
    /// Finds the reason behind an error of a reader that was stacked on a `SealedReader`.
    #[must_use]
    pub fn behind(error: &io::Error) -> Option<Self> {
        let mut next: Option<&(dyn std::error::Error + 'static)> = error.get_ref().map(|inner| inner as _);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(*found);
            }
            // An I/O error hides what it wraps from `source`, which begins one deeper.
            let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            next = wrapped.map(|inner| inner as _).or_else(|| error.source());
        }
        None
    }
}
