//! Everything that can keep a request from being done, and the one function that tells the peer.
//!
//! Inside, errors say what happened; outside, they say what the peer may know. [`Failure::into_refusal`] is the
//! only place where the first becomes the second.

use crate::clock::as_date;
use thiserror::Error;
use vestry_protocol::UnixSeconds;
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::{Field, FieldError, PasswordProblem};
use vestry_protocol::random::NoRandomness;
use vestry_protocol::refusal::{Detail, Refusal, RefusalCode, SessionEnd};
use vestry_store::StoreError;
use vestry_store::import::ImportError;
use vestry_store::query::QueryError;

/// Why a request was not done.
#[derive(Debug, Error)]
pub enum Failure {
    /// A field breaks its rule.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// What was sent as a password cannot be one.
    #[error("password: {0}")]
    Password(#[from] PasswordProblem),
    /// A value in the call is one of a later version.
    #[error("this server does not know this {what}")]
    Unsupported {
        /// What it is.
        what: &'static str,
    },
    /// The call needs a session, and there is none.
    #[error("log in first")]
    NotLoggedIn,
    /// The name or the password is wrong, or the account cannot be known about.
    #[error("the name or the password is wrong")]
    WrongCredentials,
    /// The one-time code is wrong, used or too old, or the name is.
    #[error("the name or the one-time code is wrong, or the code was used or has expired")]
    WrongCode,
    /// The session is not live any more; why, as far as that is known.
    #[error("the session has ended; log in again")]
    SessionEnded(Option<SessionEnd>),
    /// Somebody has the name.
    #[error("this name is taken; choose another")]
    NameTaken,
    /// Somebody got a name while an import ran.
    #[error("the name {} (line {line}) was taken while the import ran; nothing was imported", Escaped(name))]
    TakenMeanwhile {
        /// Where its row comes from.
        line: u64,
        /// The name.
        name: String,
    },
    /// The operator suspended the account.
    #[error("the operator suspended this account{}{}", until_words(.until), reason_words(.reason))]
    Suspended {
        /// Until when.
        until: Option<UnixSeconds>,
        /// Why.
        reason: Option<String>,
    },
    /// The settings take no passwords themselves.
    #[error(
        "this server takes no passwords, only proofs of them (OPAQUE); ask its operator for a one-time code"
    )]
    PasswordsNotTaken,
    /// The second half of an exchange came without its first, or too late.
    #[error("this exchange was not started on this connection, or was used; start it again")]
    NotStarted,
    /// The call needs the password again, proven on this connection a moment ago.
    #[error("prove your password first")]
    NotProven,
    /// A device is remembered once, and only after a login.
    #[error("a device is remembered once, within two minutes of a login on its connection")]
    NoFreshLogin,
    /// There is no such thing.
    #[error("there is no such {what}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
    },
    /// Too much is waiting.
    #[error("the server is busy; try again in {retry_after_ms} ms")]
    Busy {
        /// How long to wait.
        retry_after_ms: u64,
    },
    /// A rate limit, of this account or of this source. Which of them is not said.
    #[error("too many attempts; try again later")]
    Throttled {
        /// How long to wait.
        wait_ms: u64,
    },
    /// The one-time code was right, and had too many new passwords evaluated.
    #[error("this one-time code was used too often without setting a password; ask the operator for another")]
    CodeSpent,
    /// The one-time code was right, and set a password a few minutes ago.
    #[error("this one-time code did set a password, and works once; log in with the new password")]
    CodeUsed {
        /// When.
        at: UnixSeconds,
    },
    /// The operator's role is too small.
    #[error("your role is {role}; this needs {needed}{}", setting_words(*by_setting))]
    Forbidden {
        /// The role of the operator.
        role: &'static str,
        /// The smallest role that may.
        needed: &'static str,
        /// The key of the settings that says so, if one does.
        by_setting: Option<&'static str>,
    },
    /// The operator's certificate was taken out of use.
    #[error("this operator certificate is not in use (any more)")]
    OperatorUnknown,
    /// The account is not in a state where this makes sense.
    #[error("{0}")]
    WrongState(&'static str),
    /// No import is under way on this connection.
    #[error("no import is under way on this connection; start one")]
    NoImport,
    /// An import is under way on this connection.
    #[error("an import is under way on this connection already")]
    ImportUnderWay,
    /// Another number of accounts waits.
    #[error("not so many accounts wait to be imported; nothing was imported")]
    ImportCount,
    /// One's own certificate.
    #[error("this is your own certificate; another admin has to revoke it")]
    OwnCertificate,
    /// Accounts come from the operator here.
    #[error("this server does not take registrations; ask its operator for an account")]
    RegistrationClosed,
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operator's query could not be run.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The system has no random bytes.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// A mistake of the server.
    #[error("{0}")]
    Internal(&'static str),
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Store(error) => Self::Store(error),
            ImportError::NameTaken { line, name } => Self::TakenMeanwhile { line, name },
        }
    }
}

fn setting_words(key: Option<&'static str>) -> String {
    key.map_or_else(String::new, |key| format!(", as {key} in this server's settings says"))
}

fn until_words(until: &Option<UnixSeconds>) -> String {
    until.map_or_else(String::new, |at| format!(" until {}", as_date(at)))
}

fn reason_words(reason: &Option<String>) -> String {
    reason.as_ref().map_or_else(String::new, |reason| format!(": {}", Escaped(reason)))
}

impl Failure {
    /// What the peer is told. Mistakes and damage are told to the log instead.
    #[must_use]
    pub fn into_refusal(self) -> Refusal {
        let code = self.code();
        if matches!(code, RefusalCode::Internal | RefusalCode::Unavailable | RefusalCode::Stopping) {
            tracing::error!(error = %self, "a request failed");
        }
        let message = match &self {
            Self::Internal(_) | Self::NoRandomness(_) | Self::Store(_) | Self::Query(_)
                if code == RefusalCode::Internal =>
            {
                "the server made a mistake; its operator finds it in the log".to_owned()
            }
            known => known.to_string(),
        };
        let refusal = Refusal { retry_after_ms: self.retry_after_ms(), ..Refusal::new(code, message) };
        match self.detail() {
            Some(detail) => refusal.with(&detail),
            None => refusal,
        }
    }

    /// What a program wants to know beside the code.
    fn detail(self) -> Option<Detail> {
        match self {
            Self::Field(FieldError { field, .. }) => Some(Detail::Field(field.into())),
            Self::Password(_) => Some(Detail::Field(Field::Password.into())),
            Self::SessionEnded(why) => Some(Detail::Ended(why.map(Into::into))),
            Self::CodeUsed { at } => Some(Detail::UsedAt(at)),
            Self::Suspended { until, reason } => Some(Detail::Suspended { until, reason }),
            _ => None,
        }
    }

    fn code(&self) -> RefusalCode {
        match self {
            Self::Field(_) | Self::Password(_) => RefusalCode::BadField,
            Self::Unsupported { .. } => RefusalCode::Unsupported,
            Self::PasswordsNotTaken => RefusalCode::PasswordsNotTaken,
            Self::NotLoggedIn => RefusalCode::NotLoggedIn,
            Self::WrongCredentials => RefusalCode::WrongCredentials,
            Self::WrongCode => RefusalCode::WrongCode,
            Self::SessionEnded(_) => RefusalCode::SessionEnded,
            Self::NameTaken | Self::TakenMeanwhile { .. } => RefusalCode::NameTaken,
            Self::Suspended { .. } => RefusalCode::Suspended,
            Self::NotFound { .. } => RefusalCode::NotFound,
            Self::Busy { .. } => RefusalCode::Busy,
            Self::Throttled { .. } => RefusalCode::Throttled,
            Self::Forbidden { .. } => RefusalCode::Forbidden,
            Self::OperatorUnknown => RefusalCode::OperatorUnknown,
            Self::WrongState(_) => RefusalCode::WrongState,
            Self::NotProven => RefusalCode::NotProven,
            Self::NotStarted => RefusalCode::NotStarted,
            Self::CodeSpent => RefusalCode::CodeSpent,
            Self::CodeUsed { .. } => RefusalCode::CodeUsed,
            Self::NoFreshLogin => RefusalCode::NoFreshLogin,
            Self::NoImport => RefusalCode::NoImport,
            Self::ImportUnderWay => RefusalCode::ImportUnderWay,
            Self::ImportCount => RefusalCode::ImportCount,
            Self::OwnCertificate => RefusalCode::OwnCertificate,
            Self::RegistrationClosed => RefusalCode::RegistrationClosed,
            Self::Store(error) => store_code(error),
            Self::Query(error) => query_code(error),
            Self::NoRandomness(_) | Self::Internal(_) => RefusalCode::Internal,
        }
    }

    fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Busy { retry_after_ms } => Some(*retry_after_ms),
            Self::Throttled { wait_ms } => Some(*wait_ms),
            Self::Store(StoreError::Held) | Self::Query(QueryError::Busy) => Some(1_000),
            Self::Store(StoreError::NotWritable) => Some(60_000),
            _ => None,
        }
    }
}

fn store_code(error: &StoreError) -> RefusalCode {
    match error {
        StoreError::NotWritable => RefusalCode::Unavailable,
        StoreError::Closed => RefusalCode::Stopping,
        StoreError::Held => RefusalCode::Busy,
        StoreError::Damaged
        | StoreError::CannotOpen { .. }
        | StoreError::AlreadyThere(_)
        | StoreError::TooNew
        | StoreError::TooOld
        | StoreError::Cancelled
        | StoreError::ClosurePanicked
        | StoreError::Statement(_) => RefusalCode::Internal,
    }
}

fn query_code(error: &QueryError) -> RefusalCode {
    match error {
        QueryError::Refused { .. } | QueryError::Invalid { .. } | QueryError::Cancelled => {
            RefusalCode::QueryRefused
        }
        QueryError::TooManyRows { .. } | QueryError::TimedOut { .. } | QueryError::TooLarge => {
            RefusalCode::QueryLimit
        }
        QueryError::Busy => RefusalCode::Busy,
        QueryError::Store(_) => RefusalCode::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader decodes what a code says beside its number; one that lacks it would be no message.
    #[test]
    fn a_code_that_says_something_beside_its_number_always_does() {
        let field = FieldError { field: Field::Age, rule: String::new() };
        let failures = [
            (Failure::from(field), RefusalCode::BadField),
            (PasswordProblem::Common.into(), RefusalCode::BadField),
            (Failure::SessionEnded(None), RefusalCode::SessionEnded),
            (Failure::Suspended { until: None, reason: None }, RefusalCode::Suspended),
            (Failure::CodeUsed { at: UnixSeconds::from_seconds(7) }, RefusalCode::CodeUsed),
        ];
        for (failure, code) in failures {
            let refusal = failure.into_refusal();
            assert!(refusal.is(code) && refusal.detail().is_some(), "{refusal:?}");
        }
    }
}
