//! The tokens that say that this machine logged in to an account before. A server counts its wrong passwords by
//! themselves then, so that nobody else's guessing holds this user up. A token opens nothing.

use super::account_files::AccountFiles;
use super::contents::{Contents, Found};
use super::error::StateError;
use super::folders::Folders;
use super::shared_file::{Placed, ReservedFile};
use crate::address::Address;
use data_encoding::HEXLOWER;
use vestry_protocol::Pin;
use vestry_protocol::fields::Username;
use vestry_protocol::limits::TOKEN_BYTES;
use vestry_protocol::secret::DeviceToken;
use zeroize::Zeroizing;

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
    pub fn load(&self, name: &Username) -> Result<Found<DeviceToken>, StateError> {
        let whole = |token: Zeroizing<Vec<u8>>| <[u8; TOKEN_BYTES]>::try_from(token.as_slice()).ok();
        self.0.load(name, |token| whole(token).map(DeviceToken::from_bytes))
    }

    /// Makes the place of a token for an account: a server remembers a device in vain when its token cannot be kept.
    ///
    /// # Errors
    /// When it cannot be written there.
    pub fn reserve(&self, name: &Username) -> Result<TokenPlace, StateError> {
        Ok(TokenPlace(self.0.reserve(name, 2 * TOKEN_BYTES)?))
    }
}

/// A place for the token of a device, had before the server gives one.
#[derive(Debug)]
pub struct TokenPlace(ReservedFile);

impl TokenPlace {
    /// Keeps a token in place of the one that was read; one that another program has kept meanwhile stays.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(self, read: &Contents, token: &DeviceToken) -> Result<Placed, StateError> {
        let text = Zeroizing::new(HEXLOWER.encode(token.expose_secret()));
        self.0.place(read, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
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
        let load = |pin, name: &Username| of(pin).load(name).unwrap().open(|damaged| panic!("{damaged}"));
        let (_, nothing) = load(1, &naman);
        let keep = |read: &Contents| of(1).reserve(&naman).unwrap().keep(read, &token).unwrap();
        let Placed::Made(held) = keep(&nothing) else { panic!("outdated") };
        assert!(matches!(keep(&nothing), Placed::Outdated(_)));
        assert!(matches!(keep(&held), Placed::Made(_)));
        let kept = load(1, &naman).0.unwrap();
        assert_eq!(kept.expose_secret(), token.expose_secret());
        assert!(load(2, &naman).0.is_none());
        assert!(load(1, &Username::parse("anirudh").unwrap()).0.is_none());
        let file = of(1).0.file_of(&naman);
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        private_file::replace(&file, b"not a token").unwrap();
        let mut said = Vec::new();
        let (none, nothing) = of(1).load(&naman).unwrap().open(|damaged| said.push(damaged.to_string()));
        let aside = format!("{}.damaged", file.display());
        assert_eq!(said, [format!("{} was damaged; it was set aside as {aside}", file.display())]);
        assert_eq!((none.is_none(), fs::read(&aside).unwrap().as_slice()), (true, b"not a token".as_slice()));
        assert!(matches!(keep(&nothing), Placed::Made(_)));
    }
}
