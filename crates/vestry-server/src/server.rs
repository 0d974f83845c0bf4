//! The whole server: what its ports share, and what only its operators and its housekeeping reach.

use crate::audit::head::HeadKeeper;
use crate::audit::trail::Trail;
use crate::clock::Clock;
use crate::credentials::{DamagedRecords, ImportedHashes, OpaqueKeys};
use crate::gate::{Gate, Writes};
use crate::hashing::pool::HashingPool;
use crate::identity::Identity;
use crate::names::NameSeed;
use crate::operators::office::Office;
use crate::operators::reads::RecordedQueries;
use crate::ports::listener::Admission;
use crate::renewal::Renewal;
use crate::settings::Settings;
use crate::shared::Shared;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vestry_store::Store;
use vestry_store::query::OperatorReader;

/// Everything that a server has. The user port does not get it.
pub struct Server {
    /// What its ports share.
    pub shared: Arc<Shared>,
    /// The operator's read-only SQL.
    pub queries: RecordedQueries,
    /// What keeps the server's certificate fresh.
    pub renewal: Renewal,
    /// One at a time reads settings and certificates again.
    pub reloading: Mutex<()>,
    /// The user port's connections.
    pub user_admission: Admission,
    /// Where operators work.
    pub office: Office,
    /// One backup at a time: each takes as much disk as the database.
    pub backups: Semaphore,
    /// One import at a time: each holds up every other write when it ends.
    pub imports: Arc<Semaphore>,
    /// How far the audit is written down in the log.
    pub trail: Trail,
    /// When the server started, for people.
    pub started: Instant,
    /// Where users connect, as it was bound; one at least.
    pub user_addresses: Vec<SocketAddr>,
}

impl Deref for Server {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.shared
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

impl Server {
    /// Puts the parts together and starts what runs beside the ports.
    ///
    /// # Errors
    /// When the hashing threads cannot start.
    pub fn start(parts: Parts, user_addresses: Vec<SocketAddr>) -> std::io::Result<Self> {
        let config = parts.settings.now();
        let (limits, hashing) = (&config.connections, &config.hashing);
        let supervisor = parts.store.supervisor().clone();
        let shared = Shared {
            hashing: HashingPool::start(&supervisor, hashing.threads, hashing.queue_max)?,
            gate: Gate::start(parts.store.clone(), parts.clock.clone(), parts.settings.clone()),
            writes: Writes::new(parts.settings.clone()),
            store: parts.store,
            opaque: parts.opaque,
            imported: parts.imported,
            damaged: DamagedRecords::default(),
            names: parts.names,
            identity: parts.identity,
            clock: parts.clock,
            draining: CancellationToken::new(),
            counters: Arc::default(),
            head: Arc::new(parts.head),
            settings: parts.settings,
        };
        supervisor.task("the head of the audit", shared.head.clone().keep_writing(shared.store.clone()));
        Ok(Self {
            queries: RecordedQueries::new(parts.queries),
            renewal: Renewal::default(),
            backups: Semaphore::new(1),
            imports: Arc::new(Semaphore::new(1)),
            trail: Trail::default(),
            user_admission: Admission::for_users(limits, shared.settings.clone(), shared.counters.clone()),
            office: Office::new(limits),
            started: Instant::now(),
            user_addresses,
            reloading: Mutex::default(),
            shared: Arc::new(shared),
        })
    }

    /// Renews the certificate when it is due, and says what its operator should know.
    pub fn look_at_the_certificate(&self) {
        self.renewal.look(&self.identity, &self.clock);
    }
}
