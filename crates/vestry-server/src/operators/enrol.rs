//! Taking operators in, by their certificates.

use crate::audit::act;
use crate::audit::actor::Actor;
use crate::failure::Failure;
use vestry_protocol::UnixSeconds;
use vestry_store::{NewOperator, Party, Store, WriteTx};
use vestry_tls::OperatorCertificate;

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
        let pin = certificate.pin.to_string();
        if tx.operator(&pin)?.is_some() {
            continue;
        }
        let operator = Party::Text(&certificate.name);
        let noted = Actor::server().note(tx, now, act::OperatorEnrolled, operator, &pin)?;
        let (name, role) = (certificate.name.as_str(), certificate.role.as_str());
        tx.insert_operator(&noted, &NewOperator { pin: &pin, name, role, created: now })?;
    }
    Ok(())
}
