//! The prompt's SQL against a real database: what may be asked, what may not, and that every page meets every row.

mod allowed;
mod bounds;
mod faults;
mod hostile;
mod paging;

use super::{CancelFlag, OperatorReader, QueryCaps, QueryEnd, QueryError, RowSink};
use rusqlite::Connection;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use vestry_protocol::admin::{Cell, FollowFrom, Listing, View};

/// What stands in every secret column of the database. It must never come out of any query or error.
const CANARY: &str = "CANARY-4711";

const ROWS: &str = "
    insert into account (id, name, email, age, gender, created, last_login, suspended_at, suspended_until, suspended_reason,
                         deleted_at, name_key, oprf_id) values
      (1, 'navneet', 'navneet@example.org', 23, null, 1700000000, 1700000500, null, null, null, null, cast('CANARY-4711-k1' as blob), cast('CANARY-4711-o1' as blob)),
      (2, 'anirudh', null,                  18, 'm',  1700000001, null,       null, null, null, null, cast('CANARY-4711-k2' as blob), cast('CANARY-4711-o2' as blob)),
      (3, 'shubham', 'shubham@example.org', 20, 'm',  1700000002, null, 1700009000, 1800000000, 'late fees', null, cast('CANARY-4711-k3' as blob), cast('CANARY-4711-o3' as blob)),
      (4, 'naman',   'naman@example.org',   40, null, 1700000003, null, null, null, null, 1700009999, cast('CANARY-4711-k4' as blob), cast('CANARY-4711-o4' as blob));
    insert into credential (account_id, kind, record, changed) values
      (1, 'opaque', cast('CANARY-4711' as blob), 1), (2, 'imported', cast('CANARY-4711' as blob), 1), (3, 'imported', cast('CANARY-4711' as blob), 1);
    insert into session values
      (255, cast('CANARY-4711-1' as blob), 1, 'laptop', '127.0.0.1', 1700000000, 1700000000, 1800000000),
      (-1,  cast('CANARY-4711-2' as blob), 2, 'phone',  '127.0.0.1', 1700000000, 1700000000, 1800000000);
    insert into reset_code (account_id, code_hash, issued_by, issued_at, expires)
      values (2, cast('CANARY-4711' as blob), 'admin', 1700000000, 1800000000);
    insert into operator values ('sha256:aa', 'admin', 'admin', 1700000000, null);
    insert into audit_event (at, actor_kind, actor, action, subject, source, detail) values
      (1700000000, 'user', 'navneet', 'database', 'navneet', '127.0.0.1', ''),
      (1700000001, 'operator', 'admin', 'suspend', 'shubham', '', 'late fees');
";

/// A database in a file of its own, and a reader of it.
struct Database {
    directory: TempDir,
    reader: OperatorReader,
}

impl Database {
    fn new() -> Self {
        Self::with(
            ROWS,
            QueryCaps { rows_max: 1_000, time_max: Duration::from_millis(400), ..QueryCaps::default() },
        )
    }

    fn with(rows: &str, caps: QueryCaps) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vestry.db");
        let mut writer = Connection::open(&path).unwrap();
        writer.pragma_update(None, "journal_mode", "wal").unwrap();
        crate::schema::migrate(&mut writer).unwrap();
        writer.execute_batch(rows).unwrap();
        Self { reader: OperatorReader::open(&path, caps).unwrap(), directory }
    }

    fn writer(&self) -> Connection {
        Connection::open(self.directory.path().join("vestry.db")).unwrap()
    }

    fn run(&self, sql: &str) -> (Result<QueryEnd, QueryError>, Collected) {
        let mut rows = Collected::default();
        (self.reader.run(sql, &mut rows), rows)
    }

    fn list(&self, listing: &Listing) -> (Result<QueryEnd, QueryError>, Collected) {
        let mut rows = Collected::default();
        (self.reader.list(listing, &mut rows), rows)
    }

    /// The rows of a query that must pass, each as its values joined by `|`.
    fn lines(&self, sql: &str) -> Vec<String> {
        let (end, rows) = self.run(sql);
        end.unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows.lines()
    }
}

/// Keeps what it is given.
#[derive(Debug, Default)]
struct Collected {
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
    cancel: Option<CancelFlag>,
    rows_wanted: Option<usize>,
}

impl Collected {
    fn lines(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.iter().map(plain).collect::<Vec<_>>().join("|")).collect()
    }
}

fn plain(cell: &Cell) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
        Cell::Blob(bytes) => format!("blob {}", String::from_utf8_lossy(bytes)),
        Cell::Unknown(item) => item.to_string(),
    }
}

impl RowSink for Collected {
    fn columns(&mut self, names: Vec<String>, _: Instant) -> ControlFlow<()> {
        self.columns = names;
        ControlFlow::Continue(())
    }

    fn row(&mut self, cells: Vec<Cell>) -> ControlFlow<()> {
        self.rows.push(cells);
        match self.rows_wanted == Some(self.rows.len()) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn cancel_flag(&self) -> Option<CancelFlag> {
        self.cancel.clone()
    }
}

fn listing(view: View) -> Listing {
    Listing { view, columns: Vec::new(), filter: None, sort: None, descending: false, limit: 0, after: None }
}
