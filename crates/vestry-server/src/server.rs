//! The server's shared parts, and [`run`]: from bound listeners to the last goodbye.

use crate::admin::{Office, RecordedQueries, WelcomeOperators};
use crate::audit::head::HeadKeeper;
use crate::audit::trail::{RecordedReads, Trail};
use crate::clock::{Clock, as_date};
use crate::credentials::{DamagedRecords, ImportedHashes, OpaqueKeys};
use crate::gate::{Gate, Writes};
use crate::hashing::pool::HashingPool;
use crate::identity::Identity;
use crate::names::NameSeed;
use crate::ports::listener::{Admission, accept_until};
use crate::reload;
use crate::renewal::Renewal;
use crate::settings::Settings;
use crate::sweep::{remove_expired, remove_old};
use crate::user::WelcomeUsers;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use vestry_store::query::OperatorReader;
use vestry_store::{Aged, ClockJump, Lived, Store};

/// A deleted account can be restored for seven days, then it is purged.
pub const RESTORABLE_SECS: i64 = 7 * 24 * 60 * 60;

/// How often what has expired is removed, and the certificate looked at.
const HOUSEKEEPING_PERIOD: Duration = Duration::from_secs(60);

/// How often what is old is removed: each time is a commit, also on a server where nothing happens.
const AGING_PERIOD: Duration = Duration::from_secs(60 * 60);

/// Everything that the tasks of a server share.
pub struct Server {
    /// The settings in force.
    pub settings: Settings,
    /// The database.
    pub store: Store,
    /// Where passwords wait to be hashed.
    pub hashing: HashingPool,
    /// Judges imported password hashes.
    pub imported: ImportedHashes,
    /// What names OPRF keys.
    pub names: NameSeed,
    /// The server's OPAQUE keys.
    pub opaque: OpaqueKeys,
    /// Which password records could not be read of late.
    pub damaged: DamagedRecords,
    /// The operator's read-only SQL.
    pub queries: RecordedQueries,
    /// Certificates and the TLS configurations made of them.
    pub identity: Identity,
    /// What keeps the server's certificate fresh.
    pub renewal: Renewal,
    /// One at a time reads settings and certificates again.
    pub reloading: Mutex<()>,
    /// The wall clock.
    pub clock: Clock,
    /// Cancelled when connections are to finish.
    pub draining: CancellationToken,
    /// The user port's connections.
    pub user_admission: Admission,
    /// Where operators work.
    pub office: Office,
    /// One backup at a time: each takes as much disk as the database.
    pub backups: Semaphore,
    /// One import at a time: each holds up every other write when it ends.
    pub imports: Arc<Semaphore>,
    /// What every attempt passes.
    pub gate: Gate,
    /// What accounts wrote of late.
    pub writes: Writes,
    /// How far the audit is written down in the log.
    pub trail: Trail,
    /// How far it is written down beside its key.
    pub head: Arc<HeadKeeper>,
    /// What operators read of late.
    pub recorded: RecordedReads,
    /// When the server started, for people.
    pub started: Instant,
    /// Where users connect, as it was bound; one at least.
    pub user_addresses: Vec<SocketAddr>,
}

/// Bound sockets, so that whoever binds knows the ports before anything is served.
pub struct Listeners {
    /// For users; one at least.
    pub user: Vec<TcpListener>,
    /// For operators; loopback.
    pub admin: TcpListener,
}

impl Listeners {
    /// Where users connect, as it was bound.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn user_addresses(&self) -> std::io::Result<Vec<SocketAddr>> {
        self.user.iter().map(TcpListener::local_addr).collect()
    }
}

/// The parts that a server is made of.
pub struct Parts {
    /// The settings in force.
    pub settings: Settings,
    /// The database.
    pub store: Store,
    /// The operator's read-only SQL.
    pub queries: OperatorReader,
    /// Judges imported password hashes.
    pub imported: ImportedHashes,
    /// What names OPRF keys.
    pub names: NameSeed,
    /// The server's OPAQUE keys.
    pub opaque: OpaqueKeys,
    /// Certificates.
    pub identity: Identity,
    /// How far the audit is written down beside its key.
    pub head: HeadKeeper,
    /// The wall clock.
    pub clock: Clock,
}

/// Serves until `shutdown` resolves, then drains: no request that was accepted is dropped. `reload` resolves
/// each time settings and certificates are to be read again.
///
/// # Errors
/// When the hashing threads cannot start, a bound address cannot be read, or a part ended that has to run.
pub async fn run(
    parts: Parts,
    listeners: Listeners,
    shutdown: impl Future<Output = ()>,
    reload: impl AsyncFnMut(),
) -> Result<(), ServeError> {
    let config = parts.settings.now();
    let limits = config.connections;
    let supervisor = parts.store.supervisor().clone();
    let hashing = HashingPool::start(&supervisor, config.hashing.threads, config.hashing.queue_max)?;
    let gate = Gate::start(parts.store.clone(), parts.clock.clone(), parts.settings.clone());
    let writes = Writes::new(parts.settings.clone());
    let server = Arc::new(Server {
        hashing,
        gate,
        writes,
        store: parts.store,
        queries: RecordedQueries::new(parts.queries),
        opaque: parts.opaque,
        imported: parts.imported,
        damaged: DamagedRecords::default(),
        names: parts.names,
        identity: parts.identity,
        renewal: Renewal::default(),
        clock: parts.clock,
        draining: CancellationToken::new(),
        backups: Semaphore::new(1),
        imports: Arc::new(Semaphore::new(1)),
        trail: Trail::default(),
        head: Arc::new(parts.head),
        recorded: RecordedReads::default(),
        user_admission: Admission::for_users(&limits, parts.settings.clone()),
        office: Office::new(&limits),
        started: Instant::now(),
        user_addresses: listeners.user_addresses()?,
        settings: parts.settings,
        reloading: Mutex::default(),
    });
    let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
    let accepting = open_ports(&server, listeners, &stopping, &tasks);
    supervisor.task("the head of the audit", server.head.clone().keep_writing(server.store.clone()));
    let ended = tokio::select! {
        () = keep_house(&server) => Ok(()),
        () = reload_for_ever(&server, reload) => Ok(()),
        () = shutdown => Ok(()),
        part = supervisor.first_end() => Err(ServeError::Ended(part)),
    };
    stopping.cancel();
    for port in accepting {
        // One that broke off has been told already.
        let _ = port.await;
    }
    drain(&server, &tasks).await;
    ended
}

/// Takes connections on every listener, on the workers: from the thread that waits for the end, every connection would have to
/// change threads.
fn open_ports(
    server: &Arc<Server>,
    listeners: Listeners,
    stopping: &CancellationToken,
    tasks: &TaskTracker,
) -> Vec<JoinHandle<()>> {
    let supervisor = server.store.supervisor();
    let users = listeners.user.into_iter().map(|listener| {
        let (admission, welcome) = (server.user_admission.clone(), WelcomeUsers(server.clone()));
        let accepting = accept_until(stopping.clone(), listener, admission, tasks.clone(), welcome);
        supervisor.task("the user port", accepting)
    });
    let admission = Admission::for_operators(&server.settings.now().connections);
    let welcome = WelcomeOperators(server.clone());
    let operators = accept_until(stopping.clone(), listeners.admin, admission, tasks.clone(), welcome);
    users.chain([supervisor.task("the admin port", operators)]).collect()
}

/// Why a server stopped that was not told to, or did not start.
#[derive(Debug, Error)]
pub enum ServeError {
    /// Something that has to run as long as the server does has ended.
    #[error("{0} broke off, and the server ends: start it again. The log says why; please report it")]
    Ended(&'static str),
    /// The system gave something not that it needs.
    #[error("{0}")]
    System(#[from] std::io::Error),
}

/// Runs one round of something that has many: a panic ends the round, and the next one begins anew.
async fn isolated(what: &'static str, round: impl Future<Output = ()> + Send + 'static) {
    if AbortOnDropHandle::new(tokio::spawn(round)).await.is_err() {
        tracing::error!("{what} broke off; the next round begins anew");
    }
}

async fn drain(server: &Server, tasks: &TaskTracker) {
    let wait = server.settings.now().connections.drain_timeout;
    tracing::info!(
        connections = tasks.len(),
        "stopping: open connections get {} s to finish",
        wait.as_secs()
    );
    server.draining.cancel();
    tasks.close();
    if timeout(wait, tasks.wait()).await.is_err() {
        tracing::warn!(connections = tasks.len(), "these connections did not finish in time");
    }
    // A disk that stays full does not keep the server from stopping.
    let _ = timeout(wait, server.gate.flush()).await;
    server.trail.write_checkpoint(server).await;
    server.head.keep(&server.store).await;
    server.store.close().await;
}

async fn reload_for_ever(server: &Arc<Server>, mut reload: impl AsyncFnMut()) {
    loop {
        reload().await;
        isolated("reading the settings again", reload_once(server.clone())).await;
    }
}

async fn reload_once(server: Arc<Server>) {
    if let Err(error) = reload::by_signal(&server).await {
        tracing::error!("the reload failed; settings and certificates stay as they were: {error}");
    }
    look_at_the_certificate(&server);
}

async fn keep_house(server: &Arc<Server>) {
    let mut ticks = interval(HOUSEKEEPING_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut aging = Aging::default();
    loop {
        ticks.tick().await;
        // Each by itself: one that cannot be done holds up none of the others.
        isolated("removing what has expired", remove_what_expired(server.clone())).await;
        if let Some(aged) = aging.round(server).await {
            isolated("removing what is old", remove_what_is_old(server.clone(), aged)).await;
        }
        isolated("looking after the audit", look_after_the_audit(server.clone())).await;
        isolated("looking at the certificate", look_around(server.clone())).await;
    }
}

/// When the database aged last.
#[derive(Default)]
struct Aging(Option<Instant>);

impl Aging {
    /// Lets the database age when it is time. Returns how far.
    async fn round(&mut self, server: &Server) -> Option<Aged> {
        let (now, at) = (server.clock.now(), Instant::now());
        let lived = match self.0.map(|last| at.duration_since(last)) {
            Some(time) if time < AGING_PERIOD => return None,
            Some(time) => Lived::For(time),
            None => Lived::Off,
        };
        match server.store.write(move |tx| tx.age(now, lived)).await {
            Ok((aged, jump)) => {
                self.0 = Some(at);
                if let Some(ClockJump { from, to }) = jump {
                    tracing::warn!(
                        "the clock says {}, and it should be {} or, when no server ran meanwhile, later; is it right?",
                        as_date(to),
                        as_date(from)
                    );
                }
                Some(aged)
            }
            Err(error) => {
                tracing::warn!(%error, "what is old was not removed; the next round tries again");
                None
            }
        }
    }
}

async fn remove_what_is_old(server: Arc<Server>, aged: Aged) {
    let now = server.clock.now();
    if let Err(error) = server.store.write(move |tx| remove_old(tx, now, aged)).await {
        tracing::warn!(%error, "what is old was not removed; it is tried again in an hour");
    }
    server.trail.remove_old_events(&server, aged).await;
}

async fn remove_what_expired(server: Arc<Server>) {
    let (now, idle) = (server.clock.now(), server.settings.now().sessions.idle_secs_max);
    if let Err(error) = server.store.write(move |tx| remove_expired(tx, now, idle)).await {
        tracing::warn!(%error, "what has expired was not removed; the next round tries again");
    }
}

async fn look_after_the_audit(server: Arc<Server>) {
    server.trail.write_checkpoint(&server).await;
}

async fn look_around(server: Arc<Server>) {
    look_at_the_certificate(&server);
    match server.user_admission.take_refused() {
        0 => {}
        refused => tracing::warn!(
            refused,
            "connections were refused: their sources had or made too many (connections_per_source_…)"
        ),
    }
    match server.user_admission.take_unsaid() {
        0 => {}
        refused => tracing::warn!(
            refused,
            "connections of load balancers (proxy_from) were closed: they did not say for whom they are; has the balancer \
             send-proxy-v2?"
        ),
    }
}

/// Renews the certificate when it is due, and says what its operator should know.
pub fn look_at_the_certificate(server: &Server) {
    server.renewal.look(&server.identity, &server.clock);
}
