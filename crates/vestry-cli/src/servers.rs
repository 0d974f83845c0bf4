//! The servers that a user joined: their pins, and which one is meant when none is named.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use thiserror::Error;
use vestry_client::Address;
use vestry_client::state::{Folders, StateError};
use vestry_protocol::Pin;
use vestry_protocol::escape::Escaped;
use vestry_tls::FileError;
use vestry_tls::private_file::{self, Shown};

const FILE_NAME: &str = "servers.toml";
const HEADER: &str = "# Servers that `vestry join` has pinned. A pin says which key a server must show.\n\n";

/// Why the list of servers could not be used.
#[derive(Debug, Error)]
pub(crate) enum ServersError {
    /// There is no folder for it.
    #[error(transparent)]
    State(#[from] StateError),
    /// It could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not a list of servers.
    #[error(
        "{} cannot be read: {problem}; correct it, or remove it and join your servers again",
        Shown(path)
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, in one line.
        problem: String,
    },
}

/// Every server that was joined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KnownServers {
    default: Option<Address>,
    pins: BTreeMap<Address, Pin>,
}

impl KnownServers {
    /// The server that is meant when none is named.
    pub(crate) fn default_server(&self) -> Option<&Address> {
        self.default.as_ref()
    }

    /// The pin that a server was joined with.
    pub(crate) fn pin_of(&self, server: &Address) -> Option<Pin> {
        self.pins.get(server).copied()
    }

    /// Knows a server by this pin from now on, and means it when none is named.
    pub(crate) fn join(&mut self, server: Address, pin: Pin) {
        self.pins.insert(server.clone(), pin);
        self.default = Some(server);
    }
}

/// The file as it is written.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServersFile {
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    #[serde(default)]
    servers: BTreeMap<String, ServerEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerEntry {
    pin: String,
}

/// Reads the list; it is empty when nothing was joined yet.
pub(crate) fn read_servers(folders: &Folders) -> Result<KnownServers, ServersError> {
    let path = servers_file(folders)?;
    let bytes = match private_file::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.is_missing() => return Ok(KnownServers::default()),
        Err(error) => return Err(error.into()),
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged(&path, "it is not text"))?;
    let file: ServersFile = toml::from_str(text).map_err(|e| damaged(&path, e.message()))?;
    parse(&file).map_err(|problem| damaged(&path, &problem))
}

/// Replaces the list.
pub(crate) fn write_servers(folders: &Folders, known: &KnownServers) -> Result<(), ServersError> {
    let path = servers_file(folders)?;
    private_file::create_dir(&folders.config()?)?;
    let entry = |(server, pin): (&Address, &Pin)| (server.to_string(), ServerEntry { pin: pin.to_string() });
    let file = ServersFile {
        default: known.default.as_ref().map(ToString::to_string),
        servers: known.pins.iter().map(entry).collect(),
    };
    let text = toml::to_string(&file).map_err(|e| damaged(&path, &e.to_string()))?;
    Ok(private_file::replace(&path, format!("{HEADER}{text}").as_bytes())?)
}

fn servers_file(folders: &Folders) -> Result<PathBuf, StateError> {
    Ok(folders.config()?.join(FILE_NAME))
}

fn parse(file: &ServersFile) -> Result<KnownServers, String> {
    let address = |text: &str| text.parse::<Address>().map_err(|e| e.to_string());
    let mut known = KnownServers::default();
    for (server, entry) in &file.servers {
        let pin = entry.pin.parse().map_err(|e| format!("the pin of {}: {e}", Escaped(server)))?;
        known.pins.insert(address(server)?, pin);
    }
    known.default = file.default.as_deref().map(address).transpose()?;
    Ok(known)
}

fn damaged(path: &Path, problem: &str) -> ServersError {
    ServersError::Damaged { path: path.to_owned(), problem: Escaped(problem).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use tempfile::TempDir;

    fn fresh() -> (TempDir, Folders) {
        let home = TempDir::new().unwrap();
        let path = home.path().to_owned();
        let folders = Folders::from_environment(
            |name| (name == "HOME").then(|| path.clone().into()),
            "/nowhere".into(),
        );
        (home, folders)
    }

    #[test]
    fn nothing_is_known_before_anything_was_joined() {
        let (_home, folders) = fresh();
        assert_eq!(read_servers(&folders).unwrap(), KnownServers::default());
    }

    #[test]
    fn what_was_joined_is_known_and_the_last_is_the_default() {
        let (_home, folders) = fresh();
        let (one, two): (Address, Address) =
            ("one.example:7443".parse().unwrap(), "[::1]:1".parse().unwrap());
        let mut known = KnownServers::default();
        known.join(one.clone(), Pin([1; 32]));
        known.join(two.clone(), Pin([2; 32]));
        write_servers(&folders, &known).unwrap();
        let read = read_servers(&folders).unwrap();
        assert_eq!(read, known);
        assert_eq!((read.pin_of(&one), read.default_server()), (Some(Pin([1; 32])), Some(&two)));
        let path = folders.config().unwrap().join("servers.toml");
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o7777, 0o600);
    }

    /// Who can write this file can choose which server gets the passwords.
    #[test]
    fn a_list_that_others_can_write_is_refused() {
        let (_home, folders) = fresh();
        write_servers(&folders, &KnownServers::default()).unwrap();
        let path = folders.config().unwrap().join("servers.toml");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o602)).unwrap();
        assert!(matches!(read_servers(&folders), Err(ServersError::File(_))));
    }

    #[test]
    fn a_damaged_list_is_told_with_its_problem() {
        let cases = [
            ("not toml", ""),
            ("default = 3", ""),
            ("default = \"a b\"", "'a b' is not the address"),
            ("[servers.\"h:1\"]\npin = \"sha256:00\"", "the pin of h:1"),
            ("[servers.\"\\u001b[2J\"]\npin = \"\"", "\\u{1b}[2J"),
            ("surprise = 1", "surprise"),
        ];
        for (text, problem) in cases {
            let (_home, folders) = fresh();
            private_file::create_dir(&folders.config().unwrap()).unwrap();
            private_file::create(&folders.config().unwrap().join("servers.toml"), text.as_bytes()).unwrap();
            let error = read_servers(&folders).unwrap_err();
            assert!(matches!(error, ServersError::Damaged { .. }), "{text:?}");
            let words = error.to_string();
            assert!(words.contains(problem) && words.contains("join your servers again"), "{words}");
            assert!(!words.chars().any(char::is_control), "{words:?}");
        }
    }
}
