//! The schema and how it grows: SQL files in their order, each applied once, never changed after a release.

use crate::error::StoreError;
use rusqlite::Connection;
use rusqlite_migration::{Error, M, MigrationDefinitionError, Migrations};

const STEPS: &[M<'static>] = &[M::up(include_str!("schema.sql"))];

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
