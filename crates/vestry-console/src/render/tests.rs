//! Golden outputs of every format, with values that would drive a terminal, a spreadsheet or a parser.

use super::*;
use proptest::prelude::*;
use std::time::Duration;
use unicode_width::UnicodeWidthStr;
use vestry_protocol::escape::{hazards, is_hazardous};

const ELAPSED: Duration = Duration::from_micros(12_345);

const ALL: [Format; 6] =
    [Format::Table, Format::Vertical, Format::Json, Format::Ndjson, Format::Csv, Format::Tsv];

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn written(format: Format, width: Option<usize>, names: &[&str], rows: &[Vec<Cell>]) -> String {
    let (mut writer, mut out) = (format.writer(width), Vec::new());
    writer.columns(names.iter().map(|name| (*name).to_owned()).collect(), &mut out).unwrap();
    rows.iter().for_each(|row| writer.row(row, &mut out).unwrap());
    writer.end(ELAPSED, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn broken_off(format: Format, names: &[&str], rows: &[Vec<Cell>]) -> String {
    let (mut writer, mut out) = (format.writer(None), Vec::new());
    writer.columns(names.iter().map(|name| (*name).to_owned()).collect(), &mut out).unwrap();
    rows.iter().for_each(|row| writer.row(row, &mut out).unwrap());
    writer.broke_off(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn people() -> Vec<Vec<Cell>> {
    vec![
        vec![text("navneet"), text("navneet@example.org"), Cell::Integer(23)],
        vec![text("anirudh"), Cell::Null, Cell::Integer(8)],
        vec![text("Zoë 界"), text(""), Cell::Real(1.5)],
    ]
}

const PEOPLE: [&str; 3] = ["name", "email", "age"];

#[test]
fn a_table_is_drawn_as_mysql_draws_it() {
    let expected = "\
+---------+---------------------+-----+
| name    | email               | age |
+---------+---------------------+-----+
| navneet | navneet@example.org |  23 |
| anirudh | NULL                |   8 |
| Zoë 界  |                     | 1.5 |
+---------+---------------------+-----+
3 rows in set (0.01 sec)
";
    assert_eq!(written(Format::Table, None, &PEOPLE, &people()), expected);
    assert_eq!(written(Format::Table, Some(80), &PEOPLE, &people()), expected);
}

#[test]
fn the_count_knows_none_and_one() {
    assert_eq!(written(Format::Table, None, &PEOPLE, &[]), "Empty set (0.01 sec)\n");
    assert_eq!(written(Format::Vertical, None, &PEOPLE, &[]), "Empty set (0.01 sec)\n");
    assert!(written(Format::Table, None, &PEOPLE, &people()[..1]).ends_with("\n1 row in set (0.01 sec)\n"));
}

#[test]
fn rows_as_lists() {
    let expected = "\
*************************** 1. row ***************************
 name: navneet
email: navneet@example.org
  age: 23
*************************** 2. row ***************************
 name: anirudh
email: NULL
  age: 8
2 rows in set (0.01 sec)
";
    assert_eq!(written(Format::Vertical, None, &PEOPLE, &people()[..2]), expected);
}

#[test]
fn tab_separated_comma_separated_and_json() {
    assert_eq!(
        written(Format::Tsv, None, &PEOPLE, &people()),
        "name\temail\tage\nnavneet\tnavneet@example.org\t23\nanirudh\tNULL\t8\nZoë 界\t\t1.5\n"
    );
    assert_eq!(
        written(Format::Csv, None, &PEOPLE, &people()),
        "name,email,age\r\nnavneet,navneet@example.org,23\r\nanirudh,,8\r\n\"Zoë 界\",\"\",1.5\r\n"
    );
    assert_eq!(
        written(Format::Json, None, &PEOPLE, &people()[..2]),
        "[\n{\"name\":\"navneet\",\"email\":\"navneet@example.org\",\"age\":23},\n\
         {\"name\":\"anirudh\",\"email\":null,\"age\":8}\n]\n"
    );
    assert_eq!(
        written(Format::Ndjson, None, &PEOPLE, &people()[..2]),
        "{\"name\":\"navneet\",\"email\":\"navneet@example.org\",\"age\":23}\n\
         {\"name\":\"anirudh\",\"email\":null,\"age\":8}\n"
    );
    assert_eq!(written(Format::Json, None, &PEOPLE, &[]), "[]\n");
    assert_eq!(written(Format::Ndjson, None, &PEOPLE, &[]), "");
}

/// What rows put in by hand, or a hostile server, may hold.
const HOSTILE: &[(&str, &str)] = &[
    ("\u{1b}[2J\u{1b}[31m", "\\u{1b}[2J\\u{1b}[31m"),
    ("\u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{7}", "\\u{1b}]8;;http://x\\u{7}link\\u{1b}]8;;\\u{7}"),
    ("\u{1b}]52;c;aGk=\u{9c}", "\\u{1b}]52;c;aGk=\\u{9c}"),
    ("a\rb", "a\\rb"),
    ("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}"),
    ("gpj.\u{202e}exe\u{2066}", "gpj.\\u{202e}exe\\u{2066}"),
    ("na\u{200b}man\u{feff}", "na\\u{200b}man\\u{feff}"),
    ("a\tb\nc", "a\\tb\\nc"),
    ("e\u{301}界👋", "e\u{301}界👋"),
];

#[test]
fn hostile_values_and_names_are_spelled_out_for_people() {
    for (hostile, expected) in HOSTILE {
        let (names, rows) = ([*hostile], [vec![text(hostile)]]);
        let dashes = "-".repeat(expected.width() + 2);
        assert_eq!(
            written(Format::Table, None, &names, &rows),
            format!(
                "+{dashes}+\n| {expected} |\n+{dashes}+\n| {expected} |\n+{dashes}+\n1 row in set (0.01 sec)\n"
            )
        );
        assert_eq!(written(Format::Tsv, None, &names, &rows), format!("{expected}\n{expected}\n"));
        assert!(
            written(Format::Vertical, None, &names, &rows).contains(&format!("\n{expected}: {expected}\n"))
        );
    }
}

#[test]
fn json_says_the_same_without_driving_the_terminal() {
    for (hostile, _) in HOSTILE {
        let line = written(Format::Ndjson, None, &[hostile], &[vec![text(hostile)]]);
        assert!(!line.trim_end().chars().any(is_hazardous), "{line:?}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read, serde_json::json!({ *hostile: hostile }));
    }
}

#[test]
fn commas_quotes_and_formulas_are_safe_in_a_spreadsheet() {
    let cases: &[(Cell, &str)] = &[
        (text("plain"), "plain"),
        (text("a,b"), "\"a,b\""),
        (text("say \"hi\""), "\"say \"\"hi\"\"\""),
        (text("=cmd|' /C calc'!A0"), "\"'=cmd|' /C calc'!A0\""),
        (text("=1+1"), "\"'=1+1\""),
        (text("+1"), "\"'+1\""),
        (text("-1"), "\"'-1\""),
        (text("@SUM(A1)"), "\"'@SUM(A1)\""),
        (text("\t=1"), "\"'\\t=1\""),
        (text("\r=1"), "\"'\\r=1\""),
        (text("\n=1"), "\"'\\n=1\""),
        (text("＝1"), "\"'＝1\""),
        (text("a=1"), "a=1"),
        (Cell::Integer(-1), "-1"),
        (Cell::Real(-1.5), "-1.5"),
        (Cell::Real(f64::NEG_INFINITY), "-Inf"),
        (Cell::Null, ""),
        (text(""), "\"\""),
        (Cell::Blob(vec![0, 255]), "00ff"),
    ];
    for (cell, expected) in cases {
        let line = written(Format::Csv, None, &["x"], &[vec![cell.clone()]]);
        assert_eq!(line, format!("x\r\n{expected}\r\n"), "{cell:?}");
    }
    assert_eq!(written(Format::Csv, None, &["=1", "b c"], &[]), "\"'=1\",\"b c\"\r\n");
}

#[test]
fn bytes_numbers_and_infinity_in_json() {
    let row = vec![
        Cell::Blob(vec![0, 0xab]),
        Cell::Integer(i64::MIN),
        Cell::Real(1.0),
        Cell::Real(1e300),
        Cell::Real(f64::INFINITY),
    ];
    let line = written(Format::Ndjson, None, &["a", "b", "c", "d", "e"], &[row]);
    assert_eq!(line, "{\"a\":\"00ab\",\"b\":-9223372036854775808,\"c\":1.0,\"d\":1e300,\"e\":\"Inf\"}\n");
}

#[test]
fn keys_that_come_twice_do_not_hide_one_another() {
    let row = vec![Cell::Integer(1), Cell::Integer(2), Cell::Integer(3), Cell::Integer(4)];
    assert_eq!(
        written(Format::Ndjson, None, &["n", "n", "n:1", "n"], &[row]),
        "{\"n\":1,\"n:1\":2,\"n:1:1\":3,\"n:2\":4}\n"
    );
}

#[test]
fn an_answer_that_broke_off_does_not_look_whole() {
    let rows = &people()[..1];
    assert_eq!(
        broken_off(Format::Json, &PEOPLE, rows),
        "[\n{\"name\":\"navneet\",\"email\":\"navneet@example.org\",\"age\":23}\n"
    );
    assert!(serde_json::from_str::<serde_json::Value>(&broken_off(Format::Json, &PEOPLE, rows)).is_err());
    assert!(serde_json::from_str::<serde_json::Value>(&broken_off(Format::Json, &PEOPLE, &[])).is_err());
    assert!(!broken_off(Format::Table, &PEOPLE, rows).contains("in set"));
    assert!(broken_off(Format::Table, &PEOPLE, rows).contains("| navneet |"));
    assert!(!broken_off(Format::Vertical, &PEOPLE, rows).contains("in set"));
}

const ACCOUNT: [&str; 8] =
    ["name", "email", "age", "gender", "status", "credential", "created", "last_login"];

fn account_row() -> Vec<Cell> {
    let time = text("2026-11-23T02:33:00Z");
    vec![
        text("navneet"),
        text("navneet@example.org"),
        Cell::Integer(23),
        Cell::Null,
        text("active"),
        text("argon2id"),
        time.clone(),
        time,
    ]
}

#[test]
fn a_narrow_screen_breaks_dates_before_their_time_and_keeps_the_box() {
    let narrow = "\
+-------+-------------------+---+------+------+----------+----------+----------+
|name   |email              |age|gender|status|credential|created   |last_login|
+-------+-------------------+---+------+------+----------+----------+----------+
|navneet|navneet@example.org| 23|NULL  |active|argon2id  |2026-11-23|2026-11-23|
|       |                   |   |      |      |          |02:33:00Z |02:33:00Z |
+-------+-------------------+---+------+------+----------+----------+----------+
1 row in set (0.01 sec)
";
    assert_eq!(written(Format::Table, Some(80), &ACCOUNT, &[account_row()]), narrow);
    let wide = written(Format::Table, Some(130), &ACCOUNT, &[account_row()]);
    assert!(wide.contains("| 2026-11-23T02:33:00Z |"), "{wide}");
    let between = written(Format::Table, Some(105), &ACCOUNT, &[account_row()]);
    assert!(between.contains("|2026-11-23T02:33:00Z|"), "{between}");
}

#[test]
fn a_long_value_wraps_and_nothing_of_it_is_lost() {
    let long = "wrapped ".repeat(60);
    let shown =
        written(Format::Table, Some(60), &["name", "note"], &[vec![text("naman"), text(long.trim())]]);
    assert!(shown.lines().all(|line| line.width() <= 60), "{shown}");
    assert_eq!(shown.matches("wrapped").count(), 60);
    assert!(shown.contains("|naman|") || shown.contains("| naman |"), "{shown}");
}

/// O: at 40 columns names and addresses were broken within words.
#[test]
fn rows_are_lists_where_a_word_would_break() {
    let shown = written(Format::Table, Some(40), &ACCOUNT, &[account_row(), account_row()]);
    assert!(shown.contains("* 2. row *"), "{shown}");
    assert!(shown.contains("     email: navneet@example.org\n"), "{shown}");
    assert!(shown.ends_with("2 rows in set (0.01 sec)\n"), "{shown}");
    assert!(shown.lines().all(|line| line.width() <= 40), "{shown}");
    let words = "one two three four five six seven eight nine ten eleven twelve";
    let shown = written(Format::Vertical, Some(40), &["name", "note"], &[vec![text("naman"), text(words)]]);
    let below = "note: one two three four five six seven\n      eight nine ten eleven twelve\n";
    assert!(shown.contains(below), "{shown}");
    let long = "x".repeat(500);
    let shown = written(Format::Table, Some(20), &["name", "note"], &[vec![text("naman"), text(&long)]]);
    assert_eq!(shown.matches('x').count(), 500);
    assert!(shown.starts_with("****** 1. row ******\nname: naman\nnote:\n  xxx"), "{shown}");
}

#[test]
fn a_long_table_is_written_in_boxes_with_one_count() {
    let rows: Vec<Vec<Cell>> = (0..10_001).map(|number| vec![Cell::Integer(number)]).collect();
    let shown = written(Format::Table, None, &["n"], &rows);
    assert_eq!(shown.matches("| n").count(), 2);
    assert_eq!(shown.matches("in set").count(), 1);
    assert!(shown.ends_with("+\n10001 rows in set (0.01 sec)\n"));
}

/// Streaming: what goes in comes out before the end.
#[test]
fn every_format_but_the_box_writes_a_row_when_it_comes() {
    for format in ALL.into_iter().filter(|format| *format != Format::Table) {
        let (mut writer, mut out) = (format.writer(None), Vec::new());
        writer.columns(vec!["n".to_owned()], &mut out).unwrap();
        writer.row(&[text("first")], &mut out).unwrap();
        assert!(String::from_utf8_lossy(&out).contains("first"), "{format:?}");
    }
}

fn cells() -> impl Strategy<Value = Cell> {
    prop_oneof![
        Just(Cell::Null),
        any::<i64>().prop_map(Cell::Integer),
        (-1e300..1e300).prop_map(Cell::Real),
        any::<String>().prop_map(Cell::Text),
        proptest::collection::vec(any::<u8>(), 0..9).prop_map(Cell::Blob),
    ]
}

proptest! {
    #[test]
    fn no_format_ever_writes_a_character_that_drives_a_terminal(
        names in proptest::collection::vec(any::<String>(), 3..4),
        rows in proptest::collection::vec(proptest::collection::vec(cells(), 3..4), 0..4),
        width in proptest::option::of(1_usize..100),
    ) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        for format in ALL {
            let shown = written(format, width, &names, &rows);
            let allowed = |c: char| c == '\n' || (c == '\t' && format == Format::Tsv) || (c == '\r' && format == Format::Csv);
            prop_assert!(hazards(&shown).all(allowed), "{:?}: {:?}", format, shown);
        }
    }

    #[test]
    fn json_is_valid_and_has_every_row(rows in proptest::collection::vec(proptest::collection::vec(cells(), 2..3), 0..5)) {
        let read: serde_json::Value = serde_json::from_str(&written(Format::Json, None, &["a", "b"], &rows)).unwrap();
        prop_assert_eq!(read.as_array().unwrap().len(), rows.len());
    }
}
