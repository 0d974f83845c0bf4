//! Why a request was not done: a stable code, what programs want to know beside it, how long to wait where waiting helps, and a
//! sentence for whoever does not know the code.
//!
//! A code has one meaning and keeps its number for ever; the sentence may be reworded. Programs print sentences of their own.

use crate::codec::{decode, encode};
use crate::fields::Field;
use crate::item::{Item, Numbered, Open};
use crate::limits::REPLY_BYTES_MAX;
use crate::time::UnixSeconds;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// The stable codes. `docs/PROTOCOL.md` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum RefusalCode {
    /// This version does not know the call, or a value in it.
    Unsupported = 0,
    /// The frame is not exactly one request.
    Malformed = 1,
    /// A field breaks its rule: [`Detail::Field`] says which.
    BadField = 2,
    /// The call needs a session and this connection has none.
    NotLoggedIn = 3,
    /// The name or the password is wrong. Which of them is never said.
    WrongCredentials = 4,
    /// The session ended: [`Detail::Ended`] says why, when the server knows.
    SessionEnded = 5,
    /// Somebody has this name, or had it and could still come back.
    NameTaken = 6,
    /// The settings take no passwords themselves, only proofs of them.
    PasswordsNotTaken = 7,
    /// The password was right, but the operator suspended the account: [`Detail::Suspended`] says until when and why.
    Suspended = 8,
    /// There is no such thing (on the user port only for one's own).
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
    /// Too fast, for this account, this session or this source; try again after `retry_after_ms`.
    Throttled = 18,
    /// The second half of an exchange without its first on this connection, or too late.
    NotStarted = 19,
    /// The password has to be proven on this connection first.
    NotProven = 20,
    /// The one-time code is wrong, used or too old, or the name is.
    WrongCode = 21,
    /// The one-time code was right, and was used too often without setting a password.
    CodeSpent = 22,
    /// The one-time code was right, and set a password a few minutes ago: [`Detail::UsedAt`] says when.
    CodeUsed = 23,
    /// A device is remembered once, within two minutes of a login on its connection.
    NoFreshLogin = 24,
    /// The operator's certificate is not in use.
    OperatorUnknown = 25,
    /// The server is stopping.
    Stopping = 26,
    /// It may have been done, and the server cannot tell.
    Unsure = 27,
    /// No import is under way on this connection.
    NoImport = 28,
    /// An import is under way on this connection already.
    ImportUnderWay = 29,
    /// Another number of accounts waits to be imported; nothing was.
    ImportCount = 30,
    /// One's own certificate has to be revoked by somebody else.
    OwnCertificate = 31,
}

impl RefusalCode {
    /// Every code, in the order of its number.
    pub const ALL: [Self; 32] = [
        Self::Unsupported,
        Self::Malformed,
        Self::BadField,
        Self::NotLoggedIn,
        Self::WrongCredentials,
        Self::SessionEnded,
        Self::NameTaken,
        Self::PasswordsNotTaken,
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
        Self::NotStarted,
        Self::NotProven,
        Self::WrongCode,
        Self::CodeSpent,
        Self::CodeUsed,
        Self::NoFreshLogin,
        Self::OperatorUnknown,
        Self::Stopping,
        Self::Unsure,
        Self::NoImport,
        Self::ImportUnderWay,
        Self::ImportCount,
        Self::OwnCertificate,
    ];

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u32 {
        self as u32
    }

    /// The code of a number, when this version knows it.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionEnd {
    /// It was too old, or was not used for too long.
    Expired,
    /// Its user ended it, here or on another device.
    LoggedOut,
    /// A new password ended every session.
    PasswordChanged,
    /// The account had too many, and it was the one that was used least recently.
    Displaced,
    /// An operator ended it.
    Revoked,
    /// The account was suspended.
    Suspended,
    /// The account was deleted.
    Deleted,
    /// A login elsewhere moved the password record to the server's new key.
    RecordMoved,
}

impl SessionEnd {
    /// Every reason, in the order of its number.
    pub const ALL: [Self; 8] = [
        Self::Expired,
        Self::LoggedOut,
        Self::PasswordChanged,
        Self::Displaced,
        Self::Revoked,
        Self::Suspended,
        Self::Deleted,
        Self::RecordMoved,
    ];

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u32 {
        self as u32
    }

    /// The reason of a number, when this version knows it.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.number() == number)
    }
}

impl Numbered for SessionEnd {
    const KNOWN: u32 = 8;
}

/// What a code says beside its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Detail {
    /// Of [`RefusalCode::BadField`].
    Field(Open<Field>),
    /// Of [`RefusalCode::SessionEnded`].
    Ended(Option<Open<SessionEnd>>),
    /// Of [`RefusalCode::Suspended`].
    Suspended {
        /// Until when; for good when absent.
        until: Option<UnixSeconds>,
        /// Why.
        reason: Option<String>,
    },
    /// Of [`RefusalCode::CodeUsed`].
    UsedAt(UnixSeconds),
}

impl Detail {
    /// Whether a content is exactly what its code says beside its number.
    fn fits(code: RefusalCode, content: &[u8]) -> bool {
        match code {
            RefusalCode::BadField
            | RefusalCode::SessionEnded
            | RefusalCode::Suspended
            | RefusalCode::CodeUsed => Self::read(code, content).is_some(),
            _ => content.is_empty(),
        }
    }

    fn read(code: RefusalCode, content: &[u8]) -> Option<Self> {
        match code {
            RefusalCode::BadField => decode::<_, REPLY_BYTES_MAX>(content).ok().map(Self::Field),
            RefusalCode::SessionEnded => decode::<_, REPLY_BYTES_MAX>(content).ok().map(Self::Ended),
            RefusalCode::Suspended => {
                let (until, reason) = decode::<_, REPLY_BYTES_MAX>(content).ok()?;
                Some(Self::Suspended { until, reason })
            }
            RefusalCode::CodeUsed => decode::<_, REPLY_BYTES_MAX>(content).ok().map(Self::UsedAt),
            _ => None,
        }
    }
}

/// A code that is known says exactly what belongs to it; any other is kept as it came.
fn exact_code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Item, D::Error> {
    let item = Item::deserialize(deserializer)?;
    match RefusalCode::from_number(item.number) {
        Some(code) if !Detail::fits(code, &item.content) => {
            Err(D::Error::custom("a refusal whose code says something else"))
        }
        _ => Ok(item),
    }
}

/// A request that was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A [`RefusalCode`], or one that this version does not know, and its [`Detail`].
    #[serde(deserialize_with = "exact_code")]
    pub code: Item,
    /// One sentence for a person whose program has none of its own. Escape it before printing: the server may be hostile.
    pub message: String,
    /// Where waiting helps: how long, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    /// A refusal that waiting does not help.
    #[must_use]
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        let code = Item { number: code.number(), content: Vec::new() };
        Self { code, message: message.into(), retry_after_ms: None }
    }

    /// The same, with what its code says beside.
    #[must_use]
    pub fn with(mut self, detail: &Detail) -> Self {
        let bytes = match detail {
            Detail::Field(field) => encode(field),
            Detail::Ended(end) => encode(end),
            Detail::Suspended { until, reason } => encode(&(until, reason)),
            Detail::UsedAt(at) => encode(at),
        };
        self.code.content = bytes.map(|bytes| bytes.to_vec()).unwrap_or_default();
        self
    }

    /// The code, when this version knows it.
    #[must_use]
    pub fn known_code(&self) -> Option<RefusalCode> {
        RefusalCode::from_number(self.code.number)
    }

    /// What the code says beside its number, when this version can read it.
    #[must_use]
    pub fn detail(&self) -> Option<Detail> {
        Detail::read(self.known_code()?, &self.code.content)
    }

    /// Whether this refusal has the given code.
    #[must_use]
    pub fn is(&self, code: RefusalCode) -> bool {
        self.code.number == code.number()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_code_says_beside_its_number_comes_back() {
        let reason = Some("spam".to_owned());
        let used = Detail::UsedAt(UnixSeconds::from_seconds(7));
        let cases = [
            (RefusalCode::BadField, Detail::Field(Field::Email.into())),
            (RefusalCode::SessionEnded, Detail::Ended(Some(SessionEnd::Displaced.into()))),
            (RefusalCode::Suspended, Detail::Suspended { until: Some(UnixSeconds::from_seconds(7)), reason }),
            (RefusalCode::CodeUsed, used.clone()),
        ];
        for (code, detail) in cases {
            assert_eq!(Refusal::new(code, "").with(&detail).detail(), Some(detail));
            assert_eq!(Refusal::new(RefusalCode::Busy, "").with(&used).detail(), None);
        }
        assert_eq!(Refusal::new(RefusalCode::SessionEnded, "").detail(), None);
    }

    #[test]
    fn a_known_code_with_another_content_is_no_refusal_and_an_unknown_one_is_kept() {
        let read = |number, content: &[u8]| {
            let code = Item { number, content: content.to_vec() };
            let refusal = Refusal { code, message: String::new(), retry_after_ms: None };
            decode::<Refusal, REPLY_BYTES_MAX>(&encode(&refusal).unwrap()).is_ok()
        };
        for (number, content) in [(4, &[][..]), (2, &[0, 0]), (5, &[0]), (8, &[0, 0]), (23, &[7]), (99, &[1])]
        {
            assert!(read(number, content), "{number}");
            assert!(number == 99 || !read(number, &[content, &[0]].concat()), "{number}");
            assert!(content.is_empty() || number == 99 || !read(number, &[]), "{number}");
        }
    }

    #[test]
    fn the_codes_are_numbered_in_their_order() {
        for (number, code) in (0..).zip(RefusalCode::ALL) {
            assert_eq!((code.number(), RefusalCode::from_number(number)), (number, Some(code)));
        }
    }
}
