//! What names OPRF keys: an account's identifier, made of its name at creation and of how often that name had been given up.
//!
//! ```text
//!   identifier = HMAC(seed, "vestry OPRF identifier 1" 00 ‖ generation in 8 bytes ‖ name)
//!   name key   = HMAC(seed, "vestry name 1" 00 ‖ name)          under which the generation is remembered
//! ```
//!
//! An account keeps its identifier for life, so that a new password or another name changes nothing of it. A name without an
//! account has the one that an account would get: what an evaluation for it returns does not change when somebody registers.
//! Giving a name up raises its generation, so that its next owner never gets the key of an earlier one. The seed is drawn
//! once and never changes: no rotation moves an account to another lane.

use crate::failure::Failure;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::Username;
use vestry_store::{AccountId, AccountRow, NameKeys, OprfId, Party, ReadTx};
use zeroize::Zeroizing;

const IDENTIFIER: &[u8] = b"vestry OPRF identifier 1\0";
const NAME: &[u8] = b"vestry name 1\0";

/// The seed of every identifier. Cloning shares it.
#[derive(Clone)]
pub struct NameSeed(Arc<Zeroizing<[u8; Self::BYTES]>>);

/// What was typed as a name, and what there is of it.
pub struct Named {
    /// The name, when it can be one.
    pub name: Option<Username>,
    /// What an account of this name would get.
    pub keys: NameKeys,
    /// The account that has it, in whatever standing.
    pub account: Option<AccountRow>,
}

impl Named {
    /// What an attempt at this name is aimed at.
    #[must_use]
    pub fn target(&self) -> Target {
        match &self.account {
            Some(account) => Target::of_account(account),
            None => Target {
                oprf_id: self.keys.oprf_id,
                name: self.name.as_ref().map(ToString::to_string).unwrap_or_default(),
                account: None,
            },
        }
    }
}

/// What an attempt is aimed at: a key, the name that was typed, and the account if there is one.
#[derive(Debug, Clone)]
pub struct Target {
    /// What names the OPRF key: the account's own, or that of the name.
    pub oprf_id: OprfId,
    /// The canonical name; empty when what was typed can be none.
    pub name: String,
    /// The account that has it.
    pub account: Option<AccountId>,
}

impl Target {
    /// An account.
    #[must_use]
    pub fn of_account(account: &AccountRow) -> Self {
        Self { oprf_id: account.oprf_id, name: account.name.to_string(), account: Some(account.id) }
    }

    /// As the audit names it.
    #[must_use]
    pub fn as_party(&self) -> Party<'_> {
        Party::Claimed { account: self.account, oprf_id: self.oprf_id, name: &self.name }
    }
}

impl NameSeed {
    /// The length of its file.
    pub const BYTES: usize = 32;

    /// From the bytes of its file; `None` when there are not exactly 32.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Arc::new(Zeroizing::new(bytes.try_into().ok()?))))
    }

    /// What names this seed in public.
    #[must_use]
    pub fn id(&self) -> String {
        let digest = Sha256::new().chain_update("vestry name seed id").chain_update(**self.0).finalize();
        data_encoding::HEXLOWER.encode(digest.get(..8).unwrap_or_default())
    }

    /// Looks up what was typed as a name: the same work whether or not there is an account.
    ///
    /// # Errors
    /// When the store does.
    pub fn look_up(&self, tx: &ReadTx<'_>, typed: &str, now: UnixSeconds) -> Result<Named, Failure> {
        let name = Username::parse(typed).ok();
        // What cannot be a name has an identifier all the same, and so a lane.
        let folded = name.as_ref().map_or_else(|| typed.trim().to_lowercase(), ToString::to_string);
        let keys = self.keys_of(tx, &folded)?;
        let account = name.as_ref().map(|name| tx.account(name, now)).transpose()?.flatten();
        Ok(Named { name, keys, account })
    }

    /// The keys of a name as they are now.
    ///
    /// # Errors
    /// When the store does.
    pub fn keys_of(&self, tx: &ReadTx<'_>, name: &str) -> Result<NameKeys, Failure> {
        let name_key = self.mac(NAME, &[name.as_bytes()]);
        let generation = tx.name_generation(&name_key)?;
        Ok(NameKeys { name_key, generation, oprf_id: self.oprf_id(name, generation) })
    }

    fn oprf_id(&self, name: &str, generation: i64) -> OprfId {
        OprfId(self.mac(IDENTIFIER, &[&generation.to_be_bytes(), name.as_bytes()]))
    }

    fn mac(&self, label: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let mut block = Zeroizing::new([0; 64]);
        if let Some(key) = block.first_chunk_mut() {
            *key = **self.0;
        }
        let mut mac = <Hmac<Sha256> as Mac>::new((&*block).into());
        mac.update(label);
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_and_generation_and_seed_has_an_identifier_of_its_own() {
        let seeds = [[1; 32], [2; 32]].map(|bytes| NameSeed::from_bytes(&bytes).unwrap());
        let mut all = std::collections::HashSet::new();
        for seed in &seeds {
            for name in ["naman", "naman2", "anirudh"] {
                for generation in 0..3 {
                    assert!(all.insert(seed.oprf_id(name, generation)));
                }
            }
        }
        assert_eq!(seeds[0].oprf_id("naman", 1), seeds[0].oprf_id("naman", 1));
        assert!(NameSeed::from_bytes(&[0; 31]).is_none());
    }
}
