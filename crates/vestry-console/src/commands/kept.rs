//! The few rows of a query that a command looks at itself, instead of writing them.

use crate::console::Console;
use crate::failure::Failure;
use vestry_client::AdminClient;
use vestry_protocol::admin::Cell;

/// Returns the first rows of a query: as many as the caller can use. Those beyond are passed over.
pub(super) async fn select(
    console: &mut Console,
    sql: String,
    rows_max: usize,
) -> Result<Vec<Vec<Cell>>, Failure> {
    let keep = async |client: &mut AdminClient| {
        let (mut rows, mut kept) = (client.query(&sql).await?, Vec::new());
        while let Some(row) = rows.next().await? {
            if kept.len() < rows_max {
                kept.push(row);
            }
        }
        Ok(kept)
    };
    console.read(keep).await
}
