//! One play: an attacker does one thing as often as the server lets it, for some seconds, and counts what it gets by the
//! replies. A reply that comes when the time is over is not counted.

use super::ground::Ground;
use super::port::{Line, UserPort};
use super::promise::Promise;
use super::thief::{Loot, again, of_opaque, refused};
use crate::failure::Failure;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use vestry_opaque::{NO_PROOF, ProvingPassword, SealingPassword, SystemRandom};
use vestry_protocol::fields::{NewPassword, Password, PasswordOwner, PasswordPolicy};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::secret::{SecretText, SessionToken};
use vestry_protocol::user::{Change, Profile, ProfileUpdate, UserCall, UserReply};

/// The pause after a round in which the server throttled everything: short beside a second, which is the unit of its delays,
/// and long enough that waiting costs the server little.
const PAUSE: Duration = Duration::from_millis(100);

/// A password that no account has.
const WRONG_PASSWORD: &str = "quiet lantern beside seven rivers";

/// A one-time code that no account has.
const WRONG_CODE: &str = "00000-00000-00000-00000";

/// Who plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Player {
    /// One address, without an account.
    Stranger,
    /// The session of an account, without its password.
    Thief,
    /// Many addresses.
    Crowd,
}

impl Player {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::Thief => "thief",
            Self::Crowd => "crowd",
        }
    }
}

/// What a play does.
#[derive(Debug)]
pub(super) enum Act {
    /// Guesses at this one account.
    GuessAt(String),
    /// Guesses at one name after another, so that no account throttles it.
    GuessAround,
    /// Asks by a registration whether this name is taken.
    AskFor(String),
    /// Tries one-time codes of this account.
    TryCodes(String),
    /// Makes accounts.
    Register,
    /// Guesses at the password of the session's account.
    Prove,
    /// Changes the profile of the session's account.
    Write,
}

/// One row of the table before it is played.
#[derive(Debug)]
pub(super) struct Play {
    pub(super) player: Player,
    pub(super) what: &'static str,
    pub(super) limit: Promise,
    pub(super) act: Act,
    /// The source of each connection.
    pub(super) sources: Vec<Ipv4Addr>,
}

/// The same afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Played {
    pub(super) player: Player,
    pub(super) what: &'static str,
    pub(super) limit: Promise,
    pub(super) got: u64,
    pub(super) end: End,
}

/// Why a play ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Its time was over.
    TimeOver,
    /// It got as much as a drill takes.
    Enough,
    /// The drill used its part of the registrations of this hour up.
    BudgetUsed,
    /// The server takes no registrations.
    Closed,
}

/// What all plays share.
pub(super) struct Stage {
    pub(super) port: Arc<UserPort>,
    pub(super) ground: Arc<Ground>,
    pub(super) loot: Loot,
    pub(super) time: Duration,
    /// A play that got so much ends.
    pub(super) most: u64,
    pub(super) registrations: Budget,
}

/// How many registrations of this hour the drill may still use up.
#[derive(Debug)]
pub(super) struct Budget(AtomicU64);

impl Budget {
    pub(super) fn new(registrations: u64) -> Self {
        Self(AtomicU64::new(registrations))
    }

    fn take(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    fn give_back(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a call came to.
enum Heard {
    Got,
    Throttled,
    Ended(End),
}

/// A play at work.
struct Work {
    stage: Arc<Stage>,
    act: Act,
    until: Instant,
    got: u64,
    end: Option<End>,
    /// The name that is tried until it is throttled or used up.
    name: Option<String>,
    wrong: WrongPassword,
}

impl Play {
    /// Plays it to its end.
    pub(super) async fn play(self, stage: Arc<Stage>) -> Result<Played, Failure> {
        let Self { player, what, limit, act, sources } = self;
        let session = matches!(act, Act::Prove | Act::Write).then_some(&stage.loot.session);
        let mut lines = Vec::with_capacity(sources.len());
        for from in sources {
            let session = session.map(|token| SessionToken::from_bytes(*token.expose_secret()));
            lines.push(Line::open(stage.port.clone(), from, session).await?);
        }
        let (wrong, until) = (WrongPassword::new()?, Instant::now() + stage.time);
        let mut work = Work { stage, act, until, got: 0, end: None, name: None, wrong };
        let mut breaks_off = false;
        while !work.is_over() {
            let before = work.got;
            for line in &mut lines {
                if !work.is_over() {
                    work.once(line).await?;
                }
            }
            // Attempts of one round are held open together, so that they take every slot there is.
            for line in lines.iter_mut().filter(|line| line.is_half_open) {
                if breaks_off { line.reopen().await? } else { work.finish(line).await? }
            }
            breaks_off = !breaks_off;
            if work.got == before {
                tokio::time::sleep(PAUSE).await;
            }
        }
        let Work { got, end, .. } = work;
        Ok(Played { player, what, limit, got, end: end.unwrap_or(End::TimeOver) })
    }
}

impl Work {
    fn is_over(&self) -> bool {
        self.end.is_some() || Instant::now() >= self.until
    }

    async fn once(&mut self, line: &mut Line) -> Result<(), Failure> {
        let heard = match &self.act {
            Act::GuessAt(name) => {
                let call =
                    UserCall::StartLogin { name: name.clone(), device_token: None, ke1: self.wrong.ke1()? };
                half_open(line, &call).await?
            }
            Act::Prove => half_open(line, &UserCall::StartProof { ke1: self.wrong.ke1()? }).await?,
            Act::GuessAround => {
                let name = self.name.take().unwrap_or_else(|| self.stage.ground.name());
                let (ke1, device_token) = (self.wrong.ke1()?, None);
                let call = UserCall::StartLogin { name: name.clone(), device_token, ke1 };
                let heard = half_open(line, &call).await?;
                self.name = Some(name).filter(|_| matches!(heard, Heard::Got));
                heard
            }
            Act::AskFor(name) => {
                let call = self.start_registration(name.clone())?;
                let reply = line.ask(&call).await?;
                heard_of(reply, |reply| is_refused_with(reply, RefusalCode::NameTaken))?
            }
            Act::TryCodes(name) => {
                let (name, code) = (name.clone(), SecretText::new(WRONG_CODE.to_owned()));
                let call = UserCall::StartReset { name, code, request: self.wrong.request()? };
                let reply = line.ask(&call).await?;
                heard_of(reply, |reply| is_refused_with(reply, RefusalCode::WrongCode))?
            }
            Act::Register => self.register(line).await?,
            Act::Write => {
                let age = Change::Set(u16::try_from(self.got % 100).unwrap_or(0));
                let call = UserCall::UpdateAccount(ProfileUpdate { age, ..ProfileUpdate::default() });
                heard_of(line.ask(&call).await?, |reply| matches!(reply, UserReply::AccountUpdated(_)))?
            }
        };
        match heard {
            Heard::Got if Instant::now() < self.until => self.got += 1,
            Heard::Got | Heard::Throttled => {}
            Heard::Ended(end) => self.end = Some(end),
        }
        if self.got >= self.stage.most {
            self.end = Some(End::Enough);
        }
        Ok(())
    }

    /// Makes one account, with both halves of the registration.
    async fn register(&mut self, line: &mut Line) -> Result<Heard, Failure> {
        if !self.stage.registrations.take() {
            return Ok(Heard::Ended(End::BudgetUsed));
        }
        let name = self.name.take().unwrap_or_else(|| self.stage.ground.account_name());
        let started = line.ask(&self.start_registration(name.clone())?).await?;
        let heard = heard_of(started, |reply| matches!(reply, UserReply::NewPasswordStarted { .. }))?;
        if !matches!(heard, Heard::Got) {
            self.stage.registrations.give_back();
            self.name = Some(name);
            return Ok(heard);
        }
        let (envelope, profile) = (again(&self.stage.loot.envelope), Profile::default());
        let made = line.ask(&UserCall::FinishRegistration { envelope, profile }).await?;
        heard_of(made, |reply| matches!(reply, UserReply::Registered { .. }))
    }

    /// Sends the second half with a proof that proves nothing: the guess was wrong.
    async fn finish(&self, line: &mut Line) -> Result<(), Failure> {
        line.is_half_open = false;
        let call = match self.act {
            Act::Prove => UserCall::FinishProof { ke3: NO_PROOF.to_vec() },
            _ => UserCall::FinishLogin {
                ke3: NO_PROOF.to_vec(),
                device: "drill".to_owned(),
                witness: Vec::new(),
            },
        };
        match line.ask(&call).await? {
            // The connection was lost in between, or the attempt was too old: a failure either way.
            UserReply::Refused(refusal)
                if refusal.is(RefusalCode::WrongCredentials) || refusal.is(RefusalCode::NotStarted) =>
            {
                Ok(())
            }
            other => Err(refused(other)),
        }
    }

    fn start_registration(&self, name: String) -> Result<UserCall, Failure> {
        Ok(UserCall::StartRegistration { name, request: self.wrong.request()?, invitation: None })
    }
}

/// Asks for the evaluation of a guess, which the connection then holds open.
async fn half_open(line: &mut Line, call: &UserCall) -> Result<Heard, Failure> {
    let heard = heard_of(line.ask(call).await?, |reply| matches!(reply, UserReply::LoginStarted { .. }))?;
    line.is_half_open |= matches!(heard, Heard::Got);
    Ok(heard)
}

/// Tells what was asked for from a refusal that only wants time. Any other refusal ends the drill.
fn heard_of(reply: UserReply, is_wanted: impl FnOnce(&UserReply) -> bool) -> Result<Heard, Failure> {
    if is_wanted(&reply) {
        return Ok(Heard::Got);
    }
    let is = |code| is_refused_with(&reply, code);
    // Without its first half: the connection was lost in between, and with it the attempt.
    if is(RefusalCode::Throttled) || is(RefusalCode::Busy) || is(RefusalCode::NotStarted) {
        return Ok(Heard::Throttled);
    }
    if is(RefusalCode::RegistrationClosed) {
        return Ok(Heard::Ended(End::Closed));
    }
    Err(refused(reply))
}

fn is_refused_with(reply: &UserReply, code: RefusalCode) -> bool {
    matches!(reply, UserReply::Refused(refusal) if refusal.is(code))
}

/// A password that is guessed: blinded for each call, and never stretched, since the server's evaluation is the guess.
struct WrongPassword(NewPassword);

impl WrongPassword {
    fn new() -> Result<Self, Failure> {
        let broke_off = |problem| Failure::Drill(format!("the guess cannot be used: {problem}"));
        let password = Password::parse(&SecretText::new(WRONG_PASSWORD.to_owned())).map_err(broke_off)?;
        let accepted = PasswordPolicy::default().accept(password, &PasswordOwner::default());
        accepted.map(Self).map_err(broke_off)
    }

    fn ke1(&self) -> Result<Vec<u8>, Failure> {
        let mut random = SystemRandom::open().map_err(of_opaque)?;
        Ok(ProvingPassword::start(self.0.as_password(), &mut random).map_err(of_opaque)?.1)
    }

    fn request(&self) -> Result<Vec<u8>, Failure> {
        let mut random = SystemRandom::open().map_err(of_opaque)?;
        Ok(SealingPassword::start(&self.0, &mut random).map_err(of_opaque)?.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_used_up_and_what_was_not_used_comes_back() {
        let budget = Budget::new(1);
        assert!(budget.take() && !budget.take());
        budget.give_back();
        assert!(budget.take() && !budget.take());
    }
}
