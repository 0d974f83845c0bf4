//! The exit codes of the programs that talk to a server. The numbers are a contract with scripts; this is the only
//! place that names them.

use crate::wire::WireError;
use std::process::ExitCode;
use vestry_protocol::refusal::{Refusal, RefusalCode};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// As it should.
    Done = 0,
    /// What was typed makes no sense.
    Usage = 2,
    /// A name, a field, a password, a code, a time or SQL that breaks its rule.
    BadData = 65,
    /// No server, or none any more. Nothing was done.
    Unreachable = 69,
    /// It may have been done, and nobody can tell: the answer was lost.
    Unsure = 70,
    /// Something could not be read or written.
    Output = 74,
    /// Later it may work.
    TryLater = 75,
    /// Another server, or one that does not keep to the protocol.
    WrongServer = 76,
    /// The server said no.
    Refused = 77,
    /// Files or environment of whoever runs the program.
    Configuration = 78,
    /// Ctrl-C, as a shell counts it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        // The discriminants are the contract, and each fits.
        Self::from(exit as u8)
    }
}

impl Exit {
    /// Every exit code, with what `--help` and the documents say of it.
    pub const ALL: [(Self, &'static str); 11] = [
        (Self::Done, "done"),
        (Self::Usage, "usage"),
        (Self::BadData, "bad data"),
        (Self::Unreachable, "server unreachable"),
        (Self::Unsure, "it may or may not have been done"),
        (Self::Output, "input or output failed"),
        (Self::TryLater, "busy or throttled (try later)"),
        (Self::WrongServer, "wrong server"),
        (Self::Refused, "refused"),
        (Self::Configuration, "configuration"),
        (Self::Interrupted, "interrupted"),
    ];

    /// The line of `--help` for all of them.
    #[must_use]
    pub fn listed(width: usize) -> String {
        vestry_protocol::exit::listed(Self::ALL.map(|(exit, text)| (exit as u8, text)), width)
    }

    /// The exit code of a run that printed what clap has to say: help and the version are answers.
    #[must_use]
    pub fn of_printing(printed: &std::io::Result<()>, code: i32) -> ExitCode {
        match printed {
            Err(error) if code == 0 && error.kind() != std::io::ErrorKind::BrokenPipe => Self::Output.into(),
            Ok(()) | Err(_) => ExitCode::from(u8::try_from(code).unwrap_or(Self::Usage as u8)),
        }
    }

    /// The exit code of a connection that failed.
    #[must_use]
    pub fn of_wire(error: &WireError) -> Self {
        match error {
            WireError::Unreachable(_) | WireError::LostBeforeSending(_) | WireError::LostAfterSending(_) => {
                Self::Unreachable
            }
            WireError::WrongServer { .. } | WireError::Protocol(_) => Self::WrongServer,
            WireError::CertificateRefused => Self::Refused,
            WireError::Request(_) => Self::BadData,
        }
    }

    /// The exit code of a refusal, also of one that is newer than this program.
    #[must_use]
    pub fn of_refusal(refusal: &Refusal) -> Self {
        refusal.known_code().map_or(Self::Refused, Self::of_code)
    }

    fn of_code(code: RefusalCode) -> Self {
        match code {
            RefusalCode::BadField
            | RefusalCode::QueryRefused
            | RefusalCode::QueryLimit
            | RefusalCode::ImportCount => Self::BadData,
            RefusalCode::Internal => Self::Unreachable,
            RefusalCode::Unsure => Self::Unsure,
            RefusalCode::Busy | RefusalCode::Throttled | RefusalCode::Unavailable | RefusalCode::Stopping => {
                Self::TryLater
            }
            RefusalCode::Malformed | RefusalCode::Unsupported => Self::WrongServer,
            RefusalCode::NotLoggedIn
            | RefusalCode::WrongCredentials
            | RefusalCode::SessionEnded
            | RefusalCode::NameTaken
            | RefusalCode::Suspended
            | RefusalCode::NotFound
            | RefusalCode::Forbidden
            | RefusalCode::RegistrationClosed
            | RefusalCode::WrongState
            | RefusalCode::PasswordsNotTaken
            | RefusalCode::NotStarted
            | RefusalCode::NotProven
            | RefusalCode::WrongCode
            | RefusalCode::CodeSpent
            | RefusalCode::CodeUsed
            | RefusalCode::NoFreshLogin
            | RefusalCode::OperatorUnknown
            | RefusalCode::NoImport
            | RefusalCode::ImportUnderWay
            | RefusalCode::OwnCertificate => Self::Refused,
        }
    }
}
