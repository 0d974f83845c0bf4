//! The admin port: who the operator is, which role a call needs, and who answers it.
//!
//! A handler takes an [`Operator`], and the only way to one is `Operator::of_certificate`, which asks the
//! database on every call: a revoked certificate is refused at its next request, not at its next connection. What an operator does
//! takes an `InOffice` as well, which the transaction of the act makes (`operators/operator.rs`).

mod accounts;
mod audit;
mod backup;
mod import;
mod operators;
mod reload;
mod rows;
mod status;
mod throttle;

use crate::failure::Failure;
use crate::operators::badge::Badge;
use crate::operators::office::Desk;
use crate::operators::operator::{Operator, permit};
use crate::operators::reads::{Follow, Recorded};
use crate::ports::connection::{Connection, Ended, Patience};
use crate::ports::conversation::{Port, Replies, converse};
use crate::ports::listener::Welcome;
use crate::ports::slots::Slot;
use crate::server::Server;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use vestry_protocol::ADMIN_ALPN;
use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::limits::REQUEST_BYTES_MAX;
use vestry_tls::OperatorCertificate;

/// One operator's side of a connection.
struct AdminPort {
    server: Arc<Server>,
    badge: Badge,
    kept: Kept,
    _desk: Desk,
}

/// What calls of a connection leave for the next ones; gone with the connection.
#[derive(Default)]
struct Kept {
    /// What `StartImport` began.
    import: Option<import::Import>,
    /// That names are completed here is on record.
    completion: Option<Recorded>,
}

/// The other side of a connection that got no working slot: it is told why, once.
struct TurnedAway(Option<Failure>);

/// What such a connection has in all, in its slot for the handshake.
const TURNED_AWAY_MAX: Duration = Duration::from_secs(1);

/// What the admin port's listener does with each connection.
#[derive(Clone)]
pub struct WelcomeOperators(pub Arc<Server>);

impl Welcome for WelcomeOperators {
    fn tls_config(&self) -> Arc<rustls::ServerConfig> {
        self.0.identity.admin_config()
    }

    fn alpn(&self) -> Option<&'static [u8]> {
        Some(ADMIN_ALPN)
    }

    fn draining(&self) -> &CancellationToken {
        &self.0.draining
    }

    async fn converse(self, stream: Box<TlsStream<TcpStream>>, peer: SocketAddr, slot: Slot) {
        let server = self.0;
        let shown =
            stream.get_ref().1.peer_certificates().and_then(<[_]>::first).map(OperatorCertificate::of);
        let Some(Ok(shown)) = shown else {
            tracing::warn!(%peer, "an operator's certificate could not be read");
            return;
        };
        let (badge, connection) = (Badge::of(&shown, peer), Connection::new(stream));
        let ended = match server.office.admit(&server, &badge, peer).await {
            Ok((working, desk)) => {
                drop(slot);
                let port = AdminPort { server: server.clone(), badge, kept: Kept::default(), _desk: desk };
                converse(connection, port, &server.draining, Arc::new(working)).await
            }
            Err(failure) => {
                tracing::debug!(%peer, %failure, "an operator got no working slot");
                let port = TurnedAway(Some(failure));
                timeout(TURNED_AWAY_MAX, converse(connection, port, &server.draining, Arc::new(slot)))
                    .await
                    .unwrap_or(Err(Ended::TimedOut))
            }
        };
        if let Err(ended) = ended {
            tracing::debug!(%peer, %ended, "an operator's connection ended");
        }
    }
}

impl Port for AdminPort {
    type Call = AdminCall;
    type Body = AdminReply;

    fn request_bytes_max(&self) -> usize {
        REQUEST_BYTES_MAX
    }

    fn patience(&self) -> Patience {
        let limits = self.server.settings.now().connections;
        let (idle, frame, write) = (limits.idle_timeout, limits.frame_timeout, limits.write_timeout);
        Patience { idle, frame, write, until: None }
    }

    async fn answer(&mut self, call: AdminCall, replies: &mut Replies<'_, AdminReply>) -> Result<(), Ended> {
        match permit(&self.server, &self.badge, &call).await {
            // Boxed, so that an idle connection does not keep room for the largest of the handlers.
            Ok(operator) => {
                let kept = &mut self.kept;
                Box::pin(answer_while_in_office(&self.server, &operator, kept, call, replies)).await
            }
            // Its working slot is for operators.
            Err(failure @ Failure::OperatorUnknown) => {
                replies.break_off(AdminReply::Refused(failure.into_refusal())).await
            }
            Err(failure) => replies.send(AdminReply::Refused(failure.into_refusal())).await,
        }
    }

    /// Who has an operator's certificate may try what this version does not know.
    fn tolerates_unreadable(&mut self) -> bool {
        true
    }
}

impl Port for TurnedAway {
    type Call = AdminCall;
    type Body = AdminReply;

    fn request_bytes_max(&self) -> usize {
        REQUEST_BYTES_MAX
    }

    fn patience(&self) -> Patience {
        let [idle, frame, write] = [TURNED_AWAY_MAX; 3];
        Patience { idle, frame, write, until: None }
    }

    async fn answer(&mut self, _: AdminCall, replies: &mut Replies<'_, AdminReply>) -> Result<(), Ended> {
        if let Some(failure) = self.0.take() {
            replies.send(AdminReply::Refused(failure.into_refusal())).await?;
            replies.flush().await?;
        }
        Err(Ended::MadeRoom)
    }

    fn tolerates_unreadable(&mut self) -> bool {
        false
    }
}

/// Answers a call; a long answer ends with the operator's right to it.
async fn answer_while_in_office(
    server: &Server,
    operator: &Operator,
    kept: &mut Kept,
    call: AdminCall,
    replies: &mut Replies<'_, AdminReply>,
) -> Result<(), Ended> {
    // These are answered for longer than a moment, and may be broken off without a doubt about what was done. An import, which
    // ends in an act, looks after its own end.
    let may_be_broken_off = matches!(
        call,
        AdminCall::Query { .. }
            | AdminCall::ListRows(_)
            | AdminCall::FollowAudit { .. }
            | AdminCall::VerifyAudit { .. }
            | AdminCall::BackUp
    );
    if !may_be_broken_off {
        return answer_as(server, operator, kept, call, replies).await;
    }
    let failure = tokio::select! {
        biased;
        answered = answer_as(server, operator, kept, call, replies) => return answered,
        failure = operator.dismissed(server) => failure,
    };
    tracing::info!(operator = %operator.name, "an answer was broken off: the operator has no right to it any more");
    replies.break_off(AdminReply::Refused(failure.into_refusal())).await
}

async fn answer_as(
    server: &Server,
    operator: &Operator,
    kept: &mut Kept,
    call: AdminCall,
    replies: &mut Replies<'_, AdminReply>,
) -> Result<(), Ended> {
    let reply = match call {
        AdminCall::Query { sql } => return rows::query(server, operator, sql, replies).await,
        AdminCall::ListRows(listing) => return rows::list(server, operator, listing, replies).await,
        AdminCall::FollowAudit { columns, filter, from } => {
            return rows::follow(server, operator, Follow { columns, filter, from }, replies).await;
        }
        AdminCall::VerifyAudit { checkpoints } => return audit::verify(server, checkpoints, replies).await,
        AdminCall::BackUp => return backup::send(server, operator, replies).await,
        AdminCall::FinishImport { accounts } => {
            return import::finish(server, operator, &mut kept.import, accounts, replies).await;
        }
        AdminCall::StartImport => import::start(server, operator, &mut kept.import).await,
        AdminCall::ImportRows(rows) => import::take(server, &mut kept.import, rows).await,
        AdminCall::DropImport => import::drop_it(&mut kept.import).await,
        AdminCall::ShowStatus => status::show(server, operator).await,
        AdminCall::ShowLimits => Ok(AdminReply::LimitsShown(server.gate.limits())),
        AdminCall::ReloadSettings => reload::reload(server, operator).await,
        AdminCall::ShowJoinString => Ok(AdminReply::JoinString(status::join_string(server))),
        AdminCall::ShowAccount { name } => accounts::show(server, operator, &name).await,
        AdminCall::CompleteName { prefix } => {
            accounts::complete(server, operator, &mut kept.completion, &prefix).await
        }
        AdminCall::CreateAccount { name, profile } => {
            accounts::create(server, operator, &name, &profile).await
        }
        AdminCall::SuspendAccount { name, until, reason } => {
            accounts::suspend(server, operator, &name, until, reason.as_deref()).await
        }
        AdminCall::ResumeAccount { name } => accounts::resume(server, operator, &name).await,
        AdminCall::DeleteAccount { name } => accounts::delete(server, operator, &name).await,
        AdminCall::RestoreAccount { name } => accounts::restore(server, operator, &name).await,
        AdminCall::ResetAccount { name } => accounts::reset(server, operator, &name).await,
        AdminCall::RevokeSession { id } => operators::revoke_session(server, operator, id).await,
        AdminCall::ClearThrottle { subject } => throttle::clear(server, operator, subject).await,
        AdminCall::RevokeOperator { name } => operators::revoke_operator(server, operator, name).await,
    };
    replies.send(reply.unwrap_or_else(|failure| AdminReply::Refused(failure.into_refusal()))).await
}
