//! One's own sessions: list them, end one, end this one or all.

use super::peer::Peer;
use crate::audit::act;
use crate::audit::actor::Actor;
use crate::failure::Failure;
use crate::sessions::{LoggedIn, read_as, write_uncounted_as};
use crate::shared::Shared;
use vestry_protocol::item::Later;
use vestry_protocol::user::{Session, UserReply};
use vestry_store::{Party, SessionId};

pub(super) async fn list(server: &Shared, session: LoggedIn) -> Result<UserReply, Failure> {
    let (now, idle) = (server.clock.now(), server.settings.now().sessions.idle_secs_max);
    let rows = read_as(server, session, move |tx, live| Ok(tx.sessions_of(live.account().id, now)?)).await?;
    let live = rows.into_iter().filter(|row| row.last_used > now.minus(idle));
    let shown = live.map(|row| Session {
        id: row.id.to_wire(),
        device: row.device.to_string(),
        source: row.source,
        created: row.created,
        last_used: row.last_used,
        expires: row.expires,
        current: row.id == session.id(),
        later: Later::new(),
    });
    Ok(UserReply::SessionsListed(shown.collect()))
}

pub(super) async fn revoke(
    server: &Shared,
    peer: &Peer,
    session: LoggedIn,
    id: u64,
) -> Result<UserReply, Failure> {
    let (now, source) = (server.clock.now(), peer.source.text().to_owned());
    write_uncounted_as(server, session, move |tx, live| {
        let account = live.account();
        let subject = format!("{id:016x}");
        let by = Actor::user(account.id, &source);
        let noted = by.note(tx, now, act::SessionRevoked, Party::Text(&subject), "")?;
        let revoked = SessionId::from_wire(id);
        let was_there = tx.revoke_session_of(&noted, account.id, revoked)?;
        if was_there { Ok(UserReply::SessionRevoked) } else { Err(Failure::NotFound { what: "session" }) }
    })
    .await
}

pub(super) async fn log_out(
    server: &Shared,
    peer: &Peer,
    session: LoggedIn,
    everywhere: bool,
) -> Result<UserReply, Failure> {
    let (now, source) = (server.clock.now(), peer.source.text().to_owned());
    // Bounded by the logins: who wants to leave is never told to wait.
    write_uncounted_as(server, session, move |tx, live| {
        let account = live.account();
        let detail = if everywhere { "everywhere" } else { "" };
        let by = Actor::user(account.id, &source);
        let noted = by.note_on(tx, now, act::LoggedOut, account.id, detail)?;
        let sessions_ended = match everywhere {
            true => tx.log_out_everywhere(&noted)?,
            false => u64::from(tx.end_session(&noted, live.id())?),
        };
        Ok(UserReply::LoggedOut { sessions_ended })
    })
    .await
}
