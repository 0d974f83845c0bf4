//! What a call changed on the server. Its value comes out only together with the words that say so, so that no answer that
//! cannot be written hides an act.

use crate::failure::{Failure, Said};

/// What a change came to.
#[derive(Debug)]
#[must_use = "what was done has to be said"]
pub(crate) struct Done<T>(T);

impl<T> Done<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(value)
    }

    /// Writes the answer; when that fails, what was done is said first.
    ///
    /// # Errors
    /// As `write`; [`Failure::Untold`] when the answer could not be written.
    pub(crate) fn tell(
        self,
        said: impl FnOnce(&T) -> Said,
        write: impl FnOnce(&T) -> Result<(), Failure>,
    ) -> Result<T, Failure> {
        match write(&self.0) {
            Ok(()) => Ok(self.0),
            Err(failure) => Err(failure.after(said(&self.0))),
        }
    }

    /// Returns the value of a change that a drill made, which takes it back and tells at its end.
    pub(crate) fn of_a_drill(self) -> T {
        self.0
    }
}
