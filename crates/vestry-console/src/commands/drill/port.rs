//! Connections to the user port of the server that the console talks to, from source addresses of the drill's own.

use super::ground::SOURCES;
use crate::failure::Failure;
use crate::settings::Settings;
use rustls::ClientConfig;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use vestry_client::Address;
use vestry_client::wire::{CONNECT_TIMEOUT, Unreachable, Wire, WireError};
use vestry_protocol::USER_ALPN;
use vestry_protocol::secret::SessionToken;
use vestry_protocol::user::{UserCall, UserReply};
use vestry_tls::pem_file::read_certificates;
use vestry_tls::{Trust, config};

/// Connections that a call is asked on before the server counts as gone.
const TRIES_MAX: u32 = 5;

pub(super) type UserWire = Wire<UserCall, UserReply>;

/// The user port, and whether connections can have a source of their own.
pub(super) struct UserPort {
    address: SocketAddr,
    host: String,
    tls: Arc<ClientConfig>,
    /// Held while the drill plays, where connections can have a source of their own.
    turn: Option<UdpSocket>,
}

impl UserPort {
    /// Finds the port on this machine: where the server listens, or on loopback where it listens everywhere. The server has to
    /// have a certificate of the CA that the console trusts, for the host by which the console reached it.
    pub(super) async fn find(listen: &str, settings: &Settings) -> Result<Self, Failure> {
        // Where it listens on several, the first.
        let listen = listen.split(", ").next().unwrap_or_default();
        let listen: SocketAddr = listen.parse().map_err(|_| Failure::UnexpectedReply)?;
        let tls = config::user_client(&Trust::Authority(read_certificates(&settings.ca)?))?;
        let host = settings.address.host().to_owned();
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        let places = match listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => vec![loopback],
            // It takes both as a rule, and only IPv4 has a whole network of loopback addresses.
            IpAddr::V6(ip) if ip.is_unspecified() => vec![loopback, Ipv6Addr::LOCALHOST.into()],
            ip => vec![ip],
        };
        let mut failed = None;
        for ip in places {
            let address = SocketAddr::new(ip, listen.port());
            let own = Some(source(0, 1)).filter(|_| ip.is_ipv4());
            for from in [own, None] {
                match open(address, from).await {
                    Ok(_) => {
                        let turn = from.map(|from| take_turn(from, address.port())).transpose()?;
                        return Ok(Self { address, host, tls, turn });
                    }
                    Err(error) => failed = Some(error),
                }
            }
        }
        let cause = failed.unwrap_or_else(|| io::ErrorKind::NotFound.into());
        let server = shown(listen)?;
        Err(Failure::Wire { server, error: Unreachable::Network(cause).into() })
    }

    /// Returns whether a connection can come from an address below 127.77.0.0/16.
    pub(super) fn has_sources(&self) -> bool {
        self.turn.is_some()
    }

    /// Connects, from a source of the drill's own where that is possible.
    pub(super) async fn connect(&self, from: Ipv4Addr) -> Result<UserWire, Failure> {
        let from = Some(from).filter(|_| self.has_sources());
        let opened = open(self.address, from).await.map_err(|error| Unreachable::Network(error).into());
        let opened = opened.map_err(|error| self.lost(error))?;
        let shaken = Wire::over(opened, &self.host, self.tls.clone(), USER_ALPN).await;
        shaken.map_err(|error| self.lost(error))
    }

    /// Returns the failure of a connection, with its server.
    pub(super) fn lost(&self, error: WireError) -> Failure {
        match shown(self.address) {
            Ok(server) => Failure::Wire { server, error },
            Err(failure) => failure,
        }
    }
}

/// Returns an address of a network of the drill.
pub(super) fn source(network: u8, host: u8) -> Ipv4Addr {
    let [a, b] = SOURCES;
    Ipv4Addr::new(a, b, network, host)
}

/// Takes what only one drill against a server can have, and what ends with its process whatever happens: two would fill each
/// other's lanes, and open them. No datagram is sent or read.
fn take_turn(from: Ipv4Addr, port: u16) -> Result<UdpSocket, Failure> {
    UdpSocket::bind((from, port)).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Failure::DrillUnderWay,
        _ => Failure::Drill(format!("no socket at {from}: {error}")),
    })
}

async fn open(address: SocketAddr, from: Option<Ipv4Addr>) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(from) = from {
        socket.bind(SocketAddr::new(from.into(), 0))?;
    }
    let connected = timeout(CONNECT_TIMEOUT, socket.connect(address)).await;
    let connected = connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    connected.set_nodelay(true)?;
    Ok(connected)
}

fn shown(address: SocketAddr) -> Result<Address, Failure> {
    Address::new(&address.ip().to_string(), address.port()).map_err(|_| Failure::UnexpectedReply)
}

/// One connection of a player. It connects again when the server ends it, as it does with one that does not log in.
pub(super) struct Line {
    port: Arc<UserPort>,
    from: Ipv4Addr,
    /// A session that each connection resumes first.
    session: Option<SessionToken>,
    wire: UserWire,
    /// Whether the first half of an exchange was answered and its second was not sent.
    pub(super) is_half_open: bool,
}

impl Line {
    pub(super) async fn open(
        port: Arc<UserPort>,
        from: Ipv4Addr,
        session: Option<SessionToken>,
    ) -> Result<Self, Failure> {
        let wire = port.connect(from).await?;
        let mut line = Self { port, from, session, wire, is_half_open: false };
        line.resume().await?;
        Ok(line)
    }

    /// Ends the connection, with whatever is half open on it, and makes another.
    pub(super) async fn reopen(&mut self) -> Result<(), Failure> {
        self.wire = self.port.connect(self.from).await?;
        self.is_half_open = false;
        self.resume().await
    }

    /// Asks, on a new connection when this one is gone.
    pub(super) async fn ask(&mut self, call: &UserCall) -> Result<UserReply, Failure> {
        let mut tries = 1;
        loop {
            match self.wire.call(call).await {
                // On a busy machine the next one may be as old as it may become before it has asked.
                Err(WireError::LostBeforeSending(_) | WireError::LostAfterSending(_))
                    if tries < TRIES_MAX =>
                {
                    tries += 1;
                    self.reopen().await?;
                }
                answered => return answered.map_err(|error| self.port.lost(error)),
            }
        }
    }

    async fn resume(&mut self) -> Result<(), Failure> {
        let Some(token) = &self.session else { return Ok(()) };
        let call = UserCall::ResumeSession { token: SessionToken::from_bytes(*token.expose_secret()) };
        match self.wire.call(call).await.map_err(|error| self.port.lost(error))? {
            UserReply::SessionResumed { .. } => Ok(()),
            UserReply::Refused(refusal) => Err(Failure::Refused(refusal)),
            _ => Err(Failure::UnexpectedReply),
        }
    }
}
