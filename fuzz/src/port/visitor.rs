//! Sends what an input says over four connections, and has every answer judged: one for each request, in order, and
//! an end with a word where the framing broke.
//!
//! Requests are pipelined: answers are read when something depends on them, or another connection takes its turn.

use super::Served;
use super::model::{Act, Line as Allowed, Model};
use super::opaque::{Proving, Sealing};
use arbitrary::Arbitrary;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use vestry_client::Wire;
use vestry_protocol::admin::{AccountState, AdminCall, AdminReply};
use vestry_protocol::codec::{Unreadable, append_frame, decode, decode_request};
use vestry_protocol::fields::{StretchingCost, Username};
use vestry_protocol::frame::split_first;
use vestry_protocol::greeting::ReplyBody;
use vestry_protocol::import::ImportRow;
use vestry_protocol::limits::{
    EXPORTER_LABEL, REPLY_BYTES_MAX, REQUEST_BYTES_MAX, REQUEST_BYTES_MAX_BEFORE_LOGIN, UNREADABLE_FRAMES_MAX,
};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::secret::{DeviceToken, SecretText, SessionToken};
use vestry_protocol::user::{Change, Envelope as Sealed, Profile, ProfileUpdate, UserCall, UserReply};
use vestry_protocol::{ADMIN_ALPN, Reply, Request};
use vestry_tls::{Trust, config};

/// Longer than any answer takes; a server that is silent for so long hangs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// What a visitor does next. Names, passwords, tokens and codes are picked from those that there are.
#[derive(Debug, Arbitrary)]
#[expect(missing_docs, reason = "each is the call of its name")]
pub enum Op<'a> {
    /// Another connection takes its turn.
    Turn(u8),
    /// This connection ends; the next call opens another.
    HangUp,
    /// The server's clock moves on, in seconds.
    Advance(u16),
    /// An operator does something.
    Operate(Operation, u8),
    /// A frame that was sent before, here or elsewhere, once more.
    Replay(u8),
    /// A well-framed payload.
    Payload(&'a [u8]),
    /// Bytes without a frame.
    Bytes(&'a [u8]),
    DescribeServer,
    StartRegistration {
        who: u8,
        password: u8,
    },
    FinishRegistration {
        envelope: Envelope<'a>,
    },
    LogInImported {
        who: u8,
        password: u8,
    },
    StartLogin {
        who: u8,
        password: u8,
        device: Option<(u8, bool)>,
        ke1: Option<&'a [u8]>,
    },
    FinishLogin {
        ke3: Message<'a>,
    },
    Resume {
        token: u8,
        bent: bool,
    },
    Show,
    Update {
        email: bool,
        age: u16,
        gender: Option<&'a str>,
    },
    Delete,
    List,
    Revoke {
        id: u8,
        bent: bool,
    },
    LogOut {
        everywhere: bool,
    },
    StartProof {
        password: u8,
        ke1: Option<&'a [u8]>,
    },
    FinishProof {
        ke3: Message<'a>,
    },
    StartNewPassword {
        password: u8,
    },
    FinishNewPassword {
        envelope: Envelope<'a>,
    },
    StartReset {
        who: u8,
        code: u8,
        password: u8,
    },
    FinishReset {
        envelope: Envelope<'a>,
    },
    RememberDevice,
    ListDevices,
    ForgetDevice {
        id: u64,
    },
    ShowNotices,
    StartRecordMove {
        password: u8,
    },
    FinishRecordMove {
        envelope: Envelope<'a>,
    },
}

/// A KE3.
#[derive(Debug, Arbitrary)]
pub enum Message<'a> {
    /// What an honest client made of the last answer on this connection.
    Honest,
    /// One that an honest client sent before, wherever.
    Used(u8),
    /// The honest one, bent.
    Bent(u8, u8),
    /// Made up.
    Bytes(&'a [u8]),
}

/// What is to be stored of a new password.
#[derive(Debug, Arbitrary)]
pub enum Envelope<'a> {
    /// What an honest client made last.
    Honest,
    /// What one made before, perhaps for somebody else.
    Old(u8),
    /// The honest one, bent.
    Bent(u8, u8),
    /// Made up.
    Bytes(&'a [u8], u32),
}

/// What an operator does.
#[derive(Debug, Clone, Copy, Arbitrary)]
#[expect(missing_docs, reason = "each is the call of its name")]
pub enum Operation {
    Suspend,
    Resume,
    Delete,
    Restore,
    IssueCode,
    Import,
}

impl Op<'_> {
    /// How the people of a visit get into the database.
    #[must_use]
    pub fn registering_people() -> Vec<Self> {
        let register = |who| {
            let (password, envelope) = (who, Envelope::Honest);
            [Op::StartRegistration { who, password }, Op::FinishRegistration { envelope }]
        };
        [register(0), register(1)].into_iter().flatten().collect()
    }
}

/// The people of a visit, somebody to be, another spelling, and names that cannot be.
fn name(visit: u32, who: u8) -> String {
    match who % 8 {
        0 => format!("anna-{visit}"),
        1 => format!("bert-{visit}"),
        2 => format!("carl-{visit}"),
        3 => format!("dora-{visit}"),
        4 => format!(" ANNA-{visit}\n"),
        5 => "admin".to_owned(),
        6 => String::new(),
        _ => "na\u{ef}ve".to_owned(),
    }
}

/// That of [`password`] 2, as another system would have stored it; as cheap as can be.
const HASH_OF_THE_THIRD: &str =
    "$argon2id$v=19$m=8,t=1,p=1$ul0yMQltRH/oqpmaOIc/jQ$FhfXvF+7wjmt5YXvjaisoteG24RcNvJNc7C2/6a5YPU";

/// Those of the first three people come first.
fn password(which: u8) -> String {
    let all = [
        "correct horse battery staple",
        "purple owls count seven spoons",
        "nine quiet rivers under snow",
        "eleven slow trains at dawn",
        "cafe\u{301} au lait at midnight",
        "short",
    ];
    all[usize::from(which) % all.len()].to_owned()
}

fn secret(which: u8) -> SecretText {
    SecretText::new(password(which))
}

/// Somebody with four connections.
pub(super) struct Visitor<'h> {
    served: &'h Served,
    number: u32,
    tls: Arc<rustls::ClientConfig>,
    model: Model,
    lines: [Option<Line>; 4],
    turn: usize,
    next_id: u64,
    /// Every frame that was sent, for replays.
    frames: Vec<Vec<u8>>,
    /// Every KE3 that an honest client sent.
    used: Vec<Vec<u8>>,
    /// What honest clients wait for, by the number of the request.
    waiting: HashMap<u64, Waiting>,
    operator: Option<Wire<AdminCall, AdminReply>>,
    /// The last answer was that waiting helps.
    is_to_wait: bool,
}

enum Waiting {
    ForLogin(Proving),
    /// With the name that the password is for.
    ForRegistration(Sealing, String),
}

struct Line {
    stream: TlsStream<TcpStream>,
    exporter: [u8; 32],
    allowed: Allowed,
    /// Sent, and not answered yet.
    unanswered: Vec<u8>,
    has_greeted: bool,
    /// Frames before a login that were no request.
    unreadable: u32,
    /// Whether something else than whole frames was sent.
    is_broken: bool,
}

impl<'h> Visitor<'h> {
    /// The visit of this number to a server.
    pub(super) fn of(served: &'h Served, number: u32) -> Self {
        let certs = served.home.certs(None);
        let pin = certs.authority_pin().expect("there is a CA");
        Self {
            tls: config::user_client(&Trust::Pin(pin)).expect("a TLS configuration"),
            served,
            number,
            model: Model::default(),
            lines: [const { None }; 4],
            turn: 0,
            next_id: 1,
            frames: Vec::new(),
            used: Vec::new(),
            waiting: HashMap::new(),
            operator: None,
            is_to_wait: false,
        }
    }

    /// Does one thing.
    pub(super) async fn take(&mut self, op: Op<'_>) {
        match op {
            Op::Turn(line) => {
                self.settle().await;
                self.turn = usize::from(line) % self.lines.len();
            }
            Op::HangUp => self.hang_up().await,
            Op::Advance(seconds) => {
                self.settle().await;
                self.served.advance(i64::from(seconds));
                self.model.advance(i64::from(seconds));
            }
            Op::Operate(operation, who) => self.operate(operation, who).await,
            Op::Replay(which) => {
                let frame = self.frames.iter().cycle().nth(usize::from(which)).cloned();
                self.send(&frame.unwrap_or_default()).await;
            }
            Op::Payload(payload) if !payload.is_empty() => {
                let length = u32::try_from(payload.len()).expect("an input is short");
                self.send_broken(&[&length.to_be_bytes(), payload].concat()).await;
            }
            Op::Payload(_) => {}
            Op::Bytes(bytes) => self.send_broken(bytes).await,
            call => {
                let id = self.next_id;
                self.next_id += 1;
                if let Some(call) = self.call_of(call, id).await {
                    let mut frame = Vec::new();
                    append_frame(&mut frame, &Request { id, call }, REQUEST_BYTES_MAX)
                        .expect("a call fits a frame");
                    self.frames.push(frame.clone());
                    self.send(&frame).await;
                }
            }
        }
    }

    /// Reads every answer that is due, says goodbye, and checks that whoever should be able to log in is.
    pub(super) async fn leave(mut self) {
        for line in 0..self.lines.len() {
            self.turn = line;
            self.hang_up().await;
        }
        if let Some((name, password)) = self.model.somebody() {
            self.log_in_after_all(&name, &password).await;
        }
    }

    async fn log_in_after_all(&mut self, name: &str, password: &str) {
        let (proving, ke1) = Proving::start(password);
        self.waiting.insert(0, Waiting::ForLogin(proving));
        let call = UserCall::StartLogin { name: name.to_owned(), device_token: None, ke1 };
        self.send_call(0, call).await;
        self.settle().await;
        if self.is_to_wait {
            return;
        }
        let ke3 = self.honest_ke3().expect("the right password cannot be proven any more");
        self.send_call(1, UserCall::FinishLogin { ke3, device: "visit".to_owned(), witness: Vec::new() })
            .await;
        self.settle().await;
        if self.is_to_wait {
            return;
        }
        let now = self.lines[self.turn].as_ref().and_then(|line| self.model.name_on(&line.allowed));
        assert_eq!(now.as_deref(), Some(name), "who should be able to log in is not");
        self.hang_up().await;
    }

    async fn send_call(&mut self, id: u64, call: UserCall) {
        let mut frame = Vec::new();
        append_frame(&mut frame, &Request { id, call }, REQUEST_BYTES_MAX).expect("a call fits a frame");
        self.send(&frame).await;
    }

    /// The call that an op means, now; `None` where there is nothing to make it of.
    async fn call_of(&mut self, op: Op<'_>, id: u64) -> Option<UserCall> {
        let device = "visit".to_owned();
        Some(match op {
            Op::DescribeServer => UserCall::DescribeServer,
            Op::StartRegistration { who, password } => UserCall::StartRegistration {
                name: self.name(who),
                request: self.seal(id, password, &self.name(who)),
                invitation: None,
            },
            Op::FinishRegistration { envelope } => {
                let envelope = self.envelope(envelope).await?;
                UserCall::FinishRegistration { envelope, profile: Profile::default() }
            }
            Op::LogInImported { who, password } => {
                UserCall::LogInImported { name: self.name(who), password: secret(password), device }
            }
            Op::StartLogin { who, password, device, ke1 } => {
                let device_token = device.and_then(|(which, bent)| {
                    let mut token = *pick(&self.model.devices(), which)?;
                    token[31] ^= u8::from(bent);
                    Some(DeviceToken::from_bytes(token))
                });
                UserCall::StartLogin {
                    name: self.name(who),
                    device_token,
                    ke1: self.prove(id, password, ke1),
                }
            }
            Op::FinishLogin { ke3 } => {
                UserCall::FinishLogin { ke3: self.ke3(ke3).await?, device, witness: Vec::new() }
            }
            Op::Resume { token, bent } => {
                let mut token = *pick(&self.model.tokens(), token)?;
                token[31] ^= u8::from(bent);
                UserCall::ResumeSession { token: SessionToken::from_bytes(token) }
            }
            Op::Show => UserCall::ShowAccount,
            Op::Update { email, age, gender } => UserCall::UpdateAccount(ProfileUpdate {
                email: if email { Change::Set("anna@example.org".to_owned()) } else { Change::Keep },
                age: Change::Set(age),
                gender: gender.map_or(Change::Clear, |gender| Change::Set(gender.to_owned())),
            }),
            Op::Delete => UserCall::DeleteAccount,
            Op::List => UserCall::ListSessions,
            Op::Revoke { id, bent } => {
                let id = pick(&self.model.session_ids(), id).copied().unwrap_or_default();
                UserCall::RevokeSession { id: id ^ u64::from(bent) }
            }
            Op::LogOut { everywhere } => UserCall::LogOut { everywhere },
            Op::StartProof { password, ke1 } => UserCall::StartProof { ke1: self.prove(id, password, ke1) },
            Op::FinishProof { ke3 } => UserCall::FinishProof { ke3: self.ke3(ke3).await? },
            Op::StartNewPassword { password } => {
                self.settle().await;
                let name = self.lines[self.turn].as_ref().and_then(|line| self.model.name_on(&line.allowed));
                UserCall::StartNewPassword { request: self.seal(id, password, &name.unwrap_or_default()) }
            }
            Op::FinishNewPassword { envelope } => {
                UserCall::FinishNewPassword { envelope: self.envelope(envelope).await? }
            }
            Op::StartReset { who, code, password } => UserCall::StartReset {
                name: self.name(who),
                code: self.code(code),
                request: self.seal(id, password, &self.name(who)),
            },
            Op::FinishReset { envelope } => {
                UserCall::FinishReset { envelope: self.envelope(envelope).await? }
            }
            Op::RememberDevice => UserCall::RememberDevice,
            Op::ListDevices => UserCall::ListDevices,
            Op::ForgetDevice { id } => UserCall::ForgetDevice { id },
            Op::ShowNotices => UserCall::ShowNotices,
            // No key is being replaced here: the model takes no answer but a refusal.
            Op::StartRecordMove { password } => {
                self.settle().await;
                let name = self.lines[self.turn].as_ref().and_then(|line| self.model.name_on(&line.allowed));
                let request = self.seal(id, password, &name.unwrap_or_default());
                UserCall::StartRecordMove { request }
            }
            Op::FinishRecordMove { envelope } => {
                UserCall::FinishRecordMove { envelope: self.envelope(envelope).await? }
            }
            Op::Turn(_)
            | Op::HangUp
            | Op::Advance(_)
            | Op::Operate(..)
            | Op::Replay(_)
            | Op::Payload(_)
            | Op::Bytes(_) => return None,
        })
    }

    fn name(&self, who: u8) -> String {
        name(self.number, who)
    }

    /// A code that was issued, or one that was not.
    fn code(&self, which: u8) -> SecretText {
        let codes = self.model.codes();
        let made_up = "00000-00000-00000-00000".to_owned();
        SecretText::new(pick(&codes, which).cloned().filter(|_| which < 200).unwrap_or(made_up))
    }

    fn seal(&mut self, id: u64, which: u8, typed_name: &str) -> Vec<u8> {
        let (sealing, request) = Sealing::start(&normal(&password(which)));
        let name = Username::parse(typed_name).map_or_else(|_| String::new(), |name| name.to_string());
        self.waiting.insert(id, Waiting::ForRegistration(sealing, name));
        request
    }

    fn prove(&mut self, id: u64, which: u8, made_up: Option<&[u8]>) -> Vec<u8> {
        if let Some(ke1) = made_up {
            return ke1.to_vec();
        }
        let (proving, ke1) = Proving::start(&normal(&password(which)));
        self.waiting.insert(id, Waiting::ForLogin(proving));
        ke1
    }

    async fn ke3(&mut self, message: Message<'_>) -> Option<Vec<u8>> {
        self.settle().await;
        let honest = self.honest_ke3();
        match message {
            Message::Honest => {
                self.used.extend(honest.clone());
                honest
            }
            Message::Used(which) => pick(&self.used, which).cloned(),
            Message::Bent(at, byte) => honest.map(|ke3| bend(ke3, at, byte)),
            Message::Bytes(bytes) => Some(bytes.to_vec()),
        }
    }

    fn honest_ke3(&self) -> Option<Vec<u8>> {
        self.lines[self.turn].as_ref()?.allowed.honest_ke3().map(<[u8]>::to_vec)
    }

    async fn envelope(&mut self, envelope: Envelope<'_>) -> Option<Sealed> {
        self.settle().await;
        let uploads = self.model.uploads();
        let mut stretching = StretchingCost::default().numbers();
        let upload = match envelope {
            Envelope::Honest => uploads.last().cloned(),
            Envelope::Old(which) => pick(&uploads, which).cloned(),
            Envelope::Bent(at, byte) => uploads.last().cloned().map(|upload| bend(upload, at, byte)),
            Envelope::Bytes(bytes, memory_kib) => {
                stretching.memory_kib = memory_kib;
                Some(bytes.to_vec())
            }
        };
        Some(Sealed { upload: upload?, stretching })
    }

    async fn operate(&mut self, operation: Operation, who: u8) {
        self.settle().await;
        if self.operator.is_none() {
            self.operator = Some(self.connect_operator().await);
        }
        let name = self.name(who);
        if matches!(operation, Operation::Import) {
            self.import(name).await;
            return;
        }
        let Some(wire) = self.operator.as_mut() else { return };
        let (call, act) = match operation {
            Operation::Suspend => {
                (AdminCall::SuspendAccount { name: name.clone(), until: None, reason: None }, Act::Suspended)
            }
            Operation::Resume => (AdminCall::ResumeAccount { name: name.clone() }, Act::Resumed),
            Operation::Delete => (AdminCall::DeleteAccount { name: name.clone() }, Act::Deleted),
            Operation::Restore => (AdminCall::RestoreAccount { name: name.clone() }, Act::Restored),
            Operation::IssueCode | Operation::Import => (AdminCall::ResetAccount { name }, Act::Resumed),
        };
        match wire.call(call).await.expect("the admin port answers") {
            AdminReply::AccountChanged(account) => {
                self.model.operated(&account.name, act);
                // A suspension from before the deletion is in force again.
                if let Some(AccountState::Suspended { .. }) = account.state.known() {
                    self.model.operated(&account.name, Act::Suspended);
                }
            }
            AdminReply::CodeIssued { name, code, .. } => self.model.issued(&name, code.expose_secret()),
            AdminReply::Refused(refusal) => {
                let mistakes = [RefusalCode::Internal, RefusalCode::Unavailable, RefusalCode::Malformed];
                assert!(!refusal.known_code().is_none_or(|code| mistakes.contains(&code)), "{refusal:?}");
            }
            other => panic!("an operator was answered by {other:?}"),
        }
    }

    /// Brings an account in that has the password of the third person.
    async fn import(&mut self, name: String) {
        let row = ImportRow {
            line: 1,
            name: name.clone(),
            profile: Profile::default(),
            created: None,
            suspended: None,
            argon2id: Some(SecretText::new(HASH_OF_THE_THIRD.to_owned())),
        };
        let Some(wire) = self.operator.as_mut() else { return };
        let begun = wire.call(AdminCall::StartImport).await.expect("the admin port answers");
        assert!(matches!(begun, AdminReply::ImportStarted), "{begun:?}");
        let judged = wire.call(AdminCall::ImportRows(vec![row])).await.expect("the admin port answers");
        let AdminReply::RowsJudged(bad) = judged else { panic!("rows were answered by {judged:?}") };
        if !bad.is_empty() {
            wire.call(AdminCall::DropImport).await.expect("the admin port answers");
            return;
        }
        let id = wire.send(&AdminCall::FinishImport { accounts: 1 }).await.expect("the admin port takes it");
        loop {
            match wire.receive_for(id).await.expect("the admin port answers") {
                AdminReply::ImportContinues { .. } => {}
                AdminReply::ImportFinished { .. } => break,
                other => panic!("an import was answered by {other:?}"),
            }
        }
        let name = Username::parse(&name).expect("a name that cannot exist was imported").to_string();
        self.model.imported(&name, normal(&password(2)));
    }

    async fn connect_operator(&self) -> Wire<AdminCall, AdminReply> {
        let certs = self.served.home.certs(None);
        let (certificate, key) = (certs.operator_certificate("admin"), certs.operator_key("admin"));
        let tls = config::console_client_from_files(&certs.ca_certificate(), &certificate, &key);
        let port = self.served.admin_port;
        let wire = Wire::connect("127.0.0.1", port, tls.expect("the operator's files"), ADMIN_ALPN).await;
        wire.expect("the admin port answers")
    }

    async fn send_broken(&mut self, bytes: &[u8]) {
        self.line().await.is_broken = true;
        self.send(bytes).await;
    }

    async fn send(&mut self, bytes: &[u8]) {
        let line = self.line().await;
        line.stream.write_all(bytes).await.expect("the server takes what is sent");
        line.stream.flush().await.expect("the server takes what is sent");
        line.unanswered.extend_from_slice(bytes);
        // Once the framing may be broken, the server may hang up at any time.
        if line.is_broken {
            self.settle().await;
        }
    }

    async fn line(&mut self) -> &mut Line {
        if self.lines[self.turn].is_none() {
            self.lines[self.turn] = Some(Line::open(self.served, self.number, self.tls.clone()).await);
        }
        self.lines[self.turn].as_mut().expect("it was just opened")
    }

    /// Reads an answer for each whole frame that was sent on this connection, and has it judged.
    async fn settle(&mut self) {
        let Some(mut line) = self.lines[self.turn].take() else { return };
        if self.judge_answers(&mut line).await {
            self.lines[self.turn] = Some(line);
        }
    }

    /// Whether the connection goes on.
    async fn judge_answers(&mut self, line: &mut Line) -> bool {
        loop {
            let limit = match line.allowed.is_in_session() {
                true => REQUEST_BYTES_MAX,
                false => REQUEST_BYTES_MAX_BEFORE_LOGIN,
            };
            let request = match split_first(&line.unanswered, limit) {
                Ok(None) => return true,
                Ok(Some((payload, taken))) => {
                    let request = decode_request::<UserCall, REQUEST_BYTES_MAX>(payload);
                    line.unanswered.drain(..taken);
                    Some(request)
                }
                Err(_) => None,
            };
            let reply = line.reply().await.expect("the server hung up without a word");
            if matches!(request, Some(Err(_))) && !line.allowed.is_in_session() {
                line.unreadable += 1;
            }
            let request =
                request.filter(|request| request.is_ok() || line.unreadable <= UNREADABLE_FRAMES_MAX);
            let Some(request) = request else {
                assert_eq!(reply.id, 0);
                assert!(is_refused_with(&reply.body, RefusalCode::Malformed), "{reply:?}");
                assert!(line.reply().await.is_none(), "the server goes on after the framing broke");
                return false;
            };
            let Request { id, call } = match request {
                Ok(request) => request,
                Err(Unreadable::Unsupported { id, .. }) => {
                    assert!(
                        reply.id == id && is_refused_with(&reply.body, RefusalCode::Unsupported),
                        "{reply:?}"
                    );
                    continue;
                }
                Err(Unreadable::Malformed { id }) => {
                    assert!(
                        reply.id == id && is_refused_with(&reply.body, RefusalCode::Malformed),
                        "{reply:?}"
                    );
                    continue;
                }
            };
            assert_eq!(reply.id, id, "an answer is out of order");
            let honest = self.go_on(id, &reply.body, &line.exporter);
            self.is_to_wait =
                matches!(&reply.body, UserReply::Refused(refusal) if refusal.retry_after_ms.is_some());
            self.model.judge(&mut line.allowed, &call, &reply.body, honest);
        }
    }

    /// What an honest client makes of an answer that it waits for.
    fn go_on(&mut self, id: u64, reply: &UserReply, exporter: &[u8; 32]) -> Option<(String, Vec<u8>)> {
        match (self.waiting.remove(&id)?, reply) {
            (Waiting::ForLogin(proving), UserReply::LoginStarted { ke2, .. }) => {
                proving.finish(ke2, exporter).ok()
            }
            (Waiting::ForRegistration(sealing, name), UserReply::NewPasswordStarted { response, .. }) => {
                let (password, upload) = sealing.finish(response).expect("the server's answer is one");
                self.model.made_upload(name, password, upload);
                None
            }
            _ => None,
        }
    }

    async fn hang_up(&mut self) {
        self.settle().await;
        if let Some(mut line) = self.lines[self.turn].take() {
            // The server may have gone first.
            let _ = line.stream.shutdown().await;
            assert!(line.reply().await.is_none(), "an answer to nothing");
        }
    }
}

impl Line {
    async fn open(served: &Served, visit: u32, tls: Arc<rustls::ClientConfig>) -> Self {
        // Each visit comes from a network of its own, so that what one did wrong is not held against the next.
        let [_, _, high, low] = visit.to_be_bytes();
        let socket = TcpSocket::new_v4().expect("there are sockets");
        socket.bind(([127, high, low, 1], 0).into()).expect("all of 127/8 is ours");
        let socket = socket.connect(([127, 0, 0, 1], served.user_port).into()).await;
        let socket = socket.expect("the server listens");
        socket.set_nodelay(true).expect("it is a TCP connection");
        let host = rustls::pki_types::ServerName::try_from("localhost").expect("a name");
        let stream = TlsConnector::from(tls).connect(host, socket).await.expect("the server shakes hands");
        let exported = stream.get_ref().1.export_keying_material([0; 32], EXPORTER_LABEL, None);
        let exporter = exported.expect("a connection has an exporter");
        Self {
            stream,
            exporter,
            allowed: Allowed::default(),
            unanswered: Vec::new(),
            has_greeted: false,
            unreadable: 0,
            is_broken: false,
        }
    }

    /// The next answer, behind the greeting if it is the first; `None` when the server hung up.
    async fn reply(&mut self) -> Option<Reply<UserReply>> {
        if !std::mem::replace(&mut self.has_greeted, true) {
            let greeting = self.message().await?;
            assert!(greeting.id == 0 && greeting.body.is_greeting(), "{greeting:?}");
        }
        let reply = self.message().await?;
        assert!(!reply.body.is_greeting(), "a second greeting");
        Some(reply)
    }

    async fn message(&mut self) -> Option<Reply<UserReply>> {
        let reading = async {
            let mut header = [0; 4];
            self.stream.read_exact(&mut header).await.ok()?;
            let mut payload = vec![0; u32::from_be_bytes(header) as usize];
            assert!(payload.len() <= REPLY_BYTES_MAX, "an answer over the limit");
            self.stream.read_exact(&mut payload).await.expect("an answer is whole");
            Some(decode::<Reply<UserReply>, REPLY_BYTES_MAX>(&payload).expect("an answer is a reply"))
        };
        timeout(ANSWER_TIMEOUT, reading).await.expect("the server does not answer")
    }
}

fn is_refused_with(reply: &UserReply, code: RefusalCode) -> bool {
    matches!(reply, UserReply::Refused(refusal) if refusal.is(code))
}

fn pick<T>(all: &[T], which: u8) -> Option<&T> {
    all.iter().rev().cycle().nth(usize::from(which)).filter(|_| !all.is_empty())
}

fn bend(mut bytes: Vec<u8>, at: u8, byte: u8) -> Vec<u8> {
    let at = usize::from(at) % bytes.len();
    bytes[at] ^= byte;
    bytes
}

/// As both sides normalise it.
fn normal(password: &str) -> String {
    let password = vestry_protocol::fields::Password::parse(&SecretText::new(password.to_owned()));
    password.expect("a password").expose_secret().to_owned()
}
