//! Connections that can only read what the views show.
//!
//! SQLite names the *accessor* of a table: the view through which it is reached. It also says so for a WITH table
//! of the same name, therefore the accessor alone proves nothing: a column has to be on [`READABLE_COLUMNS`]
//! whoever asks, and no secret column is on it. What a shadowing name could still reach is what the views show.
//!
//! The authorizer is asked while a statement is compiled, so a refused one never begins to run. It is set last,
//! after our own settings, and never taken off. Nothing here runs a statement of an operator.

use super::brake::Brake;
use super::error::{ONLY_SELECT, QueryError};
use super::functions;
use super::shape::NO_PARAMETERS;
use super::views;
use crate::pool;
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, InterruptHandle, OpenFlags};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use vestry_protocol::escape::Escaped;
use vestry_protocol::limits::{CELL_BYTES_MAX, REQUEST_BYTES_MAX};
use vestry_protocol::query_fault::FaultKind;

/// The columns that the views are made of. Nothing else of the database can be read, through whatever name:
/// above all not `credential.record`, `session.token_hash`, and nothing of `reset_code`.
const READABLE_COLUMNS: &[(&str, &[&str])] = &[
    (
        "account",
        &[
            "id",
            "name",
            "email",
            "age",
            "gender",
            "created",
            "last_login",
            "status",
            "deleted_at",
            "suspended_until",
            "suspended_reason",
        ],
    ),
    ("credential", &["account_id", "kind"]),
    ("session", &["id", "account_id", "device", "source", "created", "last_used", "expires"]),
    ("operator", &["pin", "name", "role", "created", "revoked"]),
    ("audit_name", &["subject", "name"]),
    ("audit_event", &["id", "at", "actor_kind", "actor", "action", "subject", "source", "detail"]),
    ("throttle_lane", &["lane", "subject", "name", "failures", "failed_at", "open_at"]),
];

/// The functions that may be named: they compute from their arguments, and none reads a file, loads code or
/// makes a value that is longer than [`CELL_BYTES_MAX`]. The work of each grows with the length of its arguments and of what it
/// makes; those of SQLite's whose work grows with a product are replaced by ours (`functions.rs`).
const CALLABLE_FUNCTIONS: &[&str] = vestry_protocol::views::FUNCTIONS;

/// SQLite's own limits, each lower than its default because nobody types more.
const SQLITE_LIMITS: &[(Limit, usize)] = &[
    // A statement fits the request that carried it.
    (Limit::SQLITE_LIMIT_SQL_LENGTH, REQUEST_BYTES_MAX),
    // A value fits a cell; growth by printf(), replace() or group_concat() ends here. Nothing stored is nearly as long: an event
    // has 500 characters of detail.
    (Limit::SQLITE_LIMIT_LENGTH, CELL_BYTES_MAX),
    // The views together have 36 columns.
    (Limit::SQLITE_LIMIT_COLUMN, 100),
    // A hundred conditions joined by OR still fit; the compiler recurses as deep as this.
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 200),
    (Limit::SQLITE_LIMIT_PARSER_DEPTH, 200),
    // UNIONs in one statement.
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 20),
    // The longest sensible select compiles to a few hundred, a list of five thousand names behind IN to 15,000; a tower of WITH
    // tables to millions.
    (Limit::SQLITE_LIMIT_VDBE_OP, 25_000),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 32),
    // A page binds two values of its cursor and its length.
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 3),
    // There is one database, no trigger, and no thread beside the one that runs the query.
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 0),
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
];

/// What each connection may keep of the database in memory, and each sort of its rows before they go to a file. Tables that
/// are made on the way have 2,000 KiB by SQLite's default (`footprint.rs`).
const CACHE_KIB_MAX: i32 = 2 * 1024;

/// A reader in WAL mode waits for nobody, except while the log is being recovered after a crash.
const RECOVERY_WAIT_MAX: Duration = Duration::from_secs(2);

/// Makes guarded connections to one file, for the pool.
#[derive(Debug, Clone)]
pub(super) struct GuardedFile {
    path: PathBuf,
}

impl GuardedFile {
    /// Connections to this file.
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// One more connection, with everything set.
    pub(super) fn open(&self) -> rusqlite::Result<GuardedConnection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        let tables = Tables(
            connection
                .prepare(
                    "select lower(name) from sqlite_schema union select lower(name) from pragma_module_list",
                )?
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?,
        );
        pool::spill_beside(&connection, &self.path);
        settle(&connection)?;
        let brake = Brake::default();
        functions::replace_slow_ones(&connection, &brake)?;
        brake.attach(&connection)?;
        let refusal = LastRefusal::default();
        let noted = refusal.clone();
        connection.authorizer(Some(move |context: AuthContext<'_>| match judge(&context, &tables) {
            Ok(()) => Authorization::Allow,
            Err(refused) => {
                noted.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(refused);
                Authorization::Deny
            }
        }))?;
        Ok(GuardedConnection { connection, refusal, brake })
    }
}

impl r2d2::ManageConnection for GuardedFile {
    type Connection = GuardedConnection;
    type Error = rusqlite::Error;

    fn connect(&self) -> rusqlite::Result<GuardedConnection> {
        self.open()
    }

    fn is_valid(&self, _: &mut GuardedConnection) -> rusqlite::Result<()> {
        Ok(())
    }

    fn has_broken(&self, _: &mut GuardedConnection) -> bool {
        false
    }
}

/// A connection that can only read what the views show.
#[derive(Debug)]
pub(super) struct GuardedConnection {
    connection: Connection,
    refusal: LastRefusal,
    brake: Brake,
}

impl GuardedConnection {
    /// The file.
    pub(super) fn path(&self) -> Option<&str> {
        self.connection.path()
    }

    /// What ends its statements; set by a [`super::watch::Watch`].
    pub(super) fn brake(&self) -> &Brake {
        &self.brake
    }

    /// What interrupts its statements from another thread.
    pub(super) fn interrupt_handle(&self) -> InterruptHandle {
        self.connection.get_interrupt_handle()
    }

    /// The program of a statement that was compiled, as rows; it runs nothing of it.
    pub(super) fn explain(&self, sql: &str) -> Result<rusqlite::Statement<'_>, CompileError> {
        self.connection.prepare(&format!("explain {sql}")).map_err(CompileError::Sqlite)
    }

    /// Compiles one statement that only reads and takes as many parameters as we bind. A watch does that for whoever runs it.
    pub(super) fn compile(
        &self,
        sql: &str,
        parameters: usize,
    ) -> Result<rusqlite::Statement<'_>, CompileError> {
        self.refusal.take();
        let statement = self.connection.prepare(sql).map_err(|error| match self.refusal.take() {
            Some(refused) => CompileError::Refused(refused),
            None => CompileError::Sqlite(error),
        })?;
        let reads_only = statement.readonly() && statement.is_explain() == 0 && statement.column_count() > 0;
        match (reads_only, statement.parameter_count() == parameters) {
            (false, _) => Err(CompileError::Refused(Refused::because(ONLY_SELECT))),
            (_, false) => Err(CompileError::Refused(Refused::because(NO_PARAMETERS))),
            (true, true) => Ok(statement),
        }
    }
}

/// Why a statement was not compiled.
#[derive(Debug)]
pub(super) enum CompileError {
    /// The guard refused it.
    Refused(Refused),
    /// SQLite did not understand it, or was interrupted.
    Sqlite(rusqlite::Error),
}

/// What the guard refuses.
#[derive(Debug)]
pub(super) struct Refused {
    reason: String,
    /// The name that it refuses, where it is a name.
    name: Option<(FaultKind, String)>,
}

impl Refused {
    fn because(reason: &str) -> Self {
        Self { reason: reason.to_owned(), name: None }
    }
}

/// What the authorizer refused last: SQLite itself only says "not authorized".
#[derive(Debug, Clone, Default)]
struct LastRefusal(Arc<Mutex<Option<Refused>>>);

impl LastRefusal {
    fn take(&self) -> Option<Refused> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Whether this part of a statement may be compiled; if not, why.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is not named is refused, also if a later SQLite adds it"
)]
fn judge(context: &AuthContext<'_>, tables: &Tables) -> Result<(), Refused> {
    match context.action {
        AuthAction::Select | AuthAction::Recursive => Ok(()),
        AuthAction::Function { function_name } => {
            match CALLABLE_FUNCTIONS.iter().any(|name| name.eq_ignore_ascii_case(function_name)) {
                true => Ok(()),
                false => Err(Refused {
                    reason: format!("the function {} does not run here", Escaped(function_name)),
                    name: Some((FaultKind::Function, function_name.to_owned())),
                }),
            }
        }
        AuthAction::Read { table_name, column_name } if may_read(table_name, column_name, context) => Ok(()),
        // Only the number of rows of a WITH table, whose own reads are judged one by one.
        AuthAction::Read { table_name, column_name: "" } if !tables.has(table_name) => Ok(()),
        AuthAction::Read { table_name, .. } => Err(Refused {
            reason: format!("{} is not one of the views", Escaped(table_name)),
            name: Some((FaultKind::View, table_name.to_owned())),
        }),
        _ => Err(Refused::because(ONLY_SELECT)),
    }
}

fn may_read(table: &str, column: &str, context: &AuthContext<'_>) -> bool {
    let through_a_view = context.accessor.is_some_and(views::is_view);
    // Where a statement needs only the number of rows, SQLite names the table behind the view without a column
    // and without the view; it then names the database too, as it does not for a table that was typed bare.
    let counted_for_a_view = column.is_empty() && context.database_name == Some("main");
    match context.database_name {
        None | Some("main") if views::is_view(table) => true,
        None | Some("main") => {
            let is_readable = READABLE_COLUMNS.iter().any(|(name, columns)| {
                name.eq_ignore_ascii_case(table)
                    && (column.is_empty() || columns.iter().any(|known| known.eq_ignore_ascii_case(column)))
            });
            is_readable && (through_a_view || counted_for_a_view)
        }
        Some(_) => false,
    }
}

/// Everything that SQLite would find under a name, so that any other name is a WITH table of the statement.
#[derive(Debug)]
struct Tables(HashSet<String>);

impl Tables {
    /// Tables that SQLite makes when they are named; no list has them.
    const MADE_WHEN_NAMED: [&str; 4] = ["sqlite_", "pragma_", "json", "carray"];

    fn has(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        self.0.contains(&name) || Self::MADE_WHEN_NAMED.iter().any(|prefix| name.starts_with(prefix))
    }
}

/// Takes away from a connection what no select over the views needs.
fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(RECOVERY_WAIT_MAX)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    for off in [
        DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA,
        DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER,
        DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER,
        DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE,
        DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE,
        // "naman" is a column; a misspelt column is an error and not a text that equals nothing.
        DbConfig::SQLITE_DBCONFIG_DQS_DML,
        DbConfig::SQLITE_DBCONFIG_DQS_DDL,
    ] {
        connection.set_db_config(off, false)?;
    }
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB_MAX)?;
    // What a sort does not find room for goes to a file that is already deleted, not to memory.
    connection.pragma_update(None, "temp_store", "file")?;
    for (limit, value) in SQLITE_LIMITS {
        connection.set_limit(*limit, i32::try_from(*value).unwrap_or(i32::MAX))?;
    }
    Ok(())
}

impl From<CompileError> for QueryError {
    fn from(error: CompileError) -> Self {
        match error {
            CompileError::Refused(Refused { reason, name: None }) => Self::refused(reason),
            CompileError::Refused(Refused { reason, name: Some((kind, name)) }) => {
                Self::refused(reason).about(kind, name)
            }
            CompileError::Sqlite(error) => super::error::classify(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fresh::fresh_store;

    /// The shape of a statement is looked at before (`shape.rs`); what gets past that is judged here, by itself.
    #[tokio::test]
    async fn what_shows_no_rows_of_its_own_is_refused_whatever_stands_before_the_guard() {
        let (_folder, store) = fresh_store();
        let guarded = GuardedFile::at(store.path()).open().unwrap();
        assert!(guarded.compile("select name from accounts", 0).is_ok());
        for sql in ["explain select name from accounts", "explain query plan select 1", "-- nothing", ";"] {
            let refused = guarded.compile(sql, 0).err();
            assert!(matches!(refused, Some(CompileError::Refused(_))), "{sql}: {refused:?}");
        }
        let unbound = guarded.compile("select ?1", 0).err();
        assert!(matches!(unbound, Some(CompileError::Refused(_))), "{unbound:?}");
    }
}
