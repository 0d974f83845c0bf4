//! The audit trail through the real programs: no act without its event, no read without one, and no change to what was
//! written that is not found.

use rusqlite_free::Database;
