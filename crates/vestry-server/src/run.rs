//! Runs a server: from bound listeners to the last close_notify.

use crate::admin::WelcomeOperators;
use crate::housekeeping::{keep_house, reload_for_ever};
use crate::ports::listener::{Admission, OpenPorts};
use crate::server::{Parts, Server};
use crate::user::WelcomeUsers;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::time::timeout;

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
    let server = Arc::new(Server::start(parts, listeners.user_addresses()?)?);
    let supervisor = server.store.supervisor().clone();
    // Another port is another call here, with an admission and a welcome of its own.
    let mut ports = OpenPorts::new(supervisor.clone());
    for listener in listeners.user {
        let welcome = WelcomeUsers(server.shared.clone());
        ports.open("the user port", listener, server.user_admission.clone(), welcome);
    }
    let admission = Admission::for_operators(&server.settings.now().connections);
    ports.open("the admin port", listeners.admin, admission, WelcomeOperators(server.clone()));
    let ended = tokio::select! {
        () = keep_house(&server) => Ok(()),
        () = reload_for_ever(&server, reload) => Ok(()),
        () = shutdown => Ok(()),
        part = supervisor.first_end() => Err(ServeError::Ended(part)),
    };
    let tasks = ports.stop_accepting().await;
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
    server.trail.write_checkpoint(&server.store).await;
    server.head.keep(&server.store).await;
    server.store.close().await;
    ended
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
