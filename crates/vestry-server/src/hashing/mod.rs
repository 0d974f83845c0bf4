//! Argon2id, for the first login of imported accounts: what is computed, and the threads that compute it.

pub mod argon2id;
pub mod fair_queue;
pub mod pool;
