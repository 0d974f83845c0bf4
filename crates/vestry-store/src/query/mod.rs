//! The operator's read-only SQL: any `select` over the views, for an operator who may be hostile.
//!
//! Four walls stand behind one another, and each holds alone:
//! 1. the connection cannot write: the file is opened read-only, with `query_only` and without triggers (`guard`);
//! 2. SQLite's authorizer knows every column and function that may be named, and refuses the rest (`guard`);
//! 3. what runs is bounded in rows, bytes, time, memory and disk, and rows are handed on one by one, never collected
//!    (`stream`, `watch`, `footprint`), whatever functions it calls (`functions`, `text`);
//! 4. nothing typed is compiled before its size was measured, or spliced into our own SQL before it was proven to
//!    be one expression (`shape`, `listing`).
//!
//! A time is compared only with what is written as the views write times (`times`): other rows would come than were meant.
//!
//! Nothing here writes, opens a second file, reads a clock other than a monotonic one, or knows of the network.
//! All of it blocks: call it from a blocking thread.

mod brake;
pub(crate) mod caps;
mod cursor;
mod error;
mod follow;
mod footprint;
mod functions;
mod guard;
mod listing;
mod reader;
mod shape;
mod stream;
#[cfg(test)]
mod tests;
mod text;
mod times;
mod views;
mod watch;
mod words;

pub use caps::{CancelFlag, QueryCaps, QueryEnd, RaisedWhenDropped, RowSink};
pub use error::QueryError;
pub use reader::OperatorReader;
