//! What every port shares: the user port has this and nothing else.

use crate::audit::head::HeadKeeper;
use crate::clock::Clock;
use crate::counters::Counters;
use crate::credentials::{DamagedRecords, ImportedHashes, OpaqueKeys};
use crate::gate::{Gate, Writes};
use crate::hashing::pool::HashingPool;
use crate::identity::Identity;
use crate::names::NameSeed;
use crate::settings::Settings;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use vestry_store::Store;

/// What the connections of every port share.
pub struct Shared {
    /// The settings in force.
    pub settings: Settings,
    /// The database.
    pub store: Store,
    /// Where passwords wait to be hashed.
    pub hashing: HashingPool,
    /// Judges imported password hashes.
    pub imported: ImportedHashes,
    /// What names OPRF keys.
    pub names: NameSeed,
    /// The server's OPAQUE keys.
    pub opaque: OpaqueKeys,
    /// Which password records could not be read of late.
    pub damaged: DamagedRecords,
    /// Certificates and the TLS configurations made of them.
    pub identity: Identity,
    /// The wall clock.
    pub clock: Clock,
    /// Cancelled when connections are to finish.
    pub draining: CancellationToken,
    /// What every attempt passes.
    pub gate: Gate,
    /// What the server counts of itself.
    pub counters: Arc<Counters>,
    /// What accounts wrote of late.
    pub writes: Writes,
    /// How far the audit is written down beside its key.
    pub head: Arc<HeadKeeper>,
}
