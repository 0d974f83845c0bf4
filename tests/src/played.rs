//! An act of a test, which may change anything.

use vestry_store::{Act, Permits};

/// An act by the name of its event.
pub struct Played<'a>(pub &'a str);

impl Act for Played<'_> {
    fn name(&self) -> &str {
        self.0
    }
}

impl<Change> Permits<Change> for Played<'_> {}
