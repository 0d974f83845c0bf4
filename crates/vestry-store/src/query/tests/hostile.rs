//! What may not be asked. Each case has its exact class of error, and no case ever shows a secret.

use super::*;

/// The class of an error, without its words.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Class {
    Passes,
    Refused,
    Invalid,
    TooManyRows,
    TimedOut,
    TooLarge,
    Other,
}
use Class::{Invalid, Passes, Refused, TimedOut, TooLarge, TooManyRows};

fn class(result: &Result<QueryEnd, QueryError>) -> Class {
    match result {
        Ok(_) => Passes,
        Err(QueryError::Refused { .. }) => Refused,
        Err(QueryError::Invalid { .. }) => Invalid,
        Err(QueryError::TooManyRows { .. }) => TooManyRows,
        Err(QueryError::TimedOut { .. }) => TimedOut,
        Err(QueryError::TooLarge) => TooLarge,
        Err(QueryError::Cancelled | QueryError::Busy | QueryError::Store(_)) => Class::Other,
    }
}

/// Statements that are not a `select`.
const NOT_A_SELECT: &[&str] = &[
    "attach 'x.db' as x",
    "attach database ':memory:' as x",
    "detach main",
    "pragma journal_mode = delete",
    "pragma query_only = 0",
    "pragma table_info(account)",
    "vacuum",
    "vacuum into 'copy.db'",
    "insert into account (name, created) values ('x', 1)",
    "insert into account (name, created) values ('x', 1) returning *",
    "update account set name = 'x'",
    "update account set name = 'x' returning name",
    "delete from account",
    "delete from accounts",
    "delete from credential returning record",
    "replace into account (name, created) values ('x', 1)",
    "with x as (select 1) delete from account",
    "with x as (select 1) insert into account (name, created) select 'x', 1",
    "drop table account",
    "drop view accounts",
    "create table t (x)",
    "create temp table t as select * from accounts",
    "create view v as select * from credential",
    "create temp view accounts as select record as name from credential",
    "create virtual table v using fts5(x)",
    "create trigger t after insert on account begin select 1; end",
    "create index i on account (age)",
    "alter table account rename to x",
    "reindex",
    "analyze",
    "begin",
    "begin immediate",
    "commit",
    "end",
    "rollback",
    "savepoint s",
    "release s",
    "explain select * from accounts",
    "explain query plan select * from accounts",
];

/// Things that no view shows.
const OUT_OF_SIGHT: &[&str] = &[
    "select * from sqlite_master",
    "select * from sqlite_schema",
    "select sql from main.sqlite_master",
    "select * from sqlite_temp_master",
    "select * from sqlite_temp_schema",
    "select * from account",
    "select name from account",
    "select count(*) from account",
    "select 1 from account",
    "select rowid from account",
    "select * from main.account",
    "select count(*) from main.credential",
    "select count(*) from \"main\".credential",
    "select count(*) from [main] . credential",
    "select count(*) from 'main'.credential",
    "select * from credential",
    "select record from credential",
    "select kind from credential",
    "select count(*) from credential",
    "select token_hash from session",
    "select * from reset_code",
    "select count(*) from reset_code",
    "select code_hash from reset_code",
    "select pin from operator",
    "select suspended_reason from account",
    "select * from audit_event",
    "select accounts.record from credential as accounts",
    "select accounts.* from credential accounts",
    "select * from (select record from credential) as accounts",
    "select * from (select name from account) as accounts",
    "with accounts as (select record from credential) select * from accounts",
    "with accounts(name) as (select record from credential) select * from accounts",
    "with accounts as materialized (select kind from credential) select * from accounts",
    "with accounts as not materialized (select kind from credential) select count(*) from accounts",
    "with \"accounts\" as (select id from account) select * from accounts",
    "with 'accounts' as (select id from account) select * from accounts",
    "with [Accounts] as (select id from account) select * from accounts",
    "with `ACCOUNTS` /* x */ as /* y */ (select id from account) select * from accounts",
    "with a as (select 1), sessions as (select token_hash from session) select * from sessions",
    "with recursive py3 as (select record from credential) select * from py3",
    "with x as (select record from credential) select * from x",
    "with x as (select record from credential) select count(*) from x",
    "select name from accounts union select record from credential",
    "select name from accounts union all select hex(token_hash) from session",
    "select name, (select record from credential) from accounts",
    "select * from accounts where exists (select 1 from credential where record like 'C%')",
    "select * from accounts where name in (select code_hash from reset_code)",
    "select * from accounts order by (select record from credential limit 1)",
    "select max((select record from credential)) over () from accounts",
    "select a.* from accounts a join credential c on c.record like 'C%'",
    "select * from accounts natural join credential",
    "select * from pragma_table_info('account')",
    "select * from pragma_database_list",
    "select * from pragma_journal_mode('delete')",
    "select * from json_each('[1,2]')",
    "select * from json_tree('{}')",
    "select * from dbstat",
    "select * from fts5vocab",
    "select count(*) from json_each('[1,2]')",
    "select count(*) from pragma_journal_mode('delete')",
    "select count(*) from dbstat",
    "select count(*) from sqlite_schema",
    "with credential as (select 1 limit 1) select count(*) from credential",
    "with sqlite_master as (select 1 limit 1) select count(*) from sqlite_master",
    "select load_extension('x.so')",
    "select fts3_tokenizer('simple')",
    "select fts3_tokenizer('simple', x'0011223344556677')",
    "select randomblob(1000)",
    "select hex(zeroblob(100000000))",
    "select random()",
    "select sqlite_version()",
    "select sqlite_compileoption_get(1)",
    "select sqlite_offset(name) from accounts",
    "select last_insert_rowid()",
    "select changes()",
    "select json_object('a', 1)",
];

/// Everything else, each with its class.
fn other_cases() -> Vec<(String, Class)> {
    let bomb = "with recursive n(i) as (select 1 union all select i + 1 from n)";
    let doubled = (0..30).fold("select age as a from accounts".to_owned(), |inner, _| {
        format!("select a + a as a from ({inner})")
    });
    let doubled_tables: String =
        (1..30).map(|i| format!(", t{i} as (select a + a as a from t{})", i - 1)).collect();
    let chain: String = (1..2_000).map(|i| format!(", c{i} as (select 1 from c{})", i - 1)).collect();
    let tower: String =
        (1..30).map(|i| format!(", a{i} as (select 1 from a{} x, a{} y)", i - 1, i - 1)).collect();
    let cases: &[(&str, Class)] = &[
        ("", Invalid),
        (" \n ; ; -- nothing\n /* at all */", Invalid),
        ("select readfile('vestry.db')", Invalid),
        ("select writefile('x', 'y')", Invalid),
        ("select edit('x')", Invalid),
        ("select * from generate_series(1, 10)", Invalid),
        ("select eval('drop table account')", Invalid),
        ("select * from accounts; select 1", Refused),
        ("select * from accounts; drop table account", Refused),
        ("select 1;;select 2", Refused),
        ("select 1; -- one\n attach 'x' as y", Refused),
        ("select * from accounts\0; drop table account", Refused),
        ("select '\0'", Refused),
        ("select * from accounts where name = ?", Refused),
        ("select * from accounts where name = :name", Refused),
        ("select * from accounts where name = @name", Refused),
        ("select * from accounts where name = $name", Refused),
        ("select record from accounts", Invalid),
        ("select token_hash from sessions", Invalid),
        ("select rowid from accounts", Invalid),
        ("select * from x.accounts", Invalid),
        ("select name from accounts where name = \"naman\"", Invalid),
        ("select regexp('a', 'a')", Invalid),
        ("select * from accounts where name regexp 'a'", Invalid),
        ("selekt * from accounts", Invalid),
        ("select * from nothing", Invalid),
        ("select 'never ends", Invalid),
        ("select printf('%.*c', 1000000000, 'x')", TooLarge),
        ("select replace(printf('%.*c', 10000, 'x'), 'x', 'yyyyyyyyyy')", TooLarge),
        ("select hex(printf('%.*c', 10000, 'x'))", TooLarge),
        ("select * from accounts where name like printf('%.*c', 10000, '%')", Invalid),
    ];
    let mut cases: Vec<_> = cases.iter().map(|(sql, class)| ((*sql).to_owned(), *class)).collect();
    cases.extend([
        (format!("{bomb} select i from n"), TooManyRows),
        (format!("{bomb} select count(*) from n"), TimedOut),
        (format!("{bomb} select i from n where i < 0"), TimedOut),
        (format!("{bomb} select group_concat(i) from n"), TimedOut),
        (format!("{bomb} select group_concat(i) from (select i from n limit 100000)"), TooLarge),
        (format!("select count(*) from {}", vec!["accounts"; 30].join(", ")), TimedOut),
        (format!("{bomb} select i from n order by i desc"), TimedOut),
        (format!("select 1 union all {}", vec!["select 1"; 50].join(" union all ")), Invalid),
        (format!("select {}1{}", "(".repeat(30_000), ")".repeat(30_000)), Refused),
        (format!("select {}", "(".repeat(1_000_000)), Refused),
        (format!("select 1{}", " + 1".repeat(10_000)), Invalid),
        (format!("select {}", vec!["1"; 101].join(", ")), Invalid),
        (format!("select coalesce({})", vec!["1"; 40].join(", ")), Invalid),
        (format!("select '{}'", "x".repeat(64 * 1024)), TooLarge),
        (doubled, Refused),
        (format!("with c0 as (select 1){chain} select 1 from c1999"), Refused),
        (
            format!(
                "select {} from (select {} as a from accounts)",
                vec![vec!["a"; 150].join("+"); 90].join(","),
                vec!["credential"; 150].join("+")
            ),
            Refused,
        ),
        (format!("with t0 as (select age as a from accounts){doubled_tables} select a from t29"), Refused),
        // Names that stand for a table in one place and for a column in another do not hide the growth.
        (format!("with a0 as (select 1 as a1){} select 1 from a29", tower.replace("select 1 from", "select 1 as a1 from")), Refused),
        ("with a as (select b from accounts), b as (select 1 as a) select * from a, b".to_owned(), Refused),
        ("with a as (with a as (select 1) select * from a x, a y) select * from a x, a y".to_owned(), Refused),
        ("with c as (select printf('%.*c', 16000, 'x') as x) select c.x, d.x, e.x, f.x from c, c d, c e, c f order by 1".to_owned(), TooLarge),
        (format!("with a0 as (select 1){tower} select count(*) from a29"), Refused),
    ]);
    cases
}

/// Runs a statement, and looks for the canary in everything that came of it.
fn class_without_a_leak(database: &Database, sql: &str) -> Class {
    let (result, rows) = database.run(sql);
    let said = format!(
        "{:?} {:?} {}",
        rows.columns,
        rows.lines(),
        result.as_ref().err().map(ToString::to_string).unwrap_or_default()
    );
    let hex: String = CANARY.bytes().map(|b| format!("{b:02X}")).collect();
    assert!(!said.contains(CANARY) && !said.contains(&hex), "{sql} showed {said}");
    class(&result)
}

#[test]
fn statements_that_are_not_a_select_are_refused_and_change_nothing() {
    let database = Database::new();
    let before = database.lines("select * from accounts");
    for sql in NOT_A_SELECT {
        assert_eq!(class_without_a_leak(&database, sql), Refused, "{sql}");
        let (result, _) = database.run(sql);
        assert!(result.unwrap_err().to_string().contains("only select runs here"), "{sql}");
    }
    assert_eq!(database.lines("select * from accounts"), before);
}

#[test]
fn what_no_view_shows_is_refused_whatever_it_is_called() {
    let database = Database::new();
    for sql in OUT_OF_SIGHT {
        assert!(matches!(class_without_a_leak(&database, sql), Refused | Invalid), "{sql}");
    }
    for sql in OUT_OF_SIGHT.iter().filter(|sql| sql.contains("from credential") || sql.contains("reset_code"))
    {
        assert_eq!(class_without_a_leak(&database, sql), Refused, "{sql}");
    }
}

#[test]
fn every_other_attack_meets_its_own_error() {
    let database = Database::new();
    for (sql, expected) in other_cases() {
        let shown: String = sql.chars().take(120).collect();
        assert_eq!(class_without_a_leak(&database, &sql), expected, "{shown}");
        assert_eq!(database.lines("select 1"), ["1"], "the connection is usable after {shown}");
    }
}

/// The column list is a wall of its own: no lexer stands before it here, only SQLite's authorizer.
#[test]
fn a_shadowing_name_that_slips_through_still_finds_no_secret_column() {
    let database = Database::new();
    let connection = database.reader.connection().unwrap();
    let shadows = [
        "with accounts as (select record from credential) select * from accounts",
        "with accounts as (select token_hash from session) select * from accounts",
        "with accounts as (select code_hash from reset_code) select * from accounts",
        "with accounts as (select 1 from reset_code) select count(*) from accounts",
        "with accounts as (select oprf_id from account) select * from accounts",
        "with accounts as (select sql from sqlite_master) select * from accounts",
        "with accounts as (select count(*) from main.reset_code) select * from accounts",
        "with accounts as (select load_extension('x')) select * from accounts",
    ];
    for sql in shadows {
        assert!(connection.compile(sql, 0).is_err(), "{sql}");
    }
    assert!(connection.compile("select * from accounts", 0).is_ok());
}

#[test]
fn an_error_spells_out_what_would_drive_a_terminal() {
    let database = Database::new();
    for sql in [
        "select \u{1b}[2J",
        "select * from \"\u{1b}]0;x\u{7}\"",
        "select \"\u{202e}\" from accounts",
        "select \"a\u{9b}\"()",
    ] {
        let error = database.run(sql).0.unwrap_err().to_string();
        assert!(!error.chars().any(vestry_protocol::escape::is_hazardous), "{error:?}");
    }
}

#[test]
fn a_query_ends_when_its_receiver_stops_or_its_flag_is_raised() {
    let database = Database::new();
    let mut first_only = Collected { rows_wanted: Some(1), ..Collected::default() };
    let end = database.reader.run("select * from accounts", &mut first_only);
    assert!(matches!(end, Err(QueryError::Cancelled)), "{end:?}");
    assert_eq!(first_only.rows.len(), 1);

    let flag = CancelFlag::default();
    flag.raise();
    let mut gone = Collected { cancel: Some(flag), ..Collected::default() };
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
    assert!(matches!(database.reader.run(endless, &mut gone), Err(QueryError::Cancelled)));
}

#[test]
fn a_fifth_query_at_once_is_told_to_come_back() {
    let database = Database::new();
    let held: Vec<_> = (0..4).map(|_| database.reader.connection().unwrap()).collect();
    assert!(matches!(database.run("select 1").0, Err(QueryError::Busy)));
    drop(held);
    assert_eq!(database.lines("select 1"), ["1"]);
}

#[test]
fn a_database_that_is_not_there_or_not_a_database_is_an_error_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vestry.db");
    assert!(matches!(OperatorReader::open(&path, QueryCaps::default()), Err(QueryError::Store(_))));
    assert!(!path.exists());
    std::fs::write(&path, vec![b'x'; 4096]).unwrap();
    assert!(matches!(OperatorReader::open(&path, QueryCaps::default()), Err(QueryError::Store(_))));
}

#[test]
fn conditions_that_leave_their_parentheses_are_refused() {
    let database = Database::new();
    let cases = [
        "",
        " ",
        "1) or (1",
        "1) union select record from credential --",
        "1 -- x",
        "1 /* x */",
        "1; drop table account",
        "1)",
        "(1",
        "'x",
        "\"x",
        "[x",
        "/*",
        "name = ?",
        "name = :x",
        "1) limit 1 offset (0",
        "1, 2",
        "age >",
        "select 1",
        "age > 30 order by name",
        "nothing = 1",
        "record = 1",
        "exists (select 1 from credential)",
        "name in (select code_hash from reset_code)",
        "count(*) > 1",
        "row_number() over () > 1",
        "load_extension('x')",
        "exists (with accounts as (select record from credential) select * from accounts)",
        "1 as x",
        "1 collate nothing",
        "1\0",
        "raise(abort, 'x')",
        "name match 'x'",
    ];
    for filter in cases {
        let (result, rows) =
            database.list(&Listing { filter: Some(filter.to_owned()), ..listing(View::Accounts) });
        assert!(matches!(class(&result), Refused | Invalid), "{filter:?} gave {result:?}");
        assert_eq!(rows.lines(), Vec::<String>::new(), "{filter:?}");
    }
}

#[test]
fn columns_and_sorts_that_the_view_does_not_have_are_refused() {
    let database = Database::new();
    for name in ["record", "", "name, record", "name\" from credential --", "*", "rowid", "1", "\u{1b}[2J"] {
        let columns = Listing { columns: vec![name.to_owned()], ..listing(View::Accounts) };
        let sort = Listing { sort: Some(name.to_owned()), ..listing(View::Accounts) };
        for asked in [columns, sort] {
            let error = database.list(&asked).0.unwrap_err();
            assert!(
                matches!(&error, QueryError::Refused { reason, .. } if reason.starts_with("accounts has no column")),
                "{error}"
            );
            assert!(!error.to_string().contains('\u{1b}'));
        }
    }
}
