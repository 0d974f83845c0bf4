//! Who works on the admin port: the certificate that a connection showed, whether it is in use, and the working slots, which
//! are taken behind the handshake and by operators alone.
//!
//! What an operator does is noted by an [`InOffice`], which only the transaction of the act makes; what is sent to an operator
//! for longer ends by [`Operator::dismissed`].

use super::{Needed, Operator, Role};
use crate::audit::act::Actor;
use crate::clock::Clock;
use crate::config::ConnectionConfig;
use crate::failure::Failure;
use crate::ports::slots::{Slot, SlotLimits, Slots};
use crate::server::Server;
use crate::settings::Settings;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::sleep;
use vestry_protocol::UnixSeconds;
use vestry_store::{OperatorRow, ReadTx, WriteTx};
use vestry_tls::{OperatorCertificate, Pin};

/// When a slot may be free again.
const RETRY_AFTER_MS: u64 = 1_000;

/// How often it is looked whether the operator of a stream still has the right to it.
const TIME_BETWEEN_LOOKS: Duration = Duration::from_millis(500);

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

/// Proof that, in this transaction, an operator's certificate is in use and its role enough for the call. It cannot leave the
/// transaction, and no event names an operator without it.
pub struct InOffice<'tx> {
    name: String,
    source: String,
    transaction: PhantomData<&'tx ()>,
}

impl InOffice<'_> {
    /// The operator's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address that the operator acts from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// As the audit names this operator.
    #[must_use]
    pub fn as_actor(&self) -> Actor<'_> {
        Actor::operator(self)
    }
}

impl Badge {
    fn in_office<'tx>(
        &self,
        tx: &'tx WriteTx<'_>,
        clock: &Clock,
        (needed, settings): (Needed, &Settings),
    ) -> Result<InOffice<'tx>, Failure> {
        let (row, role) = self.holder(tx, clock)?;
        needed.require(role, settings)?;
        Ok(InOffice { name: row.name, source: self.source.clone(), transaction: PhantomData })
    }
}

/// Writes as an operator, who still has to have the right to it when the transaction runs: it may have waited.
pub(super) async fn act<T: Send + 'static>(
    server: &Server,
    operator: &Operator,
    closure: impl for<'tx> FnOnce(&'tx WriteTx<'_>, &InOffice<'tx>) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (badge, clock) = (operator.badge.clone(), server.clock.clone());
    let (needed, settings) = (operator.needed, server.settings.clone());
    server.store.write(move |tx| closure(tx, &badge.in_office(tx, &clock, (needed, &settings))?)).await
}

/// Proof that the call which is answered is one of those that the setting `reset_by` is about. A one-time code is made for
/// nothing else.
pub struct CodeIssuer<'a>(&'a Operator);

impl CodeIssuer<'_> {
    pub(super) fn operator(&self) -> &Operator {
        self.0
    }
}

impl Operator {
    /// Returns the witness that making a one-time code asks for.
    pub(super) fn as_code_issuer(&self) -> Result<CodeIssuer<'_>, Failure> {
        match self.needed {
            Needed::Codes => Ok(CodeIssuer(self)),
            Needed::Role(_) => Err(Failure::Internal("a call that issues a code is not classed as one")),
        }
    }

    /// Resolves when the operator has no right to the call any more: the certificate was revoked or has expired, or its role
    /// is not enough.
    pub(super) async fn dismissed(&self, server: &Server) -> Failure {
        loop {
            sleep(TIME_BETWEEN_LOOKS).await;
            let (badge, clock) = (self.badge.clone(), server.clock.clone());
            let held = server.store.look_up(move |tx| badge.holder(tx, &clock)).await;
            match held {
                Ok((_, role)) => {
                    if let Err(forbidden) = self.needed.require(role, &server.settings) {
                        return forbidden;
                    }
                }
                Err(Failure::OperatorUnknown) => return Failure::OperatorUnknown,
                // What cannot be looked up now can be later.
                Err(_) => {}
            }
        }
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
