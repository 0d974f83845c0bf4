//! The rows that an import leaves out, in a file of the same format with the reason beside each: mended there, they are
//! the input of another import, which passes the reasons over.

use crate::formula::{guarded, unguarded};
use crate::reader::{Members, Raw};
use serde_json::Value;
use std::borrow::Cow;
use std::io::{self, Write};
use vestry_protocol::escape::Escaped;

/// The column, or the key, that says why.
const REASON: &str = "reason";

/// Writes rows that are to be mended.
#[derive(Debug)]
pub(crate) struct BadRowWriter<W> {
    out: W,
    /// Of the input, where it has one; written in front of the first row, so that nothing is written when there is none.
    header: Option<Vec<String>>,
    /// Of a file with a header: where the reason of an earlier import is.
    reason_at: Option<usize>,
}

impl<W: Write> BadRowWriter<W> {
    /// Begins with the header of the input, where it has one.
    pub(crate) fn begin(out: W, header: Option<&[String]>) -> Self {
        let reason_at =
            header.and_then(|names| names.iter().position(|name| name.trim().eq_ignore_ascii_case(REASON)));
        Self { out, header: header.map(<[String]>::to_vec), reason_at }
    }

    /// One row and why it is there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn row(&mut self, raw: &Raw, reason: &str) -> io::Result<()> {
        if let Some(names) = self.header.take() {
            self.values(names.iter().map(String::as_bytes), REASON)?;
        }
        let reason = Escaped(reason).to_string();
        match raw {
            Raw::Values(values) => self.values(values.iter().map(Vec::as_slice), &reason),
            Raw::Line(line) => {
                let reason = Value::from(reason);
                let Ok(Members(members)) = Members::of(line) else {
                    // A line that is no object goes as a text into one.
                    let line = Value::from(String::from_utf8_lossy(line));
                    return writeln!(self.out, "{{\"line\":{line},\"{REASON}\":{reason}}}");
                };
                write!(self.out, "{{")?;
                for (key, value) in members {
                    if !key.trim().eq_ignore_ascii_case(REASON) {
                        write!(self.out, "{}:{},", Value::from(key), value.get())?;
                    }
                }
                writeln!(self.out, "\"{REASON}\":{reason}}}")
            }
        }
    }

    /// The values without an older reason, then the new one.
    fn values<'a>(&mut self, values: impl Iterator<Item = &'a [u8]>, reason: &str) -> io::Result<()> {
        for (place, value) in values.enumerate() {
            if Some(place) != self.reason_at {
                self.out.write_all(&quoted(&harmless(value)))?;
                self.out.write_all(b",")?;
            }
        }
        self.out.write_all(&quoted(reason.as_bytes()))?;
        self.out.write_all(b"\r\n")
    }

    /// What it was written to.
    pub(crate) fn into_inner(self) -> W {
        self.out
    }
}

/// Nothing that a spreadsheet would run, whether or not it was guarded before.
fn harmless(value: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(value) {
        Ok(text) => match guarded(unguarded(text)) {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
        Err(_) => Cow::Borrowed(value),
    }
}

/// RFC 4180: in quotation marks, each one within it twice.
fn quoted(value: &[u8]) -> Vec<u8> {
    let doubled = value.iter().flat_map(|byte| std::iter::repeat_n(*byte, if *byte == b'"' { 2 } else { 1 }));
    std::iter::once(b'"').chain(doubled).chain([b'"']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(header: Option<&[&str]>, rows: &[(Raw, &str)]) -> String {
        let header: Option<Vec<String>> = header.map(|names| names.iter().map(|n| (*n).to_owned()).collect());
        let mut writer = BadRowWriter::begin(Vec::new(), header.as_deref());
        for (raw, reason) in rows {
            writer.row(raw, reason).unwrap();
        }
        String::from_utf8_lossy(&writer.into_inner()).into_owned()
    }

    fn values(values: &[&[u8]]) -> Raw {
        Raw::Values(values.iter().map(|value| value.to_vec()).collect())
    }

    #[test]
    fn values_keep_their_columns_and_get_a_reason() {
        let text = written(
            Some(&["name", "email"]),
            &[(values(&[b"a\"b", b"=x@y"]), "name: no"), (values(&[b"'=1", b"\xff", b"3"]), "more")],
        );
        assert_eq!(
            text,
            "\"name\",\"email\",\"reason\"\r\n\"a\"\"b\",\"'=x@y\",\"name: no\"\r\n\"'=1\",\"\u{fffd}\",\"3\",\"more\"\r\n"
        );
    }

    #[test]
    fn the_reason_of_an_earlier_import_gives_way() {
        let row = values(&[b"name: no", b"root"]);
        let text = written(Some(&["Reason", "name"]), &[(row, "name: reserved")]);
        assert_eq!(text, "\"name\",\"reason\"\r\n\"root\",\"name: reserved\"\r\n");
        let line = Raw::Line(br#"{"name":"root","reason":"old","age":4}"#.to_vec());
        assert_eq!(written(None, &[(line, "new")]), "{\"name\":\"root\",\"age\":4,\"reason\":\"new\"}\n");
    }

    #[test]
    fn a_line_that_is_no_object_is_kept_as_a_text() {
        let cases: [(&[u8], &str); 3] = [
            (b"nonsense", r#"{"line":"nonsense","reason":"no"}"#),
            (b"[1,2", r#"{"line":"[1,2","reason":"no"}"#),
            (b"{\"name\":\"\xff\"}", "{\"line\":\"{\\\"name\\\":\\\"\u{fffd}\\\"}\",\"reason\":\"no\"}"),
        ];
        for (line, expected) in cases {
            assert_eq!(written(None, &[(Raw::Line(line.to_vec()), "no")]).trim_end(), expected);
        }
    }
}
