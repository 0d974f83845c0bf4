//! The golden vectors: messages and broken frames as bytes, each in a small file that says what it shows.
//!
//! The files under `tests/vectors/` are the contract, and `README.md` there describes them for other
//! implementations. Here is the table that they were written from, and their reader. A file is written once and
//! never again: a message that was released keeps its bytes. Nothing here asserts anything; the cases do.

mod admin;
pub mod crafted;
pub mod frozen;
mod hostile;
pub mod known;
mod message;
mod opaque;
pub mod passwords;
pub mod refused;
pub mod replay;
pub mod texts;
mod user;

pub use message::Message;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use vestry_protocol::codec::CodecError;
use vestry_protocol::frame::{FrameError, split_first};
use vestry_protocol::limits::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX, REQUEST_BYTES_MAX_BEFORE_LOGIN};

/// Which listener a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Port {
    /// ALPN `vestry/1`.
    User,
    /// ALPN `vestry-admin/1`.
    Admin,
}

/// Who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The client.
    Request,
    /// The server.
    Reply,
}

/// What the receiver's limit is: it depends on whether the connection has a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A request on a connection without a session.
    BeforeLogin,
    /// A request on a connection with one.
    AfterLogin,
    /// The outcome is the same in every state.
    Any,
}

/// What must come of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is a message.
    Message,
    /// A request whose call belongs to a later version: refused under its number, and the connection goes on.
    Unsupported,
    /// The frame is whole, and its payload is no message.
    Malformed,
    /// The announced length is over the limit.
    TooLong,
    /// The announced length is zero.
    Empty,
    /// More bytes are needed; nothing is known yet.
    Incomplete,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    /// What is to be seen here, in a sentence.
    pub shows: String,
    /// Which listener it is for.
    pub port: Port,
    /// Who sends it.
    pub direction: Direction,
    /// In which state of the connection the outcome holds.
    pub state: State,
    /// Everything on the wire, the length prefix included, in lower-case hexadecimal.
    pub frame: String,
    /// What must come of it.
    pub outcome: Outcome,
    /// For [`Outcome::Message`]: what the message says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// The folders, each with the fewest files that it may hold: a folder that lost its files is not a passed test.
pub const FOLDERS: [(&str, usize); 3] = [("user", 60), ("admin", 35), ("hostile", 110)];

impl Vector {
    /// The frame as bytes.
    #[must_use]
    pub fn frame_bytes(&self) -> Vec<u8> {
        HEXLOWER.decode(self.frame.as_bytes()).expect("a vector's frame is lower-case hexadecimal")
    }

    /// What this implementation makes of the frame, and the message if it is one. `None` when the states that
    /// the vector names do not agree.
    #[must_use]
    pub fn judged(&self) -> Option<(Outcome, Option<Message>)> {
        let frame = self.frame_bytes();
        let mut verdicts = self.limits().iter().map(|limit| self.judged_within(&frame, *limit));
        let first = verdicts.next()?;
        verdicts.all(|(outcome, _)| outcome == first.0).then_some(first)
    }

    fn limits(&self) -> &'static [usize] {
        match (self.direction, self.port, self.state) {
            (Direction::Reply, _, _) => &[REPLY_BYTES_MAX],
            (_, Port::Admin, _) | (_, _, State::AfterLogin) => &[REQUEST_BYTES_MAX],
            (_, _, State::BeforeLogin) => &[REQUEST_BYTES_MAX_BEFORE_LOGIN],
            (_, _, State::Any) => &[REQUEST_BYTES_MAX_BEFORE_LOGIN, REQUEST_BYTES_MAX],
        }
    }

    fn judged_within(&self, frame: &[u8], limit: usize) -> (Outcome, Option<Message>) {
        let payload = match split_first(frame, limit) {
            Err(FrameError::TooLong { .. }) => return (Outcome::TooLong, None),
            Err(FrameError::Empty) => return (Outcome::Empty, None),
            Ok(None) => return (Outcome::Incomplete, None),
            Ok(Some((payload, _))) => payload,
        };
        match Message::decode(self.port, self.direction, payload) {
            Ok(message) => (Outcome::Message, Some(message)),
            Err(_) if Message::is_unsupported(self.port, self.direction, payload) => {
                (Outcome::Unsupported, None)
            }
            Err(CodecError::Malformed | CodecError::TrailingBytes(_) | CodecError::Frame(_)) => {
                (Outcome::Malformed, None)
            }
        }
    }
}

/// One line of the table: a file's name (`folder/name`, without `.json`), what it shows, and the message.
pub struct Example {
    /// `user/request-start-login`, for example.
    pub name: String,
    /// What is to be seen.
    pub shows: String,
    /// The message that the bytes were made from.
    pub message: Message,
}

impl Example {
    /// The file that belongs to this line.
    #[must_use]
    pub fn vector(&self) -> Vector {
        Vector {
            shows: self.shows.clone(),
            port: self.message.port(),
            direction: self.message.direction(),
            state: self.message.state(),
            frame: HEXLOWER.encode(&self.message.frame()),
            outcome: Outcome::Message,
            value: Some(self.message.value()),
        }
    }
}

/// Every good message of the table.
#[must_use]
pub fn examples() -> Vec<Example> {
    user::requests()
        .into_iter()
        .chain(user::replies())
        .chain(opaque::requests())
        .chain(opaque::replies())
        .chain(admin::requests())
        .chain(admin::replies())
        .collect()
}

/// Every file that the table asks for, by name: the good messages and the hostile frames.
#[must_use]
pub fn table() -> BTreeMap<String, Vector> {
    let good = examples().into_iter().map(|example| (example.name.clone(), example.vector()));
    let hostile = hostile::frames().into_iter().map(|(name, vector)| (format!("hostile/{name}"), vector));
    good.chain(hostile).collect()
}

/// The folder that holds the folders.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// Reads every file of one folder, by name as in [`table`].
///
/// # Errors
/// When the folder or a file in it cannot be read, or is not a vector.
pub fn read_folder(folder: &str) -> io::Result<BTreeMap<String, Vector>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(root().join(folder))? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let vector = serde_json::from_slice(&std::fs::read(&path)?)
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
        found.insert(format!("{folder}/{stem}"), vector);
    }
    Ok(found)
}

/// Writes the files that are not there yet below `root`, and returns their names: the table's, and the replay that is
/// made here. What is there stays as it is.
///
/// # Errors
/// When a folder or a file cannot be written.
pub fn write_missing(root: &Path) -> io::Result<Vec<String>> {
    let mut written = Vec::new();
    for (name, vector) in table() {
        if write_new(&root.join(format!("{name}.json")), &vector)? {
            written.push(name);
        }
    }
    for (name, text) in texts::texts() {
        if write_new(&root.join(format!("{name}.json")), &text)? {
            written.push(name);
        }
    }
    for (name, case) in passwords::cases() {
        if write_new(&root.join(format!("{name}.json")), &case)? {
            written.push(name);
        }
    }
    if write_new(&root.join(format!("{}.json", replay::LOGIN)), &replay::made())? {
        written.push(replay::LOGIN.to_owned());
    }
    if write_new(&root.join(format!("{}.json", replay::FOUR_LANES)), &replay::made_with_four_lanes())? {
        written.push(replay::FOUR_LANES.to_owned());
    }
    if write_new(&root.join(format!("{}.json", replay::REFUSED)), &replay::refused())? {
        written.push(replay::REFUSED.to_owned());
    }
    if write_new(&root.join(format!("{}.json", refused::STRETCHING)), &refused::costs())? {
        written.push(refused::STRETCHING.to_owned());
    }
    if write_new(&root.join(format!("{}.json", refused::REGISTRATION)), &refused::registrations())? {
        written.push(refused::REGISTRATION.to_owned());
    }
    if write_new(&root.join(format!("{}.json", refused::RECORD)), &refused::of_record())? {
        written.push(refused::RECORD.to_owned());
    }
    if write_new(&root.join(format!("{}.json", crafted::IDENTITY)), &crafted::identities())? {
        written.push(crafted::IDENTITY.to_owned());
    }
    Ok(written)
}

/// Whether there was no such file yet.
fn write_new(path: &Path, content: &impl Serialize) -> io::Result<bool> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    match std::fs::File::create_new(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
        Ok(mut file) => {
            serde_json::to_writer_pretty(&mut file, content)?;
            file.write_all(b"\n")?;
            Ok(true)
        }
    }
}
