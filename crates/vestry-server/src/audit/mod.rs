//! The audit: what acts are called, and how an audit that was shortened or put back is noticed.

pub mod act;
pub mod actor;
pub mod head;
pub mod trail;
pub mod witness;
