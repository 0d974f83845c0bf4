//! Texts that people and programs hand on, and what a reader makes of them: join strings, one-time codes, passwords, pins.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use vestry_protocol::fields::Password;
use vestry_protocol::secret::SecretText;
use vestry_server::codes;
use vestry_tls::{JoinString, Pin};

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A join string, to `HOST PORT PIN`.
    JoinString,
    /// A one-time code as it was typed, to the characters that count.
    OneTimeCode,
    /// A password as it was typed, to the bytes that OPAQUE gets, in hexadecimal.
    Password,
    /// A certificate in hexadecimal, to the pin of its public key.
    Pin,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// What is to be seen here, in a sentence.
    pub shows: String,
    /// What it is.
    pub kind: Kind,
    /// The text.
    pub text: String,
    /// What a reader makes of it; nothing when it refuses it.
    pub reads: Option<String>,
}

impl Text {
    /// What this implementation makes of the text. A code is only ever compared, so it is read as what it is compared as.
    #[must_use]
    pub fn read(&self) -> Option<String> {
        match self.kind {
            Kind::JoinString => {
                let JoinString { host, port, pin } = self.text.parse().ok()?;
                Some(format!("{host} {port} {pin}"))
            }
            Kind::OneTimeCode => {
                let hash = |text: &str| codes::hash_of(&SecretText::new(text.to_owned()));
                self.reads.clone().filter(|reads| hash(reads) == hash(&self.text))
            }
            Kind::Password => {
                let password = Password::parse(&SecretText::new(self.text.clone())).ok()?;
                Some(data_encoding::HEXLOWER.encode(password.expose_secret().as_bytes()))
            }
            Kind::Pin => {
                let der = data_encoding::HEXLOWER.decode(self.text.as_bytes()).ok()?;
                Pin::of_certificate(&der.into()).ok().map(|pin| pin.to_string())
            }
        }
    }
}

/// Every text, by the name of its file below `texts/`.
#[must_use]
pub fn texts() -> BTreeMap<String, Text> {
    let all = [join_strings(), one_time_codes(), passwords(), pins()].concat();
    all.into_iter().map(|(name, text)| (format!("texts/{name}"), text)).collect()
}

type Named = (&'static str, Text);

fn text(name: &'static str, kind: Kind, shows: &str, text: &str, reads: Option<&str>) -> Named {
    let (shows, text, reads) = (shows.to_owned(), text.to_owned(), reads.map(str::to_owned));
    (name, Text { shows, kind, text, reads })
}

/// Of the document: the host `::1`, the port 7443, and a pin of 32 zero bytes.
const JOIN: &str = "vestry1-dujqaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab2hiy6ylmdey";

fn join_strings() -> Vec<Named> {
    let zero = format!("::1 7443 sha256:{}", "00".repeat(32));
    let several = JoinString {
        host: "a.example.org,192.0.2.1".to_owned(),
        port: 65_535,
        pin: Pin(std::array::from_fn(|at| u8::try_from(at).unwrap_or_default())),
    };
    let first = format!("a.example.org 65535 {}", several.pin);
    let wrapped = format!("  {}\n  {}\u{a0}{}\r\n", &JOIN[..20], &JOIN[20..40], &JOIN[40..]);
    let of = |host: &str, port| JoinString { host: host.to_owned(), port, pin: Pin([0; 32]) }.to_string();
    let join =
        |name, shows, typed: &str, reads: Option<&str>| text(name, Kind::JoinString, shows, typed, reads);
    vec![
        join("join", "A join string.", JOIN, Some(&zero)),
        join("join-upper-case", "Case does not matter.", &JOIN.to_uppercase(), Some(&zero)),
        join(
            "join-wrapped",
            "Nor does white space where a mail program broke the line.",
            &wrapped,
            Some(&zero),
        ),
        join("join-dashes", "Nor do dashes.", &JOIN.replace("aaaaaaaa", "aaaa-aaaa"), Some(&zero)),
        join("join-several-hosts", "Of several hosts the first counts.", &several.to_string(), Some(&first)),
        join(
            "join-several-hosts-bad",
            "Each of them has to be one.",
            &of("a.example.org,two words", 1),
            None,
        ),
        join("join-port-zero", "Nothing listens on port 0.", &of("example.org", 0), None),
        join("join-no-host", "A host is missing.", &of("", 7443), None),
        join(
            "join-broken-prefix",
            "The prefix has no break.",
            &JOIN.replacen("vestry1", "ves try1", 1),
            None,
        ),
        join(
            "join-other-prefix",
            "A later kind of join string.",
            &JOIN.replacen("vestry1", "vestry2", 1),
            None,
        ),
        join("join-mistyped", "Two letters are swapped.", &JOIN.replacen("dujq", "djuq", 1), None),
        join("join-stray", "There is no 1 in base32.", &JOIN.replacen("dujq", "duj1", 1), None),
        join("join-cut-short", "The end is missing.", &JOIN[..JOIN.len() - 1], None),
        join(
            "join-spare-bits",
            "The last bits are not zero.",
            &format!("{}z", &JOIN[..JOIN.len() - 1]),
            None,
        ),
        join("join-padded", "Padding is not of the alphabet.", &format!("{JOIN}=="), None),
    ]
}

fn one_time_codes() -> Vec<Named> {
    let code =
        |name, shows, typed: &str| text(name, Kind::OneTimeCode, shows, typed, Some("01234567891ABCDEFGHJ"));
    vec![
        code("code", "As the operator's program prints it.", "01234-56789-1ABCD-EFGHJ"),
        code("code-spaces", "With spaces, in lower case.", " 01234 56789 1abcd efghj\t"),
        code("code-look-alikes", "I and L are 1, O is 0.", "ol234567891abcdefghj"),
        code("code-look-alikes-upper-case", "The same in upper case.", "OI234-56789-LABCD-EFGHJ"),
    ]
}

fn passwords() -> Vec<Named> {
    let password =
        |name, shows, typed: &str, reads: Option<&str>| text(name, Kind::Password, shows, typed, reads);
    vec![
        password("password", "ASCII is as it is.", " a b ", Some("2061206220")),
        password(
            "password-nfc",
            "An a and a combining diaeresis are one character.",
            "a\u{308}",
            Some("c3a4"),
        ),
        password("password-nfc-already", "So they are when they were one before.", "\u{e4}", Some("c3a4")),
        password(
            "password-nfc-hangul",
            "Three letters make one syllable.",
            "\u{1112}\u{1161}\u{11ab}",
            Some("ed959c"),
        ),
        password("password-not-nfkc", "A ligature stays one.", "\u{fb01}", Some("efac81")),
        password("password-control", "A control character is refused.", "a\tb", None),
        password("password-empty", "Nothing is no password.", "", None),
        password("password-longest", "1,024 bytes.", &"x".repeat(1_024), Some(&"78".repeat(1_024))),
        password("password-too-long", "One more.", &"x".repeat(1_025), None),
        password(
            "password-too-long-before-nfc",
            "1,026 bytes that would be 684 in normal form C.",
            &"a\u{308}".repeat(342),
            None,
        ),
    ]
}

/// A CA of ECDSA P-256 that nobody uses.
const CERTIFICATE: &str = "\
    3082017e30820123a00302010202141d9f48bb5c1a0d35f67dfdfa33db725126bb0c83300a06082a8648ce3d04030230\
    143112301006035504030c09566573747279204341301e170d3236313132373232313635335a170d3336313132343232\
    313635335a30143112301006035504030c095665737472792043413059301306072a8648ce3d020106082a8648ce3d03\
    0107034200049e3517da8d969037a5186e627a356d6cee5f4fa462c05f3a546c0424147760d77f568a137e8d494dca39\
    9ef9397ab0a818d560272dc36f3a0ae8082848d2a507a3533051301d0603551d0e041604147133ce96d722c8770f52a3\
    341d9925453b71aaa1301f0603551d230418301680147133ce96d722c8770f52a3341d9925453b71aaa1300f0603551d\
    130101ff040530030101ff300a06082a8648ce3d0403020349003046022100a62adc98c50b058f9813083f10acf04fd2\
    507d11e858fdc88b2357a615d9efac022100dc09d4210915fa0eb84b5648c2f02127efc5afd106f2697255c06078d2ad\
    e47e";

fn pins() -> Vec<Named> {
    let pin = "sha256:aaa0dbfb27d782809da1a4862a1a2cfbf336a4040ceafb35c35fd088fc95e66c";
    vec![
        text("pin", Kind::Pin, "SHA-256 of the DER of the SubjectPublicKeyInfo.", CERTIFICATE, Some(pin)),
        text("pin-of-no-certificate", Kind::Pin, "Bytes that are no certificate have none.", "010203", None),
    ]
}
