//! Which exit code a failure of this program has. What the numbers mean is in `vestry_terminal::exit`.

use crate::failure::Failure;
use vestry_client::{CallError, WireError};
use vestry_opaque::OpaqueError;
use vestry_terminal::Exit;

/// The exit code of a failure.
pub(crate) fn exit_for(failure: &Failure) -> Exit {
    match failure {
        Failure::Usage(_) | Failure::NoTerminal(_) => Exit::Usage,
        Failure::Field(_)
        | Failure::Password(_)
        | Failure::Weak(_)
        | Failure::JoinString(_)
        | Failure::Address(_)
        | Failure::BadNumber { .. }
        | Failure::WrongConfirmation { .. }
        | Failure::Secret(_)
        | Failure::InputEnded
        | Failure::Cancelled => Exit::BadData,
        Failure::Call { error, .. } => match error {
            CallError::Wire(wire) => match wire {
                WireError::Unreachable(_)
                | WireError::LostBeforeSending(_)
                | WireError::LostAfterSending(_) => Exit::Unreachable,
                WireError::WrongServer { .. } | WireError::Protocol(_) => Exit::WrongServer,
                WireError::CertificateRefused => Exit::Refused,
                WireError::Request(_) => Exit::BadData,
            },
            CallError::Refused(refusal) => Exit::of_refusal(refusal),
            CallError::UnexpectedReply | CallError::StretchingOutOfBounds(_) => Exit::WrongServer,
            CallError::FactorWanted(_) | CallError::Opaque(OpaqueError::NotProven) => Exit::Refused,
            CallError::Opaque(OpaqueError::Malformed) => Exit::WrongServer,
            CallError::Opaque(
                OpaqueError::NoMemory | OpaqueError::NotStretched | OpaqueError::NoRandomness(_),
            ) => Exit::Configuration,
        },
        Failure::Unsure { .. } => Exit::BrokeOff,
        Failure::PinChanged { .. } => Exit::WrongServer,
        Failure::NotLoggedIn(_) | Failure::SessionEnded { .. } | Failure::OtherAccount { .. } => {
            Exit::Refused
        }
        Failure::NoServer
        | Failure::NoRoom(_)
        | Failure::NotJoined(_)
        | Failure::State(_)
        | Failure::Servers(_)
        | Failure::File(_)
        | Failure::Tls(_)
        | Failure::Random(_)
        | Failure::Runtime(_) => Exit::Configuration,
        Failure::Output(error) | Failure::Unwritten(error) => Exit::of_output(error),
        Failure::Terminal(_) | Failure::NotKept { .. } | Failure::LoginNotKept { .. } => Exit::Output,
        Failure::Signal(_) => Exit::Interrupted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use vestry_client::Address;
    use vestry_client::state::StateError;
    use vestry_client::wire::{Unreachable, Violation};
    use vestry_protocol::Pin;
    use vestry_protocol::item::Item;
    use vestry_protocol::refusal::{Refusal, RefusalCode};
    use vestry_protocol::user::Stretching;
    use vestry_terminal::Signal;
    use vestry_tls::TrustFailure;

    fn server() -> Address {
        "localhost:7443".parse().unwrap()
    }

    fn of_wire(error: WireError) -> Exit {
        exit_for(&Failure::Call { server: server(), error: error.into() })
    }

    #[test]
    fn every_refusal_has_its_exit_code() {
        let expected = [
            (RefusalCode::Unsupported, 76),
            (RefusalCode::Malformed, 76),
            (RefusalCode::BadField, 65),
            (RefusalCode::NotLoggedIn, 77),
            (RefusalCode::WrongCredentials, 77),
            (RefusalCode::SessionEnded, 77),
            (RefusalCode::NameTaken, 77),
            (RefusalCode::PasswordsNotTaken, 77),
            (RefusalCode::Suspended, 77),
            (RefusalCode::NotFound, 77),
            (RefusalCode::Busy, 75),
            (RefusalCode::Forbidden, 77),
            (RefusalCode::Unavailable, 75),
            (RefusalCode::Internal, 69),
            (RefusalCode::QueryRefused, 65),
            (RefusalCode::QueryLimit, 65),
            (RefusalCode::RegistrationClosed, 77),
            (RefusalCode::WrongState, 77),
            (RefusalCode::Throttled, 75),
            (RefusalCode::NotStarted, 77),
            (RefusalCode::NotProven, 77),
            (RefusalCode::WrongCode, 77),
            (RefusalCode::CodeSpent, 77),
            (RefusalCode::CodeUsed, 77),
            (RefusalCode::NoFreshLogin, 77),
            (RefusalCode::OperatorUnknown, 77),
            (RefusalCode::Stopping, 75),
            (RefusalCode::Unsure, 70),
            (RefusalCode::NoImport, 77),
            (RefusalCode::ImportUnderWay, 77),
            (RefusalCode::ImportCount, 65),
            (RefusalCode::OwnCertificate, 77),
        ];
        assert_eq!(expected.map(|(code, _)| code), RefusalCode::ALL);
        for (code, exit) in expected {
            let error = CallError::Refused(Refusal::new(code, ""));
            assert_eq!(exit_for(&Failure::Call { server: server(), error }) as u8, exit, "{code:?}");
        }
        let unknown = Refusal {
            code: Item { number: 999, content: Vec::new() },
            message: String::new(),
            retry_after_ms: None,
        };
        let failure = Failure::Call { server: server(), error: CallError::Refused(unknown) };
        assert_eq!(exit_for(&failure) as u8, 77);
    }

    #[test]
    fn every_failure_of_a_connection_has_its_exit_code() {
        let lost = || io::Error::from(io::ErrorKind::UnexpectedEof);
        for failure in [TrustFailure::PinMismatch, TrustFailure::Expired, TrustFailure::Other] {
            assert_eq!(of_wire(WireError::WrongServer { failure, shown: None }) as u8, 76);
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
            (OpaqueError::NoMemory.into(), 78),
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
            (Failure::BadNumber { of: "device", typed: String::new() }, 65),
            (Failure::Cancelled, 65),
            (Failure::NoServer, 78),
            (Failure::NotJoined(server()), 78),
            (Failure::PinChanged { server: server(), known: pins.0, given: pins.1 }, 76),
            (Failure::NotLoggedIn(server()), 77),
            (
                Failure::SessionEnded {
                    name: "naman".to_owned(),
                    error: CallError::Refused(Refusal::new(RefusalCode::SessionEnded, "")),
                    left: None,
                },
                77,
            ),
            (
                Failure::NotKept {
                    what: "",
                    cause: Box::new(Failure::NotLoggedIn(server())),
                    mend: String::new(),
                },
                74,
            ),
            (
                Failure::LoginNotKept {
                    name: String::new(),
                    cause: Box::new(StateError::UnsafeFolder("/x".into())),
                    is_ended: true,
                },
                74,
            ),
            (Failure::Unwritten(io::ErrorKind::StorageFull.into()), 74),
            (Failure::Output(io::ErrorKind::BrokenPipe.into()), 0),
            (Failure::Output(io::ErrorKind::StorageFull.into()), 74),
            (Failure::Signal(Signal::INT), 130),
        ];
        for (failure, exit) in cases {
            assert_eq!(exit_for(&failure) as u8, exit, "{failure:?}");
        }
    }
}
