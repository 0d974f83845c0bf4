//! Files of accounts, as `vestryctl import` reads them: where a file is cut does not matter, a row is never longer than a
//! request, what is said can be printed, and a good row that was set aside reads back as the same.
#![no_main]

use arbitrary::Arbitrary;
use std::io::BufReader;
use vestry_fuzz::has_control;
use vestry_protocol::escape::Escaped;
use vestry_protocol::import::ImportRow;
use vestry_protocol::limits::IMPORT_BATCH_BUDGET_BYTES;

#[path = "../../crates/vestry-console/src/bad_rows.rs"]
#[allow(dead_code, reason = "the console's, of which this is a part")]
mod bad_rows;
#[path = "../../crates/vestry-console/src/formula.rs"]
#[allow(dead_code, reason = "the console's, of which this is a part")]
mod formula;
#[path = "../../crates/vestry-console/src/reader/mod.rs"]
#[allow(dead_code, reason = "the console's, of which this is a part")]
mod reader;
#[path = "../../crates/vestry-console/src/until.rs"]
#[allow(dead_code, reason = "the console's, of which this is a part")]
mod until;

use bad_rows::BadRowWriter;
use reader::row::ROW_BYTES_MAX;
use reader::{FileFormat, Raw, ReadError, Reader};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    is_table: bool,
    /// Begins with a good header, so that what follows gets further.
    has_header: bool,
    room: u8,
    bytes: &'a [u8],
}

/// What a file says: its rows as texts without their lines, or why there is none; and whether it was read to its end.
#[derive(Debug, PartialEq)]
struct Told {
    rows: Vec<Result<String, String>>,
    set_aside: Vec<u8>,
    ended: Option<String>,
}

libfuzzer_sys::fuzz_target!(|input: Input<'_>| {
    let format = if input.is_table { FileFormat::Csv } else { FileFormat::Ndjson };
    let header: &[u8] = if input.is_table && input.has_header { b"name,gender,age\n" } else { b"" };
    let file = [header, input.bytes].concat();
    let whole = told(format, &file, 64 * 1024);
    let cut = told(format, &file, usize::from(input.room).max(1));
    // Where reading gives up depends on how much was looked at: what came before does not.
    if whole.ended.is_none() || cut.ended.is_none() {
        assert_eq!(whole, cut);
    }
    let again = told(format, &whole.set_aside, 64 * 1024);
    if whole.ended.is_none() {
        for (row, again) in whole.rows.iter().zip(&again.rows) {
            assert!(row.is_err() || row == again, "{row:?} became {again:?}");
        }
    }
});

fn told(format: FileFormat, file: &[u8], room: usize) -> Told {
    let mut rows = Vec::new();
    let mut reader = match Reader::begin(BufReader::with_capacity(room, file), format) {
        Ok(reader) => reader,
        Err(error) => return Told { rows, set_aside: Vec::new(), ended: Some(printed(&error)) },
    };
    let mut writer = BadRowWriter::begin(Vec::new(), reader.header());
    let mut line = 0;
    let ended = loop {
        match reader.next() {
            Ok(Some(entry)) => {
                assert!(entry.line > line, "lines are in their order");
                line = entry.line;
                let raw = reader.raw();
                assert!(bytes_of(&raw) <= ROW_BYTES_MAX);
                writer.row(&raw, "because").expect("a vector takes all");
                rows.push(entry.row.map(|row| said(&row)));
            }
            Ok(None) => break None,
            Err(error) => break Some(printed(&error)),
        }
    };
    Told { rows, set_aside: writer.into_inner(), ended }
}

fn said(row: &ImportRow) -> String {
    assert!(row.budget_bytes() <= IMPORT_BATCH_BUDGET_BYTES, "it fits a request by itself");
    let hash = row.argon2id.as_ref().map(|hash| hash.expose_secret());
    format!("{:?}", (&row.name, &row.profile, row.created, &row.suspended, hash))
}

fn bytes_of(raw: &Raw) -> usize {
    match raw {
        Raw::Values(values) => values.iter().map(Vec::len).sum(),
        Raw::Line(line) => line.len(),
    }
}

fn printed(error: &ReadError) -> String {
    let text = error.to_string();
    assert!(!has_control(&text) && text == Escaped(&text).to_string(), "{text:?}");
    text
}
