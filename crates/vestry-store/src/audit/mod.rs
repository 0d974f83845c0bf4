//! Audit events: one for each act, in the act's own transaction.
//!
//! What the events are called is the server's vocabulary; here they are rows (`event.rs`). `WriteTx::note` writes one and
//! returns `Noted`, which every change of the database asks for: no act without its event.
//!
//! Events form a chain (`chain_key.rs`, `chain.rs`), so that whoever changes the file without the key is found (`verify.rs`). What is
//! old enough goes from its beginning, and only what a check has passed (`retention.rs`). Events name people by number
//! (`party.rs`), so that a name can be erased and the chain still holds.

mod chain;
pub(crate) mod event;
pub(crate) mod party;
pub(crate) mod retention;
#[cfg(test)]
mod tests;
pub(crate) mod verify;
