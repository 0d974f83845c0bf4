//! Every call of the user port, played against its limits by everybody who has a reason to: what the table of calls counts
//! is counted here from outside, by the replies, the database and the audit. SECURITY.md states the numbers, and this
//! compares them with what was reached; with the limits raised, whoever plays has to get beyond them, or nothing was
//! measured.

use crate::inside::Inside;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;
use vestry_protocol::USER_ALPN;
use vestry_protocol::admin::AdminCall;
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::secret::SessionToken;
use vestry_protocol::user::{Change, Envelope, Profile, ProfileUpdate, UserCall, UserReply};
use vestry_server::gate::calls::{Call, Needs};
use vestry_tests::harness::{
    OTHER_PASSWORD, PASSWORD, UserWire, from_environment, imported_login, rows_of, secret, token_again,
};
use vestry_tests::light::{any_ke1, any_request, finish_login, log_in, prove, seal, start_login};
use vestry_tests::talk::Operator;
use vestry_tls::config;

/// Whoever plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// One connection of one address.
    Stranger,
    /// The same with a stolen session: no password.
    Thief,
    /// The account's own user, who may be nobody's friend.
    Owner,
    /// Somebody who was handed a one-time code.
    CodeHolder,
    /// Fifty connections of one address.
    Fifty,
    /// Ten addresses of one network.
    Network,
    /// Four hundred addresses in forty networks; with as many connections each as `VESTRY_CONNECTIONS_PER_ADDRESS` says.
    Crowd,
}

impl Who {
    /// The address of each connection.
    fn sources(self) -> Vec<Ipv4Addr> {
        let in_network = |network: u8, host: u8| Ipv4Addr::new(127, 9, network, host);
        match self {
            Self::Stranger | Self::Thief | Self::Owner | Self::CodeHolder => vec![in_network(1, 1)],
            Self::Fifty => vec![in_network(1, 1); 50],
            Self::Network => (1..=10).map(|host| in_network(1, host)).collect(),
            Self::Crowd => (0..400_u16)
                .cycle()
                .take(400 * from_environment("VESTRY_CONNECTIONS_PER_ADDRESS", 1))
                .map(|number| {
                    in_network(u8::try_from(number / 10).unwrap(), u8::try_from(number % 10 + 1).unwrap())
                })
                .collect(),
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Tally {
    /// Evaluations and comparisons by whose key or hash it was.
    by_key: BTreeMap<String, u64>,
    /// Names of which it was said that they are taken.
    names: u64,
    /// Accounts that were made.
    accounts: u64,
    /// Passwords that were proven right, each of which allows one thing.
    proofs: u64,
    /// Audit events of the play itself.
    events: u64,
    /// Attempts that were under way at once.
    held: u64,
}

impl Tally {
    fn of_one_key(&self) -> u64 {
        self.by_key.values().copied().max().unwrap_or(0)
    }

    fn evaluations(&self) -> u64 {
        self.by_key.values().sum()
    }

    /// The largest of what is counted while it is played.
    fn counted(&self) -> u64 {
        self.accounts.max(self.names).max(self.of_one_key())
    }

    /// The largest of what the table counts.
    fn largest(&self) -> u64 {
        self.evaluations().max(self.names).max(self.accounts).max(self.events)
    }
}

const VICTIM: &str = "naman";

/// Limits that nobody reaches.
const RAISED: &str = "gate.account_guesses_at_once = 20\n\
    gate.attempts_per_address_max = 1000000\ngate.attempts_per_network_max = 1000000\n\
    gate.registrations_per_address_max = 1000000\ngate.registrations_per_network_max = 1000000\n\
    gate.registrations_per_hour_max = 1000000\ngate.names_per_address_max = 1000000\ngate.names_per_network_max = 1000000\n\
    gate.wrong_codes_per_address_max = 1000000\ngate.wrong_codes_per_network_max = 1000000\n\
    gate.code_evaluations_max = 100\ngate.code_evaluations_per_day_max = 1000\n\
    gate.writes_at_once = 1000000\ngate.write_interval_ms = 1\nconnections.per_source_per_sec_max = 100000\n";

/// Somebody at the user port.
struct Player<'a> {
    server: &'a Inside,
    who: Who,
    /// Whether each attempt is at another account.
    spread: bool,
    wires: Vec<(Ipv4Addr, UserWire)>,
    code: Option<String>,
    /// A password that was sealed for nothing that this player may set.
    sealed: Envelope,
    tries: u64,
    tally: Tally,
}

async fn connect_from(server: &Inside, from: Ipv4Addr) -> UserWire {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::V4(from), 0)).unwrap();
    let tcp = socket.connect(SocketAddr::from(([127, 0, 0, 1], server.port))).await.unwrap();
    let tls = config::user_client(&server.trust).unwrap();
    UserWire::over(tcp, "localhost", tls, USER_ALPN).await.unwrap()
}

fn is_refused_with(reply: &UserReply, code: RefusalCode) -> bool {
    matches!(reply, UserReply::Refused(refusal) if refusal.is(code))
}

impl<'a> Player<'a> {
    async fn new(server: &'a Inside, who: Who, spread: bool) -> Self {
        let session = match who {
            Who::Thief | Who::Owner => Some(server.log_in(VICTIM).await.1),
            _ => None,
        };
        let code = match who {
            Who::CodeHolder => Some(server.issue_code(VICTIM).await.expose_secret().to_owned()),
            _ => None,
        };
        let start =
            |request| UserCall::StartRegistration { name: "nobodys".to_owned(), request, invitation: None };
        let sealed = seal(&mut server.connect().await, OTHER_PASSWORD, start).await.unwrap();
        // It is broken off, and that is written down by and by: its event is not one of the play.
        while events(server, "subject = 'nobodys'").await == 0 {
            sleep(Duration::from_millis(10)).await;
        }
        let mut wires = Vec::new();
        for source in who.sources() {
            let mut wire = connect_from(server, source).await;
            if let Some(token) = &session {
                let resumed = wire.call(UserCall::ResumeSession { token: token_again(token) }).await.unwrap();
                assert!(matches!(resumed, UserReply::SessionResumed { .. }), "{resumed:?}");
            }
            wires.push((source, wire));
        }
        Self { server, who, spread, wires, code, sealed, tries: 0, tally: Tally::default() }
    }

    /// The name that an attempt is at.
    fn target(&self) -> String {
        if self.spread { format!("stranger{}", self.tries) } else { VICTIM.to_owned() }
    }

    fn evaluated(&mut self, key: &str) {
        *self.tally.by_key.entry(key.to_owned()).or_default() += 1;
    }

    /// Each connection plays the call once.
    async fn round(&mut self, call: Call) {
        for at in 0..self.wires.len() {
            self.tries += 1;
            let (source, mut wire) = self.wires.swap_remove(at);
            self.once(call, source, &mut wire).await;
            self.wires.push((source, wire));
            let last = self.wires.len() - 1;
            self.wires.swap(at, last);
        }
    }

    async fn ask(&mut self, wire: &mut UserWire, call: UserCall) -> UserReply {
        wire.call(call).await.unwrap()
    }

    /// A KE1, by whichever call takes one; whether it was evaluated.
    async fn evaluate(&mut self, wire: &mut UserWire, key: &str, call: UserCall) -> bool {
        let is_started = matches!(
            self.ask(wire, call).await,
            UserReply::LoginStarted { .. } | UserReply::NewPasswordStarted { .. }
        );
        if is_started {
            self.evaluated(key);
        }
        is_started
    }

    /// The password again, by whoever has it; whether it was proven.
    async fn prove(&mut self, wire: &mut UserWire) -> bool {
        let proven =
            self.who == Who::Owner && matches!(prove(wire, PASSWORD).await, UserReply::PasswordProven);
        self.tally.proofs += u64::from(proven);
        proven
    }

    /// Plays a call once, with what has to come before it. A reply that is not of the call refused it.
    async fn once(&mut self, call: Call, source: Ipv4Addr, wire: &mut UserWire) {
        let (name, tries) = (self.target(), self.tries);
        match call {
            Call::DescribeServer => drop(self.ask(wire, UserCall::DescribeServer).await),
            Call::StartRegistration => {
                let start = |name: &str| UserCall::StartRegistration {
                    name: name.to_owned(),
                    request: any_request(),
                    invitation: None,
                };
                let taken = self.ask(wire, start(VICTIM)).await;
                self.tally.names += u64::from(is_refused_with(&taken, RefusalCode::NameTaken));
                self.evaluate(wire, "wanted", start("wanted")).await;
            }
            Call::FinishRegistration => self.register(source, wire).await,
            Call::StartLogin => {
                self.evaluate(wire, &name, start_login(&name, None)(any_ke1())).await;
            }
            Call::FinishLogin => {
                if self.evaluate(wire, &name, start_login(&name, None)(any_ke1())).await {
                    let reply = self.ask(wire, finish_login(vec![0; 64])).await;
                    assert!(is_refused_with(&reply, RefusalCode::WrongCredentials), "{reply:?}");
                }
            }
            Call::LogInImported => {
                let reply = self.ask(wire, imported_login(&name, OTHER_PASSWORD)).await;
                if is_refused_with(&reply, RefusalCode::WrongCredentials) {
                    self.evaluated(&name);
                }
            }
            Call::ResumeSession => {
                let token = SessionToken::from_bytes([7; 32]);
                let made_up = self.ask(wire, UserCall::ResumeSession { token }).await;
                assert!(is_refused_with(&made_up, RefusalCode::SessionEnded), "{made_up:?}");
            }
            Call::StartReset => {
                let code = self.code.clone().unwrap_or_else(|| "0000-0000-0000-0000-0000".to_owned());
                let start = UserCall::StartReset { name, code: secret(&code), request: any_request() };
                self.evaluate(wire, VICTIM, start).await;
            }
            Call::FinishReset => {
                if let Some(code) = self.code.clone() {
                    let start = |request| UserCall::StartReset { name, code: secret(&code), request };
                    if let Ok(envelope) = seal(wire, OTHER_PASSWORD, start).await {
                        self.evaluated(VICTIM);
                        self.ask(wire, UserCall::FinishReset { envelope }).await;
                    }
                } else {
                    let Envelope { upload, stretching } = &self.sealed;
                    let envelope = Envelope { upload: upload.clone(), stretching: *stretching };
                    let reply = self.ask(wire, UserCall::FinishReset { envelope }).await;
                    assert!(is_refused_with(&reply, RefusalCode::NotStarted), "{reply:?}");
                }
            }
            Call::ShowAccount => drop(self.ask(wire, UserCall::ShowAccount).await),
            Call::UpdateAccount => {
                let age = Change::Set(u16::try_from(tries % 100).unwrap());
                let update = ProfileUpdate { age, ..ProfileUpdate::default() };
                self.ask(wire, UserCall::UpdateAccount(update)).await;
            }
            Call::StartProof => {
                self.evaluate(wire, VICTIM, UserCall::StartProof { ke1: any_ke1() }).await;
            }
            Call::FinishProof => {
                if self.evaluate(wire, VICTIM, UserCall::StartProof { ke1: any_ke1() }).await {
                    self.ask(wire, UserCall::FinishProof { ke3: vec![0; 64] }).await;
                }
            }
            Call::StartNewPassword => {
                self.prove(wire).await;
                self.evaluate(wire, VICTIM, UserCall::StartNewPassword { request: any_request() }).await;
            }
            Call::FinishNewPassword => {
                self.prove(wire).await;
                if let Ok(envelope) =
                    seal(wire, PASSWORD, |request| UserCall::StartNewPassword { request }).await
                {
                    self.evaluated(VICTIM);
                    self.ask(wire, UserCall::FinishNewPassword { envelope }).await;
                }
            }
            Call::DeleteAccount => {
                self.prove(wire).await;
                self.ask(wire, UserCall::DeleteAccount).await;
            }
            Call::ListSessions => drop(self.ask(wire, UserCall::ListSessions).await),
            Call::RevokeSession => {
                if let UserReply::SessionsListed(sessions) = self.ask(wire, UserCall::ListSessions).await
                    && let Some(other) = sessions.iter().find(|session| !session.current)
                {
                    self.ask(wire, UserCall::RevokeSession { id: other.id }).await;
                }
            }
            Call::LogOut => drop(self.ask(wire, UserCall::LogOut { everywhere: false }).await),
            Call::RememberDevice => {
                if self.who == Who::Owner {
                    let opened = log_in(wire, VICTIM, PASSWORD).await;
                    self.tally.proofs += u64::from(matches!(opened, UserReply::LoggedIn(_)));
                }
                self.ask(wire, UserCall::RememberDevice).await;
            }
            Call::ListDevices => drop(self.ask(wire, UserCall::ListDevices).await),
            Call::ForgetDevice => {
                if let UserReply::DevicesListed(devices) = self.ask(wire, UserCall::ListDevices).await
                    && let Some(device) = devices.first()
                {
                    self.ask(wire, UserCall::ForgetDevice { id: device.id }).await;
                }
            }
            Call::ShowNotices => drop(self.ask(wire, UserCall::ShowNotices).await),
            // Nothing moves here; `rotation.rs` has what a login leads to while something does.
            Call::StartRecordMove => {
                if self.who == Who::Owner {
                    let opened = log_in(wire, VICTIM, PASSWORD).await;
                    self.tally.proofs += u64::from(matches!(opened, UserReply::LoggedIn(_)));
                }
                self.evaluate(wire, VICTIM, UserCall::StartRecordMove { request: any_request() }).await;
            }
            Call::FinishRecordMove => {
                let Envelope { upload, stretching } = &self.sealed;
                let envelope = Envelope { upload: upload.clone(), stretching: *stretching };
                let reply = self.ask(wire, UserCall::FinishRecordMove { envelope }).await;
                assert!(!matches!(reply, UserReply::RecordMoved { .. }), "{reply:?}");
            }
        }
    }

    /// One connection asks for a free name and gets it; or two do, and one of them is told.
    async fn register(&mut self, source: Ipv4Addr, wire: &mut UserWire) {
        let name = format!("person{}", self.tries);
        let start = |request| UserCall::StartRegistration { name: name.clone(), request, invitation: None };
        let mut rival = match self.spread {
            true => None,
            false => Some(connect_from(self.server, source).await),
        };
        let mut halves = vec![(seal(wire, PASSWORD, start).await, wire)];
        if let Some(rival) = &mut rival {
            halves.push((seal(rival, PASSWORD, start).await, rival));
        }
        for (half, on) in halves {
            let Ok(envelope) = half else { continue };
            self.evaluated(&name);
            let made =
                self.ask(on, UserCall::FinishRegistration { envelope, profile: Profile::default() }).await;
            self.tally.accounts += u64::from(matches!(made, UserReply::Registered { .. }));
            self.tally.names += u64::from(is_refused_with(&made, RefusalCode::NameTaken));
        }
    }
}

/// What one play measured, by the words that SECURITY.md has for it. No wildcard: a call without a bound is none of these,
/// and a new one does not compile before somebody has said what bounds it.
fn measured(who: Who, call: Call, spread: bool, tally: &Tally) -> Vec<(&'static str, u64)> {
    let of_place = |address, network, everybody, count| match who {
        Who::Network => vec![(network, count)],
        Who::Crowd => vec![(everybody, count)],
        _ => vec![(address, count)],
    };
    let none = |tally: &Tally| {
        assert_eq!(tally.largest(), 0, "{who:?} got something of {call:?}: {tally:?}");
        vec![]
    };
    let writes = |tally: &Tally| vec![("writes of one account at once", tally.events - tally.proofs)];
    let names_told = |tally: &Tally| match who {
        Who::Network => vec![("names told to one network in 10 s", tally.names)],
        Who::Crowd => vec![],
        _ => vec![("names told to one address in 10 s", tally.names)],
    };
    let has_session = matches!(who, Who::Thief | Who::Owner);
    if !has_session && call.row().is_of_session() {
        return none(tally);
    }
    match call {
        Call::DescribeServer
        | Call::ResumeSession
        | Call::ShowAccount
        | Call::ListSessions
        | Call::ListDevices
        | Call::ShowNotices => none(tally),
        Call::StartLogin | Call::FinishLogin | Call::LogInImported => match (who, spread) {
            (Who::Crowd, true) => vec![],
            (Who::Network, true) => vec![("guesses of one network in 10 s", tally.evaluations())],
            (_, true) => vec![("guesses of one address in 10 s", tally.evaluations())],
            (_, false) if call == Call::StartLogin => vec![
                ("guesses of strangers at one account in 10 s", tally.of_one_key()),
                ("attempts under way at one account", tally.held),
            ],
            (_, false) => vec![("guesses of strangers at one account in 10 s", tally.of_one_key())],
        },
        Call::StartRegistration => {
            let mut all = names_told(tally);
            all.push((
                "guesses of strangers at one account in 10 s",
                tally.by_key.get("wanted").copied().unwrap_or(0),
            ));
            all
        }
        Call::FinishRegistration => {
            assert!(tally.of_one_key() <= 2, "two evaluations for one account: {tally:?}");
            match spread {
                true => of_place(
                    "registrations of one address in 10 s",
                    "registrations of one network in 10 s",
                    "registrations of everybody in 10 s",
                    tally.accounts,
                ),
                false => names_told(tally),
            }
        }
        Call::StartReset if who == Who::CodeHolder => vec![("evaluations by one code", tally.of_one_key())],
        Call::StartReset => {
            assert_eq!(tally.evaluations(), 0, "{who:?} had something evaluated without a code: {tally:?}");
            match who {
                Who::Network => vec![("wrong codes of one network in 10 s", tally.events)],
                Who::Crowd => vec![],
                _ => vec![("wrong codes of one address in 10 s", tally.events)],
            }
        }
        Call::FinishReset if who == Who::CodeHolder => {
            assert_eq!(tally.of_one_key(), 1, "a code works once");
            vec![]
        }
        Call::FinishReset => none(tally),
        Call::StartProof | Call::FinishProof => {
            vec![("guesses with one session in 10 s", tally.of_one_key())]
        }
        // Each has its proof, and whoever has that has no use for an evaluation.
        Call::StartNewPassword | Call::FinishNewPassword => {
            assert!(tally.of_one_key() <= tally.proofs, "{tally:?}");
            if call == Call::FinishNewPassword && who == Who::Owner {
                // A new password opens a new session: two events for one write.
                assert!(tally.by_key.contains_key(VICTIM), "{tally:?}");
            }
            vec![]
        }
        Call::DeleteAccount => {
            assert!(tally.proofs <= 1 && tally.events <= 1, "{tally:?}");
            vec![]
        }
        Call::LogOut => {
            assert_eq!(tally.events, 1);
            vec![]
        }
        Call::UpdateAccount => writes(tally),
        Call::RememberDevice if who == Who::Owner => writes(tally),
        Call::RememberDevice | Call::FinishRecordMove => none(tally),
        Call::StartRecordMove => {
            assert_eq!(tally.evaluations(), 0, "{who:?} moved what is not to be moved: {tally:?}");
            vec![]
        }
        Call::RevokeSession | Call::ForgetDevice => {
            assert!((12..=14).contains(&tally.events), "as many as there are: {tally:?}");
            vec![]
        }
    }
}

async fn events_of_users(server: &Inside) -> u64 {
    events(server, "actor_kind = 'user'").await
}

async fn events(server: &Inside, which: &str) -> u64 {
    let sql = format!("select count(*) from audit where {which}");
    let mut wire = server.connect_as_operator().await;
    let rows = rows_of(&mut wire, AdminCall::Query { sql }).await.unwrap();
    rows[0][0].parse().unwrap()
}

/// Ten seconds of one call, or as much as it takes to get beyond a number.
async fn play(who: Who, call: Call, spread: bool, beyond: Option<u64>) -> Tally {
    // The writes of an account are counted by the machine's time, which goes on meanwhile.
    let settings = if beyond.is_some() { RAISED } else { "gate.write_interval_ms = 3600000\n" };
    // Playing takes longer than the seconds that are played.
    let patient = "hashing.imported_login_ms = 500\nconnections.idle_secs_max_before_login = 3600\nconnections.secs_max_before_login = 3600\n";
    let server = Inside::start_with(&format!("{settings}{patient}")).await;
    server.register(VICTIM).await;
    match call {
        // Something to revoke and to forget.
        Call::RevokeSession | Call::ForgetDevice => {
            for _ in 0..12 {
                let (mut wire, _) = server.log_in(VICTIM).await;
                wire.call(UserCall::RememberDevice).await.unwrap();
            }
        }
        _ => {}
    }
    let mut player = Player::new(&server, who, spread).await;
    let before = events_of_users(&server).await;
    let bursts = 140_usize.div_ceil(player.wires.len());
    let bursts = if who == Who::Crowd && call == Call::FinishRegistration { 3 } else { bursts };
    let is_enough = |tally: &Tally| beyond.is_some_and(|number| tally.counted() > number);
    for _ in 0..bursts {
        player.round(call).await;
        if is_enough(&player.tally) {
            break;
        }
    }
    let status = server.connect_as_operator().await.status().await;
    player.tally.held = status.attempts_under_way;
    if beyond.is_none() {
        for _ in 0..10 {
            server.jump(1);
            player.round(call).await;
        }
    }
    let Player { wires, mut tally, .. } = player;
    drop(wires);
    tally.events = settled_events(&server).await - before;
    tally
}

/// Attempts that were broken off are written down by and by.
async fn settled_events(server: &Inside) -> u64 {
    let mut last = events_of_users(server).await;
    loop {
        sleep(Duration::from_millis(100)).await;
        let now = events_of_users(server).await;
        if now == last {
            return now;
        }
        last = now;
    }
}

/// Who plays a call, and whether at one account or at another each time.
fn plays() -> Vec<(Who, Call, bool)> {
    let mut plays = Vec::new();
    for call in Call::ALL {
        let strangers = [Who::Stranger, Who::Fifty, Who::Network, Who::Crowd];
        let (who, spread): (&[Who], &[Who]) = match call {
            _ if call.row().is_of_session() => (&[Who::Stranger, Who::Thief, Who::Owner], &[]),
            // One connection shows what many would.
            _ if call.row().needs == Needs::Nothing => (&[Who::Stranger, Who::Thief], &[]),
            Call::StartReset | Call::FinishReset => {
                (&[Who::Stranger, Who::CodeHolder, Who::Fifty, Who::Network, Who::Crowd], &[])
            }
            Call::StartLogin | Call::FinishLogin => (&strangers, &[Who::Stranger, Who::Fifty, Who::Network]),
            Call::FinishRegistration => (&[Who::Stranger, Who::Network], &strangers),
            _ => (&strangers, &[]),
        };
        plays.extend(who.iter().map(|who| (*who, call, false)));
        plays.extend(spread.iter().map(|who| (*who, call, true)));
    }
    plays
}

/// Rows of the table of limits in SECURITY.md: what was measured, and the number.
fn figures_of_the_document() -> BTreeMap<String, u64> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../SECURITY.md");
    let text = std::fs::read_to_string(path).unwrap();
    let table = text.split("<!-- measured -->").nth(1).expect("SECURITY.md has the table of limits");
    let rows = table.lines().filter_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (label, number) = (cells.next()?, cells.next()?);
        Some((label.to_owned(), number.replace(',', "").parse().ok()?))
    });
    rows.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_0070_every_call_stays_within_its_limits_whoever_plays_it() {
    let mut found: BTreeMap<&'static str, u64> = BTreeMap::new();
    // Each play has both ends of its connections in this process.
    let at_once = if from_environment("VESTRY_CONNECTIONS_PER_ADDRESS", 1) > 1 { 1 } else { 4 };
    let gate = Arc::new(Semaphore::new(at_once));
    let mut running = JoinSet::new();
    for (who, call, spread) in plays() {
        let gate = gate.clone();
        running.spawn(async move {
            let _turn = gate.acquire_owned().await.unwrap();
            let kept = measured(who, call, spread, &play(who, call, spread, None).await);
            let reaches_something = kept.iter().any(|(_, number)| *number > 0);
            // Far enough for each of the numbers, one of which is that of a thousand accounts.
            let beyond = kept.iter().map(|(_, number)| *number).max().unwrap_or(0);
            let raised = match reaches_something {
                true => measured(who, call, spread, &play(who, call, spread, Some(beyond)).await),
                false => vec![],
            };
            ((who, call, spread), kept, raised)
        });
    }
    let mut wrong = Vec::new();
    while let Some(played) = running.join_next().await {
        let (which, kept, raised) = match played {
            Ok(played) => played,
            Err(panicked) => {
                wrong.push(panicked.to_string());
                continue;
            }
        };
        println!("{which:?}: {kept:?}, with the limits raised {raised:?}");
        for ((label, number), (_, reached)) in kept.iter().zip(&raised) {
            // One connection has one exchange, whatever the limits are.
            let is_one_of_one = *label == "attempts under way at one account" && which.0 == Who::Stranger;
            if reached <= number && !is_one_of_one {
                wrong.push(format!("{which:?} never gets beyond its {label}: {number}, raised {reached}"));
            }
        }
        for (label, number) in kept {
            let most = found.entry(label).or_default();
            *most = (*most).max(number);
        }
    }
    let stated = figures_of_the_document();
    for (label, number) in &found {
        if stated.get(*label) != Some(number) {
            wrong.push(format!("{label}: {number}, and SECURITY.md says {:?}", stated.get(*label)));
        }
    }
    // What a bot gets in longer times is another test's.
    let of_a_bot = |label: &str| label.ends_with(" in an hour") || label.ends_with(" in a minute");
    let lost = stated.keys().filter(|label| !found.contains_key(label.as_str()) && !of_a_bot(label));
    wrong.extend(lost.map(|label| format!("{label} was not measured")));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// As long as `VESTRY_BOT_SECONDS` says, by the server's clock: a minute, or the hour of `scripts/prove.sh`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_gets_as_many_guesses_as_security_md_says() {
    let seconds = from_environment("VESTRY_BOT_SECONDS", 60);
    let server = Inside::start_with(
        "connections.idle_secs_max_before_login = 3600\nconnections.secs_max_before_login = 3600\n",
    )
    .await;
    server.register(VICTIM).await;
    let mut bot = Player::new(&server, Who::Network, false).await;
    for _ in 0..seconds {
        bot.round(Call::FinishLogin).await;
        server.jump(1);
    }
    let label = match seconds {
        3_600 => "guesses of strangers at one account in an hour",
        _ => "guesses of strangers at one account in a minute",
    };
    assert_eq!(figures_of_the_document().get(label), Some(&bot.tally.of_one_key()), "{label}");
}

/// Both halves: one sees a name that is taken, the other is told that somebody was faster.
#[tokio::test]
async fn sec_0073_neither_half_of_a_registration_tells_names_without_a_limit() {
    for call in [Call::StartRegistration, Call::FinishRegistration] {
        let told = play(Who::Stranger, call, false, None).await.names;
        assert!((10..=20).contains(&told), "{call:?}: {told}");
    }
}
