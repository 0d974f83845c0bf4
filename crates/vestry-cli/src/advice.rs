//! What a person does next after something went wrong; the command is in the last line.

use crate::failure::Failure;
use crate::servers::ServersError;
use std::io;
use std::path::Path;
use vestry_client::state::{StateError, free_name};
use vestry_client::wire::{Shown, Step, Unreachable};
use vestry_client::{Address, CallError, WireError};
use vestry_opaque::OpaqueError;
use vestry_protocol::count::Count;
use vestry_protocol::item::Open;
use vestry_protocol::refusal::{Detail, Refusal, RefusalCode, SessionEnd};
use vestry_protocol::typed::{Typed, again, quoted, vestry};
use vestry_tls::{FileError, TrustFailure};

impl Failure {
    /// What to do next, where the text does not say it already; the command in the last line.
    pub(crate) fn advice(&self) -> Option<String> {
        self.advice_after(again())
    }

    /// The advice when `typed` is the command that failed; the menu has none, because it continues by itself.
    fn advice_after(&self, typed: Option<&str>) -> Option<String> {
        let mut words = self.words();
        let next = match self.next()? {
            Next::InWords => None,
            Next::Command(command) => Some(command.to_string()),
            Next::Again => {
                if let (None, Some(announced)) = (typed, words.as_mut().filter(|words| words.ends_with(':')))
                {
                    // Nothing follows.
                    announced.pop();
                    announced.push('.');
                }
                typed.map(str::to_owned)
            }
        };
        Some([words, next].into_iter().flatten().collect::<Vec<_>>().join("\n"))
    }

    /// Which command comes next; none after a signal, which its sender understands.
    fn next(&self) -> Option<Next> {
        Some(match self {
            Self::Call { error, .. } => next_for_call(error),
            Self::Field(_)
            | Self::Address(_)
            | Self::Password(_)
            | Self::Weak(_)
            | Self::Secret(_)
            | Self::InputEnded
            | Self::Cancelled
            | Self::NoRoom(_)
            | Self::Output(_)
            | Self::Terminal(_)
            | Self::Runtime(_)
            | Self::Random(_)
            | Self::File(_)
            | Self::Tls(_)
            | Self::NoTerminal(_)
            | Self::Servers(ServersError::Damaged { .. }) => Next::Again,
            Self::Usage(_) => Next::Command(vestry("--help")),
            Self::JoinString(_) => Next::Command(vestry("join")),
            Self::OtherAccount { .. } => Next::Command(vestry("status")),
            Self::Unsure { .. }
            | Self::BadNumber { .. }
            | Self::WrongConfirmation { .. }
            | Self::PinChanged { .. }
            | Self::NotLoggedIn(_)
            | Self::SessionEnded { .. }
            | Self::NotKept { .. }
            | Self::Unwritten(_)
            | Self::LoginNotKept { .. }
            | Self::State(_)
            | Self::Servers(ServersError::State(_))
            | Self::NoServer
            | Self::NotJoined(_) => Next::InWords,
            Self::Signal(_) => return None,
        })
    }

    fn words(&self) -> Option<String> {
        match self {
            Self::Call { server, error } => advice_for_call(server, error),
            Self::Unsure { look, .. } => Some(look.clone()),
            Self::NoRoom(error) => advice_for_opaque(*error),
            Self::NoTerminal(_) => Some(
                "Give it with --password-stdin or --password-file FILE, or run this on a\n\
                 terminal without --no-input:"
                    .to_owned(),
            ),
            Self::Password(_) | Self::Weak(_) => Some(A_GOOD_ONE.to_owned()),
            Self::BadNumber { of, .. } => Some(format!("Copy one from: {}", vestry(format!("{of}s")))),
            Self::WrongConfirmation { name } => {
                Some(format!("To delete this account: {}", vestry("delete --confirm").arg(name)))
            }
            Self::PinChanged { known, given, .. } => {
                Some(format!("known: {known}\ngiven: {given}\n{ASK_ABOUT_KEY}"))
            }
            Self::NotLoggedIn(_) => Some(format!("Log in: {}", vestry("login NAME"))),
            Self::SessionEnded { name, error, left } => {
                let next = advice_for_ended(name, error);
                Some(match left {
                    Some(left) => {
                        let mend = mend_for_state(left).map(|mend| format!("{mend}\n")).unwrap_or_default();
                        format!("Its file stays: {left}\n{mend}{next}")
                    }
                    None => next,
                })
            }
            Self::NotKept { mend, .. } => Some(mend.clone()),
            Self::Unwritten(_) => Some("It was done all the same; do not repeat it.".to_owned()),
            Self::LoginNotKept { name, is_ended: true, .. } => Some(format!(
                "You were logged out again. When it can be kept:\n{}",
                vestry("login").arg(name)
            )),
            Self::LoginNotKept { name, is_ended: false, .. } => Some(format!(
                "It is still open at the server until it expires. When it can be kept:\n{}\nThen end it: {}",
                vestry("login").arg(name),
                vestry("logout --all")
            )),
            Self::State(error) | Self::Servers(ServersError::State(error)) => advice_for_state(error),
            Self::NoServer => Some(HOW_TO_JOIN.to_owned()),
            Self::NotJoined(_) => {
                Some(format!("{HOW_TO_JOIN}\nOr name what to trust: --pin sha256:... or --ca FILE"))
            }
            Self::Field(_) | Self::Address(_) => Some("Correct it in what you typed:".to_owned()),
            Self::Cancelled | Self::InputEnded => Some("Begin again to do it all the same:".to_owned()),
            Self::Output(_) | Self::Terminal(_) | Self::Runtime(_) | Self::Random(_) => {
                Some(CHECK_SYSTEM.to_owned())
            }
            Self::JoinString(_) => {
                Some("Copy the whole line, and paste it when this asks for it:".to_owned())
            }
            Self::Usage(_)
            | Self::Secret(_)
            | Self::Servers(ServersError::Damaged { .. })
            | Self::File(_)
            | Self::Tls(_)
            | Self::OtherAccount { .. }
            | Self::Signal(_) => None,
        }
    }
}

/// Which command comes next.
enum Next {
    /// The words name it.
    InWords,
    /// What was typed, once more.
    Again,
    /// This one.
    Command(Typed),
}

fn next_for_call(error: &CallError) -> Next {
    match error {
        CallError::Wire(wire) => match wire {
            WireError::WrongServer { failure: TrustFailure::PinMismatch, .. } => Next::InWords,
            WireError::WrongServer { .. } | WireError::CertificateRefused => Next::Command(vestry("status")),
            WireError::Protocol(_) => Next::Command(vestry("--version")),
            WireError::Unreachable(_)
            | WireError::LostBeforeSending(_)
            | WireError::LostAfterSending(_)
            | WireError::Request(_) => Next::Again,
        },
        CallError::Refused(refusal) => match refusal.known_code() {
            Some(
                RefusalCode::NameTaken
                | RefusalCode::PasswordsNotTaken
                | RefusalCode::WrongCode
                | RefusalCode::CodeSpent
                | RefusalCode::CodeUsed
                | RefusalCode::NotFound
                | RefusalCode::NotLoggedIn
                | RefusalCode::SessionEnded
                | RefusalCode::Unsure,
            ) => Next::InWords,
            Some(
                RefusalCode::Suspended
                | RefusalCode::Forbidden
                | RefusalCode::OperatorUnknown
                | RefusalCode::OwnCertificate
                | RefusalCode::RegistrationClosed
                | RefusalCode::Internal,
            ) => Next::Command(vestry("status")),
            Some(RefusalCode::Malformed | RefusalCode::Unsupported) => Next::Command(vestry("--version")),
            Some(_) | None => Next::Again,
        },
        CallError::UnexpectedReply | CallError::FactorWanted(_) => Next::Command(vestry("--version")),
        CallError::StretchingOutOfBounds(_) => Next::Command(vestry("status")),
        CallError::Opaque(OpaqueError::Malformed) => Next::Command(vestry("--version")),
        CallError::Opaque(_) => Next::Again,
    }
}

/// What a person does whose session was ended like this.
fn advice_for_ended(name: &str, error: &CallError) -> String {
    let CallError::Refused(refusal) = error else {
        return format!("Log in again: {}", vestry("login").arg(name));
    };
    match refusal.detail() {
        Some(Detail::Ended(Some(Open::Known(SessionEnd::Deleted)))) => format!(
            "Your operator can restore it for some days. To make another account:\n{}",
            vestry("register NAME")
        ),
        Some(Detail::Ended(Some(Open::Known(SessionEnd::Suspended)))) => "Ask your operator.".to_owned(),
        _ => format!("Log in again: {}", vestry("login").arg(name)),
    }
}

fn advice_for_state(error: &StateError) -> Option<String> {
    let mend = mend_for_state(error)?;
    Some(match error {
        // Its words say it already.
        StateError::FolderOfAnother { .. } | StateError::File(FileError::Exposed { .. }) => mend,
        _ => format!("Nothing was sent.\n{mend}"),
    })
}

/// What makes a file of this user usable again, the command in the last line.
pub(crate) fn mend_for_state(error: &StateError) -> Option<String> {
    Some(match error {
        StateError::NoRuntime { is_named: true, .. } => {
            "XDG_RUNTIME_DIR names a folder that takes no file of yours, as after `su`\n\
             without `-`. Leave it out, then try again:\nunset XDG_RUNTIME_DIR"
                .to_owned()
        }
        StateError::NoRuntime { is_named: false, .. } => {
            "Set XDG_RUNTIME_DIR to a folder of yours.".to_owned()
        }
        StateError::FolderOfAnother { owner, .. } => format!(
            "Run it as that user: sudo -u '#{owner}' -i\nor set HOME (and XDG_RUNTIME_DIR) to a folder of yours."
        ),
        StateError::UnsafeFolder(folder) => {
            format!("To make it private:\nchmod 700 {}", shell_path(folder))
        }
        StateError::NotAFolder { path, is_movable: true } => {
            let (from, to) = (shell_path(path), shell_path(&free_name(path, ".old")));
            format!("To move it away:\nmv {from} {to}")
        }
        StateError::ClosedFolder { folder, is_own: true, .. } => {
            format!("To be able to write there:\nchmod u+rwx {}", shell_path(folder))
        }
        StateError::NotAFolder { .. } | StateError::ClosedFolder { .. } => OTHER_FOLDER.to_owned(),
        StateError::File(FileError::Exposed { .. }) => {
            format!("Who could read it could use it. To end that session:\n{}", vestry("logout"))
        }
        // As root leaves it that was once run with this home.
        StateError::File(FileError::OfAnother { path, .. }) => {
            format!("If it is not yours, remove it:\nrm -f {}", shell_path(path))
        }
        StateError::File(FileError::System { path, action: "opened", source })
            if source.kind() == io::ErrorKind::PermissionDenied =>
        {
            format!("If it is not yours, remove it:\nrm -f {}", shell_path(path))
        }
        StateError::File(FileError::System { source, .. }) => match source.kind() {
            io::ErrorKind::ReadOnlyFilesystem => OTHER_FOLDER.to_owned(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "Free some space on that disk, then try again.".to_owned()
            }
            _ => "Look what is there, then try again.".to_owned(),
        },
        StateError::File(_) | StateError::NoHome(_) => return None,
    })
}

fn shell_path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

const OTHER_FOLDER: &str =
    "Name a folder of yours in its place:\nset XDG_CONFIG_HOME, XDG_STATE_HOME or XDG_RUNTIME_DIR.";

const HOW_TO_JOIN: &str = "\
Ask your operator for the join string, then:
vestry join vestry1-...";

const ASK_ABOUT_KEY: &str = "\
Another server may be answering, somebody may sit in between, or the operator
made a new CA. Ask the operator, not over this connection, whether the key was
changed. Only if it was, get the new join string from them and forget the old
pin with: vestry join --replace vestry1-...";

fn advice_for_call(server: &Address, error: &CallError) -> Option<String> {
    match error {
        CallError::Wire(wire) => advice_for_wire(server, wire),
        CallError::Refused(refusal) => advice_for_refusal(refusal).or_else(|| match refusal.retry_after_ms {
            Some(wait) => Some(format!("Try again in {}.", Count::new(wait.div_ceil(1000).max(1), "second"))),
            None => Some("Try again later.".to_owned()),
        }),
        CallError::UnexpectedReply => Some(OTHER_VERSION.to_owned()),
        CallError::FactorWanted(_) => Some(OTHER_VERSION.to_owned()),
        CallError::StretchingOutOfBounds(_) => Some(ASK_ABOUT_STRETCHING.to_owned()),
        CallError::Opaque(error) => advice_for_opaque(*error),
    }
}

fn advice_for_opaque(error: OpaqueError) -> Option<String> {
    let text = match error {
        OpaqueError::NotProven => return Some(wrong_password()),
        OpaqueError::Malformed => OTHER_VERSION,
        OpaqueError::NoMemory => NO_MEMORY,
        OpaqueError::NotStretched => "Close other programs to free more memory, then try again.",
        OpaqueError::NoRandomness(_) => CHECK_SYSTEM,
    };
    Some(text.to_owned())
}

const NO_MEMORY: &str = "\
Nothing of a password was sent. Close other programs, or raise a limit on
memory (ulimit -v), to have 64 MiB free; then try again.";

const ASK_ABOUT_STRETCHING: &str = "\
Ask its operator. Less would make your password cheap to guess for whoever
takes the server's files, and more would only burn this machine. Which it is:";

fn wrong_password() -> String {
    format!(
        "If it is forgotten, ask your operator for a one-time code, then:\n{}\nElse try again.",
        vestry("reset NAME")
    )
}

const CHECK_SYSTEM: &str = "Check the system's resources, then try again.";

const A_GOOD_ONE: &str =
    "Choose another. On a terminal, without --password-stdin and --password-file,\na good one is offered.";

const OTHER_VERSION: &str = "Its version may not fit this program's. To compare the two:";

fn advice_for_wire(server: &Address, error: &WireError) -> Option<String> {
    Some(match error {
        WireError::Unreachable(Unreachable::UnknownHost) => {
            format!("Check the spelling of {}, or try again when the network is up.", server.host())
        }
        WireError::Unreachable(Unreachable::TimedOut(Step::Name)) => {
            "Check this machine's name servers, or try again when the network is up.".to_owned()
        }
        WireError::Unreachable(_) => {
            "Check the address, and that the server runs; then try again.".to_owned()
        }
        WireError::WrongServer { failure, shown } => {
            let shown = match shown {
                Some(Shown::Pin(pin)) => format!(" It shows\n{pin}."),
                Some(Shown::Times(times)) => format!("\n{times}"),
                None => String::new(),
            };
            let advice = match failure {
                TrustFailure::PinMismatch => ASK_ABOUT_KEY,
                TrustFailure::UnknownIssuer => {
                    "Check that --ca names the CA of this server, and ask the operator if its key\nwas changed."
                }
                TrustFailure::WrongName => {
                    "Use the host name of the join string, or ask the operator to add this one."
                }
                TrustFailure::Expired | TrustFailure::NotYetValid => {
                    "If this machine's clock is right, ask the operator to renew the server's\ncertificate."
                }
                TrustFailure::OldTls => "Ask the operator: another program may listen there.",
                TrustFailure::Other => {
                    "Check the host and the port, and that a Vestry server of this version runs\nthere."
                }
            };
            format!("Nothing was sent.{shown}\n{advice}")
        }
        WireError::CertificateRefused => "Ask the operator for a certificate. Which server it is:".to_owned(),
        WireError::LostBeforeSending(_) | WireError::LostAfterSending(_) => "Try again.".to_owned(),
        WireError::Protocol(_) => OTHER_VERSION.to_owned(),
        WireError::Request(_) => "Shorten what you typed.".to_owned(),
    })
}

fn advice_for_refusal(refusal: &Refusal) -> Option<String> {
    let text = match refusal.known_code()? {
        RefusalCode::WrongCredentials => return Some(wrong_password()),
        RefusalCode::NameTaken => {
            return Some(format!("Choose another, or, if it is yours: {}", vestry("login NAME")));
        }
        RefusalCode::BadField => "Correct it and try again.",
        RefusalCode::Suspended
        | RefusalCode::Forbidden
        | RefusalCode::OperatorUnknown
        | RefusalCode::OwnCertificate => "Ask your operator. Which server it is:",
        RefusalCode::RegistrationClosed => "Ask your operator for an account. Which server it is:",
        RefusalCode::PasswordsNotTaken | RefusalCode::WrongCode | RefusalCode::CodeSpent => {
            return Some(format!("Ask your operator for a one-time code, then: {}", vestry("reset NAME")));
        }
        RefusalCode::CodeUsed => {
            return Some(format!("Log in with the new password: {}", vestry("login NAME")));
        }
        RefusalCode::NotFound => {
            return Some(format!("`{}` and `{}` list what there is.", vestry("sessions"), vestry("devices")));
        }
        RefusalCode::NotLoggedIn | RefusalCode::SessionEnded => {
            return Some(format!("Log in again: {}", vestry("login NAME")));
        }
        RefusalCode::Unavailable | RefusalCode::Stopping => {
            "Nothing was changed. Try again later, and tell the operator if it stays so."
        }
        RefusalCode::Internal => "Tell the operator, who finds it in the server's log. Which server it is:",
        RefusalCode::Unsure => return Some(format!("Look before you repeat it: {}", vestry("show"))),
        RefusalCode::Throttled => {
            "Wait, or use a device that has logged in before; your operator can help, too."
        }
        RefusalCode::Malformed | RefusalCode::Unsupported => OTHER_VERSION,
        RefusalCode::NotStarted | RefusalCode::NotProven | RefusalCode::NoFreshLogin => "Try again.",
        RefusalCode::Busy
        | RefusalCode::QueryRefused
        | RefusalCode::QueryLimit
        | RefusalCode::WrongState
        | RefusalCode::NoImport
        | RefusalCode::ImportUnderWay
        | RefusalCode::ImportCount => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests;
