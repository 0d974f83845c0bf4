//! The tokens that say that this machine logged in to an account before. A server counts its wrong passwords by
//! themselves then, so that nobody else's guessing holds this user up. A token opens nothing.

use super::account_files::AccountFiles;
use super::error::StateError;
use super::folders::Folders;
use crate::address::Address;
use vestry_protocol::Pin;
use vestry_protocol::fields::Username;
use vestry_protocol::limits::TOKEN_BYTES;
use vestry_protocol::secret::DeviceToken;

/// What this machine is to one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceTokens(AccountFiles);

impl DeviceTokens {
    /// For the server at this address whose CA has this pin.
    ///
    /// # Errors
    /// When the environment names no home.
    pub fn of(folders: &Folders, server: &Address, pin: Pin) -> Result<Self, StateError> {
        Ok(Self(AccountFiles::of("devices", folders, server, pin)?))
    }

    /// The token for an account, if there is a whole one. A damaged one is worth no more than none: the server gives a new one.
    ///
    /// # Errors
    /// When its file is exposed or unreadable.
    pub fn load(&self, name: &Username) -> Result<Option<DeviceToken>, StateError> {
        let token = self.0.load(name)?.and_then(|token| <[u8; TOKEN_BYTES]>::try_from(token.as_slice()).ok());
        Ok(token.map(DeviceToken::from_bytes))
    }

    /// Keeps the token for an account in place of the one before.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, name: &Username, token: &DeviceToken) -> Result<(), StateError> {
        self.0.save(name, token.expose_secret())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use tempfile::TempDir;
    use vestry_tls::private_file;

    #[test]
    fn a_token_comes_back_as_it_was_kept_and_only_for_its_server_and_name() {
        let home = TempDir::new().unwrap();
        let path = home.path().to_owned();
        let find = |name: &str| (name == "HOME").then(|| path.clone().into());
        let folders = Folders::from_environment(find, "/nowhere".into());
        let of =
            |pin| DeviceTokens::of(&folders, &"localhost:7443".parse().unwrap(), Pin([pin; 32])).unwrap();
        let naman = Username::parse("naman").unwrap();
        let token = DeviceToken::from_bytes([7; TOKEN_BYTES]);
        of(1).save(&naman, &token).unwrap();
        of(1).save(&naman, &token).unwrap();
        let kept = of(1).load(&naman).unwrap().unwrap();
        assert_eq!(kept.expose_secret(), token.expose_secret());
        assert!(of(2).load(&naman).unwrap().is_none());
        assert!(of(1).load(&Username::parse("anirudh").unwrap()).unwrap().is_none());
        let mode = of(1).0.file_of(&naman).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        private_file::replace(&of(1).0.file_of(&naman), b"not a token").unwrap();
        assert!(of(1).load(&naman).unwrap().is_none());
    }
}
