//! What a connection remembers between the two halves of an exchange, and between a proof and its use.
//!
//! One slot each: a new first half throws the unfinished one before it away, and whatever is taken out is used up. Nothing here
//! outlives two minutes or the session that it belongs to.

use crate::credentials::Exchange;
use crate::failure::Failure;
use crate::gate::Right;
use crate::gate::{Admitted, HalfOpen};
use crate::names::Target;
use crate::proofs::Proven;
use crate::sessions::LoggedIn;
use std::time::Duration;
use tokio::time::Instant;
use vestry_protocol::fields::Username;
use vestry_store::{AccountId, IssuedCode, NameKeys};

/// How long a proof may wait for the call that uses it: long enough to choose a new password.
const PROOF_LIFETIME: Duration = Duration::from_secs(120);

/// How long after the beginning of a login a device may ask to be remembered, and a record may move.
const FRESH_LOGIN_LIFETIME: Duration = Duration::from_secs(120);

/// The slots of a connection.
#[derive(Default)]
pub(super) struct Pending {
    half: Option<Box<Half>>,
    proof: Option<Box<Proof>>,
    fresh_login: Option<FreshLogin>,
    outdated: Option<Box<Proof>>,
}

/// A first half. It can be finished for nothing else.
pub(super) enum Half {
    Registration(HalfRegistration),
    Login(HalfLogin),
    Proof(HalfProof),
    Reset(HalfReset),
    /// Setting a password after a proof.
    NewPassword(Proof),
    /// Moving the record of the password that was proven.
    RecordMove(Proof),
}

/// Making an account of this name.
pub(super) struct HalfRegistration {
    pub(super) attempt: HalfOpen,
    pub(super) name: Username,
    pub(super) keys: NameKeys,
}

/// Opening a session.
pub(super) struct HalfLogin {
    pub(super) attempt: HalfOpen,
    pub(super) exchange: Exchange,
    pub(super) device_known: bool,
    pub(super) since: Instant,
}

/// Proving the password again within this session.
pub(super) struct HalfProof {
    pub(super) attempt: HalfOpen,
    pub(super) exchange: Exchange,
    session: LoggedIn,
}

/// Setting a password with a one-time code that was right.
pub(super) struct HalfReset {
    pub(super) account: AccountId,
    pub(super) code_hash: [u8; 32],
    pub(super) issued: IssuedCode,
    pub(super) deadline: Instant,
}

/// A login on this connection, a moment ago.
pub(super) struct FreshLogin {
    pub(super) right: Right,
    session: LoggedIn,
    until: Instant,
}

/// A proof of the password, of the session that it was given in, until a moment.
pub(super) struct Proof {
    pub(super) proven: Proven,
    session: LoggedIn,
    deadline: Instant,
}

impl Proof {
    fn is_of(&self, session: LoggedIn) -> bool {
        self.session.id() == session.id() && Instant::now() < self.deadline
    }
}

impl Pending {
    fn remember(&mut self, half: Half) {
        self.half = Some(Box::new(half));
    }

    pub(super) fn remember_registration(&mut self, attempt: HalfOpen, name: Username, keys: NameKeys) {
        self.remember(Half::Registration(HalfRegistration { attempt, name, keys }));
    }

    pub(super) fn remember_login(&mut self, login: HalfLogin) {
        self.remember(Half::Login(login));
    }

    pub(super) fn remember_proof_exchange(
        &mut self,
        attempt: HalfOpen,
        exchange: Exchange,
        session: LoggedIn,
    ) {
        self.remember(Half::Proof(HalfProof { attempt, exchange, session }));
    }

    pub(super) fn remember_reset(&mut self, reset: HalfReset) {
        self.remember(Half::Reset(reset));
    }

    pub(super) fn remember_new_password(&mut self, proven: Proven, session: LoggedIn, lifetime: Duration) {
        let deadline = Instant::now() + lifetime;
        self.remember(Half::NewPassword(Proof { proven, session, deadline }));
    }

    pub(super) fn remember_record_move(&mut self, proven: Proven, session: LoggedIn, lifetime: Duration) {
        let deadline = Instant::now() + lifetime;
        self.remember(Half::RecordMove(Proof { proven, session, deadline }));
    }

    fn take(&mut self) -> Option<Half> {
        self.half.take().map(|half| *half)
    }

    pub(super) fn take_registration(&mut self) -> Result<HalfRegistration, Failure> {
        match self.take() {
            Some(Half::Registration(half)) => Ok(half),
            _ => Err(Failure::NotStarted),
        }
    }

    pub(super) fn take_login(&mut self) -> Result<HalfLogin, Failure> {
        match self.take() {
            Some(Half::Login(half)) => Ok(half),
            _ => Err(Failure::NotStarted),
        }
    }

    /// The attempt that an unfinished login at this target is: going on with an imported password is the same guess, since an
    /// account has one credential.
    pub(super) fn take_attempt_at(&mut self, target: &Target) -> Option<Admitted> {
        match self.take() {
            Some(Half::Login(half)) => {
                let admitted = half.attempt.claim().ok()?;
                (admitted.target().oprf_id == target.oprf_id).then_some(admitted)
            }
            _ => None,
        }
    }

    /// The exchange of a proof that was started in this session.
    pub(super) fn take_proof_exchange(&mut self, session: LoggedIn) -> Result<HalfProof, Failure> {
        match self.take() {
            Some(Half::Proof(half)) if half.session.id() == session.id() => Ok(half),
            _ => Err(Failure::NotStarted),
        }
    }

    pub(super) fn take_reset(&mut self) -> Result<HalfReset, Failure> {
        match self.take() {
            Some(Half::Reset(half)) if Instant::now() < half.deadline => Ok(half),
            _ => Err(Failure::NotStarted),
        }
    }

    pub(super) fn take_new_password(&mut self, session: LoggedIn) -> Result<Proof, Failure> {
        match self.take() {
            Some(Half::NewPassword(half)) if half.is_of(session) => Ok(half),
            _ => Err(Failure::NotStarted),
        }
    }

    pub(super) fn take_record_move(&mut self, session: LoggedIn) -> Result<Proof, Failure> {
        match self.take() {
            Some(Half::RecordMove(half)) if half.is_of(session) => Ok(half),
            _ => Err(Failure::NotStarted),
        }
    }

    pub(super) fn remember_proof(&mut self, proven: Proven, session: LoggedIn) {
        let deadline = Instant::now() + PROOF_LIFETIME;
        self.proof = Some(Box::new(Proof { proven, session, deadline }));
    }

    /// Uses up the proof that the user gave on being asked again.
    pub(super) fn take_proof(&mut self, session: LoggedIn) -> Result<Proven, Failure> {
        let taken = self.proof.take().filter(|proof| proof.is_of(session));
        taken.map(|proof| proof.proven).ok_or(Failure::NotProven)
    }

    /// This connection logged in just now by a record of a key that is being replaced, by an attempt that began at `since`.
    pub(super) fn remember_outdated(&mut self, proven: Proven, session: LoggedIn, since: Instant) {
        self.outdated = Some(Box::new(Proof { proven, session, deadline: since + FRESH_LOGIN_LIFETIME }));
    }

    /// Uses up that this connection logged in by such a record, if it was a moment ago.
    pub(super) fn take_outdated(&mut self, session: LoggedIn) -> Result<Proven, Failure> {
        let taken = self.outdated.take().filter(|proof| proof.is_of(session));
        taken.map(|proof| proof.proven).ok_or(Failure::NoFreshLogin)
    }

    /// This connection logged in just now, by an attempt that began at `since`.
    pub(super) fn remember_fresh_login(&mut self, session: LoggedIn, right: Right, since: Instant) {
        self.fresh_login = Some(FreshLogin { right, session, until: since + FRESH_LOGIN_LIFETIME });
    }

    /// Uses up that this connection logged in, if it was a moment ago.
    pub(super) fn take_fresh_login(&mut self, session: LoggedIn) -> Result<FreshLogin, Failure> {
        match self.fresh_login.take() {
            Some(fresh) if fresh.session.id() == session.id() && Instant::now() < fresh.until => Ok(fresh),
            _ => Err(Failure::NoFreshLogin),
        }
    }

    /// Nothing came of it: it may be used again.
    pub(super) fn put_back(&mut self, fresh: FreshLogin) {
        self.fresh_login = Some(fresh);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    /// What a right password leads to: used once, in its session, and in time.
    #[tokio::test(start_paused = true)]
    async fn what_a_proof_leads_to_is_used_once_in_its_session_and_within_two_minutes() {
        let (own, other) = (LoggedIn::for_tests(1), LoggedIn::for_tests(2));
        let remembered = || {
            let mut pending = Pending::default();
            pending.remember_proof(Proven::for_tests(), own);
            pending.remember_fresh_login(own, Proven::for_tests().right(), Instant::now());
            pending.remember_outdated(Proven::for_tests(), own, Instant::now());
            pending
        };
        let taken = |pending: &mut Pending, session| {
            let proof = pending.take_proof(session).is_ok();
            (proof, pending.take_fresh_login(session).is_ok(), pending.take_outdated(session).is_ok())
        };
        let mut pending = remembered();
        assert_eq!(taken(&mut pending, own), (true, true, true));
        assert_eq!(taken(&mut pending, own), (false, false, false), "used up");
        let mut pending = remembered();
        assert_eq!(taken(&mut pending, other), (false, false, false), "of another session");
        let mut pending = remembered();
        advance(Duration::from_millis(119_999)).await;
        assert_eq!(taken(&mut pending, own), (true, true, true));
        let mut pending = remembered();
        advance(Duration::from_secs(120)).await;
        assert_eq!(taken(&mut pending, own), (false, false, false), "too late");
    }

    #[tokio::test(start_paused = true)]
    async fn a_half_is_finished_once_for_its_purpose_in_its_session_and_in_time() {
        let (own, other, time) = (LoggedIn::for_tests(1), LoggedIn::for_tests(2), Duration::from_secs(30));
        let moving = || {
            let mut pending = Pending::default();
            pending.remember_record_move(Proven::for_tests(), own, time);
            pending
        };
        let mut pending = moving();
        assert!(pending.take_record_move(own).is_ok());
        assert!(pending.take_record_move(own).is_err(), "used up");
        assert!(moving().take_record_move(other).is_err(), "of another session");
        assert!(moving().take_new_password(own).is_err(), "for another purpose");
        let mut late = moving();
        advance(time).await;
        assert!(late.take_record_move(own).is_err(), "too late");
    }
}
