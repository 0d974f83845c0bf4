//! New passwords and what the rules of section 5 of `docs/PROTOCOL.md` make of them: accepted, or the first rule broken.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use vestry_protocol::fields::{Password, PasswordOwner, PasswordPolicy, PasswordProblem};
use vestry_protocol::secret::SecretText;

/// The rules, by the names that the document gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// No bytes.
    Empty,
    /// Over 1,024 bytes, before or after normalisation.
    TooLong,
    /// A control character.
    Control,
    /// Fewer characters than the minimum.
    TooShort,
    /// Made of own words and fillers.
    OwnWords,
    /// A short text repeated.
    Repeated,
    /// An entry of the list.
    Common,
    /// Runs of code points or keys.
    Run,
}

impl Rule {
    /// Every rule, in the order in which they are judged.
    pub const ALL: [Self; 8] = [
        Self::Empty,
        Self::TooLong,
        Self::Control,
        Self::TooShort,
        Self::OwnWords,
        Self::Repeated,
        Self::Common,
        Self::Run,
    ];

    fn of(problem: PasswordProblem) -> Self {
        match problem {
            PasswordProblem::Empty => Self::Empty,
            PasswordProblem::TooLong => Self::TooLong,
            PasswordProblem::Unprintable => Self::Control,
            PasswordProblem::TooShort { .. } => Self::TooShort,
            PasswordProblem::OwnWords => Self::OwnWords,
            PasswordProblem::Repeated => Self::Repeated,
            PasswordProblem::Common => Self::Common,
            PasswordProblem::Run => Self::Run,
        }
    }
}

/// What must come of a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The bytes that OPAQUE gets, in hexadecimal.
    Accepted(String),
    /// The first rule that it breaks.
    Refused(Rule),
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What is to be seen here, in a sentence.
    pub shows: String,
    /// As it was typed.
    pub text: String,
    /// The name of the account.
    pub name: String,
    /// Its e-mail address, if it is known.
    pub email: Option<String>,
    /// The host of the server.
    pub host: String,
    /// `password_chars_min` of the server.
    pub chars_min: u64,
    /// What must come of it.
    pub verdict: Verdict,
}

impl Case {
    /// What this implementation makes of it, as `vestry` does: for a minimum that no server may ask for it takes the default.
    #[must_use]
    pub fn judged(&self) -> Verdict {
        match self.accepted() {
            Ok(password) => Verdict::Accepted(HEXLOWER.encode(password.expose_secret().as_bytes())),
            Err(problem) => Verdict::Refused(Rule::of(problem)),
        }
    }

    fn accepted(&self) -> Result<Password, PasswordProblem> {
        let policy = usize::try_from(self.chars_min).ok().and_then(PasswordPolicy::with_chars_min);
        let policy = policy.unwrap_or_default();
        let owner = PasswordOwner { name: &self.name, email: self.email.as_deref(), host: Some(&self.host) };
        let password = Password::parse(&SecretText::new(self.text.clone()))?;
        policy.accept(password, &owner).map(vestry_protocol::fields::NewPassword::into_password)
    }
}

type Named = (&'static str, Case);

fn case(name: &'static str, shows: &str, text: impl Into<String>, verdict: Verdict) -> Named {
    let case = Case {
        shows: shows.to_owned(),
        text: text.into(),
        name: "naman".to_owned(),
        email: Some("n.agarwal@mail.example.org".to_owned()),
        host: "id.demo.example.net".to_owned(),
        chars_min: 15,
        verdict,
    };
    (name, case)
}

fn refused(rule: Rule, name: &'static str, shows: &str, text: impl Into<String>) -> Named {
    case(name, shows, text, Verdict::Refused(rule))
}

/// What is accepted unchanged.
fn accepted(name: &'static str, shows: &str, text: impl Into<String>) -> Named {
    let text = text.into();
    let bytes = Verdict::Accepted(HEXLOWER.encode(text.as_bytes()));
    case(name, shows, text, bytes)
}

/// What is accepted in another normal form.
fn accepted_as(name: &'static str, shows: &str, text: impl Into<String>, normal: &str) -> Named {
    case(name, shows, text, Verdict::Accepted(HEXLOWER.encode(normal.as_bytes())))
}

fn at_least(chars_min: u64, (name, case): Named) -> Named {
    (name, Case { chars_min, ..case })
}

fn of(name: &str, email: Option<&str>, host: &str, (file, case): Named) -> Named {
    let (name, email, host) = (name.to_owned(), email.map(str::to_owned), host.to_owned());
    (file, Case { name, email, host, ..case })
}

/// Every case, by the name of its file below `passwords/`.
#[must_use]
pub fn cases() -> BTreeMap<String, Case> {
    let all = [
        texts(),
        lengths(),
        minimums(),
        own_words(),
        own_words_in_other_forms(),
        repetitions(),
        list(),
        runs(),
    ]
    .concat();
    all.into_iter().map(|(name, case)| (format!("passwords/{name}"), case)).collect()
}

/// 1,026 bytes of distinct words, to be cut.
fn words() -> String {
    (100..214).map(|number| format!("owl-{number}-x")).collect()
}

fn texts() -> Vec<Named> {
    let a_ring = "A\u{30a}ngstro\u{308}m geht heute baden";
    let decomposed = format!("{}{}", "e\u{301}".repeat(300), &words()[..300]);
    vec![
        refused(Rule::Empty, "empty", "Nothing was typed.", ""),
        refused(Rule::Control, "control-tab", "A tab is a control character.", "correct\thorse battery"),
        refused(Rule::Control, "control-delete", "So is U+007F.", "correct\u{7f}horse battery"),
        refused(
            Rule::Control,
            "control-c1",
            "So is U+0085, two bytes of UTF-8.",
            "correct\u{85}horse battery",
        ),
        refused(Rule::Control, "control-before-length", "It comes before the length.", "a\tb"),
        accepted(
            "no-break-space",
            "U+00A0 is none, nor is U+200B, which shows nothing.",
            "correct\u{a0}horse\u{200b}battery",
        ),
        accepted("words", "Four words.", "correct horse battery staple"),
        accepted("spaces-kept", "Spaces at the ends are kept.", "  correct horse battery  "),
        accepted("case-kept", "Folding is for judging only.", "Correct HORSE Battery Staple"),
        accepted("emoji", "Any character counts, and none is asked for.", "\u{1f40e} correct horse battery"),
        accepted_as(
            "nfc",
            "An A with a ring and an o with a diaeresis are one character each.",
            a_ring,
            "\u{c5}ngstr\u{f6}m geht heute baden",
        ),
        accepted_as(
            "nfc-singleton",
            "The sign of the angstrom unit is an A with a ring.",
            "\u{212b}ngstr\u{f6}m geht heute baden",
            "\u{c5}ngstr\u{f6}m geht heute baden",
        ),
        accepted_as(
            "nfc-order",
            "Combining marks are put in order: the dot below before the dot above.",
            "mixed mark\u{307}\u{323}s and words",
            "mixed mar\u{1e33}\u{307}s and words",
        ),
        accepted("not-nfkc", "A ligature stays one.", "of\u{fb01}ce chairs roll away"),
        refused(
            Rule::TooLong,
            "too-long-only-before-nfc",
            "1,200 bytes that would be 900 in normal form C: the typed text counts, too.",
            decomposed,
        ),
    ]
}

fn lengths() -> Vec<Named> {
    let eight = "r\u{301}n\u{301}z\u{301}c\u{301}s\u{301}w\u{301}k\u{301}p\u{301}";
    let eight_normal = "\u{155}\u{144}\u{17a}\u{107}\u{15b}\u{1e83}\u{1e31}\u{1e55}";
    vec![
        accepted("longest", "1,024 bytes.", &words()[..1_024]),
        refused(Rule::TooLong, "too-long", "1,025 bytes.", &words()[..1_025]),
        accepted(
            "longest-two-bytes",
            "1,024 bytes in 1,023 characters.",
            format!("\u{e9}{}", &words()[..1_022]),
        ),
        refused(
            Rule::TooLong,
            "too-long-after-nfc",
            "Normal form C takes U+1D160 apart, 4 bytes into 12: 460 bytes become 1,180.",
            format!("{}{}", "\u{1d160}".repeat(90), &words()[..100]),
        ),
        refused(
            Rule::TooLong,
            "too-long-before-control",
            "It comes before control characters.",
            "\t".repeat(1_025),
        ),
        refused(Rule::TooShort, "too-short", "14 characters.", "mauve kite rug"),
        accepted("shortest", "15 characters.", "mauve kite rugs"),
        at_least(8, accepted("shortest-of-8", "8 where the server asks for 8.", "kite rug")),
        at_least(8, refused(Rule::TooShort, "too-short-of-8", "7 are too few.", "kite ru")),
        at_least(
            20,
            refused(Rule::TooShort, "too-short-of-20", "15 where it asks for 20.", "mauve kite rugs"),
        ),
        refused(
            Rule::TooShort,
            "too-short-after-nfc",
            "Eight letters with accents are 16 code points as typed and 8 in normal form C: 8 count.",
            eight,
        ),
        at_least(8, accepted_as("nfc-of-8", "The same where the server asks for 8.", eight, eight_normal)),
        refused(
            Rule::TooShort,
            "too-short-in-bytes",
            "Bytes do not count: 14 characters of 3 bytes.",
            "\u{3042}\u{304d}\u{3057}\u{3061}\u{306b}\u{3072}\u{307f}\u{308a}\u{3048}\u{3051}\u{305b}\u{3066}\u{306d}\u{3078}",
        ),
        accepted_as(
            "longer-by-nfc",
            "Normal form C takes U+0958 apart into two: 14 characters as typed, 15 in normal form.",
            "\u{958}mauve kite ru",
            "\u{915}\u{93c}mauve kite ru",
        ),
    ]
}

/// What a server may ask for is 8 to 256; for any other minimum a client takes 15.
fn minimums() -> Vec<Named> {
    let short = |name, shows| refused(Rule::TooShort, name, shows, "mauve kite rug");
    let enough = |name, shows| accepted(name, shows, "mauve kite rugs");
    vec![
        at_least(7, short("min-7", "7 is too few to ask for: 14 characters are refused,")),
        at_least(7, enough("min-7-of-15", "and 15 are enough.")),
        at_least(0, short("min-0", "0 is as if nothing were said.")),
        at_least(0, enough("min-0-of-15", "15 are enough there, too.")),
        at_least(256, accepted("min-256", "256 may be asked for.", &words()[..256])),
        at_least(256, refused(Rule::TooShort, "min-256-of-255", "Then 255 are too few.", &words()[..255])),
        at_least(257, enough("min-257-of-15", "257 may not: 15 are enough,")),
        at_least(257, short("min-257", "and 14 are not.")),
        at_least(u64::MAX, enough("min-largest-of-15", "Nor may the largest number.")),
        at_least(
            257,
            refused(
                Rule::Repeated,
                "min-257-repeated",
                "The other rules take 15, too: a period of 14 is less.",
                "mauve kite rugmauve kite rug",
            ),
        ),
        at_least(
            7,
            refused(
                Rule::Run,
                "min-7-run",
                "A third of 15 is to be no run: 4 are too few.",
                "abcdefghijklm8q4",
            ),
        ),
        at_least(7, accepted("min-7-no-run", "5 are enough.", "abcdefghijklm8q4z")),
    ]
}

/// How the texts are cut, and in which form they are compared.
fn own_words_in_other_forms() -> Vec<Named> {
    let own = |name, shows, text: &str| refused(Rule::OwnWords, name, shows, text);
    let home = Some("naman@example.org");
    vec![
        of(
            "vestryn",
            home,
            "localhost",
            own(
                "own-way-back",
                "The longest word is not always the right one: behind `vestryn` nothing fits, behind `vestry` `naman` does.",
                "vestrynaman1vestrynaman",
            ),
        ),
        of(
            "exam",
            home,
            "localhost",
            own(
                "own-way-back-shortest",
                "Nor is the shortest: `exam` leaves `ple`, and `example` nothing.",
                "exampleexam2026example",
            ),
        ),
        of(
            "vestryn",
            home,
            "localhost",
            accepted("own-no-way", "No way of cutting fits.", "vestrynama1namanvestryn"),
        ),
        of(
            "naman",
            None,
            "ba\u{308}cker.example",
            accepted(
                "own-word-decomposed",
                "Own words are not put into normal form C: this host has an a and a diaeresis, the password an \u{e4}.",
                "b\u{e4}cker-b\u{e4}cker 99",
            ),
        ),
        of(
            "naman",
            None,
            "b\u{e4}cker.example",
            own(
                "own-text-decomposed",
                "The password is, before it is compared.",
                "ba\u{308}cker-ba\u{308}cker 99",
            ),
        ),
    ]
}

fn own_words() -> Vec<Named> {
    let own = |name, shows, text: &str| refused(Rule::OwnWords, name, shows, text);
    vec![
        own("own-name", "The name, digits and punctuation.", "naman-2026-11-28!"),
        own("own-name-upper-case", "In upper case, too.", "NAMAN Naman naman 1"),
        own("own-email", "The whole address.", "n.agarwal@mail.example.org"),
        own("own-local-part", "What is before the @, and a run of letters in it.", "n.agarwal, agarwal"),
        own("own-domain", "What is behind it, and its labels.", "example.org example"),
        own("own-host", "The host of the server, and its labels.", "demo net demo net!"),
        own("own-service", "The service.", "vestry?vestry!vestry"),
        own("own-mixed", "All of them together, without separators.", "vestrynamanagarwaldemo"),
        own("own-before-repeated", "It comes before repetitions.", "namannamannamannaman"),
        of(
            "an",
            None,
            "198.51.100.7",
            accepted("own-too-short", "A word of two letters is none.", "an 198.51.100.7 an"),
        ),
        of(
            "b0b",
            None,
            "localhost",
            own("own-name-with-digit", "A name with a digit is a word as a whole.", "b0b, b0b: b0b? 2026"),
        ),
        of(
            "anna",
            Some("annabel@example.org"),
            "localhost",
            own(
                "own-overlapping",
                "Words that overlap: `anna` taken first would leave `bel`.",
                "annabel1annaannabel",
            ),
        ),
        of(
            "naman",
            Some("a@b.co"),
            "localhost",
            own("own-short-address", "A short address is a word as a whole.", "a@b.co, a@b.co: 2026"),
        ),
        of(
            "naman",
            Some("\"n@h\"@x.yz"),
            "localhost",
            own(
                "own-last-at-short",
                "What is behind the last @ is a word as a whole.",
                "x.yz, x.yz: 2026 x.yz",
            ),
        ),
        of(
            "naman",
            Some("\"n@home\"@example.org"),
            "localhost",
            own("own-last-at", "The last @ divides an address.", "home example.org home"),
        ),
        of(
            "naman",
            None,
            "LOCALHOST",
            own("own-folded", "The words are folded, too.", "localhost LOCALHOST"),
        ),
        of(
            "naman",
            None,
            "m\u{fc}nchen.example",
            own("own-not-ascii", "A letter beyond ASCII is a letter.", "m\u{fc}nchen m\u{fc}nchen"),
        ),
        of(
            "naman",
            None,
            "m\u{fc}nchen.example",
            accepted("own-not-folded", "It is not folded.", "M\u{dc}NCHEN 1972, m\u{fc}nchen 8264"),
        ),
        accepted("own-and-more", "An own word beside others.", "naman likes purple owls"),
        accepted("own-one-letter-more", "One letter of no own word.", "namanx 2026-11-28 vestry"),
        accepted(
            "own-accent",
            "A letter beyond ASCII is no punctuation: N\u{e1}man is not naman.",
            "n\u{e1}man-naman 8264917",
        ),
        accepted("own-no-letter", "Without a letter it is not made of words.", "8264-9173-0582-61"),
    ]
}

fn repetitions() -> Vec<Named> {
    let repeated = |name, shows, text: String| refused(Rule::Repeated, name, shows, text);
    vec![
        repeated("repeated-character", "One character.", "a".repeat(20)),
        repeated("repeated-case", "In either case.", "aAaAAaaAaAAaAaaA".to_owned()),
        repeated("repeated-three", "Three.", "abcabcabcabcabc".to_owned()),
        repeated("repeated-word", "A word.", "owlingowlingowling".to_owned()),
        repeated("repeated-words", "A word and a space, each time.", "giraffe giraffe giraffe ".to_owned()),
        repeated("repeated-separator", "The last separator may be missing.", "hedgehog hedgehog".to_owned()),
        repeated("repeated-part", "So may a part of the last repetition.", "walrus7walrus7wal".to_owned()),
        repeated("repeated-punctuation", "Punctuation and digits, too.", "!7!7!7!7!7!7!7!7".to_owned()),
        repeated("repeated-beyond-ascii", "Any characters.", "\u{e9}\u{1f40e}".repeat(10)),
        repeated("repeated-longest", "300 of one character.", "a".repeat(300)),
        repeated("repeated-before-common", "It comes before the list.", "passwordpassword".to_owned()),
        repeated(
            "repeated-14",
            "14 characters, where 15 are asked for.",
            "mauve kite rugmauve kite rug".to_owned(),
        ),
        accepted(
            "repeated-15",
            "15 characters are enough once, and so they are twice.",
            "mauve kite rugs".repeat(2),
        ),
        at_least(8, accepted("repeated-of-8", "8 where 8 are asked for.", "kite rugkite rug")),
        at_least(
            8,
            refused(
                Rule::Common,
                "repeated-common-of-8",
                "What is repeated is judged further: here it is on the list.",
                "password password",
            ),
        ),
        at_least(8, refused(Rule::Run, "repeated-run-of-8", "Here it is a run.", "defghijkLdefghijkl")),
        accepted(
            "repeated-two-missing",
            "Two characters of a separator are missing: that is no repetition.",
            "hedgehog -hedgehog",
        ),
        accepted("repeated-twice-inside", "A word twice, and others.", "hedgehog and hedgehog dance"),
    ]
}

fn list() -> Vec<Named> {
    let common = |name, shows, text: &str| refused(Rule::Common, name, shows, text);
    vec![
        common("common", "An entry of the list.", "1qaz2wsx3edc4rfv"),
        common("common-upper-case", "Case does not matter.", "1QAZ2wsx3EDC4rfv"),
        common("common-digits", "Digits behind it do not, either.", "password12345678"),
        common("common-digits-before", "Nor in front of it.", "20261128password"),
        common("common-both-ends", "Nor at both ends, with punctuation.", "**2026 sunshine 2026**"),
        common(
            "common-punctuation",
            "An entry that ends in a digit, behind punctuation.",
            "--- trustno1 ---",
        ),
        common("common-substitutions", "An entry with punctuation inside.", "p@ssw0rd 20261128"),
        at_least(8, common("common-whole", "An entry that begins with punctuation, whole.", "!qaz2wsx")),
        at_least(8, common("common-of-8", "A short one.", "iloveyou")),
        at_least(8, common("common-before-run", "It comes before runs.", "12345678")),
        accepted("common-two", "Two entries are no entry.", "sunshine baseball"),
        accepted("common-letter-more", "One letter more is another text.", "passwordx12345678"),
        accepted(
            "common-space-beyond-ascii",
            "A space beyond ASCII is not taken off.",
            "password\u{a0}12345678",
        ),
        accepted("common-inside", "Digits within are not taken out.", "pass2026word1128"),
        accepted(
            "common-fullwidth",
            "Fullwidth letters are others in normal form C, and are not folded to ASCII.",
            "\u{ff50}\u{ff41}\u{ff53}\u{ff53}word 20261128",
        ),
    ]
}

fn runs() -> Vec<Named> {
    let run = |name, shows, text: &str| refused(Rule::Run, name, shows, text);
    vec![
        run("run-alphabet", "The alphabet.", "abcdefghijklmnopqrst"),
        run("run-alphabet-back", "Backwards, in either case.", "zyxwvutsRQPONMLKJ"),
        run("run-digits", "The digits, with 0 behind 9 and 1 behind 0.", "1234567890123456"),
        run("run-digits-back", "Backwards.", "6543210987654321"),
        run("run-rows", "Rows of keys.", "qwertyuiopasdfgh"),
        run("run-rows-back", "Backwards.", "poiuytrewqlkjhgfd"),
        run("run-qwertz", "Rows of a German keyboard.", "qwertzuiopyxcvbnm"),
        run("run-azerty", "Rows of a French one.", "azertyuiopqsdfghjklm"),
        run("run-shifted-digits", "Digits with shift.", "!@#$%^&*()_+)(*&"),
        run("run-columns", "Columns of keys.", "3edc4rfv5tgb6yhn"),
        run("run-doubled", "The same character again follows.", "aabbccddeeffgghhii"),
        run("run-row-of-digits", "9, 0, - and = are neighbours.", "mmmmm~~~~~5555590-="),
        run("run-row-a-s", "So are a and s on one row,", "mmmmm~~~~~55555as"),
        run("run-row-z-x", "z and x,", "mmmmm~~~~~55555zxc"),
        run("run-row-t-z-u", "t, z and u on a German keyboard,", "mmmmm~~~~~55555tzu"),
        run("run-row-a-z-e", "a, z and e on a French one,", "mmmmm~~~~~55555aze"),
        run("run-row-q-s-d", "q, s and d there,", "mmmmm~~~~~55555qsd"),
        run("run-column-1", "1, q and a in a column,", "mmmmm~~~~~555551qa"),
        run("run-column-2", "2, w, s and x,", "mmmmm~~~~~555552wsx"),
        run("run-column-7", "7, u, j and m.", "vvvvv~~~~~333337ujm"),
        accepted("run-no-row", "A and d are not: five do not follow.", "mmmmm~~~~~55555ad"),
        run("run-several", "Four runs.", "abcd6543wertlkjh"),
        run(
            "run-greek",
            "Beyond ASCII.",
            "\u{3b1}\u{3b2}\u{3b3}\u{3b4}\u{3b5}\u{3b6}\u{3b7}\u{3b8}\u{3b9}\u{3ba}\u{3bb}\u{3bc}\u{3bd}\u{3be}\u{3bf}\u{3c0}",
        ),
        run("run-and-three", "Four characters in all do not follow.", "abcdefghijklm8q4"),
        accepted("run-and-four", "Five do not: a third of 15.", "abcdefghijklm8q4z"),
        at_least(16, run("run-and-four-of-16", "Where 16 are asked for, six must not.", "abcdefghijklm8q4z")),
        at_least(8, run("run-of-8", "Two do not follow.", "defgh876")),
        at_least(8, accepted("run-and-two-of-8", "Three do not: a third of 8, rounded up.", "defgh87q")),
        accepted("run-letters-inside", "Words have short runs.", "defended the nopal hijinks"),
        accepted("run-every-second", "Every second letter is no run.", "acegikmoqsuwyacegi"),
    ]
}
