//! The gate: every attempt at something that may be guessed, asked for too often or taken away from others passes it.
//!
//! ```text
//!   Gate::admit ──▶ Admitted ──▶ what is guarded (an evaluation, a hash, a code, a name, a token)
//!       │              │                  │
//!       │ refused:     │ dropped          ├─ right: Verdicts::right in its act's transaction ─▶ Written ─▶ concluded
//!       │ nothing is   │ without a        ├─ wrong: Verdicts::wrong in its event's transaction ─▶ Written ─▶ concluded
//!       ▼ counted      ▼ verdict:         └─ half-open: HalfOpen, for 30 s; claimed by the second half, or
//!                        a failure                                                   a failure
//! ```
//!
//! [`Admitted`] is a witness: only [`Gate::admit`] builds one, and for what a right password leads to
//! [`Gate::admit_proven`]; whatever evaluates an OPRF, checks a hash or a code, says whether a name is taken, makes an account
//! or hands out a token asks for one. An attempt counts from its admission on: in memory, by the shares that it holds
//! (`ledger.rs`); on disk when it fails, is dropped or times out. In OPAQUE a client knows from KE2 whether the password was
//! right, so that an exchange without a second half is a failure.
//!
//! Failures are in the database: a restart or a new connection changes nothing. One that cannot be written keeps its share,
//! and no attempt is admitted until it is on disk (`recorder.rs`). Addresses are not looked at for what they are; loopback
//! is as good as any.
//!
//! Which lanes an attempt runs in is in `admission.rs`; what their counts mean is in `policy.rs`; what each call of the user port
//! may cost is in `calls.rs`. Nothing here knows a password.

mod admission;
mod admitted;
mod attempt;
pub mod calls;
mod deadlines;
#[cfg(test)]
pub(crate) mod fixture;
mod lane;
mod ledger;
mod limits;
pub mod policy;
mod recorder;
mod right;
#[cfg(test)]
mod tests;
mod writes;

pub use admission::Gate;
pub use admitted::{Admitted, HalfOpen, OverLimit, Verdicts, Written};
pub use lane::{AttemptKind, LANES_MAX};
pub use right::Right;
pub use writes::Writes;
