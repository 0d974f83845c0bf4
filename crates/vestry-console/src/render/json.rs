//! Objects whose keys are the column names, in their order: one array, or one object a line.
//!
//! A key that comes twice gets a number, so that no value hides another. Bytes are hex; infinity is a text, since
//! JSON has no number for it. Characters that drive a terminal are written as `\uXXXX`, which means the same.

use super::writer::{RowWriter, hex, shown_number};
use serde_json::Value;
use std::collections::HashSet;
use std::io::{self, Write};
use std::time::Duration;
use vestry_protocol::admin::Cell;
use vestry_protocol::escape::is_hazardous;

/// Objects, between the marks that the format asks for.
#[derive(Debug)]
pub(super) struct Objects {
    /// Before the first, between two, after each, and after the last.
    marks: [&'static str; 4],
    /// What stands for no object at all.
    none: &'static str,
    keys: Vec<String>,
    rows: u64,
}

impl Objects {
    pub(super) fn array() -> Self {
        Self { marks: ["[\n", ",\n", "", "\n]\n"], none: "[]\n", keys: Vec::new(), rows: 0 }
    }

    pub(super) fn lines() -> Self {
        Self { marks: ["", "", "\n", ""], none: "", keys: Vec::new(), rows: 0 }
    }
}

impl RowWriter for Objects {
    fn columns(&mut self, names: Vec<String>, _: &mut dyn Write) -> io::Result<()> {
        self.keys = keys_of(names);
        Ok(())
    }

    fn row(&mut self, cells: &[Cell], out: &mut dyn Write) -> io::Result<()> {
        let [first, between, after, _] = self.marks;
        out.write_all(if self.rows == 0 { first } else { between }.as_bytes())?;
        self.rows += 1;
        out.write_all(object_of(&self.keys, cells).as_bytes())?;
        out.write_all(after.as_bytes())
    }

    fn end(&mut self, _: Duration, out: &mut dyn Write) -> io::Result<()> {
        let [_, _, _, last] = self.marks;
        out.write_all(if self.rows == 0 { self.none } else { last }.as_bytes())
    }

    /// A line is whole or not there; an array stays open.
    fn broke_off(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let [_, _, after, _] = self.marks;
        if self.rows == 0 || !after.is_empty() { Ok(()) } else { out.write_all(b"\n") }
    }
}

/// One object for one row.
pub(super) fn object(names: &[String], cells: &[Cell]) -> String {
    object_of(&keys_of(names.to_vec()), cells)
}

fn object_of(keys: &[String], cells: &[Cell]) -> String {
    let fields = keys.iter().zip(cells).map(|(key, cell)| {
        let value = match cell {
            Cell::Null => "null".to_owned(),
            Cell::Integer(number) => number.to_string(),
            Cell::Real(number) if number.is_infinite() => json_text(&shown_number(*number)),
            Cell::Real(number) => shown_number(*number),
            Cell::Text(text) => json_text(text),
            Cell::Blob(bytes) => json_text(&hex(bytes)),
            Cell::Unknown(item) => json_text(&item.to_string()),
        };
        format!("{key}:{value}")
    });
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

fn keys_of(names: Vec<String>) -> Vec<String> {
    // No two are equal: `name`, `name:1`, `name:2`.
    let mut taken: HashSet<String> = HashSet::new();
    let distinct = names.into_iter().map(|name| {
        let numbered = (1_u32..).map(|number| format!("{name}:{number}"));
        let mut candidates = std::iter::once(name.clone()).chain(numbered);
        let free = candidates.find(|candidate| taken.insert(candidate.clone()));
        free.unwrap_or(name)
    });
    distinct.map(|name| json_text(&name)).collect()
}

/// A JSON string in which no character can drive a terminal.
fn json_text(text: &str) -> String {
    let plain = Value::from(text).to_string();
    let mut safe = String::with_capacity(plain.len());
    for c in plain.chars() {
        if is_hazardous(c) {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| safe.push_str(&format!("\\u{unit:04x}")));
        } else {
            safe.push(c);
        }
    }
    safe
}
