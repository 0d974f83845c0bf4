//! How both ports talk: frames in, answers out, in order, one flush a batch, until either side ends it.
//!
//! ```text
//!        ┌──────────────────────── next batch ───────────────────────┐
//!        ▼                                                           │
//!   wait for a frame ──▶ decode ──▶ answer ──▶ … every whole frame … ──▶ flush
//!        │                  │
//!        │ idle, closed     │ not a message                draining: answer what arrived, flush,
//!        ▼                  ▼                               say goodbye
//!       end          no frame: Malformed, then end; no request: refused, and on
//! ```
//!
//! What a call means is the port's: [`Port`] is implemented by `user` and by `admin`, and neither sees the
//! other's messages.

use crate::ports::connection::{Connection, Ended, Patience};
use crate::ports::slots::Slot;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vestry_protocol::codec::{CodecError, Unreadable, append_frame, decode_request};
use vestry_protocol::greeting::{Greeting, ReplyBody};
use vestry_protocol::item::Numbered;
use vestry_protocol::limits::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::{Reply, Request};

/// Answers wait in memory for one flush until they are this long.
const OUTBOX_BYTES_SOFT: usize = 64 * 1024;

/// One side of one port: its messages and its state.
pub trait Port: Send {
    /// What can be asked.
    type Call: DeserializeOwned + Numbered + Send;
    /// What may be answered.
    type Body: Serialize + ReplyBody + Send;

    /// How long a request may be in the present state.
    fn request_bytes_max(&self) -> usize;

    /// How long the peer may take in the present state.
    fn patience(&self) -> Patience;

    /// Answers one call, with one reply or a stream of them.
    ///
    /// # Errors
    /// Only when the connection cannot go on; a call that cannot be done is a reply.
    fn answer(
        &mut self,
        call: Self::Call,
        replies: &mut Replies<'_, Self::Body>,
    ) -> impl Future<Output = Result<(), Ended>> + Send;

    /// Counts a frame that is no request of this version; whether the connection goes on.
    fn tolerates_unreadable(&mut self) -> bool;
}

/// Where the replies to one call go, in order.
pub struct Replies<'c, Body> {
    connection: &'c mut Connection,
    id: u64,
    patience: Patience,
    body: std::marker::PhantomData<fn(Body)>,
}

impl<Body: Serialize + ReplyBody> Replies<'_, Body> {
    /// Queues one reply; a long queue is sent at once, which makes a fast stream wait for a slow peer.
    ///
    /// # Errors
    /// When the peer is gone or too slow, or the reply has no bytes.
    pub async fn send(&mut self, body: Body) -> Result<(), Ended> {
        append_reply(self.connection, &Reply { id: self.id, body })
            .map_err(|error| Ended::Violated(error.to_string()))?;
        if self.connection.outbox().len() >= OUTBOX_BYTES_SOFT {
            self.connection.flush(self.patience).await?;
        }
        Ok(())
    }

    /// Queues the last reply of the connection and ends it: at once, when what was being sent was cut off in the middle of a frame.
    ///
    /// # Errors
    /// Always: with the end.
    pub async fn break_off(&mut self, body: Body) -> Result<(), Ended> {
        if !self.connection.is_cut_off() {
            self.send(body).await?;
            self.flush().await?;
        }
        Err(Ended::Dismissed)
    }

    /// Sends what is queued.
    ///
    /// # Errors
    /// When the peer is gone or too slow.
    pub async fn flush(&mut self) -> Result<(), Ended> {
        self.connection.flush(self.patience).await
    }

    /// Resolves when the peer is gone, so that a long piece of work for it can end.
    pub async fn peer_gone(&mut self) {
        self.connection.peer_gone(REQUEST_BYTES_MAX).await;
    }
}

/// Holds one conversation to its end.
///
/// # Errors
/// With the reason when it was not the server's wish to end it.
#[expect(
    clippy::manual_async_fn,
    reason = "an async fn would keep its arguments twice for as long as it waits"
)]
pub fn converse<P: Port>(
    mut connection: Connection,
    mut port: P,
    draining: &CancellationToken,
    slot: Arc<Slot>,
) -> impl Future<Output = Result<(), Ended>> + Send {
    async move {
        loop {
            let patience = port.patience();
            let last = tokio::select! {
                waited = connection.wait_for_frame(port.request_bytes_max(), patience) => {
                    if let Err(ended) = waited {
                        return Box::pin(say_why::<P>(connection, patience, ended)).await;
                    }
                    false
                }
                () = slot.evicted() => return Err(Ended::MadeRoom),
                () = draining.cancelled() => true,
            };
            if last {
                connection.take_what_arrived().await;
            }
            // Boxed, as the goodbyes are: a connection that waits keeps no room for what it is not doing.
            let answered = tokio::select! {
                biased;
                answered = Box::pin(answer_batch(&mut connection, &mut port)) => answered,
                // Nor does one stay that takes no answer.
                () = slot.evicted() => return Err(Ended::MadeRoom),
            };
            if let Err(ended) = answered {
                return Box::pin(say_why::<P>(connection, patience, ended)).await;
            }
            if last {
                connection.close(patience.write).await;
                return Ok(());
            }
        }
    }
}

/// Answers every whole frame that is there, then flushes once.
async fn answer_batch<P: Port>(connection: &mut Connection, port: &mut P) -> Result<(), Ended> {
    while let Some(payload) = connection.frame(port.request_bytes_max())? {
        let read = decode_request::<P::Call, REQUEST_BYTES_MAX>(payload);
        connection.drop_frame();
        let (patience, body) = (port.patience(), std::marker::PhantomData);
        match read {
            Ok(Request { id, call }) => {
                port.answer(call, &mut Replies { connection, id, patience, body }).await?;
            }
            Err(unreadable) if port.tolerates_unreadable() => {
                // A whole frame is answered, under its number as far as that could be read.
                let (id, code) = match unreadable {
                    Unreadable::Unsupported { id, .. } => (id, RefusalCode::Unsupported),
                    Unreadable::Malformed { id } => (id, RefusalCode::Malformed),
                };
                let refusal = Refusal::new(code, unreadable.to_string());
                let mut replies = Replies::<P::Body> { connection, id, patience, body };
                replies.send(P::Body::refused(refusal)).await?;
            }
            Err(_) => return Err(Ended::Violated("too many frames that are no request".to_owned())),
        }
    }
    connection.flush(port.patience()).await
}

/// Queues a reply; before the first one, in the same write, the greeting.
fn append_reply<Body: Serialize + ReplyBody>(
    connection: &mut Connection,
    reply: &Reply<Body>,
) -> Result<(), CodecError> {
    if connection.greets() {
        let body = Body::greeting(Greeting::of_this_version());
        append_frame(connection.outbox(), &Reply { id: 0, body }, REPLY_BYTES_MAX)?;
    }
    append_frame(connection.outbox(), reply, REPLY_BYTES_MAX)
}

/// How long a peer that was too slow gets to take the goodbye.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

/// Tells a peer that broke the protocol, under the number 0, since its own could not be read; then says goodbye, also
/// to one that was silent for too long.
async fn say_why<P: Port>(mut connection: Connection, patience: Patience, ended: Ended) -> Result<(), Ended> {
    if let Ended::Violated(why) = &ended {
        let refusal = Refusal::new(RefusalCode::Malformed, format!("{why}; the connection ends here"));
        let body = P::Body::refused(refusal);
        if append_reply(&mut connection, &Reply { id: 0, body }).is_ok() {
            // The peer may be gone; there is nobody else to tell.
            let _ = connection.flush(patience).await;
        }
    }
    if !matches!(ended, Ended::Closed) {
        connection.close(GOODBYE_MAX).await;
    }
    Err(ended)
}
