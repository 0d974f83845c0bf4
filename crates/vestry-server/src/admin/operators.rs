//! Ending a session from outside, and taking an operator's certificate out of use.

use crate::audit::act;
use crate::failure::Failure;
use crate::operators::operator::Operator;
use crate::operators::operator::act;
use crate::server::Server;
use vestry_protocol::admin::AdminReply;
use vestry_store::{Party, SessionId};

pub(super) async fn revoke_session(
    server: &Server,
    operator: &Operator,
    id: u64,
) -> Result<AdminReply, Failure> {
    let now = server.clock.now();
    act(server, operator, move |tx, by| {
        let session = SessionId::from_wire(id);
        let owner = tx.session_owner(session)?.ok_or(Failure::NotFound { what: "session" })?;
        let detail = format!("session {id:016x}");
        let noted = by.as_actor().note_on(tx, now, act::SessionRevoked, owner, &detail)?;
        tx.revoke_session(&noted, session)?;
        Ok(AdminReply::SessionRevoked)
    })
    .await
}

pub(super) async fn revoke_operator(
    server: &Server,
    operator: &Operator,
    name: String,
) -> Result<AdminReply, Failure> {
    if name == operator.name {
        return Err(Failure::OwnCertificate);
    }
    let now = server.clock.now();
    act(server, operator, move |tx, by| {
        let noted = by.as_actor().note(tx, now, act::OperatorRevoked, Party::Text(&name), "")?;
        match tx.revoke_operator(&noted, &name, now)? {
            0 => Err(Failure::NotFound { what: "operator in use" }),
            _ => Ok(AdminReply::OperatorRevoked),
        }
    })
    .await
}
