//! Which exit code a failure of this program has. What the numbers mean is in `vestry_terminal::exit`.

use crate::failure::{Failure, Said};
use crate::reader::ReadError;
use vestry_client::WireError;
use vestry_terminal::Exit;

/// The exit code of a failure.
pub(crate) fn exit_for(failure: &Failure) -> Exit {
    match failure {
        Failure::Usage(_) => Exit::Usage,
        Failure::Field(_)
        | Failure::Time(_)
        | Failure::BadData(_)
        | Failure::Mistake(_)
        | Failure::NotConfirmed { .. }
        | Failure::Audit(_)
        | Failure::LimitsExceeded { .. }
        | Failure::Rows(ReadError::Endless { .. } | ReadError::Header { .. })
        | Failure::BadRows { .. } => Exit::BadData,
        Failure::Settings(_)
        | Failure::SettingsKept(_)
        | Failure::Tls(_)
        | Failure::Runtime(_)
        | Failure::Drill(_) => Exit::Configuration,
        Failure::Wire { error, .. } => match error {
            WireError::Unreachable(_) | WireError::LostBeforeSending(_) | WireError::LostAfterSending(_) => {
                Exit::Unreachable
            }
            WireError::WrongServer { .. } | WireError::Protocol(_) => Exit::WrongServer,
            WireError::CertificateRefused => Exit::Refused,
            WireError::Request(_) => Exit::BadData,
        },
        Failure::Unsure { .. } => Exit::BrokeOff,
        Failure::Refused(refusal) => Exit::of_refusal(refusal),
        Failure::UnexpectedReply => Exit::WrongServer,
        Failure::Output(error) => Exit::of_output(error),
        // With a way to mend it, what was not told is a code, which its reader cannot have seen enough of.
        Failure::Untold { said: Said { mend: None, .. }, cause } => Exit::of_output(cause),
        Failure::Untold { .. }
        | Failure::NotWritten { .. }
        | Failure::NewFile(_)
        | Failure::Input(_)
        | Failure::Rows(ReadError::Input(_))
        | Failure::Terminal(_) => Exit::Output,
        Failure::DrillUnderWay => Exit::TryLater,
        Failure::LeftBehind { cause, .. } => exit_for(cause),
        Failure::Interrupted | Failure::Signal(_) => Exit::Interrupted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use vestry_client::wire::{Unreachable, Violation};
    use vestry_protocol::item::Item;
    use vestry_protocol::refusal::{Refusal, RefusalCode};
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
            RefusalCode::Throttled => 75,
            RefusalCode::Unsupported => 76,
            RefusalCode::PasswordsNotTaken => 77,
            RefusalCode::NotStarted => 77,
            RefusalCode::NotProven => 77,
            RefusalCode::WrongCode => 77,
            RefusalCode::CodeSpent => 77,
            RefusalCode::CodeUsed => 77,
            RefusalCode::NoFreshLogin => 77,
            RefusalCode::OperatorUnknown => 77,
            RefusalCode::Stopping => 75,
            RefusalCode::Unsure => 70,
            RefusalCode::NoImport => 77,
            RefusalCode::ImportUnderWay => 77,
            RefusalCode::ImportCount => 65,
            RefusalCode::OwnCertificate => 77,
        };
        for code in RefusalCode::ALL {
            let failure = Failure::Refused(Refusal::new(code, "no"));
            assert_eq!(exit_for(&failure) as u8, expected(code), "{code:?}");
        }
        let newer = Refusal {
            code: Item { number: 999, content: Vec::new() },
            message: String::new(),
            retry_after_ms: None,
        };
        assert_eq!(exit_for(&Failure::Refused(newer)), Exit::Refused);
    }

    #[test]
    fn every_failure_of_the_connection_has_its_code() {
        let io = || io::Error::from(io::ErrorKind::ConnectionReset);
        let wrong = WireError::WrongServer { failure: TrustFailure::UnknownIssuer, shown: None };
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
