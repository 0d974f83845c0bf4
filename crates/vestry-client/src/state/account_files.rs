//! A file for each account of one server. They are kept for the server's address and pin, since another server may have another
//! account of the same name.

use super::error::StateError;
use super::folders::{Folders, file_stem};
use crate::address::Address;
use data_encoding::HEXLOWER;
use std::path::PathBuf;
use vestry_protocol::Pin;
use vestry_protocol::fields::Username;
use vestry_tls::private_file;
use zeroize::Zeroizing;

/// Of one kind and one server, under the folder of this user's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AccountFiles {
    pub(super) folder: PathBuf,
}

impl AccountFiles {
    /// Of the server at this address whose CA has this pin.
    pub(super) fn of(
        kind: &'static str,
        folders: &Folders,
        server: &Address,
        pin: Pin,
    ) -> Result<Self, StateError> {
        let beneath = PathBuf::from(kind).join(file_stem(server)).join(HEXLOWER.encode(&pin.0));
        Ok(Self { folder: folders.state()?.join(beneath) })
    }

    /// A name begins with a letter or a digit and holds no separator, so it cannot lead out of the folder.
    pub(super) fn file_of(&self, name: &Username) -> PathBuf {
        self.folder.join(name.as_str())
    }

    /// Reads what was kept as hexadecimal digits. Nothing when there is no file, and when it is damaged: what is kept like this
    /// is no loss.
    pub(super) fn load(&self, name: &Username) -> Result<Option<Zeroizing<Vec<u8>>>, StateError> {
        match private_file::read(&self.file_of(name)) {
            Ok(text) => Ok(HEXLOWER.decode(text.trim_ascii()).ok().map(Zeroizing::new)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps it in place of what was there.
    pub(super) fn save(&self, name: &Username, bytes: &[u8]) -> Result<(), StateError> {
        private_file::create_dir(&self.folder)?;
        let text = Zeroizing::new(HEXLOWER.encode(bytes));
        Ok(private_file::replace(&self.file_of(name), text.as_bytes())?)
    }
}
