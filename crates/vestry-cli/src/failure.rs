//! What can go wrong in a run, in words that hold no secret. What to do next is in [`crate::advice`].

use crate::servers::ServersError;
use std::io;
use thiserror::Error;
use vestry_client::address::NotAnAddress;
use vestry_client::state::StateError;
use vestry_client::strength::WeakPassword;
use vestry_client::{Address, CallError, WireError};
use vestry_opaque::OpaqueError;
use vestry_protocol::Pin;
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::{FieldError, PasswordProblem};
use vestry_protocol::random::NoRandomness;
use vestry_protocol::refusal::RefusalCode;
use vestry_terminal::{PromptError, Signal};
use vestry_tls::join::JoinStringError;
use vestry_tls::{FileError, TlsError};

/// What can be wrong with what was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum SecretProblem {
    #[error("{0} is missing; give it in a line of its own")]
    Missing(&'static str),
    #[error("what was handed over as a password is not UTF-8 text; save it as UTF-8")]
    NotText,
    #[error("what was handed over is longer than two passwords can be; check that it is what you meant")]
    TooLong,
    #[error("standard input could not be read; try --password-file instead")]
    Unreadable,
}

/// Why a run ended early. Its text says what happened; [`Failure::advice`] what to do.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error("{0} is needed, and there is no terminal to ask on")]
    NoTerminal(&'static str),
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error(transparent)]
    Password(#[from] PasswordProblem),
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    #[error(transparent)]
    JoinString(#[from] JoinStringError),
    #[error("{}", shortened(&.0.to_string()))]
    Address(#[from] NotAnAddress),
    #[error("'{}' is not the id of a {of}", shortened(&Escaped(typed).to_string()))]
    BadNumber { of: &'static str, typed: String },
    #[error("that is not {name}, as whom you are logged in; nothing was deleted")]
    WrongConfirmation { name: String },
    #[error(transparent)]
    Secret(#[from] SecretProblem),
    #[error("the input ended before everything was answered; nothing was done")]
    InputEnded,
    #[error("nothing was typed, so nothing was done")]
    Cancelled,
    #[error("{server}: {error}")]
    Call { server: Address, error: CallError },
    /// This machine cannot stretch a password, so none was asked for.
    #[error(transparent)]
    NoRoom(#[from] OpaqueError),
    #[error("{server}: {error}; it may or may not have been done")]
    Unsure { server: Address, error: WireError, look: String },
    #[error("{server} is known by another key than the join string says; nothing was sent")]
    PinChanged { server: Address, known: Pin, given: Pin },
    #[error("nobody is logged in to {0} here")]
    NotLoggedIn(Address),
    #[error("{error}")]
    SessionEnded {
        name: String,
        error: CallError,
        /// Why its file is still there.
        left: Option<Box<StateError>>,
    },
    /// What was done stands; this is all that is missing.
    #[error("{what}: {cause}")]
    NotKept { what: &'static str, cause: Box<Failure>, mend: String },
    #[error("the answer could not be written: {0}")]
    Unwritten(io::Error),
    #[error("{server}: another account is logged in here by now: {name}")]
    OtherAccount { server: Address, name: String },
    #[error("the login as {name} worked, but its session could not be kept: {cause}")]
    LoginNotKept {
        name: String,
        cause: Box<StateError>,
        /// Whether the session was ended again at the server.
        is_ended: bool,
    },
    #[error("no server is known yet")]
    NoServer,
    #[error("{0} was not joined, so it is not known which key it must show")]
    NotJoined(Address),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Servers(#[from] ServersError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Random(#[from] NoRandomness),
    #[error("the program could not start its work: {0}")]
    Runtime(io::Error),
    #[error("the answer could not be written: {0}")]
    Output(io::Error),
    #[error("the terminal could not be used: {0}")]
    Terminal(io::Error),
    #[error("interrupted; nothing was done")]
    Signal(Signal),
}

impl From<PromptError> for Failure {
    fn from(error: PromptError) -> Self {
        match error {
            PromptError::NoTerminal(what) => Self::NoTerminal(what),
            PromptError::InputEnded => Self::InputEnded,
            PromptError::Signal(signal) => Self::Signal(signal),
            PromptError::Terminal(cause) => Self::Terminal(cause),
        }
    }
}

impl Failure {
    /// Whether the server refused with this code.
    pub(crate) fn is_refusal(&self, code: RefusalCode) -> bool {
        matches!(self, Self::Call { error, .. } if error.is_refusal(code))
    }

    /// Whether the same may work in a while: nothing was done, and what was typed is no reason.
    pub(crate) fn may_pass(&self) -> bool {
        let Self::Call { error, .. } = self else { return false };
        match error {
            CallError::Refused(refusal) => refusal.retry_after_ms.is_some(),
            CallError::Wire(WireError::Unreachable(_) | WireError::LostBeforeSending(_)) => true,
            _ => false,
        }
    }
}

/// What stands between a typed text's beginning and its end when it is too long to be shown.
const CUT: &str = " [...] ";

/// How many characters of a message stand before and behind the cut.
const KEPT_CHARS: usize = 100;

/// A message that repeats what was typed, cut in the middle when that is long: a screen of it helps nobody.
fn shortened(message: &str) -> String {
    let chars: Vec<char> = message.chars().collect();
    match (chars.first_chunk::<KEPT_CHARS>(), chars.last_chunk::<KEPT_CHARS>()) {
        (Some(first), Some(last)) if chars.len() > 2 * KEPT_CHARS + CUT.len() => {
            first.iter().copied().chain(CUT.chars()).chain(last.iter().copied()).collect()
        }
        _ => message.to_owned(),
    }
}
