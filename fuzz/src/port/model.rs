//! What may be answered: who has which password, which sessions live, who proved what on which connection.
//!
//! It judges in one direction. A success needs a reason that it knows of; a refusal is always allowed, but for the
//! login at the end of a visit. It reads calls and replies, and never asks the server.

use std::collections::{BTreeMap, HashMap};
use vestry_protocol::fields::{Password, Username};
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::secret::SecretText;
use vestry_protocol::user::{Change, Envelope, NewSession, UserCall, UserReply};

/// The settings of the server that is visited.
const IDLE_SECS_MAX: i64 = 60 * 60;
const ABSOLUTE_SECS_MAX: i64 = 24 * 60 * 60;
const CODE_SECS: i64 = 24 * 60 * 60;

type Token = [u8; 32];

/// The register as an observer who sees every call knows it.
#[derive(Clone, Default)]
pub struct Model {
    accounts: BTreeMap<String, Account>,
    sessions: HashMap<Token, Session>,
    /// Whose session a public number was seen to be.
    owners: HashMap<u64, String>,
    /// What devices were told to present.
    devices: Vec<Token>,
    codes: Vec<Code>,
    uploads: Vec<Upload>,
    /// The server's clock, from wherever it started.
    now: i64,
}

#[derive(Clone, Default)]
struct Account {
    /// The password that its hash is of.
    hash: Option<String>,
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
    proof: Option<Proof>,
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
    of_hash: bool,
    asked_again: bool,
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
        self.devices.clone()
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

    /// Somebody who must be able to log in with a password: with their hash, or by OPAQUE.
    #[must_use]
    pub fn somebody(&self) -> Option<(String, String, bool)> {
        self.accounts.iter().filter(|(_, account)| account.standing == Standing::Active).find_map(
            |(name, account)| {
                let by_opaque = match &account.opaque {
                    Some(Opaque::Of(password)) => Some((name.clone(), password.clone(), true)),
                    _ => None,
                };
                by_opaque.or_else(|| Some((name.clone(), account.hash.clone()?, false)))
            },
        )
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
        self.codes.push(Code { name: name.to_owned(), text: code.to_owned(), issued: self.now });
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
        let used = line.session.and_then(|token| self.sessions.get_mut(&token));
        if let Some(session) = used.filter(|_| is_of_session(call)) {
            session.used = session.used.max(self.now);
        }
        match reply {
            UserReply::Refused(refusal) => judge_refusal(line, call, refusal),
            _ if is_of_session(call) => {
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
            (UserCall::Register(wanted), UserReply::Registered { name }) => {
                let hash = Some(normal(&wanted.password));
                self.register(&wanted.name, name, Account { hash, ..Account::default() });
            }
            (UserCall::FinishRegistration { name: typed, envelope, .. }, UserReply::Registered { name }) => {
                let opaque = Some(self.opaque_of(name, envelope));
                self.register(typed, name, Account { opaque, ..Account::default() });
            }
            (UserCall::StartRegistration { name, .. }, UserReply::RegistrationStarted { response, .. }) => {
                assert_eq!(response.len(), 64);
                assert!(!self.accounts.contains_key(&canonical(name)), "a taken name can be registered");
            }
            (UserCall::StartReset { .. }, UserReply::RegistrationStarted { response, .. }) => {
                assert_eq!(response.len(), 64);
            }
            (UserCall::LogIn { name, password, .. }, UserReply::LoggedIn(session)) => {
                let account = self.account_that_opens(name, &session.name);
                assert_eq!(account.hash, Some(normal(password)), "logged in with a wrong password");
                let version = account.version;
                self.open(line, session);
                line.proof =
                    line.session.map(|session| Proof { session, of_hash: true, asked_again: false, version });
            }
            (UserCall::StartLogin { name, .. }, UserReply::LoginStarted { ke2, .. }) => {
                assert_eq!(ke2.len(), 320, "an answer of another size");
                self.start_exchange(
                    line,
                    None,
                    Username::parse(name).ok().map(|name| name.to_string()),
                    honest,
                );
            }
            (UserCall::FinishLogin { ke3, .. }, UserReply::LoggedIn(session)) => {
                let exchange = line.exchange.take().expect("logged in without an exchange");
                assert_eq!(exchange.within, None, "a proof opened a session");
                let name = exchange.name.clone().unwrap_or_default();
                self.account_that_opens(&name, &session.name);
                self.require_proven(&exchange, ke3);
                self.open(line, session);
                let version = exchange.version;
                line.proof = line.session.map(|session| Proof {
                    session,
                    of_hash: false,
                    asked_again: false,
                    version,
                });
            }
            (UserCall::ResumeSession { token }, UserReply::SessionResumed { name }) => {
                line.session = Some(*token.expose_secret());
                assert_eq!(&self.require_session(line), name, "a session of somebody else was resumed");
            }
            (UserCall::PresentDevice { token }, UserReply::DevicePresented { known }) => {
                assert!(!known || self.devices.contains(token.expose_secret()), "a made-up device is known");
            }
            (UserCall::RedeemResetCode { name: typed, code, new }, UserReply::PasswordReset { name }) => {
                let account = self.use_code(typed, name, code);
                assert!(account.opaque.is_none(), "an account with OPAQUE takes a password again");
                account.hash = Some(normal(new));
            }
            (UserCall::FinishReset { name: typed, code, envelope }, UserReply::PasswordReset { name }) => {
                let opaque = Some(self.opaque_of(name, envelope));
                let account = self.use_code(typed, name, code);
                (account.hash, account.opaque) = (None, opaque);
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
                match (&update.email, &update.password) {
                    (Change::Keep, _) => {}
                    (_, Some(password)) => self.require_hash_of(name, password),
                    (_, None) => self.require_proof(line, version),
                }
            }
            (UserCall::ChangePassword { current, new }, UserReply::PasswordChanged(session)) => {
                self.require_hash_of(name, current);
                self.change_credential(name, Some(normal(new)), None);
                self.reopen(line, name, session);
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
                let proof = |session| Proof { session, of_hash: false, asked_again: true, version };
                line.proof = line.session.map(proof);
            }
            (UserCall::StartNewPassword { .. }, UserReply::RegistrationStarted { .. }) => {
                assert!(line.proof.as_ref().is_some_and(|proof| Some(proof.session) == line.session));
            }
            (UserCall::FinishNewPassword { envelope }, UserReply::PasswordChanged(session)) => {
                self.require_proof(line, version);
                let opaque = Some(self.opaque_of(name, envelope));
                self.change_credential(name, None, opaque);
                self.reopen(line, name, session);
            }
            (UserCall::FinishMigration { envelope }, UserReply::CredentialMigrated) => {
                let proof = line.proof.take().expect("moved without a proof");
                assert!(proof.of_hash && Some(proof.session) == line.session && proof.version == version);
                let opaque = self.opaque_of(name, envelope);
                let account = self.accounts.get_mut(name).expect("it is known");
                assert!(account.hash.is_some(), "there was nothing to move");
                account.opaque = Some(opaque);
            }
            (UserCall::DeleteAccount { password }, UserReply::AccountDeleted { .. }) => {
                self.require_hash_of(name, password);
                self.delete(line, name);
            }
            (UserCall::DeleteProvenAccount, UserReply::AccountDeleted { .. }) => {
                self.require_proof(line, version);
                self.delete(line, name);
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
                let is_new = !self.devices.contains(&token) && !self.sessions.contains_key(&token);
                assert!(is_new, "a token was issued twice");
                self.devices.push(token);
            }
            (UserCall::ShowFailures, UserReply::FailuresShown { .. }) => {}
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

    fn require_hash_of(&self, name: &str, password: &SecretText) {
        assert_eq!(self.accounts[name].hash, Some(normal(password)), "a wrong password was taken");
    }

    /// A proof that was asked for within this session, of the password that is in force; used up.
    fn require_proof(&self, line: &mut Line, version: u64) {
        let proof = line.proof.take().expect("done without a proof");
        assert!(proof.asked_again && Some(proof.session) == line.session && proof.version == version);
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
    }

    fn reopen(&mut self, line: &mut Line, name: &str, opened: &NewSession) {
        assert_eq!(opened.name, name);
        self.end_sessions_of(name);
        self.open(line, opened);
    }

    fn register(&mut self, typed: &str, shown: &str, account: Account) {
        assert_eq!(canonical(typed), shown);
        assert!(self.accounts.insert(shown.to_owned(), account).is_none(), "a name was won twice");
    }

    fn use_code(&mut self, typed: &str, shown: &str, code: &SecretText) -> &mut Account {
        assert_eq!(canonical(typed), shown);
        let typed = plain_code(code.expose_secret());
        let found = self.codes.iter().position(|code| code.name == shown && plain_code(&code.text) == typed);
        let code = self.codes.swap_remove(found.expect("a made-up or used code was taken"));
        assert!(self.now - code.issued <= CODE_SECS, "an old code was taken");
        self.end_sessions_of(shown);
        let account = self.accounts.get_mut(shown).expect("it is known");
        assert!(account.standing != Standing::Deleted, "a deleted account got a password");
        account.version += 1;
        account
    }

    fn change_credential(&mut self, name: &str, hash: Option<String>, opaque: Option<Opaque>) {
        let account = self.accounts.get_mut(name).expect("it is known");
        (account.hash, account.opaque) = (hash, opaque);
        account.version += 1;
    }

    fn delete(&mut self, line: &mut Line, name: &str) {
        self.operated(name, Act::Deleted);
        line.session = None;
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
    if is_of_session(call) && line.session.is_none() {
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

fn is_of_session(call: &UserCall) -> bool {
    match call {
        UserCall::ShowAccount
        | UserCall::UpdateAccount(_)
        | UserCall::ChangePassword { .. }
        | UserCall::DeleteAccount { .. }
        | UserCall::ListSessions
        | UserCall::RevokeSession { .. }
        | UserCall::LogOut { .. }
        | UserCall::StartProof { .. }
        | UserCall::FinishProof { .. }
        | UserCall::StartNewPassword { .. }
        | UserCall::FinishNewPassword { .. }
        | UserCall::FinishMigration { .. }
        | UserCall::DeleteProvenAccount
        | UserCall::RememberDevice
        | UserCall::ShowFailures => true,
        UserCall::DescribeServer
        | UserCall::Register(_)
        | UserCall::LogIn { .. }
        | UserCall::ResumeSession { .. }
        | UserCall::RedeemResetCode { .. }
        | UserCall::StartRegistration { .. }
        | UserCall::FinishRegistration { .. }
        | UserCall::StartLogin { .. }
        | UserCall::FinishLogin { .. }
        | UserCall::StartReset { .. }
        | UserCall::FinishReset { .. }
        | UserCall::PresentDevice { .. } => false,
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
