//! The generations of the OPAQUE key: the newest, which every new record is made with, and the one that it replaces, until each
//! record has moved or the operator ends the rotation.
//!
//! ```text
//!   a login under an older record ──▶ its proof ──▶ StartRecordMove, FinishRecordMove ──▶ a record of the newest key
//! ```
//!
//! Which key answers a login must not tell whether there is an account. An account answers by its record. What has none (a name
//! without an account, an account without a record) follows: it has a number u between 0 and 1, made of the newest key and its
//! identifier, and answers by the newest key from when the share of records that are of it has passed u. The share never falls,
//! so that nothing goes back. An observer sees the same of both: an answer that changes once, when some record moved, at a time
//! that it cannot predict. Identifiers and lanes stay as they are.

use super::opaque::{OpaqueKey, OpaqueRecord};
use crate::failure::Failure;
use crate::gate::Admitted;
use crate::names::Target;
use vestry_protocol::fields::Password;
use vestry_protocol::user::Envelope;
use vestry_store::{Generation, OprfId, ReadTx, SealedRecord, StoreError};

/// A key and its generation.
#[derive(Clone)]
struct Keyed {
    generation: Generation,
    key: OpaqueKey,
}

/// The server's OPAQUE keys. Cloning shares them.
#[derive(Clone)]
pub struct OpaqueKeys {
    newest: Keyed,
    older: Option<Keyed>,
}

impl OpaqueKeys {
    /// The keys of a database: the newest, and during a rotation the one that it replaces.
    #[must_use]
    pub fn new(newest: (Generation, OpaqueKey), older: Option<(Generation, OpaqueKey)>) -> Self {
        let keyed = |(generation, key)| Keyed { generation, key };
        Self { newest: keyed(newest), older: older.map(keyed) }
    }

    /// The key that every new record is made with.
    #[must_use]
    pub fn newest(&self) -> &OpaqueKey {
        &self.newest.key
    }

    /// Whether a record is of a key that is being replaced.
    #[must_use]
    pub fn is_outdated(&self, record: &SealedRecord) -> bool {
        record.generation != self.newest.generation
    }

    /// Takes what a client made of an evaluation under the newest key, as it is stored.
    ///
    /// # Errors
    /// When the upload is none, or its cost is not the one that the server asks for.
    pub fn accept(&self, envelope: &Envelope) -> Result<SealedRecord, Failure> {
        Ok(self.store(&OpaqueRecord::from_envelope(envelope)?))
    }

    /// Seals a password that the server has in hand, as it is stored.
    ///
    /// # Errors
    /// As [`OpaqueKey::seal`].
    pub fn seal(
        &self,
        admitted: &Admitted,
        id: OprfId,
        password: &Password,
    ) -> Result<SealedRecord, Failure> {
        Ok(self.store(&self.newest.key.seal(admitted, id, password)?))
    }

    fn store(&self, record: &OpaqueRecord) -> SealedRecord {
        SealedRecord { bytes: record.to_bytes(), generation: self.newest.generation }
    }

    /// Returns the key that answers a login at this target.
    ///
    /// # Errors
    /// When the store does.
    pub fn for_login(
        &self,
        tx: &ReadTx<'_>,
        target: &Target,
        record: Option<&SealedRecord>,
    ) -> Result<&OpaqueKey, StoreError> {
        let Some(older) = &self.older else { return Ok(&self.newest.key) };
        // Read and computed whether or not there is a record: the time does not tell.
        let follows = self.newest.key.place_of(target.oprf_id) < tx.opaque_share(self.newest.generation)?;
        let moved = record.map_or(follows, |record| record.generation != older.generation);
        Ok(if moved { &self.newest.key } else { &older.key })
    }
}
