//! Open sessions: an account's name and the token that resumes it, one file a server.
//!
//! A token stands for a login, so a file that others could have read is refused and never repaired in silence.

use super::error::StateError;
use super::folders::{Folders, file_stem};
use crate::address::Address;
use data_encoding::HEXLOWER;
use std::io;
use std::path::{Path, PathBuf};
use vestry_protocol::Pin;
use vestry_protocol::fields::Username;
use vestry_protocol::limits::TOKEN_BYTES;
use vestry_protocol::secret::SessionToken;
use vestry_tls::{FileError, private_file};
use zeroize::Zeroizing;

const HEADER: &str = "vestry session 1";

/// How long a session is kept on this machine; the server ends it in its own time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Until the user logs out from the machine.
    Login,
    /// Until it is ended.
    Remembered,
}

/// A session as it was kept.
#[derive(Debug)]
pub struct SavedSession {
    /// The account.
    pub name: Username,
    /// What resumes the session.
    pub token: SessionToken,
    /// For how long it is kept.
    pub lifetime: Lifetime,
}

/// Where the session with one server is kept. It is of the server at this address whose CA has this pin: another one that is reached
/// at the same address never sees its token.
#[derive(Debug, Clone)]
pub struct Sessions {
    folders: Folders,
    name: String,
}

impl Sessions {
    /// With the server at this address whose CA has this pin.
    #[must_use]
    pub fn of(folders: &Folders, server: &Address, pin: Pin) -> Self {
        let name = format!("{}-{}.session", file_stem(server), HEXLOWER.encode(&pin.0));
        Self { folders: folders.clone(), name }
    }

    /// The session, if there is one.
    ///
    /// # Errors
    /// When its file is exposed, unreadable or damaged.
    pub fn load(&self) -> Result<Option<SavedSession>, StateError> {
        for lifetime in [Lifetime::Login, Lifetime::Remembered] {
            let path = self.file(lifetime)?;
            match private_file::read(&path) {
                Ok(bytes) => {
                    let parsed = parse(&bytes).ok_or(StateError::DamagedSession(path))?;
                    return Ok(Some(SavedSession { name: parsed.0, token: parsed.1, lifetime }));
                }
                Err(error) if error.is_missing() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Keeps a session in place of any other with this server.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, session: &SavedSession) -> Result<(), StateError> {
        let path = self.file(session.lifetime)?;
        if let Some(folder) = path.parent() {
            private_file::create_dir(folder)?;
        }
        let token = Zeroizing::new(HEXLOWER.encode(session.token.expose_secret()));
        let text = Zeroizing::new(format!("{HEADER}\n{}\n{}\n", session.name, *token));
        private_file::replace(&path, text.as_bytes())?;
        match session.lifetime {
            Lifetime::Login => remove(&self.file(Lifetime::Remembered)?),
            Lifetime::Remembered => remove(&self.file(Lifetime::Login)?),
        }
    }

    /// Forgets the session; there need not be one.
    ///
    /// # Errors
    /// When its file is there and cannot be removed.
    pub fn forget(&self) -> Result<(), StateError> {
        remove(&self.file(Lifetime::Login)?)?;
        remove(&self.file(Lifetime::Remembered)?)
    }

    fn file(&self, lifetime: Lifetime) -> Result<PathBuf, StateError> {
        let folder = match lifetime {
            Lifetime::Login => self.folders.runtime()?,
            Lifetime::Remembered => self.folders.state()?,
        };
        Ok(folder.join(&self.name))
    }
}

fn remove(path: &Path) -> Result<(), StateError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(FileError::System { path: path.to_owned(), action: "removed", source }.into()),
    }
}

fn parse(bytes: &[u8]) -> Option<(Username, SessionToken)> {
    let mut lines = std::str::from_utf8(bytes).ok()?.lines();
    let (header, name, token) = (lines.next()?, lines.next()?, lines.next()?);
    if header != HEADER || lines.next().is_some() {
        return None;
    }
    let token = Zeroizing::new(HEXLOWER.decode(token.as_bytes()).ok()?);
    let token = Zeroizing::new(<[u8; TOKEN_BYTES]>::try_from(token.as_slice()).ok()?);
    Some((Username::parse(name).ok()?, SessionToken::from_bytes(*token)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use tempfile::TempDir;

    struct Home {
        folder: TempDir,
        folders: Folders,
        kept: Sessions,
    }

    impl Home {
        fn file_in(&self, folder: &str) -> PathBuf {
            self.folder.path().join(folder).join(format!("localhost_7443-{}.session", "09".repeat(32)))
        }
    }

    fn fresh() -> Home {
        let folder = TempDir::new().unwrap();
        let path = folder.path().to_owned();
        let variable = |name: &str| match name {
            "HOME" => Some(path.clone().into()),
            "XDG_RUNTIME_DIR" => Some(path.join("run").into()),
            _ => None,
        };
        let folders = Folders::from_environment(variable, "/nowhere".into());
        let kept = Sessions::of(&folders, &"localhost:7443".parse().unwrap(), Pin([9; 32]));
        Home { folder, folders, kept }
    }

    fn session(byte: u8, lifetime: Lifetime) -> SavedSession {
        let token = SessionToken::from_bytes([byte; TOKEN_BYTES]);
        SavedSession { name: Username::parse("naman").unwrap(), token, lifetime }
    }

    fn loaded(home: &Home) -> Option<(u8, Lifetime)> {
        let found = home.kept.load().unwrap();
        found.map(|session| (session.token.expose_secret()[0], session.lifetime))
    }

    #[test]
    fn a_session_is_kept_private_and_comes_back() {
        let home = fresh();
        assert_eq!(loaded(&home), None);
        home.kept.save(&session(7, Lifetime::Login)).unwrap();
        assert_eq!(loaded(&home), Some((7, Lifetime::Login)));
        let path = home.file_in("run/vestry");
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o7777, 0o600);
        for (server, pin) in [("localhost:7444", 9), ("localhost:7443", 8)] {
            let other = Sessions::of(&home.folders, &server.parse().unwrap(), Pin([pin; 32]));
            assert!(other.load().unwrap().is_none(), "{server} {pin}");
        }
    }

    #[test]
    fn a_new_session_takes_the_place_of_the_old_one_wherever_that_was() {
        let home = fresh();
        home.kept.save(&session(1, Lifetime::Login)).unwrap();
        home.kept.save(&session(2, Lifetime::Remembered)).unwrap();
        assert_eq!(loaded(&home), Some((2, Lifetime::Remembered)));
        assert!(home.file_in(".local/state/vestry").exists());
        home.kept.save(&session(3, Lifetime::Login)).unwrap();
        assert_eq!(loaded(&home), Some((3, Lifetime::Login)));
        home.kept.forget().unwrap();
        assert_eq!(loaded(&home), None);
        home.kept.forget().unwrap();
    }

    #[test]
    fn a_session_that_others_can_read_is_refused() {
        let home = fresh();
        home.kept.save(&session(1, Lifetime::Login)).unwrap();
        let path = home.file_in("run/vestry");
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = home.kept.load().unwrap_err();
        assert!(matches!(error, StateError::File(FileError::Exposed { mode: 0o644, .. })));
    }

    #[test]
    fn a_damaged_session_is_told_and_not_shown() {
        let token = "07".repeat(TOKEN_BYTES);
        let cases = [
            String::new(),
            format!("{HEADER}\nnaman\n"),
            format!("{HEADER}\nnaman\n{token}00\n"),
            format!("{HEADER}\nroot\n{token}\n"),
            format!("{HEADER}\nnaman\n{token}\nmore\n"),
            format!("vestry session 2\nnaman\n{token}\n"),
        ];
        for text in cases {
            let home = fresh();
            let path = home.kept.file(Lifetime::Login).unwrap();
            private_file::create(&path, text.as_bytes()).unwrap();
            let error = home.kept.load().unwrap_err();
            assert!(matches!(&error, StateError::DamagedSession(at) if *at == path), "{text:?}");
            assert!(!error.to_string().contains("0707"));
        }
    }
}
