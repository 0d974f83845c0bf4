//! Taking connections: room before the accept, a token and a slot for the source, the handshake in a task of its
//! own under a timeout, and only then a conversation. A panic ends one connection.
//!
//! It knows no message: what is said after the handshake is the port's.

use crate::accept_budget::AcceptBudget;
use crate::config::ConnectionConfig;
use crate::gate::{address_of, network_of};
use crate::slots::{Slot, SlotLimits, Slots};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vestry_tls::config::alpn_was_agreed;

/// How long to wait when the system has no descriptor for a new connection.
const OUT_OF_DESCRIPTORS_PAUSE: Duration = Duration::from_millis(100);

/// What bounds the connections of one port.
#[derive(Clone)]
pub struct Admission {
    slots: Slots,
    /// For addresses and for networks; none where all peers are this machine, and share one address.
    budgets: Option<(AcceptBudget, AcceptBudget)>,
    refused: Arc<AtomicU64>,
    handshake_timeout: Duration,
}

impl Admission {
    /// Of the user port.
    #[must_use]
    pub fn for_users(limits: &ConnectionConfig) -> Self {
        let slots = SlotLimits {
            max: limits.max,
            per_address_max: limits.per_source_max,
            per_network_max: limits.per_network_max,
            spared: Duration::ZERO,
        };
        let (per_sec, now) = (limits.per_source_per_sec_max, Instant::now());
        // As many again for the addresses around it: a network is a few of them.
        let budgets = (AcceptBudget::new(per_sec, now), AcceptBudget::new(per_sec.saturating_mul(2), now));
        Self::new(slots, Some(budgets), limits.handshake_timeout)
    }

    /// Of the admin port, for handshakes alone: anybody on this machine may begin one, and what an operator works with is
    /// taken behind it (`admin/office.rs`). A peer that is silent makes room for the next one.
    #[must_use]
    pub fn for_operators(limits: &ConnectionConfig) -> Self {
        let slots = SlotLimits {
            max: limits.admin_handshakes_max,
            per_address_max: usize::MAX,
            per_network_max: usize::MAX,
            spared: limits.admin_handshake_spared,
        };
        Self::new(slots, None, limits.admin_handshake_timeout)
    }

    fn new(
        slots: SlotLimits,
        budgets: Option<(AcceptBudget, AcceptBudget)>,
        handshake_timeout: Duration,
    ) -> Self {
        Self { slots: Slots::new(slots), budgets, refused: Arc::default(), handshake_timeout }
    }

    fn is_in_budget(&self, peer: IpAddr, now: Instant) -> bool {
        self.budgets.as_ref().is_none_or(|(addresses, networks)| {
            addresses.take(address_of(peer), now) && networks.take(network_of(peer), now)
        })
    }

    /// How many were closed before their handshake since this was last asked.
    #[must_use]
    pub fn take_refused(&self) -> u64 {
        self.refused.swap(0, Ordering::Relaxed)
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
    /// The protocol that the peer must have agreed to.
    fn alpn(&self) -> &'static [u8];
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

/// Takes connections until the token is cancelled. The tracker knows every task that still talks.
pub async fn accept_until(
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
            Ok(Some((tcp, peer, slot))) => {
                let timeout = admission.handshake_timeout;
                tasks.spawn(shake_hands_and_converse(tcp, peer, slot, timeout, welcome.clone()));
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(OUT_OF_DESCRIPTORS_PAUSE).await;
            }
        }
    }
}

/// One connection with its slot; `None` when its source has too many, or makes too many too fast.
async fn accept_one(
    listener: &TcpListener,
    admission: &Admission,
) -> io::Result<Option<(TcpStream, SocketAddr, Slot)>> {
    admission.slots.room().await;
    let (tcp, peer) = listener.accept().await?;
    let in_budget = admission.is_in_budget(peer.ip(), Instant::now());
    let Some(slot) = in_budget.then(|| admission.slots.enter(peer.ip())).flatten() else {
        admission.refused.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(%peer, in_budget, "refused: this source has or makes too many connections");
        return Ok(None);
    };
    Ok(Some((tcp, peer, slot)))
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
        Ok(Ok(stream)) if alpn_was_agreed(stream.get_ref().1, welcome.alpn()) => {
            return Some(Box::new(stream));
        }
        Ok(Ok(_)) => tracing::debug!(%peer, "refused: no application protocol was agreed"),
        Ok(Err(error)) => tracing::debug!(%peer, %error, "the handshake failed"),
        Err(_) => tracing::debug!(%peer, "the handshake took too long"),
    }
    None
}
