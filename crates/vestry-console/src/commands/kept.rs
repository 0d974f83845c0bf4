//! The few rows of a query that a command looks at itself, instead of writing them.

use crate::console::Console;
use crate::failure::Failure;
use crate::render::RowWriter;
use std::io::{self, Write};
use std::time::Duration;
use vestry_protocol::admin::{AdminCall, Cell};

/// Returns the first rows of a query: as many as the caller can use.
pub(super) async fn select(
    console: &mut Console,
    sql: String,
    rows_max: usize,
) -> Result<Vec<Vec<Cell>>, Failure> {
    let mut kept = Kept { rows: Vec::new(), rows_max };
    console.stream_rows(AdminCall::Query { sql }, &mut kept, &mut io::sink()).await?;
    Ok(kept.rows)
}

/// Keeps rows, and passes over those beyond its bound.
#[derive(Debug)]
struct Kept {
    rows: Vec<Vec<Cell>>,
    rows_max: usize,
}

impl RowWriter for Kept {
    fn columns(&mut self, _: Vec<String>, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, cells: &[Cell], _: &mut dyn Write) -> io::Result<()> {
        if self.rows.len() < self.rows_max {
            self.rows.push(cells.to_vec());
        }
        Ok(())
    }

    fn end(&mut self, _: Duration, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
