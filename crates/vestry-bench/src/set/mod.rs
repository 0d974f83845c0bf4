//! Data directories of so many accounts, made from a seed: who is in one, and what a client has to know of it.
//!
//! The accounts of one set share a password. So many of them as are logged in to have it sealed under their own keys; the
//! records of the others only fill their place, since sealing ten million takes an hour.

pub mod fill;

use crate::failure::Failure;
use crate::random::mixed;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use vestry_server::data_dir::DataDir;

/// Accounts that can be logged in to, at most: spread over the whole of a set, and more than any cache of pages keeps.
pub const WITH_PASSWORD_MAX: u64 = 32_768;

/// The largest set: what a laptop's disk holds.
pub const ACCOUNTS_MAX: u64 = 20_000_000;

/// Names are a letter and eight more out of these.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The numbers of names: eight letters of five bits.
const NAME_BITS: u32 = 40;

/// What is in a data directory that was made here. It is kept beside the database, as `bench.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSet {
    /// How many there are.
    pub accounts: u64,
    /// How many of them can be logged in to: those of the first numbers, whose names come in no order.
    pub with_password: u64,
    /// What the names were made from.
    pub seed: u64,
    /// Everybody's password.
    pub password: String,
}

impl AccountSet {
    /// So many accounts.
    #[must_use]
    pub fn new(accounts: u64, seed: u64) -> Self {
        let password = format!("bench {:016x} password", mixed(seed));
        Self { accounts, with_password: accounts.min(WITH_PASSWORD_MAX), seed, password }
    }

    /// The set of a data directory.
    ///
    /// # Errors
    /// When it has none.
    pub fn read(data_dir: &DataDir) -> Result<Self, Failure> {
        let path = manifest(data_dir.path());
        let text = std::fs::read(&path)
            .map_err(Failure::system(format!("{}, which `vestry-bench data` writes", path.display())))?;
        serde_json::from_slice(&text).map_err(|error| Failure::other(format!("{}: {error}", path.display())))
    }

    fn write(&self, data_dir: &DataDir) -> Result<(), Failure> {
        let path = manifest(data_dir.path());
        let text = serde_json::to_vec_pretty(self).map_err(|error| Failure::other(error.to_string()))?;
        std::fs::write(&path, text).map_err(Failure::system(path.display().to_string()))
    }

    /// The name of an account by its number: no two are the same, and their order says nothing.
    #[must_use]
    pub fn name(&self, number: u64) -> String {
        let scattered = scatter(number, self.seed);
        let letters = (0..NAME_BITS / 5).map(|place| {
            let letter = usize::try_from((scattered >> (place * 5)) & 31).unwrap_or(0);
            ALPHABET.get(letter).copied().map_or('a', char::from)
        });
        std::iter::once('b').chain(letters).collect()
    }
}

/// A permutation of all numbers of [`NAME_BITS`] bits: each step of it can be undone.
fn scatter(number: u64, seed: u64) -> u64 {
    let mask = (1 << NAME_BITS) - 1;
    let number = number.wrapping_mul(0x9e_3779_b97f).wrapping_add(seed) & mask;
    let number = (number ^ (number >> 21)).wrapping_mul(0xc2_b2ae_3d27) & mask;
    number ^ (number >> 17)
}

fn manifest(folder: &Path) -> PathBuf {
    folder.join("bench.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use vestry_protocol::fields::Username;

    #[test]
    fn every_name_is_one_is_nobody_elses_and_comes_from_the_seed() {
        let set = AccountSet::new(50_000, 7);
        let names = |set: &AccountSet| (0..40_000).map(|n| set.name(n)).collect::<BTreeSet<_>>();
        let all = names(&set);
        assert_eq!(all.len(), 40_000);
        assert!(all.iter().all(|name| Username::parse(name).is_ok_and(|parsed| parsed.as_str() == name)));
        assert_eq!(all, names(&AccountSet::new(9, 7)));
        assert_ne!(all, names(&AccountSet::new(9, 8)));
    }
}
