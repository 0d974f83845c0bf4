//! Taking connections: room before the accept, a token and a slot for the source, the handshake in a task of its
//! own under a timeout, and only then a conversation. A panic ends one connection.
//!
//! It knows no message: what is said after the handshake is the port's.

use crate::config::ConnectionConfig;
use crate::counters::Counters;
use crate::ports::accept_budget::AcceptBudget;
use crate::ports::proxy::read_source;
use crate::ports::slots::{Slot, SlotLimits, Slots};
use crate::settings::Settings;
use crate::source::{address_of, network_of};
use std::fmt::Display;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vestry_store::Supervisor;
use vestry_tls::config::alpn_was_agreed;

/// Connections of load balancers that have not said yet for whom they are; more are closed at once.
pub const UNSAID_MAX: usize = 1_024;

/// How long to wait when the system has no descriptor for a new connection.
const OUT_OF_DESCRIPTORS_PAUSE: Duration = Duration::from_millis(100);

/// What bounds the connections of one port.
#[derive(Clone)]
pub struct Admission {
    slots: Slots,
    /// For addresses and for networks; none where all peers are this machine, and share one address.
    budgets: Option<(AcceptBudget, AcceptBudget)>,
    /// They name who says for whom it connects; none on the admin port. Then how many such connections have not said it yet.
    settings: Option<Settings>,
    unsaid: Arc<Semaphore>,
    counters: Arc<Counters>,
    handshake_timeout: Duration,
}

impl Admission {
    /// Of the user port.
    #[must_use]
    pub fn for_users(limits: &ConnectionConfig, settings: Settings, counters: Arc<Counters>) -> Self {
        let slots = SlotLimits {
            max: limits.max,
            per_address_max: limits.per_source_max,
            per_network_max: limits.per_network_max,
            spared: Duration::ZERO,
        };
        let (per_sec, now) = (limits.per_source_per_sec_max, Instant::now());
        // As many again for the addresses around it: a network is a few of them.
        let budgets = (AcceptBudget::new(per_sec, now), AcceptBudget::new(per_sec.saturating_mul(2), now));
        Self {
            settings: Some(settings),
            ..Self::new(slots, Some(budgets), counters, limits.handshake_timeout)
        }
    }

    /// Of the admin port, for handshakes alone: anybody on this machine may begin one, and what an operator works with is
    /// taken behind it (`operators/office.rs`). A peer that is silent makes room for the next one.
    #[must_use]
    pub fn for_operators(limits: &ConnectionConfig) -> Self {
        let slots = SlotLimits {
            max: limits.admin_handshakes_max,
            per_address_max: usize::MAX,
            per_network_max: usize::MAX,
            spared: limits.admin_handshake_spared,
        };
        // Whom it turns away is on this machine, and told by its handshake: nothing shows these figures.
        Self::new(slots, None, Arc::default(), limits.admin_handshake_timeout)
    }

    fn new(
        slots: SlotLimits,
        budgets: Option<(AcceptBudget, AcceptBudget)>,
        counters: Arc<Counters>,
        handshake_timeout: Duration,
    ) -> Self {
        let unsaid = Arc::new(Semaphore::new(UNSAID_MAX));
        let (slots, settings) = (Slots::new(slots), None);
        Self { slots, budgets, settings, unsaid, counters, handshake_timeout }
    }

    /// A slot for a connection; `None` when its source has too many, or makes too many too fast.
    fn enter(&self, source: IpAddr) -> Option<Slot> {
        let now = Instant::now();
        let in_budget = self.budgets.as_ref().is_none_or(|(addresses, networks)| {
            addresses.take(address_of(source), now) && networks.take(network_of(source), now)
        });
        let slot = in_budget.then(|| self.slots.enter(source)).flatten();
        if slot.is_none() {
            self.counters.connections_refused.add_one();
            tracing::debug!(%source, in_budget, "refused: this source has or makes too many connections");
        }
        slot
    }

    fn refuse_unsaid(&self, balancer: SocketAddr, why: &dyn Display) {
        self.counters.connections_unsaid.add_one();
        tracing::debug!(%balancer, %why, "refused: a load balancer does not say for whom it connects");
    }

    /// How many connections are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.slots.count()
    }
}

/// What a listener does with each connection.
pub trait Welcome: Clone + Send + Sync + 'static {
    /// The TLS configuration in force now: a renewed certificate serves the next connection.
    fn tls_config(&self) -> Arc<rustls::ServerConfig>;
    /// The protocol that the peer must have agreed to; none where what is spoken has no name for ALPN, as LDAP.
    fn alpn(&self) -> Option<&'static [u8]>;
    /// Cancelled when connections are to finish: a handshake that is not done by then has asked for nothing.
    fn draining(&self) -> &CancellationToken;
    /// Talks to a peer until the connection ends, or has to make room.
    fn converse(
        self,
        stream: Box<TlsStream<TcpStream>>,
        peer: SocketAddr,
        slot: Slot,
    ) -> impl Future<Output = ()> + Send;
}

/// The ports of a server: any number of them, each with its listener, its admission and what it does with a connection.
pub struct OpenPorts {
    supervisor: Supervisor,
    stopping: CancellationToken,
    /// Every connection of every port.
    connections: TaskTracker,
    accepting: Vec<JoinHandle<()>>,
}

impl OpenPorts {
    /// None yet.
    #[must_use]
    pub fn new(supervisor: Supervisor) -> Self {
        let (stopping, connections) = (CancellationToken::new(), TaskTracker::new());
        Self { supervisor, stopping, connections, accepting: Vec::new() }
    }

    /// Takes connections on one more port, on the workers: from the thread that waits for the end, every connection would have
    /// to change threads.
    pub fn open(
        &mut self,
        name: &'static str,
        listener: TcpListener,
        admission: Admission,
        welcome: impl Welcome,
    ) {
        let (stopping, connections) = (self.stopping.clone(), self.connections.clone());
        let accepting = accept_until(stopping, listener, admission, connections, welcome);
        self.accepting.push(self.supervisor.task(name, accepting));
    }

    /// Takes no connection any more. Returns what knows those that are still open.
    pub async fn stop_accepting(self) -> TaskTracker {
        self.stopping.cancel();
        for port in self.accepting {
            // One that broke off has been told already.
            let _ = port.await;
        }
        self.connections
    }
}

/// Takes connections until the token is cancelled. The tracker knows every task that still talks.
async fn accept_until(
    stopping: CancellationToken,
    listener: TcpListener,
    admission: Admission,
    tasks: TaskTracker,
    welcome: impl Welcome,
) {
    loop {
        let next = tokio::select! {
            next = accept_one(&listener, &admission) => next,
            () = stopping.cancelled() => return,
        };
        match next {
            Ok(Accepted::Direct(tcp, peer, slot)) => {
                let timeout = admission.handshake_timeout;
                tasks.spawn(shake_hands_and_converse(tcp, peer, slot, timeout, welcome.clone()));
            }
            Ok(Accepted::Forwarded(tcp, peer, unsaid)) => {
                tasks.spawn(take_forwarded(tcp, peer, unsaid, admission.clone(), welcome.clone()));
            }
            Ok(Accepted::Refused) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(OUT_OF_DESCRIPTORS_PAUSE).await;
            }
        }
    }
}

/// A connection, and what it has to do next.
enum Accepted {
    /// Shake hands: it has its slot.
    Direct(TcpStream, SocketAddr, Slot),
    /// Say for whom it is: only then can it have a slot.
    Forwarded(TcpStream, SocketAddr, OwnedSemaphorePermit),
    /// Nothing: it is closed.
    Refused,
}

async fn accept_one(listener: &TcpListener, admission: &Admission) -> io::Result<Accepted> {
    admission.slots.room().await;
    let (tcp, peer) = listener.accept().await?;
    let settings = admission.settings.as_ref();
    if settings.is_some_and(|settings| settings.now().network.proxies.contain(peer.ip())) {
        return Ok(match admission.unsaid.clone().try_acquire_owned() {
            Ok(unsaid) => Accepted::Forwarded(tcp, peer, unsaid),
            Err(_) => {
                admission.refuse_unsaid(peer, &"too many of them have not said it yet");
                Accepted::Refused
            }
        });
    }
    Ok(match admission.enter(peer.ip()) {
        Some(slot) => Accepted::Direct(tcp, peer, slot),
        None => Accepted::Refused,
    })
}

/// A connection of a load balancer: it is whom the balancer says that it is, for every limit and every event.
async fn take_forwarded(
    mut tcp: TcpStream,
    balancer: SocketAddr,
    unsaid: OwnedSemaphorePermit,
    admission: Admission,
    welcome: impl Welcome,
) {
    let said = timeout(admission.handshake_timeout, read_source(&mut tcp));
    let Some(said) = welcome.draining().run_until_cancelled(said).await else { return };
    let source = match said.map_err(io::Error::from).flatten() {
        Ok(source) => source.unwrap_or(balancer),
        Err(error) => return admission.refuse_unsaid(balancer, &error),
    };
    drop(unsaid);
    if let Some(slot) = admission.enter(source.ip()) {
        shake_hands_and_converse(tcp, source, slot, admission.handshake_timeout, welcome).await;
    }
}

/// Its future lives as long as the connection, so whatever is needed for a moment only is boxed and freed.
async fn shake_hands_and_converse(
    tcp: TcpStream,
    peer: SocketAddr,
    slot: Slot,
    handshake_timeout: Duration,
    welcome: impl Welcome,
) {
    let shaken = Box::pin(async {
        tokio::select! {
            shaken = shake_hands(tcp, peer, handshake_timeout, &welcome) => shaken,
            () = slot.evicted() => None,
        }
    });
    if let Some(stream) = shaken.await {
        welcome.converse(stream, peer, slot).await;
    }
}

/// The stream of a peer that shook hands in time and speaks the protocol of the port.
async fn shake_hands(
    tcp: TcpStream,
    peer: SocketAddr,
    handshake_timeout: Duration,
    welcome: &impl Welcome,
) -> Option<Box<TlsStream<TcpStream>>> {
    let acceptor = TlsAcceptor::from(welcome.tls_config());
    // Answers are small and flushed whole: Nagle's algorithm would only hold them back.
    let _ = tcp.set_nodelay(true);
    let timed = timeout(handshake_timeout, acceptor.accept(tcp));
    match welcome.draining().run_until_cancelled(timed).await? {
        Ok(Ok(stream)) if welcome.alpn().is_none_or(|alpn| alpn_was_agreed(stream.get_ref().1, alpn)) => {
            return Some(Box::new(stream));
        }
        Ok(Ok(_)) => tracing::debug!(%peer, "refused: no application protocol was agreed"),
        Ok(Err(error)) => tracing::debug!(%peer, %error, "the handshake failed"),
        Err(_) => tracing::debug!(%peer, "the handshake took too long"),
    }
    None
}
