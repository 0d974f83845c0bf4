//! Messages of the user port for a client that sends many: requests are encoded once and copied, and of an answer
//! only number and variant are looked at, unless it is a refusal.

use crate::dial::{PATIENCE, Stream};
use crate::failure::Failure;
use crate::operation::Operation;
use crate::random::Random;
use crate::tally::Outcome;
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use vestry_protocol::codec::{append_frame, decode, encode};
use vestry_protocol::frame::split_first;
use vestry_protocol::greeting::ReplyBody;
use vestry_protocol::limits::{FRAME_HEADER_BYTES, REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
use vestry_protocol::refusal::Refusal;
use vestry_protocol::user::{Account, Change, Profile, ProfileUpdate, UserCall, UserReply};
use vestry_protocol::{Reply, Request, UnixSeconds};

/// Requests on the way on one connection: their numbers take one byte each.
pub const DEPTH_MAX: usize = 250;

/// Different updates that are made beforehand: ages, one after the other.
const UPDATES: u16 = 64;

/// One read of a socket brings at most one TLS record.
const READ_BYTES: usize = 16 * 1024;

/// Encoded requests of what an open connection is asked. Their number is the byte behind the header.
pub struct Requests {
    show: Vec<u8>,
    updates: Vec<Vec<u8>>,
    /// The first byte behind the number of a reply to each.
    shown: u8,
    updated: u8,
}

impl Requests {
    /// Encodes them.
    ///
    /// # Errors
    /// Never for these messages; the codec cannot know that.
    pub fn encode() -> Result<Self, Failure> {
        let update = |age| ProfileUpdate { age: Change::Set(age), ..ProfileUpdate::default() };
        let updates = (18..18 + UPDATES).map(|age| frame_of(&UserCall::UpdateAccount(update(age))));
        Ok(Self {
            show: frame_of(&UserCall::ShowAccount)?,
            updates: updates.collect::<Result<_, _>>()?,
            shown: variant_of(UserReply::AccountShown(nobody()))?,
            updated: variant_of(UserReply::AccountUpdated(nobody()))?,
        })
    }

    fn of(&self, operation: Operation, random: &mut Random) -> (&[u8], u8) {
        match operation {
            Operation::Update => {
                let place = usize::try_from(random.below(UPDATES.into())).unwrap_or(0);
                (self.updates.get(place).map_or(&[], Vec::as_slice), self.updated)
            }
            _ => (&self.show, self.shown),
        }
    }
}

fn nobody() -> Account {
    let (name, profile, later) = (String::new(), Profile::default(), Vec::new());
    Account { name, profile, created: UnixSeconds::default(), last_login: None, later }
}

fn frame_of(call: &UserCall) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    append_frame(&mut bytes, &Request { id: 1, call }, REQUEST_BYTES_MAX)
        .map_err(|error| Failure::other(error.to_string()))?;
    Ok(bytes)
}

fn variant_of(body: UserReply) -> Result<u8, Failure> {
    let bytes = encode(&Reply { id: 1, body }).map_err(|error| Failure::other(error.to_string()))?;
    bytes.get(1).copied().ok_or_else(|| Failure::other("a reply has no bytes"))
}

/// An open connection and what arrived on it.
pub struct Line {
    stream: Stream,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
}

impl Line {
    /// On a connection whose handshake is done.
    #[must_use]
    pub fn new(stream: Stream) -> Self {
        Self { stream, inbox: Vec::new(), outbox: Vec::new() }
    }

    /// The connection itself.
    #[must_use]
    pub fn into_stream(self) -> Stream {
        self.stream
    }

    /// What names this connection to both of its ends.
    #[must_use]
    pub fn tls(&self) -> &rustls::ClientConnection {
        self.stream.get_ref().1
    }

    /// One call and its answer.
    ///
    /// # Errors
    /// When the connection broke or the answer is none.
    pub async fn call(&mut self, call: &UserCall) -> io::Result<UserReply> {
        self.outbox.clear();
        append_frame(&mut self.outbox, &Request { id: 1, call }, REQUEST_BYTES_MAX)
            .map_err(io::Error::other)?;
        self.flush().await?;
        loop {
            if let Some((payload, used)) =
                split_first(&self.inbox, REPLY_BYTES_MAX).map_err(io::Error::other)?
            {
                let reply = decode::<Reply<UserReply>, REPLY_BYTES_MAX>(payload).map_err(io::Error::other)?;
                self.inbox.drain(..used);
                if !reply.body.is_greeting() {
                    return Ok(reply.body);
                }
                continue;
            }
            self.fill().await?;
        }
    }

    /// Sends a request for each operation in one piece, waits for all answers, and says of each how it ended and when.
    ///
    /// # Errors
    /// When the connection broke; nothing is known of the requests then.
    pub async fn exchange(
        &mut self,
        requests: &Requests,
        operations: &[Operation],
        random: &mut Random,
    ) -> io::Result<Vec<(Outcome, Instant)>> {
        let mut expected = Vec::with_capacity(operations.len());
        self.outbox.clear();
        for (number, operation) in (1_u8..).zip(operations) {
            let (frame, variant) = requests.of(*operation, random);
            let at = self.outbox.len() + FRAME_HEADER_BYTES;
            self.outbox.extend_from_slice(frame);
            if let Some(place) = self.outbox.get_mut(at) {
                *place = number;
            }
            expected.push([number, variant]);
        }
        self.flush().await?;
        let mut outcomes = Vec::with_capacity(expected.len());
        let mut used = 0;
        while let Some(next) = expected.get(outcomes.len()) {
            let rest = self.inbox.get(used..).unwrap_or_default();
            match split_first(rest, REPLY_BYTES_MAX).map_err(io::Error::other)? {
                Some((payload, length)) => {
                    outcomes.push((judge(payload, *next)?, Instant::now()));
                    used += length;
                }
                None => {
                    self.inbox.drain(..used);
                    used = 0;
                    self.fill().await?;
                }
            }
        }
        self.inbox.drain(..used);
        Ok(outcomes)
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.outbox).await?;
        self.stream.flush().await
    }

    async fn fill(&mut self) -> io::Result<()> {
        self.inbox.reserve(READ_BYTES);
        match timeout(PATIENCE, self.stream.read_buf(&mut self.inbox)).await {
            Ok(Ok(0)) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

fn judge(payload: &[u8], expected: [u8; 2]) -> io::Result<Outcome> {
    if payload.starts_with(&expected) {
        return Ok(Outcome::Done);
    }
    let reply = decode::<Reply<UserReply>, REPLY_BYTES_MAX>(payload).map_err(io::Error::other)?;
    match reply.body {
        UserReply::Refused(refusal) => Ok(refused(&refusal)),
        _ => Err(io::Error::other("an answer to something else")),
    }
}

/// A refusal as it is counted.
#[must_use]
pub fn refused(refusal: &Refusal) -> Outcome {
    let name = refusal.known_code().map_or_else(|| refusal.code.to_string(), |code| format!("{code:?}"));
    Outcome::Refused(name, refusal.retry_after_ms.map(Duration::from_millis))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestry_protocol::refusal::RefusalCode;

    #[test]
    fn a_prepared_request_is_the_message_with_its_number_where_it_is_set() {
        let requests = Requests::encode().unwrap();
        let mut random = Random::new(1, 1);
        for operation in [Operation::Show, Operation::Update] {
            let mut frame = requests.of(operation, &mut random).0.to_vec();
            frame[FRAME_HEADER_BYTES] = u8::try_from(DEPTH_MAX).unwrap();
            let (payload, used) = split_first(&frame, REQUEST_BYTES_MAX).unwrap().unwrap();
            let request = decode::<Request<UserCall>, REQUEST_BYTES_MAX>(payload).unwrap();
            assert_eq!((request.id, used), (u64::try_from(DEPTH_MAX).unwrap(), frame.len()));
        }
    }

    #[test]
    fn an_answer_is_judged_by_its_number_and_its_variant() {
        let requests = Requests::encode().unwrap();
        let reply = |id, body| encode(&Reply { id, body }).unwrap();
        let shown = reply(3, UserReply::AccountShown(nobody()));
        assert_eq!(judge(&shown, [3, requests.shown]).unwrap(), Outcome::Done);
        assert!(judge(&shown, [4, requests.shown]).is_err());
        assert!(judge(&shown, [3, requests.updated]).is_err());
        let busy = Refusal { retry_after_ms: Some(7), ..Refusal::new(RefusalCode::Busy, "") };
        let busy = judge(&reply(3, UserReply::Refused(busy)), [3, requests.shown]).unwrap();
        assert_eq!(busy, Outcome::Refused("Busy".to_owned(), Some(Duration::from_millis(7))));
    }
}
