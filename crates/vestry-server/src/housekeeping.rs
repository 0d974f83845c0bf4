//! What a server does by itself, round by round: what has expired goes, the database ages, the audit and the certificate are looked
//! after, and settings are read again when that is asked for.
//!
//! A round that breaks off ends by itself; the next one begins without it.

use crate::clock::as_date;
use crate::reload;
use crate::server::Server;
use crate::sweep::{remove_expired, remove_old};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;
use vestry_store::{Aged, ClockJump, Lived};

/// How often what has expired is removed, and the certificate looked at.
const HOUSEKEEPING_PERIOD: Duration = Duration::from_secs(60);

/// How often what is old is removed: each time is a commit, also on a server where nothing happens.
const AGING_PERIOD: Duration = Duration::from_secs(60 * 60);

/// Runs one round of something that has many: a panic ends the round, and the next one begins anew.
async fn isolated(what: &'static str, round: impl Future<Output = ()> + Send + 'static) {
    if AbortOnDropHandle::new(tokio::spawn(round)).await.is_err() {
        tracing::error!("{what} broke off; the next round begins anew");
    }
}

pub(crate) async fn reload_for_ever(server: &Arc<Server>, mut reload: impl AsyncFnMut()) {
    loop {
        reload().await;
        let server = server.clone();
        let round = async move {
            if let Err(error) = reload::by_signal(&server).await {
                tracing::error!("the reload failed; settings and certificates stay as they were: {error}");
            }
            server.look_at_the_certificate();
        };
        isolated("reading the settings again", round).await;
    }
}

pub(crate) async fn keep_house(server: &Arc<Server>) {
    let mut ticks = interval(HOUSEKEEPING_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut aging = Aging::default();
    loop {
        ticks.tick().await;
        // Each by itself: one that cannot be done holds up none of the others.
        isolated("removing what has expired", remove_what_expired(server.clone())).await;
        if let Some(aged) = aging.round(server).await {
            isolated("removing what is old", remove_what_is_old(server.clone(), aged)).await;
        }
        isolated("looking after the audit", look_after_the_audit(server.clone())).await;
        isolated("looking at the certificate", look_around(server.clone())).await;
    }
}

/// When the database aged last.
#[derive(Default)]
struct Aging(Option<Instant>);

impl Aging {
    /// Lets the database age when it is time. Returns how far.
    async fn round(&mut self, server: &Server) -> Option<Aged> {
        let (now, at) = (server.clock.now(), Instant::now());
        let lived = match self.0.map(|last| at.duration_since(last)) {
            Some(time) if time < AGING_PERIOD => return None,
            Some(time) => Lived::For(time),
            None => Lived::Off,
        };
        match server.store.write(move |tx| tx.age(now, lived)).await {
            Ok((aged, jump)) => {
                self.0 = Some(at);
                if let Some(ClockJump { from, to }) = jump {
                    tracing::warn!(
                        "the clock says {}, and it should be {} or, when no server ran meanwhile, later; is it right?",
                        as_date(to),
                        as_date(from)
                    );
                }
                Some(aged)
            }
            Err(error) => {
                tracing::warn!(%error, "what is old was not removed; the next round tries again");
                None
            }
        }
    }
}

async fn remove_what_is_old(server: Arc<Server>, aged: Aged) {
    let now = server.clock.now();
    if let Err(error) = server.store.write(move |tx| remove_old(tx, now, aged)).await {
        tracing::warn!(%error, "what is old was not removed; it is tried again in an hour");
    }
    let days = server.settings.now().audit.keep_days;
    server.trail.remove_old_events(&server.store, aged, days, now).await;
}

async fn remove_what_expired(server: Arc<Server>) {
    let (now, idle) = (server.clock.now(), server.settings.now().sessions.idle_secs_max);
    if let Err(error) = server.store.write(move |tx| remove_expired(tx, now, idle)).await {
        tracing::warn!(%error, "what has expired was not removed; the next round tries again");
    }
}

async fn look_after_the_audit(server: Arc<Server>) {
    server.trail.write_checkpoint(&server.store).await;
}

async fn look_around(server: Arc<Server>) {
    server.look_at_the_certificate();
    match server.counters.connections_refused.take_new() {
        0 => {}
        refused => tracing::warn!(
            refused,
            "connections were refused: their sources had or made too many (connections.per_source_…)"
        ),
    }
    match server.counters.connections_unsaid.take_new() {
        0 => {}
        refused => tracing::warn!(
            refused,
            "connections of load balancers (network.proxy_from) were closed: they did not say for whom they are; has the balancer \
             send-proxy-v2?"
        ),
    }
}
