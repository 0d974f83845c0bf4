//! Histories: what a user and an operator do, in any order, beside a model that knows which tokens are live. After every
//! act each token that was ever handed out is tried: it opens a session exactly when the model says so.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::secret::SessionToken;
use vestry_protocol::user::{UserCall, UserReply};
use vestry_tests::harness::{OTHER_PASSWORD, PASSWORD, Server, UserWire, refusal_of, token_again};
use vestry_tests::light::{change_password, log_in, reset};
use vestry_tests::talk::Refusable;

const NAME: &str = "naman";
const HISTORIES: u32 = 6;
const ACTS_MAX: usize = 16;

/// What is done; a number picks one of the live sessions.
#[derive(Debug, Clone, Copy)]
enum Act {
    LogIn,
    LogOut(usize),
    LogOutEverywhere(usize),
    ChangePassword(usize),
    RevokeByOperator(usize),
    Suspend,
    Resume,
    Reset,
    Delete,
    Restore,
}

fn act() -> impl Strategy<Value = Act> {
    let pick = 0..8_usize;
    prop_oneof![
        4 => Just(Act::LogIn),
        1 => pick.clone().prop_map(Act::LogOut),
        1 => pick.clone().prop_map(Act::LogOutEverywhere),
        1 => pick.clone().prop_map(Act::ChangePassword),
        1 => pick.prop_map(Act::RevokeByOperator),
        1 => Just(Act::Suspend),
        2 => Just(Act::Resume),
        1 => Just(Act::Reset),
        1 => Just(Act::Delete),
        2 => Just(Act::Restore),
    ]
}

/// The account as it should be.
struct Model {
    server: Server,
    password: &'static str,
    suspended: bool,
    deleted: bool,
    tokens: Vec<(SessionToken, bool)>,
}

impl Model {
    async fn start() -> Self {
        // A history has more codes than an account has evaluations a day.
        let server =
            Server::start_with("gate.code_evaluations_per_day_max = 1000\ngate.writes_at_once = 1000");
        server.register(NAME).await;
        Self { server, password: PASSWORD, suspended: false, deleted: false, tokens: Vec::new() }
    }

    async fn operate(&self, call: fn(String) -> AdminCall) -> AdminReply {
        self.server.operate(call(NAME.to_owned())).await
    }

    fn end_all(&mut self) {
        self.tokens.iter_mut().for_each(|(_, live)| *live = false);
    }

    fn other_password(&self) -> &'static str {
        if self.password == PASSWORD { OTHER_PASSWORD } else { PASSWORD }
    }

    /// A connection that goes on with one of the live sessions, and which.
    async fn live(&self, pick: usize) -> Option<(usize, UserWire)> {
        let live: Vec<usize> = (0..self.tokens.len()).filter(|number| self.tokens[*number].1).collect();
        let number = *live.get(pick % live.len().max(1))?;
        let mut wire = self.server.connect().await;
        let token = token_again(&self.tokens[number].0);
        let resumed = wire.call(UserCall::ResumeSession { token }).await.unwrap();
        assert!(matches!(resumed, UserReply::SessionResumed { .. }), "{resumed:?}");
        Some((number, wire))
    }

    async fn log_in(&mut self) {
        // A deleted account answers as an unknown one, and whoever asks too often would be throttled.
        self.server.let_everybody_try_again().await;
        match log_in(&mut self.server.connect().await, NAME, self.password).await {
            UserReply::LoggedIn(session) => {
                assert!(!self.suspended && !self.deleted);
                self.tokens.push((session.token, true));
            }
            refused if self.deleted => assert_eq!(refusal_of(refused), RefusalCode::WrongCredentials),
            refused => {
                assert!(self.suspended);
                refused.expect_refusal(RefusalCode::Suspended);
            }
        }
    }

    async fn log_out(&mut self, pick: usize, everywhere: bool) {
        let Some((number, mut wire)) = self.live(pick).await else { return };
        wire.call(UserCall::LogOut { everywhere }).await.unwrap();
        self.tokens[number].1 = false;
        if everywhere {
            self.end_all();
        }
    }

    async fn change_password(&mut self, pick: usize) {
        let Some((_, mut wire)) = self.live(pick).await else { return };
        let new = self.other_password();
        let reply = change_password(&mut wire, self.password, new).await;
        let UserReply::PasswordChanged(session) = reply else { panic!("{reply:?}") };
        self.end_all();
        self.password = new;
        self.tokens.push((session.token, true));
    }

    async fn revoke(&mut self, pick: usize) {
        let Some((number, mut wire)) = self.live(pick).await else { return };
        let listed = wire.call(UserCall::ListSessions).await.unwrap();
        let UserReply::SessionsListed(sessions) = listed else { panic!("{listed:?}") };
        let id = sessions.iter().find(|session| session.current).unwrap().id;
        let revoked = self.server.operate(AdminCall::RevokeSession { id }).await;
        assert!(matches!(revoked, AdminReply::SessionRevoked), "{revoked:?}");
        self.tokens[number].1 = false;
    }

    async fn suspend(&mut self) {
        let suspend = |name| AdminCall::SuspendAccount { name, until: None, reason: None };
        if matches!(self.operate(suspend).await, AdminReply::AccountChanged(_)) {
            self.suspended = true;
            self.end_all();
        }
    }

    async fn reset(&mut self) {
        let issued = self.operate(|name| AdminCall::ResetAccount { name }).await;
        let AdminReply::CodeIssued { code, .. } = issued else {
            issued.expect_refusal(RefusalCode::WrongState);
            assert!(self.deleted);
            return;
        };
        let new = self.other_password();
        let redeemed = reset(&mut self.server.connect().await, NAME, code.expose_secret(), new).await;
        assert!(matches!(redeemed, UserReply::PasswordReset { .. }), "{redeemed:?}");
        self.password = new;
        self.end_all();
    }

    async fn act(&mut self, act: Act) {
        match act {
            Act::LogIn => self.log_in().await,
            Act::LogOut(pick) => self.log_out(pick, false).await,
            Act::LogOutEverywhere(pick) => self.log_out(pick, true).await,
            Act::ChangePassword(pick) => self.change_password(pick).await,
            Act::RevokeByOperator(pick) => self.revoke(pick).await,
            Act::Suspend => self.suspend().await,
            Act::Resume => {
                let reply = self.operate(|name| AdminCall::ResumeAccount { name }).await;
                self.suspended &= !matches!(reply, AdminReply::AccountChanged(_));
            }
            Act::Reset => self.reset().await,
            Act::Delete => {
                if matches!(
                    self.operate(|name| AdminCall::DeleteAccount { name }).await,
                    AdminReply::AccountChanged(_)
                ) {
                    self.deleted = true;
                    self.end_all();
                }
            }
            Act::Restore => {
                let reply = self.operate(|name| AdminCall::RestoreAccount { name }).await;
                self.deleted &= !matches!(reply, AdminReply::AccountChanged(_));
            }
        }
    }

    async fn try_every_token(&self, after: Act) {
        for (number, (token, live)) in self.tokens.iter().enumerate() {
            let call = UserCall::ResumeSession { token: token_again(token) };
            match self.server.connect().await.call(call).await.unwrap() {
                UserReply::SessionResumed { .. } => assert!(live, "token {number} works after {after:?}"),
                refused => {
                    assert!(!live, "token {number} is refused after {after:?}");
                    refused.expect_refusal(RefusalCode::SessionEnded);
                }
            }
        }
    }
}

#[test]
fn sec_0058_an_old_token_never_works_in_whatever_order_things_are_done() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = Config { cases: HISTORIES, failure_persistence: None, ..Config::default() };
    let acts = prop::collection::vec(act(), 8..=ACTS_MAX);
    TestRunner::new(config)
        .run(&acts, |acts| {
            runtime.block_on(async {
                let mut model = Model::start().await;
                for act in acts {
                    model.act(act).await;
                    model.try_every_token(act).await;
                }
            });
            Ok(())
        })
        .unwrap();
}
