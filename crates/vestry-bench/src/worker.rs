//! One client: it does one thing after the other, as soon as it can or when it is due, until the run is over.
//!
//! An open connection is kept for what is asked on one; everything else opens its own and closes it. A worker that
//! is late does what was due at once, and the lateness counts (`tally.rs`).

use crate::ber;
use crate::dial::{Dialer, PATIENCE, Stream, hang_up, kind_of};
use crate::failure::Failure;
use crate::frames::{Line, Requests, refused};
use crate::operation::{Mix, Operation};
use crate::random::Random;
use crate::set::AccountSet;
use crate::tally::{Outcome, Timing};
use rustls::HandshakeKind;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, sleep_until, timeout};
use vestry_opaque::unstretched::Prover;
use vestry_protocol::limits::{EXPORTER_BYTES, EXPORTER_LABEL};
use vestry_protocol::secret::SessionToken;
use vestry_protocol::user::{NewSession, UserCall, UserReply};

/// How long a worker whose connection broke, or that was told to wait, stays away at most.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// See [`PAUSE_MAX`].
const PAUSE_AFTER_A_BREAK: Duration = Duration::from_millis(10);

/// What all workers of a run share.
pub struct Task {
    /// Where to.
    pub dialer: Dialer,
    /// What to do.
    pub mix: Mix,
    /// How many requests share a write on an open connection.
    pub depth: usize,
    /// Who there is; needed for all but handshakes and binds.
    pub set: Option<AccountSet>,
    /// Encoded requests.
    pub requests: Requests,
    /// Proves everybody's password.
    pub prover: Option<Prover>,
    /// For binds: a name and its password.
    pub ldap: Option<(String, String)>,
    /// Workers, all in all.
    pub workers: u64,
    /// What chance comes from.
    pub seed: u64,
}

/// When the next thing is due.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// When the last one is done.
    Closed,
    /// So often, whatever became of the last one.
    Open {
        /// The next one.
        next: Instant,
        /// The time between two.
        every: Duration,
    },
}

impl Pace {
    /// Waits until something is due; when each was, at most `depth` of them.
    pub async fn due(&mut self, depth: usize) -> Vec<Instant> {
        let Self::Open { next, every } = self else { return vec![Instant::now(); depth] };
        sleep_until((*next).into()).await;
        let (now, mut due) = (Instant::now(), Vec::new());
        while *next <= now && due.len() < depth {
            due.push(*next);
            *next += *every;
        }
        if due.is_empty() {
            // The timer may be early by less than it can tell.
            due.push(*next);
            *next += *every;
        }
        due
    }
}

/// One client with its open connection, when it has one.
pub struct Worker {
    task: Arc<Task>,
    /// With tickets of this worker's own, when it is to resume.
    dialer: Dialer,
    number: u64,
    dialled: u64,
    random: Random,
    line: Option<Line>,
    token: Option<SessionToken>,
    /// What the last login left: each one after the first hands one in, as those of people do.
    witness: Vec<u8>,
}

impl Worker {
    /// A worker that is ready: logged in, when anything in the mix is asked on an open connection.
    ///
    /// # Errors
    /// When the server does not let it in.
    pub async fn prepare(task: Arc<Task>, number: u64) -> Result<Self, Failure> {
        let random = Random::new(task.seed, number);
        let operations: Vec<Operation> = task.mix.operations().collect();
        let resumes = operations.contains(&Operation::HandshakeResumed);
        let dialer = if resumes { task.dialer.with_tickets() } else { task.dialer.clone() };
        let mut worker =
            Self { task, dialer, number, dialled: 0, random, line: None, token: None, witness: Vec::new() };
        if operations.iter().any(|operation| operation.is_steady() || *operation == Operation::Resume) {
            let (line, session) = worker.open_session().await?;
            worker.token = Some(session.token);
            worker.line = operations.iter().any(|operation| operation.is_steady()).then_some(line);
        }
        if resumes {
            // The first one gets the ticket for the second.
            let stream = worker.dial().await.map_err(Failure::system("the first handshake"))?;
            hang_up(stream).await.map_err(Failure::system("the first handshake"))?;
        }
        Ok(worker)
    }

    /// An open connection that is logged in: every worker to an account of its own.
    async fn open_session(&mut self) -> Result<(Line, NewSession), Failure> {
        let set = self.task.set.clone().ok_or_else(no_set)?;
        let account =
            self.number * (set.with_password / self.task.workers.max(1)).max(1) % set.with_password.max(1);
        let stream = self.dial().await.map_err(Failure::system("connecting"))?;
        let mut line = Line::new(stream);
        let reply = self.log_in(&mut line, &set.name(account)).await;
        match reply.map_err(Failure::system("logging in"))? {
            UserReply::LoggedIn(session) => Ok((line, session)),
            UserReply::Refused(refusal) => Err(Failure::other(format!("logging in: {}", refusal.message))),
            _ => Err(Failure::other("logging in: an answer to something else")),
        }
    }

    async fn dial(&mut self) -> io::Result<Stream> {
        self.dialled += 1;
        // Workers start at different sources and go round all of them.
        self.dialer.dial(self.number + self.dialled * self.task.workers.max(1) + self.dialled).await
    }

    /// Does what is due until `record` says that it was enough. `record` is told how each thing ended.
    pub async fn run(mut self, mut pace: Pace, mut record: impl FnMut(Operation, Outcome, Timing) -> bool) {
        let steady_only = self.task.mix.operations().all(Operation::is_steady);
        let depth = if steady_only { self.task.depth } else { 1 };
        loop {
            let due = pace.due(depth).await;
            let task = self.task.clone();
            let operations: Vec<Operation> = due.iter().map(|_| task.mix.draw(&mut self.random)).collect();
            let sent = Instant::now();
            let ended = self.perform(&operations).await;
            let mut pause = Duration::ZERO;
            for ((operation, due), (outcome, answered)) in operations.iter().zip(&due).zip(ended) {
                pause = pause.max(pause_after(&outcome));
                if !record(*operation, outcome, Timing { due: *due, sent, answered }) {
                    return;
                }
            }
            if matches!(pace, Pace::Closed) && !pause.is_zero() {
                sleep(pause).await;
            }
        }
    }

    async fn perform(&mut self, operations: &[Operation]) -> Vec<(Outcome, Instant)> {
        if let [fresh] = operations
            && !fresh.is_steady()
        {
            let done = self.on_a_fresh_connection(*fresh).await;
            return vec![(done.unwrap_or_else(|error| Outcome::Broken(kind_of(&error))), Instant::now())];
        }
        let asked = self.on_the_open_connection(operations).await;
        asked.unwrap_or_else(|error| {
            self.line = None;
            vec![(Outcome::Broken(kind_of(&error)), Instant::now()); operations.len()]
        })
    }

    async fn on_the_open_connection(
        &mut self,
        operations: &[Operation],
    ) -> io::Result<Vec<(Outcome, Instant)>> {
        let mut line = match self.line.take() {
            Some(line) => line,
            None => self.open_session().await.map_err(io::Error::other)?.0,
        };
        let answered = line.exchange(&self.task.requests, operations, &mut self.random).await?;
        self.line = Some(line);
        Ok(answered)
    }

    async fn on_a_fresh_connection(&mut self, operation: Operation) -> io::Result<Outcome> {
        let stream = self.dial().await?;
        match operation {
            Operation::LoginOpaque => {
                let set = self.task.set.as_ref().ok_or_else(|| io::Error::other(no_set()))?;
                let name = set.name(self.random.below(set.with_password));
                let mut line = Line::new(stream);
                let reply = self.log_in(&mut line, &name).await?;
                let outcome = outcome_of(&reply, matches!(reply, UserReply::LoggedIn(_)))?;
                say_goodbye(line.into_stream()).await;
                Ok(outcome)
            }
            Operation::Resume => {
                let token = self.token.as_ref().ok_or_else(|| io::Error::other("there is no session"))?;
                let token = SessionToken::from_bytes(*token.expose_secret());
                let mut line = Line::new(stream);
                let reply = line.call(&UserCall::ResumeSession { token }).await?;
                let outcome = outcome_of(&reply, matches!(reply, UserReply::SessionResumed { .. }))?;
                say_goodbye(line.into_stream()).await;
                Ok(outcome)
            }
            Operation::LdapBind => bind(stream, self.task.ldap.as_ref()).await,
            Operation::Handshake => hang_up(stream).await.map(|()| Outcome::Done),
            Operation::HandshakeResumed => {
                let resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
                hang_up(stream).await?;
                Ok(if resumed { Outcome::Done } else { Outcome::Refused("full handshake".to_owned(), None) })
            }
            Operation::Show | Operation::Update => Err(io::Error::other("this takes an open connection")),
        }
    }

    async fn log_in(&mut self, line: &mut Line, name: &str) -> io::Result<UserReply> {
        let prover = self.task.prover.as_ref().ok_or_else(|| io::Error::other(no_set()))?;
        let call =
            UserCall::StartLogin { name: name.to_owned(), device_token: None, ke1: prover.ke1().to_vec() };
        let ke2 = match line.call(&call).await? {
            UserReply::LoginStarted { ke2, .. } => ke2,
            other => return Ok(other),
        };
        let mut exporter = [0; EXPORTER_BYTES];
        line.tls().export_keying_material(&mut exporter, EXPORTER_LABEL, None).map_err(io::Error::other)?;
        let ke3 = prover.finish(&ke2, &exporter).map_err(io::Error::other)?;
        let witness = std::mem::take(&mut self.witness);
        let reply = line.call(&UserCall::FinishLogin { ke3, device: device(), witness }).await?;
        if let UserReply::LoggedIn(session) = &reply {
            self.witness.clone_from(&session.witness);
        }
        Ok(reply)
    }
}

fn device() -> String {
    "bench".to_owned()
}

fn no_set() -> Failure {
    Failure::other("name the data directory that `vestry-bench data` made: --data-dir")
}

fn outcome_of(reply: &UserReply, is_own: bool) -> io::Result<Outcome> {
    match reply {
        UserReply::Refused(refusal) => Ok(refused(refusal)),
        _ if is_own => Ok(Outcome::Done),
        _ => Err(io::Error::other("an answer to something else")),
    }
}

/// The server has answered; whether it hears the goodbye is not part of it.
async fn say_goodbye(mut stream: Stream) {
    let _ = timeout(PATIENCE, stream.shutdown()).await;
}

fn pause_after(outcome: &Outcome) -> Duration {
    match outcome {
        Outcome::Done => Duration::ZERO,
        Outcome::Refused(_, wait) => wait.unwrap_or(PAUSE_AFTER_A_BREAK).min(PAUSE_MAX),
        Outcome::Broken(_) => PAUSE_AFTER_A_BREAK,
    }
}

async fn bind(mut stream: Stream, credentials: Option<&(String, String)>) -> io::Result<Outcome> {
    let (name, password) =
        credentials.ok_or_else(|| io::Error::other("name --ldap-name and --ldap-password"))?;
    stream.write_all(&ber::bind_request(name, password)).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    let code = loop {
        if let Some(code) = ber::bind_result(&answer).map_err(io::Error::other)? {
            break code;
        }
        match timeout(PATIENCE, stream.read_buf(&mut answer)).await {
            Ok(Ok(1..)) => {}
            Ok(Ok(0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        }
    };
    say_goodbye(stream).await;
    Ok(if code == ber::SUCCESS { Outcome::Done } else { Outcome::Refused(format!("LDAP {code}"), None) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_worker_that_was_held_up_does_what_was_due_with_the_times_of_the_schedule() {
        let start = Instant::now();
        let every = Duration::from_secs(10);
        // The first was due 35 s ago: four of them are late by now.
        let begun = start.checked_sub(Duration::from_secs(35)).unwrap();
        let mut pace = Pace::Open { next: begun, every };
        assert_eq!(pace.due(3).await, [begun, begun + every, begun + every * 2]);
        assert_eq!(pace.due(3).await, [begun + every * 3]);
    }

    #[tokio::test]
    async fn a_closed_loop_is_due_at_once() {
        assert_eq!(Pace::Closed.due(16).await.len(), 16);
    }

    #[test]
    fn a_refusal_that_says_when_is_waited_for_but_not_for_ever() {
        let busy = |ms| pause_after(&Outcome::Refused("Busy".to_owned(), Some(Duration::from_millis(ms))));
        assert_eq!((busy(50), busy(60_000)), (Duration::from_millis(50), PAUSE_MAX));
    }
}
