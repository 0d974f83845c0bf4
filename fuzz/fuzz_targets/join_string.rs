//! Join strings: what is read has one written form, what is written is read, and one wrong character never makes
//! another server of it.
#![no_main]

use arbitrary::Arbitrary;
use vestry_fuzz::has_control;
use vestry_tls::join::is_host;
use vestry_tls::{JoinString, Pin};

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    Typed(&'a str),
    Written { host: &'a str, port: u16, pin: [u8; 32], at: u16, other: char },
}

libfuzzer_sys::fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Typed(text) => typed(text),
        Input::Written { host, port, pin, at, other } => {
            written(&JoinString { host: host.to_owned(), port, pin: Pin(pin) }, usize::from(at), other);
        }
    }
});

fn typed(text: &str) {
    let join = match text.parse::<JoinString>() {
        Ok(join) => join,
        Err(error) => return assert!(!has_control(&error.to_string())),
    };
    assert!(is_host(&join.host) && join.port != 0 && !has_control(&join.host));
    let plain = |text: &str| -> String {
        text.chars().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_lowercase).collect()
    };
    assert_eq!(plain(&join.to_string()), plain(text), "one server has two join strings");
    assert_eq!(join.to_string().parse(), Ok(join));
}

fn written(join: &JoinString, at: usize, other: char) {
    let text = join.to_string();
    let parsed = text.parse::<JoinString>();
    assert_eq!(parsed.is_ok(), is_host(&join.host) && join.port != 0);
    let Ok(parsed) = parsed else { return };
    assert_eq!(&parsed, join);
    let bent: String =
        text.chars().enumerate().map(|(place, c)| if place == at % text.len() { other } else { c }).collect();
    if let Ok(read) = bent.parse::<JoinString>() {
        assert_eq!(&read, join, "a typing error leads to another server");
    }
}
