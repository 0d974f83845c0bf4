//! What a benchmark notes in the audit of a database of its own.

use vestry_store::change::{ChangeProfile, ImportAccounts, OpenSession};
use vestry_store::{Act, Permits};

/// An act of the benchmark, by the name of its event.
#[derive(Debug, Clone, Copy)]
pub struct Benched(pub &'static str);

impl Act for Benched {
    fn name(&self) -> &'static str {
        self.0
    }
}

impl Permits<ImportAccounts> for Benched {}
impl Permits<OpenSession> for Benched {}
impl Permits<ChangeProfile> for Benched {}
