//! The exit codes of the programs, after BSD's sysexits. The numbers are a contract with scripts and service managers; this
//! is the only place that names them, and `--help` and `docs/OPERATIONS.md` are held against its tables.

use crate::arguments::told;
use crate::output::talk;
use std::io;
use std::process::ExitCode;
use vestry_protocol::refusal::{Refusal, RefusalCode};

/// How a run ended. What a number says in each program is in [`OF_CLIENTS`] and [`OF_SERVER`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// As it should.
    Done = 0,
    /// What was typed makes no sense.
    Usage = 2,
    /// A field, a password, a code, a time, SQL or a file that breaks its rule.
    BadData = 65,
    /// No server, or none any more. Nothing was done.
    Unreachable = 69,
    /// An answer broke off, so that what was asked may or may not have been done; or a part of the server did.
    BrokeOff = 70,
    /// Something could not be read or written.
    Output = 74,
    /// Later it may work.
    TryLater = 75,
    /// Another server, or one that does not keep to the protocol.
    WrongServer = 76,
    /// The server refused.
    Refused = 77,
    /// Files, settings or the environment, where only a person helps.
    Configuration = 78,
    /// Ctrl-C, as a shell counts it.
    Interrupted = 130,
}

/// What an exit code says in one program.
pub type Meaning = (Exit, &'static str);

/// Every exit code of `vestry` and `vestryctl`, with what `--help` and the documents say of it.
pub const OF_CLIENTS: [Meaning; 11] = [
    (Exit::Done, "done"),
    (Exit::Usage, "usage"),
    (Exit::BadData, "bad data"),
    (Exit::Unreachable, "server unreachable"),
    (Exit::BrokeOff, "it may or may not have been done"),
    (Exit::Output, "input or output failed"),
    (Exit::TryLater, "busy or throttled (try later)"),
    (Exit::WrongServer, "wrong server"),
    (Exit::Refused, "refused"),
    (Exit::Configuration, "configuration"),
    (Exit::Interrupted, "interrupted"),
];

/// Every exit code of `vestryd`, with what `--help` and the documents say of it.
pub const OF_SERVER: [Meaning; 8] = [
    (Exit::Done, "done"),
    (Exit::Usage, "usage"),
    (Exit::BadData, "not a backup that can be restored"),
    (Exit::BrokeOff, "a part of the server broke off"),
    (Exit::Output, "input or output failed"),
    (Exit::TryLater, "in use by another vestryd"),
    (Exit::Configuration, "configuration, or a check failed"),
    (Exit::Interrupted, "interrupted"),
];

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        // The discriminants are the contract, and each fits.
        Self::from(exit as u8)
    }
}

impl Exit {
    /// Returns the exit code of an answer that could not be written. A reader that has seen enough of it is no failure.
    #[must_use]
    pub fn of_output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Done,
            _ => Self::Output,
        }
    }

    /// Returns the exit code of a refusal, also of one that is newer than this program.
    #[must_use]
    pub fn of_refusal(refusal: &Refusal) -> Self {
        let Some(code) = refusal.known_code() else { return Self::Refused };
        match code {
            RefusalCode::BadField
            | RefusalCode::QueryRefused
            | RefusalCode::QueryLimit
            | RefusalCode::ImportCount => Self::BadData,
            RefusalCode::Internal => Self::Unreachable,
            RefusalCode::Unsure => Self::BrokeOff,
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

/// Prints what clap has to say of what was typed, and returns the exit code: help and the version are answers.
#[must_use]
pub fn print_usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        let typed: Vec<String> =
            std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        talk(told(error, typed.iter().map(String::as_str)).trim_end());
        return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage as u8));
    }
    match error.print() {
        Err(failed) => Exit::of_output(&failed).into(),
        Ok(()) => Exit::Done.into(),
    }
}

/// Returns the exit codes of a program as `--help` lists them, one a line.
#[must_use]
pub fn listed(meanings: &[Meaning]) -> String {
    let line = |(exit, text): &Meaning| format!("\n  {:<3} {text}", *exit as u8);
    format!("Exit codes:{}", meanings.iter().map(line).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_listed_one_a_line() {
        let text = listed(&[(Exit::Done, "done"), (Exit::Interrupted, "interrupted")]);
        assert_eq!(text, "Exit codes:\n  0   done\n  130 interrupted");
    }
}
