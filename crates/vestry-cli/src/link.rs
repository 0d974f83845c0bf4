//! A connection that is made anew when it is gone, and a session that goes on over it.
//!
//! A call is repeated only when that cannot do a thing twice: reads, and requests that were never sent.

use crate::done::Done;
use crate::output::wait_for_server;
use crate::target::Target;
use std::time::{Duration, Instant};
use vestry_client::{Address, CallError, Client, WireError};
use vestry_protocol::secret::SessionToken;

/// A person thinks longer than a server waits: after this long without a call the connection is made anew, before
/// the server ends it in the middle of one.
const IDLE_MAX: Duration = Duration::from_secs(20);

/// A way to a server.
#[derive(Debug)]
pub(crate) struct Link {
    target: Target,
    connection: Option<Connection>,
    token: Option<SessionToken>,
}

#[derive(Debug)]
struct Connection {
    client: Client,
    last_used: Instant,
}

impl Link {
    /// To this server; connects when it is needed.
    pub(crate) fn to(target: Target) -> Self {
        Self { target, connection: None, token: None }
    }

    /// Whom it leads to.
    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Where it leads.
    pub(crate) fn server(&self) -> &Address {
        &self.target.address
    }

    /// Goes on with this session on every new connection.
    pub(crate) fn adopt(&mut self, token: SessionToken) {
        self.token = Some(token);
    }

    /// Hands this link over and leaves another one to the same server, without a session.
    pub(crate) fn take(&mut self) -> Self {
        let fresh = Self::to(self.target.clone());
        std::mem::replace(self, fresh)
    }

    /// Forgets the session, and the connection that has it.
    pub(crate) fn forget_session(&mut self) {
        self.token = None;
        self.connection = None;
    }

    /// A call that changes nothing: repeated once when the connection broke.
    pub(crate) async fn read<T>(
        &mut self,
        mut call: impl AsyncFnMut(&mut Client) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        match self.once(&mut call).await {
            Err(CallError::Wire(error)) if error.lost_connection() => self.once(&mut call).await,
            other => other,
        }
    }

    /// A call that changes something: repeated once when it was certainly not sent.
    pub(crate) async fn write<T>(
        &mut self,
        mut call: impl AsyncFnMut(&mut Client) -> Result<T, CallError>,
    ) -> Result<Done<T>, CallError> {
        let done = match self.once(&mut call).await {
            Err(CallError::Wire(WireError::LostBeforeSending(_))) => self.once(&mut call).await,
            other => other,
        };
        done.map(Done::by_server)
    }

    async fn once<T>(
        &mut self,
        call: &mut impl AsyncFnMut(&mut Client) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let mut client = self.connected().await?;
        let done = call(&mut client).await;
        // After any other failure it is not known what comes next on this connection.
        if client.is_usable() && matches!(done, Ok(_) | Err(CallError::Refused(_))) {
            self.connection = Some(Connection { client, last_used: Instant::now() });
        }
        done
    }

    /// The connection of the last call while it is fresh, or a new one that has the session.
    async fn connected(&mut self) -> Result<Client, CallError> {
        if let Some(connection) = self.connection.take()
            && connection.last_used.elapsed() < IDLE_MAX
        {
            return Ok(connection.client);
        }
        let client = Client::connect(&self.target.address, self.target.tls()).await?;
        let mut client = client.with_patience(Box::new(wait_for_server));
        if let Some(token) = &self.token {
            client.resume(token).await.map_err(|error| match error {
                // The call that was meant has not been sent.
                CallError::Wire(WireError::LostAfterSending(cause)) => {
                    WireError::LostBeforeSending(cause).into()
                }
                other => other,
            })?;
        }
        Ok(client)
    }
}
