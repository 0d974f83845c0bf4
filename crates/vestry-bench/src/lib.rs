//! The benchmark's own load: a client that costs little, data sets made from a seed, bare loops to compare with, and
//! what the system says of a server's processor time and memory.
//!
//! It measures and never judges: which figure is good enough is for `scripts/bench.py` and whoever reads
//! `docs/BENCHMARKS.md`. Everything it does is bounded in time and count, and it connects nowhere that it was not
//! told to. It writes no SQL and builds no TLS configuration.
//!
//! | room | holds |
//! |---|---|
//! | [`cli`] | what can be typed |
//! | [`set`] | data directories of so many accounts |
//! | [`operation`] | what can be asked of a server, and mixes of it |
//! | [`load`], [`worker`] | asking it, closed loop or at a rate |
//! | [`dial`], [`frames`], [`ber`] | connections, messages, logins |
//! | [`tally`] | times and refusals |
//! | [`usage`] | processor time, memory and context switches out of `/proc` |
//! | [`report`], [`progress`] | what a person or a program reads |
//! | [`modes`] | everything that is not load: idle connections, starts, tables, bare loops |

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
