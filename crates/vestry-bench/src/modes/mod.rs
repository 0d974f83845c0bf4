//! Everything that is not load: what stands still, what starts, what only an operator asks, and the bare parts that
//! the server is compared with.

pub mod bare_hash;
pub mod bare_tls;
pub mod commits;
pub mod idle;
pub mod start;
pub mod table;
pub mod watch;
