//! Following the audit: the events that came since the last look, each once, in their order.
//!
//! The newest number is read first, and a look ends there: what comes meanwhile is the next one's, and a condition that
//! lets nothing through does not look at the same events again and again.

use super::caps::{QueryEnd, RowSink};
use super::error::{QueryError, classify};
use super::listing::Page;
use super::reader::OperatorReader;
use super::stream::{self, Query, RowTaker};
use super::watch::Watch;
use rusqlite::Row;
use std::ops::ControlFlow;
use std::time::Instant;
use vestry_protocol::admin::{FollowFrom, Listing, View};

const NEWEST: &str = "select id from audit order by id desc limit 1";

impl OperatorReader {
    /// Hands on the events from where it begins to the newest, and says what to go on behind.
    ///
    /// # Errors
    /// When a column or the condition is not one of the view, or a cap is met.
    pub fn follow(
        &self,
        columns: Vec<String>,
        filter: Option<String>,
        from: FollowFrom,
        sink: &mut dyn RowSink,
    ) -> Result<QueryEnd, QueryError> {
        let listing = Listing {
            view: View::Audit,
            columns,
            filter,
            sort: None,
            descending: false,
            limit: 0,
            after: None,
        };
        // Planned first: from here on the condition is known to be one expression.
        let page = Page::plan(&listing)?;
        let connection = self.connection()?;
        let watch = Watch::start(&connection, &self.caps, sink.cancel_flag())?;
        page.require_a_condition(&watch)?;
        let newest = number(&watch, NEWEST)?.unwrap_or(0);
        let behind = match from {
            FollowFrom::Behind(id) => id,
            FollowFrom::Newest(0) => i64::MIN,
            FollowFrom::Newest(count) => {
                let filter = listing.filter.as_ref().map_or("true".to_owned(), |text| format!("({text}\n)"));
                let before = i64::try_from(count).unwrap_or(i64::MAX).saturating_sub(1);
                let nth =
                    format!("select id from audit where {filter} order by id desc limit 1 offset {before}");
                number(&watch, &nth)?.map_or(i64::MIN, |id| id.saturating_sub(1))
            }
        };
        let end = page.between(behind, newest).run(&watch, sink)?;
        Ok(QueryEnd { next: Some(newest.to_string()), ..end })
    }
}

/// The one number of a statement of our own, if it has a row.
fn number(watch: &Watch<'_>, sql: &str) -> Result<Option<i64>, QueryError> {
    let mut taker = OneNumber(None);
    stream::run(watch, &Query { sql, parameters: &[] }, &mut taker)?;
    Ok(taker.0)
}

struct OneNumber(Option<i64>);

impl RowTaker for OneNumber {
    fn columns(&mut self, _: Vec<String>, _: Instant) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn row(&mut self, row: &Row<'_>, _: usize) -> Result<ControlFlow<()>, QueryError> {
        self.0 = Some(row.get(0).map_err(classify)?);
        Ok(ControlFlow::Continue(()))
    }
}
