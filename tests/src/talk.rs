//! Calls and replies as a test tells them: what is asked, and what has to come back. Another reply fails the test, and is printed with
//! its call.

use crate::harness::{AdminWire, UserWire};
use std::borrow::Borrow;
use std::fmt::Debug;
use vestry_protocol::admin::{AdminCall, AdminReply, Status};
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::secret::DeviceToken;
use vestry_protocol::user::{
    Account, Change, NewSession, Notices, ProfileUpdate, RememberedDevice, ServerDescription, Session,
    UserCall, UserReply,
};

/// A reply, and the call that it answers.
#[derive(Debug)]
pub struct Answer<Reply> {
    call: String,
    /// What came back.
    pub reply: Reply,
}

/// What can be a refusal.
pub trait Refusable: Debug + Sized {
    /// Returns the refusal, or what came instead.
    ///
    /// # Errors
    /// When it is none.
    fn refusal(self) -> Result<Refusal, Self>;

    /// Returns the refusal.
    ///
    /// # Panics
    /// When it is none, or one with another code.
    #[track_caller]
    fn expect_refusal(self, code: RefusalCode) -> Refusal {
        let refusal = self.refusal().unwrap_or_else(|other| panic!("{code:?} was expected, not {other:?}"));
        assert!(refusal.is(code), "{code:?} was expected, not {refusal:?}");
        refusal
    }
}

impl Refusable for UserReply {
    fn refusal(self) -> Result<Refusal, Self> {
        if let Self::Refused(refusal) = self { Ok(refusal) } else { Err(self) }
    }
}

impl Refusable for AdminReply {
    fn refusal(self) -> Result<Refusal, Self> {
        if let Self::Refused(refusal) = self { Ok(refusal) } else { Err(self) }
    }
}

impl<Reply: Refusable> Refusable for Answer<Reply> {
    fn refusal(self) -> Result<Refusal, Self> {
        let Self { call, reply } = self;
        reply.refusal().map_err(|reply| Self { call, reply })
    }

    #[track_caller]
    fn expect_refusal(self, code: RefusalCode) -> Refusal {
        let Self { call, reply } = self;
        let refusal =
            reply.refusal().unwrap_or_else(|other| panic!("{call}: {code:?} was expected, not {other:?}"));
        assert!(refusal.is(code), "{call}: {code:?} was expected, not {refusal:?}");
        refusal
    }
}

/// Takes the content of one reply, or fails with the call and the other one.
macro_rules! content {
    ($answer:expr, $pattern:pat => $content:expr) => {{
        let Answer { call, reply } = $answer;
        match reply {
            $pattern => $content,
            other => panic!("{call} was answered by {other:?}"),
        }
    }};
}

/// The calls of a user, each with the reply that it has when all goes well.
#[expect(async_fn_in_trait, reason = "only tests call it, on one type")]
pub trait User {
    /// Makes a call, whatever comes back.
    async fn ask(&mut self, call: impl Borrow<UserCall>) -> Answer<UserReply>;

    /// Returns what the server says of itself.
    async fn describe(&mut self) -> ServerDescription {
        content!(self.ask(UserCall::DescribeServer).await, UserReply::ServerDescribed(about) => about)
    }

    /// Returns the account of the session.
    async fn show(&mut self) -> Account {
        content!(self.ask(UserCall::ShowAccount).await, UserReply::AccountShown(account) => account)
    }

    /// Changes the account, and returns it.
    async fn update(&mut self, update: ProfileUpdate) -> Account {
        content!(self.ask(UserCall::UpdateAccount(update)).await, UserReply::AccountUpdated(account) => account)
    }

    /// Returns the sessions of the account.
    async fn sessions(&mut self) -> Vec<Session> {
        content!(self.ask(UserCall::ListSessions).await, UserReply::SessionsListed(sessions) => sessions)
    }

    /// Returns the number of this session.
    async fn own_session(&mut self) -> u64 {
        self.sessions().await.iter().find(|session| session.current).expect("this one is listed").id
    }

    /// Returns the devices of the account.
    async fn devices(&mut self) -> Vec<RememberedDevice> {
        content!(self.ask(UserCall::ListDevices).await, UserReply::DevicesListed(devices) => devices)
    }

    /// Has the server remember this device.
    async fn remember(&mut self) -> DeviceToken {
        content!(self.ask(UserCall::RememberDevice).await, UserReply::DeviceRemembered { token } => token)
    }

    /// Returns what the user has to know.
    async fn notices(&mut self) -> Notices {
        content!(self.ask(UserCall::ShowNotices).await, UserReply::NoticesShown(notices) => notices)
    }

    /// Ends this session, or all of them; how many ended.
    async fn log_out(&mut self, everywhere: bool) -> u64 {
        let answer = self.ask(UserCall::LogOut { everywhere }).await;
        content!(answer, UserReply::LoggedOut { sessions_ended } => sessions_ended)
    }
}

impl User for UserWire {
    async fn ask(&mut self, call: impl Borrow<UserCall>) -> Answer<UserReply> {
        let call = call.borrow();
        let reply =
            self.call(call).await.unwrap_or_else(|error| panic!("{call:?} was not answered: {error}"));
        Answer { call: format!("{call:?}"), reply }
    }
}

/// The calls of an operator.
#[expect(async_fn_in_trait, reason = "only tests call it, on one type")]
pub trait Operator {
    /// Makes a call, whatever comes back.
    async fn ask(&mut self, call: impl Borrow<AdminCall>) -> Answer<AdminReply>;

    /// Returns what the server is like.
    async fn status(&mut self) -> Status {
        content!(self.ask(AdminCall::ShowStatus).await, AdminReply::StatusShown(status) => status)
    }
}

impl Operator for AdminWire {
    async fn ask(&mut self, call: impl Borrow<AdminCall>) -> Answer<AdminReply> {
        let call = call.borrow();
        let reply =
            self.call(call).await.unwrap_or_else(|error| panic!("{call:?} was not answered: {error}"));
        Answer { call: format!("{call:?}"), reply }
    }
}

/// Returns the session that a login opened; panics on any other answer.
#[track_caller]
pub fn logged_in(reply: UserReply) -> NewSession {
    match reply {
        UserReply::LoggedIn(session) => session,
        other => panic!("not logged in: {other:?}"),
    }
}

/// Returns a change of the age alone.
#[must_use]
pub fn age(age: u16) -> ProfileUpdate {
    ProfileUpdate { age: Change::Set(age), ..ProfileUpdate::default() }
}
