//! What is a row, what is a bad one, and where reading ends.

use super::row::ROW_BYTES_MAX;
use super::*;
use crate::bad_rows::BadRowWriter;
use proptest::prelude::*;
use std::io::BufReader;
use vestry_protocol::import::Suspension;

/// A row on one line: its columns without those that are empty, or the reason.
fn shown(entry: &Entry) -> String {
    let line = entry.line;
    match &entry.row {
        Err(reason) => format!("{line} ! {reason}"),
        Ok(row) => {
            assert_eq!(row.line, line);
            let profile = &row.profile;
            let texts = [
                Some(row.name.clone()),
                profile.email.clone(),
                profile.age.map(|age| age.to_string()),
                profile.gender.clone(),
                row.created.map(|at| at.seconds().to_string()),
                row.suspended.as_ref().map(|Suspension { until, reason }| {
                    let until = until.map(|at| format!(" until {}", at.seconds())).unwrap_or_default();
                    let reason = reason.as_ref().map(|reason| format!(" for {reason}")).unwrap_or_default();
                    format!("suspended{until}{reason}")
                }),
                row.argon2id.as_ref().map(|hash| hash.expose_secret().to_owned()),
            ];
            format!("{line} {}", texts.into_iter().flatten().collect::<Vec<_>>().join(" "))
        }
    }
}

/// Read through a buffer of this many bytes: where a file is cut must not matter.
fn read_through(room: usize, format: FileFormat, bytes: &[u8]) -> Result<Vec<String>, String> {
    let input = BufReader::with_capacity(room, bytes);
    let mut reader = Reader::begin(input, format).map_err(|error| error.to_string())?;
    let mut rows = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(entry)) => rows.push(shown(&entry)),
            Ok(None) => break,
            Err(error) => {
                rows.push(format!("!! {error}"));
                break;
            }
        }
    }
    Ok(rows)
}

fn read(format: FileFormat, bytes: &[u8]) -> Result<Vec<String>, String> {
    let whole = read_through(8 * 1024, format, bytes);
    for room in [1, 2, 3, 7, 64] {
        assert_eq!(read_through(room, format, bytes), whole, "cut every {room} bytes");
    }
    whole
}

fn csv(text: impl AsRef<[u8]>) -> Vec<String> {
    read(FileFormat::Csv, text.as_ref()).unwrap()
}

fn ndjson(text: impl AsRef<[u8]>) -> Vec<String> {
    read(FileFormat::Ndjson, text.as_ref()).unwrap()
}

#[test]
fn columns_come_in_any_order_and_lines_end_in_any_way() {
    let rows = ["2 naman n@x.org 40 male 0 $argon2id$x", "3 shubham 18"];
    for end in ["\n", "\r\n", "\r\n\r\n", "\n\n"] {
        let step = end.matches('\n').count() as u64;
        let text = [
            "age,Name,created,email,argon2id,gender,status",
            "40,naman,1970-01-01T00:00:00Z,n@x.org,$argon2id$x,male,active",
            "18,shubham,,,,,",
        ];
        let expected = [
            rows[0].replacen('2', &(1 + step).to_string(), 1),
            rows[1].replacen('3', &(1 + 2 * step).to_string(), 1),
        ];
        assert_eq!(csv(text.join(end)), expected, "{end:?}");
        assert_eq!(csv(text.join(end) + end), expected, "{end:?}");
    }
    assert_eq!(csv("\u{feff}name\nnaman"), ["2 naman"]);
    // Rows that the verdict of the server could not tell apart would be set aside in place of one another.
    assert_eq!(csv("name\rnaman\rshubham\r\r"), ["2 naman", "3 shubham"]);
}

#[test]
fn quoted_values_hold_commas_quotes_and_line_ends() {
    let rows = csv("name,gender\r\n\"na\"\"man\",\"a,b\r\nc\"\r\nshubham,x\r\n");
    assert_eq!(rows, ["2 na\"man a,b\r\nc", "4 shubham x"]);
}

#[test]
fn what_an_export_guards_is_read_without_its_guard() {
    assert_eq!(csv("name,email,gender\na,'=x@y,\"'+1\"\nb,,''=1"), ["2 a =x@y +1", "3 b '=1"]);
}

#[test]
fn a_header_names_known_columns_once_and_a_name_among_them() {
    let cases = [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("name,password\n", "there is no column 'password'"),
        ("name,\u{1b}[2J\n", "there is no column like number 2"),
        ("name,4711\n", "there is no column like number 2"),
        ("name,somebodysverylongsecret\n", "there is no column like number 2"),
        ("name,Name\n", "'name' is there twice"),
        ("email,age\n", "there is no column 'name'"),
        ("naman,40\n", "it does not name a column that is taken"),
        ("name,\"email\n", "a quotation mark is not closed"),
    ];
    for (text, said) in cases {
        let refused = read(FileFormat::Csv, text.as_bytes()).unwrap_err();
        assert!(refused.contains(said) && !refused.contains('\u{1b}'), "{text:?}: {refused}");
    }
    assert!(read(FileFormat::Csv, b"name,\xff\n").unwrap_err().contains("not UTF-8"));
}

/// The error that a file ends with at its beginning, and what is advised.
fn refused(format: FileFormat, bytes: &[u8]) -> (String, String) {
    let begun = Reader::begin(bytes, format).and_then(|mut reader| reader.next());
    match begun {
        Err(error @ ReadError::Header { .. }) => match &error {
            ReadError::Header { advice, .. } => (error.to_string(), advice.clone()),
            _ => unreachable!(),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_of_another_kind_is_named_with_the_way_to_one_of_ours() {
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let tables: [(&[u8], &str, &str); 9] = [
        (b"name;email;age\na;b;1\n", "separated by ';'", "commas"),
        (b"\"name\";\"email\"\n", "separated by ';'", "commas"),
        (b"name\temail\n", "separated by tabs", "commas"),
        (b"alice:$2y$05$x\n", "':', as in a file of htpasswd", "cut -d: -f1 FILE"),
        (b"root:x:0:0:root:/root:/bin/sh\n", "':'", "cut"),
        (b"[{\"name\":\"a\"}]\n", "a JSON array", "jq -c '.[]' FILE | vestryctl import - --format ndjson"),
        (b"{\"name\":\"a\",\"age\":1}\n", "has JSON objects", "--format ndjson"),
        (&utf16("\u{feff}name,email\r\n"), "UTF-16", "iconv"),
        (&utf16("name\r\n"), "UTF-16", "iconv"),
    ];
    let lines: [(&[u8], &str, &str); 6] = [
        (b"\n [\n", "a JSON array", "jq -c '.[]'"),
        (b"[{\"name\":\"a\"},", "a JSON array", "jq -c '.[]'"),
        (b"{\n  \"name\":\"a\"\n}\n", "on several lines", "jq -c . FILE"),
        (b"name,age\na,1\n", "a table", "--format csv"),
        (&utf16("\u{feff}{\"name\":\"a\"}\n"), "UTF-16", "iconv"),
        (&utf16("{\"name\":\"a\"}\n"), "UTF-16", "iconv"),
    ];
    let long = [b"[".to_vec(), vec![b' '; 10_000]].concat();
    let tables = tables.into_iter().map(|case| (FileFormat::Csv, case));
    let lines = lines.into_iter().chain([(long.as_slice(), "a JSON array", "jq")]);
    for (format, (bytes, rule, advice)) in tables.chain(lines.map(|case| (FileFormat::Ndjson, case))) {
        let (said, advised) = refused(format, bytes);
        assert!(said.contains(rule), "{said}");
        assert!(advised.contains(advice), "{said}: {advised}");
    }
}

#[test]
fn a_bad_row_of_values_is_one_row() {
    let text = "name,age,created,status\n\
        a,old,,\n\
        b,151,,\n\
        c,1,yesterday,\n\
        d,1,,deleted\n\
        e,1,,on holiday\n\
        f,1\n\
        g,1,,,,\n\
        h\"h,1,,\n\
        z,1,,active\n";
    let rows = csv(text);
    let said = [
        "2 ! age: use a whole number",
        "3 ! age: use a whole number",
        "4 ! created: write it as",
        "5 ! status: a deleted account",
        "6 ! status: use active or suspended",
        "7 ! it has 2 values, and the header names 4",
        "8 ! it has 6 values",
        "9 ! a quotation mark",
        "10 z 1",
    ];
    assert_eq!(rows.len(), said.len(), "{rows:?}");
    for (row, said) in rows.iter().zip(said) {
        assert!(row.starts_with(said), "{row}");
    }
    assert_eq!(csv(b"name\n\xff\xfe\nb"), ["2 ! it is not UTF-8 text", "3 b"]);
    let unquoted = csv("name,argon2id\na,$argon2id$v=19$m=64,t=2,p=1$c2FsdA$x\n");
    assert_eq!(unquoted, ["2 ! argon2id: the hash has commas; put it in quotation marks"]);
}

#[test]
fn a_quotation_mark_that_is_not_closed_ends_the_file_or_is_a_bad_row_at_its_end() {
    let short = csv("name,age\n\"naman,40\nshubham,18\n");
    assert!(short.len() == 1 && short[0].starts_with("2 ! a quotation mark is not closed"), "{short:?}");
    let long = format!("name,age\nfirst,1\n\"naman,40\n{}", "shubham,18\n".repeat(10_000));
    let rows = csv(long);
    assert_eq!(rows[0], "2 first 1");
    assert!(rows.len() == 2 && rows[1].starts_with("!! the row that begins in line 3 is longer"), "{rows:?}");
}

#[test]
fn a_row_that_is_too_long_ends_the_reading_in_either_format() {
    let long = "x".repeat(ROW_BYTES_MAX);
    for text in [
        format!("name\na\n{long}y\n"),
        format!("name\na\n{}", ",".repeat(100)),
        format!("name\na\n\"{}", "\"\"".repeat(ROW_BYTES_MAX)),
    ] {
        let rows = csv(text);
        assert!(rows.len() == 2 && rows[1].starts_with("!! the row that begins in line 3"), "{rows:?}");
    }
    let rows = ndjson(format!("{{\"name\":\"a\"}}\n{{\"name\":\"{long}\"}}\n"));
    assert!(rows.len() == 2 && rows[1].starts_with("!! the row that begins in line 2"), "{rows:?}");
    let brackets = ndjson("[".repeat(1_000_000));
    assert!(brackets.len() == 1 && brackets[0].starts_with("!! "), "{brackets:?}");
}

#[test]
fn objects_have_the_same_columns() {
    let rows = ndjson(
        "{\"name\":\"naman\",\"email\":\"n@x.org\",\"age\":40,\"gender\":\"männlich\",\"created\":\"1970-01-01T01:00:00+01:00\",\
         \"status\":\"suspended\",\"argon2id\":\"$argon2id$x\",\"credential\":\"opaque\",\"last_login\":null,\"reason\":\"old\"}\r\n\
         \n  {\"age\":null, \"name\" : \"b\"}  \n",
    );
    assert_eq!(rows, ["1 naman n@x.org 40 männlich 0 suspended $argon2id$x", "3 b"]);
    assert_eq!(ndjson("\u{feff}{\"name\":\"naman\"}"), ["1 naman"]);
}

#[test]
fn both_formats_take_the_same_values_by_the_same_rules() {
    let cases = [
        ("n1,,,,", r#"{"name":"n1","email":"","age":"","created":"","status":""}"#),
        ("n2,,40,,", r#"{"name":"n2","age":"40"}"#),
        ("n3,,40.0,,", r#"{"name":"n3","age":40.0,"status":null}"#),
        ("4711,,7,,Active", r#"{"NAME":4711,"Age":7,"Status":"Active"}"#),
        (
            "n5, ,,1970-01-01T00:00:07Z,SUSPENDED",
            r#"{"name":"n5","created":"1970-01-01T00:00:07Z","status":"suspended"}"#,
        ),
        ("n6,,old,,", r#"{"name":"n6","age":"old"}"#),
        ("n7,,,yesterday,", r#"{"name":"n7","created":"yesterday"}"#),
        ("n8,,40.5,,", r#"{"name":"n8","age":40.5}"#),
        ("n9,,1e1,,", r#"{"name":"n9","age":1e1}"#),
        ("n10,true,,,", r#"{"name":"n10","email":true}"#),
    ];
    for (row, line) in cases {
        let table = csv(format!("name,email,age,created,status\n{row}\n"));
        let lines = ndjson(format!("\n{line}\n"));
        assert_eq!(table, lines, "{line}");
        assert_eq!(table.len(), 1, "{line}");
    }
}

#[test]
fn rows_that_say_nothing_are_passed_over() {
    assert_eq!(csv("name,age\na,1\n,\n \t,\n,,,\n\"\",\"\"\nb,2\n"), ["2 a 1", "7 b 2"]);
    assert_eq!(csv("name\n\"\n")[0].split(" ! ").next(), Some("2"), "an open quotation mark is no empty row");
    assert_eq!(ndjson("{}\n{\"name\":\"\",\"age\":null}\n{\"name\":\"b\"}\n"), ["3 b"]);
}

#[test]
fn a_bad_line_is_one_row_and_says_why() {
    let deep = format!("{{\"name\":{}}}", "[".repeat(3_000));
    let passed_over =
        format!("{{\"name\":\"b\",\"credential\":{}}}", ["[".repeat(1_500), "]".repeat(1_500)].concat());
    let cases: [(&[u8], &str); 19] = [
        (b"nonsense", "it is not a JSON object"),
        (b"\"naman\"", "it is not a JSON object"),
        (b"{\"name\":\"a\"", "its JSON object has no end"),
        (b"{\"name\":\"a\"} {\"name\":\"b\"}", "it is not one JSON object a line: look at its character 14"),
        (b"{\"name\":\"a\" \"age\":1}", "look at its character 13"),
        (b"{name:\"a\"}", "look at its character 2"),
        (b"{\"email\":\"a\"}", "there is no key 'name'"),
        (b"{\"name\":\"a\",\"password\":\"x\"}", "there is no key 'password'"),
        (b"{\"name\":\"a\",\"$2y$05$sHwN\":\"x\"}", "there is no key like number 2"),
        (b"{\"naman\":\"$2y$05$sHwN\"}", "it does not name a key that is taken"),
        (b"{\"name\":\"a\",\"Name\":\"b\"}", "the key 'name' is there twice"),
        (b"{\"name\":\"a\",\"age\":-1}", "age: use a whole number"),
        (b"{\"name\":\"a\",\"age\":40.5}", "age: use a whole number"),
        (b"{\"name\":\"a\",\"age\":{\"n\":1}}", "age: use a text or a number"),
        (b"{\"name\":\"a\",\"status\":\"deleted\"}", "status: a deleted account"),
        (b"{\"name\":\"\\ud800\"}", "name: it has a character that is none"),
        (b"{\"name\":\"\xff\"}", "it is not UTF-8 text"),
        (deep.as_bytes(), "look at its character 3009"),
        (passed_over.as_bytes(), "credential: use a text or a number"),
    ];
    for (line, said) in cases {
        let rows = ndjson([line, b"\n{\"name\":\"next\"}"].concat());
        let name = String::from_utf8_lossy(line);
        assert!(rows.len() == 2 && rows[0].starts_with("1 ! ") && rows[0].contains(said), "{name}: {rows:?}");
        assert!(!rows[0].contains("sHwN") && !rows[0].contains(" at line "), "{rows:?}");
        assert_eq!(rows[1], "2 next");
    }
}

#[test]
fn a_file_is_known_by_its_name() {
    for (name, format) in [
        ("people.csv", Some(FileFormat::Csv)),
        ("a/b.c/PEOPLE.CSV", Some(FileFormat::Csv)),
        ("people.ndjson", Some(FileFormat::Ndjson)),
        ("people.jsonl", Some(FileFormat::Ndjson)),
        ("people.json", None),
        ("csv", None),
        ("-", None),
    ] {
        assert_eq!(FileFormat::of_name(name), format, "{name}");
    }
}

/// Every row of a file, written as bad ones.
fn set_aside(format: FileFormat, bytes: &[u8]) -> Option<(Vec<String>, Vec<u8>)> {
    let mut reader = Reader::begin(bytes, format).ok()?;
    let mut writer = BadRowWriter::begin(Vec::new(), reader.header());
    let mut rows = Vec::new();
    while let Ok(Some(entry)) = reader.next() {
        writer.row(&reader.raw(), "because").unwrap();
        rows.push(shown(&entry).split_once(' ').unwrap().1.to_owned());
    }
    Some((rows, writer.into_inner()))
}

proptest! {
    #[test]
    fn what_was_set_aside_reads_back_as_the_same_rows(
        body in "(([a-c'=+]{0,3}|\"[a-c,'\n]{0,3}\"),[a-c]{0,2}\n){0,4}",
    ) {
        let text = format!("gender,name\n{body}");
        let (rows, written) = set_aside(FileFormat::Csv, text.as_bytes()).unwrap();
        prop_assert_eq!(written.is_empty(), rows.is_empty());
        let again = set_aside(FileFormat::Csv, &written).map(|(again, _)| again).unwrap_or_default();
        prop_assert_eq!(rows, again);
    }

    #[test]
    fn no_bytes_make_the_reader_panic_and_where_they_are_cut_does_not_matter(
        bytes in proptest::collection::vec(
            prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), Just(b'{'), Just(b'a'), any::<u8>()], 0..60,
        ),
    ) {
        for format in [FileFormat::Csv, FileFormat::Ndjson] {
            let with_header = [b"name,age\n", bytes.as_slice()].concat();
            let _ = read(format, &bytes);
            let _ = read(format, &with_header);
        }
    }
}
