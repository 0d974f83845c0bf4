//! Taking operators in, by their certificates.

use crate::audit::act;
use crate::audit::actor::Actor;
use crate::failure::Failure;
use vestry_protocol::UnixSeconds;
use vestry_protocol::role::Role;
use vestry_store::{NewOperator, Party, Store, WriteTx};
use vestry_tls::OperatorCertificate;

const NO_ROLE: Failure =
    Failure::Internal("the certificate of an operator has a role that is none of viewer, helpdesk and admin");

/// Takes every operator in whose certificate was never known. A revoked one does not come back.
///
/// # Errors
/// When the store does.
pub async fn enrol(
    store: &Store,
    certificates: Vec<OperatorCertificate>,
    now: UnixSeconds,
) -> Result<(), Failure> {
    store.write(move |tx| enrol_in(tx, &certificates, now)).await
}

/// As [`enrol`], in a transaction of the caller's.
///
/// # Errors
/// When the store does.
pub fn enrol_in(
    tx: &WriteTx<'_>,
    certificates: &[OperatorCertificate],
    now: UnixSeconds,
) -> Result<(), Failure> {
    for certificate in certificates {
        let pin = certificate.pin;
        if tx.operator(pin)?.is_some() {
            continue;
        }
        let role = Role::parse(&certificate.role).ok_or(NO_ROLE)?;
        let operator = Party::Text(&certificate.name);
        let noted = Actor::server().note(tx, now, act::OperatorEnrolled, operator, &pin.to_string())?;
        let name = certificate.name.as_str();
        tx.insert_operator(&noted, &NewOperator { pin, name, role, created: now })?;
    }
    Ok(())
}
