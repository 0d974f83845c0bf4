//! The tokens that say that this machine logged in to an account before. A server counts its wrong passwords by
//! themselves then, so that nobody else's guessing holds this user up. A token opens nothing.
//!
//! A file an account, kept for the server's address and pin like what is known of OPAQUE.

use super::{Folders, StateError, file_stem};
use crate::address::Address;
use data_encoding::HEXLOWER;
use std::path::PathBuf;
use vestry_protocol::fields::Username;
use vestry_protocol::limits::TOKEN_BYTES;
use vestry_protocol::secret::DeviceToken;
use vestry_tls::{Pin, private_file};
use zeroize::Zeroizing;

/// Under the folder of this user's state.
const FOLDER: &str = "devices";

/// What this machine is to one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceTokens {
    folder: PathBuf,
}

impl DeviceTokens {
    /// For the server at this address whose CA has this pin.
    ///
    /// # Errors
    /// When the environment names no home.
    pub fn of(folders: &Folders, server: &Address, pin: Pin) -> Result<Self, StateError> {
        let beneath = PathBuf::from(FOLDER).join(file_stem(server)).join(HEXLOWER.encode(&pin.0));
        Ok(Self { folder: folders.state()?.join(beneath) })
    }

    /// The token for an account, if there is a whole one.
    ///
    /// # Errors
    /// When its file is exposed or unreadable.
    pub fn load(&self, name: &Username) -> Result<Option<DeviceToken>, StateError> {
        let bytes = match private_file::read(&self.file_of(name)) {
            Ok(bytes) => Zeroizing::new(bytes.to_vec()),
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let token = HEXLOWER.decode(bytes.trim_ascii()).ok().map(Zeroizing::new);
        // A damaged one is worth no more than none: the server gives a new one.
        let token = token.and_then(|token| <[u8; TOKEN_BYTES]>::try_from(token.as_slice()).ok());
        Ok(token.map(DeviceToken::from_bytes))
    }

    /// Keeps the token for an account in place of the one before.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, name: &Username, token: &DeviceToken) -> Result<(), StateError> {
        private_file::create_dir(&self.folder)?;
        let text = Zeroizing::new(HEXLOWER.encode(token.expose_secret()));
        Ok(private_file::replace(&self.file_of(name), text.as_bytes())?)
    }

    /// A name begins with a letter or a digit and holds no separator, so it cannot lead out of the folder.
    fn file_of(&self, name: &Username) -> PathBuf {
        self.folder.join(name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use tempfile::TempDir;

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
        let mode = of(1).file_of(&naman).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        private_file::replace(&of(1).file_of(&naman), b"not a token").unwrap();
        assert!(of(1).load(&naman).unwrap().is_none());
    }
}
