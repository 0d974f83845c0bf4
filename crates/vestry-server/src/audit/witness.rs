//! What a login's reply carries of the audit: a client keeps it, and hands it in with its next login. So clients are witnesses of
//! what the audit was, also when the whole machine was put back, `secrets/audit.head` included.
//!
//! ```text
//!   24 bytes nonce ‖ encrypted: 8 bytes epoch, 8 bytes number of an event, 32 bytes its MAC (numbers big-endian) ‖ 16 bytes tag
//! ```
//!
//! Nobody without the key of the audit can read or make one, two of one event have nothing in common, and all are of one length: it
//! tells a client nothing, and nobody which of them are of one server.

use data_encoding::HEXLOWER;
use vestry_protocol::audit::Checkpoint;
use vestry_seal::RecordKey;
use vestry_store::{ChainKey, Noted};

/// The length of a sealed witness.
pub const WITNESS_BYTES: usize = 88;

const _: () = assert!(WITNESS_BYTES <= vestry_protocol::limits::WITNESS_BYTES_MAX);

/// What the key is derived for, and what a witness is sealed for.
const LABEL: &[u8] = b"vestry audit witness 1\0";

/// What a witness saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Counts how often a database that was put back was accepted: what was seen before that means nothing any more.
    pub epoch: u64,
    /// The event of the login.
    pub event: Checkpoint,
}

/// Seals and opens witnesses. It is another one for each chain.
pub struct WitnessKey(RecordKey);

impl WitnessKey {
    /// Of a chain.
    #[must_use]
    pub fn of(chain: &ChainKey) -> Self {
        Self(RecordKey::from_bytes(&chain.derive(LABEL)))
    }

    /// Seals that an event was written. Nothing when the system has no random bytes: a login is worth more.
    #[must_use]
    pub fn seal<A>(&self, epoch: u64, noted: &Noted<'_, A>) -> Vec<u8> {
        let (id, mac) = noted.place();
        let record = [&epoch.to_be_bytes()[..], &id.to_be_bytes(), &mac].concat();
        self.0.seal(&record, LABEL).unwrap_or_default()
    }

    /// Opens a witness; `None` when this chain's key did not seal it.
    #[must_use]
    pub fn open(&self, witness: &[u8]) -> Option<Seen> {
        if witness.len() != WITNESS_BYTES {
            return None;
        }
        let record = self.0.open(witness, LABEL)?;
        let (epoch, rest) = record.split_first_chunk()?;
        let (id, mac) = rest.split_first_chunk()?;
        let event = Checkpoint { id: i64::from_be_bytes(*id), mac: HEXLOWER.encode(mac) };
        Some(Seen { epoch: u64::from_be_bytes(*epoch), event })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::act;
    use crate::audit::actor::Actor;
    use vestry_protocol::UnixSeconds;
    use vestry_store::{Party, Store, StoreError, StoreLimits};

    #[tokio::test]
    async fn a_witness_opens_for_its_chain_only_and_two_have_nothing_in_common() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("vestry.db");
        let [chain, other] = [1, 2].map(|byte| ChainKey::from_bytes(&[byte; ChainKey::BYTES]).unwrap());
        Store::create(&database, &chain).unwrap();
        let store = Store::open(&database, StoreLimits::default(), chain.clone()).unwrap();
        let key = WitnessKey::of(&chain);
        let sealed = store.write(move |tx| {
            let noted =
                Actor::server().note(tx, UnixSeconds::from_seconds(60), act::LoggedIn, Party::NONE, "")?;
            Ok::<_, StoreError>((noted.place(), [key.seal(3, &noted), key.seal(3, &noted)]))
        });
        let ((id, mac), [one, two]) = sealed.await.unwrap();
        let key = WitnessKey::of(&chain);
        let seen = Seen { epoch: 3, event: Checkpoint { id, mac: HEXLOWER.encode(&mac) } };
        assert_eq!([key.open(&one), key.open(&two)], [Some(seen.clone()), Some(seen)]);
        assert_eq!([one.len(), two.len()], [WITNESS_BYTES; 2]);
        let same = one.iter().zip(&two).filter(|(a, b)| a == b).count();
        assert!(same < 12, "{same} of {WITNESS_BYTES} bytes are the same");
        assert_eq!(WitnessKey::of(&other).open(&one), None);
        for at in 0..one.len() {
            let mut changed = one.clone();
            changed[at] ^= 1;
            assert_eq!(key.open(&changed), None, "{at}");
            assert_eq!(key.open(&one[..at]), None, "{at}");
        }
        assert_eq!(key.open(&[one, vec![0]].concat()), None);
    }
}
