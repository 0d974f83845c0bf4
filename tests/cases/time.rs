//! What time does: sessions, codes and suspensions end, deleted accounts are purged, clocks jump. The server runs
//! inside the test, with a clock that the test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use vestry_client::Wire;
use vestry_protocol::USER_ALPN;
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::secret::SessionToken;
use vestry_protocol::user::{UserCall, UserReply};
use vestry_server::clock::Clock;
use vestry_server::config::{Config, Overrides};
use vestry_server::credentials::Argon2id;
use vestry_server::data_dir::DataDir;
use vestry_server::identity::Identity;
use vestry_server::server::{Listeners, Parts};
use vestry_server::setup::Secrets;
use vestry_store::query::{OperatorReader, QueryCaps};
use vestry_store::{Store, StoreLimits};
use vestry_tests::harness::{PASSWORD, Server, UserWire, login, refusal_of, registration, token_again};
use vestry_tls::{Trust, config};

const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;
/// Some time in 2026: certificates are checked by the machine's clock, everything else by this one.
const START: i64 = 1_790_000_000;

/// A server inside the test.
struct Inside {
    _folder: TempDir,
    now: Arc<AtomicI64>,
    port: u16,
    trust: Trust,
    store: Store,
    _stop: oneshot::Sender<()>,
}

impl Inside {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Server::init(folder.path(), "");
        let data_dir = DataDir::at(folder.path());
        let settings = Config::load(&data_dir.config_file(), Overrides::default()).unwrap();
        let now = Arc::new(AtomicI64::new(START));
        let told = now.clone();
        let secrets = Secrets::read(&data_dir).unwrap();
        let store =
            Store::open(&data_dir.database(), StoreLimits::default(), secrets.chain.clone()).unwrap();
        let parts = Parts {
            opaque: secrets.opaque,
            queries: OperatorReader::open(&data_dir.database(), QueryCaps::default()).unwrap(),
            argon2id: Argon2id::new(settings.argon2id, secrets.pepper).unwrap(),
            identity: Identity::load(data_dir.certs(None)).unwrap(),
            clock: Clock::from_fn(move || told.load(Ordering::Relaxed)),
            store: store.clone(),
            config: settings,
        };
        let bind = || TcpListener::bind("127.0.0.1:0");
        let listeners = Listeners { user: bind().await.unwrap(), admin: bind().await.unwrap() };
        let port = listeners.user.local_addr().unwrap().port();
        let trust = Trust::Pin(data_dir.certs(None).authority_pin().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move {
            // Dropping the sender is the signal.
            let _ = stopped.await;
        };
        tokio::spawn(vestry_server::run(parts, listeners, shutdown, std::future::pending));
        Self { _folder: folder, now, port, trust, store, _stop: stop }
    }

    fn jump(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::Relaxed);
    }

    fn now(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    async fn connect(&self) -> UserWire {
        let tls = config::user_client(&self.trust).unwrap();
        Wire::connect("localhost", self.port, tls, USER_ALPN).await.unwrap()
    }

    async fn call(&self, call: UserCall) -> UserReply {
        self.connect().await.call(call).await.unwrap()
    }

    async fn log_in(&self, name: &str) -> (UserWire, SessionToken) {
        let mut wire = self.connect().await;
        match wire.call(login(name, PASSWORD)).await.unwrap() {
            UserReply::LoggedIn(session) => (wire, session.token),
            other => panic!("{other:?}"),
        }
    }

    async fn is_live(&self, token: &SessionToken) -> bool {
        match self.call(UserCall::ResumeSession { token: token_again(token) }).await {
            UserReply::SessionResumed { .. } => true,
            other => {
                assert_eq!(refusal_of(other), RefusalCode::SessionEnded);
                false
            }
        }
    }

    /// What the minute's housekeeping does.
    async fn sweep(&self) -> vestry_store::Swept {
        let now = self.now();
        self.store.write(move |tx| tx.sweep(now, HOUR, now - 7 * DAY)).await.unwrap()
    }
}

#[tokio::test]
async fn a_session_ends_an_hour_after_its_last_use_and_a_day_after_its_login() {
    let server = Inside::start().await;
    server.call(registration("naman", PASSWORD)).await;
    let (mut open, token) = server.log_in("naman").await;
    for _ in 0..23 {
        server.jump(HOUR - 1);
        assert!(server.is_live(&token).await);
    }
    server.jump(HOUR);
    assert!(!server.is_live(&token).await, "a day has passed");
    let shown = open.call(UserCall::ShowAccount).await.unwrap();
    assert_eq!(refusal_of(shown), RefusalCode::SessionEnded);
    let (_, token) = server.log_in("naman").await;
    server.jump(HOUR);
    assert!(!server.is_live(&token).await, "an hour without use has passed");
}

#[tokio::test]
async fn sec_0023_a_clock_that_jumps_revives_no_session_and_lets_a_new_login_in() {
    let server = Inside::start().await;
    server.call(registration("naman", PASSWORD)).await;
    for jump in [-DAY, 10 * 365 * DAY, i64::from(i32::MAX) - START + 1] {
        let (_, token) = server.log_in("naman").await;
        server.jump(DAY + 1);
        assert!(!server.is_live(&token).await);
        server.sweep().await;
        server.jump(-DAY);
        assert!(!server.is_live(&token).await, "the clock went back and the session came back");
        server.jump(jump);
        let (_, token) = server.log_in("naman").await;
        assert!(server.is_live(&token).await);
    }
}

#[tokio::test]
async fn a_suspension_ends_by_its_date_even_before_the_housekeeping_comes_by() {
    let server = Inside::start().await;
    server.call(registration("naman", PASSWORD)).await;
    let until = server.now() + DAY;
    suspend(&server, Some(until)).await;
    assert_eq!(refusal_of(server.call(login("naman", PASSWORD)).await), RefusalCode::Suspended);
    server.jump(DAY);
    server.log_in("naman").await;
    assert_eq!(server.sweep().await.resumed, ["naman"]);
    suspend(&server, None).await;
    server.jump(3650 * DAY);
    assert_eq!(refusal_of(server.call(login("naman", PASSWORD)).await), RefusalCode::Suspended);
    assert_eq!(server.sweep().await, vestry_store::Swept::default());
}

async fn suspend(server: &Inside, until: Option<i64>) {
    let now = server.now();
    let act = move |tx: &vestry_store::WriteTx<'_>| {
        let name = vestry_protocol::fields::Username::parse("naman").unwrap();
        let account = tx.account(&name, now)?.unwrap();
        let noted = tx.note(&EVENT)?;
        tx.suspend_account(&noted, account.id, until, None, now)
    };
    server.store.write(act).await.unwrap();
}

const EVENT: vestry_store::Event<'_> = vestry_store::Event {
    at: START,
    actor_kind: vestry_store::ActorKind::Server,
    actor: "test",
    action: "test",
    subject: "naman",
    source: "",
    detail: "",
};

#[tokio::test]
async fn a_deleted_account_keeps_its_name_for_seven_days_and_is_then_gone_for_good() {
    let server = Inside::start().await;
    server.call(registration("naman", PASSWORD)).await;
    let (mut wire, _) = server.log_in("naman").await;
    let password = vestry_tests::harness::secret(PASSWORD);
    let UserReply::AccountDeleted { restorable_until } =
        wire.call(UserCall::DeleteAccount { password }).await.unwrap()
    else {
        panic!("not deleted")
    };
    assert_eq!(restorable_until, server.now() + 7 * DAY);
    server.jump(7 * DAY - 1);
    assert!(server.sweep().await.purged.is_empty());
    assert_eq!(refusal_of(server.call(registration("naman", PASSWORD)).await), RefusalCode::NameTaken);
    server.jump(1);
    assert_eq!(server.sweep().await.purged, ["naman"]);
    assert!(matches!(server.call(registration("naman", PASSWORD)).await, UserReply::Registered { .. }));
}
