//! Which exit code a failure has. The numbers are a contract with scripts; this is the only place that names them.

use super::failure::Failure;
use std::io;
use std::process::ExitCode;
use vestry_client::opaque::OpaqueError;
use vestry_client::{CallError, WireError};
use vestry_protocol::refusal::{Refusal, RefusalCode};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// As it should.
    Done = 0,
    /// What was typed makes no sense.
    Usage = 2,
    /// A name, a field, a password or a code that breaks its rule.
    BadData = 65,
    /// No server, or none any more.
    Unreachable = 69,
    /// The answer could not be written.
    Output = 74,
    /// Later it may work.
    TryLater = 75,
    /// Another server, or one that does not keep to the protocol.
    WrongServer = 76,
    /// The server said no.
    Refused = 77,
    /// Files or environment of this user.
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

/// The exit code of a failure.
pub(crate) fn exit_for(failure: &Failure) -> Exit {
    match failure {
        Failure::Usage(_) | Failure::NoTerminal(_) => Exit::Usage,
        Failure::Field(_)
        | Failure::Password(_)
        | Failure::JoinString(_)
        | Failure::Address(_)
        | Failure::BadSessionId(_)
        | Failure::WrongConfirmation { .. }
        | Failure::Secret(_)
        | Failure::InputEnded
        | Failure::Cancelled => Exit::BadData,
        Failure::Call { error, .. } => exit_for_call(error),
        Failure::Unsure { .. } => Exit::Unreachable,
        Failure::PinChanged { .. } => Exit::WrongServer,
        Failure::NotLoggedIn(_) | Failure::SessionEnded(_) => Exit::Refused,
        Failure::NoServer
        | Failure::NotJoined(_)
        | Failure::State(_)
        | Failure::File(_)
        | Failure::Tls(_)
        | Failure::Random(_)
        | Failure::Runtime(_) => Exit::Configuration,
        Failure::Output(error) => match error.kind() {
            // Whoever read the answer has seen enough of it.
            io::ErrorKind::BrokenPipe => Exit::Done,
            _ => Exit::Output,
        },
        Failure::Terminal(_) => Exit::Output,
        Failure::Interrupted => Exit::Interrupted,
    }
}

fn exit_for_call(error: &CallError) -> Exit {
    match error {
        CallError::Wire(wire) => exit_for_wire(wire),
        CallError::Refused(refusal) => exit_for_refusal(refusal),
        CallError::UnexpectedReply | CallError::StretchingOutOfBounds(_) => Exit::WrongServer,
        CallError::Opaque(error) => exit_for_opaque(*error),
        CallError::Random(_) => Exit::Configuration,
    }
}

fn exit_for_opaque(error: OpaqueError) -> Exit {
    match error {
        OpaqueError::NotProven => Exit::Refused,
        OpaqueError::Malformed => Exit::WrongServer,
        OpaqueError::NotStretched => Exit::Configuration,
    }
}

fn exit_for_wire(error: &WireError) -> Exit {
    match error {
        WireError::Unreachable(_) | WireError::LostBeforeSending(_) | WireError::LostAfterSending(_) => {
            Exit::Unreachable
        }
        WireError::WrongServer { .. } | WireError::Protocol(_) => Exit::WrongServer,
        WireError::CertificateRefused => Exit::Refused,
        WireError::Request(_) => Exit::BadData,
    }
}

fn exit_for_refusal(refusal: &Refusal) -> Exit {
    // A code that is newer than this program is still a refusal.
    refusal.known_code().map_or(Exit::Refused, exit_for_code)
}

fn exit_for_code(code: RefusalCode) -> Exit {
    match code {
        RefusalCode::BadField | RefusalCode::PasswordRefused => Exit::BadData,
        RefusalCode::Internal => Exit::Unreachable,
        RefusalCode::Busy | RefusalCode::Unavailable => Exit::TryLater,
        RefusalCode::Malformed => Exit::WrongServer,
        RefusalCode::NotLoggedIn
        | RefusalCode::WrongCredentials
        | RefusalCode::SessionEnded
        | RefusalCode::NameTaken
        | RefusalCode::Suspended
        | RefusalCode::NotFound
        | RefusalCode::Forbidden
        | RefusalCode::QueryRefused
        | RefusalCode::QueryLimit
        | RefusalCode::RegistrationClosed
        | RefusalCode::WrongState => Exit::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestry_client::Address;
    use vestry_client::wire::{Unreachable, Violation};
    use vestry_protocol::user::Stretching;
    use vestry_tls::{Pin, TrustFailure};

    fn server() -> Address {
        "localhost:7443".parse().unwrap()
    }

    fn of_wire(error: WireError) -> Exit {
        exit_for(&Failure::Call { server: server(), error: error.into() })
    }

    #[test]
    fn every_refusal_has_its_exit_code() {
        let expected = [
            (RefusalCode::Malformed, 76),
            (RefusalCode::BadField, 65),
            (RefusalCode::NotLoggedIn, 77),
            (RefusalCode::WrongCredentials, 77),
            (RefusalCode::SessionEnded, 77),
            (RefusalCode::NameTaken, 77),
            (RefusalCode::PasswordRefused, 65),
            (RefusalCode::Suspended, 77),
            (RefusalCode::NotFound, 77),
            (RefusalCode::Busy, 75),
            (RefusalCode::Forbidden, 77),
            (RefusalCode::Unavailable, 75),
            (RefusalCode::Internal, 69),
            (RefusalCode::QueryRefused, 77),
            (RefusalCode::QueryLimit, 77),
            (RefusalCode::RegistrationClosed, 77),
            (RefusalCode::WrongState, 77),
        ];
        assert_eq!(expected.map(|(code, _)| code), RefusalCode::ALL);
        for (code, exit) in expected {
            let error = CallError::Refused(Refusal::new(code, ""));
            assert_eq!(exit_for(&Failure::Call { server: server(), error }) as u8, exit, "{code:?}");
        }
        let unknown = Refusal { code: 999, message: String::new(), retry_after_ms: None };
        let failure = Failure::Call { server: server(), error: CallError::Refused(unknown) };
        assert_eq!(exit_for(&failure) as u8, 77);
    }

    #[test]
    fn every_failure_of_a_connection_has_its_exit_code() {
        let lost = || io::Error::from(io::ErrorKind::UnexpectedEof);
        for failure in [TrustFailure::PinMismatch, TrustFailure::Expired, TrustFailure::Other] {
            assert_eq!(of_wire(WireError::WrongServer { failure, presented: None }) as u8, 76);
        }
        assert_eq!(of_wire(WireError::Unreachable(Unreachable::Refused)) as u8, 69);
        assert_eq!(of_wire(WireError::LostBeforeSending(lost())) as u8, 69);
        assert_eq!(of_wire(WireError::LostAfterSending(lost())) as u8, 69);
        assert_eq!(of_wire(WireError::Protocol(Violation::NoAlpn)) as u8, 76);
        let failure = Failure::Call { server: server(), error: CallError::UnexpectedReply };
        assert_eq!(exit_for(&failure) as u8, 76);
    }

    #[test]
    fn every_failure_of_opaque_has_its_exit_code() {
        let burning = Stretching { memory_kib: u32::MAX, iterations: 1, parallelism: 1 };
        let cases = [
            (CallError::StretchingOutOfBounds(burning), 76),
            (OpaqueError::Malformed.into(), 76),
            (OpaqueError::NotProven.into(), 77),
            (OpaqueError::NotStretched.into(), 78),
        ];
        for (error, exit) in cases {
            assert_eq!(exit_for(&Failure::Call { server: server(), error }) as u8, exit);
        }
    }

    #[test]
    fn what_is_wrong_on_this_side_has_its_exit_code() {
        let pins = (Pin([1; 32]), Pin([2; 32]));
        let cases = [
            (Failure::Usage(String::new()), 2),
            (Failure::NoTerminal("a password"), 2),
            (Failure::BadSessionId(String::new()), 65),
            (Failure::Cancelled, 65),
            (Failure::NoServer, 78),
            (Failure::NotJoined(server()), 78),
            (Failure::PinChanged { server: server(), known: pins.0, given: pins.1 }, 76),
            (Failure::NotLoggedIn(server()), 77),
            (Failure::SessionEnded("naman".to_owned()), 77),
            (Failure::Output(io::ErrorKind::BrokenPipe.into()), 0),
            (Failure::Output(io::ErrorKind::StorageFull.into()), 74),
            (Failure::Interrupted, 130),
        ];
        for (failure, exit) in cases {
            assert_eq!(exit_for(&failure) as u8, exit, "{failure:?}");
        }
    }
}
