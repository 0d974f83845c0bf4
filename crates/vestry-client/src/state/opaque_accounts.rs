//! Which accounts of a server are known to be OPAQUE. Their passwords are never sent to it again, whatever it says.
//!
//! An empty file an account: two programs at once cannot undo each other's, and nothing in it can be damaged. Nothing
//! is ever forgotten here by a program.

use super::account_files::AccountFiles;
use super::error::StateError;
use super::folders::{Folders, make_folder, obstacle};
use crate::address::Address;
use std::io;
use vestry_protocol::Pin;
use vestry_protocol::fields::Username;
use vestry_tls::FileError;
use vestry_tls::private_file;

/// The accounts of one server that are known to be OPAQUE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpaqueAccounts(AccountFiles);

/// An account of which nothing says that it is OPAQUE: the only one whose password may be sent, when its user chose to
/// (`Client::log_in_imported`). Only [`OpaqueAccounts::unless_known`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotKnownAsOpaque(Username);

impl NotKnownAsOpaque {
    /// The account.
    #[must_use]
    pub fn name(&self) -> &Username {
        &self.0
    }
}

impl OpaqueAccounts {
    /// Of the server at this address whose CA has this pin.
    ///
    /// # Errors
    /// When the environment names no home.
    pub fn of(folders: &Folders, server: &Address, pin: Pin) -> Result<Self, StateError> {
        Ok(Self(AccountFiles::of("opaque", folders, server, pin)?))
    }

    /// This account, unless it is known to be OPAQUE.
    ///
    /// # Errors
    /// When it cannot be known: then its password may not be sent either.
    pub fn unless_known(&self, name: &Username) -> Result<Option<NotKnownAsOpaque>, StateError> {
        let path = self.0.file_of(name);
        match path.symlink_metadata() {
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(NotKnownAsOpaque(name.clone()))),
            Err(source) => Err(obstacle(FileError::System { path, action: "examined", source })),
        }
    }

    /// Knows an account as OPAQUE from now on.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn remember(&self, name: &Username) -> Result<(), StateError> {
        make_folder(&self.0.folder)?;
        match private_file::create(&self.0.file_of(name), b"") {
            Ok(()) | Err(FileError::AlreadyThere(_)) => Ok(()),
            Err(error) => Err(obstacle(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    fn fresh() -> (TempDir, Folders) {
        let home = TempDir::new().unwrap();
        let path = home.path().to_owned();
        let find = |name: &str| (name == "HOME").then(|| path.clone().into());
        let folders = Folders::from_environment(find, "/nowhere".into());
        (home, folders)
    }

    fn accounts(folders: &Folders, server: &str, pin: u8) -> OpaqueAccounts {
        OpaqueAccounts::of(folders, &server.parse().unwrap(), Pin([pin; 32])).unwrap()
    }

    fn name(text: &str) -> Username {
        Username::parse(text).unwrap()
    }

    #[test]
    fn only_what_was_remembered_is_closed_and_it_stays_so() {
        let (_home, folders) = fresh();
        let known = accounts(&folders, "localhost:7443", 1);
        assert!(known.unless_known(&name("naman")).unwrap().is_some());
        known.remember(&name("naman")).unwrap();
        known.remember(&name("naman")).unwrap();
        assert!(known.unless_known(&name("NAMAN")).unwrap().is_none());
        assert!(known.unless_known(&name("anirudh")).unwrap().is_some());
        let again = accounts(&folders, "localhost:7443", 1);
        assert!(again.unless_known(&name("naman")).unwrap().is_none());
    }

    #[test]
    fn another_server_has_other_accounts() {
        let (_home, folders) = fresh();
        accounts(&folders, "localhost:7443", 1).remember(&name("naman")).unwrap();
        for (server, pin) in [("localhost:7444", 1), ("127.0.0.1:7443", 1), ("localhost:7443", 2)] {
            let other = accounts(&folders, server, pin).unless_known(&name("naman")).unwrap();
            assert!(other.is_some(), "{server} {pin}");
        }
    }

    /// What cannot be read must not count as nothing known.
    #[test]
    fn a_folder_that_cannot_be_searched_opens_no_path() {
        let (_home, folders) = fresh();
        let known = accounts(&folders, "localhost:7443", 1);
        private_file::create_dir(known.0.folder.parent().unwrap()).unwrap();
        fs::write(&known.0.folder, b"in the way").unwrap();
        assert!(matches!(known.unless_known(&name("naman")), Err(StateError::NotAFolder { .. })));
        assert!(matches!(known.remember(&name("naman")), Err(StateError::NotAFolder { .. })));
    }
}
