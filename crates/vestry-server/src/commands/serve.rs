//! `vestryd serve`: sets up on a first start, checks what must hold, binds, and hands over to the library.

use super::error::CommandError;
use super::init;
use super::location::Location;
use crate::audit::head::HeadKeeper;
use crate::clock::{Clock, as_date};
use crate::config::{Config, Overrides};
use crate::credentials::ImportedHashes;
use crate::data_dir::DataDir;
use crate::identity::Identity;
use crate::listen::{self, Listen};
use crate::operators::enrol::enrol;
use crate::ports::listener::UNSAID_MAX;
use crate::process::confinement::confine;
use crate::process::logging::{self, Log};
use crate::process::running::Announcement;
use crate::process::work_folder::remove_abandoned;
use crate::run::Listeners;
use crate::secrets::files::{Secrets, finish_replacements};
use crate::server::Parts;
use crate::settings::Settings;
use clap::Args;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use vestry_protocol::typed::vestryctl;
use vestry_store::query::{OperatorReader, QueryCaps};
use vestry_store::{Store, StoreLimits};

#[derive(Debug, Clone, Args)]
pub(super) struct ServeFlags {
    #[command(flatten)]
    pub(super) location: Location,
    /// Where users connect (repeatable) [default: what vestryd.toml says, else port 7443 of every address]
    #[arg(long, value_name = "ADDR")]
    listen: Vec<SocketAddr>,
    /// Where operators connect; loopback only [default: 127.0.0.1:7444, or what vestryd.toml says]
    #[arg(long, value_name = "ADDR")]
    admin_listen: Option<SocketAddr>,
}

/// Descriptors that are not connections: the database and its readers, listeners, the runtime, log.
const OTHER_DESCRIPTORS: u64 = 128;

/// Reads, OPAQUE and operators' queries block. More threads than readers, queries and cores only wait on one another
/// and cost memory; tokio would start 512.
const BLOCKING_THREADS_MAX: usize = 24;

pub(super) fn serve(flags: &ServeFlags) -> Result<(), CommandError> {
    let log = logging::start();
    // Before there are threads.
    let data_dir = flags.location.enter_for_good()?;
    if !flags.location.names_settings() && data_dir.is_fresh() {
        set_up_first(flags, &data_dir, &log)?;
    }
    let overrides =
        Overrides { listen: flags.listen.clone(), admin_listen: flags.admin_listen, ..Overrides::default() };
    let settings = flags.location.load_settings(overrides)?;
    let config = settings.now();
    data_dir.refuse_exposed_files()?;
    let certs = data_dir.certs(config.certificates.dir.as_deref());
    certs.refuse_exposed_keys()?;
    let lock = data_dir.lock()?;
    raise_descriptor_limit(&config);
    // Bound while the process still may.
    let failed = |flag| move |(address, cause)| CommandError::Bind { address, cause, flag };
    let (user, admin) = (config.network.listen.bind(), config.network.admin_listen);
    let sockets = Sockets {
        user: user.map_err(failed("listen"))?,
        admin: listen::bind(admin).map_err(|cause| failed("admin-listen")((admin, cause)))?,
    };
    // Counted while the limits of a container can be read.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Confined before there are threads: those that the runtime and the store start inherit it.
    let confinement = confine(&[data_dir.path(), certs.path()], &config.path);
    if confinement.is_in_force() {
        tracing::info!("confined; {confinement}");
    } else {
        tracing::warn!("not confined; {confinement}");
    }
    log.start_thread();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores)
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .build()?;
    let served = runtime.block_on(serve_until_told(settings, &data_dir, sockets, &log));
    drop(lock);
    served
}

fn set_up_first(flags: &ServeFlags, data_dir: &DataDir, log: &Log) -> Result<(), CommandError> {
    log.say(&format!("first start: setting up {}", data_dir.path().display()));
    let listen = Listen::at(flags.listen.clone());
    let admin = flags.admin_listen.unwrap_or_else(|| ([127, 0, 0, 1], 7444).into());
    let hosts = init::hosts_of(&flags.location, data_dir, &[], &listen)?;
    for line in init::make(data_dir.clone(), flags.location.certs_dir(), hosts, listen, admin)? {
        log.say(&format!("  {line}"));
    }
    Ok(())
}

async fn serve_until_told(
    settings: Settings,
    data_dir: &DataDir,
    sockets: Sockets,
    log: &Log,
) -> Result<(), CommandError> {
    let clock = Clock::system();
    // Drawn while the database is opened; it is waited for only before the first peer is let in.
    let randomness = tokio::task::spawn_blocking(warm_up_randomness);
    remove_abandoned(data_dir.path());
    for fact in finish_replacements(data_dir)? {
        tracing::info!(fact, "the rotation of a secret was broken off; it is finished now");
    }
    let secrets = Secrets::read(data_dir)?;
    let store = Store::open(&data_dir.database(), StoreLimits::default(), secrets.chain.clone())?;
    let queries = OperatorReader::open(&data_dir.database(), QueryCaps::default())?;
    let opaque = secrets.bind_to(&store).await?;
    let imported = ImportedHashes::new(secrets.pepper).map_err(std::io::Error::other)?;
    let certs = data_dir.certs(settings.now().certificates.dir.as_deref());
    let identity = Identity::load(certs.clone(), settings.clone())?;
    renew_or_serve_what_is_valid(&identity, &clock)?;
    enrol(&store, identity.operators()?, clock.now())
        .await
        .map_err(crate::secrets::error::SetupError::from)?;
    let head = HeadKeeper::begin(data_dir, &store, clock.clone()).await?;
    let listeners = Listeners {
        user: sockets.user.into_iter().map(TcpListener::from_std).collect::<Result<_, _>>()?,
        admin: TcpListener::from_std(sockets.admin)?,
    };
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hangup = signal(SignalKind::hangup())?;
    let announcement = Announcement::write(data_dir, listeners.admin.local_addr()?, certs.path());
    say_where(&listeners, &identity, &announcement, log)?;
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let reload = async || {
        hangup.recv().await;
    };
    randomness.await.map_err(std::io::Error::other)??;
    let names = secrets.names;
    let parts = Parts { settings, store, queries, imported, opaque, names, identity, head, clock };
    Ok(crate::run::run(parts, listeners, shutdown, reload).await?)
}

/// A certificate that cannot be renewed is served to its last day; the housekeeping complains.
fn renew_or_serve_what_is_valid(identity: &Identity, clock: &Clock) -> Result<(), CommandError> {
    // The housekeeping complains of a clock that cannot be right.
    let Ok(now) = clock.plausible_now() else { return Ok(()) };
    match identity.renew_when_due(now) {
        Err(cause) if identity.not_after() <= now.reading() => {
            Err(CommandError::CertificateEnded { until: as_date(identity.not_after()), cause })
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Listening already, and of no runtime yet.
struct Sockets {
    user: Vec<std::net::TcpListener>,
    admin: std::net::TcpListener,
}

fn say_where(
    listeners: &Listeners,
    identity: &Identity,
    announcement: &Announcement,
    log: &Log,
) -> Result<(), CommandError> {
    let (user, admin) = (listeners.user_addresses()?, listeners.admin.local_addr()?);
    let join = identity.join_string(user.first().map_or(listen::USER_PORT, SocketAddr::port));
    let user = user.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(" and ");
    log.say(&format!(
        "vestryd {} listens on {user} for users and on {admin} for operators",
        env!("CARGO_PKG_VERSION")
    ));
    log.say(&format!("users type next:     vestry join {join}"));
    let address = if announcement.is_written() { String::new() } else { format!("--admin {admin} ") };
    log.say(&format!("operators type next: {}", vestryctl(format!("{address}sql 'select * from accounts'"))));
    Ok(())
}

/// The first random bytes of the TLS library take 40 ms of a processor; no user should find it without them.
fn warm_up_randomness() -> Result<(), CommandError> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let filled = provider.secure_random.fill(&mut [0; 1]);
    filled.map_err(|_| std::io::Error::other("the TLS library has no random bytes").into())
}

/// Most systems allow 1,024 descriptors until asked for more.
fn raise_descriptor_limit(config: &Config) {
    let limits = &config.connections;
    let others = [limits.admin_max, limits.admin_handshakes_max, UNSAID_MAX];
    let connections = others.into_iter().fold(limits.max, usize::saturating_add);
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHER_DESCRIPTORS);
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(limit.maximum.map_or(wanted, |maximum| maximum.min(wanted)));
        // Without it the server still serves as many as it may.
        let _ = setrlimit(Resource::Nofile, limit);
    }
    if limit.current.is_some_and(|current| current < wanted) {
        tracing::warn!(
            allowed = limit.current,
            wanted,
            "the system allows fewer open files than connections.max needs; raise LimitNOFILE or ulimit -n"
        );
    }
}
