//! A server of one account for the tests: the library's server side behind real TLS, and whatever lie a test tells
//! it. It keeps the name of each call that it was sent.

use super::*;
use crate::wire::tests::{Server, meet, pki, read_call, send};
use opaque_ke::{
    CredentialFinalization, CredentialRequest, Identifiers, RegistrationRequest, RegistrationUpload,
    ServerLogin, ServerLoginParameters, ServerRegistration, ServerSetup,
};
use vestry_opaque::{Suite, SystemRandom};
use vestry_protocol::codec::encode;
use vestry_protocol::fields::{PasswordOwner, PasswordPolicy};
use vestry_protocol::refusal::Refusal;
use vestry_protocol::user::{Envelope, Stretching};
use vestry_protocol::{Reply, UnixSeconds};
use vestry_tls::Trust;
use vestry_tls::config::user_client;

/// As little work as a client agrees to.
pub(super) const CHEAP: Stretching = Stretching { memory_kib: 19_456, iterations: 2, parallelism: 1 };

/// What a test makes of a call before the server sees it: an answer of its own, or none.
type Lie = Box<dyn FnMut(&UserCall) -> Option<UserReply>>;

pub(super) struct FakeServer {
    setup: ServerSetup<Suite>,
    /// The account's OPAQUE record.
    pub(super) record: Option<ServerRegistration<Suite>>,
    /// The password that was imported with the account.
    pub(super) imported: Option<String>,
    pub(super) stretching: Stretching,
    pub(super) lie: Lie,
    /// The call that is never answered.
    pub(super) hangs_up_at: Option<&'static str>,
    /// What a relay would make of the exporter.
    pub(super) sees_another_connection: bool,
    pub(super) seen: Vec<&'static str>,
    /// The last KE3.
    pub(super) ke3: Vec<u8>,
    exchange: Option<ServerLogin<Suite>>,
    is_proven: bool,
}

impl FakeServer {
    pub(super) fn new() -> Self {
        Self {
            setup: ServerSetup::new(&mut SystemRandom::open().unwrap()),
            record: None,
            imported: None,
            stretching: CHEAP,
            lie: Box::new(|_| None),
            hangs_up_at: None,
            sees_another_connection: false,
            seen: Vec::new(),
            ke3: Vec::new(),
            exchange: None,
            is_proven: false,
        }
    }

    /// With an account that was imported with this password.
    pub(super) fn with_imported(text: &str) -> Self {
        Self { imported: Some(text.to_owned()), ..Self::new() }
    }

    /// With an account that registered with this password.
    pub(super) async fn with_record(text: &str) -> Self {
        let mut server = Self::new();
        let name = Username::parse("naman").unwrap();
        let profile = Profile::default();
        let registered = server
            .meet(async |mut client| client.register(&name, &strong_password(text), &profile).await)
            .await;
        assert_eq!(registered.unwrap(), "naman");
        server.seen.clear();
        server
    }

    /// One connection.
    pub(super) async fn meet<T>(&mut self, act: impl AsyncFnOnce(Client) -> T) -> T {
        let pki = pki();
        let connect = async |port| {
            let address = Address::new("127.0.0.1", port).unwrap();
            let tls = user_client(&Trust::Pin(pki.pin)).unwrap();
            act(Client::connect(&address, tls).await.unwrap()).await
        };
        meet(Arc::clone(&pki.server), async |stream| self.serve(stream).await, connect).await
    }

    async fn serve(&mut self, mut stream: Server) {
        let tls = stream.get_ref().1;
        let mut exporter = tls.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", None).unwrap();
        exporter[0] ^= u8::from(self.sees_another_connection);
        let context = [b"VESTRY-OPAQUE-1", exporter.as_slice()].concat();
        while let Some(request) = read_call(&mut stream).await {
            self.seen.push(request.call.name());
            if self.hangs_up_at == self.seen.last().copied() {
                return;
            }
            let body = match (self.lie)(&request.call) {
                Some(body) => body,
                None => self.answer(request.call, &context),
            };
            send(&mut stream, &encode(&Reply { id: request.id, body }).unwrap()).await;
        }
    }

    fn answer(&mut self, call: UserCall, context: &[u8]) -> UserReply {
        match call {
            UserCall::StartRegistration { request, .. }
            | UserCall::StartNewPassword { request }
            | UserCall::StartReset { request, .. } => {
                self.is_proven = false;
                self.evaluate(&request)
            }
            UserCall::FinishRegistration { envelope, .. } => {
                self.record = Some(read(&envelope));
                UserReply::Registered { name: "naman".to_owned() }
            }
            UserCall::FinishReset { envelope } => {
                self.record = Some(read(&envelope));
                let code = CodeIssued { by: "hana".to_owned(), at: UnixSeconds::from_seconds(7) };
                UserReply::PasswordReset { name: "naman".to_owned(), code }
            }
            UserCall::FinishNewPassword { envelope } => {
                self.record = Some(read(&envelope));
                UserReply::PasswordChanged(session())
            }
            UserCall::StartLogin { ke1, .. } | UserCall::StartProof { ke1 } => self.start(&ke1, context),
            UserCall::FinishLogin { ke3, .. } => self.finish(ke3, context, UserReply::LoggedIn(session())),
            UserCall::FinishProof { ke3 } => self.finish(ke3, context, UserReply::PasswordProven),
            UserCall::DeleteAccount => {
                self.with_proof(UserReply::AccountDeleted { restorable_until: UnixSeconds::from_seconds(7) })
            }
            UserCall::UpdateAccount(_) => self.with_proof(UserReply::AccountUpdated(account())),
            UserCall::LogInImported { password, .. } => {
                match self.imported.as_deref() == Some(password.expose_secret()) {
                    true => UserReply::LoggedIn(session()),
                    false => wrong_credentials(),
                }
            }
            other => panic!("not asked in these tests: {}", other.name()),
        }
    }

    fn evaluate(&self, request: &[u8]) -> UserReply {
        let request = RegistrationRequest::deserialize(request).unwrap();
        let started = ServerRegistration::<Suite>::start(&self.setup, request, b"naman").unwrap();
        let response = started.message.serialize().to_vec();
        UserReply::NewPasswordStarted { response, stretching: self.stretching }
    }

    fn start(&mut self, ke1: &[u8], context: &[u8]) -> UserReply {
        let record = self.record.clone();
        let ke1 = CredentialRequest::deserialize(ke1).unwrap();
        let mut random = SystemRandom::open().unwrap();
        let started =
            ServerLogin::start(&mut random, &self.setup, record, ke1, b"naman", parameters(context)).unwrap();
        self.exchange = Some(started.state);
        let ke2 = started.message.serialize().to_vec();
        UserReply::LoginStarted { ke2, stretching: self.stretching }
    }

    fn finish(&mut self, ke3: Vec<u8>, context: &[u8], done: UserReply) -> UserReply {
        let exchange = self.exchange.take().unwrap();
        let finished =
            exchange.finish(CredentialFinalization::deserialize(&ke3).unwrap(), parameters(context));
        self.ke3 = ke3;
        if finished.is_err() {
            return wrong_credentials();
        }
        self.is_proven = true;
        done
    }

    fn with_proof(&mut self, done: UserReply) -> UserReply {
        if std::mem::take(&mut self.is_proven) { done } else { wrong_credentials() }
    }
}

fn read(envelope: &Envelope) -> ServerRegistration<Suite> {
    assert_eq!(envelope.stretching, CHEAP);
    ServerRegistration::finish(RegistrationUpload::deserialize(&envelope.upload).unwrap())
}

fn parameters(context: &[u8]) -> ServerLoginParameters<'_, '_> {
    ServerLoginParameters { context: Some(context), identifiers: Identifiers::default() }
}

pub(super) fn password(text: &str) -> Password {
    Password::parse(&SecretText::new(text.to_owned())).unwrap()
}

pub(super) fn strong_password(text: &str) -> StrongPassword {
    let owner = PasswordOwner { name: "naman", ..PasswordOwner::default() };
    StrongPassword::judge(PasswordPolicy::default(), password(text), &owner).unwrap()
}

pub(super) fn session() -> NewSession {
    let (token, name) = (SessionToken::from_bytes([9; 32]), "naman".to_owned());
    let (witness, later) = (Vec::new(), Vec::new());
    NewSession {
        token,
        name,
        last_login: None,
        expires: UnixSeconds::default(),
        idle_secs_max: 0,
        device_known: false,
        move_record: false,
        witness,
        later,
    }
}

fn account() -> Account {
    let (name, profile, later) = ("naman".to_owned(), Profile::default(), Vec::new());
    Account { name, profile, created: UnixSeconds::default(), last_login: None, later }
}

fn refusal(code: RefusalCode) -> UserReply {
    UserReply::Refused(Refusal::new(code, "no"))
}

fn wrong_credentials() -> UserReply {
    refusal(RefusalCode::WrongCredentials)
}
