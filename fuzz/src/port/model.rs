//! What may be answered: who has which password, which sessions live, who proved what on which connection.
//!
//! It judges in one direction. A success needs a reason that it knows of; a refusal is always allowed, but for the
//! login at the end of a visit. It reads calls and replies, and never asks the server.

use std::collections::{BTreeMap, HashMap};
use vestry_protocol::fields::{Password, Username};
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::secret::{DeviceToken, SecretText};
use vestry_protocol::user::{Change, Envelope, NewSession, UserCall, UserReply};
use vestry_server::config::GateConfig;
use vestry_server::gate::calls::Call;

/// The settings of the server that is visited.
const IDLE_SECS_MAX: i64 = 60 * 60;
const ABSOLUTE_SECS_MAX: i64 = 24 * 60 * 60;
const CODE_SECS: i64 = 24 * 60 * 60;

type Token = [u8; 32];

/// The database as an observer who sees every call knows it.
#[derive(Clone, Default)]
pub struct Model {
    accounts: BTreeMap<String, Account>,
    sessions: HashMap<Token, Session>,
    /// Whose session a public number was seen to be.
    owners: HashMap<u64, String>,
    /// What devices were told to send, and for whom.
    devices: Vec<(Token, String)>,
    codes: Vec<Code>,
    uploads: Vec<Upload>,
    /// Guesses in a row at a name by strangers, and when the first of them was made.
    guesses: HashMap<String, (u32, i64)>,
    /// When codes had new passwords of an account evaluated.
    code_evaluations: HashMap<String, Vec<i64>>,
    /// The server's clock, from wherever it started.
    now: i64,
}

#[derive(Clone, Default)]
struct Account {
    /// The password that it was imported with.
    imported: Option<String>,
    opaque: Option<Opaque>,
    standing: Standing,
    /// Counts the credentials that it had, so that an old proof is told from a new one.
    version: u64,
}

#[derive(Clone, PartialEq, Eq)]
enum Opaque {
    Of(String),
    /// An envelope that nobody made for this name.
    Unusable,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Standing {
    #[default]
    Active,
    Suspended,
    Deleted,
}

#[derive(Clone)]
struct Session {
    name: String,
    live: bool,
    used: i64,
    opened: i64,
}

#[derive(Clone)]
struct Code {
    name: String,
    text: String,
    issued: i64,
    evaluations: u32,
}

#[derive(Clone)]
struct Upload {
    bytes: Vec<u8>,
    name: String,
    password: String,
}

/// What one connection may do.
#[derive(Default)]
pub struct Line {
    session: Option<Token>,
    exchange: Option<Exchange>,
    /// The name that this connection asked to register.
    registration: Option<String>,
    /// The name and the code of a reset that was begun.
    reset: Option<(String, String)>,
    /// The session, and the version of the password, of a new one that was begun.
    new_password: Option<(Token, u64)>,
    proof: Option<Proof>,
    logged_in: bool,
}

impl Line {
    /// Whether the server expects calls of a session here.
    #[must_use]
    pub fn is_in_session(&self) -> bool {
        self.session.is_some()
    }

    /// The KE3 that would finish the exchange that was started last.
    #[must_use]
    pub fn honest_ke3(&self) -> Option<&[u8]> {
        self.exchange.as_ref()?.honest.as_ref().map(|(_, ke3)| ke3.as_slice())
    }
}

struct Exchange {
    within: Option<Token>,
    name: Option<String>,
    version: u64,
    honest: Option<(String, Vec<u8>)>,
}

struct Proof {
    session: Token,
    version: u64,
}

/// What an operator did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Nobody may log in to it.
    Suspended,
    /// They may again.
    Resumed,
    /// It is gone.
    Deleted,
    /// It is back.
    Restored,
}

impl Model {
    /// The tokens that were ever issued.
    #[must_use]
    pub fn tokens(&self) -> Vec<Token> {
        let mut tokens: Vec<(i64, Token)> =
            self.sessions.iter().map(|(token, one)| (one.opened, *token)).collect();
        tokens.sort_unstable();
        tokens.into_iter().map(|(_, token)| token).collect()
    }

    /// The tokens that devices were ever given.
    #[must_use]
    pub fn devices(&self) -> Vec<Token> {
        self.devices.iter().map(|(token, _)| *token).collect()
    }

    /// The public numbers that were ever listed.
    #[must_use]
    pub fn session_ids(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = self.owners.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// The codes that were ever issued.
    #[must_use]
    pub fn codes(&self) -> Vec<String> {
        self.codes.iter().map(|code| code.text.clone()).collect()
    }

    /// The uploads that somebody made honestly, the newest last.
    #[must_use]
    pub fn uploads(&self) -> Vec<Vec<u8>> {
        self.uploads.iter().map(|upload| upload.bytes.clone()).collect()
    }

    /// Whose session a connection has.
    #[must_use]
    pub fn name_on(&self, line: &Line) -> Option<String> {
        Some(self.sessions.get(&line.session?)?.name.clone())
    }

    /// Somebody who must be able to log in with a password.
    #[must_use]
    pub fn somebody(&self) -> Option<(String, String)> {
        let active = self.accounts.iter().filter(|(_, account)| account.standing == Standing::Active);
        active.into_iter().find_map(|(name, account)| match &account.opaque {
            Some(Opaque::Of(password)) => Some((name.clone(), password.clone())),
            _ => None,
        })
    }

    /// An account was imported with the hash of a password.
    pub fn imported(&mut self, name: &str, password: String) {
        let account = Account { imported: Some(password), ..Account::default() };
        assert!(self.accounts.insert(name.to_owned(), account).is_none(), "a name was won twice");
    }

    /// An upload that was made for a name with a password.
    pub fn made_upload(&mut self, name: String, password: String, bytes: Vec<u8>) {
        self.uploads.push(Upload { bytes, name, password });
    }

    /// The clock moved on.
    pub fn advance(&mut self, seconds: i64) {
        self.now += seconds;
    }

    /// An operator did something.
    pub fn operated(&mut self, name: &str, act: Act) {
        let account = self.accounts.get_mut(name).expect("an operator did something with nobody");
        account.standing = match act {
            Act::Suspended => Standing::Suspended,
            Act::Resumed | Act::Restored => Standing::Active,
            Act::Deleted => Standing::Deleted,
        };
        if matches!(act, Act::Suspended | Act::Deleted) {
            self.end_sessions_of(name);
        }
    }

    /// An operator issued a code.
    pub fn issued(&mut self, name: &str, code: &str) {
        self.codes.retain(|code| code.name != name);
        self.codes.push(Code {
            name: name.to_owned(),
            text: code.to_owned(),
            issued: self.now,
            evaluations: 0,
        });
    }

    /// Holds one answer against what is known, and learns from it. `honest` is the password and the KE3 that an
    /// honest client made of an answer to `StartLogin` or `StartProof`.
    ///
    /// # Panics
    /// When the answer is one that must not be given.
    pub fn judge(
        &mut self,
        line: &mut Line,
        call: &UserCall,
        reply: &UserReply,
        honest: Option<(String, Vec<u8>)>,
    ) {
        let of_session = Call::of(call).row().is_of_session();
        let used = line.session.and_then(|token| self.sessions.get_mut(&token));
        if let Some(session) = used.filter(|_| of_session) {
            session.used = session.used.max(self.now);
        }
        match reply {
            UserReply::Refused(refusal) => judge_refusal(line, call, refusal),
            _ if of_session => {
                let name = self.require_session(line);
                self.judge_in_session(line, &name, call, reply, honest);
            }
            _ => self.judge_without_session(line, call, reply, honest),
        }
        forget_what_is_used_up(line, call);
    }

    fn judge_without_session(
        &mut self,
        line: &mut Line,
        call: &UserCall,
        reply: &UserReply,
        honest: Option<(String, Vec<u8>)>,
    ) {
        match (call, reply) {
            (UserCall::DescribeServer, UserReply::ServerDescribed(_)) => {}
            (UserCall::StartRegistration { name, .. }, UserReply::NewPasswordStarted { response, .. }) => {
                assert_eq!(response.len(), 64);
                let name = canonical(name);
                assert!(!self.accounts.contains_key(&name), "a taken name can be registered");
                self.guess(&name);
                line.registration = Some(name);
            }
            (UserCall::FinishRegistration { envelope, .. }, UserReply::Registered { name }) => {
                assert_eq!(
                    line.registration.take().as_ref(),
                    Some(name),
                    "made an account that was not begun"
                );
                let account = Account { opaque: Some(self.opaque_of(name, envelope)), ..Account::default() };
                assert!(self.accounts.insert(name.clone(), account).is_none(), "a name was won twice");
                self.guesses.remove(name);
            }
            (UserCall::StartLogin { name, device_token, .. }, UserReply::LoginStarted { ke2, .. }) => {
                assert_eq!(ke2.len(), 320, "an answer of another size");
                let name = Username::parse(name).ok().map(|name| name.to_string());
                if let Some(name) =
                    name.as_ref().filter(|name| !self.knows_device(device_token.as_ref(), name))
                {
                    self.guess(name);
                }
                self.start_exchange(line, None, name, honest);
            }
            (UserCall::FinishLogin { ke3, .. }, UserReply::LoggedIn(session)) => {
                let exchange = line.exchange.take().expect("logged in without an exchange");
                assert_eq!(exchange.within, None, "a proof opened a session");
                let name = exchange.name.clone().unwrap_or_default();
                self.account_that_opens(&name, &session.name);
                self.require_proven(&exchange, ke3);
                self.open(line, session);
                self.guesses.remove(&name);
            }
            (UserCall::LogInImported { name, password, .. }, UserReply::LoggedIn(session)) => {
                let account = self.account_that_opens(name, &session.name);
                let password = normal(password);
                assert_eq!(account.imported.as_ref(), Some(&password), "logged in with a wrong password");
                self.open(line, session);
                let account = self.accounts.get_mut(&session.name).expect("it is known");
                (account.imported, account.opaque) = (None, Some(Opaque::Of(password)));
                account.version += 1;
                self.guesses.remove(&session.name);
            }
            (UserCall::ResumeSession { token }, UserReply::SessionResumed { name }) => {
                line.session = Some(*token.expose_secret());
                line.logged_in = false;
                assert_eq!(&self.require_session(line), name, "a session of somebody else was resumed");
            }
            (UserCall::StartReset { name, code, .. }, UserReply::NewPasswordStarted { response, .. }) => {
                assert_eq!(response.len(), 64);
                let name = canonical(name);
                let code = self.evaluate_by_code(&name, code);
                line.reset = Some((name, code));
            }
            (UserCall::FinishReset { envelope }, UserReply::PasswordReset { name, .. }) => {
                let (begun, code) = line.reset.take().expect("reset without a first half");
                assert_eq!(&begun, name, "somebody else's password was reset");
                let opaque = Some(self.opaque_of(name, envelope));
                let account = self.use_code(name, &code);
                (account.imported, account.opaque) = (None, opaque);
                self.guesses.remove(name);
            }
            _ => panic!("{call:?} was answered by {reply:?}"),
        }
    }

    fn judge_in_session(
        &mut self,
        line: &mut Line,
        name: &str,
        call: &UserCall,
        reply: &UserReply,
        honest: Option<(String, Vec<u8>)>,
    ) {
        let version = self.accounts[name].version;
        match (call, reply) {
            (UserCall::ShowAccount, UserReply::AccountShown(account)) => assert_eq!(account.name, name),
            (UserCall::UpdateAccount(update), UserReply::AccountUpdated(account)) => {
                assert_eq!(account.name, name, "somebody else was changed");
                if update.email != Change::Keep {
                    self.require_proof(line, version);
                }
            }
            (UserCall::StartProof { .. }, UserReply::LoginStarted { ke2, .. }) => {
                assert_eq!(ke2.len(), 320);
                self.start_exchange(line, line.session, Some(name.to_owned()), honest);
            }
            (UserCall::FinishProof { ke3 }, UserReply::PasswordProven) => {
                let exchange = line.exchange.take().expect("proven without an exchange");
                assert_eq!(exchange.within, line.session, "proven in another session than it was started in");
                assert_eq!(exchange.name.as_deref(), Some(name), "somebody else's password was proven");
                self.require_proven(&exchange, ke3);
                line.proof = line.session.map(|session| Proof { session, version });
            }
            (UserCall::StartNewPassword { .. }, UserReply::NewPasswordStarted { .. }) => {
                self.require_proof(line, version);
                line.new_password = line.session.map(|session| (session, version));
            }
            (UserCall::FinishNewPassword { envelope }, UserReply::PasswordChanged(session)) => {
                let begun = line.new_password.take().expect("changed without a first half");
                assert_eq!((Some(begun.0), begun.1), (line.session, version), "changed by an old proof");
                let opaque = Some(self.opaque_of(name, envelope));
                let account = self.accounts.get_mut(name).expect("it is known");
                (account.imported, account.opaque) = (None, opaque);
                account.version += 1;
                self.reopen(line, name, session);
            }
            (UserCall::DeleteAccount, UserReply::AccountDeleted { .. }) => {
                self.require_proof(line, version);
                self.operated(name, Act::Deleted);
                line.session = None;
            }
            (UserCall::ListSessions, UserReply::SessionsListed(sessions)) => {
                assert_eq!(sessions.iter().filter(|session| session.current).count(), 1);
                for session in sessions {
                    let owner = self.owners.entry(session.id).or_insert_with(|| name.to_owned());
                    assert_eq!(owner, name, "somebody else's session is listed");
                }
            }
            (UserCall::RevokeSession { id }, UserReply::SessionRevoked) => {
                let owner = self.owners.get(id).expect("a session that nobody saw was revoked");
                assert_eq!(owner, name, "somebody else's session was revoked");
            }
            (UserCall::RememberDevice, UserReply::DeviceRemembered { token }) => {
                let token = *token.expose_secret();
                let is_new = !self.devices().contains(&token) && !self.sessions.contains_key(&token);
                assert!(is_new, "a token was issued twice");
                assert!(std::mem::take(&mut line.logged_in), "a device token without a login of its own");
                self.devices.push((token, name.to_owned()));
            }
            (UserCall::ListDevices, UserReply::DevicesListed(devices)) => {
                let own = self.devices.iter().filter(|(_, owner)| owner == name).count();
                assert!(devices.len() <= own.min(16), "devices that nobody remembered are listed");
            }
            (UserCall::ForgetDevice { .. }, UserReply::DeviceForgotten) => {
                assert!(
                    self.devices.iter().any(|(_, owner)| owner == name),
                    "somebody else's device was forgotten"
                );
            }
            (UserCall::ShowNotices, UserReply::NoticesShown(_)) => {}
            (UserCall::LogOut { everywhere }, UserReply::LoggedOut { .. }) => {
                let token = line.session.take().expect("it was required");
                self.sessions.get_mut(&token).expect("it is known").live = false;
                if *everywhere {
                    self.end_sessions_of(name);
                }
            }
            _ => panic!("{call:?} was answered by {reply:?}"),
        }
    }

    /// Whose live session this connection has.
    fn require_session(&self, line: &Line) -> String {
        let token = line.session.expect("a call of a session was done without one");
        let session = self.sessions.get(&token).expect("a made-up token opened a session");
        assert!(session.live, "a session that ended was used");
        assert!(self.now - session.opened <= ABSOLUTE_SECS_MAX, "a session outlived its end");
        assert!(self.now - session.used <= IDLE_SECS_MAX, "a session that was idle for too long was used");
        assert!(self.accounts[&session.name].standing == Standing::Active, "somebody acts who may not");
        session.name.clone()
    }

    fn require_proven(&self, exchange: &Exchange, ke3: &[u8]) {
        let (password, honest) =
            exchange.honest.as_ref().expect("an exchange without an honest client was finished");
        assert_eq!(honest, ke3, "a KE3 that no honest client made was taken");
        let account = &self.accounts[exchange.name.as_ref().expect("a name that can exist")];
        assert_eq!(account.version, exchange.version, "an old password was proven");
        assert!(account.opaque == Some(Opaque::Of(password.clone())), "a wrong password was proven");
    }

    /// A proof that was given within this session, of the password that is in force; used up.
    fn require_proof(&self, line: &mut Line, version: u64) {
        let proof = line.proof.take().expect("done without a proof");
        assert!(Some(proof.session) == line.session && proof.version == version);
    }

    /// A stranger had something evaluated under the key of a name: failures and what is under way are ten at most, then one
    /// after 1, 2, 4 … seconds, and a hundred in a row.
    fn guess(&mut self, name: &str) {
        let now = self.now;
        let (count, since) = self.guesses.entry(name.to_owned()).or_insert((0, now));
        *count += 1;
        let passed = u64::try_from(now - *since).expect("the clock of a visit goes forward");
        let delays = u64::BITS - 1 - (passed + 1).leading_zeros();
        let limits = GateConfig::default();
        let allowed = (2 * limits.account_guesses_at_once + delays).min(limits.account_guesses_max);
        assert!(*count <= allowed, "{count} guesses at {name} in {passed} s");
    }

    fn knows_device(&self, token: Option<&DeviceToken>, name: &str) -> bool {
        token.is_some_and(|token| {
            self.devices.iter().any(|(known, owner)| known == token.expose_secret() && owner == name)
        })
    }

    /// A right code has a new password evaluated: three times, and six times a day for all codes of an account.
    fn evaluate_by_code(&mut self, name: &str, typed: &SecretText) -> String {
        let typed = plain_code(typed.expose_secret());
        let code = self.codes.iter_mut().find(|code| code.name == name && plain_code(&code.text) == typed);
        let code = code.expect("a new password was evaluated by a made-up code");
        assert!(self.now - code.issued <= CODE_SECS, "an old code was taken");
        code.evaluations += 1;
        let limits = GateConfig::default();
        assert!(code.evaluations <= limits.code_evaluations_max, "a code was used too often");
        let (now, times) = (self.now, self.code_evaluations.entry(name.to_owned()).or_default());
        times.retain(|at| now - at < 24 * 60 * 60);
        times.push(now);
        assert!(
            times.len() <= limits.code_evaluations_per_day_max as usize,
            "an account's codes were used too often"
        );
        typed
    }

    fn account_that_opens(&self, typed: &str, shown: &str) -> &Account {
        assert_eq!(canonical(typed), shown, "logged in as somebody else");
        let account = self.accounts.get(shown).expect("nobody logged in");
        assert!(account.standing == Standing::Active, "somebody logged in who may not");
        account
    }

    fn open(&mut self, line: &mut Line, opened: &NewSession) {
        let token = *opened.token.expose_secret();
        let session = Session { name: opened.name.clone(), live: true, used: self.now, opened: self.now };
        assert!(self.sessions.insert(token, session).is_none(), "a token was issued twice");
        line.session = Some(token);
        line.logged_in = true;
    }

    fn reopen(&mut self, line: &mut Line, name: &str, opened: &NewSession) {
        assert_eq!(opened.name, name);
        self.end_sessions_of(name);
        self.open(line, opened);
        // A device is remembered after a login, not after a change.
        line.logged_in = false;
    }

    fn use_code(&mut self, name: &str, typed: &str) -> &mut Account {
        let found = self.codes.iter().position(|code| code.name == name && plain_code(&code.text) == typed);
        let code = self.codes.swap_remove(found.expect("a made-up or used code was taken"));
        assert!(self.now - code.issued <= CODE_SECS, "an old code was taken");
        self.end_sessions_of(name);
        let account = self.accounts.get_mut(name).expect("it is known");
        assert!(account.standing != Standing::Deleted, "a deleted account got a password");
        account.version += 1;
        account
    }

    fn end_sessions_of(&mut self, name: &str) {
        for session in self.sessions.values_mut().filter(|session| session.name == name) {
            session.live = false;
        }
    }

    fn start_exchange(
        &self,
        line: &mut Line,
        within: Option<Token>,
        name: Option<String>,
        honest: Option<(String, Vec<u8>)>,
    ) {
        (line.registration, line.reset, line.new_password) = (None, None, None);
        let version =
            name.as_ref().and_then(|name| self.accounts.get(name)).map_or(0, |account| account.version);
        line.exchange = Some(Exchange { within, name, version, honest });
    }

    fn opaque_of(&self, name: &str, envelope: &Envelope) -> Opaque {
        let made =
            self.uploads.iter().rev().find(|upload| upload.bytes == envelope.upload && upload.name == name);
        made.map_or(Opaque::Unusable, |upload| Opaque::Of(upload.password.clone()))
    }
}

fn judge_refusal(line: &mut Line, call: &UserCall, refusal: &Refusal) {
    let code = refusal.known_code().expect("a code that the protocol knows");
    let mistakes = [RefusalCode::Internal, RefusalCode::Unavailable, RefusalCode::Malformed];
    assert!(!mistakes.contains(&code), "{call:?} made the server fail: {}", refusal.message);
    assert!(!crate::has_control(&refusal.message), "{:?}", refusal.message);
    if Call::of(call).row().is_of_session() && line.session.is_none() {
        assert_eq!(code, RefusalCode::NotLoggedIn, "{call:?} without a session");
    }
    if code == RefusalCode::SessionEnded && !matches!(call, UserCall::ResumeSession { .. }) {
        line.session = None;
    }
}

/// What a call uses up whether or not it was done.
fn forget_what_is_used_up(line: &mut Line, call: &UserCall) {
    if matches!(call, UserCall::FinishLogin { .. }) {
        line.exchange = None;
    }
    if matches!(call, UserCall::FinishProof { .. }) && line.session.is_some() {
        line.exchange = None;
    }
}

fn canonical(typed: &str) -> String {
    Username::parse(typed).expect("a name that cannot exist was taken").to_string()
}

fn normal(password: &SecretText) -> String {
    Password::parse(password).expect("a password that cannot be one was taken").expose_secret().to_owned()
}

/// A code as however it was typed.
fn plain_code(code: &str) -> String {
    let kept = code.chars().filter(|c| !c.is_whitespace() && *c != '-');
    kept.map(|c| match c.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        other => other,
    })
    .collect()
}
