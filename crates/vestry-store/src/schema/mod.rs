//! The schema and how it grows: numbered SQL files, each applied once, never changed after a release.

use crate::StoreError;
use rusqlite::Connection;
use rusqlite_migration::{Error, M, MigrationDefinitionError, Migrations};

const STEPS: &[M<'static>] = &[
    M::up(include_str!("001_register.sql")),
    M::up(include_str!("002_facts.sql")),
    M::up(include_str!("003_session_index.sql")),
    M::up(include_str!("004_throttle.sql")),
    M::up(include_str!("005_audit_chain.sql")),
    M::up(include_str!("006_account_by_name.sql")),
    M::up(include_str!("007_audit_numbers.sql")),
];

/// The first version that has an audit chain.
pub(crate) const CHAINED_SINCE: usize = 5;

/// Facts about the schema of this version.
pub struct Schema;

impl Schema {
    /// How many migrations this version knows.
    #[must_use]
    pub fn version() -> usize {
        STEPS.len()
    }
}

/// Applies the migrations that the file has not seen.
pub(crate) fn migrate(conn: &mut Connection) -> Result<(), StoreError> {
    Migrations::from_slice(STEPS).to_latest(conn).map_err(|error| match error {
        Error::MigrationDefinition(MigrationDefinitionError::DatabaseTooFarAhead) => StoreError::TooNew,
        Error::RusqliteError { err, .. } => err.into(),
        other => StoreError::Statement(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_migrations_apply_in_order_and_only_once() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        migrate(&mut conn).unwrap();
        let version: usize = conn.query_row("pragma user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, Schema::version());
    }

    #[test]
    fn a_database_of_a_newer_version_is_refused() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.pragma_update(None, "user_version", Schema::version() + 1).unwrap();
        assert!(matches!(migrate(&mut conn), Err(StoreError::TooNew)));
    }
}
