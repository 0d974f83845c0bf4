//! The console's cutting of what was typed into statements: nothing is lost, and each statement is one.
#![no_main]

#[path = "../../crates/vestry-console/src/statement.rs"]
#[allow(dead_code, reason = "the console's, of which this is a part")]
mod statement;

use statement::split;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (statements, rest) = split(text);
    let mut left = text;
    for one in &statements {
        assert!(!one.sql.is_empty() && one.sql.trim() == one.sql);
        let at = left.find(one.sql.as_str()).expect("a statement is a piece of what was typed");
        left = &left[at + one.sql.len()..];
        let ended = format!("{}{}", one.sql, if one.vertical { "\\G" } else { ";" });
        let (again, nothing) = split(&ended);
        // A comment to the end of its line hides an end that follows it.
        if nothing.is_blank() {
            assert_eq!(again, [one.clone()], "one statement is cut into several");
        }
    }
    assert!(left.ends_with(&rest.text), "the rest is not what was typed last");
    let waiting = rest.text.clone();
    assert!(split(&waiting).0.is_empty(), "a statement that ended was left in the rest");
    if let Some(last) = rest.into_statement() {
        assert_eq!(last.sql, waiting.trim());
    }
});
