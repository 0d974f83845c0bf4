//! Where an error stands in what was typed.

use super::*;
use vestry_protocol::query_fault::FaultKind::{self, Column, Function, Other, Syntax, View as NoView};
use vestry_protocol::query_fault::QueryFault;

/// What is wrong: its kind, the word, and at which byte.
type Fault<'a> = (FaultKind, Option<&'a str>, Option<usize>);

#[track_caller]
fn require(error: &QueryError, typed: &str, (kind, word, at): Fault<'_>) {
    let at = at.map(|at| at as u64);
    let expected = QueryFault { kind: kind.into(), word: word.map(str::to_owned), at };
    assert_eq!(error.fault(), Some(&expected), "{typed}: {error}");
    assert!(error.to_string().chars().count() < 120, "{error}");
}

#[test]
fn an_error_says_which_word_of_the_statement_is_wrong() {
    let database = Database::new();
    let cases: &[(&str, &str, Fault<'_>)] = &[
        ("select nam from accounts", "no such column: nam", (Column, Some("nam"), Some(7))),
        ("select \"naman\" from accounts", "no such column: \"naman\"", (Column, Some("\"naman\""), Some(7))),
        (
            "select '\u{e9}', a.nam from accounts a",
            "no such column: a.nam",
            (Column, Some("a.nam"), Some(13)),
        ),
        ("select 'users' from users", "no such view: users", (NoView, Some("users"), Some(20))),
        ("select * from account", "account is not one of the views", (NoView, Some("account"), Some(14))),
        (
            "select lenght(name) from accounts",
            "no such function: lenght",
            (Function, Some("lenght"), Some(7)),
        ),
        (
            "select 'randomblob', randomblob(9)",
            "the function randomblob does not run here",
            (Function, Some("randomblob"), Some(21)),
        ),
        ("select * form accounts", "near \"form\": syntax error", (Syntax, Some("form"), Some(9))),
        ("select * from accounts where", "the statement is not complete", (Syntax, None, Some(28))),
        ("select 1; select 2", "only one statement", (Other, None, Some(10))),
        ("select :name", "parameter", (Other, None, Some(7))),
        ("select created from accounts where created > 5", "is a time", (Other, None, Some(35))),
    ];
    for (sql, said, fault) in cases {
        let error = database.run(sql).0.unwrap_err();
        assert!(error.to_string().contains(said), "{sql}: {error}");
        require(&error, sql, *fault);
    }
}

#[test]
fn an_error_in_a_condition_is_a_place_in_that_condition() {
    let database = Database::new();
    let cases: &[(&str, &str, Fault<'_>)] = &[
        ("nam = 'x'", "no such column: nam", (Column, Some("nam"), Some(0))),
        ("age > 3 and nam = 'x'", "no such column: nam", (Column, Some("nam"), Some(12))),
        ("age > ", "the condition is not complete", (Other, None, Some(5))),
        ("age >> > 5", "near \">\": syntax error", (Syntax, Some(">"), Some(7))),
        ("lenght(name) > 5", "no such function: lenght", (Function, Some("lenght"), Some(0))),
        ("exists (select 1 from account)", "not one of the views", (NoView, Some("account"), Some(22))),
        ("(age > 3", "does not close", (Other, None, Some(0))),
        ("age > 3) or (1", "did not open", (Other, None, Some(7))),
        ("age > 3 -- no", "comment", (Other, None, Some(8))),
        ("name = 'nam", "without its end", (Other, None, Some(7))),
    ];
    for (filter, said, fault) in cases {
        let asked = Listing { filter: Some((*filter).to_owned()), ..listing(View::Accounts) };
        let error = database.list(&asked).0.unwrap_err();
        assert!(error.to_string().contains(said), "{filter}: {error}");
        require(&error, filter, *fault);
    }
    let from = FollowFrom::Newest(5);
    let followed =
        database.reader.follow(Vec::new(), Some("acto = 1".to_owned()), from, &mut Collected::default());
    require(&followed.unwrap_err(), "acto = 1", (Column, Some("acto"), Some(0)));
    let sorted = Listing { sort: Some("nam".to_owned()), ..listing(View::Accounts) };
    require(&database.list(&sorted).0.unwrap_err(), "--sort nam", (Column, Some("nam"), None));
}
