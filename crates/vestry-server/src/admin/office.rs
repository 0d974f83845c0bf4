//! Who works on the admin port: the certificate that a connection showed, whether it is in use, and the working slots, which
//! are taken behind the handshake and by operators alone.

use super::Role;
use crate::clock::Clock;
use crate::config::ConnectionConfig;
use crate::failure::Failure;
use crate::server::Server;
use crate::slots::{Slot, SlotLimits, Slots};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use vestry_protocol::UnixSeconds;
use vestry_store::{OperatorRow, ReadTx};
use vestry_tls::{OperatorCertificate, Pin};

/// When a slot may be free again.
const RETRY_AFTER_MS: u64 = 1_000;

/// The certificate that a connection showed; the handshake verified it.
#[derive(Clone)]
pub(super) struct Badge {
    pub(super) pin: Pin,
    pub(super) not_after: UnixSeconds,
    pub(super) source: String,
}

impl Badge {
    pub(super) fn of(shown: &OperatorCertificate, peer: SocketAddr) -> Self {
        Self { pin: shown.pin, not_after: shown.not_after, source: peer.ip().to_string() }
    }

    /// Returns whose certificate it is, if it is in use now: known, not revoked and not expired.
    pub(super) fn holder(&self, tx: &ReadTx<'_>, clock: &Clock) -> Result<(OperatorRow, Role), Failure> {
        let row = tx.operator(&self.pin.to_string())?.filter(|row| row.revoked.is_none());
        let row = row.filter(|_| clock.now() <= self.not_after).ok_or(Failure::OperatorUnknown)?;
        let role = Role::parse(&row.role).ok_or(Failure::OperatorUnknown)?;
        Ok((row, role))
    }
}

/// The working slots of the admin port.
pub struct Office {
    slots: Slots,
    per_certificate_max: usize,
    held: Arc<Mutex<BTreeMap<Pin, usize>>>,
}

/// A certificate's share of the working slots; given back when it is dropped.
pub(super) struct Desk {
    pin: Pin,
    held: Arc<Mutex<BTreeMap<Pin, usize>>>,
}

impl Office {
    /// With the slots of the settings.
    #[must_use]
    pub fn new(limits: &ConnectionConfig) -> Self {
        let slots = Slots::new(SlotLimits {
            max: limits.admin_max,
            per_address_max: usize::MAX,
            per_network_max: usize::MAX,
            spared: Duration::ZERO,
        });
        Self { slots, per_certificate_max: limits.admin_per_certificate_max, held: Arc::default() }
    }

    /// Gives a working slot to an operator whose certificate is in use.
    pub(super) async fn admit(
        &self,
        server: &Server,
        badge: &Badge,
        peer: SocketAddr,
    ) -> Result<(Slot, Desk), Failure> {
        let (shown, clock) = (badge.clone(), server.clock.clone());
        server.store.look_up(move |tx| shown.holder(tx, &clock).map(drop)).await?;
        let busy = || Failure::Busy { retry_after_ms: RETRY_AFTER_MS };
        let desk = self.desk_of(badge.pin).ok_or_else(busy)?;
        let slot = self.slots.enter(peer.ip()).ok_or_else(busy)?;
        // An operator makes room for nobody.
        slot.set_anonymous(false);
        Ok((slot, desk))
    }

    fn desk_of(&self, pin: Pin) -> Option<Desk> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(pin).or_default();
        if *count >= self.per_certificate_max {
            return None;
        }
        *count += 1;
        Some(Desk { pin, held: self.held.clone() })
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.pin) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.pin);
            }
        }
    }
}
