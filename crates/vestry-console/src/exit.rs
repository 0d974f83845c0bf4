//! Which exit code a failure has. The numbers are a contract with scripts; this is the only place that names them.

use crate::failure::Failure;
use std::io;
use std::process::ExitCode;
use vestry_client::wire::WireError;
use vestry_protocol::refusal::{Refusal, RefusalCode};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// As it should.
    Done = 0,
    /// What was typed makes no sense.
    Usage = 2,
    /// A name, a field, a time or SQL that breaks its rule.
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
    /// Files or environment of this operator.
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
        Failure::Usage(_) => Exit::Usage,
        Failure::Field(_) | Failure::Time(_) | Failure::BadData(_) | Failure::NotConfirmed { .. } => {
            Exit::BadData
        }
        Failure::Settings(_) | Failure::Tls(_) | Failure::Runtime(_) => Exit::Configuration,
        Failure::Wire { error, .. } => exit_for_wire(error),
        Failure::Unsure { .. } => Exit::Unreachable,
        Failure::Refused(refusal) => exit_for_refusal(refusal),
        Failure::UnexpectedReply => Exit::WrongServer,
        // Whoever read the answer has seen enough of it.
        Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Failure::Output(_) | Failure::Input(_) | Failure::Terminal(_) => Exit::Output,
        Failure::Interrupted => Exit::Interrupted,
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
        RefusalCode::BadField
        | RefusalCode::PasswordRefused
        | RefusalCode::QueryRefused
        | RefusalCode::QueryLimit => Exit::BadData,
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
        | RefusalCode::RegistrationClosed
        | RefusalCode::WrongState => Exit::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestry_client::wire::{Unreachable, Violation};
    use vestry_tls::TrustFailure;

    #[test]
    fn every_refusal_has_its_code() {
        let expected = |code| match code {
            RefusalCode::Malformed => 76,
            RefusalCode::BadField => 65,
            RefusalCode::NotLoggedIn => 77,
            RefusalCode::WrongCredentials => 77,
            RefusalCode::SessionEnded => 77,
            RefusalCode::NameTaken => 77,
            RefusalCode::PasswordRefused => 65,
            RefusalCode::Suspended => 77,
            RefusalCode::NotFound => 77,
            RefusalCode::Busy => 75,
            RefusalCode::Forbidden => 77,
            RefusalCode::Unavailable => 75,
            RefusalCode::Internal => 69,
            RefusalCode::QueryRefused => 65,
            RefusalCode::QueryLimit => 65,
            RefusalCode::RegistrationClosed => 77,
            RefusalCode::WrongState => 77,
        };
        for code in RefusalCode::ALL {
            let failure = Failure::Refused(Refusal::new(code, "no"));
            assert_eq!(exit_for(&failure) as u8, expected(code), "{code:?}");
        }
        let newer = Refusal { code: 999, message: String::new(), retry_after_ms: None };
        assert_eq!(exit_for(&Failure::Refused(newer)), Exit::Refused);
    }

    #[test]
    fn every_failure_of_the_connection_has_its_code() {
        let io = || io::Error::from(io::ErrorKind::ConnectionReset);
        let wrong = WireError::WrongServer { failure: TrustFailure::UnknownIssuer, presented: None };
        let cases = [
            (WireError::Unreachable(Unreachable::Refused), 69),
            (WireError::LostBeforeSending(io()), 69),
            (WireError::LostAfterSending(io()), 69),
            (wrong, 76),
            (WireError::Protocol(Violation::NoAlpn), 76),
            (WireError::CertificateRefused, 77),
        ];
        for (error, code) in cases {
            let server = "localhost:7444".parse().unwrap();
            assert_eq!(exit_for(&Failure::Wire { server, error }) as u8, code);
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let broken = Failure::Output(io::ErrorKind::BrokenPipe.into());
        assert_eq!(exit_for(&broken), Exit::Done);
        assert_eq!(exit_for(&Failure::Output(io::ErrorKind::StorageFull.into())), Exit::Output);
    }
}
