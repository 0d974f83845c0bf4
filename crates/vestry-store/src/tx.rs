//! Transactions: what closures get to read and to change the database with.
//!
//! What they can do stands in `tables/` and `audit/`, a method a statement.

use crate::chain_key::{ChainKey, ChainPoint};
use rusqlite::Connection;
use std::cell::Cell;
use std::ops::Deref;

/// What a reading closure gets: one consistent view of the database.
pub struct ReadTx<'c> {
    pub(crate) conn: &'c Connection,
}

/// What a writing closure gets: the newest state, and the right to change it. Reads work here too.
pub struct WriteTx<'c> {
    read: ReadTx<'c>,
    pub(crate) chain: &'c ChainKey,
    /// The newest event of this transaction; whoever commits writes it down as the head of the audit chain.
    pub(crate) chain_end: Cell<Option<ChainPoint>>,
}

impl<'c> WriteTx<'c> {
    /// On a connection whose transaction has begun.
    pub(crate) fn on(conn: &'c Connection, chain: &'c ChainKey) -> Self {
        Self { read: ReadTx { conn }, chain, chain_end: Cell::new(None) }
    }
}

impl<'c> Deref for WriteTx<'c> {
    type Target = ReadTx<'c>;
    fn deref(&self) -> &ReadTx<'c> {
        &self.read
    }
}
