//! Frames that break a rule, each named by its defect, and a few that look broken and are not. They are written
//! byte by byte, because no encoder makes them.

use super::{Direction, Message, Outcome, Port, State, Vector};
use data_encoding::HEXLOWER;
use vestry_protocol::admin::AdminCall;
use vestry_protocol::fields::StretchingCost;
use vestry_protocol::import::{ImportRow, Suspension};
use vestry_protocol::secret::SecretText;
use vestry_protocol::user::{Change, Envelope, Profile, ProfileUpdate, UserCall};
use vestry_protocol::{Request, UnixSeconds};

type Named = (&'static str, Vector);

/// 2^60 as a varint: more bytes or elements than any machine has.
const TWO_TO_THE_60: [u8; 9] = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0x10];

/// Every hostile frame.
pub(super) fn frames() -> Vec<Named> {
    let all = [
        lengths(),
        ends(),
        texts_and_lists(),
        any_texts(),
        tags(),
        contents(),
        varints(),
        budgets(),
        other_ports(),
        opaque(),
    ];
    all.into_iter().flatten().collect()
}

fn vector(shows: &str, port: Port, direction: Direction, frame: &[u8], outcome: Outcome) -> Vector {
    Vector {
        shows: shows.to_owned(),
        port,
        direction,
        state: State::Any,
        frame: HEXLOWER.encode(frame),
        outcome,
        value: None,
    }
}

/// Raw bytes to the user port, with a prefix of their own.
fn raw(name: &'static str, shows: &str, state: State, frame: &[u8], outcome: Outcome) -> Named {
    (name, Vector { state, ..vector(shows, Port::User, Direction::Request, frame, outcome) })
}

/// A whole frame whose payload is no message.
fn malformed(name: &'static str, shows: &str, port: Port, direction: Direction, payload: &[&[u8]]) -> Named {
    (name, vector(shows, port, direction, &framed(&payload.concat()), Outcome::Malformed))
}

fn user_request(name: &'static str, shows: &str, payload: &[&[u8]]) -> Named {
    malformed(name, shows, Port::User, Direction::Request, payload)
}

/// A whole frame whose call no version knows yet.
fn unsupported(name: &'static str, shows: &str, port: Port, payload: &[u8]) -> Named {
    (name, vector(shows, port, Direction::Request, &framed(payload), Outcome::Unsupported))
}

fn user_reply(name: &'static str, shows: &str, payload: &[&[u8]]) -> Named {
    malformed(name, shows, Port::User, Direction::Reply, payload)
}

/// A frame of the user port that is a message after all.
fn accepted(name: &'static str, shows: &str, payload: &[u8], id: u64) -> Named {
    let message = Message::UserRequest(Request { id, call: UserCall::DescribeServer });
    let mut vector = vector(shows, Port::User, Direction::Request, &framed(payload), Outcome::Message);
    vector.value = Some(message.value());
    (name, vector)
}

/// A frame that is this message after all.
fn taken(name: &'static str, shows: &str, payload: &[u8], message: &Message) -> Named {
    let (port, direction) = (message.port(), message.direction());
    let vector = vector(shows, port, direction, &framed(payload), Outcome::Message);
    (name, Vector { value: Some(message.value()), ..vector })
}

fn log_in_imported(name: &str, password: &str) -> Message {
    let call = UserCall::LogInImported {
        name: name.to_owned(),
        password: SecretText::new(password.to_owned()),
        device: String::new(),
    };
    Message::UserRequest(Request { id: 1, call })
}

fn framed(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a hostile payload is short");
    [&length.to_be_bytes(), payload].concat()
}

fn lengths() -> Vec<Named> {
    vec![
        raw("length-zero", "A frame without a message.", State::Any, &[0, 0, 0, 0], Outcome::Empty),
        raw(
            "length-4-gib",
            "The longest length that four bytes can say; refused before anything is reserved for it.",
            State::Any,
            &[0xff, 0xff, 0xff, 0xff],
            Outcome::TooLong,
        ),
        raw(
            "length-little-endian",
            "A length of 2 in the wrong byte order announces 32 MiB.",
            State::Any,
            &[2, 0, 0, 0, 0, 0],
            Outcome::TooLong,
        ),
        raw(
            "length-at-limit-before-login",
            "4,096 bytes may be announced before a login.",
            State::BeforeLogin,
            &[0, 0, 0x10, 0],
            Outcome::Incomplete,
        ),
        raw(
            "length-over-limit-before-login",
            "4,097 bytes may not; the four bytes are enough to know.",
            State::BeforeLogin,
            &[0, 0, 0x10, 1],
            Outcome::TooLong,
        ),
        raw(
            "length-over-that-limit-after-login",
            "The same length after a login.",
            State::AfterLogin,
            &[0, 0, 0x10, 1],
            Outcome::Incomplete,
        ),
        raw(
            "length-at-limit-after-login",
            "65,536 bytes may be announced after a login.",
            State::AfterLogin,
            &[0, 1, 0, 0],
            Outcome::Incomplete,
        ),
        raw(
            "length-over-limit-after-login",
            "65,537 bytes may never be announced by a client.",
            State::AfterLogin,
            &[0, 1, 0, 1],
            Outcome::TooLong,
        ),
        (
            "length-at-limit-from-operator",
            vector(
                "65,536 bytes may be announced by an operator.",
                Port::Admin,
                Direction::Request,
                &[0, 1, 0, 0],
                Outcome::Incomplete,
            ),
        ),
        (
            "length-at-limit-to-operator",
            vector(
                "1,048,576 bytes may be announced to an operator.",
                Port::Admin,
                Direction::Reply,
                &[0, 0x10, 0, 0],
                Outcome::Incomplete,
            ),
        ),
        (
            "length-over-limit-to-operator",
            vector("1,048,577 may not.", Port::Admin, Direction::Reply, &[0, 0x10, 0, 1], Outcome::TooLong),
        ),
        (
            "length-over-limit-from-operator",
            vector(
                "Operators have the limit that users have after a login.",
                Port::Admin,
                Direction::Request,
                &[0, 1, 0, 1],
                Outcome::TooLong,
            ),
        ),
        (
            "length-at-limit-from-server",
            vector(
                "A server may announce 1,048,576 bytes.",
                Port::User,
                Direction::Reply,
                &[0, 0x10, 0, 0],
                Outcome::Incomplete,
            ),
        ),
        (
            "length-over-limit-from-server",
            vector(
                "A server may not announce 1,048,577 bytes.",
                Port::User,
                Direction::Reply,
                &[0, 0x10, 0, 1],
                Outcome::TooLong,
            ),
        ),
    ]
}

fn ends() -> Vec<Named> {
    vec![
        raw("prefix-cut-short", "Three bytes say nothing yet.", State::Any, &[0xff; 3], Outcome::Incomplete),
        raw(
            "frame-cut-short",
            "A length of 2 and one byte: the rest may still come.",
            State::Any,
            &[0, 0, 0, 2, 0],
            Outcome::Incomplete,
        ),
        user_request("message-cut-short", "A request number and no call.", &[&[1]]),
        user_request("message-cut-short-in-token", "31 bytes of a token of 32.", &[&[1, 6], &[0x5a; 31]]),
        user_request(
            "message-cut-short-in-device-token",
            "A device's token is there, and 31 bytes of it.",
            &[&[1, 3, 0, 1], &[0x5a; 31]],
        ),
        user_request("trailing-byte", "A whole request and one byte more.", &[&[1, 0, 0]]),
        user_request("two-messages-in-one-frame", "A frame holds exactly one message.", &[&[1, 0, 2, 0]]),
        unsupported(
            "http-request",
            "A web browser in the wrong place: its first two letters are a request and a call.",
            Port::User,
            b"GET / HTTP/1.1\r\n\r\n",
        ),
        user_request("nothing-but-ff", "64 bytes of ff.", &[&[0xff; 64]]),
    ]
}

fn texts_and_lists() -> Vec<Named> {
    // LogInImported { name, … } of the user port and ListRows(view, columns, …) of the admin port.
    let (log_in, list_rows): (&[u8], &[u8]) = (&[1, 5], &[1, 2, 0]);
    vec![
        user_request("utf8-stray-byte", "A name that is not UTF-8.", &[log_in, &[2, b'a', 0xff, 0, 0]]),
        user_request("utf8-cut-short", "The first of two bytes.", &[log_in, &[1, 0xc3, 0, 0]]),
        user_request("utf8-overlong", "A '/' in two bytes.", &[log_in, &[2, 0xc0, 0xaf, 0, 0]]),
        user_request("utf8-surrogate", "Half of a UTF-16 pair.", &[log_in, &[3, 0xed, 0xa0, 0x80, 0, 0]]),
        user_request("text-longer-than-frame", "A name of 200 bytes in two.", &[log_in, &[200, b'a', b'b']]),
        user_request(
            "text-length-2-to-the-60",
            "A name of an exabyte, announced in nine bytes.",
            &[log_in, &TWO_TO_THE_60, b"a"],
        ),
        malformed(
            "list-length-2-to-the-60",
            "2^60 columns, announced in nine bytes.",
            Port::Admin,
            Direction::Request,
            &[list_rows, &TWO_TO_THE_60, &[1, b'a']],
        ),
        malformed(
            "list-of-lists-length-2-to-the-60",
            "2^60 rows, of which the first has 2^60 cells.",
            Port::Admin,
            Direction::Reply,
            &[&[1, 4], &TWO_TO_THE_60, &TWO_TO_THE_60],
        ),
        malformed(
            "list-of-lists-cut-short",
            "One row of two cells, of which one is there.",
            Port::Admin,
            Direction::Reply,
            &[&[1, 4, 1, 2, 0, 0]],
        ),
        user_reply("list-longer-than-frame", "250 sessions, none of them there.", &[&[1, 14, 250]]),
    ]
}

/// Texts that a careful library would like to repair, or to refuse: they are kept as they came.
fn any_texts() -> Vec<Named> {
    let name = |file, shows, bytes: &[u8]| {
        let length = u8::try_from(bytes.len()).expect("a short name");
        let payload = [&[1, 5, length], bytes, &[0, 0]].concat();
        let text = std::str::from_utf8(bytes).expect("it is UTF-8");
        taken(file, shows, &payload, &log_in_imported(text, ""))
    };
    vec![
        name(
            "text-byte-order-mark",
            "A byte order mark is a character of its text.",
            "\u{feff}naman".as_bytes(),
        ),
        name("text-decomposed", "An a and a combining diaeresis stay two characters.", "a\u{308}".as_bytes()),
        name("text-nul", "U+0000 is a character like any other.", b"\0"),
        name("text-noncharacter", "So is U+FFFF.", "\u{ffff}".as_bytes()),
        name("text-beyond-16-bits", "So is U+10FFFF, the last one.", "\u{10ffff}".as_bytes()),
        name("text-line-ends", "Line ends are not changed.", b"a\r\nb\rc"),
        user_request(
            "utf8-beyond-unicode",
            "Four bytes for U+110000, which does not exist.",
            &[&[1, 5, 4, 0xf4, 0x90, 0x80, 0x80, 0, 0]],
        ),
    ]
}

fn tags() -> Vec<Named> {
    vec![
        // No call will ever have these numbers.
        unsupported(
            "variant-unknown",
            "A call that no version knows; its number can be read all the same.",
            Port::User,
            &[1, 0xfb, 0x10, 0x27],
        ),
        unsupported(
            "variant-unknown-of-operator",
            "The same on the other port, with fields behind it.",
            Port::Admin,
            &[0xfb, 0xff, 0xff, 0xfb, 0x10, 0x27, 1, 2, 3],
        ),
        unsupported(
            "variant-largest",
            "The largest number of a call.",
            Port::User,
            &[1, 0xfc, 0xff, 0xff, 0xff, 0xff],
        ),
        user_request(
            "variant-wider-than-u32",
            "A call's number has 32 bits, even when its value is small.",
            &[&[1, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0]],
        ),
        user_reply("variant-unknown-in-reply", "A reply that nobody asked for.", &[&[1, 0xfb, 0x10, 0x27]]),
        malformed(
            "variant-unknown-in-reply-to-operator",
            "The same on the other port.",
            Port::Admin,
            Direction::Reply,
            &[&[1, 0xfb, 0x10, 0x27]],
        ),
        user_request(
            "variant-unknown-in-change",
            "Keep, clear, set, and then nothing.",
            &[&[1, 10, 3, 0, 0]],
        ),
        malformed(
            "item-content-of-another-kind",
            "A cell that is a whole number, and whose content is not one.",
            Port::Admin,
            Direction::Reply,
            &[&[1, 4, 1, 1, 1, 2, 2, 2]],
        ),
        malformed(
            "item-content-left-over",
            "A cell without a value, and a byte in it.",
            Port::Admin,
            Direction::Reply,
            &[&[1, 4, 1, 1, 0, 1, 0]],
        ),
        malformed(
            "item-longer-than-frame",
            "A cell of 200 bytes, of which one is there.",
            Port::Admin,
            Direction::Reply,
            &[&[1, 4, 1, 1, 5, 200, 0]],
        ),
        malformed(
            "item-length-2-to-the-60",
            "A cell of an exabyte, announced in nine bytes.",
            Port::Admin,
            Direction::Reply,
            &[&[1, 4, 1, 1, 5], &TWO_TO_THE_60, &[0]],
        ),
        user_reply(
            "item-number-wider-than-u32",
            "The number of a code has 32 bits, even when its value is small.",
            &[&[1, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
        ),
        user_reply(
            "option-tag-2-in-reply",
            "There or not there is 1 or 0 in a reply as well.",
            &[&[1, 0, 10, 0, 0, 2]],
        ),
        user_reply("trailing-byte-in-reply", "A whole reply and one byte more.", &[&[1, 11, 0]]),
        user_request("option-tag-2", "There or not there is 1 or 0.", &[&[1, 3, 0, 2, 0]]),
        user_request("bool-2", "True or false is 1 or 0.", &[&[1, 18, 2]]),
        user_request("bool-255", "All bits set are not true, either.", &[&[1, 18, 0xff]]),
        user_request("option-tag-255", "Nor are they there.", &[&[1, 3, 0, 0xff, 0]]),
        user_reply("option-tag-255-in-reply", "Nor in a reply.", &[&[1, 0, 10, 0, 0, 0xff]]),
    ]
}

/// Open variants that are known, with a content that is not exactly their fields, on the user port: each is a refusal.
fn contents() -> Vec<Named> {
    let refusal = |name, shows, number: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).expect("a short content");
        user_reply(name, shows, &[&[2, 0, number, length], content, &[2, b'n', b'o', 0]])
    };
    vec![
        refusal("refusal-content-left-over", "A code that says nothing beside it, and a byte.", 4, &[0]),
        refusal("refusal-content-missing", "A bad field, and not which one.", 2, &[]),
        refusal(
            "refusal-content-left-over-in-field",
            "The field is a variant of its own, without fields: a byte is left over in it.",
            2,
            &[0, 1, 7],
        ),
        refusal("refusal-content-left-over-behind-field", "Here it is behind it.", 2, &[0, 0, 7]),
        refusal("refusal-content-missing-in-time", "A used code without its time.", 23, &[]),
        refusal("refusal-content-cut-short", "A suspension with one of its two fields.", 8, &[0]),
        refusal(
            "refusal-content-cut-short-in-reason",
            "An end of a session that is there, and is not.",
            5,
            &[1],
        ),
        refusal(
            "refusal-content-left-over-in-reason",
            "The reason has no fields, and a byte.",
            5,
            &[1, 4, 1, 0],
        ),
        refusal("refusal-content-option-tag-2", "There or not there is 1 or 0 in a content, too.", 5, &[2]),
        refusal("refusal-content-utf8-stray-byte", "A text in a content is UTF-8, too.", 8, &[0, 1, 1, 0xff]),
    ]
}

fn varints() -> Vec<Named> {
    vec![
        user_request("varint-marker-254", "A marker for 128 bits, which no message has.", &[&[0xfe; 18]]),
        user_request("varint-marker-255", "A marker that is reserved.", &[&[0xff, 0]]),
        user_request(
            "varint-marker-254-of-eight-bytes",
            "The bytes behind it would be a number and a call, if it were 253.",
            &[&[0xfe, 5, 0, 0, 0, 0, 0, 0, 0, 0]],
        ),
        user_request(
            "varint-marker-255-of-eight-bytes",
            "So they would behind this one.",
            &[&[0xff, 5, 0, 0, 0, 0, 0, 0, 0, 0]],
        ),
        user_request("varint-marker-254-of-one-byte", "They would if it were the number 254.", &[&[0xfe, 0]]),
        user_request(
            "varint-marker-251-of-one-byte",
            "Nor is 251 a number: two bytes are to follow, and then a call.",
            &[&[0xfb, 0]],
        ),
        user_request("varint-cut-short", "A marker for eight bytes before four.", &[&[0xfd, 0, 0, 0, 0]]),
        user_request(
            "varint-wider-than-u16",
            "An age has 16 bits, even when its value is small.",
            &[&[1, 10, 0, 2, 0xfc, 35, 0, 0, 0, 0]],
        ),
        user_request(
            "varint-wider-than-u16-in-profile",
            "So it is for the age of a profile.",
            &[&[1, 2, 0, 0, 0, 0, 0, 1, 0xfc, 35, 0, 0, 0, 0]],
        ),
        user_reply(
            "varint-wider-than-u32-in-greeting",
            "The version of a greeting has 32 bits.",
            &[&[0, 1, 0xfd, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
        ),
        user_request(
            "varint-wider-than-u64",
            "A request number of 128 bits, even when its value is small.",
            &[&[0xfe, 1], &[0; 15], &[0]],
        ),
        accepted("varint-over-long-u16", "5 in three bytes instead of one is still 5.", &[0xfb, 5, 0, 0], 5),
        accepted("varint-over-long-u32", "5 in five bytes is still 5.", &[0xfc, 5, 0, 0, 0, 0], 5),
        accepted(
            "varint-over-long-u64",
            "5 in nine bytes is still 5.",
            &[0xfd, 5, 0, 0, 0, 0, 0, 0, 0, 0],
            5,
        ),
        (
            "varint-over-long-in-fields",
            Vector {
                value: Some(
                    Message::UserRequest(Request {
                        id: 1,
                        call: UserCall::UpdateAccount(ProfileUpdate {
                            email: Change::Set("ab".to_owned()),
                            age: Change::Set(5),
                            gender: Change::Keep,
                        }),
                    })
                    .value(),
                ),
                ..vector(
                    "So it is for the number of a variant within, a length and a u16.",
                    Port::User,
                    Direction::Request,
                    &framed(&[1, 10, 0xfb, 2, 0, 0xfb, 2, 0, b'a', b'b', 2, 0xfb, 5, 0, 0]),
                    Outcome::Message,
                )
            },
        ),
        accepted(
            "variant-over-long",
            "The same holds for the number of a call, up to its 32 bits.",
            &[5, 0xfc, 0, 0, 0, 0],
            5,
        ),
    ]
}

/// What a message may claim, and what it may not.
fn budgets() -> Vec<Named> {
    // Query { sql: 65,516 bytes }: 8 for the number, 4 for the call, 8 for the length, and the text.
    let query = |bytes: usize| {
        let length = u16::try_from(bytes).expect("a length of two bytes").to_le_bytes();
        [&[1, 1, 0xfb][..], &length, &vec![b'x'; bytes]].concat()
    };
    let call = AdminCall::Query { sql: "x".repeat(65_516) };
    let longest = Message::AdminRequest(Request { id: 1, call });
    let within = Vector {
        value: Some(longest.value()),
        ..vector(
            "The longest query: what it claims is the whole budget.",
            Port::Admin,
            Direction::Request,
            &framed(&query(65_516)),
            Outcome::Message,
        )
    };
    let (password, call) = log_in_imported_of(65_500);
    let user = taken(
        "budget-whole-of-user",
        "On the user port it is the longest password: its own bytes, 36 for what is around it.",
        &call,
        &log_in_imported("", &password),
    );
    let registration = taken(
        "budget-whole-of-registration",
        "Here it is the longest address: 2 for the age, 1 for what is there or not, 4 for each number of the cost.",
        &finish_registration_of(65_491).frame()[4..],
        &finish_registration_of(65_491),
    );
    vec![
        (user.0, Vector { state: State::AfterLogin, ..user.1 }),
        (registration.0, Vector { state: State::AfterLogin, ..registration.1 }),
        (
            "budget-over-by-one-of-registration",
            Vector {
                state: State::AfterLogin,
                ..vector(
                    "A byte more in the address.",
                    Port::User,
                    Direction::Request,
                    &finish_registration_of(65_492).frame(),
                    Outcome::Malformed,
                )
            },
        ),
        (
            "budget-over-by-one-of-user",
            Vector {
                state: State::AfterLogin,
                ..vector(
                    "A byte more, in a frame that is shorter than its limit.",
                    Port::User,
                    Direction::Request,
                    &framed(&log_in_imported_of(65_501).1),
                    Outcome::Malformed,
                )
            },
        ),
        taken(
            "budget-whole-of-import",
            "A row that claims every kind of number: 2 for its age, 1 for each that is there or not.",
            &import_row_of(65_411),
            &Message::AdminRequest(Request { id: 1, call: AdminCall::ImportRows(vec![import_row(65_411)]) }),
        ),
        malformed(
            "budget-over-by-one-of-import",
            "A byte more in its name.",
            Port::Admin,
            Direction::Request,
            &[&import_row_of(65_412)],
        ),
        ("budget-whole", within),
        malformed(
            "budget-over-by-one",
            "A byte more is over the budget, though the frame is shorter than its limit.",
            Port::Admin,
            Direction::Request,
            &[&query(65_517)],
        ),
        malformed(
            "budget-over-by-empty-rows",
            "5,000 checkpoints of two bytes each: the frame has 10,005, and they claim 16 each.",
            Port::Admin,
            Direction::Request,
            &[&[1, 15, 0xfb, 0x88, 0x13], &[0; 10_000]],
        ),
    ]
}

/// `LogInImported` with a password of so many bytes and nothing else: the password, and the payload. 8 for the number, 4 for the
/// call, 8 for each length.
fn log_in_imported_of(bytes: usize) -> (String, Vec<u8>) {
    let length = u16::try_from(bytes).expect("a length of two bytes").to_le_bytes();
    let password = "x".repeat(bytes);
    let payload = [&[1, 5, 0, 0xfb][..], &length, password.as_bytes(), &[0]].concat();
    (password, payload)
}

/// With an address of so many bytes, and no upload.
fn finish_registration_of(email_bytes: usize) -> Message {
    let email = Some("n".repeat(email_bytes));
    let call = UserCall::FinishRegistration {
        envelope: Envelope { upload: Vec::new(), stretching: StretchingCost::default().numbers() },
        profile: Profile { email, age: Some(35), gender: None },
    };
    Message::UserRequest(Request { id: 1, call })
}

/// A row in which nothing is absent.
fn import_row(name_bytes: usize) -> ImportRow {
    ImportRow {
        line: 1,
        name: "n".repeat(name_bytes),
        profile: Profile {
            email: Some("n@example.org".to_owned()),
            age: Some(35),
            gender: Some("male".to_owned()),
        },
        created: Some(UnixSeconds::default()),
        suspended: Some(Suspension { until: Some(UnixSeconds::default()), reason: Some("rent".to_owned()) }),
        argon2id: Some(SecretText::new("$argon2id$".to_owned())),
    }
}

/// `ImportRows` with that row. 8 for the number, 4 for the call, 8 for the length of the list; in the row 8 for its line, 8 for
/// each of five lengths, 8 for each of two times, 2 for the age, 8 for what is there, and 31 bytes of texts beside the name.
fn import_row_of(name_bytes: usize) -> Vec<u8> {
    let length = u16::try_from(name_bytes).expect("a length of two bytes").to_le_bytes();
    let texts: &[&[u8]] = &[
        &[1, 13],
        b"n@example.org",
        &[1, 35],
        &[1, 4],
        b"male",
        &[1, 0, 1, 1, 0, 1, 4],
        b"rent",
        &[1, 10],
        b"$argon2id$",
    ];
    [&[1, 18, 1, 1, 0xfb][..], &length, &vec![b'n'; name_bytes], &texts.concat()].concat()
}

/// What the messages of OPAQUE brought: bytes with a length, and numbers of 32 bits within a structure.
fn opaque() -> Vec<Named> {
    // StartLogin { name: "naman", device_token: None, … and FinishNewPassword { envelope: { upload: 192 bytes, …
    let start_login: &[u8] = &[1, 3, 5, b'n', b'a', b'm', b'a', b'n', 0];
    let envelope: &[u8] = &[&[1, 14, 192][..], &[0x5a; 192]].concat();
    // LoggedIn { token, name: "", last_login: None, expires: 0, idle_secs_max: 0, …
    let logged_in: &[u8] = &[&[1, 6][..], &[0x5a; 32], &[0, 0, 0, 0]].concat();
    vec![
        user_request("bytes-longer-than-frame", "KE1 of 96 bytes in 95.", &[start_login, &[96], &[0x5a; 95]]),
        user_request(
            "bytes-length-2-to-the-60",
            "KE1 of an exabyte, announced in nine bytes.",
            &[start_login, &TWO_TO_THE_60, &[0x5a]],
        ),
        user_reply(
            "bytes-length-2-to-the-60-in-reply",
            "A server does no better: KE2 of an exabyte.",
            &[&[1, 5], &TWO_TO_THE_60, &[0x5a]],
        ),
        user_request("message-cut-short-in-upload", "191 bytes of an upload of 192.", &[&envelope[..194]]),
        user_request(
            "message-cut-short-in-envelope",
            "An upload and the first of the three numbers behind it.",
            &[envelope, &[0xfc, 0, 0, 1, 0]],
        ),
        user_request(
            "message-cut-short-before-envelope",
            "The second half of a reset without its envelope.",
            &[&[1, 8]],
        ),
        user_request(
            "varint-wider-than-u32",
            "Memory has 32 bits, even when its value is small.",
            &[envelope, &[0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 6, 1]],
        ),
        user_request(
            "varint-wider-than-u32-in-iterations",
            "So have the passes.",
            &[envelope, &[0xfc, 0, 0, 1, 0, 0xfd, 6, 0, 0, 0, 0, 0, 0, 0, 1]],
        ),
        user_request(
            "varint-wider-than-u32-in-parallelism",
            "So have the lanes.",
            &[envelope, &[0xfc, 0, 0, 1, 0, 6, 0xfd, 1, 0, 0, 0, 0, 0, 0, 0]],
        ),
        user_reply(
            "varint-wider-than-u32-in-iterations-in-reply",
            "The passes that a server asks for have 32 bits, too.",
            &[&[1, 5, 1, 0x5a, 0xfc, 0, 0, 1, 0, 0xfd, 6, 0, 0, 0, 0, 0, 0, 0, 1]],
        ),
        user_reply(
            "varint-wider-than-u32-in-parallelism-in-reply",
            "And the lanes.",
            &[&[1, 5, 1, 0x5a, 0xfc, 0, 0, 1, 0, 6, 0xfd, 1, 0, 0, 0, 0, 0, 0, 0]],
        ),
        user_reply("bool-2-in-reply", "A device is known or not.", &[logged_in, &[2, 0, 0]]),
        unsupported("variant-250", "The largest number of one byte is no call.", Port::User, &[1, 250]),
        user_reply("variant-250-in-reply", "And no reply.", &[&[1, 250]]),
    ]
}

fn other_ports() -> Vec<Named> {
    vec![
        user_request(
            "admin-query-on-user-port",
            "An operator's query: on this port its number means a registration, and its name is all there is of it.",
            &[&[1, 1, 22], b"select * from accounts"],
        ),
        user_request(
            "admin-join-string-on-user-port",
            "An operator's call without fields: on this port its number means a proof, and there is none.",
            &[&[1, 12]],
        ),
        accepted(
            "admin-status-on-user-port",
            "Nothing on this port can name an operator's call: the bytes that ask for the status there describe \
             the server to anybody here.",
            &[1, 0],
            1,
        ),
        user_request(
            "reply-as-request",
            "A reply to a registration, sent to a server, is cut short as a login.",
            &[&[1, 2, 5], b"naman"],
        ),
    ]
}
