//! Each failure says what comes next, on a screen of 80 columns.

use super::*;
use crate::failure::SecretProblem;
use vestry_client::strength::WeakPassword;
use vestry_protocol::Pin;
use vestry_protocol::fields::PasswordProblem;
use vestry_protocol::user::Stretching;
use vestry_tls::join::JoinStringError;

fn refused(refusal: Refusal) -> Failure {
    Failure::Call { server: "localhost:7443".parse().unwrap(), error: CallError::Refused(refusal) }
}

#[test]
fn every_refusal_says_what_to_do() {
    for code in RefusalCode::ALL {
        assert!(refused(Refusal::new(code, "x")).advice().is_some(), "{code:?}");
    }
    let mut busy = Refusal::new(RefusalCode::Busy, "busy");
    busy.retry_after_ms = Some(1500);
    assert_eq!(refused(busy).advice().as_deref(), Some("Try again in 2 seconds."));
}

#[test]
fn advice_fits_the_screen() {
    let server: Address = "localhost:7443".parse().unwrap();
    let pins = (Pin([1; 32]), Pin([2; 32]));
    let trust = [
        TrustFailure::PinMismatch,
        TrustFailure::UnknownIssuer,
        TrustFailure::WrongName,
        TrustFailure::Expired,
        TrustFailure::NotYetValid,
        TrustFailure::OldTls,
        TrustFailure::Other,
    ];
    let wrong = |failure| WireError::WrongServer { failure, shown: Some(Shown::Pin(pins.0)) };
    let call = |error: WireError| Failure::Call { server: server.clone(), error: error.into() };
    let mut failures: Vec<Failure> = trust.into_iter().map(|failure| call(wrong(failure))).collect();
    failures.extend(RefusalCode::ALL.map(|code| refused(Refusal::new(code, ""))));
    failures.extend([
        Failure::NoServer,
        Failure::NotJoined(server.clone()),
        Failure::NoTerminal("x"),
        Failure::PinChanged { server, known: pins.0, given: pins.1 },
        Failure::Password(PasswordProblem::Common),
        Failure::Weak(WeakPassword::Rule(PasswordProblem::Common)),
        Failure::State(StateError::NoRuntime { problem: String::new(), is_named: true }),
        Failure::State(StateError::NoRuntime { problem: String::new(), is_named: false }),
        Failure::State(StateError::FolderOfAnother { folder: "/x".into(), owner: u32::MAX }),
        Failure::State(StateError::UnsafeFolder("/x".into())),
        Failure::State(StateError::NotAFolder { path: "/x".into(), is_movable: true }),
        Failure::State(StateError::NotAFolder { path: "/dev/null".into(), is_movable: false }),
        Failure::State(FileError::Exposed { path: "/x".into(), mode: 0o644 }.into()),
        Failure::State(
            FileError::System {
                path: "/x".into(),
                action: "made",
                source: io::ErrorKind::StorageFull.into(),
            }
            .into(),
        ),
        Failure::Unwritten(io::ErrorKind::StorageFull.into()),
    ]);
    failures.extend([true, false].map(|is_ended| Failure::LoginNotKept {
        name: "n".repeat(32),
        cause: Box::new(StateError::UnsafeFolder("/x".into())),
        is_ended,
    }));
    let here = |error| Failure::Call { server: "localhost:7443".parse().unwrap(), error };
    let burning = Stretching { memory_kib: u32::MAX, iterations: 1, parallelism: 1 };
    let opaque = [
        CallError::StretchingOutOfBounds(burning),
        OpaqueError::Malformed.into(),
        OpaqueError::NotProven.into(),
        OpaqueError::NoMemory.into(),
        OpaqueError::NotStretched.into(),
    ]
    .map(here);
    assert!(opaque.iter().all(|failure| failure.advice().is_some()));
    failures.extend(opaque);
    for advice in failures.iter().filter_map(Failure::advice) {
        assert!(advice.lines().all(|line| line.chars().count() <= 78), "{advice}");
    }
}

/// A person who has read it knows what to type.
#[test]
fn every_advice_ends_with_a_command() {
    let server: Address = "localhost:7443".parse().unwrap();
    let call = |error: WireError| Failure::Call { server: server.clone(), error: error.into() };
    let mut failures = vec![
        Failure::Usage("x".to_owned()),
        Failure::NoTerminal("x"),
        Failure::Password(PasswordProblem::Common),
        Failure::Weak(WeakPassword::Rule(PasswordProblem::Common)),
        Failure::JoinString(JoinStringError::Incomplete),
        Failure::Address("a b".parse::<Address>().unwrap_err()),
        Failure::BadNumber { of: "session", typed: "x".to_owned() },
        Failure::WrongConfirmation { name: "n".to_owned() },
        Failure::Secret(SecretProblem::NotText),
        Failure::InputEnded,
        Failure::Cancelled,
        Failure::NotLoggedIn(server.clone()),
        Failure::NoServer,
        Failure::Output(io::ErrorKind::StorageFull.into()),
        Failure::OtherAccount { server: server.clone(), name: "n".to_owned() },
        call(WireError::Unreachable(Unreachable::UnknownHost)),
        call(WireError::Unreachable(Unreachable::TimedOut(Step::Name))),
        call(WireError::CertificateRefused),
        call(WireError::WrongServer { failure: TrustFailure::PinMismatch, shown: None }),
        call(WireError::WrongServer { failure: TrustFailure::Expired, shown: None }),
    ];
    failures.extend(RefusalCode::ALL.map(|code| refused(Refusal::new(code, ""))));
    for failure in failures {
        let advice = failure.advice_after(Some("vestry login naman")).unwrap();
        assert!(advice.lines().last().unwrap().contains("vestry "), "{failure}:\n{advice}");
    }
}

#[test]
fn a_hostile_sentence_cannot_drive_the_terminal() {
    let failure = refused(Refusal::new(RefusalCode::NotFound, "\u{1b}[2J\r\ngone"));
    let said = "localhost:7443: nothing was found (\\u{1b}[2J\\r\\ngone)";
    assert_eq!(failure.to_string(), said);
}

#[test]
fn another_key_says_what_to_ask_and_how_to_forget() {
    let error =
        WireError::WrongServer { failure: TrustFailure::PinMismatch, shown: Some(Shown::Pin(Pin([9; 32]))) };
    let failure = Failure::Call { server: "localhost:7443".parse().unwrap(), error: error.into() };
    let advice = failure.advice().unwrap();
    for part in ["Nothing was sent", "sha256:0909", "Ask the operator", "vestry join --replace"] {
        assert!(advice.contains(part), "{part}");
    }
}
