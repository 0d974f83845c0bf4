//! Rows that go to the server together, and what is known of them before its verdict comes: so that bad rows are told in the
//! order of their lines, whether this program or the server found them.

use crate::reader::Raw;
use vestry_protocol::import::{BadRow, ImportRow};
use vestry_protocol::limits::IMPORT_BATCH_BUDGET_BYTES;

/// Bad rows of a batch, which take no room in its message but memory here.
const BAD_ROWS_MAX: usize = 256;

/// A row that becomes no account.
#[derive(Debug)]
pub(super) struct Bad {
    pub(super) line: u64,
    pub(super) reason: String,
    /// As it is in the file, when bad rows are set aside.
    pub(super) raw: Option<Raw>,
}

/// What comes back with the verdict on a batch.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// Rows that were sent, as they are in the file, when bad ones are set aside; by line.
    sent: Vec<(u64, Raw)>,
    /// Rows that were bad before they could be sent.
    bad: Vec<Bad>,
}

impl Memo {
    /// Returns the bad rows of the batch in the order of their lines.
    pub(super) fn with_verdict(mut self, verdict: Vec<BadRow>) -> Vec<Bad> {
        for BadRow { line, reason } in verdict {
            let place = self.sent.binary_search_by_key(&line, |(line, _)| *line);
            let raw = place.ok().and_then(|place| self.sent.get(place)).map(|(_, raw)| raw.clone());
            self.bad.push(Bad { line, reason, raw });
        }
        self.bad.sort_by_key(|bad| bad.line);
        self.bad
    }
}

/// Rows that go to the server together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) rows: Vec<ImportRow>,
    pub(super) memo: Memo,
    budget: usize,
}

impl Batch {
    /// Returns whether one more row fits.
    pub(super) fn has_room_for(&self, row: &Result<ImportRow, String>) -> bool {
        match row {
            Ok(row) => self.rows.is_empty() || self.budget + row.budget_bytes() <= IMPORT_BATCH_BUDGET_BYTES,
            Err(_) => self.memo.bad.len() < BAD_ROWS_MAX,
        }
    }

    /// Takes a row, as it is to be sent and as it is in the file.
    pub(super) fn push(&mut self, line: u64, row: Result<ImportRow, String>, raw: Option<Raw>) {
        match row {
            Ok(row) => {
                self.budget += row.budget_bytes();
                self.memo.sent.extend(raw.map(|raw| (line, raw)));
                self.rows.push(row);
            }
            Err(reason) => self.memo.bad.push(Bad { line, reason, raw }),
        }
    }
}
