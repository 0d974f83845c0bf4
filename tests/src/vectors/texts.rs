//! Texts that people and programs hand on, and what a reader makes of them: join strings, one-time codes, passwords, pins, and
//! fields with a rule.

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use vestry_protocol::Pin;
use vestry_protocol::fields::{Email, Field, Gender, Password, Username};
use vestry_protocol::secret::SecretText;
use vestry_server::codes;
use vestry_tls::{JoinString, pin};

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
    /// The name of an account, to its canonical form.
    Name,
    /// An e-mail address, to what is kept.
    Email,
    /// Free text of at most 32 bytes, as a gender is, to what is kept.
    FreeText,
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
    ///
    /// # Panics
    /// When a code is compared as something else.
    #[must_use]
    pub fn read(&self) -> Option<String> {
        match self.kind {
            Kind::JoinString => {
                let JoinString { host, port, pin } = self.text.parse().ok()?;
                Some(format!("{host} {port} {pin}"))
            }
            Kind::OneTimeCode => {
                let hash = |text: &str| codes::hash_of(&SecretText::new(text.to_owned()));
                let compared = compared_as(&self.text);
                assert_eq!(
                    hash(&compared),
                    hash(&self.text),
                    "{:?} is compared as something else",
                    self.text
                );
                is_code(&compared).then_some(compared)
            }
            Kind::Password => {
                let password = Password::parse(&SecretText::new(self.text.clone())).ok()?;
                Some(data_encoding::HEXLOWER.encode(password.expose_secret().as_bytes()))
            }
            Kind::Pin => {
                let der = data_encoding::HEXLOWER.decode(self.text.as_bytes()).ok()?;
                pin::of_certificate(&der.into()).ok().map(|pin| pin.to_string())
            }
            Kind::Name => Username::parse(&self.text).ok().map(|name| name.to_string()),
            Kind::Email => Email::parse(&self.text).ok().map(|email| email.to_string()),
            Kind::FreeText => Gender::parse(Field::Gender, &self.text).ok().map(|text| text.to_string()),
        }
    }
}

/// What a server hashes of a code, whatever it is.
fn compared_as(typed: &str) -> String {
    let kept = typed.chars().filter(|c| !c.is_whitespace() && *c != '-');
    kept.map(|c| match c.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        other => other,
    })
    .collect()
}

/// Whether an operator's program could have printed it: a server takes anything, and knows no other.
fn is_code(compared: &str) -> bool {
    compared.len() == 20 && compared.bytes().all(|b| b"0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(&b))
}

/// Every text, by the name of its file below `texts/`.
#[must_use]
pub fn texts() -> BTreeMap<String, Text> {
    let all = [
        join_strings(),
        join_strings_as_typed(),
        join_strings_of_hosts(),
        one_time_codes(),
        no_one_time_codes(),
        passwords(),
        pins(),
        names(),
        emails(),
        free_texts(),
    ];
    let named = all.concat().into_iter().map(|(name, text)| (name.to_owned(), text));
    named.chain(hazards()).map(|(name, text)| (format!("texts/{name}"), text)).collect()
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

/// A join string of port 7443 and a pin of 32 zero bytes, whatever its hosts are.
fn join_of(hosts: &[u8]) -> String {
    let content = [&[0x1d, 0x13][..], &[0; 32], hosts].concat();
    let check = Sha256::new().chain_update("vestry1").chain_update(&content).finalize();
    let body = BASE32_NOPAD.encode(&[&content[..], &check[..4]].concat());
    format!("vestry1-{}", body.to_ascii_lowercase())
}

/// What else may happen to a join string on its way.
fn join_strings_as_typed() -> Vec<Named> {
    let zero = format!("::1 7443 sha256:{}", "00".repeat(32));
    let join =
        |name, shows, typed: &str, reads: Option<&str>| text(name, Kind::JoinString, shows, typed, reads);
    let (head, tail) = JOIN.split_at(20);
    let with = |letter| {
        let hosts = ["a.example", "b.example", "c.example", "d.example", "e.example", "f.example"];
        let found = hosts.iter().map(|host| join_of(host.as_bytes())).find(|join| join[8..].contains(letter));
        found.expect("one of them has the letter")
    };
    let kelvin = with('k').replacen('k', "\u{212a}", 1);
    let long_s = {
        let plain = with('s');
        format!("vestry1-{}", plain[8..].replacen('s', "\u{17f}", 1))
    };
    vec![
        join(
            "join-next-line",
            "U+0085 is white space, at the ends and within.",
            &format!("\u{85}{head}\u{85}{tail}\u{85}"),
            Some(&zero),
        ),
        join(
            "join-wide-spaces",
            "So are U+1680, U+2003, U+2028 and U+3000.",
            &format!("\u{3000}{head}\u{1680}\u{2003}{tail}\u{2028}"),
            Some(&zero),
        ),
        join(
            "join-byte-order-mark",
            "U+FEFF is none, in front of the prefix",
            &format!("\u{feff}{JOIN}"),
            None,
        ),
        join("join-byte-order-mark-within", "or within.", &format!("{head}\u{feff}{tail}"), None),
        join(
            "join-zero-width-space",
            "Nor is U+200B, though its name says so.",
            &format!("{head}\u{200b}{tail}"),
            None,
        ),
        join(
            "join-information-separator",
            "Nor is U+001C, though some languages take it for white space.",
            &format!("{head}\u{1c}{tail}"),
            None,
        ),
        join("join-soft-hyphen", "A soft hyphen is no dash.", &format!("{head}\u{ad}{tail}"), None),
        join("join-en-dash", "Nor is U+2013.", &format!("{head}\u{2013}{tail}"), None),
        join("join-kelvin", "U+212A is a k in lower case to Unicode; case is that of ASCII.", &kelvin, None),
        join("join-long-s", "U+017F is an S in upper case to Unicode.", &long_s, None),
        join(
            "join-long-s-in-prefix",
            "It is none in the prefix, either.",
            &JOIN.replacen('s', "\u{17f}", 1),
            None,
        ),
        join("join-fullwidth", "A fullwidth d is none.", &JOIN.replacen("-d", "-\u{ff44}", 1), None),
        join("join-prefix-alone", "Nothing is behind the prefix.", "vestry1-", None),
    ]
}

/// Which hosts a join string may name. What is read is the host as it was written.
fn join_strings_of_hosts() -> Vec<Named> {
    let pin = "00".repeat(32);
    let good = |name, shows, hosts: &str| {
        let first = hosts.split(',').next().unwrap_or_default();
        let reads = format!("{first} 7443 sha256:{pin}");
        text(name, Kind::JoinString, shows, &join_of(hosts.as_bytes()), Some(&reads))
    };
    let bad =
        |name, shows, hosts: &str| text(name, Kind::JoinString, shows, &join_of(hosts.as_bytes()), None);
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", &label[..61]);
    let several = format!("{longest},{longest},{longest},{longest},a.b.nl");
    vec![
        good("join-host-one-label", "A name may be one label.", "localhost"),
        good("join-host-upper-case", "It is kept as it was written.", "Example.ORG"),
        good("join-host-longest", "253 bytes.", &longest),
        bad("join-host-too-long", "254 bytes.", &format!("{longest}a")),
        good("join-hosts-longest", "The hosts may have 1,023 bytes together.", &format!("{several}x")),
        bad("join-hosts-too-long", "1,024 are too many.", &format!("{several}xy")),
        bad("join-host-empty-within", "A host in a list is missing.", "a.example,,b.example"),
        bad("join-host-empty-first", "The first is.", ",a.example"),
        bad("join-host-empty-last", "The last is.", "a.example,"),
        bad("join-host-space", "White space around a host is not taken off.", "a.example, b.example"),
        good("join-host-underscore", "A label may have underscores.", "_a.b_c.example"),
        good("join-host-final-dot", "A name may end with a dot.", "a.example."),
        bad("join-host-two-dots", "A label is not empty.", "a..example"),
        bad("join-host-first-dot", "Nor is the first.", ".a.example"),
        bad("join-host-dot", "A dot is no name.", "."),
        good("join-host-label-longest", "A label has 63 bytes at most.", &format!("{label}.example")),
        bad("join-host-label-too-long", "64 are too many.", &format!("{label}a.example")),
        bad("join-host-hyphen-first", "A label does not begin with a hyphen,", "-a.example"),
        bad("join-host-hyphen-last", "nor end with one.", "a-.example"),
        good("join-host-hyphens", "Within there may be several.", "xn--bcher-kva.example"),
        bad("join-host-not-ascii", "A name is ASCII.", "b\u{fc}cher.example"),
        bad("join-host-with-port", "A host has no port.", "a.example:7443"),
        good("join-host-ipv4", "An address.", "192.0.2.1"),
        bad(
            "join-host-ipv4-over",
            "Not an address, and no name, either: its last label is a number.",
            "256.1.1.1",
        ),
        bad("join-host-ipv4-short", "Nor is this.", "1.2.3"),
        bad("join-host-ipv4-zero", "A number of an address does not begin with 0.", "192.0.2.01"),
        bad("join-host-number", "A number is no name.", "1"),
        good("join-host-number-first", "The other labels may be numbers.", "1.2.example"),
        good("join-host-ipv6", "Upper case, and not its shortest form.", "2001:DB8:0:0:0:0:0:1"),
        good(
            "join-host-ipv6-ipv4",
            "The last 32 bits may be written as an address of IPv4.",
            "::ffff:192.0.2.1",
        ),
        bad("join-host-ipv6-brackets", "Brackets are not of the address.", "[::1]"),
        bad("join-host-ipv6-zone", "Nor is a zone.", "fe80::1%eth0"),
        text("join-host-not-utf8", Kind::JoinString, "A host is UTF-8.", &join_of(&[b'a', 0xff]), None),
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

/// What can be no code: a client may say so before it asks, and a server knows none like it.
fn no_one_time_codes() -> Vec<Named> {
    let good =
        |name, shows, typed: &str| text(name, Kind::OneTimeCode, shows, typed, Some("01234567891ABCDEFGHJ"));
    let bad = |name, shows, typed: &str| text(name, Kind::OneTimeCode, shows, typed, None);
    vec![
        good("code-next-line", "U+0085 and U+00A0 are white space.", "01234\u{85}56789\u{a0}1ABCD-EFGHJ"),
        good("code-dashes-anywhere", "Dashes may be anywhere.", "-0-1--234567891ABCDEFGHJ---"),
        text(
            "code-whole-alphabet",
            Kind::OneTimeCode,
            "The other letters.",
            "kmnpq-rstvw-xyz89-kmnpq",
            Some("KMNPQRSTVWXYZ89KMNPQ"),
        ),
        bad("code-empty", "Nothing.", ""),
        bad("code-too-short", "19 characters.", "01234-56789-1ABCD-EFGH"),
        bad("code-too-long", "21 characters.", "01234-56789-1ABCD-EFGHJK"),
        bad("code-letter-u", "There is no U in the alphabet.", "01234-56789-1ABCD-EFGHU"),
        bad("code-letter-u-small", "Nor a small one.", "01234-56789-1ABCD-EFGHu"),
        bad("code-stray", "Nor a full stop,", "01234.56789.1ABCD.EFGHJ"),
        bad("code-stray-of-20", "in the place of a character, either.", "01234-56789-1ABCD-EFGH."),
        bad("code-check-symbol", "There are no check symbols.", "01234-56789-1ABCD-EFGH*"),
        bad(
            "code-dotless-i",
            "U+0131 is an I in upper case to Unicode; case is that of ASCII.",
            "01234-56789-\u{131}ABCD-EFGHJ",
        ),
        bad("code-kelvin", "U+212A is no K.", "01234-56789-1ABCD-EFGH\u{212a}"),
        bad("code-fullwidth", "A fullwidth 0 is none.", "\u{ff10}1234-56789-1ABCD-EFGHJ"),
        bad("code-byte-order-mark", "U+FEFF is no white space.", "\u{feff}01234-56789-1ABCD-EFGHJ"),
        bad("code-zero-width-space", "Nor is U+200B.", "01234-56789\u{200b}1ABCD-EFGHJ"),
        bad("code-information-separator", "Nor is U+001C.", "01234-56789\u{1c}1ABCD-EFGHJ"),
        bad("code-en-dash", "U+2013 is no dash.", "01234\u{2013}56789-1ABCD-EFGHJ"),
    ]
}

fn names() -> Vec<Named> {
    let good = |name, shows, typed: &str, reads: &str| text(name, Kind::Name, shows, typed, Some(reads));
    let bad = |name, shows, typed: &str| text(name, Kind::Name, shows, typed, None);
    vec![
        good("name", "A name.", "naman", "naman"),
        good("name-capitals", "Capitals become small.", "NaMan", "naman"),
        good("name-white-space", "White space around it is taken off.", " \tnaman\r\n", "naman"),
        good("name-wide-spaces", "So are U+0085, U+00A0 and U+3000.", "\u{3000}\u{a0}naman\u{85}", "naman"),
        good("name-shortest", "2 characters.", "ab", "ab"),
        bad("name-too-short", "1 is too few.", "a"),
        bad("name-empty", "So is none.", "  "),
        good("name-longest", "32 characters.", &"a".repeat(32), &"a".repeat(32)),
        bad("name-too-long", "33 are too many.", &"a".repeat(33)),
        good("name-digits", "It may be of digits.", "2026", "2026"),
        good("name-punctuation", "Behind the first character there may be more.", "a._-", "a._-"),
        bad("name-first-dot", "The first is not a dot,", ".naman"),
        bad("name-first-underscore", "an underscore,", "_naman"),
        bad("name-first-hyphen", "or a hyphen.", "-naman"),
        bad("name-space", "No white space is within.", "na man"),
        bad("name-at", "No other punctuation, either.", "naman@example.org"),
        bad("name-not-ascii", "A letter beyond ASCII is none.", "n\u{e4}man"),
        bad("name-cyrillic", "Nor is one that looks like ASCII.", "n\u{430}man"),
        bad("name-kelvin", "Nor is U+212A, a k in lower case to Unicode.", "\u{212a}aman"),
        bad("name-fullwidth", "Nor is a fullwidth letter.", "\u{ff4e}aman"),
        bad("name-zero-width", "Nothing that is not seen is within,", "na\u{200b}man"),
        bad("name-byte-order-mark", "and U+FEFF is no white space around it.", "\u{feff}naman"),
        bad("name-nul", "U+0000 ends nothing.", "naman\0"),
        bad("name-reserved", "A name that is reserved.", "root"),
        bad("name-reserved-capitals", "In capitals, too.", " Vestry "),
        bad("name-reserved-first", "The first of the list.", "abuse"),
        bad("name-reserved-last", "The last.", "webmaster"),
        good("name-not-reserved", "A name that only begins like one.", "root-1", "root-1"),
    ]
}

fn emails() -> Vec<Named> {
    let good = |name, shows, typed: &str| text(name, Kind::Email, shows, typed, Some(typed.trim()));
    let bad = |name, shows, typed: &str| text(name, Kind::Email, shows, typed, None);
    let local = "a".repeat(64);
    let label = "b".repeat(63);
    let longest = format!("{local}@{label}.{label}.{}", "b".repeat(61));
    vec![
        good("email", "An address.", "naman@example.org"),
        good("email-white-space", "White space around it is taken off.", "\u{a0}naman@example.org\n"),
        good("email-capitals", "Its case is kept.", "Naman@Example.ORG"),
        good("email-one-label", "The domain may be one label.", "naman@localhost"),
        good("email-numbers", "Its labels may be numbers.", "naman@1.2"),
        good("email-atom", "Everything that an atom may have.", "a.!#$%&'*+/=?^_`{|}~-0@example.org"),
        bad("email-empty", "Nothing.", ""),
        bad("email-no-at", "Without an @.", "naman.example.org"),
        bad("email-no-local-part", "Nothing before it.", "@example.org"),
        bad("email-no-domain", "Nothing behind it.", "naman@"),
        bad("email-two-at", "Two of them.", "na@man@example.org"),
        bad("email-first-dot", "The local part does not begin with a dot,", ".naman@example.org"),
        bad("email-last-dot", "nor end with one,", "naman.@example.org"),
        bad(
            "email-two-dots",
            "nor has it two in a row, though the HTML standard takes them.",
            "na..man@example.org",
        ),
        bad("email-quoted", "It is not quoted.", "\"na man\"@example.org"),
        bad("email-comment", "There are no comments.", "naman(x)@example.org"),
        bad("email-space", "There is no white space within.", "na man@example.org"),
        bad("email-not-ascii", "It is ASCII before the @,", "n\u{e4}man@example.org"),
        bad("email-domain-not-ascii", "and behind it.", "naman@b\u{fc}cher.example"),
        bad("email-address", "An address in brackets is no domain.", "naman@[192.0.2.1]"),
        bad("email-underscore", "A label has no underscore,", "naman@a_b.example"),
        bad("email-hyphen-first", "does not begin with a hyphen,", "naman@-a.example"),
        bad("email-hyphen-last", "and does not end with one.", "naman@a-.example"),
        good("email-hyphens", "Within there may be several.", "naman@a--b.example"),
        bad("email-empty-label", "It is not empty.", "naman@a..example"),
        bad("email-final-dot", "No dot is at the end.", "naman@example.org."),
        good("email-local-part-longest", "64 bytes before the @.", &format!("{local}@example.org")),
        bad("email-local-part-too-long", "65 are too many.", &format!("a{local}@example.org")),
        good("email-label-longest", "A label of 63 bytes.", &format!("naman@{label}.example")),
        bad("email-label-too-long", "64 are too many.", &format!("naman@b{label}.example")),
        good("email-longest", "254 bytes.", &longest),
        bad("email-too-long", "255 are too many.", &format!("{longest}b")),
    ]
}

fn free_texts() -> Vec<Named> {
    let good = |name, shows, typed: &str, reads: &str| text(name, Kind::FreeText, shows, typed, Some(reads));
    let same = |name, shows, typed: &str| text(name, Kind::FreeText, shows, typed, Some(typed));
    let bad = |name, shows, typed: &str| text(name, Kind::FreeText, shows, typed, None);
    vec![
        same("free-text", "Free text.", "non-binary"),
        good(
            "free-text-white-space",
            "White space around it is taken off.",
            "\t m\u{e4}nnlich \r\n",
            "m\u{e4}nnlich",
        ),
        good(
            "free-text-separators",
            "So are U+2028, U+2029 and U+0085, which may not be within.",
            "\u{2028}\u{85}a b\u{2029}",
            "a b",
        ),
        same(
            "free-text-spaces-within",
            "Spaces within are kept, U+00A0, U+2003 and U+3000 too.",
            "a  b\u{a0}c\u{2003}d\u{3000}e",
        ),
        same("free-text-decomposed", "It is not put into a normal form.", "ma\u{308}nnlich"),
        same("free-text-longest", "32 bytes.", &"x".repeat(32)),
        bad("free-text-too-long", "33 are too many.", &"x".repeat(33)),
        same("free-text-longest-two-bytes", "Bytes count: 16 letters of two.", &"\u{e4}".repeat(16)),
        bad("free-text-too-long-two-bytes", "17 are too many.", &"\u{e4}".repeat(17)),
        good(
            "free-text-longest-trimmed",
            "What is taken off does not count.",
            &format!("  {}  ", "x".repeat(32)),
            &"x".repeat(32),
        ),
        bad("free-text-empty", "Nothing is left.", " \u{3000}\n"),
        same("free-text-emoji", "An emoji of one character.", "\u{1f40e}"),
        bad(
            "free-text-emoji-joined",
            "One of several, with U+200D between them.",
            "\u{1f468}\u{200d}\u{1f469}",
        ),
        same("free-text-emoji-selector", "An emoji with its selector, U+FE0F.", "\u{2642}\u{fe0f}"),
        same("free-text-emoji-key", "A key: a digit, its selector, U+20E3.", "1\u{fe0f}\u{20e3}"),
        same("free-text-emoji-of-two", "An emoji of two, joined by U+200D.", "\u{1f469}\u{200d}\u{1f680}"),
        same(
            "free-text-emoji-skin",
            "One of them has a colour of skin.",
            "\u{1f9d1}\u{1f3fd}\u{200d}\u{1f4bb}",
        ),
        same(
            "free-text-emoji-flag",
            "Both of them have a selector.",
            "\u{1f3f3}\u{fe0f}\u{200d}\u{26a7}\u{fe0f}",
        ),
        same(
            "free-text-non-joiner",
            "U+200C is spelling in Persian.",
            "\u{63a}\u{6cc}\u{631}\u{200c}\u{62f}\u{648}\u{62f}\u{648}\u{6cc}\u{6cc}",
        ),
        same("free-text-joiner", "U+200D is spelling in Hindi.", "\u{915}\u{94d}\u{200d}\u{937}"),
        bad("free-text-selector-first", "A selector belongs to what stands before it.", "\u{fe0f}\u{2642}"),
        bad("free-text-selector-twice", "An emoji has one.", "\u{2764}\u{fe0f}\u{fe0f}"),
        bad("free-text-emoji-unjoined", "A joiner has an emoji on both sides,", "\u{1f469}\u{200d}"),
        bad("free-text-joiner-in-latin", "or a letter of a script that it is spelling in,", "a\u{200d}b"),
        bad("free-text-non-joiner-in-latin", "as U+200C has.", "a\u{200c}b"),
        bad("free-text-non-joiner-last", "It stands between two letters,", "\u{62f}\u{200c}"),
        bad("free-text-non-joiner-twice", "and alone.", "\u{62f}\u{200c}\u{200c}\u{62f}"),
        bad("free-text-non-joiner-in-emoji", "It joins no emoji.", "\u{1f469}\u{200c}\u{1f680}"),
        same(
            "free-text-private",
            "Private, unassigned and replaced: U+E000, U+0378, U+FFFD.",
            "\u{e000}\u{378}\u{fffd}",
        ),
        same("free-text-noncharacter", "U+FFFF and U+10FFFF.", "a\u{ffff}b\u{10ffff}"),
        same(
            "free-text-neighbours-1",
            "U+00AC, U+00AE, U+034E, U+0350, U+061B and U+061D are seen.",
            "\u{ac}\u{ae}x\u{34e}\u{350}\u{61b}\u{61d}",
        ),
        same(
            "free-text-neighbours-2",
            "U+115E, U+1161, U+17B3, U+17B6, U+180A and U+1810 are.",
            "\u{115e}\u{1161}\u{17b3}\u{17b6}\u{180a}\u{1810}",
        ),
        same(
            "free-text-neighbours-3",
            "U+200A, U+2010, U+2027, U+202F, U+205F and U+2070 are.",
            "a\u{200a}\u{2010}\u{2027}\u{202f}\u{205f}\u{2070}",
        ),
        same(
            "free-text-neighbours-4",
            "U+3163, U+3165, U+FDFF, U+FE10, U+FEFE and U+FF00 are.",
            "\u{3163}\u{3165}\u{fdff}\u{fe10}\u{fefe}\u{ff00}",
        ),
        same(
            "free-text-neighbours-5",
            "U+FF9F, U+FFA1, U+FFF8 and U+FFFC are.",
            "\u{ff9f}\u{ffa1}\u{fff8}\u{fffc}",
        ),
        same(
            "free-text-neighbours-6",
            "U+1BC9F, U+1BCA4, U+1D172, U+1D17B, U+DFFFF and U+E1000 are.",
            "\u{1bc9f}\u{1bca4}\u{1d172}\u{1d17b}\u{dffff}\u{e1000}",
        ),
        same("free-text-neighbours-7", "U+007E and U+00A0 are.", "a\u{7e}\u{a0}b"),
    ]
}

/// What free text may not have: the first and the last of each range.
fn hazards() -> Vec<(String, Text)> {
    let ranges = [
        (0x00, 0x1f),
        (0x7f, 0x9f),
        (0xad, 0xad),
        (0x34f, 0x34f),
        (0x61c, 0x61c),
        (0x115f, 0x1160),
        (0x17b4, 0x17b5),
        (0x180b, 0x180f),
        (0x200b, 0x200f),
        (0x2028, 0x202e),
        (0x2060, 0x206f),
        (0x3164, 0x3164),
        (0xfe00, 0xfe0f),
        (0xfeff, 0xfeff),
        (0xffa0, 0xffa0),
        (0xfff9, 0xfffb),
        (0x1bca0, 0x1bca3),
        (0x1d173, 0x1d17a),
        (0xe0000, 0xe0fff),
    ];
    let mut ends: Vec<u32> = ranges.into_iter().flat_map(|(first, last)| [first, last]).collect();
    ends.dedup();
    let refused = |number| {
        let c = char::from_u32(number).expect("it is a character");
        let shows = format!("U+{number:04X} is not seen, or moves what is.");
        let text = Text { shows, kind: Kind::FreeText, text: format!("a{c}b"), reads: None };
        (format!("free-text-u-{number:04x}"), text)
    };
    ends.into_iter().map(refused).collect()
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
