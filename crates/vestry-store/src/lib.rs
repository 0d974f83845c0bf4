//! The database: one SQLite file in WAL mode, its schema and migrations, every SQL statement of Vestry.
//!
//! It never touches the network, TLS, hashing or the clock: times come in as parameters, secrets as hashes.
//!
//! Reads and writes are different things. [`Store::read`] sends the closure to the reading threads (`readers.rs`),
//! where a connection of the pool gives it a [`ReadTx`], one consistent view. [`Store::write`] sends the closure to the one writer
//! thread, which runs what waits as one transaction (`writer.rs`) and answers after the commit reached the disk. Closures may
//! not wait for anything: no lock or transaction is held across an await.
//!
//! A change of the database needs a [`Noted`]: the proof that its audit event was written in the same
//! transaction. A user's own account needs a [`LiveSession`]: the proof that the session was checked in it.
//!
//! Its modules, from the ground up; each imports only from those above it in this table. Nothing inside imports from this
//! file, which only hands names on:
//!
//! | module | holds |
//! |---|---|
//! | `error` | what can go wrong |
//! | `limits` | how much of the machine the store may use |
//! | `ids` | what rows are named by |
//! | `schema` | tables, views and migrations |
//! | `chain_key` | the key of the audit chain, and what it computes |
//! | `tx` | what closures get |
//! | `pool` | connections and their pragmas |
//! | `supervisor` | threads and tasks that have to run as long as the process |
//! | `readers` | the reading threads |
//! | `writer` | the writer thread: group commit |
//! | [`change`] | what an act may change, so that no event pays for another act |
//! | `aging` | how far the database has aged: what goes for good is judged by that |
//! | `audit` | events, their chain, its check, and what is removed from its beginning |
//! | `tables` | the statements, a file a table |
//! | [`query`] | the operator's read-only SQL |
//! | [`import`] | many accounts at once |
//! | [`backup`] | a database that no server uses, and copies of one |
//! | `store` | the open database |

mod aging;
mod audit;
pub mod backup;
mod chain_key;
pub mod change;
mod error;
#[cfg(test)]
mod fresh;
mod ids;
pub mod import;
mod limits;
mod pool;
pub mod query;
mod readers;
mod schema;
mod store;
mod supervisor;
mod tables;
mod tx;
mod writer;

pub use aging::{Aged, ClockJump, Cutoff, Lived};
pub use audit::event::{ActorKind, Event, Noted, NotedOn};
pub use audit::party::Party;
pub use audit::retention::{AuditPurge, PurgeRefused};
pub use audit::verify::Verification;
pub use chain_key::ChainKey;
pub use change::{Act, Permits};
pub use error::StoreError;
pub use ids::{AccountId, OprfId, SessionId};
pub use limits::StoreLimits;
pub use schema::Schema;
pub use store::Store;
pub use supervisor::Supervisor;
pub use tables::accounts::{AccountRow, Counts, DeletionRight, NameKeys, NewAccount, ProfilePatch, Standing};
pub use tables::devices::{DeviceRow, KnownDevice, NewDevice};
pub use tables::maintenance::{Purgeable, Resumable};
pub use tables::operators::{LiveOperator, NewOperator, OperatorRow};
pub use tables::passwords::{
    CodeTaken, Credential, CredentialKind, Generation, GenerationRow, IssuedCode, NewCredential,
    PasswordFacts, PasswordRight, SealedRecord, StillProven, StoredCredential,
};
pub use tables::reset_codes::{NewResetCode, ResetCode};
pub use tables::sessions::{LiveSession, NewSessionRow, SessionRow};
pub use tables::throttle::{Lane, Streak};
pub use tx::{ReadTx, WriteTx};
