//! What a file is instead of a table or lines of objects, told by its beginning, and how to make one of it. Never shows what is
//! in it.

use super::columns::Column;
use super::row::ReadError;
use std::str;
use vestry_protocol::typed::vestryctl;
use vestry_seal::Packed;

/// What a file is, and what to do.
pub(super) struct Hint {
    rule: &'static str,
    advice: String,
}

impl Hint {
    fn new(rule: &'static str, advice: impl Into<String>) -> Self {
        Self { rule, advice: advice.into() }
    }

    /// Returns why such a file is not read, of a line of it.
    pub(super) fn at(self, line: u64) -> ReadError {
        ReadError::Header { line, rule: self.rule.to_owned(), advice: self.advice }
    }
}

/// Returns what a file is that is packed.
pub(super) fn of_packed(packed: Packed, format: &str) -> Hint {
    let rule = packed.name();
    match packed.unpacker() {
        Some(program) => {
            let import = vestryctl(format!("import - --format {format}"));
            Hint::new(rule, format!("Unpack it: {program} FILE | {import}"))
        }
        None => Hint::new(rule, "Save its table as CSV UTF-8 in the program that made it."),
    }
}

/// Returns what the first row says that is not in UTF-8.
pub(super) fn of_encoding(row: &[u8]) -> Option<Hint> {
    let is_utf16 = row.starts_with(b"\xff\xfe") || row.starts_with(b"\xfe\xff") || row.contains(&0);
    is_utf16.then(|| {
        Hint::new(
            "the file is UTF-16",
            "Save it as CSV UTF-8, or: iconv -f UTF-16 -t UTF-8 FILE > people.csv",
        )
    })
}

/// Returns what a header says that names no column.
pub(super) fn of_header(names: &[String]) -> Option<Hint> {
    let first = names.first()?.trim_start();
    if first.starts_with(['{', '[']) {
        return of_json(first).or_else(|| {
            Some(Hint::new("the file has JSON objects", "If they are one a line, add: --format ndjson"))
        });
    }
    let separated = names.iter().find_map(|row| SEPARATORS.iter().find(|(mark, _)| has_columns(row, *mark)));
    if let Some((_, rule)) = separated {
        return Some(Hint::new(
            rule,
            "Separate them with commas; a value that has one goes in quotation marks.",
        ));
    }
    (names.len() == 1 && first.contains(':')).then(|| {
        let names = format!("(echo name; cut -d: -f1 FILE) | {}", vestryctl("import - --format csv"));
        Hint::new(
            "values are separated by ':', as in a file of htpasswd",
            format!("Its hashes are not taken. The names alone, for whom you issue codes then:\n{names}"),
        )
    })
}

/// What other programs separate values with.
const SEPARATORS: [(char, &str); 3] = [
    (';', "values are separated by ';'"),
    ('\t', "values are separated by tabs"),
    ('|', "values are separated by '|'"),
];

/// Returns what the first line says that is not one object.
pub(super) fn of_first_line(line: &[u8]) -> Option<Hint> {
    if let Some(hint) = of_encoding(line) {
        return Some(hint);
    }
    // A line that was cut ends anywhere.
    let text = match str::from_utf8(line) {
        Ok(text) => text,
        Err(error) => str::from_utf8(line.get(..error.valid_up_to())?).ok()?,
    };
    let is_table =
        !text.trim_start().starts_with('{') && [',', ';', '\t'].iter().any(|mark| has_columns(text, *mark));
    of_json(text.trim()).or_else(|| is_table.then(|| Hint::new("the file is a table", "Add: --format csv")))
}

fn of_json(text: &str) -> Option<Hint> {
    let lines_of = |filter: &str| {
        format!("Make lines of it: jq -c {filter} FILE | {}", vestryctl("import - --format ndjson"))
    };
    match text {
        text if text.starts_with('[') => Some(Hint::new("the file is a JSON array", lines_of("'.[]'"))),
        "{" => Some(Hint::new("the file has its objects on several lines", lines_of("."))),
        _ => None,
    }
}

/// Returns whether a row, cut by `mark`, names a column of ours among others.
fn has_columns(row: &str, mark: char) -> bool {
    let is_one = |name: &str| Column::of(name.trim().trim_matches('"')).is_some();
    row.contains(mark) && row.split(mark).any(is_one)
}

/// Returns what a row says that has more values than columns.
pub(super) fn of_too_many<'a>(
    columns: &[Column],
    mut values: impl Iterator<Item = &'a [u8]>,
) -> Option<&'static str> {
    let has_hash =
        columns.contains(&Column::Argon2id) && values.any(|value| value.starts_with(b"$argon2id$"));
    has_hash.then_some("argon2id: the hash has commas; put it in quotation marks")
}
