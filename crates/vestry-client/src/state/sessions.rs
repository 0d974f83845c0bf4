//! Open sessions: an account's name and the token that resumes it, one file a server.
//!
//! A token stands for a login, so one that others could have read serves only to end its session, and is never repaired in silence.
//! Several programs of one user share a session: it is replaced and forgotten only while its file still holds what was read.

use super::contents::{Contents, Damaged, Exposed, Found, Secrecy, SetAside};
use super::error::StateError;
use super::folders::{Folders, file_stem};
use super::shared_file::{Change, Placed, ReservedFile, SharedFile};
use crate::address::Address;
use data_encoding::HEXLOWER;
use std::path::Path;
use vestry_protocol::Pin;
use vestry_protocol::fields::Username;
use vestry_protocol::limits::TOKEN_BYTES;
use vestry_protocol::secret::SessionToken;
use zeroize::Zeroizing;

const HEADER: &str = "vestry session 1";

/// Room for the longest session: the header, a name of 32 bytes and a token in hexadecimal digits take half of it.
const FILE_BYTES: usize = 256;

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

impl SavedSession {
    fn text(&self) -> Zeroizing<String> {
        let token = Zeroizing::new(HEXLOWER.encode(self.token.expose_secret()));
        Zeroizing::new(format!("{HEADER}\n{}\n{}\n", self.name, *token))
    }
}

/// Where the session with one server is kept. It is of the server at this address whose CA has this pin: another one that is reached
/// at the same address never sees its token.
#[derive(Debug, Clone)]
pub struct Sessions {
    folders: Folders,
    name: String,
}

/// What the places of a session held when they were read. Only with it can the session be replaced or forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRead {
    login: Contents,
    remembered: Contents,
}

impl SessionRead {
    fn of(&self, lifetime: Lifetime) -> &Contents {
        match lifetime {
            Lifetime::Login => &self.login,
            Lifetime::Remembered => &self.remembered,
        }
    }
}

/// What became of a change to a session.
#[derive(Debug)]
#[must_use = "another session may be kept by now"]
pub enum SessionChange {
    /// It was made; this is what is kept now.
    Made(SessionRead),
    /// Another session is kept by now, and was left as it is.
    Outdated,
}

/// A place for a session, had before there is one: it cannot fail for want of a folder or of room.
#[derive(Debug)]
pub struct SessionPlace {
    sessions: Sessions,
    lifetime: Lifetime,
    file: ReservedFile,
}

/// What became of a session that was to be kept in its place.
#[derive(Debug)]
#[must_use = "another session may be kept by now"]
pub enum SessionKept {
    /// It is kept.
    Made(SessionRead),
    /// Another session is kept by now, and was left as it is; the place can still be used.
    Outdated(SessionPlace),
}

impl Sessions {
    /// With the server at this address whose CA has this pin.
    #[must_use]
    pub fn of(folders: &Folders, server: &Address, pin: Pin) -> Self {
        let name = format!("{}-{}.session", file_stem(server), HEXLOWER.encode(&pin.0));
        Self { folders: folders.clone(), name }
    }

    /// The session, if there is one, and what lets it be changed. A damaged one is set aside, and `say` is told.
    ///
    /// # Errors
    /// When its file is exposed or unreadable.
    pub fn load(
        &self,
        say: impl FnMut(&SetAside),
    ) -> Result<(Option<SavedSession>, SessionRead), StateError> {
        self.load_unless(Exposed::Refused, say)
    }

    /// Looks at the session without a word: what is of no use stays where it is, and is none.
    #[must_use]
    pub fn glance(&self) -> Option<SavedSession> {
        let look = |lifetime| {
            let read = self.file(lifetime).ok().flatten()?.read().ok()?;
            parse(read.bytes()?, lifetime)
        };
        look(Lifetime::Login).or_else(|| look(Lifetime::Remembered))
    }

    /// As [`Sessions::load`], to end the session: then one that others could have read is returned, too.
    ///
    /// # Errors
    /// When its file is unreadable.
    pub fn load_to_end(
        &self,
        say: impl FnMut(&SetAside),
    ) -> Result<(Option<SavedSession>, SessionRead), StateError> {
        self.load_unless(Exposed::GivenUp, say)
    }

    /// Refuses when the session that was read could not be forgotten afterwards.
    ///
    /// # Errors
    /// As [`Sessions::forget`].
    pub fn refuse_unforgettable(&self, read: &SessionRead) -> Result<(), StateError> {
        for (lifetime, place) in [(Lifetime::Login, &read.login), (Lifetime::Remembered, &read.remembered)] {
            if let Some(file) = self.file(lifetime)? {
                file.refuse_unremovable(place)?;
            }
        }
        Ok(())
    }

    fn load_unless(
        &self,
        exposed: Exposed,
        mut say: impl FnMut(&SetAside),
    ) -> Result<(Option<SavedSession>, SessionRead), StateError> {
        let mut find = |lifetime| match self.file(lifetime)? {
            Some(file) => file
                .find_unless(exposed, |bytes| parse(bytes, lifetime).ok_or(Damaged { problem: None }))
                .map(|found: Found<_>| found.open(&mut say)),
            None => Ok((None, Contents::NOTHING)),
        };
        let (first, login) = find(Lifetime::Login)?;
        let (second, remembered) = find(Lifetime::Remembered)?;
        Ok((first.or(second), SessionRead { login, remembered }))
    }

    /// Makes the place of a session and takes the room that it needs.
    ///
    /// # Errors
    /// When there is no folder for it, or the disk is full.
    pub fn reserve(&self, lifetime: Lifetime) -> Result<SessionPlace, StateError> {
        let folder = match lifetime {
            Lifetime::Login => self.folders.runtime()?,
            Lifetime::Remembered => self.folders.state()?,
        };
        let file = self.in_folder(&folder).reserve(FILE_BYTES)?;
        Ok(SessionPlace { sessions: self.clone(), lifetime, file })
    }

    /// Forgets the session that was read; there need not be one.
    ///
    /// # Errors
    /// When its file is there and cannot be removed.
    pub fn forget(&self, read: &SessionRead) -> Result<SessionChange, StateError> {
        let mut now = read.clone();
        for (lifetime, place) in
            [(Lifetime::Login, &mut now.login), (Lifetime::Remembered, &mut now.remembered)]
        {
            if let Some(file) = self.file(lifetime)? {
                match file.remove(place)? {
                    Change::Made(nothing) => *place = nothing,
                    Change::Outdated => return Ok(SessionChange::Outdated),
                }
            }
        }
        Ok(SessionChange::Made(now))
    }

    /// The file of this lifetime, when there is a folder where it could be.
    fn file(&self, lifetime: Lifetime) -> Result<Option<SharedFile>, StateError> {
        let folder = match lifetime {
            Lifetime::Login => self.folders.runtime_if_there()?,
            // Without a home nothing was ever kept in it.
            Lifetime::Remembered => self.folders.state().ok(),
        };
        Ok(folder.map(|folder| self.in_folder(&folder)))
    }

    fn in_folder(&self, folder: &Path) -> SharedFile {
        SharedFile::at(folder.join(&self.name), Secrecy::Secret)
    }
}

impl SessionPlace {
    /// Keeps a session in place of the one that was read, wherever that was.
    ///
    /// # Errors
    /// When it cannot be written; then the other one is as it was.
    pub fn keep(
        self,
        name: &Username,
        token: &SessionToken,
        read: &SessionRead,
    ) -> Result<SessionKept, StateError> {
        let Self { sessions, lifetime, file } = self;
        let other = match lifetime {
            Lifetime::Login => Lifetime::Remembered,
            Lifetime::Remembered => Lifetime::Login,
        };
        let beside = sessions.file(other)?;
        if let Some(beside) = &beside
            && beside.read()? != *read.of(other)
        {
            return Ok(SessionKept::Outdated(Self { sessions, lifetime, file }));
        }
        let token = SessionToken::from_bytes(*token.expose_secret());
        let text = SavedSession { name: name.clone(), token, lifetime }.text();
        let placed = match file.place(read.of(lifetime), text.as_bytes())? {
            Placed::Made(placed) => placed,
            Placed::Outdated(file) => {
                return Ok(SessionKept::Outdated(Self { sessions, lifetime, file }));
            }
        };
        let mut rest = read.of(other).clone();
        if let Some(beside) = beside {
            match (beside.remove(&rest), lifetime) {
                (Ok(Change::Made(nothing)), _) => rest = nothing,
                // What is kept until a logout from the machine is found first.
                (Ok(Change::Outdated), _) | (Err(_), Lifetime::Login) => {}
                (Err(error), Lifetime::Remembered) => return Err(error),
            }
        }
        Ok(SessionKept::Made(match lifetime {
            Lifetime::Login => SessionRead { login: placed, remembered: rest },
            Lifetime::Remembered => SessionRead { login: rest, remembered: placed },
        }))
    }

    /// For how long a session is kept there.
    #[must_use]
    pub fn lifetime(&self) -> Lifetime {
        self.lifetime
    }
}

fn parse(bytes: &[u8], lifetime: Lifetime) -> Option<SavedSession> {
    let mut lines = std::str::from_utf8(bytes).ok()?.lines();
    let (header, name, token) = (lines.next()?, lines.next()?, lines.next()?);
    if header != HEADER || lines.next().is_some() {
        return None;
    }
    let token = Zeroizing::new(HEXLOWER.decode(token.as_bytes()).ok()?);
    let token = Zeroizing::new(<[u8; TOKEN_BYTES]>::try_from(token.as_slice()).ok()?);
    Some(SavedSession {
        name: Username::parse(name).ok()?,
        token: SessionToken::from_bytes(*token),
        lifetime,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;
    use tempfile::TempDir;
    use vestry_tls::{FileError, private_file};

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

    fn load(home: &Home) -> (Option<SavedSession>, SessionRead) {
        home.kept.load(|damaged| panic!("{damaged}")).unwrap()
    }

    fn keep_over(home: &Home, byte: u8, lifetime: Lifetime, read: &SessionRead) -> SessionKept {
        let place = home.kept.reserve(lifetime).unwrap();
        place.keep(&naman(), &SessionToken::from_bytes([byte; TOKEN_BYTES]), read).unwrap()
    }

    fn keep(home: &Home, byte: u8, lifetime: Lifetime) -> SessionRead {
        match keep_over(home, byte, lifetime, &load(home).1) {
            SessionKept::Made(now) => now,
            SessionKept::Outdated(_) => panic!("nobody else keeps one"),
        }
    }

    fn naman() -> Username {
        Username::parse("naman").unwrap()
    }

    fn loaded(home: &Home) -> Option<(u8, Lifetime)> {
        load(home).0.map(|session| (session.token.expose_secret()[0], session.lifetime))
    }

    #[test]
    fn a_session_is_kept_private_and_comes_back() {
        let home = fresh();
        assert_eq!(loaded(&home), None);
        assert!(!home.folder.path().join("run").exists(), "reading made a folder");
        keep(&home, 7, Lifetime::Login);
        assert_eq!(loaded(&home), Some((7, Lifetime::Login)));
        let path = home.file_in("run/vestry");
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o7777, 0o600);
        for (server, pin) in [("localhost:7444", 9), ("localhost:7443", 8)] {
            let other = Sessions::of(&home.folders, &server.parse().unwrap(), Pin([pin; 32]));
            assert!(other.load(|_| {}).unwrap().0.is_none(), "{server} {pin}");
        }
    }

    #[test]
    fn a_new_session_takes_the_place_of_the_old_one_wherever_that_was() {
        let home = fresh();
        keep(&home, 1, Lifetime::Login);
        keep(&home, 2, Lifetime::Remembered);
        assert_eq!(loaded(&home), Some((2, Lifetime::Remembered)));
        assert!(home.file_in(".local/state/vestry").exists() && !home.file_in("run/vestry").exists());
        let read = keep(&home, 3, Lifetime::Login);
        assert_eq!(loaded(&home), Some((3, Lifetime::Login)));
        assert!(matches!(home.kept.forget(&read), Ok(SessionChange::Made(_))));
        assert_eq!(loaded(&home), None);
        assert!(matches!(home.kept.forget(&load(&home).1), Ok(SessionChange::Made(_))));
    }

    #[test]
    fn what_another_program_kept_meanwhile_is_neither_replaced_nor_forgotten() {
        let lifetimes = [Lifetime::Login, Lifetime::Remembered];
        for (theirs, ours) in lifetimes.into_iter().flat_map(|one| lifetimes.map(|two| (one, two))) {
            let home = fresh();
            let nothing = load(&home).1;
            let old = keep(&home, 1, ours);
            keep(&home, 2, theirs);
            for read in [&nothing, &old] {
                assert!(matches!(keep_over(&home, 3, ours, read), SessionKept::Outdated(_)));
                assert!(home.kept.forget(read).is_ok());
                assert_eq!(loaded(&home), Some((2, theirs)));
            }
        }
    }

    #[test]
    fn a_place_that_is_given_up_leaves_nothing_behind() {
        let home = fresh();
        drop(home.kept.reserve(Lifetime::Login).unwrap());
        assert_eq!(fs::read_dir(home.folder.path().join("run/vestry")).unwrap().count(), 0);
        assert_eq!(home.kept.reserve(Lifetime::Remembered).unwrap().lifetime(), Lifetime::Remembered);
    }

    #[test]
    fn a_session_that_others_can_read_is_refused() {
        let home = fresh();
        keep(&home, 1, Lifetime::Login);
        let path = home.file_in("run/vestry");
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = home.kept.load(|_| {}).unwrap_err();
        assert!(matches!(error, StateError::File(FileError::Exposed { mode: 0o644, .. })));
    }

    #[test]
    fn a_damaged_session_is_set_aside_and_not_shown() {
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
            let path = home.folders.runtime().unwrap().join(&home.kept.name);
            private_file::create(&path, text.as_bytes()).unwrap();
            let mut said = Vec::new();
            assert!(home.kept.load(|damaged| said.push(damaged.to_string())).unwrap().0.is_none());
            let at = path.display();
            assert_eq!(said, [format!("{at} was damaged; it was set aside as {at}.damaged")]);
            keep(&home, 1, Lifetime::Login);
            assert_eq!(fs::read(format!("{at}.damaged")).unwrap(), text.as_bytes());
        }
        let home = fresh();
        fs::create_dir_all(home.folders.runtime().unwrap().join(&home.kept.name).join("inside")).unwrap();
        assert!(home.kept.load(|_| {}).unwrap().0.is_none());
        keep(&home, 1, Lifetime::Login);
    }
}
