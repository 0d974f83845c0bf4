//! A server that does nothing but TLS: accept, shake hands, send back what comes, until the peer ends it. The
//! certificates, suites and groups are those of the user port; what it lacks is everything that makes it a server.
//!
//! With tickets it also resumes, which the user port does not.

use crate::failure::Failure;
use crate::report::print_line;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::Ticketer;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use vestry_tls::{CertsDir, config};

/// What one read takes; on the heap only while a peer talks.
const READ_BYTES: usize = 512;

/// Serves for so long, then ends.
///
/// # Errors
/// When the certificates cannot be read or the address is taken.
pub fn serve(certs: &Path, listen: SocketAddr, tickets: bool, time: Duration) -> Result<(), Failure> {
    let tls = config::user_server(&CertsDir::at(certs).load_server()?)?;
    let mut tls = ServerConfig::clone(&*tls);
    // Clients of other servers name no protocol.
    tls.alpn_protocols.clear();
    if tickets {
        tls.ticketer = Ticketer::new().map_err(|error| Failure::other(error.to_string()))?;
        tls.send_tls13_tickets = 2;
    }
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::system("a runtime"))?;
    runtime.block_on(async {
        let listener = TcpListener::bind(listen).await.map_err(Failure::system("listening"))?;
        let address = listener.local_addr().map_err(Failure::system("listening"))?;
        print_line(&format!("listens on {address}"))?;
        // On a worker, as the server's own: from the thread that waits here every connection would change threads.
        let accepting = tokio::spawn(async move {
            loop {
                // Out of descriptors: the next one may go better.
                let Ok((tcp, _)) = listener.accept().await else { continue };
                let _ = tcp.set_nodelay(true);
                tokio::spawn(echo(acceptor.clone(), tcp));
            }
        });
        // Over when the time is.
        let _ = timeout(time, accepting).await;
        Ok(())
    })
}

async fn echo(acceptor: TlsAcceptor, tcp: TcpStream) -> std::io::Result<()> {
    let handshake = Box::pin(acceptor.accept(tcp));
    let mut stream = Box::new(handshake.await?);
    let mut first = [0; 1];
    while stream.read(&mut first).await? > 0 {
        let mut bytes = vec![0; READ_BYTES];
        let (head, rest) = bytes.split_at_mut(1);
        head.copy_from_slice(&first);
        // Whatever else came in the same record is there already.
        let more = match timeout(Duration::ZERO, stream.read(rest)).await {
            Ok(read) => read?,
            Err(_) => 0,
        };
        stream.write_all(bytes.get(..=more).unwrap_or_default()).await?;
        stream.flush().await?;
    }
    stream.shutdown().await
}
