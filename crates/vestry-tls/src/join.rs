//! Join strings: the one line that a user types to know a server, with its pin and a check against typing errors.
//!
//! `vestry1-` and base32 (RFC 4648, lower case, no padding) of: the port (2 bytes, big-endian), the pin (32 bytes),
//! the host (1 to 253 bytes of UTF-8) and the first 4 bytes of SHA-256 over `vestry1` and all of these. It holds
//! nothing secret: whoever has it can verify the server and no more. Later ones may name several hosts; here the first counts.

use data_encoding::BASE32_NOPAD;
use rustls::pki_types::ServerName;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;
use vestry_protocol::Pin;
use vestry_protocol::typed::vestryctl;

/// What a join string starts with, before a dash.
pub const PREFIX: &str = "vestry1";
const PIN_BYTES: usize = 32;
const CHECK_BYTES: usize = 4;
/// The longest host name of the DNS (RFC 1035).
pub const HOST_BYTES_MAX: usize = 253;
/// What all hosts of a join string may take.
const HOSTS_BYTES_MAX: usize = 1023;
/// How many letters of base32 follow the prefix at most.
pub const LETTERS_MAX: usize = ((2 + PIN_BYTES + HOSTS_BYTES_MAX + CHECK_BYTES) * 8).div_ceil(5);

/// Where a server is and which key it must show.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JoinString {
    /// A DNS name or an IP address.
    pub host: String,
    /// The user port.
    pub port: u16,
    /// The pin of the server's CA.
    pub pin: Pin,
}

/// Why text is not a join string, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JoinStringError {
    /// It starts in another way.
    #[error(
        "this is not a join string; it starts with vestry1- and the operator prints it with: {}",
        vestryctl("join-string")
    )]
    WrongPrefix,
    /// A character that no join string has.
    #[error(
        "{0:?} cannot be in a join string, which has only the letters a to z and the digits 2 to 7; copy it again"
    )]
    StrayCharacter(char),
    /// The end is missing, or something was lost or added on the way.
    #[error("the join string is incomplete; copy the whole line again")]
    Incomplete,
    /// A typing error.
    #[error(
        "the check characters do not match, so there is a typing error somewhere; copy the whole line again"
    )]
    WrongCheck,
    /// Well typed, but names no host that can be connected to.
    #[error("the join string does not name a host that can be connected to; ask the operator for a new one")]
    BadHost,
}

impl fmt::Display for JoinString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut body = self.port.to_be_bytes().to_vec();
        body.extend_from_slice(&self.pin.0);
        body.extend_from_slice(self.host.as_bytes());
        let check = check_bytes(&body);
        body.extend_from_slice(&check);
        write!(f, "{PREFIX}-{}", BASE32_NOPAD.encode(&body).to_ascii_lowercase())
    }
}

impl FromStr for JoinString {
    type Err = JoinStringError;

    fn from_str(text: &str) -> Result<Self, JoinStringError> {
        let (prefix, body) = text.trim().split_once('-').ok_or(JoinStringError::WrongPrefix)?;
        if !prefix.eq_ignore_ascii_case(PREFIX) {
            return Err(JoinStringError::WrongPrefix);
        }
        let bytes = decode_body(body)?;
        let (body, check) = bytes.split_last_chunk::<CHECK_BYTES>().ok_or(JoinStringError::Incomplete)?;
        if check_bytes(body) != *check {
            return Err(JoinStringError::WrongCheck);
        }
        let (port, rest) = body.split_first_chunk::<2>().ok_or(JoinStringError::Incomplete)?;
        let (pin, hosts) = rest.split_first_chunk::<PIN_BYTES>().ok_or(JoinStringError::Incomplete)?;
        let hosts = std::str::from_utf8(hosts).map_err(|_| JoinStringError::BadHost)?;
        if hosts.len() > HOSTS_BYTES_MAX || !hosts.split(',').all(is_host) {
            return Err(JoinStringError::BadHost);
        }
        // Of several, the first.
        let host = hosts.split(',').next().unwrap_or_default().to_owned();
        match u16::from_be_bytes(*port) {
            0 => Err(JoinStringError::BadHost),
            port => Ok(Self { host, port, pin: Pin(*pin) }),
        }
    }
}

/// Base32 as people and mail programs hand it on: in any case, broken by white space and dashes.
fn decode_body(body: &str) -> Result<Vec<u8>, JoinStringError> {
    let kept = |c: &char| !c.is_whitespace() && *c != '-';
    let letters: String = body.chars().filter(kept).map(|c| c.to_ascii_uppercase()).collect();
    let stray = letters.chars().find(|c| !matches!(c, 'A'..='Z' | '2'..='7'));
    if let Some(stray) = stray {
        return Err(JoinStringError::StrayCharacter(stray.to_ascii_lowercase()));
    }
    // What is left to fail is a length or last bits that no whole number of bytes has.
    BASE32_NOPAD.decode(letters.as_bytes()).map_err(|_| JoinStringError::Incomplete)
}

/// Whether text is a DNS name or an IP address that a certificate can name.
#[must_use]
pub fn is_host(text: &str) -> bool {
    (1..=HOST_BYTES_MAX).contains(&text.len()) && ServerName::try_from(text).is_ok()
}

fn check_bytes(body: &[u8]) -> [u8; CHECK_BYTES] {
    let digest: [u8; 32] = Sha256::new().chain_update(PREFIX).chain_update(body).finalize().into();
    digest.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn example() -> JoinString {
        JoinString { host: "accounts.example.org".to_owned(), port: 7443, pin: Pin([0x5a; 32]) }
    }

    #[test]
    fn a_join_string_has_exactly_these_characters() {
        let text = JoinString { host: "::1".to_owned(), port: 7443, pin: Pin([0; 32]) }.to_string();
        assert_eq!(text, "vestry1-dujqaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab2hiy6ylmdey");
    }

    #[test]
    fn case_white_space_and_dashes_do_not_matter() {
        let text = example().to_string();
        let (head, tail) = text.split_at(30);
        for typed in [text.to_uppercase(), format!("  {head}\n  {tail}\r\n"), format!("{head}-{tail}")] {
            assert_eq!(typed.parse(), Ok(example()), "{typed:?}");
        }
    }

    #[test]
    fn every_single_wrong_character_is_refused_or_changes_nothing() {
        let text = example().to_string();
        let letters: Vec<char> = text.chars().collect();
        for at in 0..letters.len() {
            for other in "abcdefghijklmnopqrstuvwxyz234567-01 ABZ\u{e9}".chars() {
                let mut changed = letters.clone();
                changed[at] = other;
                let changed: String = changed.into_iter().collect();
                if let Ok(parsed) = changed.parse::<JoinString>() {
                    assert_eq!((parsed, changed.to_lowercase()), (example(), text.clone()));
                }
            }
        }
    }

    #[test]
    fn every_cut_and_every_swap_of_neighbours_is_refused() {
        let text = example().to_string();
        let letters: Vec<char> = text.chars().collect();
        for at in 0..letters.len() {
            let cut: String = letters[..at].iter().collect();
            assert!(cut.parse::<JoinString>().is_err(), "cut at {at}");
        }
        for at in 0..letters.len() - 1 {
            let mut swapped = letters.clone();
            swapped.swap(at, at + 1);
            let swapped: String = swapped.into_iter().collect();
            assert!(swapped == text || swapped.parse::<JoinString>().is_err(), "{swapped}");
        }
    }

    #[test]
    fn each_defect_has_its_own_error() {
        let at = |host: &str, port| JoinString { host: host.to_owned(), port, pin: Pin([1; 32]) }.to_string();
        let long = "a".repeat(254);
        let cases = [
            (String::new(), JoinStringError::WrongPrefix),
            ("vestry2-aaaa".to_owned(), JoinStringError::WrongPrefix),
            ("vestry1".to_owned(), JoinStringError::WrongPrefix),
            ("vestry1-".to_owned(), JoinStringError::Incomplete),
            ("vestry1-aaa1".to_owned(), JoinStringError::StrayCharacter('1')),
            ("vestry1-aaaaaaaaaaaaaaaaaaaaaaaa".to_owned(), JoinStringError::WrongCheck),
            (at("", 7443), JoinStringError::BadHost),
            (at("two words", 7443), JoinStringError::BadHost),
            (at("\u{1b}[2J", 7443), JoinStringError::BadHost),
            (at(&long, 7443), JoinStringError::BadHost),
            (at("example.org", 0), JoinStringError::BadHost),
            (at("example.org,", 7443), JoinStringError::BadHost),
            (at("example.org,two words", 7443), JoinStringError::BadHost),
            (at(&["example.org"; 90].join(","), 7443), JoinStringError::BadHost),
        ];
        for (text, error) in cases {
            assert_eq!(text.parse::<JoinString>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn of_several_hosts_the_first_counts() {
        let several = JoinString { host: "a.example.org,192.0.2.1,::1".to_owned(), ..example() };
        let first = JoinString { host: "a.example.org".to_owned(), ..example() };
        assert_eq!(several.to_string().parse(), Ok(first));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            host in "[a-z0-9]{1,20}(\\.[a-z0-9]{1,20}){0,3}\\.[a-z]{2,9}|[12]?[0-9]?[0-9]\\.1\\.2\\.3|fe80::[1-9a-f]{1,4}",
            port in 1u16.., pin: [u8; 32],
        ) {
            let join = JoinString { host, port, pin: Pin(pin) };
            prop_assume!(is_host(&join.host));
            prop_assert_eq!(join.to_string().parse(), Ok(join));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>(), body in "[a-z2-7]{0,100}") {
            let _ = text.parse::<JoinString>();
            let made_up = format!("vestry1-{body}").parse::<JoinString>();
            prop_assert!(made_up.is_err());
        }
    }
}
