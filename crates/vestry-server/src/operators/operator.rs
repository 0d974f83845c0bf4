//! Who an operator is, on every call, and the witness that an act of one is made with.
//!
//! What an operator does is noted by an [`InOffice`], which only the transaction of the act makes; what is sent to an operator
//! for longer ends by `Operator::dismissed`.

use super::badge::Badge;
use super::role::{Needed, role_needed};
use crate::audit::act;
use crate::audit::actor::Actor;
use crate::failure::Failure;
use crate::shared::Shared;
use std::time::Duration;
use tokio::time::sleep;
use vestry_protocol::admin::AdminCall;
use vestry_protocol::role::Role;
use vestry_store::{LiveOperator, Party, WriteTx};

/// How often it is looked whether the operator of a stream still has the right to it.
const TIME_BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// Proof that the peer holds the key of an operator's certificate that is in use now.
pub struct Operator {
    pub(crate) name: String,
    pub(crate) role: Role,
    badge: Badge,
    /// What the call needs.
    needed: Needed,
}

impl Operator {
    /// Asks the database who a verified certificate belongs to.
    async fn of_certificate(shared: &Shared, badge: &Badge) -> Result<Self, Failure> {
        let (shown, clock) = (badge.clone(), shared.clock.clone());
        let (row, role) = shared.store.look_up(move |tx| shown.holder(tx, &clock)).await?;
        Ok(Self { name: row.name, role, badge: badge.clone(), needed: Needed::Role(Role::Viewer) })
    }
}

/// Proof that, in this transaction, an operator's certificate is in use and its role enough for the call. It cannot leave the
/// transaction, and no event names an operator without it.
pub struct InOffice<'tx> {
    operator: LiveOperator<'tx>,
    source: String,
}

impl<'tx> InOffice<'tx> {
    /// Returns the operator, as the store's changes ask for one.
    #[must_use]
    pub fn operator(&self) -> &LiveOperator<'tx> {
        &self.operator
    }

    /// Returns the operator's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.operator.name()
    }

    /// Returns how the audit names this operator.
    #[must_use]
    pub fn as_actor(&self) -> Actor<'_> {
        Actor::operator(&self.operator, &self.source)
    }
}

/// Writes as an operator, who still has to have the right to it when the transaction runs: it may have waited.
pub(crate) async fn act<T: Send + 'static>(
    shared: &Shared,
    operator: &Operator,
    closure: impl for<'tx> FnOnce(&'tx WriteTx<'_>, &InOffice<'tx>) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (badge, clock) = (operator.badge.clone(), shared.clock.clone());
    let (needed, settings) = (operator.needed, shared.settings.clone());
    let written = shared.store.write(move |tx| {
        let operator = tx.live_operator(badge.pin)?.ok_or(Failure::OperatorUnknown)?;
        needed.require(badge.role_of(operator.row(), &clock)?, &settings)?;
        closure(tx, &InOffice { operator, source: badge.source })
    });
    written.await
}

/// Proof that the call which is answered is one of those that the setting `accounts.reset_by` is about. A one-time code is made for
/// nothing else.
pub struct CodeIssuer<'a>(&'a Operator);

impl CodeIssuer<'_> {
    pub(crate) fn operator(&self) -> &Operator {
        self.0
    }
}

impl Operator {
    /// Returns the witness that making a one-time code asks for.
    pub(crate) fn as_code_issuer(&self) -> Result<CodeIssuer<'_>, Failure> {
        match self.needed {
            Needed::Codes => Ok(CodeIssuer(self)),
            Needed::Role(_) => Err(Failure::Internal("a call that issues a code is not classed as one")),
        }
    }

    /// Resolves when the operator has no right to the call any more: the certificate was revoked or has expired, or its role
    /// is not enough.
    pub(crate) async fn dismissed(&self, shared: &Shared) -> Failure {
        loop {
            sleep(TIME_BETWEEN_LOOKS).await;
            let (badge, clock) = (self.badge.clone(), shared.clock.clone());
            let held = shared.store.look_up(move |tx| badge.holder(tx, &clock)).await;
            match held {
                Ok((_, role)) => {
                    if let Err(forbidden) = self.needed.require(role, &shared.settings) {
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

/// Who asks, when they may.
pub(crate) async fn permit(shared: &Shared, badge: &Badge, call: &AdminCall) -> Result<Operator, Failure> {
    let (operator, needed) = (Operator::of_certificate(shared, badge).await?, role_needed(call));
    match needed.require(operator.role, &shared.settings) {
        Ok(()) => Ok(Operator { needed, ..operator }),
        Err(failure) => {
            // An operator who asks for more than the role allows is in the audit.
            let (now, needed) = (shared.clock.now(), needed.role(&shared.settings));
            act(shared, &operator, move |tx, by| {
                by.as_actor().note(tx, now, act::OperatorRefused, Party::Text(by.name()), needed.as_str())?;
                Ok(())
            })
            .await?;
            Err(failure)
        }
    }
}
