//! Facts: what the database remembers of things outside it. Names and values are short and public.

use crate::audit::event::Noted;
use crate::change::{Permits, ReplaceSecret};
use crate::error::StoreError;
use crate::tx::{ReadTx, WriteTx};
use rusqlite::OptionalExtension;

impl ReadTx<'_> {
    /// A fact, if it is known.
    ///
    /// # Errors
    /// When the database does.
    pub fn fact(&self, name: &str) -> Result<Option<String>, StoreError> {
        let mut statement = self.conn.prepare_cached("select value from fact where name = ?1")?;
        Ok(statement.query_row([name], |row| row.get(0)).optional()?)
    }
}

impl WriteTx<'_> {
    /// Writes down a fact that is not known yet; one that is known stays.
    ///
    /// # Errors
    /// When the database does.
    pub fn learn_fact(&self, name: &str, value: &str) -> Result<(), StoreError> {
        self.conn
            .prepare_cached("insert into fact (name, value) values (?1, ?2) on conflict (name) do nothing")?
            .execute([name, value])?;
        Ok(())
    }

    /// Forgets a fact.
    ///
    /// # Errors
    /// When the database does.
    pub fn forget_fact<A: Permits<ReplaceSecret>>(
        &self,
        _: &Noted<'_, A>,
        name: &str,
    ) -> Result<(), StoreError> {
        self.conn.execute("delete from fact where name = ?1", [name])?;
        Ok(())
    }

    /// Writes a fact over the one that was known.
    ///
    /// # Errors
    /// When the database does.
    pub fn replace_fact<A: Permits<ReplaceSecret>>(
        &self,
        _: &Noted<'_, A>,
        name: &str,
        value: &str,
    ) -> Result<(), StoreError> {
        let sql =
            "insert into fact (name, value) values (?1, ?2) on conflict (name) do update set value = ?2";
        self.conn.execute(sql, [name, value])?;
        Ok(())
    }
}
