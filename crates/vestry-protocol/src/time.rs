//! A moment, as the wire, the database and the programs have it.

/// Seconds since 1970-01-01T00:00:00Z, without leap seconds.
pub type UnixSeconds = i64;
