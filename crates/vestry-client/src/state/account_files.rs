//! A file for each account of one server. They are kept for the server's address and pin, since another server may have another
//! account of the same name.

use super::contents::{Contents, Damaged, Found, Secrecy};
use super::error::StateError;
use super::folders::{Folders, file_stem};
use super::shared_file::{Change, ReservedFile, SharedFile};
use crate::address::Address;
use data_encoding::HEXLOWER;
use std::path::PathBuf;
use vestry_protocol::Pin;
use vestry_protocol::fields::Username;
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

    /// Reads what was kept as hexadecimal digits. What is of no use is set aside: it is no loss.
    pub(super) fn load<T>(
        &self,
        name: &Username,
        parse: impl FnOnce(Zeroizing<Vec<u8>>) -> Option<T>,
    ) -> Result<Found<T>, StateError> {
        let digits = |text: &[u8]| {
            let bytes = HEXLOWER.decode(text.trim_ascii()).ok().map(Zeroizing::new);
            bytes.and_then(parse).ok_or(Damaged { problem: None })
        };
        self.shared(name).find(digits)
    }

    /// Keeps it in place of what was read.
    pub(super) fn save(&self, name: &Username, read: &Contents, bytes: &[u8]) -> Result<Change, StateError> {
        let text = Zeroizing::new(HEXLOWER.encode(bytes));
        self.shared(name).replace(read, text.as_bytes())
    }

    /// Makes the place of so many bytes, as they are in the file.
    pub(super) fn reserve(&self, name: &Username, bytes: usize) -> Result<ReservedFile, StateError> {
        self.shared(name).reserve(bytes)
    }

    fn shared(&self, name: &Username) -> SharedFile {
        SharedFile::at(self.file_of(name), Secrecy::Secret)
    }
}
