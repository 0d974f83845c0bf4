//! Connections from several source addresses of this machine, so that no limit for one source decides a run, and with
//! the TLS of `vestry-tls`: every peer meets the same client.

use crate::failure::Failure;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use vestry_tls::{Trust, config, pem_file};

/// A TLS connection of a client.
pub type Stream = TlsStream<TcpStream>;

/// Nobody waits longer for a connection or an answer; what takes longer is counted as broken.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Source addresses are 127.0.1.1, 127.0.2.1 and so on: networks of their own.
pub const SOURCES_MAX: u8 = 250;

/// Where to connect and how.
#[derive(Clone)]
pub struct Dialer {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
    name: ServerName<'static>,
    sources: u8,
}

impl Dialer {
    /// To an address, trusting a CA. `vestry` offers the protocol of the user port, which no other server knows. Every
    /// handshake is a full one.
    ///
    /// # Errors
    /// When the CA cannot be read or the sources are too many.
    pub fn new(address: SocketAddr, ca: &Path, vestry: bool, sources: u8) -> Result<Self, Failure> {
        if !(1..=SOURCES_MAX).contains(&sources) {
            return Err(Failure::other(format!("use 1 to {SOURCES_MAX} source addresses")));
        }
        let authorities = pem_file::read_certificates(ca)?;
        let mut tls = ClientConfig::clone(&*config::user_client(&Trust::Authority(authorities))?);
        if !vestry {
            tls.alpn_protocols.clear();
        }
        tls.resumption = Resumption::disabled();
        let name = ServerName::try_from("localhost").map_err(|_| Failure::other("localhost is no name"))?;
        Ok(Self { address, tls: Arc::new(tls), name, sources })
    }

    /// The same with a memory for tickets of its own: the next handshake resumes where the server lets it.
    #[must_use]
    pub fn with_tickets(&self) -> Self {
        let mut tls = ClientConfig::clone(&self.tls);
        tls.resumption = Resumption::in_memory_sessions(1);
        Self { tls: Arc::new(tls), ..self.clone() }
    }

    /// A connection whose handshake is done, from one of the sources.
    ///
    /// # Errors
    /// When there is none to be had.
    pub async fn dial(&self, number: u64) -> io::Result<Stream> {
        let shaken = async {
            let socket = TcpSocket::new_v4()?;
            socket.set_nodelay(true)?;
            if self.address.ip().is_loopback() {
                let third = u8::try_from(number % u64::from(self.sources)).unwrap_or(0);
                socket.bind(SocketAddr::from(([127, 0, third.saturating_add(1), 1], 0)))?;
            }
            let tcp = socket.connect(self.address).await?;
            TlsConnector::from(self.tls.clone()).connect(self.name.clone(), tcp).await
        };
        timeout(PATIENCE, shaken).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }
}

/// Says goodbye and waits until the server has closed its side, so that its work on the connection is over, and so
/// that tickets that came with it are kept.
///
/// # Errors
/// When the server did not.
pub async fn hang_up(mut stream: Stream) -> io::Result<()> {
    let end = async {
        stream.shutdown().await?;
        let mut rest = [0; 512];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<(), io::Error>(())
    };
    match timeout(PATIENCE, end).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))? {
        // Many servers close the socket without a goodbye of their own.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
        other => other,
    }
}

/// What broke, in words that can be counted.
#[must_use]
pub fn kind_of(error: &io::Error) -> String {
    match error.get_ref() {
        Some(inner) => inner.to_string(),
        None => error.kind().to_string(),
    }
}
