//! Operators: who may speak on the admin port, known by the pin of the certificate.

use crate::audit::event::Noted;
use crate::change::{EnrolOperator, Permits, RevokeOperator};
use crate::error::StoreError;
use crate::tx::{ReadTx, WriteTx};
use rusqlite::{OptionalExtension, Row, params};
use std::marker::PhantomData;
use vestry_protocol::role::Role;
use vestry_protocol::{Pin, UnixSeconds};

/// One operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorRow {
    /// The pin of the certificate.
    pub pin: Pin,
    /// The name in it.
    pub name: String,
    /// What the operator may do.
    pub role: Role,
    /// When the certificate was taken out of use.
    pub revoked: Option<UnixSeconds>,
}

/// Proof that, in this transaction, a certificate is that of an operator and in use. It cannot leave the transaction.
#[derive(Debug)]
pub struct LiveOperator<'tx> {
    row: OperatorRow,
    transaction: PhantomData<&'tx ()>,
}

impl LiveOperator<'_> {
    /// Returns the operator's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.row.name
    }

    /// Returns the operator's row.
    #[must_use]
    pub fn row(&self) -> &OperatorRow {
        &self.row
    }
}

/// An operator to take in.
#[derive(Debug)]
pub struct NewOperator<'a> {
    /// The pin of the certificate.
    pub pin: Pin,
    /// The name in it.
    pub name: &'a str,
    /// What the operator may do.
    pub role: Role,
    /// When.
    pub created: UnixSeconds,
}

impl ReadTx<'_> {
    /// Returns the operator of a pin, also a revoked one; `None` as well when the role is none that this version knows.
    ///
    /// # Errors
    /// When the database does.
    pub fn operator(&self, pin: Pin) -> Result<Option<OperatorRow>, StoreError> {
        let mut statement =
            self.conn.prepare_cached("select pin, name, role, revoked from operator where pin = ?1")?;
        Ok(statement.query_row([pin.to_string()], |row| operator_of_row(row, pin)).optional()?.flatten())
    }
}

fn operator_of_row(row: &Row<'_>, pin: Pin) -> rusqlite::Result<Option<OperatorRow>> {
    let Some(role) = Role::parse(row.get_ref("role")?.as_str()?) else { return Ok(None) };
    let revoked = row.get::<_, Option<i64>>("revoked")?.map(UnixSeconds::from_seconds);
    Ok(Some(OperatorRow { pin, name: row.get("name")?, role, revoked }))
}

impl WriteTx<'_> {
    /// Returns the operator of a pin, when the certificate was not revoked.
    ///
    /// # Errors
    /// When the database does.
    pub fn live_operator(&self, pin: Pin) -> Result<Option<LiveOperator<'_>>, StoreError> {
        let row = self.operator(pin)?.filter(|row| row.revoked.is_none());
        Ok(row.map(|row| LiveOperator { row, transaction: PhantomData }))
    }

    /// Takes an operator in, unless the pin was ever known: a revoked certificate does not come back.
    ///
    /// # Errors
    /// When the database does.
    pub fn insert_operator<A: Permits<EnrolOperator>>(
        &self,
        _: &Noted<'_, A>,
        new: &NewOperator<'_>,
    ) -> Result<(), StoreError> {
        self.conn
            .prepare_cached(
                "insert into operator (pin, name, role, created) values (?1, ?2, ?3, ?4) on conflict (pin) do nothing",
            )?
            .execute(params![new.pin.to_string(), new.name, new.role.as_str(), new.created.seconds()])?;
        Ok(())
    }

    /// Takes every certificate of a name out of use; how many there were.
    ///
    /// # Errors
    /// When the database does.
    pub fn revoke_operator<A: Permits<RevokeOperator>>(
        &self,
        _: &Noted<'_, A>,
        name: &str,
        now: UnixSeconds,
    ) -> Result<usize, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("update operator set revoked = ?2 where name = ?1 and revoked is null")?;
        Ok(statement.execute(params![name, now.seconds()])?)
    }
}
