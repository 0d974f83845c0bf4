//! Pages with a condition, as `vestryctl accounts --where …` asks for them: whatever the condition is, only rows and
//! columns of that view come out, each once, in the order of the view; pages together are the whole.
#![no_main]

use arbitrary::Arbitrary;
use vestry_fuzz::twins::{Told, twins};
use vestry_protocol::admin::{Cell, Listing, View};

const COLUMNS: [&str; 16] = [
    "name",
    "email",
    "age",
    "gender",
    "status",
    "credential",
    "created",
    "last_login",
    "id",
    "account",
    "device",
    "source",
    "at",
    "role",
    "pin",
    "NAME",
];

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    view: u8,
    columns: Vec<u8>,
    typed_column: Option<&'a str>,
    sort: Option<u8>,
    descending: bool,
    limit: u8,
    filter: Option<&'a str>,
}

libfuzzer_sys::fuzz_target!(|input: Input<'_>| {
    let asked = listing_of(&input);
    let told = twins().list(&asked);
    if told.error.is_some() {
        return;
    }
    let everything = Listing { filter: None, limit: 0, ..asked.clone() };
    let everything = twins().list(&everything);
    require_some_of(&told, &everything);
    if asked.limit > 0 {
        assert!(told.rows.len() as u64 <= asked.limit);
        let unpaged = twins().list(&Listing { limit: 0, ..asked.clone() });
        // The time of day may stand in a condition.
        let is_timeless =
            asked.filter.as_deref().is_none_or(|filter| !filter.to_ascii_lowercase().contains("time"));
        if unpaged.error.is_none() && is_timeless {
            assert!(unpaged.rows.starts_with(&told.rows), "a page is not the beginning");
            assert_eq!(turn_pages(&asked, told).len(), unpaged.rows.len(), "pages lose or repeat rows");
        }
    }
});

fn listing_of(input: &Input<'_>) -> Listing {
    let column = |at: &u8| COLUMNS[usize::from(*at) % COLUMNS.len()].to_owned();
    let columns = input.columns.iter().take(4).map(column).chain(input.typed_column.map(str::to_owned));
    let view = [View::Accounts, View::Sessions, View::Audit, View::Operators][usize::from(input.view) % 4];
    Listing {
        view,
        columns: columns.collect(),
        filter: input.filter.map(str::to_owned),
        sort: input.sort.as_ref().map(column),
        descending: input.descending,
        limit: u64::from(input.limit % 4),
        after: None,
    }
}

/// Rows that were filtered are rows that are there, in the same order.
fn require_some_of(told: &Told, everything: &Told) {
    assert_eq!(told.columns, everything.columns, "a condition changes the columns");
    let mut all = everything.rows.iter();
    for row in &told.rows {
        assert!(all.any(|other| other == row), "a condition made a row that is not there: {row:?}");
    }
}

fn turn_pages(asked: &Listing, mut told: Told) -> Vec<Vec<Cell>> {
    let mut rows = std::mem::take(&mut told.rows);
    while let Some(after) = told.end.as_mut().and_then(|end| end.next.take()) {
        told = twins().list(&Listing { after: Some(after), ..asked.clone() });
        assert!(told.error.is_none(), "the next page is refused: {told:?}");
        assert!(!told.rows.is_empty(), "a page is empty");
        rows.append(&mut told.rows);
        assert!(rows.len() < 100, "pages do not end");
    }
    rows
}
