//! What the server said of its audit at the last login of an account on this machine. It means nothing here; it is handed in with
//! the next login, so that the server's operators learn when its database was put back.

use super::account_files::AccountFiles;
use super::error::StateError;
use super::folders::Folders;
use crate::address::Address;
use vestry_protocol::Pin;
use vestry_protocol::fields::Username;
use vestry_protocol::limits::WITNESS_BYTES_MAX;

/// The witnesses of one server, one for each account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnesses(AccountFiles);

impl Witnesses {
    /// Of the server at this address whose CA has this pin.
    ///
    /// # Errors
    /// When the environment names no home.
    pub fn of(folders: &Folders, server: &Address, pin: Pin) -> Result<Self, StateError> {
        Ok(Self(AccountFiles::of("witnesses", folders, server, pin)?))
    }

    /// The newest of an account; empty when there is none.
    ///
    /// # Errors
    /// When its file is exposed or unreadable.
    pub fn load(&self, name: &Username) -> Result<Vec<u8>, StateError> {
        let kept = self.0.load(name)?.filter(|witness| witness.len() <= WITNESS_BYTES_MAX);
        Ok(kept.map(|witness| witness.to_vec()).unwrap_or_default())
    }

    /// Keeps it in place of the one before, also when it is empty.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, name: &Username, witness: &[u8]) -> Result<(), StateError> {
        self.0.save(name, witness)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn the_newest_witness_comes_back_only_for_its_server_and_name() {
        let home = TempDir::new().unwrap();
        let path = home.path().to_owned();
        let find = |name: &str| (name == "HOME").then(|| path.clone().into());
        let folders = Folders::from_environment(find, "/nowhere".into());
        let of = |pin| Witnesses::of(&folders, &"localhost:7443".parse().unwrap(), Pin([pin; 32])).unwrap();
        let [naman, anirudh] = ["naman", "anirudh"].map(|name| Username::parse(name).unwrap());
        assert!(of(1).load(&naman).unwrap().is_empty());
        of(1).save(&naman, &[1; 88]).unwrap();
        of(1).save(&naman, &[2; WITNESS_BYTES_MAX]).unwrap();
        assert_eq!(of(1).load(&naman).unwrap(), [2; WITNESS_BYTES_MAX]);
        assert!(of(2).load(&naman).unwrap().is_empty() && of(1).load(&anirudh).unwrap().is_empty());
        for damaged in [vec![3; WITNESS_BYTES_MAX + 1], Vec::new()] {
            of(1).save(&naman, &damaged).unwrap();
            assert!(of(1).load(&naman).unwrap().is_empty());
        }
    }
}
