//! That statements end in time whatever functions they call, that four of them fit in memory, and that our functions
//! answer as SQLite's do.

use super::*;

/// What a statement may take beyond its cap, or after it was cancelled. The issue says a second.
const LATE_MAX: Duration = Duration::from_secs(1);

/// What four statements may take at once, beside what the process has. `footprint.rs` and `SECURITY.md` say so.
const FOUR_STATEMENTS_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// The longest text of one character, of another, and of many.
const A: &str = "printf('%.16300c', 'a')";
const B: &str = "printf('%.8100c', 'a') || 'b'";

/// So many calls over long texts, none like another, so that each is made; and no loop, so that SQLite never asks whether to go on.
fn many(call: &str, count: usize) -> String {
    let mut sql =
        format!("with s as materialized (select {A} as a), t as materialized (select {B} as b) select max(0");
    for number in 0..count {
        // SQLite takes sums of 200; further ones are arguments.
        sql.push_str(if number % 150 == 149 { ", " } else { " + " });
        sql.push_str(&format!("({})", call.replace('#', &number.to_string())));
    }
    // Without a name of its own, a column would be called by its whole text.
    sql.push_str(") as m from s, t");
    sql
}

/// The largest straight piece of work that is taken: a hundred short of the limit, for the functions inside some calls.
const CALLS: usize = 400;

fn slow_statements() -> Vec<String> {
    let calls = [
        "instr(a,b||#)",
        "length(replace(a,b||#,''))",
        "length(trim(a,b||#))",
        "length(ltrim(a,'b'||a||#))",
        "length(rtrim(a||'a',b||#))",
        "a like '%a%a%a%a%a%a%a%a%a%a%a%a%b#'",
        "a like '%a%a%a%a%a%a%a%a%b#' escape 'c'",
        "a glob '*[a-b]*[a-b]*[a-b]*[a-b]*[a-b]*[a-b]*b#'",
        "length(hex(substr(a,#,8000)))",
        "length(quote(substr(a,#)))",
        "length(upper(substr(a,#)))",
        "unicode(lower(substr(a,#)))",
        "length(format('%q%#s',b,b))",
        "length(printf('%!.8000s%d',a,#))",
        "length(strftime(replace(b,'a','%w'),#))",
        "length(concat_ws(#,b,b))",
        "length(char(#))",
        "a||#>b",
        "cast(a||# as integer)",
        "cast(replace(b,'a','1')||# as real)",
        "unixepoch(a||#)",
        "length(date(#,a,b,a,b))",
    ];
    let mut statements: Vec<String> =
        calls.iter().map(|call| many(call, CALLS / (1 + call.matches('(').count()))).collect();
    let rows = format!(
        "with recursive n(i) as (select 1 union all select i + 1 from n), s as materialized (select {A} as a), \
         t as materialized (select {B} as b)"
    );
    statements.extend(
        calls.iter().map(|call| format!("{rows} select count({}) from n, s, t", call.replace('#', "i"))),
    );
    // Counting the rows of a table is one step, however many there are.
    let counts = vec!["(select count(*) from audit)"; 99].join("+");
    statements.push(format!("select {counts} as m"));
    statements
}

/// A database with many events, the longest details among them.
fn large_database(events: u32, caps: QueryCaps) -> Database {
    let rows = format!(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < {events})
         insert into audit_event (at, actor_kind, actor, action, subject, source, detail)
         select i, 'user', 'name' || i, 'database', 'somebody', '127.0.0.1', printf('%.2000c', 'x') from n"
    );
    Database::with(&rows, caps)
}

#[test]
fn no_statement_outlives_its_cap_or_its_client_by_a_second_whatever_it_calls() {
    let time_max = Duration::from_millis(300);
    let database = large_database(20_000, QueryCaps { time_max, ..QueryCaps::default() });
    for sql in slow_statements() {
        let shown: String = sql.chars().take(200).collect();
        let started = Instant::now();
        let (end, _) = database.run(&sql);
        let taken = started.elapsed();
        assert!(matches!(end, Ok(_) | Err(QueryError::TimedOut { .. })), "{end:?}: {shown}");
        assert!(taken < time_max + LATE_MAX, "{taken:?}: {shown}: {end:?}");

        let flag = CancelFlag::default();
        let mut gone = Collected { cancel: Some(flag.clone()), ..Collected::default() };
        let raised = std::thread::spawn(move || {
            std::thread::park_timeout(Duration::from_millis(50));
            flag.raise();
            Instant::now()
        });
        let end = database.reader.run(&sql, &mut gone);
        let late = raised.join().unwrap().elapsed();
        assert!(late < LATE_MAX, "{late:?} after its client: {shown}: {end:?}");
    }
}

#[test]
fn a_statement_that_calls_functions_in_too_many_places_is_refused() {
    let database = Database::new();
    let refused = database.run(&many("instr(a,b||#)", 600)).0;
    assert!(
        matches!(&refused, Err(QueryError::Refused { reason, .. }) if reason.contains("500 places")),
        "{refused:?}"
    );
    let few = format!("select {}", vec!["instr('a', 'b')"; 90].join(", "));
    assert!(database.run(&few).0.is_ok());
}

/// Conditions and follows are statements too, and each of their parts has the cap of the whole.
#[test]
fn a_slow_condition_ends_with_its_cap_and_its_client_too() {
    let time_max = Duration::from_millis(300);
    let database = large_database(20_000, QueryCaps { time_max, ..QueryCaps::default() });
    let slow = "instr(printf('%.16000c', 'a'), printf('%.8000c', 'a') || id) or detail like '%x%x%x%x%x%x%x%x%x%x%y%'";
    let started = Instant::now();
    let listed = database.list(&Listing { filter: Some(slow.to_owned()), ..listing(View::Audit) }).0;
    assert!(matches!(listed, Err(QueryError::TimedOut { .. })), "{listed:?}");
    assert!(started.elapsed() < time_max + LATE_MAX);

    for cancelled in [false, true] {
        let flag = CancelFlag::default();
        if cancelled {
            flag.raise();
        }
        let mut rows = Collected { cancel: Some(flag), ..Collected::default() };
        let started = Instant::now();
        let slow = Some(slow.to_owned());
        let followed = database.reader.follow(Vec::new(), slow, FollowFrom::Newest(u64::MAX), &mut rows);
        match cancelled {
            true => assert!(matches!(followed, Err(QueryError::Cancelled)), "{followed:?}"),
            false => assert!(matches!(followed, Err(QueryError::TimedOut { .. })), "{followed:?}"),
        }
        assert!(started.elapsed() < time_max + LATE_MAX, "{:?}", started.elapsed());
    }
}

/// Statements that keep as much as they can. Those that would keep more than one may are refused.
fn fat_statements() -> Vec<String> {
    let tables = |count: usize, body: &str| {
        let made: Vec<String> =
            (0..count).map(|i| format!("t{i} as materialized ({body} limit 1200)")).collect();
        let used: Vec<String> =
            (0..count).map(|i| format!("(select count(*) from t{i} where detail = 'y')")).collect();
        format!("with {} select {}", made.join(", "), used.join(" + "))
    };
    let sorts = |count: usize| {
        let sorted = "(select detail from audit order by detail desc, id limit 1200)";
        let used: Vec<String> = (0..count).map(|i| format!("{sorted} s{i}")).collect();
        format!("select count(*) from {} where s0.detail = 'y'", used.join(", "))
    };
    let mut statements = Vec::new();
    for count in [1, 8, 12, 40] {
        statements.push(tables(count, "select detail from audit"));
        statements.push(tables(count, "select distinct detail, id from audit"));
        statements.push(sorts(count));
    }
    let joined: Vec<String> = (1..6).map(|i| format!("audit a{i} on a{i}.detail = a0.detail")).collect();
    statements.push(format!("select count(*) from audit a0 join {}", joined.join(" join ")));
    let constants: Vec<String> = (0..450).map(|i| format!("printf('%.16000c{i}','x')")).collect();
    statements.push(format!("select count(*) from audit where detail in ({})", constants.join(",")));
    let copied = vec![vec!["a"; 100].join("+"); 90].join(",");
    statements.push(format!("select {copied} from (select status as a from accounts)"));
    let names = vec![vec!["status"; 80].join("||"); 60].join(",");
    statements.push(format!("select {names} from accounts"));
    statements.push(format!("select * from (select {names} from accounts) order by 1"));
    statements
}

fn resident_bytes(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn four_statements_at_once_take_no_more_memory_than_security_md_says() {
    let caps = QueryCaps { time_max: Duration::from_millis(1_000), ..QueryCaps::default() };
    let database = large_database(12_000, caps);
    let before = resident_bytes("VmRSS");
    let mut ran = 0;
    for sql in fat_statements() {
        let ends: Vec<_> = std::thread::scope(|scope| {
            let run = || database.run(&sql).0;
            let running: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        ran += usize::from(!matches!(ends.first(), Some(Err(QueryError::Refused { .. }))));
        let peak = resident_bytes("VmHWM").saturating_sub(before);
        let shown: String = sql.chars().take(200).collect();
        println!("{} MiB after {shown}: {:?}", peak >> 20, ends.first());
        assert!(peak < FOUR_STATEMENTS_BYTES_MAX, "{} MiB: {shown}", peak >> 20);
    }
    assert!(ran >= 10, "only {ran} of them ran");
}

fn shown(value: rusqlite::types::ValueRef<'_>) -> String {
    use rusqlite::types::ValueRef;
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[test]
fn ours_answer_as_sqlites_own_do() {
    let (database, sqlite) = (Database::new(), Connection::open_in_memory().unwrap());
    let values = [
        "null",
        "''",
        "' '",
        "'a'",
        "'A'",
        "'aab'",
        "'b'",
        "'aabaab'",
        "'  a b  '",
        "'äbÄ'",
        "'ä'",
        "'a%b'",
        "'%'",
        "'_b%'",
        "'*b'",
        "'[a-c]*'",
        "'[^a]*'",
        "'[]a]*'",
        "'[a-]'",
        "'[a'",
        "'a[b'",
        "'?ab*'",
        "'*a*b'",
        "'%a%B'",
        "'__'",
        "7",
        "-40",
        "23.5",
        "1e20",
        "0.1",
        "23.333333333333332",
        "x'6162'",
        "x''",
        "'abcabcabd'",
        "'abcabd'",
    ];
    let mut compared = 0;
    for first in values {
        for second in values {
            let mut asked = vec![
                format!("select instr({first}, {second})"),
                format!(
                    "select trim({first}, {second}) || ltrim({first}, {second}) || '|' || rtrim({first}, {second})"
                ),
                format!("select like({first}, {second})"),
                format!("select {second} like {first} escape 'a'"),
                format!("select {second} like {first} escape '%'"),
                format!("select glob({first}, {second})"),
                format!("select typeof(trim({first}, {second})) || typeof(like({first}, {second}))"),
            ];
            asked.extend(
                values.iter().step_by(4).map(|third| format!("select replace({first}, {second}, {third})")),
            );
            asked.push(format!("select trim({first}) || '|' || ltrim({first}) || '|' || rtrim({first})"));
            for sql in asked {
                let read = |row: &rusqlite::Row<'_>| row.get_ref(0).map(shown);
                let expected = sqlite.query_row(&sql, [], read).unwrap();
                assert_eq!(database.lines(&sql), [expected], "{sql}");
                compared += 1;
            }
        }
    }
    assert!(compared > 10_000, "{compared}");
}
