//! Pages of a view: planned into one statement of our own, in an order that no two rows share.
//!
//! Columns and the sort are looked up in the view's own list and leave it as constants. The condition is the one
//! text that is spliced, after it was proven to be a single expression; whatever it then names meets the guard.
//! There is no OFFSET: a page starts behind the last row of the page before.

use super::caps::{QueryEnd, RowSink};
use super::cursor::{Order, Position, Stored};
use super::error::QueryError;
use super::shape::require_one_expression;
use super::stream::{self, Query, RowTaker, cells};
use super::views::{self, ViewShape};
use super::watch::Watch;
use rusqlite::Row;
use rusqlite::types::Value;
use std::ops::ControlFlow;
use std::time::Instant;
use vestry_protocol::admin::Listing;
use vestry_protocol::escape::Escaped;
use vestry_protocol::query_fault::FaultKind;

/// A listing with every name resolved.
#[derive(Debug)]
pub(super) struct Page<'a> {
    view: &'static ViewShape,
    columns: Vec<&'static str>,
    filter: Option<&'a str>,
    sort: &'static str,
    order: Order,
    limit: u64,
    after: Option<Position>,
    /// Keys above this one are left for later; only for a view whose key is a number.
    up_to: Option<i64>,
}

impl<'a> Page<'a> {
    /// Resolves every name of a listing and reads its cursor.
    pub(super) fn plan(listing: &'a Listing) -> Result<Self, QueryError> {
        let view = views::shape(listing.view);
        let (place, sort) = resolve(view, listing.sort.as_deref().unwrap_or(view.key))?;
        let order = Order { view: view.number, sort: place, descending: listing.descending };
        let after = listing.after.as_deref().map(|text| Position::from_cursor(text, order)).transpose()?;
        let columns = listing.columns.iter().map(|name| resolve(view, name).map(|(_, column)| column));
        let columns = match listing.columns.is_empty() {
            true => view.columns.to_vec(),
            false => columns.collect::<Result<_, _>>()?,
        };
        if let Some(filter) = &listing.filter {
            require_one_expression(filter)?;
        }
        Ok(Self {
            view,
            columns,
            filter: listing.filter.as_deref(),
            sort,
            order,
            limit: listing.limit,
            after,
            up_to: None,
        })
    }

    /// All rows whose numbers lie behind one and up to another.
    pub(super) fn between(self, behind: i64, up_to: i64) -> Self {
        let [sort, key] = [behind; 2].map(Stored::Integer);
        Self { limit: 0, after: Some(Position { sort, key }), up_to: Some(up_to), ..self }
    }

    /// Compiles the condition by itself: if it is not one value of the view's columns, SQLite says so here, in words that fit what
    /// was typed, and of a place in that.
    pub(super) fn require_a_condition(&self, watch: &Watch<'_>) -> Result<(), QueryError> {
        const BEFORE: &str = "select (";
        let Some(filter) = self.filter else { return Ok(()) };
        let compiled = watch.compile(&format!("{BEFORE}{filter}\n) from {}", self.view.name), 0);
        compiled.map(drop).map_err(|error| error.within(BEFORE.len(), filter, "the condition"))
    }

    /// Hands the page on.
    pub(super) fn run(self, watch: &Watch<'_>, sink: &mut dyn RowSink) -> Result<QueryEnd, QueryError> {
        self.require_a_condition(watch)?;
        let (sql, parameters) = self.statement();
        let mut taker = PageTaker { page: &self, sink, rows: 0, last: None, more: false };
        stream::run(watch, &Query { sql: &sql, parameters: &parameters }, &mut taker)?;
        let next = match (taker.more, taker.last) {
            (true, Some(last)) => Some(last.to_cursor(self.order)?),
            (_, _) => None,
        };
        Ok(QueryEnd { rows: taker.rows, next })
    }

    fn statement(&self) -> (String, Vec<Value>) {
        let (view, sort, key) = (self.view.name, self.sort, self.view.key);
        let columns: String = self.columns.iter().map(|column| format!("\"{column}\", ")).collect();
        let filter = self.filter.map_or_else(|| "true".to_owned(), |filter| format!("({filter}\n)"));
        let (start, mut parameters) = self.start();
        let direction = if self.order.descending { "desc" } else { "asc" };
        // The planner does not see that a second mention of one column adds nothing, and leaves `account_by_name` alone.
        let then_by_key = if sort == key { String::new() } else { format!(", \"{key}\" {direction}") };
        let end = self.up_to.map_or_else(String::new, |id| format!(" and \"{key}\" <= {id}"));
        let mut limit = String::new();
        if self.limit != 0 {
            // One row more than the page shows, to know whether there is a next one.
            let rows = i64::try_from(self.limit).unwrap_or(i64::MAX).saturating_add(1);
            parameters.push(Value::Integer(rows));
            limit = format!(" limit ?{}", parameters.len());
        }
        let sql = format!(
            "select {columns}\"{sort}\", \"{key}\" from {view} where {filter} and {start}{end} \
             order by \"{sort}\" {direction}{then_by_key}{limit}"
        );
        (sql, parameters)
    }

    /// The condition that leaves out what the pages before have shown.
    fn start(&self) -> (String, Vec<Value>) {
        let Some(Position { sort: last_sort, key: last_key }) = self.after.clone() else {
            return ("true".to_owned(), Vec::new());
        };
        let (sort, key) = (format!("\"{}\"", self.sort), format!("\"{}\"", self.view.key));
        let behind = if self.order.descending { "<" } else { ">" };
        let key_behind = format!("{key} {behind} {}", last_key.placeholder(1));
        let value = last_sort.placeholder(2);
        let condition = match (&last_sort, self.order.descending) {
            (_, _) if self.sort == self.view.key => key_behind,
            (Stored::Null, false) => format!("({sort} is not null or {key_behind})"),
            (Stored::Null, true) => format!("({sort} is null and {key_behind})"),
            (_, false) => format!("({sort} >= {value} and ({sort} > {value} or {key_behind}))"),
            (_, true) => {
                format!("({sort} is null or ({sort} <= {value} and ({sort} < {value} or {key_behind})))")
            }
        };
        let mut parameters = vec![last_key.into_parameter()];
        if self.sort != self.view.key && last_sort != Stored::Null {
            parameters.push(last_sort.into_parameter());
        }
        (condition, parameters)
    }
}

fn resolve(view: &'static ViewShape, name: &str) -> Result<(u8, &'static str), QueryError> {
    view.column(name).ok_or_else(|| {
        let reason = format!("{} has no column {}", view.name, Escaped(name));
        QueryError::refused(reason).about(FaultKind::Column, name)
    })
}

/// Hands on what was asked for and remembers where the page ends.
struct PageTaker<'p, 's> {
    page: &'p Page<'p>,
    sink: &'s mut dyn RowSink,
    rows: u64,
    last: Option<Position>,
    more: bool,
}

impl RowTaker for PageTaker<'_, '_> {
    fn columns(&mut self, mut names: Vec<String>, until: Instant) -> ControlFlow<()> {
        names.truncate(self.page.columns.len());
        self.sink.columns(names, until)
    }

    fn row(&mut self, row: &Row<'_>, bytes_max: usize) -> Result<ControlFlow<()>, QueryError> {
        if self.page.limit != 0 && self.rows == self.page.limit {
            self.more = true;
            return Ok(ControlFlow::Continue(()));
        }
        let shown = self.page.columns.len();
        if self.rows + 1 == self.page.limit {
            let (sort, key) = (row.get_ref(shown)?.into(), row.get_ref(shown + 1)?.into());
            self.last = Some(Position { sort, key });
        }
        self.rows += 1;
        Ok(self.sink.row(cells(row, shown, bytes_max)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;
    use vestry_protocol::admin::View;

    /// How SQLite reads the accounts for a page in the order of names.
    fn plan_of(filter: &str) -> String {
        let mut database = Connection::open_in_memory().unwrap();
        crate::schema::migrate(&mut database).unwrap();
        let asked = Listing {
            view: View::Accounts,
            columns: Vec::new(),
            filter: Some(filter.to_owned()),
            sort: None,
            descending: false,
            limit: 100,
            after: None,
        };
        let (sql, parameters) = Page::plan(&asked).unwrap().statement();
        let mut plan = database.prepare(&format!("explain query plan {sql}")).unwrap();
        let parameters = rusqlite::params_from_iter(parameters);
        plan.query_row(parameters, |row| row.get("detail")).unwrap()
    }

    #[test]
    fn a_page_of_few_accounts_finds_them_beside_their_names() {
        for filter in ["age = 33", "gender = 'f'", "status = 'suspended'", "status = 'active' and age = 33"] {
            assert_eq!(plan_of(filter), "SCAN a USING INDEX account_by_name", "{filter}");
        }
        assert_eq!(plan_of("name = 'naman'"), "SEARCH a USING INDEX sqlite_autoindex_account_1 (name=?)");
    }
}
