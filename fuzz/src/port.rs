//! The user port of a real server on loopback, over TLS, and a model of what it may do.
//!
//! [`visit`] has two people of its own database, sends whatever an input says, and holds every answer against
//! [`model::Model`], which knows who proved what. The server goes on to the next visit, with the clock set back;
//! every visit has names of its own, so that it can be repeated alone.

pub mod model;
mod opaque;
mod visitor;

pub use visitor::{Envelope, Message, Op, Operation};

use std::cell::RefCell;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, LocalSet};
use vestry_protocol::UnixSeconds;
use vestry_server::audit::head::HeadKeeper;
use vestry_server::clock::Clock;
use vestry_server::config::{Config, HashingConfig, Overrides};
use vestry_server::credentials::{ImportedHashes, OpaqueKeys};
use vestry_server::data_dir::DataDir;
use vestry_server::identity::Identity;
use vestry_server::listen::Listen;
use vestry_server::secrets::files::Secrets;
use vestry_server::server::Parts;
use vestry_server::settings::Settings;
use vestry_server::setup::{Plan, set_up};
use vestry_server::{Listeners, run};
use vestry_store::query::{OperatorReader, QueryCaps};
use vestry_store::{Generation, Store, StoreLimits};
use vestry_tls::Hosts;
use visitor::Visitor;

/// After so many visits a new server takes over, so that no database grows without end.
const VISITS_MAX: u32 = 2_000;

/// A server that runs.
struct House {
    /// The folder of its files, until it goes.
    _folder: TempDir,
    served: Served,
    began: UnixSeconds,
    visits: u32,
    tasks: LocalSet,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

/// Where it is, and how its clock is moved.
struct Served {
    user_port: u16,
    admin_port: u16,
    home: DataDir,
    clock: Arc<AtomicI64>,
}

impl Served {
    fn advance(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }
}

thread_local! {
    static HOUSE: RefCell<Option<House>> = const { RefCell::new(None) };
}

/// Does what an input says, and panics where an answer is one that must not be given.
///
/// # Panics
/// That is what it is for; also when the server cannot start.
pub fn visit(ops: Vec<Op<'_>>) {
    HOUSE.with_borrow_mut(|open| {
        if let Some(old) = open.take_if(|house| house.visits == VISITS_MAX) {
            old.close();
        }
        let house = open.get_or_insert_with(House::open);
        house.visits += 1;
        house.served.clock.store(house.began.seconds(), Ordering::Relaxed);
        let visiting = async {
            let mut visitor = Visitor::of(&house.served, house.visits);
            for op in Op::registering_people().into_iter().chain(ops) {
                visitor.take(op).await;
            }
            visitor.leave().await;
        };
        house.tasks.block_on(runtime(), visiting);
    });
}

/// One runtime for all servers, on this thread.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = Builder::new_current_thread();
        builder.enable_all().max_blocking_threads(4).build().expect("a runtime")
    })
}

impl House {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let home = DataDir::at(folder.path());
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let began = i64::try_from(since_1970.as_secs()).expect("before the sun burns out");
        let began = UnixSeconds::from_seconds(began);
        let clock = Arc::new(AtomicI64::new(began.seconds()));
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move {
            let _ = stopped.await;
        };
        let tasks = LocalSet::new();
        let (served, running) = tasks.block_on(runtime(), async {
            let listeners = Listeners { user: vec![bind().await], admin: bind().await };
            let port = |listener: &TcpListener| listener.local_addr().expect("it is bound").port();
            let (user_port, admin_port) = (port(&listeners.user[0]), port(&listeners.admin));
            set_up(&plan(home.clone(), began)).await.expect("a folder can be set up");
            let told = clock.clone();
            let parts =
                parts(&home, Clock::from_fn(move || UnixSeconds::from_seconds(told.load(Ordering::Relaxed))))
                    .await;
            let serving = run(parts, listeners, shutdown, async || std::future::pending().await);
            let running =
                tokio::task::spawn_local(async { serving.await.expect("the server ends by itself") });
            (Served { user_port, admin_port, home, clock }, running)
        });
        Self { _folder: folder, served, began, visits: 0, tasks, stop, running }
    }

    fn close(self) {
        let Self { tasks, stop, running, .. } = self;
        stop.send(()).expect("the server runs");
        tasks.block_on(runtime(), running).expect("the server ends by itself");
    }
}

fn plan(data_dir: DataDir, began: UnixSeconds) -> Plan {
    let now = Clock::from_fn(move || began).plausible_now().expect("the clock is right");
    let anywhere = ([127, 0, 0, 1], 0).into();
    let (hosts, certificate_days) = (Hosts::parse(["localhost"]).expect("a name"), 30);
    let listen = Listen::At(vec![anywhere]);
    Plan { data_dir, certs_dir: None, hosts, listen, admin_listen: anywhere, certificate_days, now }
}

async fn bind() -> TcpListener {
    TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback has a free port")
}

async fn parts(home: &DataDir, clock: Clock) -> Parts {
    let database = &home.database();
    let secrets = Secrets::read(home).expect("they were made");
    // Nobody measures times here.
    let hashing = HashingConfig { threads: 1, queue_max: 64, imported_login_time: Duration::from_millis(1) };
    let config = Config { hashing, ..Config::default() };
    let settings = Settings::new(config, Overrides::default());
    let limits = StoreLimits { readers_max: 2, ..StoreLimits::default() };
    let store = Store::open(database, limits, secrets.chain.clone()).expect("a database");
    Parts {
        head: HeadKeeper::begin(home, &store, clock.clone()).await.expect("a database"),
        store,
        queries: OperatorReader::open(database, QueryCaps::default()).expect("a database"),
        imported: ImportedHashes::new(secrets.pepper).expect("its decoy fits"),
        // The first generation of a new database.
        opaque: OpaqueKeys::new((Generation(1), secrets.opaque), None),
        names: secrets.names,
        identity: Identity::load(home.certs(None), settings.clone()).expect("certificates"),
        settings,
        clock,
    }
}
