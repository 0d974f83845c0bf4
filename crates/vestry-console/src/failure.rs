//! What went wrong, in words: what happened, then what to do. Text from outside is escaped here.

use crate::mistake::Mistake;
use crate::progress::grouped;
use crate::reader::ReadError;
use crate::settings::SettingsError;
use crate::until::NotATime;
use std::io;
use thiserror::Error;
use vestry_client::sentence::sentence;
use vestry_client::wire::{Shown, Unreachable, WireError};
use vestry_client::{Address, AdminError};
use vestry_protocol::audit::AuditFault;
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::FieldError;
use vestry_protocol::item::Open;
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::typed::{Typed, vestryctl, vestryd};
use vestry_seal::NewFileError;
use vestry_terminal::Signal;
use vestry_tls::{TlsError, TrustFailure};

/// What the server did, for standard error, should the answer not be written.
#[derive(Debug)]
pub(crate) struct Said {
    /// What was done, as a clause.
    pub(crate) done: String,
    /// What is lost with the answer.
    pub(crate) lost: &'static str,
    /// The way to what was lost, where it is needed.
    pub(crate) mend: Option<String>,
}

impl Said {
    /// Returns what is said of an act whose answer says no more than that it was done.
    pub(crate) fn of(done: impl Into<String>) -> Self {
        Self { done: done.into(), lost: "the answer", mend: None }
    }
}

/// Why a command was not done.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error(transparent)]
    Time(#[from] NotATime),
    #[error("{0}")]
    BadData(String),
    #[error("{}", not_confirmed(name, typed))]
    NotConfirmed { name: String, typed: String },
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The server keeps what is in force.
    #[error("nothing was changed: {}", Escaped(.0))]
    SettingsKept(String),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("{server}: {error}")]
    Wire { server: Address, error: WireError },
    /// The connection was lost after a change was sent.
    #[error("{server}: {error}; the change may or may not have been made")]
    Unsure { server: Address, error: WireError, look: Typed },
    #[error("{}", sentence(.0))]
    Refused(Refusal),
    /// The server does not run a statement or a condition, and says where it is wrong.
    #[error("{0}")]
    Mistake(Box<Mistake>),
    #[error("the server's answer does not fit the question")]
    UnexpectedReply,
    #[error("the answer could not be written: {0}")]
    Output(io::Error),
    /// The server did it, and its answer is lost on this side.
    #[error("{} could not be written: {cause}", said.lost)]
    Untold { said: Said, cause: io::Error },
    /// What was asked for is not whole where it should be.
    #[error("{what} could not be written: {cause}")]
    NotWritten { what: &'static str, cause: io::Error },
    #[error(transparent)]
    NewFile(#[from] NewFileError),
    #[error("the input could not be read: {0}")]
    Input(io::Error),
    #[error("the program could not start its work: {0}")]
    Runtime(io::Error),
    #[error("the terminal could not be used: {}", Escaped(.0))]
    Terminal(String),
    #[error("the audit is not as it was written: {0}")]
    Audit(Open<AuditFault>),
    #[error(transparent)]
    Rows(#[from] ReadError),
    #[error("bad rows: {} of {}; nothing was imported", grouped(*bad), grouped(*rows))]
    BadRows { bad: u64, rows: u64, left_some_out: bool },
    /// A drill measured more than the server's settings promise.
    #[error("exceeded limits: {exceeded} of {limits}")]
    LimitsExceeded { exceeded: usize, limits: usize },
    #[error("another drill plays against this server")]
    DrillUnderWay,
    #[error("the drill could not be played: {0}")]
    Drill(String),
    /// A drill could not take away what it made.
    #[error("{cause}; throw-away accounts that may be left: {accounts}, named {drill}-…")]
    LeftBehind { drill: String, accounts: usize, cause: Box<Failure> },
    #[error("interrupted")]
    Interrupted,
    #[error("interrupted; nothing was done")]
    Signal(Signal),
}

impl Failure {
    /// A call to `server` that failed; for one that changes something, `look` shows whether it was done.
    pub(crate) fn of_call(server: &Address, error: AdminError, look: Option<Typed>) -> Self {
        let server = server.clone();
        match (error, look) {
            // Only rows are asked for in words that can be wrong, and their caller points at the place (`Console::stream_rows`).
            (AdminError::Refused(refusal) | AdminError::RefusedAt { refusal, .. }, _) => {
                Self::Refused(refusal)
            }
            (AdminError::UnexpectedReply, _) => Self::UnexpectedReply,
            (AdminError::Wire(error @ WireError::LostAfterSending(_)), Some(look)) => {
                Self::Unsure { server, error, look }
            }
            (AdminError::Wire(error), _) => Self::Wire { server, error },
        }
    }

    /// What was done comes before what failed behind it.
    pub(crate) fn after(self, said: Said) -> Self {
        match self {
            Self::Output(cause) => Self::Untold { said, cause },
            other => other,
        }
    }

    /// What to do next, where the text does not say it already.
    pub(crate) fn advice(&self) -> Option<String> {
        match self {
            Self::Wire { error, .. } => Some(advice_for_wire(error)),
            Self::Untold { said, .. } => said.mend.clone(),
            Self::Unsure { look, .. } => Some(format!("Look before you repeat it: {look}")),
            Self::Refused(refusal) => advice_for_refusal(refusal),
            Self::UnexpectedReply => Some(OTHER_VERSION.to_owned()),
            Self::Field(_) => Some("Correct it and try again.".to_owned()),
            Self::NotConfirmed { name, .. } => {
                Some(format!("To go ahead, begin again and type {name}, or give --confirm {name}."))
            }
            Self::Tls(_) => Some(
                "Other files can be named with --ca, --cert and --key, another operator with --operator."
                    .to_owned(),
            ),
            Self::SettingsKept(_) => {
                Some("The server keeps its settings and certificates. Correct this and try again.".to_owned())
            }
            Self::Audit(_) => Some(AFTER_A_FAULT.to_owned()),
            Self::Output(_) | Self::Input(_) | Self::Runtime(_) | Self::Terminal(_) => {
                Some("Check the system's resources, then try again.".to_owned())
            }
            Self::Rows(ReadError::Endless { .. }) => {
                Some("Nothing was imported. Correct the file and try again.".to_owned())
            }
            Self::Rows(ReadError::Header { advice, .. }) => Some(format!("Nothing was imported.\n{advice}")),
            Self::BadRows { left_some_out, .. } => {
                let way = "Mend them and try again, or import the others: --skip-bad FILE";
                let all =
                    if *left_some_out { "\nThat file then has every bad row with its reason." } else { "" };
                Some(format!("{way}{all}"))
            }
            Self::Rows(ReadError::Input(_)) => Some("Nothing was imported. Try again.".to_owned()),
            Self::LimitsExceeded { .. } => Some(AFTER_EXCEEDED_LIMITS.to_owned()),
            Self::LeftBehind { drill, .. } => Some(format!(
                "When the server runs, take them away with: {}",
                vestryctl("drill --tidy").arg(drill)
            )),
            Self::DrillUnderWay => {
                Some("Two would measure each other. Try again when it has ended.".to_owned())
            }
            Self::Drill(_) => Some("Nothing of it is left on the server. Try again.".to_owned()),
            Self::Usage(_)
            // What was meant depends on the screen (`Output::failure`).
            | Self::Mistake(_)
            | Self::Time(_)
            | Self::BadData(_)
            | Self::Settings(_)
            | Self::NotWritten { .. }
            | Self::NewFile(_)
            | Self::Interrupted
            | Self::Signal(_) => None,
        }
    }
}

/// Ctrl-D at the question types nothing.
fn not_confirmed(name: &str, typed: &str) -> String {
    match typed.trim().is_empty() {
        true => "nothing was typed; nothing was changed".to_owned(),
        false => format!("'{}' is not {name}; nothing was changed", Escaped(typed)),
    }
}

const AFTER_A_FAULT: &str = "\
Somebody had write access to vestry.db. Stop the server, keep a copy of the data directory, and compare with a backup.
The checkpoints in the server's log say up to when it was whole: --checkpoint ID:HEX";

const AFTER_EXCEEDED_LIMITS: &str = "\
The server lets an attacker do more than its settings promise. Repeat the drill alone, then report it as SECURITY.md says.";

const OTHER_VERSION: &str =
    "Its version may not fit this program's: compare `vestryctl --version` with `vestryd --version`.";

fn advice_for_wire(error: &WireError) -> String {
    match error {
        WireError::Unreachable(Unreachable::Refused | Unreachable::UnknownHost) => {
            return format!(
                "Is vestryd running here? Start it with `{}`, or name its admin port with --admin HOST:PORT.",
                vestryd("serve")
            );
        }
        WireError::Unreachable(_) => "Check the address, and that vestryd runs; then try again.",
        WireError::WrongServer { failure, shown } => match failure {
            TrustFailure::UnknownIssuer | TrustFailure::PinMismatch => {
                "Nothing was sent. Somebody else may listen on this port, or --ca names the CA of another server."
            }
            TrustFailure::WrongName => "Nothing was sent. Reach the server as localhost, 127.0.0.1 or [::1].",
            TrustFailure::Expired | TrustFailure::NotYetValid => {
                let times = match shown {
                    Some(Shown::Times(times)) => format!("{times}\n"),
                    Some(Shown::Pin(_)) | None => String::new(),
                };
                return format!(
                    "{times}Nothing was sent. If this machine's clock is right, renew it, then send vestryd SIGHUP: {}",
                    vestryd("certs renew")
                );
            }
            TrustFailure::OldTls | TrustFailure::Other => "Nothing was sent. Check that this is the admin port of a Vestry server.",
        },
        WireError::CertificateRefused => {
            return format!(
                "Your certificate is not of this server's CA, or has expired. On the server's machine this tells: {}",
                vestryd("check")
            );
        }
        WireError::LostBeforeSending(_) => "Nothing was done. Try again.",
        WireError::LostAfterSending(_) => "Try again.",
        WireError::Protocol(_) => OTHER_VERSION,
        WireError::Request(_) => "Shorten what you typed.",
    }
    .to_owned()
}

fn advice_for_refusal(refusal: &Refusal) -> Option<String> {
    let text = match refusal.known_code()? {
        RefusalCode::NotFound => {
            return Some(format!("List the accounts: {}", vestryctl("accounts")));
        }
        RefusalCode::NameTaken => {
            let show = vestryctl("account show NAME");
            return Some(format!("Choose another name, or look at this account: {show}"));
        }
        RefusalCode::Forbidden => "An operator with the role that it names can do it.",
        RefusalCode::NotLoggedIn
        | RefusalCode::SessionEnded
        | RefusalCode::WrongCredentials
        | RefusalCode::OperatorUnknown => {
            let make = vestryd("certs operator NAME");
            return Some(format!("Ask an admin for a certificate that is in use: {make}"));
        }
        RefusalCode::BadField => "Correct it and try again.",
        RefusalCode::Busy | RefusalCode::Throttled => match refusal.retry_after_ms {
            Some(wait) => return Some(format!("Try again in {} s.", wait.div_ceil(1000).max(1))),
            None => "Try again later.",
        },
        RefusalCode::Unavailable => "Nothing was changed. Make room on the server's disk, then try again.",
        RefusalCode::Stopping => "Nothing was changed. Try again when it runs.",
        RefusalCode::Internal => "The server's log says more.",
        RefusalCode::Malformed | RefusalCode::Unsupported => OTHER_VERSION,
        RefusalCode::Unsure => return Some(format!("Look before you repeat it: {}", vestryctl("audit"))),
        RefusalCode::QueryRefused
        | RefusalCode::QueryLimit
        | RefusalCode::Suspended
        | RefusalCode::RegistrationClosed
        | RefusalCode::WrongState
        | RefusalCode::PasswordsNotTaken
        | RefusalCode::NotStarted
        | RefusalCode::NotProven
        | RefusalCode::WrongCode
        | RefusalCode::CodeSpent
        | RefusalCode::CodeUsed
        | RefusalCode::NoFreshLogin
        | RefusalCode::NoImport
        | RefusalCode::ImportUnderWay
        | RefusalCode::ImportCount
        | RefusalCode::OwnCertificate => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_sentence_cannot_drive_the_terminal() {
        let failure = Failure::Refused(Refusal::new(RefusalCode::QueryRefused, "\u{1b}]52;c;x\u{7}\nno"));
        assert_eq!(failure.to_string(), "\\u{1b}]52;c;x\\u{7}\\nno");
    }

    #[test]
    fn a_busy_server_says_when_to_come_back() {
        let refusal = Refusal { retry_after_ms: Some(1_200), ..Refusal::new(RefusalCode::Busy, "busy") };
        assert_eq!(Failure::Refused(refusal).advice().as_deref(), Some("Try again in 2 s."));
    }
}
