//! The statements: a file a table, a method of `ReadTx` or `WriteTx` a statement.
//!
//! A change asks for the proof that its event was written. Nothing here begins or ends a transaction.

pub(crate) mod accounts;
pub(crate) mod devices;
pub(crate) mod facts;
pub(crate) mod maintenance;
pub(crate) mod operators;
pub(crate) mod passwords;
pub(crate) mod reset_codes;
pub(crate) mod sessions;
pub(crate) mod throttle;
