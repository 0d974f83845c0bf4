//! The audit trail through the real programs: no act without its event, no read without one, and no change of what was
//! written that is not found.

mod acts;
mod chain;
mod follow;
