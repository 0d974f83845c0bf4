//! The gate: every attempt at something that may be guessed, asked for too often or taken away from others passes it.
//!
//! ```text
//!   Gate::admit ──▶ Admitted ──▶ what is guarded (an evaluation, a hash, a code, a name, a token)
//!       │              │                  │
//!       │ refused:     │ dropped          ├─ right: Verdicts::right in its act's transaction ─▶ Written ─▶ concluded
//!       │ nothing is   │ without a        ├─ wrong: Verdicts::wrong in its event's transaction ─▶ Written ─▶ concluded
//!       ▼ counted      ▼ verdict:         └─ half-open: HalfOpen, for 30 s; claimed by the second half, or
//!                        a failure                                                   a failure
//! ```
//!
//! [`Admitted`] is a witness: only [`Gate::admit`] builds one, and whatever evaluates an OPRF, checks a hash or a code, says
//! whether a name is taken, makes an account or hands out a token asks for one. An attempt counts from its admission
//! on: in memory, by the slots that it holds (`ledger.rs`); on disk when it fails, is dropped or times out. In OPAQUE a
//! client knows from KE2 whether the password was right, so that an exchange without a second half is a failure.
//!
//! Failures are in the database: a restart or a new connection changes nothing. One that cannot be written keeps its slot,
//! and no attempt is admitted until it is on disk (`recorder.rs`). Addresses are not looked at for what they are; loopback
//! is as good as any.
//!
//! Which lanes an attempt runs in is in [`Way`]; what their counts mean is in `policy.rs`; what each call of the user port
//! may cost is in `calls.rs`. Nothing here knows a password.

pub mod calls;
mod deadlines;
#[cfg(test)]
pub(crate) mod fixture;
mod ledger;
mod limits;
pub mod policy;
mod recorder;
mod right;
#[cfg(test)]
mod tests;
mod writes;

use crate::audit::act::Action;
use crate::clock::Clock;

use crate::failure::Failure;
use crate::hashing::pool::NotRun;
use crate::names::Target;
use crate::settings::Settings;
use crate::source::Source;
use deadlines::{Deadlines, Due};
use ledger::{Ledger, NoSlots, Slots};
use policy::{Policy, StreakPolicy};
use recorder::Recorder;
pub use right::Right;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use vestry_protocol::UnixSeconds;
use vestry_protocol::admin::Limit;
use vestry_store::{
    AccountId, KnownDevice, Lane, Noted, OprfId, ReadTx, ResetCode, SessionId, Store, StoreError, Streak,
    WriteTx,
};
pub use writes::Writes;

/// So many lanes are kept; beyond them the ones that failed longest ago are forgotten.
pub const LANES_MAX: u32 = 1_000_000;

/// The source of registrations from everywhere.
const EVERYBODY: &str = "";

/// How a target is attempted.
#[derive(Debug, Clone, Copy)]
pub enum Way<'a> {
    /// An evaluation under its key, by a stranger.
    Login,
    /// A login from a device that did so before. Strangers do not throttle it.
    LoginFromDevice(&'a KnownDevice),
    /// Proving the password within a session. Strangers do not throttle it.
    Session(SessionId),
    /// A registration: an evaluation under its key, whether the name is taken, and an account.
    Registration,
    /// A one-time code. It has 100 bits: a right one is always taken, and wrong ones are counted for their source.
    Code,
}

/// A lane: what is counted, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct LaneKey {
    lane: Lane,
    subject: String,
}

/// One lane of an attempt.
#[derive(Debug, Clone)]
struct Part {
    key: LaneKey,
    policy: Policy,
    role: Role,
}

/// When a lane counts an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// When it failed; a success starts the lane over.
    Secret,
    /// When it failed.
    Source,
    /// When it succeeded.
    Made,
    /// When a name was told: the attempt says that it is taken, or broke off behind a free one. Holds no slot, since a class
    /// registers at once.
    Told,
    /// When a code was wrong. Judged only then.
    WrongCode,
}

impl Part {
    fn is_judged(&self) -> bool {
        self.role != Role::WrongCode
    }

    fn takes_slot(&self) -> bool {
        matches!(self.role, Role::Secret | Role::Source | Role::Made)
    }
}

/// Counts what is under way and admits attempts. Cloning shares it.
#[derive(Clone)]
pub struct Gate {
    ledger: Ledger,
    recorder: Recorder,
    deadlines: Deadlines,
    clock: Clock,
    settings: Settings,
}

/// An attempt that was admitted: the witness that whatever is guarded asks for. Dropped without a verdict, it is a failure.
#[derive(Debug)]
pub struct Admitted {
    tried: Arc<Tried>,
    recorder: Recorder,
}

/// An attempt between its two halves. Claimed in time by the second, or a failure.
#[derive(Debug)]
pub struct HalfOpen {
    admitted: Admitted,
    due: Due,
    deadlines: Deadlines,
}

/// Writes down the outcome of an attempt, in the transaction of what came of it.
#[derive(Debug, Clone)]
pub struct Verdicts(Arc<Tried>);

/// That the outcome of an attempt is on disk, once its transaction is.
#[derive(Debug)]
#[must_use = "an attempt without its verdict is a failure"]
pub struct Written(Arc<Tried>);

/// That too many of its kind were wrong before it, from the same source.
#[derive(Debug)]
pub struct OverLimit {
    wait_ms: u64,
}

impl From<&OverLimit> for Failure {
    fn from(over: &OverLimit) -> Self {
        Self::Throttled { wait_ms: over.wait_ms }
    }
}

/// What is attempted, and how it stands.
struct Tried {
    source: Source,
    action: Action,
    target: Target,
    parts: Vec<Part>,
    tells: Tells,
    device: Option<i64>,
    state: AtomicU8,
    slots: Mutex<Option<Slots>>,
}

/// Who is told of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tells {
    Nobody,
    /// Whoever logs in next by this key. When this is itself a login and right, it tells of those before it.
    AtLogin(OprfId),
    /// The same, from within a session, whose success is no login.
    AtNextLogin(OprfId),
}

/// Half-open, or under way.
const OPEN: u8 = 0;
/// Its second half is being judged: its deadline does not end it any more.
const CLAIMED: u8 = 1;
/// It has an outcome.
const OVER: u8 = 2;

impl std::fmt::Debug for Tried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tried").field("action", &self.action).finish_non_exhaustive()
    }
}

impl Gate {
    /// With tasks of its own that end attempts in time and write failures down.
    #[must_use]
    pub fn start(store: Store, clock: Clock, settings: Settings) -> Self {
        let supervisor = store.supervisor().clone();
        let recorder = Recorder::start(store, clock.clone());
        let deadlines = Deadlines::new();
        supervisor.task("deadlines", end_late_attempts(deadlines.clone(), recorder.clone()));
        Self { ledger: Ledger::default(), recorder, deadlines, clock, settings }
    }

    /// Admits an attempt, or refuses it. The view must not have been read from before: what is written meanwhile would be
    /// counted neither as under way nor as a failure.
    ///
    /// # Errors
    /// [`Failure::Throttled`] with the longest wait of its lanes; [`StoreError::NotWritable`] while failures cannot be
    /// written down.
    pub fn admit(
        &self,
        tx: &ReadTx<'_>,
        way: Way<'_>,
        target: &Target,
        source: &Source,
    ) -> Result<Admitted, Failure> {
        if self.recorder.is_behind() {
            return Err(StoreError::NotWritable.into());
        }
        let parts = self.parts_of(way, target.oprf_id, source);
        let streak = |key: &LaneKey| tx.streak(key.lane, &key.subject);
        let slots = self.ledger.enter(&parts, source.network_shared(), || self.clock.now(), streak);
        let slots = slots.map_err(|refused| match refused {
            NoSlots::Wait { ms } => Failure::Throttled { wait_ms: ms },
            NoSlots::Store(error) => error.into(),
        })?;
        let oprf_id = target.oprf_id;
        let (action, tells, device) = match way {
            Way::Login => (Action::LoginFailed, Tells::AtLogin(oprf_id), None),
            Way::LoginFromDevice(device) => (Action::LoginFailed, Tells::AtLogin(oprf_id), Some(device.id)),
            Way::Session(_) => (Action::LoginFailed, Tells::AtNextLogin(oprf_id), None),
            Way::Registration => (Action::RegistrationRefused, Tells::Nobody, None),
            Way::Code => (Action::ResetFailed, Tells::Nobody, None),
        };
        let (source, target) = (source.clone(), target.clone());
        let (state, slots) = (AtomicU8::new(OPEN), Mutex::new(Some(slots)));
        Ok(self.admitted(Tried { source, action, target, parts, tells, device, state, slots }))
    }

    /// Admits a step that a right password leads to. It guesses nothing, so it is counted nowhere and never told to wait.
    #[must_use]
    pub fn admit_proven(&self, _: Right, target: Target, source: &Source) -> Admitted {
        self.admitted(Tried {
            source: source.clone(),
            action: Action::PasswordProven,
            target,
            parts: Vec::new(),
            tells: Tells::Nobody,
            device: None,
            state: AtomicU8::new(OVER),
            slots: Mutex::new(None),
        })
    }

    fn admitted(&self, tried: Tried) -> Admitted {
        Admitted { tried: Arc::new(tried), recorder: self.recorder.clone() }
    }

    fn parts_of(&self, way: Way<'_>, oprf_id: OprfId, source: &Source) -> Vec<Part> {
        let limits = &self.settings.now().gate;
        let own = StreakPolicy {
            free: limits.account_guesses_at_once,
            guests: 0,
            closes_at: limits.account_guesses_max,
        };
        let strangers = StreakPolicy { guests: own.free, ..own };
        let secret = |lane, subject, policy| Part {
            key: LaneKey { lane, subject },
            policy: Policy::Streak(policy),
            role: Role::Secret,
        };
        let bucket = |lane, subject: &str, role, policy| Part {
            key: LaneKey { lane, subject: subject.to_owned() },
            policy: Policy::Bucket(policy),
            role,
        };
        let (address, network) = (source.address(), source.network());
        let around = [
            bucket(Lane::Source, address, Role::Source, limits.attempts_per_address()),
            bucket(Lane::Source, network, Role::Source, limits.attempts_per_network()),
        ];
        match way {
            Way::Login => {
                let mut parts = vec![secret(Lane::Account, oprf_id.to_hex(), strangers)];
                parts.extend(around);
                parts
            }
            Way::LoginFromDevice(device) => vec![
                secret(Lane::Device, device.id.to_string(), own),
                secret(Lane::Devices, oprf_id.to_hex(), own),
            ],
            Way::Session(session) => {
                vec![secret(Lane::Session, format!("{:016x}", session.to_wire()), own)]
            }
            Way::Registration => {
                let (made, told) = (Lane::Registrations, Lane::Names);
                vec![
                    secret(Lane::Account, oprf_id.to_hex(), strangers),
                    bucket(made, address, Role::Made, limits.registrations_per_address()),
                    bucket(made, network, Role::Made, limits.registrations_per_network()),
                    bucket(made, EVERYBODY, Role::Made, limits.registrations_per_hour()),
                    bucket(told, address, Role::Told, limits.names_per_address()),
                    bucket(told, network, Role::Told, limits.names_per_network()),
                ]
            }
            Way::Code => vec![
                bucket(Lane::Codes, address, Role::WrongCode, limits.wrong_codes_per_address()),
                bucket(Lane::Codes, network, Role::WrongCode, limits.wrong_codes_per_network()),
            ],
        }
    }

    /// Returns every limit in force, by its key in `vestryd.toml`.
    #[must_use]
    pub fn limits(&self) -> Vec<Limit> {
        self.settings.now().gate.shown()
    }

    /// How many of the registrations that everybody together has in an hour are used up. When all are, accounts come from the
    /// operator.
    ///
    /// # Errors
    /// When the store does.
    pub fn registrations_used(&self, tx: &ReadTx<'_>, now: UnixSeconds) -> Result<u32, StoreError> {
        let streak = tx.streak(Lane::Registrations, EVERYBODY)?;
        Ok(self.settings.now().gate.registrations_per_hour().level(streak.as_ref(), now))
    }

    /// Resolves when every failure so far is written down; never, while none can be.
    pub async fn flush(&self) {
        self.recorder.flush().await;
    }

    /// How many attempts at a secret are under way now.
    #[must_use]
    pub fn attempts_under_way(&self) -> u32 {
        self.ledger.attempts()
    }

    /// What is under way now: lane, subject, how much.
    #[cfg(test)]
    pub(crate) fn under_way(&self) -> Vec<(Lane, String, u32)> {
        self.ledger.shown()
    }
}

async fn end_late_attempts(deadlines: Deadlines, recorder: Recorder) {
    loop {
        let late = deadlines.next().await;
        if late.leave(OPEN, OVER) {
            recorder.record(late);
        }
    }
}

impl Admitted {
    /// Where it comes from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.tried.source
    }

    /// What it is aimed at.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.tried.target
    }

    /// What writes its outcome down.
    #[must_use]
    pub fn verdicts(&self) -> Verdicts {
        Verdicts(self.tried.clone())
    }

    /// Keeps it for its second half.
    #[must_use]
    pub fn half_open(self, gate: &Gate) -> HalfOpen {
        let due = gate.deadlines.push(&self.tried, gate.settings.now().gate.exchange_timeout);
        HalfOpen { admitted: self, due, deadlines: gate.deadlines.clone() }
    }

    /// It has an outcome, which is on disk.
    pub fn conclude(self, written: &Written) {
        if Arc::ptr_eq(&self.tried, &written.0) {
            self.tried.end();
        }
    }

    /// No hashing thread took it: nothing was tried, unless this is the second half of what was evaluated before.
    pub fn conclude_not_run(self, _: &NotRun) {
        if self.tried.leave(OPEN, OVER) {
            self.tried.give_slots_back();
        }
    }

    /// The password was right, and nothing of that needs to be written down, or can be.
    pub fn conclude_right(self, _: Right) {
        self.tried.end();
    }

    /// It was refused because of those before it.
    pub fn conclude_over_limit(self, _: &OverLimit) {
        self.tried.end();
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if self.tried.leave(OPEN, OVER) || self.tried.leave(CLAIMED, OVER) {
            self.recorder.record(self.tried.clone());
        }
    }
}

impl HalfOpen {
    /// For the second half: the attempt, if its time is not over.
    ///
    /// # Errors
    /// [`Failure::NotStarted`] when it is; it was a failure then.
    pub fn claim(self) -> Result<Admitted, Failure> {
        self.deadlines.remove(self.due);
        if self.admitted.tried.leave(OPEN, CLAIMED) { Ok(self.admitted) } else { Err(Failure::NotStarted) }
    }
}

impl Tried {
    /// Goes from one state to another; whether it was in the first.
    fn leave(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// It is over, and its slots are free.
    fn end(&self) {
        self.state.store(OVER, Ordering::Release);
        self.give_slots_back();
    }

    fn give_slots_back(&self) {
        drop(self.slots.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn count(
        &self,
        tx: &WriteTx<'_>,
        noted: &Noted<'_>,
        now: UnixSeconds,
        counts: impl Fn(Role) -> bool,
    ) -> Result<(), StoreError> {
        for Part { key, policy, role } in self.parts.iter().filter(|part| counts(part.role)) {
            let streak: Option<Streak> = tx.streak(key.lane, &key.subject)?;
            let streak = policy.after_failure(streak.as_ref(), now);
            let name = if *role == Role::Secret { self.target.name.as_str() } else { "" };
            tx.set_streak(noted, (key.lane, &key.subject), name, &streak)?;
        }
        Ok(())
    }

    fn count_failure(&self, tx: &WriteTx<'_>, noted: &Noted<'_>, now: UnixSeconds) -> Result<(), StoreError> {
        self.count(tx, noted, now, |role| role != Role::Made)?;
        match self.tells {
            Tells::Nobody => Ok(()),
            Tells::AtLogin(id) | Tells::AtNextLogin(id) => tx.count_unseen(noted, id, &self.target.name, now),
        }
    }
}

impl Verdicts {
    /// It was right: its own lanes start over, and what was made counts. Returns the failures that the user was not told of
    /// yet.
    ///
    /// # Errors
    /// When the store does.
    pub fn right(
        &self,
        tx: &WriteTx<'_>,
        noted: &Noted<'_>,
        now: UnixSeconds,
    ) -> Result<(Written, u64), StoreError> {
        let unseen = match self.0.tells {
            Tells::AtLogin(id) => tx.see_failures(noted, id)?,
            Tells::Nobody | Tells::AtNextLogin(_) => 0,
        };
        // A source does not start over: who guesses can have successes at will.
        for Part { key, role, .. } in &self.0.parts {
            if *role == Role::Secret {
                tx.forget_streak(noted, key.lane, &key.subject)?;
            }
        }
        self.0.count(tx, noted, now, |role| role == Role::Made)?;
        if let Some(device) = self.0.device {
            tx.touch_device(noted, device, now)?;
        }
        Ok((Written(self.0.clone()), unseen))
    }

    /// Nothing was right or wrong: it led to an act that has its event in this transaction, or to a refusal that tells
    /// nothing but that the password was right.
    pub fn passed(&self, _: &Noted<'_>) -> Written {
        Written(self.0.clone())
    }

    /// It was wrong: its lanes count it, and the user is told at the next login.
    ///
    /// # Errors
    /// When the store does.
    pub fn wrong(
        &self,
        tx: &WriteTx<'_>,
        noted: &Noted<'_>,
        now: UnixSeconds,
    ) -> Result<Written, StoreError> {
        self.0.count_failure(tx, noted, now)?;
        Ok(Written(self.0.clone()))
    }

    /// A name was told to be taken; nothing was evaluated.
    ///
    /// # Errors
    /// When the store does.
    pub fn told(&self, tx: &WriteTx<'_>, noted: &Noted<'_>, now: UnixSeconds) -> Result<Written, StoreError> {
        self.0.count(tx, noted, now, |role| role == Role::Told)?;
        Ok(Written(self.0.clone()))
    }

    /// Whether its source may have another wrong code.
    ///
    /// # Errors
    /// When the store does.
    pub fn allow_wrong_code(
        &self,
        tx: &ReadTx<'_>,
        now: UnixSeconds,
    ) -> Result<Result<(), OverLimit>, StoreError> {
        for Part { key, policy, .. } in self.0.parts.iter().filter(|part| part.role == Role::WrongCode) {
            let streak = tx.streak(key.lane, &key.subject)?;
            let under_way = policy::UnderWay::default();
            if let policy::Verdict::Wait { ms } = policy.judge(streak.as_ref(), under_way, now) {
                return Ok(Err(OverLimit { wait_ms: ms }));
            }
        }
        Ok(Ok(()))
    }

    /// The code was right, and was used too often to be used again.
    pub fn right_code(&self, _: &ResetCode) -> Written {
        Written(self.0.clone())
    }

    /// Whether its own lanes have failures to start over from.
    ///
    /// # Errors
    /// When the store does.
    pub fn has_failures(&self, tx: &ReadTx<'_>) -> Result<bool, StoreError> {
        for Part { key, .. } in self.0.parts.iter().filter(|part| part.role == Role::Secret) {
            if tx.streak(key.lane, &key.subject)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The device of a login, when its token is of one that is remembered for this account: looked up again at each attempt.
///
/// # Errors
/// When the store does.
pub(crate) fn device_of(
    tx: &ReadTx<'_>,
    token_hash: Option<&[u8; 32]>,
    account: Option<AccountId>,
) -> Result<Option<KnownDevice>, StoreError> {
    let found = token_hash.map(|hash| tx.device_by_token(hash)).transpose()?.flatten();
    Ok(found.filter(|device| Some(device.account) == account))
}
