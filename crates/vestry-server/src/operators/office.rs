//! The working slots of the admin port: taken behind the handshake, by operators alone, and so many a certificate.

use super::badge::Badge;
use crate::config::ConnectionConfig;
use crate::failure::Failure;
use crate::ports::slots::{Slot, SlotLimits, Slots};
use crate::shared::Shared;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use vestry_protocol::Pin;

/// When a slot may be free again.
const RETRY_AFTER_MS: u64 = 1_000;

/// The working slots of the admin port.
pub struct Office {
    slots: Slots,
    per_certificate_max: usize,
    held: Arc<Mutex<BTreeMap<Pin, usize>>>,
}

/// A certificate's share of the working slots; given back when it is dropped.
pub(crate) struct Desk {
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
    pub(crate) async fn admit(
        &self,
        shared: &Shared,
        badge: &Badge,
        peer: SocketAddr,
    ) -> Result<(Slot, Desk), Failure> {
        let (shown, clock) = (badge.clone(), shared.clock.clone());
        shared.store.look_up(move |tx| shown.holder(tx, &clock).map(drop)).await?;
        let busy = || Failure::Busy { retry_after_ms: RETRY_AFTER_MS };
        let desk = {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            let count = held.entry(badge.pin).or_default();
            if *count >= self.per_certificate_max {
                return Err(busy());
            }
            *count += 1;
            Desk { pin: badge.pin, held: self.held.clone() }
        };
        let slot = self.slots.enter(peer.ip()).ok_or_else(busy)?;
        // An operator makes room for nobody.
        slot.set_anonymous(false);
        Ok((slot, desk))
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
