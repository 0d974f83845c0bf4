//! Settings, certificates and operators are read again while the server runs: after SIGHUP, and for `vestryctl reload`.
//!
//! Everything is read and judged before anything changes; then one transaction writes the event and enrolls new operators, and
//! only what is committed is put in force. What goes wrong before leaves all of it as it was.

use crate::audit::act;
use crate::audit::actor::Actor;
use crate::config::ConfigError;
use crate::failure::Failure;
use crate::operators::enrol::enrol_in;
use crate::server::Server;
use crate::{identity, settings};
use std::sync::Arc;
use thiserror::Error;
use vestry_protocol::UnixSeconds;
use vestry_protocol::admin::SettingChange;
use vestry_store::{Party, WriteTx};
use vestry_tls::{OperatorCertificate, TlsError};

/// So much of what has changed is in the event; the log has all of it.
const DETAIL_CHARS_MAX: usize = 500;

/// Why nothing was changed.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// The certificates cannot be used.
    #[error("the certificates cannot be used: {0}")]
    Certificates(#[from] TlsError),
    /// The event could not be written, or the operator has no right to it.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// All that was read again, and can be used. Nothing of it is in force yet.
pub struct Reread {
    settings: settings::Reread,
    identity: identity::Reread,
    operators: Arc<[OperatorCertificate]>,
}

impl Reread {
    /// Reads settings and certificates again.
    ///
    /// # Errors
    /// With the first thing that cannot be used.
    pub fn of(server: &Server) -> Result<Self, ReloadError> {
        Ok(Self {
            settings: server.settings.read_again()?,
            identity: server.identity.read_again()?,
            operators: server.identity.operators()?.into(),
        })
    }

    /// Returns what is to be written before it is put in force.
    #[must_use]
    pub fn record(&self) -> Record {
        let words = self.settings.changes().iter().map(|change| {
            let SettingChange { key, was, is, needs_restart } = change;
            let restart = if *needs_restart { " (needs a restart)" } else { "" };
            format!("{key}: {was} -> {is}{restart}")
        });
        let detail = words.collect::<Vec<_>>().join(", ").chars().take(DETAIL_CHARS_MAX).collect();
        Record { detail, operators: self.operators.clone() }
    }

    /// Puts it in force, and tells the log. The record has to be committed. Returns the settings that differ.
    pub fn put_in_force(self, server: &Server) -> Vec<SettingChange> {
        let changes = server.settings.put_in_force(self.settings);
        server.identity.put_in_force(self.identity);
        tracing::info!("the certificates were read again");
        for SettingChange { key, was, is, needs_restart } in &changes {
            match needs_restart {
                true => tracing::warn!(%key, %was, %is, "a change needs a restart; the old value stays"),
                false => tracing::info!(%key, %was, %is, "a setting has changed"),
            }
        }
        if changes.is_empty() {
            tracing::info!("the settings were read again, and none has changed");
        }
        changes
    }
}

/// The event, and the operators who are new.
pub struct Record {
    detail: String,
    operators: Arc<[OperatorCertificate]>,
}

impl Record {
    /// Writes it down, in the name of whoever had the settings read.
    ///
    /// # Errors
    /// When the store does.
    pub fn write(&self, tx: &WriteTx<'_>, by: &Actor<'_>, now: UnixSeconds) -> Result<(), Failure> {
        by.note(tx, now, act::SettingsRead, Party::NONE, &self.detail)?;
        enrol_in(tx, &self.operators, now)
    }
}

/// Reads everything again because of SIGHUP. When no setting has changed, that is no event.
///
/// # Errors
/// When something cannot be used or written; nothing has changed then.
pub async fn by_signal(server: &Server) -> Result<(), ReloadError> {
    let _alone = server.reloading.lock().await;
    let (reread, now) = (Reread::of(server)?, server.clock.now());
    let record = reread.record();
    let written = server.store.write(move |tx| match record.detail.is_empty() {
        true => enrol_in(tx, &record.operators, now),
        false => record.write(tx, &Actor::server(), now),
    });
    written.await?;
    reread.put_in_force(server);
    Ok(())
}
