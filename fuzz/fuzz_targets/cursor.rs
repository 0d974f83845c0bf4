//! Cursors, as they come back from outside: refused, or the rows behind some place of the same listing.
#![no_main]

use arbitrary::Arbitrary;
use data_encoding::BASE64URL_NOPAD;
use vestry_fuzz::twins::twins;
use vestry_protocol::admin::{Listing, View};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    view: u8,
    sort: u8,
    descending: bool,
    cursor: Cursor<'a>,
}

#[derive(Debug, Arbitrary)]
enum Cursor<'a> {
    /// Any text.
    Typed(&'a str),
    /// Any bytes, well written.
    Bytes(&'a [u8]),
    /// Well-formed, with values of any kind.
    Made(Value<'a>, Value<'a>),
    /// One that a page ended with, bent.
    Bent { page: u8, at: u8, byte: u8, cut: u8 },
}

#[derive(Debug, Arbitrary)]
struct Value<'a> {
    tag: u8,
    content: &'a [u8],
}

libfuzzer_sys::fuzz_target!(|input: Input<'_>| {
    let views: [(View, &[&str]); 4] = [
        (
            View::Accounts,
            &["name", "email", "age", "gender", "status", "credential", "created", "last_login"],
        ),
        (View::Sessions, &["id", "account", "device", "created"]),
        (View::Audit, &["id", "at", "actor_kind", "detail"]),
        (View::Operators, &["name", "role", "pin", "revoked"]),
    ];
    let (view, columns) = views[usize::from(input.view) % 4];
    let place = usize::from(input.sort) % columns.len();
    let whole = Listing {
        view,
        columns: Vec::new(),
        filter: None,
        sort: Some(columns[place].to_owned()),
        descending: input.descending,
        limit: 0,
        after: None,
    };
    let Some(after) = text_of(&input, &whole) else { return };
    let told = twins().list(&Listing { after: Some(after), ..whole.clone() });
    if told.error.is_none() {
        let everything = twins().list(&whole);
        assert!(everything.rows.ends_with(&told.rows), "a cursor shows other rows than those behind it");
    }
});

fn text_of(input: &Input<'_>, whole: &Listing) -> Option<String> {
    let sort = input.sort % if input.view % 4 == 0 { 8 } else { 4 };
    match &input.cursor {
        Cursor::Typed(text) => Some((*text).to_owned()),
        Cursor::Bytes(bytes) => Some(BASE64URL_NOPAD.encode(bytes)),
        Cursor::Made(first, second) => {
            let mut bytes = vec![1, input.view % 4, sort, u8::from(input.descending)];
            for value in [first, second] {
                let tag = value.tag % 6;
                let mut content = value.content.to_vec();
                if matches!(tag, 1 | 2) {
                    content.resize(8, 0);
                }
                bytes.push(tag);
                bytes.extend_from_slice(&u32::try_from(content.len()).ok()?.to_be_bytes());
                bytes.extend_from_slice(&content);
            }
            Some(BASE64URL_NOPAD.encode(&bytes))
        }
        Cursor::Bent { page, at, byte, cut } => {
            let limit = u64::from(page % 4) + 1;
            let cursor = twins().list(&Listing { limit, ..whole.clone() }).end?.next?;
            let mut bytes =
                BASE64URL_NOPAD.decode(cursor.as_bytes()).expect("our own cursor is well written");
            let at = usize::from(*at) % bytes.len();
            bytes[at] ^= byte;
            bytes.truncate(bytes.len() - usize::from(*cut) % 3);
            Some(BASE64URL_NOPAD.encode(&bytes))
        }
    }
}
