//! Operators: whose certificate a connection showed, what its role allows, and that what they read is on record.
//!
//! An [`operator::Operator`] is asked for on every call: a revoked certificate is refused at its next request, not at its next
//! connection. What an operator does takes an [`operator::InOffice`] as well, which the transaction of the act makes.

pub(crate) mod badge;
pub mod enrol;
pub mod office;
pub mod operator;
pub mod reads;
mod recent;
mod role;
