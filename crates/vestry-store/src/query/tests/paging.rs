//! Pages: every row once, in every order; and cursors that are not ours.

use super::*;
use crate::query::views::shape;
use data_encoding::BASE64URL_NOPAD;
use proptest::prelude::*;

const VIEWS: [View; 4] = [View::Accounts, View::Sessions, View::Audit, View::Operators];

/// Many ties and NULLs, and text that is not UTF-8, in every view.
fn crowded(accounts: usize) -> Database {
    let rows: String = (0..accounts)
        .map(|i| {
            let optional =
                |n: usize, value: &str| if i % n == 0 { "null".to_owned() } else { value.to_owned() };
            let (email, age) = (
                optional(3, &format!("cast(x'{:02x}4{}' as text)", 0x80 + i % 3, i % 4)),
                optional(4, &(i % 5).to_string()),
            );
            format!(
                "insert into account (id, name, email, age, gender, created, last_login, suspended_at, suspended_until,
                   suspended_reason, deleted_at, name_key, oprf_id)
                 values ({i}, 'name{}', {email}, {age}, {}, {}, {}, {}, null, null, {}, cast('k{i}' as blob), cast('o{i}' as blob));
             insert into session values ({}, x'{i:08x}', {i}, 'device{}', '::1', {}, {}, 1800000000);
             insert into audit_event (at, actor_kind, actor, action, subject, source, detail)
               values ({}, 'user', 'a{}', 'login', 's', '', 'd{}');
             insert into operator values ('sha256:{i:04}', 'op{}', 'admin', {}, {});",
                (i * 7) % accounts.max(1) * 100 + i,
                optional(2, "'x'"),
                1_700_000_000 + i / 4,
                optional(5, "1700000000"),
                optional(2, "1700000000"),
                optional(3, "1700000000"),
                if i % 2 == 0 { i64::try_from(i).unwrap() } else { -i64::try_from(i).unwrap() },
                i % 3,
                i / 3,
                i / 2,
                i / 3,
                i % 2,
                i % 4,
                i % 3,
                i / 2,
                optional(2, "1700000000"),
            )
        })
        .collect();
    Database::with(&rows, QueryCaps::default())
}

/// All rows by pages of `limit`, and how many pages it took.
fn by_pages(database: &Database, asked: &Listing, limit: u64) -> (Vec<String>, usize) {
    let (mut lines, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let (end, rows) = database.list(&Listing { limit, after, ..asked.clone() });
        let end = end.unwrap();
        assert_eq!(end.rows, u64::try_from(rows.rows.len()).unwrap());
        lines.extend(rows.lines());
        pages += 1;
        after = end.next;
        if after.is_none() {
            return (lines, pages);
        }
        assert_eq!(end.rows, limit, "a page with a next one is full");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn pages_meet_every_row_once_for_every_column_in_both_directions(accounts in 0_usize..40, limit in 1_u64..9) {
        let database = crowded(accounts);
        for view in VIEWS {
            for (sort, descending) in shape(view).columns.iter().flat_map(|column| [(column, false), (column, true)]) {
                let asked = Listing { sort: Some((*sort).to_owned()), descending, ..listing(view) };
                let whole = database.list(&asked).1.lines();
                prop_assert_eq!(whole.len(), accounts);
                let (paged, pages) = by_pages(&database, &asked, limit);
                prop_assert_eq!(&paged, &whole, "{:?} by {} {}", view, sort, descending);
                let rows_per_page = usize::try_from(limit).unwrap();
                prop_assert_eq!(pages, accounts.div_ceil(rows_per_page).max(1));
            }
        }
    }

    #[test]
    fn no_text_as_a_cursor_does_more_than_be_refused(after in ".{0,80}", bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let database = Database::new();
        for after in [after, BASE64URL_NOPAD.encode(&bytes)] {
            let (result, rows) = database.list(&Listing { after: Some(after), ..listing(View::Accounts) });
            let refused = matches!(result, Err(QueryError::Refused { .. }));
            prop_assert!(refused, "{:?}", result);
            prop_assert!(rows.rows.is_empty());
        }
    }
}

#[test]
fn null_is_lower_than_every_value_in_both_directions() {
    let database = Database::new();
    let names = |descending| {
        let asked = Listing {
            columns: vec!["name".to_owned()],
            sort: Some("email".to_owned()),
            descending,
            ..listing(View::Accounts)
        };
        database.list(&asked).1.lines()
    };
    assert_eq!(names(false), ["anirudh", "naman", "navneet", "shubham"]);
    assert_eq!(names(true), ["shubham", "navneet", "naman", "anirudh"]);
}

#[test]
fn a_cursor_of_another_listing_is_refused() {
    let database = Database::new();
    let made_for = Listing { sort: Some("age".to_owned()), limit: 1, ..listing(View::Accounts) };
    let cursor = database.list(&made_for).0.unwrap().next.unwrap();
    let again = |asked: Listing| database.list(&Listing { after: Some(cursor.clone()), ..asked }).0;
    assert_eq!(again(made_for.clone()).unwrap().rows, 1);
    for other in [
        Listing { descending: true, ..made_for.clone() },
        Listing { sort: Some("email".to_owned()), ..made_for.clone() },
        Listing { sort: None, ..made_for.clone() },
        Listing { view: View::Operators, sort: None, ..made_for.clone() },
        Listing { view: View::Audit, sort: None, ..made_for },
    ] {
        let error = again(other).unwrap_err().to_string();
        assert!(error.contains("the cursor belongs to another listing"), "{error}");
    }
}

#[test]
fn a_damaged_cursor_is_refused_wherever_it_was_cut_or_lengthened() {
    let database = Database::new();
    let asked = Listing { limit: 1, ..listing(View::Accounts) };
    let cursor = database.list(&asked).0.unwrap().next.unwrap();
    let mut bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).unwrap();
    let mut damaged: Vec<Vec<u8>> = (0..bytes.len()).map(|end| bytes[..end].to_vec()).collect();
    bytes.push(0);
    damaged.push(bytes);
    for bytes in damaged {
        let (result, _) =
            database.list(&Listing { after: Some(BASE64URL_NOPAD.encode(&bytes)), ..asked.clone() });
        assert!(matches!(result, Err(QueryError::Refused { .. })), "{bytes:?}");
    }
}

/// A cursor is not signed: it may be made up, and then it is a value that is compared and nothing else.
#[test]
fn sql_inside_a_cursor_is_a_value_and_nothing_else() {
    let database = Database::new();
    let text = b"' union select record from credential --";
    let mut bytes = vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 3];
    bytes.extend_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(text);
    let asked = Listing {
        columns: vec!["name".to_owned()],
        after: Some(BASE64URL_NOPAD.encode(&bytes)),
        ..listing(View::Accounts)
    };
    assert_eq!(database.list(&asked).1.lines(), ["anirudh", "naman", "navneet", "shubham"]);
}

#[test]
fn following_meets_every_event_once_and_goes_on_behind_the_newest() {
    let database = crowded(10);
    let follow = |filter: Option<&str>, from| {
        let (mut rows, columns) = (Collected::default(), vec!["id".to_owned()]);
        let end = database.reader.follow(columns, filter.map(str::to_owned), from, &mut rows).unwrap();
        (rows.lines().join(" "), end.next.unwrap())
    };
    assert_eq!(follow(None, FollowFrom::Newest(3)), ("8 9 10".to_owned(), "10".to_owned()));
    assert_eq!(follow(None, FollowFrom::Newest(0)).0, "1 2 3 4 5 6 7 8 9 10");
    assert_eq!(follow(None, FollowFrom::Newest(99)).0, "1 2 3 4 5 6 7 8 9 10");
    assert_eq!(follow(Some("id % 2 = 0"), FollowFrom::Newest(2)).0, "8 10");
    // What lets nothing through still moves on.
    assert_eq!(follow(Some("id < 0 or id < 0"), FollowFrom::Behind(4)), (String::new(), "10".to_owned()));
    assert_eq!(follow(None, FollowFrom::Behind(8)).0, "9 10");
    assert_eq!(follow(None, FollowFrom::Behind(10)).0, "");
    for filter in ["true) or (true", "id in (select 1", "(select record from credential)", "x"] {
        let from = FollowFrom::Newest(3);
        let refused =
            database.reader.follow(Vec::new(), Some(filter.to_owned()), from, &mut Collected::default());
        assert!(refused.is_err(), "{filter}");
    }
}
