//! How the server is, and the line that makes a user trust it.

use crate::failure::Failure;
use crate::listen::USER_PORT;
use crate::operators::operator::Operator;
use crate::server::Server;
use std::net::SocketAddr;
use vestry_protocol::admin::{AdminReply, ClockJump, OpaqueRotation, Status};

pub(super) async fn show(server: &Server, operator: &Operator) -> Result<AdminReply, Failure> {
    let now = server.clock.now();
    let gate = server.gate.clone();
    let counted = server.store.read(move |tx| {
        let registrations = gate.registrations_used(tx, now)?;
        Ok::<_, Failure>((tx.counts(now)?, registrations, tx.opaque_generations()?, tx.clock_jump(now)?))
    });
    let (counts, registrations, generations, jump) = counted.await?;
    let opaque_rotation = match generations[..] {
        [older, newest] => {
            Some(OpaqueRotation { began: newest.began, moved: newest.records, left: older.records })
        }
        _ => None,
    };
    let as_u64 = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Ok(AdminReply::StatusShown(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_secs: server.started.elapsed().as_secs(),
        listen: server.user_addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", "),
        connections: as_u64(server.user_admission.open()),
        connections_max: as_u64(server.settings.now().connections.max),
        accounts: counts.accounts,
        accounts_suspended: counts.suspended,
        accounts_deleted: counts.deleted,
        sessions: counts.sessions,
        database_bytes: server.store.size_bytes(),
        certificate_expires: server.identity.not_after(),
        pin: server.identity.pin().to_string(),
        hashing_queue: server.hashing.pending(),
        attempts_under_way: server.gate.attempts_under_way().into(),
        registrations: registrations.into(),
        registrations_max: server.settings.now().gate.registrations_per_hour_max.into(),
        operator: operator.name.clone(),
        role: operator.role.as_str().to_owned(),
        opaque_rotation,
        clock_jump: jump.map(|jump| ClockJump { from: jump.from, to: jump.to }),
    }))
}

pub(super) fn join_string(server: &Server) -> String {
    server.identity.join_string(server.user_addresses.first().map_or(USER_PORT, SocketAddr::port)).to_string()
}
