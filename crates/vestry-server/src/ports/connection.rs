//! One TLS connection as frames: what arrived is kept until a frame is whole, what is answered is sent once a
//! batch. An idle connection keeps no buffer.
//!
//! It knows limits and timeouts, but no message and no state: `conversation.rs` has those.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWriteExt, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::server::TlsStream;
use vestry_protocol::frame::{FrameError, split_first};
use zeroize::{Zeroize, Zeroizing};

/// One TLS record is at most 16 KiB, so one read never brings more than is worth parsing at once.
const SCRATCH_BYTES: usize = 16 * 1024;

/// How often the socket of a peer that has sent a whole request ahead is asked whether it is still there.
const TIME_BETWEEN_LOOKS: Duration = Duration::from_millis(250);

thread_local! {
    /// Reads go through memory of the worker thread, so that a connection that waits holds none.
    static SCRATCH: RefCell<Box<[u8; SCRATCH_BYTES]>> = RefCell::new(Box::new([0; SCRATCH_BYTES]));
}

/// Why a connection came to its end.
#[derive(Debug, Error)]
pub enum Ended {
    /// The peer closed it, or the network did.
    #[error("the peer closed the connection")]
    Closed,
    /// The peer said nothing for too long, did not finish a frame, or did not take its answers.
    #[error("the peer was silent or slow for too long")]
    TimedOut,
    /// There were no slots left, and it was the oldest of those on which nobody had logged in.
    #[error("the connection made room for another")]
    MadeRoom,
    /// The peer is an operator who has no right to the port, or to what it was being sent, any more.
    #[error("the operator's certificate is not in use any more, or its role not enough")]
    Dismissed,
    /// The peer broke the framing or sent what is no message.
    #[error("the peer broke the protocol: {0}")]
    Violated(String),
}

impl From<FrameError> for Ended {
    fn from(error: FrameError) -> Self {
        Self::Violated(error.to_string())
    }
}

impl From<io::Error> for Ended {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

/// How long a peer may take for what.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until the first byte of a frame.
    pub idle: Duration,
    /// From its first byte to its last.
    pub frame: Duration,
    /// For taking one write.
    pub write: Duration,
    /// For everything that it has to say before a login.
    pub until: Option<Instant>,
}

/// A connection after its handshake.
pub struct Connection {
    stream: Box<TlsStream<TcpStream>>,
    inbox: Inbox,
    outbox: Vec<u8>,
    has_greeted: bool,
    is_sending: bool,
}

impl Connection {
    /// Takes over a stream whose handshake is done.
    #[must_use]
    pub fn new(stream: Box<TlsStream<TcpStream>>) -> Self {
        Self { stream, inbox: Inbox::default(), outbox: Vec::new(), has_greeted: false, is_sending: false }
    }

    /// Waits until a whole frame is there. Safe to drop and call again.
    ///
    /// # Errors
    /// When the peer closes, is too slow, or announces more than `limit` bytes.
    pub async fn wait_for_frame(&mut self, limit: usize, patience: Patience) -> Result<(), Ended> {
        let mut frame_deadline = None;
        while split_first(self.inbox.bytes(), limit)?.is_none() {
            let deadline = if self.inbox.bytes().is_empty() {
                Instant::now() + patience.idle
            } else {
                *frame_deadline.get_or_insert_with(|| Instant::now() + patience.frame)
            };
            let deadline = patience.until.map_or(deadline, |until| deadline.min(until));
            timeout_at(deadline, self.fill()).await.map_err(|_| Ended::TimedOut)??;
        }
        Ok(())
    }

    /// Takes in what has already arrived, without waiting for more.
    pub async fn take_what_arrived(&mut self) {
        let mut more = true;
        while more {
            more = poll_fn(|context| {
                let mut fill = std::pin::pin!(self.fill());
                Poll::Ready(matches!(fill.as_mut().poll(context), Poll::Ready(Ok(()))))
            })
            .await;
        }
    }

    /// Resolves when the peer is gone. Takes in what it sends meanwhile, as far as one request of `limit` bytes; from then on it
    /// asks the socket, so that no peer hides its going behind what it sent before.
    pub async fn peer_gone(&mut self, limit: usize) {
        while self.inbox.bytes().len() <= limit {
            if self.fill().await.is_err() {
                return;
            }
        }
        let (socket, _) = self.stream.get_ref();
        while !socket.ready(Interest::READABLE).await.is_ok_and(|ready| ready.is_read_closed()) {
            sleep(TIME_BETWEEN_LOOKS).await;
        }
    }

    /// The payload of the next whole frame, if one is there. [`Connection::drop_frame`] makes room.
    ///
    /// # Errors
    /// When the peer announced more than `limit` bytes.
    pub fn frame(&self, limit: usize) -> Result<Option<&[u8]>, Ended> {
        Ok(split_first(self.inbox.bytes(), limit)?.map(|(payload, _)| payload))
    }

    /// Forgets and wipes the frame that [`Connection::frame`] showed.
    pub fn drop_frame(&mut self) {
        let whole = split_first(self.inbox.bytes(), usize::MAX).ok().flatten().map(|(_, length)| length);
        self.inbox.consume(whole.unwrap_or(0));
    }

    /// Where answers are put until the next flush.
    pub fn outbox(&mut self) -> &mut Vec<u8> {
        &mut self.outbox
    }

    /// Whether nothing was said yet: the greeting comes first, and once.
    pub fn greets(&mut self) -> bool {
        !std::mem::replace(&mut self.has_greeted, true)
    }

    /// Sends what is in the outbox, and gives its memory back.
    ///
    /// # Errors
    /// When the peer is gone or does not take it in time.
    pub async fn flush(&mut self, patience: Patience) -> Result<(), Ended> {
        if self.outbox.is_empty() {
            return Ok(());
        }
        let outbox = Zeroizing::new(std::mem::take(&mut self.outbox));
        let sending = async {
            self.stream.write_all(&outbox).await?;
            self.stream.flush().await
        };
        self.is_sending = true;
        timeout(patience.write, sending).await.map_err(|_| Ended::TimedOut)??;
        self.is_sending = false;
        Ok(())
    }

    /// Whether a flush was given up before its end: the peer may have half a frame, and can be told nothing any more.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        self.is_sending
    }

    /// Says goodbye, so that the peer can tell an end from a cut.
    pub async fn close(mut self, patience: Duration) {
        // A peer that is gone cannot be told.
        let _ = timeout(patience, self.stream.shutdown()).await;
    }

    /// One read, through the thread's scratch memory.
    async fn fill(&mut self) -> Result<(), Ended> {
        let Self { stream, inbox, .. } = self;
        poll_fn(|context| {
            SCRATCH.with_borrow_mut(|scratch| {
                let mut read = ReadBuf::new(scratch.as_mut_slice());
                let outcome = ready!(Pin::new(stream.as_mut()).poll_read(context, &mut read));
                let filled = read.filled_mut();
                inbox.push(filled);
                let closed = filled.is_empty();
                filled.zeroize();
                Poll::Ready(match outcome {
                    Ok(()) if closed => Err(Ended::Closed),
                    Ok(()) => Ok(()),
                    Err(error) => Err(error.into()),
                })
            })
        })
        .await
    }
}

/// Bytes that arrived and are not answered yet. They may hold passwords, so every copy is wiped.
#[derive(Default)]
struct Inbox(Zeroizing<Vec<u8>>);

impl Inbox {
    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn push(&mut self, bytes: &[u8]) {
        let wanted = self.0.len() + bytes.len();
        if wanted > self.0.capacity() {
            // Growing in place would leave the old copy behind unwiped.
            let mut larger = Zeroizing::new(Vec::with_capacity(wanted.next_power_of_two()));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }

    fn consume(&mut self, count: usize) {
        let left = self.0.len().saturating_sub(count);
        if left == 0 {
            self.0 = Zeroizing::default();
            return;
        }
        self.0.copy_within(count.., 0);
        if let Some(stale) = self.0.get_mut(left..) {
            stale.zeroize();
        }
        self.0.truncate(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_consumed_leaves_and_the_rest_stays_in_order() {
        let mut inbox = Inbox::default();
        inbox.push(b"abc");
        inbox.push(b"defgh");
        inbox.consume(3);
        assert_eq!(inbox.bytes(), b"defgh");
        inbox.consume(5);
        assert_eq!((inbox.bytes().len(), inbox.0.capacity()), (0, 0));
    }
}
