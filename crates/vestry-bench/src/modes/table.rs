//! What an operator waits for: the first and the last page of the table, a page with a condition, and an aggregate.
//! Through the admin port, with the operator's certificate, as `vestryctl` asks it.

use crate::failure::Failure;
use crate::tally::{Summary, Times};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;
use vestry_client::Wire;
use vestry_protocol::ADMIN_ALPN;
use vestry_protocol::admin::{AdminCall, AdminReply, Cell, Listing, RowsEnd, View};
use vestry_server::data_dir::DataDir;
use vestry_server::setup::FIRST_OPERATOR;
use vestry_tls::config;

/// A screen or two.
const PAGE_ROWS: u64 = 100;

/// One in a hundred, in a table of any length: a page of these is read out of ten thousand rows.
const CONDITION: &str = "age = 33";

/// Reads everything, so it takes as long as there are accounts.
const AGGREGATE: &str = "select count(*), avg(age) from accounts";

/// How often each is asked at most.
pub const TIMES_MAX: u32 = 10_000;

type AdminWire = Wire<AdminCall, AdminReply>;

/// The times of each, as the client sees them.
#[derive(Debug, Serialize)]
pub struct Tables {
    /// By what was asked.
    pub asked: BTreeMap<&'static str, Asked>,
}

/// One thing that was asked so many times.
#[derive(Debug, Serialize)]
pub struct Asked {
    /// Rows of one answer.
    pub rows: u64,
    /// Its times.
    pub latency: Summary,
}

/// Asks each thing so many times, but an aggregate at most three times.
///
/// # Errors
/// When the server does not answer or refuses.
pub fn run(admin: SocketAddr, data_dir: &Path, times: u32) -> Result<Tables, Failure> {
    if !(1..=TIMES_MAX).contains(&times) {
        return Err(Failure::other(format!("use 1 to {TIMES_MAX} times")));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::system("a runtime"))?;
    let certs = DataDir::at(data_dir).certs(None);
    let (certificate, key) = (certs.operator_certificate(FIRST_OPERATOR), certs.operator_key(FIRST_OPERATOR));
    let tls = config::console_client_from_files(&certs.ca_certificate(), &certificate, &key)?;
    let host = admin.ip().to_string();
    runtime.block_on(async {
        let mut wire = AdminWire::connect(&host, admin.port(), tls, ADMIN_ALPN).await?;
        // The last page begins behind the last row but a hundred, wherever a listing that leads there ended.
        let last = last_page(&mut wire).await?;
        let mut asked = BTreeMap::new();
        asked.insert("first page", ask(&mut wire, || page(None, None), times).await?);
        asked.insert("last page", ask(&mut wire, || page(None, last.clone()), times).await?);
        asked.insert("filtered page", ask(&mut wire, || page(Some(CONDITION), None), times).await?);
        let aggregate = || AdminCall::Query { sql: AGGREGATE.to_owned() };
        asked.insert("aggregate", ask(&mut wire, aggregate, times.min(3)).await?);
        Ok(Tables { asked })
    })
}

fn page(filter: Option<&str>, after: Option<String>) -> AdminCall {
    AdminCall::ListRows(Listing {
        view: View::Accounts.into(),
        columns: Vec::new(),
        filter: filter.map(str::to_owned),
        sort: None,
        descending: false,
        limit: PAGE_ROWS,
        after,
    })
}

/// The cursor that the last page begins at; none when there is only one page.
async fn last_page(wire: &mut AdminWire) -> Result<Option<String>, Failure> {
    let sql = format!("select name from accounts order by name desc limit 1 offset {}", 2 * PAGE_ROWS);
    let (rows, _) = stream(wire, &AdminCall::Query { sql }).await?;
    let Some([Cell::Text(name)]) = rows.first().map(Vec::as_slice) else { return Ok(None) };
    // 200 rows are behind this name: a page that ends before the last hundred.
    let (_, end) = stream(wire, &page(Some(&format!("name > '{name}'")), None)).await?;
    Ok(end.next)
}

async fn ask(wire: &mut AdminWire, call: impl Fn() -> AdminCall, times: u32) -> Result<Asked, Failure> {
    let (mut seen, mut rows) = (Times::new()?, 0);
    for _ in 0..times {
        let begun = Instant::now();
        rows = stream(wire, &call()).await?.1.rows;
        seen.record(begun.elapsed());
    }
    Ok(Asked { rows, latency: seen.summary() })
}

/// All rows of an answer and its end.
async fn stream(wire: &mut AdminWire, call: &AdminCall) -> Result<(Vec<Vec<Cell>>, RowsEnd), Failure> {
    let id = wire.send(call).await?;
    let mut rows = Vec::new();
    loop {
        match wire.receive_for(id).await? {
            AdminReply::Columns(_) => {}
            AdminReply::Rows(more) => rows.extend(more),
            AdminReply::RowsEnd(end) => {
                wire.settle();
                return Ok((rows, end));
            }
            AdminReply::Refused(refusal) | AdminReply::QueryRefusedAt { refusal, .. } => {
                return Err(Failure::other(refusal.message));
            }
            _ => return Err(Failure::other("an answer to something else")),
        }
    }
}
