//! The servers that a user joined: their pins, and which one is meant when none is named.
//!
//! The file is its user's: comments, and keys of a later version, stay as they are. It may be a link, and others may read it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use thiserror::Error;
use toml_edit::{DocumentMut, Item, Table, TableLike, Value};
use vestry_client::Address;
use vestry_client::state::{Change, Contents, Damaged, Folders, Secrecy, SharedFile, StateError};
use vestry_protocol::Pin;
use vestry_protocol::escape::Escaped;
use vestry_tls::private_file::Shown;

const FILE_NAME: &str = "servers.toml";
const HEADER: &str = "# Servers that `vestry join` has pinned. A pin says which key a server must show.\n\n";

const TO_HAVE_IT_BACK: &str = "Correct it there and move it back, or join your servers again.";

/// Why the list of servers could not be used.
#[derive(Debug, Error)]
pub(crate) enum ServersError {
    /// There is no folder for it, or it could not be read or written.
    #[error(transparent)]
    State(#[from] StateError),
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
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownServers {
    default: Option<Address>,
    pub(crate) pins: BTreeMap<Address, Pin>,
    /// The file as it was read.
    document: DocumentMut,
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

    fn parse(text: &str) -> Result<Self, String> {
        let document: DocumentMut = text.parse().map_err(|e: toml_edit::TomlError| problem_of(text, &e))?;
        let address = |text: &str| text.parse::<Address>().map_err(|e| e.to_string());
        let default = match document.get("default") {
            Some(item) => Some(address(item.as_str().ok_or("default is not text")?)?),
            None => None,
        };
        let mut pins = BTreeMap::new();
        if let Some(servers) = document.get("servers") {
            for (server, entry) in servers.as_table_like().ok_or("servers is not a table")?.iter() {
                let pin = entry.get("pin").and_then(Item::as_str).ok_or("a pin is missing".to_owned());
                let pin = pin.and_then(|pin| pin.parse::<Pin>().map_err(|e| e.to_string()));
                let pin = pin.map_err(|e| format!("the pin of {}: {e}", Escaped(server)))?;
                pins.insert(address(server)?, pin);
            }
        }
        Ok(Self { default, pins, document })
    }

    /// The file in which this server has this pin, and is the default.
    fn with(mut self, server: &Address, pin: Pin) -> Result<String, String> {
        let name = server.to_string();
        let is_new = self.document.is_empty();
        set(self.document.as_table_mut(), "default", &name);
        let mut beneath = Table::new();
        beneath.set_implicit(true);
        let servers = self.document.entry("servers").or_insert(Item::Table(beneath));
        // A table on one line has no room for more.
        let table = std::mem::take(servers).into_table().map_err(|_| "servers is not a table")?;
        *servers = Item::Table(table);
        let servers = servers.as_table_like_mut().ok_or("servers is not a table")?;
        // The same server may be there in other spellings.
        let is_it = |key: &str| key.parse().as_ref() == Ok(server);
        let mut keys: Vec<String> =
            servers.iter().map(|(key, _)| key.to_owned()).filter(|key| is_it(key)).collect();
        if keys.is_empty() {
            keys.push(name);
        }
        for key in keys {
            let entry = servers.entry(&key).or_insert(Item::Table(Table::new()));
            set(entry.as_table_like_mut().ok_or("a server is not a table")?, "pin", &pin.to_string());
        }
        let header = if is_new { HEADER } else { "" };
        Ok(format!("{header}{}", self.document))
    }
}

/// What is wrong with a text that is no TOML, and in which line.
fn problem_of(text: &str, error: &toml_edit::TomlError) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    match before {
        Some(before) => format!("line {}: {}", before.matches('\n').count() + 1, error.message()),
        None => error.message().to_owned(),
    }
}

/// Sets one value and leaves what stands around it.
fn set(table: &mut dyn TableLike, key: &str, text: &str) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            let decor = old.decor().clone();
            *old = Value::from(text);
            *old.decor_mut() = decor;
        }
        None => {
            table.insert(key, toml_edit::value(text));
        }
    }
}

/// Reads the list; it is empty when nothing was joined yet. One that is of no use is set aside, and `say` is told.
pub(crate) fn read_servers(
    folders: &Folders,
    say: impl Fn(&dyn fmt::Display),
) -> Result<KnownServers, ServersError> {
    Ok(find(&servers_file(folders)?, say)?.0)
}

/// Returns what the list says, without a word: one that is of no use is empty, and stays where it is.
pub(crate) fn joined(folders: &Folders) -> KnownServers {
    let read = servers_file(folders).and_then(|file| file.read()).ok();
    let text = read.as_ref().and_then(Contents::bytes).and_then(|bytes| std::str::from_utf8(bytes).ok());
    text.and_then(|text| KnownServers::parse(text).ok()).unwrap_or_default()
}

/// Knows a server by this pin from now on, and means it when none is named. `allow` judges what is known until then, also when
/// another program has changed it meanwhile.
pub(crate) fn join_server<E: From<ServersError>>(
    folders: &Folders,
    server: &Address,
    pin: Pin,
    allow: impl Fn(&KnownServers) -> Result<(), E>,
    say: impl Fn(&dyn fmt::Display),
) -> Result<(), E> {
    let file = servers_file(folders).map_err(ServersError::from)?;
    loop {
        let (known, read) = find(&file, &say).map_err(ServersError::from)?;
        allow(&known)?;
        let text = known.with(server, pin).map_err(|problem| damaged(file.path(), &problem))?;
        match file.replace(&read, text.as_bytes()).map_err(ServersError::from)? {
            Change::Made(_) => return Ok(()),
            Change::Outdated => {}
        }
    }
}

fn servers_file(folders: &Folders) -> Result<SharedFile, StateError> {
    Ok(SharedFile::at(folders.config()?.join(FILE_NAME), Secrecy::Public))
}

fn find(file: &SharedFile, say: impl Fn(&dyn fmt::Display)) -> Result<(KnownServers, Contents), StateError> {
    let found = file.find(|bytes| {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned());
        let known = text.and_then(KnownServers::parse);
        known.map_err(|problem| Damaged { problem: Some(Escaped(&problem).to_string()) })
    })?;
    let (known, read) = found.open(|aside| match aside.is_moved() {
        true => say(&format_args!("{aside}.\n{TO_HAVE_IT_BACK}")),
        false => say(aside),
    });
    Ok((known.unwrap_or_default(), read))
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
    use vestry_tls::private_file;

    fn fresh() -> (TempDir, Folders) {
        let home = TempDir::new().unwrap();
        let path = home.path().to_owned();
        let folders = Folders::from_environment(
            |name| (name == "HOME").then(|| path.clone().into()),
            "/nowhere".into(),
        );
        (home, folders)
    }

    fn join(folders: &Folders, server: &str, pin: u8) {
        let allow = |_: &KnownServers| Ok::<(), ServersError>(());
        join_server(folders, &server.parse().unwrap(), Pin([pin; 32]), allow, |_| {}).unwrap();
    }

    fn path(folders: &Folders) -> PathBuf {
        folders.config().unwrap().join("servers.toml")
    }

    fn write(folders: &Folders, text: &str, mode: u32) {
        private_file::create_dir(&folders.config().unwrap()).unwrap();
        fs::write(path(folders), text).unwrap();
        fs::set_permissions(path(folders), fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn nothing_is_known_before_anything_was_joined() {
        let (_home, folders) = fresh();
        let known = read_servers(&folders, |_| {}).unwrap();
        assert!(known.default_server().is_none() && known.pins.is_empty());
        assert!(!folders.config().unwrap().exists(), "reading made a folder");
    }

    #[test]
    fn what_was_joined_is_known_and_the_last_is_the_default() {
        let (_home, folders) = fresh();
        join(&folders, "one.example:7443", 1);
        join(&folders, "[::1]:1", 2);
        let read = read_servers(&folders, |_| {}).unwrap();
        let (one, two) = ("one.example:7443".parse().unwrap(), "[::1]:1".parse().unwrap());
        assert_eq!((read.pin_of(&one), read.pin_of(&two)), (Some(Pin([1; 32])), Some(Pin([2; 32]))));
        assert_eq!(read.default_server(), Some(&two));
        assert_eq!(fs::metadata(path(&folders)).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(
            fs::read_to_string(path(&folders)).unwrap(),
            format!(
                "{HEADER}default = \"[::1]:1\"\n\n[servers.\"one.example:7443\"]\npin = \"{}\"\n\n\
                 [servers.\"[::1]:1\"]\npin = \"{}\"\n",
                Pin([1; 32]),
                Pin([2; 32])
            )
        );
    }

    #[test]
    fn comments_and_keys_of_a_later_version_stay_and_the_mode_too() {
        let (_home, folders) = fresh();
        let text = |default: &str, pin: u8| {
            format!(
                "# mine\nnewer = [1, 2]\ndefault = \"{default}\" # the lab\n\n[servers.\"ONE.example\"]\nname = \"lab\"\n\
                 pin = \"{}\" # ask Hana\n\n[later]\nx = 1\n",
                Pin([pin; 32])
            )
        };
        write(&folders, &text("two:1", 1), 0o644);
        join(&folders, "one.example:7443", 2);
        assert_eq!(fs::read_to_string(path(&folders)).unwrap(), text("one.example:7443", 2));
        assert_eq!(fs::metadata(path(&folders)).unwrap().permissions().mode() & 0o7777, 0o644);
    }

    #[test]
    fn a_list_in_whatever_form_takes_one_more_server() {
        let pin = Pin([1; 32]);
        let forms = [
            format!("servers = {{ \"one:1\" = {{ pin = \"{pin}\" }} }}\n"),
            format!("servers.\"one:1\".pin = \"{pin}\"\n"),
            format!("servers.\"one:1\" = {{ pin = \"{pin}\" }}\n"),
            format!("[servers]\n\"one:1\" = {{ pin = \"{pin}\" }}\n"),
            format!("[servers]\n\"one:1\".pin = \"{pin}\"\n[servers.\"ONE:1\"]\npin = \"{pin}\"\n"),
        ];
        for text in forms {
            let (_home, folders) = fresh();
            write(&folders, &text, 0o600);
            join(&folders, "two:2", 2);
            let [one, two] = ["one:1", "two:2"].map(|server| server.parse().unwrap());
            let known = read_servers(&folders, |_| {}).unwrap();
            assert_eq!((known.pin_of(&one), known.pin_of(&two)), (Some(pin), Some(Pin([2; 32]))), "{text}");
            join(&folders, "one:1", 3);
            assert_eq!(read_servers(&folders, |_| {}).unwrap().pin_of(&one), Some(Pin([3; 32])), "{text}");
        }
    }

    /// Who can write this file can choose which server gets the passwords.
    #[test]
    fn a_list_that_others_can_write_is_refused() {
        for mode in [0o602, 0o620, 0o666] {
            let (_home, folders) = fresh();
            write(&folders, "", mode);
            let refused = read_servers(&folders, |_| {}).unwrap_err();
            let refused = refused.to_string();
            assert!(
                refused.contains(&format!("(mode {mode:04o})")) && refused.contains("chmod go-w"),
                "{refused}"
            );
        }
    }

    /// The key of one server must not be forgotten because another program knew less.
    #[test]
    fn what_is_known_is_judged_again_when_another_program_has_changed_it() {
        let (_home, folders) = fresh();
        let judged = std::cell::Cell::new(0);
        let allow = |_: &KnownServers| {
            judged.set(judged.get() + 1);
            if judged.get() == 1 {
                join(&folders, "two.example", 2);
            }
            Ok::<(), ServersError>(())
        };
        join_server(&folders, &"one.example".parse().unwrap(), Pin([1; 32]), allow, |_| {}).unwrap();
        assert_eq!((judged.get(), read_servers(&folders, |_| {}).unwrap().pins.len()), (2, 2));
    }

    #[test]
    fn a_damaged_list_is_set_aside_with_its_problem() {
        let cases = [
            ("a = 1\nnot toml", "damaged (line 2: "),
            ("default = 3", "default is not text"),
            ("default = \"a b\"", "'a b' is not the address"),
            ("[servers.\"h:1\"]\npin = \"sha256:00\"", "the pin of h:1"),
            ("[servers.\"\\u001b[2J\"]\npin = \"\"", "\\u{1b}[2J"),
            ("servers = 1", "servers is not a table"),
            ("[servers.\"h:1\"]\nnote = 1", "the pin of h:1: a pin is missing"),
        ];
        for (text, problem) in cases {
            let (_home, folders) = fresh();
            write(&folders, text, 0o600);
            let said = std::cell::RefCell::new(String::new());
            let say = |words: &dyn fmt::Display| said.borrow_mut().push_str(&words.to_string());
            assert!(read_servers(&folders, say).unwrap().pins.is_empty(), "{text:?}");
            let words = said.into_inner();
            assert!(words.contains(problem) && words.ends_with("or join your servers again."), "{words}");
            assert!(!words.chars().any(|c| c.is_control() && c != '\n'), "{words:?}");
            let aside = folders.config().unwrap().join("servers.toml.damaged");
            assert_eq!(fs::read_to_string(aside).unwrap(), text);
            join(&folders, "one:1", 1);
        }
    }
}
