//! Sessions: the one function that mints them, and the one gate that every call of a user passes.
//!
//! ```text
//! Admitted + Authenticated ──▶ mint ──▶ token to the client, hash to the store
//!                        │
//!            token ──▶ resume ──▶ LoggedIn ──▶ read_as / write_as ──▶ LiveSession, inside the transaction
//! ```
//!
//! [`LoggedIn`] says only that this connection once showed a live session. Whether it still is live is checked
//! in the transaction of each call, so that suspension, deletion, a new password or a revocation bite on the
//! next request of every open connection.

use crate::audit::act;
use crate::audit::actor::Actor;
use crate::audit::head::HeadKeeper;
use crate::clock;
use crate::config::SessionConfig;
use crate::failure::Failure;
use crate::gate::Verdicts;
use crate::proofs::Authenticated;
use crate::shared::Shared;
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use vestry_protocol::UnixSeconds;
use vestry_protocol::fields::{Device, Username};
use vestry_protocol::item::Later;
use vestry_protocol::limits::TOKEN_BYTES;
use vestry_protocol::random;
use vestry_protocol::secret::SessionToken;
use vestry_protocol::user::NewSession;
use vestry_store::{AccountRow, LiveSession, NewSessionRow, NotedOn, ReadTx, SessionId, Standing, WriteTx};

/// A use is written down when the last one is older than this, so that reading does not mean writing.
const TOUCH_SECS: i64 = 60;

/// Proof that this connection showed a live session. Only this file can build one.
#[derive(Debug, Clone, Copy)]
pub struct LoggedIn {
    id: SessionId,
}

impl LoggedIn {
    /// The session's public number.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }
}

#[cfg(test)]
impl LoggedIn {
    /// One that no database knows, for tests of what only compares it.
    pub(crate) fn for_tests(number: u64) -> Self {
        Self { id: SessionId::from_wire(number) }
    }
}

/// For whom and from where a session is opened.
pub struct Opening<'a> {
    /// Makes the client a witness of the login's event.
    pub head: &'a HeadKeeper,
    /// What the client calls the device.
    pub device: &'a Device,
    /// The peer's address.
    pub source: &'a str,
    /// When.
    pub now: UnixSeconds,
}

/// A session that was just opened, and the proof that its event was written.
pub struct Minted<'tx> {
    /// That the login's event is in this transaction.
    pub noted: NotedOn<'tx, act::LoggedIn>,
    /// For the connection.
    pub session: LoggedIn,
    /// For the client.
    pub shown: NewSession,
}

/// Opens a session. Every path that opens one ends here, so every check of an account's standing is here.
///
/// # Errors
/// When the account is suspended, deleted or gone, or its password changed since it was proven.
pub fn mint<'tx>(
    limits: SessionConfig,
    tx: &'tx WriteTx<'_>,
    _: &Verdicts,
    authenticated: Authenticated<'_, '_>,
    opening: &Opening<'_>,
) -> Result<Minted<'tx>, Failure> {
    let now = opening.now;
    let account = tx.account_by_id(authenticated.account(), now)?.ok_or(Failure::WrongCredentials)?;
    allow_login(&account)?;
    let by = Actor::user(account.id, opening.source);
    let detail = if authenticated.is_of_imported_hash() {
        "with an imported password, which is sealed now"
    } else {
        ""
    };
    let noted = by.note_on(tx, now, act::LoggedIn, account.id, detail)?;
    let proof = authenticated.settle(tx, &noted, now)?;
    let (mut id, token) = (new_id()?, random_token()?);
    let expires = now.plus(limits.absolute_secs_max);
    let token_hash = &hash_of(&token);
    let (device, source) = (opening.device.as_str(), opening.source);
    let row = |id| NewSessionRow { id, token_hash, device, source, created: now, expires };
    while !tx.insert_session(&noted, &proof, &row(id))? {
        id = new_id()?;
    }
    tx.set_last_login(&noted, now)?;
    let (name, last_login) = (account.name.to_string(), account.last_login);
    let idle_secs_max = limits.idle_secs_max.cast_unsigned();
    let shown = NewSession {
        token,
        name,
        last_login,
        expires,
        idle_secs_max,
        device_known: false,
        move_record: false,
        witness: opening.head.witness_of(&noted),
        later: Later::new(),
    };
    Ok(Minted { noted, session: LoggedIn { id }, shown })
}

/// Whether an account may open a session. A deleted one answers like an unknown one.
fn allow_login(account: &AccountRow) -> Result<(), Failure> {
    match &account.standing {
        Standing::Active => Ok(()),
        Standing::Suspended { until, reason } => {
            Err(Failure::Suspended { until: *until, reason: reason.clone() })
        }
        Standing::Deleted { .. } => Err(Failure::WrongCredentials),
    }
}

/// Goes on with a session on a new connection.
///
/// # Errors
/// [`Failure::SessionEnded`] when the token is not of a live session, for whatever reason.
pub async fn resume(server: &Shared, token: &SessionToken) -> Result<(LoggedIn, Username), Failure> {
    let (hash, now, idle) =
        (hash_of(token), server.clock.now(), server.settings.now().sessions.idle_secs_max);
    let (id, name, last_used) = server
        .store
        .look_up(move |tx| {
            let Some(live) = tx.live_session_by_token(&hash, now, idle)? else {
                return Err(Failure::SessionEnded(tx.session_end_by_token(&hash)?));
            };
            Ok::<_, Failure>((live.id(), live.account().name.clone(), live.last_used()))
        })
        .await?;
    touch(server, id, last_used, now).await?;
    Ok((LoggedIn { id }, name))
}

/// The session, when it is live here and now; else why it is not.
fn live_in<'tx>(
    tx: &'tx ReadTx<'_>,
    session: LoggedIn,
    now: UnixSeconds,
    idle_secs_max: i64,
) -> Result<LiveSession<'tx>, Failure> {
    match tx.live_session(session.id, now, idle_secs_max)? {
        Some(live) => Ok(live),
        None => Err(Failure::SessionEnded(tx.session_end(session.id)?)),
    }
}

/// Reads as the user of a session, in one view that begins with the check that it is live.
///
/// # Errors
/// [`Failure::SessionEnded`], or what the closure returns.
pub async fn read_as<T: Send + 'static>(
    server: &Shared,
    session: LoggedIn,
    closure: impl FnOnce(&ReadTx<'_>, &LiveSession<'_>) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (now, idle) = (server.clock.now(), server.settings.now().sessions.idle_secs_max);
    let (answer, last_used) = server
        .store
        .look_up(move |tx| {
            let live = live_in(tx, session, now, idle)?;
            closure(tx, &live).map(|answer| (answer, live.last_used()))
        })
        .await?;
    touch(server, session.id, last_used, now).await?;
    Ok(answer)
}

/// Returns the account of a session, as it is now.
///
/// # Errors
/// [`Failure::SessionEnded`].
pub async fn own_account(server: &Shared, session: LoggedIn) -> Result<AccountRow, Failure> {
    read_as(server, session, |_, live| Ok(live.account().clone())).await
}

/// Writes as the user of a session, in one transaction that begins with the check that it is live. Counts among the writes of
/// the account.
///
/// # Errors
/// [`Failure::SessionEnded`]; [`Failure::Throttled`] when the account has written too much; or what the closure returns.
/// Nothing of it remains then.
pub async fn write_as<T: Send + 'static>(
    server: &Shared,
    session: LoggedIn,
    closure: impl FnOnce(&WriteTx<'_>, &LiveSession<'_>) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let writes = server.writes.clone();
    write_uncounted_as(server, session, move |tx, live| {
        writes.take(live.account().id, Instant::now())?;
        closure(tx, live)
    })
    .await
}

/// As [`write_as`], for what is bounded otherwise: the end of a session or a device, and what a proof of the password leads
/// to. Whoever has stolen a session cannot keep its owner from them by writing.
///
/// # Errors
/// [`Failure::SessionEnded`], or what the closure returns; nothing of it remains then.
pub async fn write_uncounted_as<T: Send + 'static>(
    server: &Shared,
    session: LoggedIn,
    closure: impl FnOnce(&WriteTx<'_>, &LiveSession<'_>) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (now, idle) = (server.clock.now(), server.settings.now().sessions.idle_secs_max);
    server
        .store
        .write(move |tx| {
            let live = live_in(tx, session, now, idle)?;
            if is_worth_writing_down(live.last_used(), now) {
                tx.touch_session(live.id(), now)?;
            }
            closure(tx, &live)
        })
        .await
}

/// A use is written down to the minute: it lies on three pages of the database.
fn is_worth_writing_down(last_used: UnixSeconds, now: UnixSeconds) -> bool {
    now.since(last_used) >= TOUCH_SECS
}

async fn touch(
    server: &Shared,
    id: SessionId,
    last_used: UnixSeconds,
    now: UnixSeconds,
) -> Result<(), Failure> {
    if !is_worth_writing_down(last_used, now) {
        return Ok(());
    }
    let touched = server.store.write(move |tx| Ok::<_, Failure>(tx.touch_session(id, now)?)).await;
    // With a full disk reads go on; the session then ends a little early.
    if let Err(error) = touched {
        tracing::warn!(%error, "a session's use was not written down");
    }
    Ok(())
}

/// What the store keeps of a token. The token has 256 random bits, so a plain hash cannot be guessed back.
fn hash_of(token: &SessionToken) -> [u8; 32] {
    Sha256::digest(token.expose_secret()).into()
}

fn random_token() -> Result<SessionToken, Failure> {
    let mut bytes = [0; TOKEN_BYTES];
    random::fill(&mut bytes)?;
    Ok(SessionToken::from_bytes(bytes))
}

/// A number that ascends with time, so that the sessions of a moment share the pages of the database that they change, and
/// that ends in 22 random bits, so that it neither counts anything nor comes back.
fn new_id() -> Result<SessionId, Failure> {
    let mut bytes = [0; 4];
    random::fill(&mut bytes)?;
    let random = u64::from(u32::from_le_bytes(bytes) >> 10);
    // 41 bits of milliseconds last until 2039, and then begin anew.
    Ok(SessionId::from_wire((clock::milliseconds() << 22 | random) & i64::MAX.cast_unsigned()))
}
