//! The certificate that a connection to the admin port showed, and whether it is in use.

use crate::clock::Clock;
use crate::failure::Failure;
use std::net::SocketAddr;
use vestry_protocol::Pin;
use vestry_protocol::UnixSeconds;
use vestry_protocol::role::Role;
use vestry_store::{OperatorRow, ReadTx};
use vestry_tls::OperatorCertificate;

/// The certificate that a connection showed; the handshake verified it.
#[derive(Clone)]
pub(crate) struct Badge {
    pub(crate) pin: Pin,
    pub(crate) not_after: UnixSeconds,
    pub(crate) source: String,
}

impl Badge {
    pub(crate) fn of(shown: &OperatorCertificate, peer: SocketAddr) -> Self {
        Self { pin: shown.pin, not_after: shown.not_after, source: peer.ip().to_string() }
    }

    /// Returns whose certificate it is, if it is in use now: known, not revoked and not expired.
    pub(crate) fn holder(&self, tx: &ReadTx<'_>, clock: &Clock) -> Result<(OperatorRow, Role), Failure> {
        let row = tx.operator(self.pin)?.filter(|row| row.revoked.is_none());
        let row = row.ok_or(Failure::OperatorUnknown)?;
        let role = self.role_of(&row, clock)?;
        Ok((row, role))
    }

    /// Returns what its operator may do, unless it has expired.
    pub(crate) fn role_of(&self, row: &OperatorRow, clock: &Clock) -> Result<Role, Failure> {
        let role = Some(row.role).filter(|_| clock.now() <= self.not_after);
        role.ok_or(Failure::OperatorUnknown)
    }
}
