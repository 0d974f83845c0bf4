//! What can go wrong on a connection, split by what a program does about it.

use std::io;
use thiserror::Error;
use vestry_protocol::Pin;
use vestry_protocol::codec::CodecError;
use vestry_protocol::frame::FrameError;
use vestry_tls::trust::{Clocks, TrustFailure, peer_refused_our_certificate, presented_pin};

/// Why a connection could not be made or used.
#[derive(Debug, Error)]
pub enum WireError {
    /// There is no way to the server. Nothing was sent.
    #[error("not reachable: {0}")]
    Unreachable(#[from] Unreachable),
    /// Somebody answered, but not the server that is trusted. Nothing was sent.
    #[error("this is not the server that you trust: {failure}")]
    WrongServer {
        /// In which way.
        failure: TrustFailure,
        /// What it showed.
        shown: Option<Shown>,
    },
    /// The server turned down the certificate that this side showed.
    #[error("the server does not accept your client certificate")]
    CertificateRefused,
    /// The connection broke before the request was sent: it was not done, and asking again is safe.
    #[error("the connection was lost before the request was sent ({})", words(.0))]
    LostBeforeSending(#[source] io::Error),
    /// The connection broke, or the server went silent, after the request was sent: it may or may not have been
    /// done.
    #[error("the connection was lost before the answer came ({})", words(.0))]
    LostAfterSending(#[source] io::Error),
    /// What the server sent is not what this protocol allows.
    #[error("the server broke the protocol: {0}")]
    Protocol(Violation),
    /// The request itself does not fit the protocol. Nothing was sent.
    #[error("the request is too long to be sent: {0}")]
    Request(#[source] CodecError),
}

/// What a server showed that is not the one that is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Another key than the pinned one.
    Pin(Pin),
    /// A certificate that is not valid now.
    Times(Clocks),
}

/// Why there is no way to a server.
#[derive(Debug, Error)]
pub enum Unreachable {
    /// No address belongs to the name.
    #[error("no such host is known")]
    UnknownHost,
    /// Nothing listens there.
    #[error("nothing listens there")]
    Refused,
    /// A step of connecting took too long.
    #[error("{0}")]
    TimedOut(Step),
    /// It hung up during the handshake, as a server with too many connections does.
    #[error("it closed the connection during the handshake")]
    HungUp,
    /// Another reason of the network.
    #[error("{}", words(.0))]
    Network(#[source] io::Error),
}

/// A step of connecting, in words for when it takes too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Step {
    /// From the name to its addresses.
    #[error("its name was not found in time")]
    Name,
    /// Until one of the addresses answers.
    #[error("it does not answer")]
    Tcp,
    /// Until the server has proven who it is.
    #[error("something answers there, and then says nothing")]
    Handshake,
}

/// How a server can break the protocol.
#[derive(Debug, Error)]
pub enum Violation {
    /// It did not agree to speak this protocol.
    #[error("it did not agree to speak Vestry's protocol")]
    NoAlpn,
    /// A frame that is empty or too long.
    #[error(transparent)]
    Frame(FrameError),
    /// A frame that is no reply.
    #[error(transparent)]
    Reply(CodecError),
    /// No greeting where one belongs, or one where none does.
    #[error("it did not greet before its first answer, or greeted again")]
    Greeting,
    /// An answer to something else.
    #[error("it answered request {answered} when request {asked} was asked")]
    WrongId {
        /// The request that waited.
        asked: u64,
        /// The one that was answered.
        answered: u64,
    },
    /// Its TLS connection has no exporter to bind a login to.
    #[error("its TLS connection has nothing that a login could be bound to")]
    NoExporter,
    /// What it sent is not TLS.
    #[error("what it sent is not valid TLS")]
    Tls,
}

impl WireError {
    /// Whether the request certainly did not reach the server, so that asking again cannot do a thing twice.
    #[must_use]
    pub fn was_not_sent(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::LostBeforeSending(_))
    }

    /// Whether the connection broke, before or after the request was sent.
    #[must_use]
    pub fn lost_connection(&self) -> bool {
        matches!(self, Self::LostBeforeSending(_) | Self::LostAfterSending(_))
    }
}

pub(super) fn of_connect(error: io::Error) -> WireError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Unreachable::Refused.into(),
        io::ErrorKind::TimedOut => Unreachable::TimedOut(Step::Tcp).into(),
        _ => Unreachable::Network(error).into(),
    }
}

pub(super) fn of_handshake(error: io::Error) -> WireError {
    if let Some(failure) = TrustFailure::of_io(&error) {
        let pin = presented_pin(&error).map(Shown::Pin);
        return WireError::WrongServer {
            failure,
            shown: pin.or_else(|| Clocks::of_io(&error).map(Shown::Times)),
        };
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            Unreachable::HungUp.into()
        }
        _ => Unreachable::Network(error).into(),
    }
}

pub(super) fn of_send(error: io::Error) -> WireError {
    of_tls(&error).unwrap_or(WireError::LostBeforeSending(error))
}

pub(super) fn of_receive(error: io::Error) -> WireError {
    of_tls(&error).unwrap_or(WireError::LostAfterSending(error))
}

/// With TLS 1.3 a client certificate is judged after the client's handshake, so its refusal comes here.
fn of_tls(error: &io::Error) -> Option<WireError> {
    match peer_refused_our_certificate(error) {
        true => Some(WireError::CertificateRefused),
        false => TrustFailure::of_io(error).map(|_| WireError::Protocol(Violation::Tls)),
    }
}

/// The usual reasons without the system's numbers.
fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the server closed it".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "the server reset it".to_owned(),
        io::ErrorKind::TimedOut => "no answer in time".to_owned(),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "no way to its network".to_owned()
        }
        _ => error.to_string(),
    }
}
