//! The benchmark's own load: a client that costs little, data sets made from a seed, bare loops to compare with, and
//! what the system says of a server's processor time and memory.
//!
//! It measures and never judges: which figure is good enough is for `scripts/bench.py` and whoever reads
//! `docs/BENCHMARKS.md`. Everything it does is bounded in time and count, and it connects nowhere that it was not
//! told to. It writes no SQL and builds no TLS configuration.
//!
//! Its modules, from the ground up; each imports only from those before it in this table:
//!
//! | module | holds |
//! |---|---|
//! | [`failure`] | why a measurement could not be made |
//! | [`act`] | what a benchmark notes in the audit |
//! | [`random`], [`ber`] | numbers that repeat, LDAP's encoding |
//! | [`usage`] | processor time, memory and context switches out of `/proc` |
//! | [`progress`] | how far it has come |
//! | [`set`] | data directories of so many accounts |
//! | [`operation`] | what can be asked of a server, and mixes of it |
//! | [`tally`] | times and refusals |
//! | [`dial`], [`frames`] | connections, messages, logins |
//! | [`worker`], [`load`] | asking it, closed loop or at a rate |
//! | [`report`] | what a person or a program reads |
//! | [`modes`] | everything that is not load: idle connections, starts, tables, bare loops |
//! | [`cli`] | what can be typed |

pub mod act;
pub mod ber;
pub mod cli;
pub mod dial;
pub mod failure;
pub mod frames;
pub mod load;
pub mod modes;
pub mod operation;
pub mod progress;
pub mod random;
pub mod report;
pub mod set;
pub mod tally;
pub mod usage;
pub mod worker;
