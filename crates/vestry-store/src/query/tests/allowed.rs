//! What may be asked: an operator's ordinary questions, each with its exact answer.

use super::*;
use crate::query::times::TIME_COLUMNS;
use std::collections::BTreeSet;

#[test]
fn the_table_of_accounts_is_as_the_design_shows_it() {
    let database = Database::new();
    let (end, rows) = database.run("select * from accounts");
    assert_eq!(end.unwrap(), QueryEnd { rows: 4, next: None });
    assert_eq!(
        rows.columns,
        [
            "name",
            "email",
            "age",
            "gender",
            "status",
            "credential",
            "created",
            "last_login",
            "suspended_until",
            "suspended_reason"
        ]
    );
    assert_eq!(
        rows.lines()[0],
        "navneet|navneet@example.org|23|NULL|active|opaque|2023-11-14T22:13:20Z|2023-11-14T22:21:40Z|NULL|NULL"
    );
    assert_eq!(
        rows.lines()[2],
        "shubham|shubham@example.org|20|m|suspended|imported|2023-11-14T22:13:22Z|NULL|2027-01-15T08:00:00Z|late fees"
    );
    assert_eq!(
        rows.lines()[3],
        "naman|naman@example.org|40|NULL|deleted|none|2023-11-14T22:13:23Z|NULL|NULL|NULL"
    );
}

#[test]
fn ordinary_questions_are_answered() {
    let database = Database::new();
    let cases: &[(&str, &[&str])] = &[
        ("select count(*) from accounts", &["4"]),
        ("select count(*) from sessions", &["2"]),
        ("select count(*) from audit", &["2"]),
        ("select count(*) from operators", &["1"]),
        ("SELECT Name FROM Accounts WHERE Age > 20 ORDER BY Age;", &["navneet", "naman"]),
        ("select name from accounts -- all of them", &["anirudh", "naman", "navneet", "shubham"]),
        ("/* who */ select name from accounts where name like 'na%' order by 1;  ;", &["naman", "navneet"]),
        (
            "select name, pass from py3 order by age",
            &["anirudh|********", "shubham|********", "navneet|********"],
        ),
        (
            "select a.name, s.device from accounts a join sessions s on s.account = a.name order by 1",
            &["anirudh|phone", "navneet|laptop"],
        ),
        (
            "select a.name from accounts a left join sessions s on s.account = a.name where s.id is null order by 1",
            &["naman", "shubham"],
        ),
        ("select id from sessions order by id", &["00000000000000ff", "ffffffffffffffff"]),
        ("select status, count(*) from accounts group by status having count(*) > 1", &["active|2"]),
        ("select count(distinct status) from accounts", &["3"]),
        ("select avg(age), sum(age), min(age), max(age), total(age) from accounts", &["25.25|101|18|40|101"]),
        (
            "select name, rank() over (order by age desc) from accounts order by 2",
            &["naman|1", "navneet|2", "shubham|3", "anirudh|4"],
        ),
        ("with adults as (select * from accounts where age >= 20) select count(*) from adults", &["3"]),
        ("with x as (select distinct status from accounts) select count(*) from x", &["3"]),
        (
            "with recursive n(i) as (select 1 union all select i + 1 from n limit 7) select count(*) from n",
            &["7"],
        ),
        ("with x(n) as (select name from accounts) select n from x where n glob 's*'", &["shubham"]),
        (
            "select name from accounts where name in (select account from sessions) order by name",
            &["anirudh", "navneet"],
        ),
        ("select (select count(*) from sessions) + (select count(*) from accounts)", &["6"]),
        ("select exists (select 1 from accounts where age > 39)", &["1"]),
        (
            "select name from accounts union select name from operators order by 1 limit 2",
            &["admin", "anirudh"],
        ),
        ("select count(*) from (select 1 from accounts union all select 1 from accounts)", &["8"]),
        ("select 1 from accounts limit 2 offset 1", &["1", "1"]),
        (
            "select group_concat(name, ',') from (select name from accounts order by name)",
            &["anirudh,naman,navneet,shubham"],
        ),
        ("select upper(name) || '!' from accounts where email is null", &["ANIRUDH!"]),
        (
            "select strftime('%Y', created), coalesce(email, '-') from accounts where name = 'anirudh'",
            &["2023|-"],
        ),
        (
            "select case when age < 21 then 'young' else 'old' end, cast(age as text) from accounts order by created limit 1",
            &["old|23"],
        ),
        ("select accounts.name from accounts accounts limit 1", &["anirudh"]),
        (
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5) select sum(i) from n",
            &["15"],
        ),
        (
            "select status, n, round(100.0 * n / (select count(*) from accounts)) from (select status, count(*) as n from (select * from accounts where created >= '2023') group by status) order by n desc, status limit 1",
            &["active|2|50"],
        ),
        (
            "with a as (select name, age from accounts), b as (select account, count(*) as n from sessions group by account), c as (select a.name, a.age, coalesce(b.n, 0) as n from a left join b on b.account = a.name) select sum(n), max(age) from c",
            &["2|40"],
        ),
        ("values (1, 'x'), (2, null)", &["1|x", "2|NULL"]),
        ("select detail, actor from audit where actor_kind = 'operator'", &["late fees|admin"]),
        ("select role from operators where revoked is null", &["admin"]),
        ("select round(1.25, 1), abs(-3), 9e999, -9e999", &["1.3|3|inf|-inf"]),
        ("select 'accounts', \"name\" from accounts where [age] = 18", &["accounts|anirudh"]),
        ("select 1;", &["1"]),
    ];
    for (sql, expected) in cases {
        assert_eq!(database.lines(sql), *expected, "{sql}");
    }
}

#[test]
fn values_of_every_kind_come_out_as_what_they_are() {
    let database = Database::new();
    let (_, rows) = database.run("select null, 1, 1.5, 'é', x'00ff', cast(x'ff41' as text), 9e999 - 9e999");
    assert_eq!(
        rows.rows,
        [[
            Cell::Null,
            Cell::Integer(1),
            Cell::Real(1.5),
            Cell::Text("é".to_owned()),
            Cell::Blob(vec![0, 255]),
            Cell::Text("\u{fffd}A".to_owned()),
            Cell::Null,
        ]]
    );
}

#[test]
fn a_query_sees_what_was_committed_before_it() {
    let database = Database::new();
    assert_eq!(database.lines("select count(*) from accounts"), ["4"]);
    database
        .writer()
        .execute(
            "insert into account (name, name_key, oprf_id, created) values ('late', x'01', x'01', 1)",
            [],
        )
        .unwrap();
    assert_eq!(database.lines("select count(*) from accounts"), ["5"]);
}

#[test]
fn exactly_as_many_rows_as_the_cap_may_be_read_and_not_one_more() {
    let caps = QueryCaps { rows_max: 4, ..QueryCaps::default() };
    let database = Database::with(ROWS, caps);
    assert_eq!(database.lines("select name from accounts").len(), 4);
    let (result, rows) = database.run("select name from accounts union all select 'x'");
    assert!(matches!(result, Err(QueryError::TooManyRows { limit: 4 })), "{result:?}");
    assert_eq!(rows.rows.len(), 4);
}

#[test]
fn the_shapes_of_the_views_are_those_of_the_schema() {
    let database = Database::new();
    for view in super::super::views::ALL {
        let (_, rows) = database.run(&format!("select * from {} limit 0", view.name));
        assert_eq!(rows.columns, view.columns, "{}", view.name);
        assert!(view.column(view.key).is_some());
    }
    let mut statement = database.writer();
    let names = names_of_views(&mut statement);
    let in_table = vestry_protocol::views::ALL.map(|view| view.view);
    assert_eq!(BTreeSet::from(in_table), names.iter().map(String::as_str).collect());
    assert_eq!(in_table.len(), super::super::views::ALL.len());
}

fn names_of_views(connection: &mut Connection) -> Vec<String> {
    let mut statement = connection.prepare("select name from sqlite_schema where type = 'view'").unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

#[test]
fn a_listing_takes_columns_a_condition_and_a_sort() {
    let database = Database::new();
    let asked = Listing {
        columns: vec!["age".to_owned(), "Name".to_owned()],
        filter: Some("age > 18 and (name like '%m%' or email is null)".to_owned()),
        sort: Some("age".to_owned()),
        descending: true,
        ..listing(View::Accounts)
    };
    let (end, rows) = database.list(&asked);
    assert_eq!(end.unwrap(), QueryEnd { rows: 2, next: None });
    assert_eq!(rows.columns, ["age", "name"]);
    assert_eq!(rows.lines(), ["40|naman", "20|shubham"]);
}

#[test]
fn good_conditions_pass() {
    let database = Database::new();
    let cases = [
        ("1", 4),
        ("age > 20", 2),
        ("name = 'o''hara;--'", 0),
        ("status = 'active'", 2),
        ("not (age > 20)", 2),
        ("name in (select account from sessions)", 2),
        ("created >= date('2023-01-01')", 4),
        ("exists (select 1 from sessions s where s.account = name)", 2),
        ("(((age = 18)))", 1),
        ("email is null or age=20", 2),
        ("\"name\" between 'a' and 'b'", 1),
        ("name <> ')'", 4),
    ];
    for (filter, count) in cases {
        let (end, _) = database.list(&Listing { filter: Some(filter.to_owned()), ..listing(View::Accounts) });
        assert_eq!(end.unwrap_or_else(|error| panic!("{filter}: {error}")).rows, count, "{filter}");
    }
}

/// O-3: the views write `T` and `Z`, SQLite's `datetime` neither, and everything of today was later than now.
#[test]
fn o_3_times_are_compared_as_times() {
    let database = Database::new();
    for (sql, expected) in [
        ("select count(*) from accounts where created > datetime('now', '+6 hours')", "0"),
        ("select count(*) from accounts where created > datetime(1700000001, 'unixepoch')", "2"),
        ("select count(*) from accounts where created >= datetime('2023-11-14 22:13:21')", "3"),
        ("select count(*) from accounts where created between date('2023-11-14') and datetime('now')", "4"),
        ("select count(*) from accounts where last_login < current_timestamp", "1"),
        ("select datetime(created, '+1 hour') from accounts where name = 'navneet'", "2023-11-14T23:13:20Z"),
        (
            "select datetime(created, 'subsec') from accounts where name = 'navneet'",
            "2023-11-14T22:13:20.000Z",
        ),
        ("select length(datetime('now', 'localtime'))", "19"),
        ("select datetime('nonsense') is null, datetime(null) is null, length(current_timestamp)", "1|1|20"),
        ("select date(created) = '2023-11-14' from accounts limit 1", "1"),
    ] {
        assert_eq!(database.lines(sql), [expected], "{sql}");
    }
    for sql in [
        "select * from accounts where created > '2023-11-14 22:13:20'",
        "select * from accounts where created > unixepoch('now')",
    ] {
        let refused = database.run(sql).0.unwrap_err().to_string();
        assert!(refused.contains("datetime('now', '-1 hour')"), "{refused}");
    }
}

/// A column that is made a time later is compared as one, too.
#[test]
fn every_time_that_a_view_shows_is_of_a_column_that_is_known_as_one() {
    let schema = include_str!("../../schema/schema.sql");
    // The views make their times in one way: strftime(...) as COLUMN.
    let made = schema.split("strftime(").skip(1).map(|behind| {
        let (_, name) = behind.split_once(" as ").unwrap();
        name.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()
    });
    let made: BTreeSet<&str> = made.collect();
    assert_eq!(made, TIME_COLUMNS.iter().copied().collect());
}
