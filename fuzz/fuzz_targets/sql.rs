//! The operator's SQL prompt, for an operator who is hostile: whatever is typed, nothing is written, nothing that no
//! view shows is shown or changes what is told, and the answer is bounded.
#![no_main]

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use vestry_fuzz::twins::twins;

/// What statements are made of. SQLite itself is not instrumented, so the fuzzer is helped with its words and grammar.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "select", "*", "from", "where", "with", "recursive", "as", "(", ")", ",", ".", ";", "--", "/*", "*/", "\n",
    "materialized", "not", "union", "all", "intersect", "except", "order by", "group by", "having", "limit", "offset",
    "distinct", "join", "left", "natural", "on", "using", "in", "exists", "like", "glob", "between", "is", "null",
    "case", "when", "then", "else", "end", "cast", "over", "partition by", "rows", "window", "filter", "collate nocase",
    "values", "and", "or", "=", "<>", "<", ">", "||", "+", "-", "/", "%", "->", "->>", "&", "~", "1", "0", "-1", "'a'", "x'00'",
    "''", "\"\"", "[]", "1e9", "9223372036854775807", "?", "?1", ":a", "@a", "$a", "'%'", "'C%'", "1000000",
    "accounts", "sessions", "audit", "operators", "py3", "\"accounts\"", "[accounts]", "`accounts`", "'accounts'", "ACCOUNTS",
    "account", "credential", "session", "reset_code", "operator", "audit_event", "sqlite_master", "sqlite_schema",
    "sqlite_sequence", "sqlite_temp_master", "sqlite_stat1", "pragma_table_info('account')", "json_each('[1]')", "dbstat",
    "carray", "generate_series(1,9)", "main", "temp", "fact",
    "name", "email", "age", "gender", "status", "credential", "created", "last_login", "record", "token_hash", "code_hash",
    "suspended_reason", "suspended_at", "suspended_until", "deleted_at", "changed", "kind", "id", "account_id", "device",
    "source", "expires", "last_used", "pass", "at", "actor", "detail", "pin", "role", "revoked", "rowid", "_rowid_", "oid",
    "count(*)", "max", "min", "sum", "avg", "group_concat", "hex", "quote", "typeof", "length", "octet_length", "substr",
    "replace", "printf", "char", "unicode", "instr", "upper", "coalesce", "iif", "strftime", "datetime", "rank()",
    "row_number()", "lag", "nth_value", "load_extension", "readfile", "writefile", "randomblob", "zeroblob", "random()",
    "sqlite_version()", "fts3_tokenizer", "json_extract", "a", "b", "c", "t", "x", "y",
    "explain", "explain query plan", "attach", "detach", "pragma", "query_only", "insert into", "update", "set", "delete from",
    "returning", "create", "temp table", "view", "trigger", "index", "drop", "alter table", "vacuum", "into", "'copy.db'",
    "begin", "commit", "savepoint", "reindex", "analyze", "replace into", "default", "values", "indexed by", "not indexed",
    "session_account", "sqlite_autoindex_account_1",
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    match input.split_first() {
        Some((0, words)) => ask(&from_words(words)),
        Some((1, choices)) => {
            let Ok(sql) = select(&mut Unstructured::new(choices), 0) else { return };
            ask(&sql);
        }
        Some((_, text)) => {
            let Ok(text) = <&str>::arbitrary_take_rest(Unstructured::new(text)) else { return };
            ask(text);
        }
        None => {}
    }
});

fn from_words(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{} ", WORDS[usize::from(*byte) % WORDS.len()])).collect()
}

/// What stands where a table is expected, and where a column is: what the views show, and what they must not.
#[rustfmt::skip]
const TABLES: &[&str] = &[
    "accounts", "sessions", "audit", "operators", "py3", "a", "b", "account", "credential", "session", "reset_code",
    "operator", "audit_event", "sqlite_schema", "main.credential", "pragma_table_info('account')", "json_each('[1]')",
];
#[rustfmt::skip]
const COLUMNS: &[&str] = &[
    "*", "name", "email", "age", "gender", "status", "credential", "created", "last_login", "id", "account", "device",
    "source", "at", "detail", "pin", "role", "record", "token_hash", "code_hash", "kind", "account_id", "changed",
    "suspended_reason", "suspended_until", "deleted_at", "rowid", "a.record", "a.name", "accounts.record", "c", "1", "null",
    "'a'", "x'00'", "current_timestamp", "count(*)", "random()", "sqlite_version()",
];
const FUNCTIONS: &[&str] = &[
    "max",
    "hex",
    "quote",
    "length",
    "group_concat",
    "typeof",
    "printf",
    "replace",
    "load_extension",
    "zeroblob",
];
const DEPTH_MAX: u8 = 4;

/// A statement by its grammar, or nearly: words alone rarely make one.
fn select(choices: &mut Unstructured<'_>, depth: u8) -> Result<String> {
    let simple = depth >= DEPTH_MAX;
    Ok(match choices.int_in_range(0..=9)? {
        0 if !simple => {
            let (name, hint) = (table(choices)?, choices.choose(&["", "materialized", "not materialized"])?);
            format!("with {name} as {hint} ({}) {}", select(choices, depth + 1)?, select(choices, depth + 1)?)
        }
        1 if !simple => {
            let both = choices.choose(&["union", "union all", "except", "intersect"])?;
            format!("{} {both} {}", select(choices, depth + 1)?, select(choices, depth + 1)?)
        }
        _ => {
            let (shown, from) = (value(choices, depth)?, source(choices, depth)?);
            let tail = match choices.int_in_range(0..=5)? {
                0 => format!("where {}", value(choices, depth)?),
                1 => format!("order by {}", value(choices, depth)?),
                2 => format!("group by {}", value(choices, depth)?),
                _ => String::new(),
            };
            format!("select {shown} from {from} {tail}")
        }
    })
}

fn table(choices: &mut Unstructured<'_>) -> Result<&'static str> {
    Ok(choices.choose(TABLES)?)
}

fn source(choices: &mut Unstructured<'_>, depth: u8) -> Result<String> {
    let simple = depth >= DEPTH_MAX;
    Ok(match choices.int_in_range(0..=7)? {
        0 => format!("{} as {}", table(choices)?, table(choices)?),
        1 if !simple => format!("({}) as {}", select(choices, depth + 1)?, table(choices)?),
        2 if !simple => {
            let join = choices.choose(&["join", "natural join", "left join", ","])?;
            format!("{} {join} {}", source(choices, depth + 1)?, source(choices, depth + 1)?)
        }
        _ => table(choices)?.to_owned(),
    })
}

fn value(choices: &mut Unstructured<'_>, depth: u8) -> Result<String> {
    let simple = depth >= DEPTH_MAX;
    Ok(match choices.int_in_range(0..=9)? {
        0 if !simple => format!("({})", select(choices, depth + 1)?),
        1 if !simple => format!("exists ({})", select(choices, depth + 1)?),
        2 if !simple => format!("{} in ({})", value(choices, depth + 1)?, select(choices, depth + 1)?),
        3 if !simple => format!("{}({})", choices.choose(FUNCTIONS)?, value(choices, depth + 1)?),
        4 if !simple => {
            let sign = choices.choose(&["=", "like", "||", "<", "and", ", ", "is", "collate nocase ="])?;
            format!("{} {sign} {}", value(choices, depth + 1)?, value(choices, depth + 1)?)
        }
        _ => (*choices.choose(COLUMNS)?).to_owned(),
    })
}

fn ask(sql: &str) {
    let told = twins().run(sql);
    if told.error.is_none() {
        // Comments may stand before it, and whatever SQLite skips.
        let words = sql.to_ascii_lowercase();
        assert!(["select", "with", "values"].iter().any(|verb| words.contains(verb)), "{sql:?} ran");
    }
}
