//! Join strings: what is read has one written form, what is written is read, of several hosts the first counts, and one wrong
//! character never makes another server of it.
#![no_main]

use arbitrary::Arbitrary;
use vestry_fuzz::has_control;
use vestry_protocol::Pin;
use vestry_tls::JoinString;
use vestry_tls::join::is_host;

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
    let (written, typed) = (plain(&join.to_string()), plain(text));
    // A string with further hosts is longer; of those only the first is kept.
    assert!(written == typed || written.len() < typed.len(), "one server has two join strings");
    assert_eq!(join.to_string().parse(), Ok(join));
}

fn written(join: &JoinString, at: usize, other: char) {
    let text = join.to_string();
    let parsed = text.parse::<JoinString>();
    let are_hosts = join.host.len() <= 1_023 && join.host.split(',').all(is_host);
    assert_eq!(parsed.is_ok(), are_hosts && join.port != 0);
    let Ok(parsed) = parsed else { return };
    let first = join.host.split(',').next().unwrap_or_default().to_owned();
    let first = JoinString { host: first, port: join.port, pin: join.pin };
    assert_eq!(parsed, first);
    let bent: String =
        text.chars().enumerate().map(|(place, c)| if place == at % text.len() { other } else { c }).collect();
    if let Ok(read) = bent.parse::<JoinString>() {
        assert_eq!(read, first, "a typing error leads to another server");
    }
}
