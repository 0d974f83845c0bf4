//! A new audit chain under a new key.

use super::kind::AUDIT_KEY_FACT;
use crate::audit::act;
use crate::audit::actor::Actor;
use crate::clock::Plausible;
use vestry_protocol::count::Count;
use vestry_store::{ChainKey, Party, StoreError, WriteTx};

/// Begins a new audit chain under the key that the database was opened with; what is there is sealed as it is found.
///
/// # Errors
/// When the store does.
pub fn rekey_audit_chain(
    tx: &WriteTx<'_>,
    by: &Actor<'_>,
    key: &ChainKey,
    now: Plausible,
) -> Result<u64, StoreError> {
    let sealed = tx.begin_audit_chain()?;
    let detail = {
        let sealed = Count::new(sealed, "earlier event");
        format!("{sealed} {} sealed as found", sealed.is())
    };
    let noted = by.note(tx, now.reading(), act::AuditRekeyed, Party::Text(&key.id()), &detail)?;
    tx.replace_fact(&noted, AUDIT_KEY_FACT, &key.id())?;
    Ok(sealed)
}
