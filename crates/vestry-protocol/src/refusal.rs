//! Why a request was not done: a stable code, a sentence, and how long to wait where waiting helps.
//!
//! Codes are numbers on the wire so that a client can meet one that is newer than itself. A code keeps its
//! number for ever; the sentence may be reworded.

use serde::{Deserialize, Serialize};

/// The stable codes. `docs/PROTOCOL.md` lists them; fewer than twenty will ever be needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum RefusalCode {
    /// The bytes were not a request. The server closes the connection after saying so.
    Malformed = 1,
    /// A field breaks its rule; the sentence names the field and the rule.
    BadField = 2,
    /// The request needs a session and this connection has none.
    NotLoggedIn = 3,
    /// The name or the password is wrong. Which of them is never said.
    WrongCredentials = 4,
    /// The session ended: it expired, was revoked, or its cause was withdrawn.
    SessionEnded = 5,
    /// Somebody has this name, or had it and could still come back.
    NameTaken = 6,
    /// The new password breaks a rule; the sentence says which.
    PasswordRefused = 7,
    /// The password was right, but the operator suspended the account.
    Suspended = 8,
    /// There is no such thing (on the user port only for one's own sessions).
    NotFound = 9,
    /// Too much is waiting already; try again after `retry_after_ms`.
    Busy = 10,
    /// This operator's role does not allow it.
    Forbidden = 11,
    /// The server cannot write at the moment (disk full or read-only); reads go on.
    Unavailable = 12,
    /// The server made a mistake; the operator finds it in the log.
    Internal = 13,
    /// The query is not one that the operator's prompt may run, or it is not valid SQL.
    QueryRefused = 14,
    /// The query went over its rows, time or size.
    QueryLimit = 15,
    /// New accounts come from the operator here.
    RegistrationClosed = 16,
    /// The account's state does not allow it (as resuming one that is not suspended).
    WrongState = 17,
    /// Too many failures in a row, of this account or from this source; try again after `retry_after_ms`.
    Throttled = 18,
}

impl RefusalCode {
    /// Every code, in the order of its number.
    pub const ALL: [Self; 18] = [
        Self::Malformed,
        Self::BadField,
        Self::NotLoggedIn,
        Self::WrongCredentials,
        Self::SessionEnded,
        Self::NameTaken,
        Self::PasswordRefused,
        Self::Suspended,
        Self::NotFound,
        Self::Busy,
        Self::Forbidden,
        Self::Unavailable,
        Self::Internal,
        Self::QueryRefused,
        Self::QueryLimit,
        Self::RegistrationClosed,
        Self::WrongState,
        Self::Throttled,
    ];

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }

    /// The code of a number, when this version knows it.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }
}

/// A request that was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A [`RefusalCode`], or one that this version does not know.
    pub code: u16,
    /// One sentence for a person. Escape it before printing: the server may be hostile.
    pub message: String,
    /// Where waiting helps: how long, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    /// A refusal that waiting does not help.
    #[must_use]
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { code: code.number(), message: message.into(), retry_after_ms: None }
    }

    /// The code, when this version knows it.
    #[must_use]
    pub fn known_code(&self) -> Option<RefusalCode> {
        RefusalCode::from_number(self.code)
    }

    /// Whether this refusal has the given code.
    #[must_use]
    pub fn is(&self, code: RefusalCode) -> bool {
        self.code == code.number()
    }
}
