//! Why a handshake failed, in the few kinds that a program tells its user apart.

use crate::verifier::PinMismatch;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};
use std::error::Error as StdError;
use std::fmt;
use std::io;
use vestry_protocol::calendar::rfc3339;
use vestry_protocol::{Pin, UnixSeconds};

/// Why the other side is not the one that was meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrustFailure {
    /// No certificate that it showed has the pinned key.
    PinMismatch,
    /// Its certificate is signed by somebody who is not trusted.
    UnknownIssuer,
    /// Its certificate is for another host.
    WrongName,
    /// Its certificate has expired.
    Expired,
    /// Its certificate is not valid yet.
    NotYetValid,
    /// It speaks TLS, and no version that is taken here.
    OldTls,
    /// Anything else, as a peer that does not speak this protocol.
    Other,
}

impl TrustFailure {
    /// The kind of a TLS error.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        if let Error::InvalidCertificate(problem) = error {
            return Self::of_certificate(problem);
        }
        if let Error::Other(other) = error
            && other.0.is::<PinMismatch>()
        {
            return Self::PinMismatch;
        }
        match error {
            Error::AlertReceived(AlertDescription::ProtocolVersion)
            | Error::PeerIncompatible(
                PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                | PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::SupportedVersionsExtensionRequired,
            ) => Self::OldTls,
            _ => Self::Other,
        }
    }

    /// The kind of an I/O error, when TLS is behind it and not the network.
    #[must_use]
    pub fn of_io(error: &io::Error) -> Option<Self> {
        tls_error_of(error).map(Self::of)
    }

    fn of_certificate(problem: &CertificateError) -> Self {
        use CertificateError as E;
        let is = |kinds: bool, kind: Self| kinds.then_some(kind);
        is(matches!(problem, E::Expired | E::ExpiredContext { .. }), Self::Expired)
            .or(is(matches!(problem, E::NotValidYet | E::NotValidYetContext { .. }), Self::NotYetValid))
            .or(is(matches!(problem, E::NotValidForName | E::NotValidForNameContext { .. }), Self::WrongName))
            .or(is(matches!(problem, E::UnknownIssuer | E::BadSignature), Self::UnknownIssuer))
            .unwrap_or(Self::Other)
    }
}

impl fmt::Display for TrustFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PinMismatch => "it does not have the key that was pinned",
            Self::UnknownIssuer => "its certificate was signed by somebody who is not trusted here",
            Self::WrongName => "its certificate is for another host",
            Self::Expired => "its certificate has expired",
            Self::NotYetValid => "its certificate is not valid yet",
            Self::OldTls => "it speaks only older versions of TLS, and 1.3 is needed",
            Self::Other => "it does not speak this protocol as a Vestry server does",
        })
    }
}

/// The pin that the other side presented in place of the pinned one, if that is why a handshake failed.
#[must_use]
pub fn presented_pin(error: &io::Error) -> Option<Pin> {
    let Some(Error::Other(other)) = tls_error_of(error) else { return None };
    other.0.downcast_ref::<PinMismatch>().and_then(|mismatch| mismatch.presented)
}

/// The two times by which a certificate is not valid: a wrong clock is told by them from a certificate that was not renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clocks {
    /// It ended before now.
    Ended {
        /// The end.
        at: UnixSeconds,
        /// What the clock here says.
        now: UnixSeconds,
    },
    /// It begins after now.
    Begins {
        /// The beginning.
        at: UnixSeconds,
        /// What the clock here says.
        now: UnixSeconds,
    },
}

impl Clocks {
    /// Those behind an I/O error, if they are why a handshake failed.
    #[must_use]
    pub fn of_io(error: &io::Error) -> Option<Self> {
        let Some(Error::InvalidCertificate(problem)) = tls_error_of(error) else { return None };
        let seconds = |time: &UnixTime| i64::try_from(time.as_secs()).map(UnixSeconds::from_seconds).ok();
        match problem {
            CertificateError::ExpiredContext { time, not_after } => {
                Some(Self::Ended { at: seconds(not_after)?, now: seconds(time)? })
            }
            CertificateError::NotValidYetContext { time, not_before } => {
                Some(Self::Begins { at: seconds(not_before)?, now: seconds(time)? })
            }
            _ => None,
        }
    }
}

impl fmt::Display for Clocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, at, now) = match self {
            Self::Ended { at, now } => ("ended", at, now),
            Self::Begins { at, now } => ("begins", at, now),
        };
        let text = |time: &UnixSeconds| rfc3339(*time).unwrap_or_else(|| time.seconds().to_string());
        write!(f, "The certificate {what} at {}; here it is {}.", text(at), text(now))
    }
}

/// Whether the other side turned down the certificate that this side showed, or asked for one in vain.
#[must_use]
pub fn peer_refused_our_certificate(error: &io::Error) -> bool {
    use AlertDescription as A;
    let Some(Error::AlertReceived(alert)) = tls_error_of(error) else { return false };
    matches!(
        alert,
        A::CertificateRequired
            | A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::UnknownCA
            | A::AccessDenied
            | A::DecryptError
    )
}

/// The TLS error behind an I/O error, however deep.
fn tls_error_of(error: &io::Error) -> Option<&Error> {
    let mut next: Option<&(dyn StdError + 'static)> = error.get_ref().map(|inner| inner as _);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref::<Error>() {
            return Some(found);
        }
        // The source of an I/O error is that of what it wraps, so what it wraps has to be asked for.
        next = match current.downcast_ref::<io::Error>() {
            Some(wrapping) => wrapping.get_ref().map(|inner| inner as _),
            None => current.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::OtherError;
    use std::sync::Arc;

    #[test]
    fn a_network_error_is_not_a_matter_of_trust() {
        assert_eq!(TrustFailure::of_io(&io::Error::from(io::ErrorKind::ConnectionReset)), None);
        assert_eq!(TrustFailure::of_io(&io::Error::other("anything")), None);
    }

    #[test]
    fn the_pin_is_found_however_deep_it_lies() {
        let presented = Some(Pin([7; 32]));
        let mismatch = Error::Other(OtherError(Arc::new(PinMismatch { presented })));
        let inner = io::Error::new(io::ErrorKind::InvalidData, mismatch);
        let outer = io::Error::other(inner);
        assert_eq!(TrustFailure::of_io(&outer), Some(TrustFailure::PinMismatch));
        assert_eq!(presented_pin(&outer), presented);
    }

    #[test]
    fn certificate_errors_have_their_kinds() {
        let cases = [
            (CertificateError::Expired, TrustFailure::Expired),
            (CertificateError::NotValidYet, TrustFailure::NotYetValid),
            (CertificateError::NotValidForName, TrustFailure::WrongName),
            (CertificateError::UnknownIssuer, TrustFailure::UnknownIssuer),
            (CertificateError::BadSignature, TrustFailure::UnknownIssuer),
            (CertificateError::Revoked, TrustFailure::Other),
        ];
        for (problem, kind) in cases {
            assert_eq!(TrustFailure::of(&Error::InvalidCertificate(problem)), kind);
        }
        assert_eq!(TrustFailure::of(&Error::NoApplicationProtocol), TrustFailure::Other);
    }

    #[test]
    fn being_turned_down_is_told_from_turning_down() {
        let alert = |which| io::Error::new(io::ErrorKind::InvalidData, Error::AlertReceived(which));
        assert!(peer_refused_our_certificate(&alert(AlertDescription::CertificateRequired)));
        assert!(peer_refused_our_certificate(&alert(AlertDescription::UnknownCA)));
        assert!(!peer_refused_our_certificate(&alert(AlertDescription::NoApplicationProtocol)));
        assert!(!peer_refused_our_certificate(&io::Error::from(io::ErrorKind::BrokenPipe)));
    }
}
