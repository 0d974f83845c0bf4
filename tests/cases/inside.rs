//! A server inside the test, with a clock that stands still until the test moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use vestry_client::Wire;
use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::secret::{SecretText, SessionToken};
use vestry_protocol::user::{Profile, UserCall, UserReply};
use vestry_protocol::{ADMIN_ALPN, USER_ALPN, UnixSeconds};
use vestry_server::audit::head::HeadKeeper;
use vestry_server::clock::Clock;
use vestry_server::config::Overrides;
use vestry_server::credentials::ImportedHashes;
use vestry_server::data_dir::DataDir;
use vestry_server::identity::Identity;
use vestry_server::run::{Listeners, ServeError};
use vestry_server::secrets::files::Secrets;
use vestry_server::server::Parts;
use vestry_server::settings::Settings;
use vestry_server::sweep::{Swept, remove_expired, remove_old};
use vestry_store::query::{OperatorReader, QueryCaps};
use vestry_store::{Lived, Store, StoreLimits};
use vestry_tests::harness::{AdminWire, PASSWORD, Server, UserWire, token_again};
use vestry_tests::light;
use vestry_tests::talk::Refusable;
use vestry_tls::{CertificateFacts, CertsDir, Trust, config};

pub(crate) const HOUR: i64 = 60 * 60;
pub(crate) const DAY: i64 = 24 * HOUR;

/// How often a round of housekeeping reads the clock; nothing else does before the first connection.
const READS_OF_A_ROUND: usize = 5;

/// The machine's time: clients check certificates by it, so the test's clock begins there.
pub(crate) fn machine_time() -> UnixSeconds {
    Clock::system().now()
}

/// A server inside the test.
pub(crate) struct Inside {
    pub(crate) folder: TempDir,
    pub(crate) now: Arc<AtomicI64>,
    pub(crate) panics: Arc<AtomicBool>,
    pub(crate) hangup: mpsc::Sender<()>,
    pub(crate) port: u16,
    pub(crate) admin_port: u16,
    pub(crate) trust: Trust,
    pub(crate) store: Store,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), ServeError>>,
}

impl Inside {
    pub(crate) async fn start() -> Self {
        Self::start_with("").await
    }

    /// With settings on top of the ones that `init` writes.
    pub(crate) async fn start_with(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Server::init(folder.path(), settings);
        Self::start_in(folder, 0).await
    }

    /// On a folder that is set up, with a clock that is so many seconds ahead.
    pub(crate) async fn start_in(folder: TempDir, ahead: i64) -> Self {
        let data_dir = DataDir::at(folder.path());
        let settings = Settings::load(&data_dir.config_file(), Overrides::default()).unwrap();
        let now = Arc::new(AtomicI64::new(machine_time().plus(ahead).seconds()));
        let panics = Arc::new(AtomicBool::new(false));
        let (told, bomb, reads) = (now.clone(), panics.clone(), Arc::new(AtomicUsize::new(0)));
        let read = reads.clone();
        let secrets = Secrets::read(&data_dir).unwrap();
        let store = Store::open(&data_dir.database(), StoreLimits::default(), secrets.chain.clone()).unwrap();
        let clock = Clock::from_fn(move || {
            assert!(!bomb.swap(false, Ordering::Relaxed), "a panic that the test put there");
            let now = UnixSeconds::from_seconds(told.load(Ordering::Relaxed));
            read.fetch_add(1, Ordering::Relaxed);
            now
        });
        let parts = Parts {
            opaque: secrets.bind_to(&store).await.unwrap(),
            queries: OperatorReader::open(&data_dir.database(), QueryCaps::default()).unwrap(),
            imported: ImportedHashes::new(secrets.pepper).unwrap(),
            names: secrets.names,
            head: HeadKeeper::begin(&data_dir, &store, clock.clone()).await.unwrap(),
            identity: Identity::load(data_dir.certs(None), settings.clone()).unwrap(),
            clock,
            store: store.clone(),
            settings,
        };
        let bind = || TcpListener::bind("127.0.0.1:0");
        let listeners = Listeners { user: vec![bind().await.unwrap()], admin: bind().await.unwrap() };
        let port = listeners.user_addresses().unwrap()[0].port();
        let admin_port = listeners.admin.local_addr().unwrap().port();
        let trust = Trust::Pin(data_dir.certs(None).authority_pin().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move {
            // Dropping the sender is the signal.
            let _ = stopped.await;
        };
        let (hangup, hung_up) = mpsc::channel(1);
        let hung_up = Arc::new(Mutex::new(hung_up));
        let reload = move || {
            let hung_up = hung_up.clone();
            async move {
                let _ = hung_up.lock().await.recv().await;
            }
        };
        let running = tokio::spawn(vestry_server::run(parts, listeners, shutdown, reload));
        // The first housekeeping is a round of the present: a clock that the test has moved would renew the certificate for then.
        while reads.load(Ordering::Relaxed) < READS_OF_A_ROUND {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        Self { folder, now, panics, hangup, port, admin_port, trust, store, stop, running }
    }

    /// As a service manager does; hands the folder on.
    pub(crate) async fn stop(self) -> TempDir {
        drop(self.stop);
        self.running.await.unwrap().unwrap();
        self.folder
    }

    pub(crate) fn jump(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> UnixSeconds {
        UnixSeconds::from_seconds(self.now.load(Ordering::Relaxed))
    }

    pub(crate) async fn connect(&self) -> UserWire {
        let tls = config::user_client(&self.trust).unwrap();
        Wire::connect("localhost", self.port, tls, USER_ALPN).await.unwrap()
    }

    /// A connection to the admin port, as the first operator.
    pub(crate) async fn connect_as_operator(&self) -> AdminWire {
        self.connect_as("admin").await
    }

    /// A connection to the admin port, as the operator of a name.
    pub(crate) async fn connect_as(&self, operator: &str) -> AdminWire {
        let certs = self.certs();
        let tls = config::console_client_from_files(
            &certs.ca_certificate(),
            &certs.operator_certificate(operator),
            &certs.operator_key(operator),
        );
        AdminWire::connect("localhost", self.admin_port, tls.unwrap(), ADMIN_ALPN).await.unwrap()
    }

    pub(crate) async fn operate(&self, call: AdminCall) -> AdminReply {
        self.connect_as_operator().await.call(call).await.unwrap()
    }

    pub(crate) fn certs(&self) -> CertsDir {
        CertsDir::at(self.folder.path().join("certs"))
    }

    /// What the server's certificate on the disk says.
    pub(crate) fn certificate(&self) -> CertificateFacts {
        self.certs().describe().unwrap().swap_remove(1)
    }

    /// As SIGHUP does; returns when all of it is done.
    pub(crate) async fn reload(&self) {
        for _ in 0..3 {
            // The second is taken when the first is done, and one fits in between.
            self.hangup.send(()).await.unwrap();
        }
    }

    pub(crate) async fn call(&self, call: UserCall) -> UserReply {
        self.connect().await.call(call).await.unwrap()
    }

    /// An account with [`PASSWORD`].
    pub(crate) async fn register(&self, name: &str) {
        let reply = light::register(&mut self.connect().await, name, PASSWORD, Profile::default()).await;
        assert!(matches!(reply, UserReply::Registered { .. }), "{reply:?}");
    }

    pub(crate) async fn log_in(&self, name: &str) -> (UserWire, SessionToken) {
        let mut wire = self.connect().await;
        match light::log_in(&mut wire, name, PASSWORD).await {
            UserReply::LoggedIn(session) => (wire, session.token),
            other => panic!("{other:?}"),
        }
    }

    /// What a login on a connection of its own, which does not succeed, is refused with.
    pub(crate) async fn refused_login(&self, name: &str, password: &str) -> Refusal {
        match light::log_in(&mut self.connect().await, name, password).await {
            UserReply::Refused(refusal) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    pub(crate) async fn issue_code(&self, name: &str) -> SecretText {
        match self.operate(AdminCall::ResetAccount { name: name.to_owned() }).await {
            AdminReply::CodeIssued { code, .. } => code,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn is_live(&self, token: &SessionToken) -> bool {
        match self.call(UserCall::ResumeSession { token: token_again(token) }).await {
            UserReply::SessionResumed { .. } => true,
            other => {
                other.expect_refusal(RefusalCode::SessionEnded);
                false
            }
        }
    }

    /// What the housekeeping does, on a server that ran for years until now.
    pub(crate) async fn sweep(&self) -> Swept {
        const YEARS: Duration = Duration::from_secs(100 * 365 * 86_400);
        let now = self.now();
        let swept = self.store.write(move |tx| {
            remove_expired(tx, now, HOUR)?;
            let (aged, _) = tx.age(now, Lived::For(YEARS))?;
            remove_old(tx, now, aged)
        });
        swept.await.unwrap()
    }
}
