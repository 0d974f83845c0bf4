//! What a connection remembers between the two halves of an OPAQUE exchange, and between a proof and its use.
//!
//! One slot each: a new exchange throws the unfinished one before it away, and whatever is taken out is used up.
//! Nothing here outlives two minutes or the session that it belongs to.

use crate::credentials::{Exchange, Proven};
use crate::failure::Failure;
use crate::sessions::LoggedIn;
use crate::throttle::Attempt;
use std::time::Duration;
use tokio::time::Instant;
use vestry_protocol::fields::Username;

/// How long a proof may wait for the call that uses it: long enough to stretch a new password.
const PROOF_LIFETIME: Duration = Duration::from_secs(120);

/// The slots of a connection.
#[derive(Default)]
pub(super) struct Pending {
    exchange: Option<Box<(Exchange, Purpose)>>,
    proof: Option<Box<Proof>>,
}

/// What an exchange is for. It can be finished for nothing else.
pub(super) enum Purpose {
    /// Opening a session.
    Login {
        /// The name that was tried, when it could be one.
        name: Option<Username>,
        /// The try that it is. Thrown away with the exchange, it counts as a failure.
        attempt: Attempt,
    },
    /// Proving the password again within this session.
    Proof {
        /// Which.
        session: LoggedIn,
        /// The try that it is.
        attempt: Attempt,
    },
}

struct Proof {
    proven: Proven,
    session: LoggedIn,
    /// Whether the user was asked for it just now; a login's own proof is good for a migration only.
    asked_again: bool,
    deadline: Instant,
}

impl Pending {
    pub(super) fn remember_exchange(&mut self, exchange: Exchange, purpose: Purpose) {
        self.exchange = Some(Box::new((exchange, purpose)));
    }

    /// The exchange of a login, the name that it tried, and the try that it is.
    pub(super) fn take_login(&mut self) -> Result<(Exchange, Option<Username>, Attempt), Failure> {
        match self.exchange.take().map(|slot| *slot) {
            Some((exchange, Purpose::Login { name, attempt })) => Ok((exchange, name, attempt)),
            Some((_, Purpose::Proof { .. })) | None => Err(Failure::NotStarted),
        }
    }

    /// The try that an unfinished login of this name was: whoever goes on with the password itself still makes one
    /// guess, since an account has either kind of credential.
    pub(super) fn take_attempt_of(&mut self, name: Option<&Username>) -> Option<Attempt> {
        match self.exchange.take().map(|slot| *slot) {
            Some((_, Purpose::Login { attempt, .. })) if attempt.is_of(name) => Some(attempt),
            Some(_) | None => None,
        }
    }

    /// The exchange of a proof that was started in this session, and the try that it is.
    pub(super) fn take_proof_exchange(&mut self, session: LoggedIn) -> Result<(Exchange, Attempt), Failure> {
        match self.exchange.take().map(|slot| *slot) {
            Some((exchange, Purpose::Proof { session: started_in, attempt }))
                if started_in.id() == session.id() =>
            {
                Ok((exchange, attempt))
            }
            Some(_) | None => Err(Failure::NotStarted),
        }
    }

    pub(super) fn remember_login(&mut self, proven: Proven, session: LoggedIn) {
        self.remember(proven, session, false);
    }

    pub(super) fn remember_proof(&mut self, proven: Proven, session: LoggedIn) {
        self.remember(proven, session, true);
    }

    fn remember(&mut self, proven: Proven, session: LoggedIn, asked_again: bool) {
        let deadline = Instant::now() + PROOF_LIFETIME;
        self.proof = Some(Box::new(Proof { proven, session, asked_again, deadline }));
    }

    /// Whether this session has a proof of any kind; it stays.
    pub(super) fn has_proof(&self, session: LoggedIn) -> bool {
        self.proof.as_ref().is_some_and(|proof| proof.is_of(session))
    }

    /// Uses up the proof that the user gave on being asked again.
    pub(super) fn take_proof(&mut self, session: LoggedIn) -> Result<Proven, Failure> {
        let taken = self.proof.take().filter(|proof| proof.is_of(session) && proof.asked_again);
        taken.map(|proof| proof.proven).ok_or(Failure::NotProven)
    }

    /// Uses up the proof of the login that opened this session, or a newer one.
    pub(super) fn take_login_proof(&mut self, session: LoggedIn) -> Result<Proven, Failure> {
        let taken = self.proof.take().filter(|proof| proof.is_of(session));
        taken.map(|proof| proof.proven).ok_or(Failure::NotProven)
    }
}

impl Proof {
    fn is_of(&self, session: LoggedIn) -> bool {
        self.session.id() == session.id() && Instant::now() < self.deadline
    }
}
