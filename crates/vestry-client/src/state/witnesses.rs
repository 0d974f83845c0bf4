//! What the server said of its audit at the last login of an account on this machine. It means nothing here; it is handed in with
//! the next login, so that the server's operators learn when its database was put back.

use super::account_files::AccountFiles;
use super::contents::{Contents, Found};
use super::error::StateError;
use super::folders::Folders;
use super::shared_file::Change;
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

    /// The newest of an account.
    ///
    /// # Errors
    /// When its file is exposed or unreadable.
    pub fn load(&self, name: &Username) -> Result<Found<Vec<u8>>, StateError> {
        self.0.load(name, |witness| (witness.len() <= WITNESS_BYTES_MAX).then(|| witness.to_vec()))
    }

    /// Keeps it in place of the one that was read, also when it is empty.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, name: &Username, read: &Contents, witness: &[u8]) -> Result<Change, StateError> {
        self.0.save(name, read, witness)
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
        let load = |pin, name: &Username| of(pin).load(name).unwrap().open(|damaged| panic!("{damaged}")).0;
        let save = |name: &Username, witness: &[u8]| {
            let (_, read) = of(1).load(name).unwrap().open(|_| {});
            assert!(matches!(of(1).save(name, &read, witness), Ok(Change::Made(_))));
        };
        assert!(load(1, &naman).is_none());
        save(&naman, &[1; 88]);
        save(&naman, &[2; WITNESS_BYTES_MAX]);
        assert_eq!(load(1, &naman).unwrap(), [2; WITNESS_BYTES_MAX]);
        assert!(load(2, &naman).is_none() && load(1, &anirudh).is_none());
        save(&naman, &[]);
        assert_eq!(load(1, &naman).unwrap(), []);
        save(&naman, &[3; WITNESS_BYTES_MAX + 1]);
        let mut damaged = 0;
        assert!(of(1).load(&naman).unwrap().open(|_| damaged += 1).0.is_none());
        assert_eq!((damaged, load(1, &naman)), (1, None));
    }
}
