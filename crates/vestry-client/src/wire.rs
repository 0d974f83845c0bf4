//! One connection to a server: TLS with the right ALPN, then requests out and replies in, for either port.
//!
//! It never prints, retries or interprets an answer. A reply's length is judged before it is allocated, and what
//! was sent or received is wiped, since any message may hold a secret.

use dial::{Deadline, dial};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Borrow;
use std::future::poll_fn;
use std::io;
use std::marker::PhantomData;
use std::pin::Pin as Pinned;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use vestry_protocol::codec::{append_frame, decode};
use vestry_protocol::frame::split_first;
use vestry_protocol::greeting::ReplyBody;
use vestry_protocol::limits::{
    EXPORTER_BYTES, EXPORTER_LABEL, FRAME_HEADER_BYTES, REPLY_BYTES_MAX, REQUEST_BYTES_MAX,
};
use vestry_protocol::{Reply, Request};
use vestry_tls::alpn_was_agreed;
use zeroize::Zeroizing;

pub use dial::CONNECT_TIMEOUT;
pub use error::{Shown, Step, Unreachable, Violation, WireError};

mod dial;
mod error;
#[cfg(test)]
pub(crate) mod tests;

/// For one answer; a server says that it is busy long before.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection that sends `Call`s and receives `Body`s.
pub struct Wire<Call, Body> {
    stream: TlsStream<TcpStream>,
    /// Counts up from 1; the server returns it.
    next_id: u64,
    /// How many requests wait for their last answer. With none, nothing may arrive unasked.
    pending: u64,
    reply_timeout: Duration,
    has_greeted: bool,
    speaks: PhantomData<fn(Call) -> Body>,
}

impl<Call, Body> std::fmt::Debug for Wire<Call, Body> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("next_id", &self.next_id).finish_non_exhaustive()
    }
}

impl<Call: Serialize, Body: DeserializeOwned + ReplyBody> Wire<Call, Body> {
    /// Connects and verifies the server, within [`CONNECT_TIMEOUT`]. Nothing is sent but the handshake.
    ///
    /// # Errors
    /// When the server cannot be reached, or is not the one that `tls` trusts.
    pub async fn connect(
        host: &str,
        port: u16,
        tls: Arc<ClientConfig>,
        alpn: &[u8],
    ) -> Result<Self, WireError> {
        let deadline = Deadline::begin();
        let socket = dial(host, port, deadline).await?;
        Self::shake_hands(socket, host, tls, alpn, deadline).await
    }

    /// Shakes hands over a connection that is open already, and verifies the server.
    ///
    /// # Errors
    /// As [`Wire::connect`].
    pub async fn over(
        socket: TcpStream,
        host: &str,
        tls: Arc<ClientConfig>,
        alpn: &[u8],
    ) -> Result<Self, WireError> {
        Self::shake_hands(socket, host, tls, alpn, Deadline::begin()).await
    }

    async fn shake_hands(
        socket: TcpStream,
        host: &str,
        tls: Arc<ClientConfig>,
        alpn: &[u8],
        deadline: Deadline,
    ) -> Result<Self, WireError> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Unreachable::UnknownHost)?;
        let shaken = deadline.step(Step::Handshake, TlsConnector::from(tls).connect(name, socket)).await?;
        let stream = shaken.map_err(error::of_handshake)?;
        if !alpn_was_agreed(stream.get_ref().1, alpn) {
            return Err(WireError::Protocol(Violation::NoAlpn));
        }
        let (next_id, pending, reply_timeout) = (1, 0, REPLY_TIMEOUT);
        Ok(Self { stream, next_id, pending, reply_timeout, has_greeted: false, speaks: PhantomData })
    }

    /// Waits this long for each answer from now on.
    #[must_use]
    pub fn with_reply_timeout(mut self, reply_timeout: Duration) -> Self {
        self.reply_timeout = reply_timeout;
        self
    }

    /// Sends one request and returns its number. Several may be sent before the first answer is received.
    ///
    /// # Errors
    /// When the request is too long or the connection is gone; either way the server did not get it.
    pub async fn send(&mut self, call: &Call) -> Result<u64, WireError> {
        let id = self.next_id;
        // Twice the room of the longest request, so that the buffer never grows and leaves an unwiped copy.
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 * REQUEST_BYTES_MAX));
        append_frame(&mut bytes, &Request { id, call }, REQUEST_BYTES_MAX).map_err(WireError::Request)?;
        self.refuse_if_closed().await?;
        let stream = &mut self.stream;
        let written = timeout(self.reply_timeout, async {
            stream.write_all(&bytes).await?;
            stream.flush().await
        });
        written
            .await
            .map_err(|_| WireError::LostBeforeSending(io::ErrorKind::TimedOut.into()))?
            .map_err(error::of_send)?;
        self.next_id = id.wrapping_add(1);
        self.pending += 1;
        Ok(id)
    }

    /// Receives the next reply, whatever it answers. The server's greeting comes before the first, and is none.
    ///
    /// # Errors
    /// When the connection is gone, the server takes too long, or what it sent is not a reply. The connection is
    /// of no use then.
    pub async fn receive(&mut self) -> Result<Reply<Body>, WireError> {
        let late = |_| WireError::LostAfterSending(io::ErrorKind::TimedOut.into());
        loop {
            let payload = timeout(self.reply_timeout, read_frame(&mut self.stream)).await.map_err(late)??;
            let reply = decode::<Reply<Body>, REPLY_BYTES_MAX>(&payload)
                .map_err(|e| WireError::Protocol(Violation::Reply(e)))?;
            let greeted = std::mem::replace(&mut self.has_greeted, true);
            let is_greeting = reply.id == 0 && reply.body.is_greeting();
            if is_greeting == greeted {
                return Err(WireError::Protocol(Violation::Greeting));
            }
            if !is_greeting {
                return Ok(reply);
            }
        }
    }

    /// Sends one request and receives its one answer.
    ///
    /// # Errors
    /// As [`Wire::send`] and [`Wire::receive`], and when the answer is to another request.
    pub async fn call(&mut self, call: impl Borrow<Call>) -> Result<Body, WireError> {
        let id = self.send(call.borrow()).await?;
        let reply = self.receive_for(id).await?;
        self.settle();
        Ok(reply)
    }

    /// Receives a reply to the request with this number: for calls that have several.
    ///
    /// # Errors
    /// As [`Wire::receive`], and when the answer is to another request.
    pub async fn receive_for(&mut self, id: u64) -> Result<Body, WireError> {
        let reply = self.receive().await?;
        match reply.id == id {
            true => Ok(reply.body),
            false => Err(WireError::Protocol(Violation::WrongId { asked: id, answered: reply.id })),
        }
    }

    /// What names this connection and no other to both of its ends (RFC 9266): exported keying material.
    ///
    /// # Errors
    /// When the connection has none, which a finished handshake rules out.
    pub fn exporter(&self) -> Result<Zeroizing<[u8; EXPORTER_BYTES]>, WireError> {
        let (_, tls) = self.stream.get_ref();
        let exported = tls.export_keying_material([0; EXPORTER_BYTES], EXPORTER_LABEL, None);
        exported.map(Zeroizing::new).map_err(|_| WireError::Protocol(Violation::NoExporter))
    }

    /// Says that one request has had its last answer, after [`Wire::send`] and [`Wire::receive`].
    pub fn settle(&mut self) {
        self.pending = self.pending.saturating_sub(1);
    }

    /// Looks, without waiting, whether the server closed the connection while nobody was listening: a request
    /// written into a closed connection would look sent. Only when nothing is on its way.
    async fn refuse_if_closed(&mut self) -> Result<(), WireError> {
        if self.pending > 0 {
            return Ok(());
        }
        // Lets the reactor see what has arrived while a prompt blocked this thread.
        tokio::task::yield_now().await;
        let mut byte = [0u8; 1];
        let mut buffer = ReadBuf::new(&mut byte);
        let stream = &mut self.stream;
        let seen = poll_fn(|cx| Poll::Ready(Pinned::new(&mut *stream).poll_read(cx, &mut buffer))).await;
        match seen {
            Poll::Pending => Ok(()),
            Poll::Ready(Ok(())) => Err(WireError::LostBeforeSending(io::ErrorKind::UnexpectedEof.into())),
            Poll::Ready(Err(e)) => Err(error::of_send(e)),
        }
    }
}

/// The payload of one frame.
async fn read_frame(stream: &mut (impl AsyncRead + Unpin)) -> Result<Zeroizing<Vec<u8>>, WireError> {
    let mut header = [0u8; FRAME_HEADER_BYTES];
    stream.read_exact(&mut header).await.map_err(error::of_receive)?;
    // An empty payload cannot complete a frame, so all that can come of this is the verdict on the length.
    split_first(&header, REPLY_BYTES_MAX).map_err(|e| WireError::Protocol(Violation::Frame(e)))?;
    let length = usize::try_from(u32::from_be_bytes(header)).unwrap_or(usize::MAX).min(REPLY_BYTES_MAX);
    let mut payload = Zeroizing::new(vec![0u8; length]);
    stream.read_exact(&mut payload).await.map_err(error::of_receive)?;
    Ok(payload)
}
