//! The user port's good messages without OPAQUE: every variant, and every boundary of every type that they are made of.
//! Names, passwords and tokens in them are made up.

use super::{Example, Message};
use vestry_protocol::fields::Field;
use vestry_protocol::greeting::{Greeting, later};
use vestry_protocol::item::{Item, Later, Open};
use vestry_protocol::refusal::{Detail, Refusal, RefusalCode, SessionEnd};
use vestry_protocol::secret::{DeviceToken, SecretText, SessionToken};
use vestry_protocol::user::{
    Account, Change, CodeIssued, NewSession, Notices, Profile, ProfileUpdate, RememberedDevice,
    ServerDescription, Session, SetWithCode, UserCall, UserReply,
};
use vestry_protocol::{Reply, Request, UnixSeconds};

const PASSWORD: &str = "correct horse battery staple";
/// 2026-11-23T00:00:00Z, "now" in every example.
const NOW: UnixSeconds = UnixSeconds::from_seconds(1_795_392_000);
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

pub(super) fn request(name: &str, shows: &str, id: u64, call: UserCall) -> Example {
    Example {
        name: name.to_owned(),
        shows: shows.to_owned(),
        message: Message::UserRequest(Request { id, call }),
    }
}

pub(super) fn reply(name: &str, shows: &str, id: u64, body: UserReply) -> Example {
    Example {
        name: name.to_owned(),
        shows: shows.to_owned(),
        message: Message::UserReply(Reply { id, body }),
    }
}

fn secret(text: &str) -> SecretText {
    SecretText::new(text.to_owned())
}

/// The bytes 0 to 31, or 255 down to 224: a token that is easy to find in a frame.
fn token(descending: bool) -> SessionToken {
    let byte = |at: usize| u8::try_from(at).map_or(0, |at| if descending { 255 - at } else { at });
    SessionToken::from_bytes(std::array::from_fn(byte))
}

/// What any call may be asked with, and what the numbers of requests look like.
pub(super) fn requests() -> Vec<Example> {
    let mut all = vec![
        request(
            "user/request-describe-server",
            "The shortest request: two bytes, both zero.",
            0,
            UserCall::DescribeServer,
        ),
        request(
            "user/request-resume-session",
            "A token is 32 bytes without a length.",
            1,
            UserCall::ResumeSession { token: token(false) },
        ),
        request("user/request-remember-device", "A variant without fields.", 19, UserCall::RememberDevice),
        request("user/request-list-devices", "A variant without fields.", 20, UserCall::ListDevices),
        request(
            "user/request-forget-device",
            "The public number of a device is 63 random bits.",
            21,
            UserCall::ForgetDevice { id: 0x7edc_ba98_7654_3210 },
        ),
        request("user/request-show-notices", "A variant without fields.", 22, UserCall::ShowNotices),
        request("user/request-show-account", "A variant without fields.", 3, UserCall::ShowAccount),
        request("user/request-list-sessions", "A variant without fields.", 5, UserCall::ListSessions),
        request(
            "user/request-delete-account",
            "A variant without fields: the proof came before it.",
            7,
            UserCall::DeleteAccount,
        ),
        request(
            "user/request-revoke-session",
            "The public number of a session has 63 bits.",
            8,
            UserCall::RevokeSession { id: 0x0123_4567_89ab_cdef },
        ),
        request(
            "user/request-log-out",
            "A bool is one byte: false is 00.",
            9,
            UserCall::LogOut { everywhere: false },
        ),
        request("user/request-log-out-everywhere", "true is 01.", 10, UserCall::LogOut { everywhere: true }),
    ];
    all.extend(numbered());
    all.extend(imported_logins());
    all.extend(updates());
    all
}

/// The request number is the first varint of every message, so it shows where each length of it begins.
fn numbered() -> Vec<Example> {
    let cases: [(&'static str, &'static str, u64); 7] = [
        ("user/request-show-account-id-250", "250 is the largest varint of one byte.", 250),
        ("user/request-show-account-id-251", "251 is the smallest varint with the marker fb.", 251),
        ("user/request-show-account-id-65535", "65,535 is the largest varint with the marker fb.", 65_535),
        ("user/request-show-account-id-65536", "65,536 is the smallest varint with the marker fc.", 65_536),
        (
            "user/request-show-account-id-u32-max",
            "4,294,967,295 is the largest varint with the marker fc.",
            4_294_967_295,
        ),
        (
            "user/request-show-account-id-u32-over",
            "4,294,967,296 is the smallest varint with the marker fd.",
            4_294_967_296,
        ),
        ("user/request-show-account-id-u64-max", "The largest varint.", u64::MAX),
    ];
    cases.into_iter().map(|(name, shows, id)| request(name, shows, id, UserCall::ShowAccount)).collect()
}

fn imported_logins() -> Vec<Example> {
    let log_in = |name: &str, password: &str, device: &str| UserCall::LogInImported {
        name: name.to_owned(),
        password: secret(password),
        device: device.to_owned(),
    };
    vec![
        request(
            "user/request-log-in-imported",
            "The only call with a password: name, password, and what to call the device.",
            2,
            log_in("naman", PASSWORD, "laptop"),
        ),
        request(
            "user/request-log-in-imported-empty-texts",
            "Empty texts are a message; that the fields break their rules is the answer's business.",
            2,
            log_in("", "", ""),
        ),
        request(
            "user/request-log-in-imported-long-password",
            "A text of 300 bytes: its length takes three bytes.",
            2,
            log_in("naman", &"0123456789".repeat(30), "laptop"),
        ),
        request(
            "user/request-log-in-imported-non-ascii",
            "Lengths count bytes of UTF-8, not characters.",
            2,
            log_in("zoe", "ünïcödé wörks hère 👋", "Zoës Telefon"),
        ),
    ]
}

fn updates() -> Vec<Example> {
    vec![
        request(
            "user/request-update-account",
            "One field is set, the others are kept: the tour's change of age.",
            4,
            UserCall::UpdateAccount(ProfileUpdate { age: Change::Set(35), ..ProfileUpdate::default() }),
        ),
        request(
            "user/request-update-account-keep",
            "Every field is kept: all zeros.",
            4,
            UserCall::UpdateAccount(ProfileUpdate::default()),
        ),
        request(
            "user/request-update-account-clear",
            "Every field is cleared; a new e-mail address, even none, uses a proof up.",
            4,
            UserCall::UpdateAccount(ProfileUpdate {
                email: Change::Clear,
                age: Change::Clear,
                gender: Change::Clear,
            }),
        ),
        request(
            "user/request-update-account-set",
            "Every field is set; the age is the largest of its type, which the server refuses as a field.",
            4,
            UserCall::UpdateAccount(ProfileUpdate {
                email: Change::Set("naman@example.net".to_owned()),
                age: Change::Set(u16::MAX),
                gender: Change::Set("männlich".to_owned()),
            }),
        ),
    ]
}

/// What any call may be answered with.
pub(super) fn replies() -> Vec<Example> {
    let mut all = vec![
        reply(
            "user/reply-server-described",
            "What a server says of itself to anybody.",
            0,
            UserReply::ServerDescribed(ServerDescription {
                version: "0.1.0".to_owned(),
                registration_open: true,
                password_chars_min: 15,
                now: NOW,
            }),
        ),
        reply(
            "user/reply-registered",
            "The name in its canonical form.",
            1,
            UserReply::Registered { name: "naman".to_owned() },
        ),
        reply(
            "user/reply-session-resumed",
            "Whose session the token is of.",
            1,
            UserReply::SessionResumed { name: "naman".to_owned() },
        ),
        reply(
            "user/reply-account-deleted",
            "Seven days later the operator cannot undo it any more.",
            7,
            UserReply::AccountDeleted { restorable_until: NOW.plus(7 * DAY) },
        ),
        reply("user/reply-session-revoked", "A variant without fields.", 8, UserReply::SessionRevoked),
        reply(
            "user/reply-logged-out",
            "How many sessions ended.",
            9,
            UserReply::LoggedOut { sessions_ended: 1 },
        ),
        reply(
            "user/reply-password-reset",
            "The name in its canonical form, and who issued the code.",
            11,
            UserReply::PasswordReset { name: "naman".to_owned(), code: issued_by_hana() },
        ),
        reply(
            "user/reply-device-remembered",
            "A token is 32 bytes without a length.",
            19,
            UserReply::DeviceRemembered { token: DeviceToken::from_bytes([0xd7; 32]) },
        ),
        reply("user/reply-device-forgotten", "A variant without fields.", 21, UserReply::DeviceForgotten),
    ];
    all.extend(greetings());
    all.extend(refusals());
    all.extend(details());
    all.extend(every_code());
    all.extend(largest_numbers());
    all.extend(new_sessions());
    all.extend(accounts());
    all.extend(session_lists());
    all.extend(device_lists());
    all.extend(notices());
    all
}

fn issued_by_hana() -> CodeIssued {
    CodeIssued { by: "hana".to_owned(), at: NOW.minus(HOUR) }
}

fn notices() -> Vec<Example> {
    let set_with_code = SetWithCode { issued: issued_by_hana(), redeemed: NOW.minus(60) };
    let everything = Notices {
        failures_since_last_login: 300,
        password_is_weak: true,
        password_set_with_code: Some(set_with_code),
        record_moved: Some(NOW.minus(HOUR)),
    };
    vec![
        reply(
            "user/reply-notices-shown",
            "Three hundred failures, a weak password, and a one-time code that set it, and a move to a new key.",
            22,
            UserReply::NoticesShown(everything),
        ),
        reply(
            "user/reply-notices-shown-none",
            "Nothing to know: three zeros.",
            22,
            UserReply::NoticesShown(Notices::default()),
        ),
    ]
}

fn device_lists() -> Vec<Example> {
    let phone = RememberedDevice {
        id: u64::MAX >> 1,
        device: "Zoës Telefon".to_owned(),
        created: NOW.minus(30 * DAY),
        last_used: NOW,
    };
    let laptop = RememberedDevice {
        id: 0x0123_4567_89ab_cdef,
        device: "laptop".to_owned(),
        created: NOW.minus(HOUR),
        last_used: NOW.minus(HOUR),
    };
    vec![
        reply(
            "user/reply-devices-listed",
            "Two devices, the one that logged in last first.",
            20,
            UserReply::DevicesListed(vec![phone, laptop]),
        ),
        reply(
            "user/reply-devices-listed-none",
            "An empty list is one zero.",
            20,
            UserReply::DevicesListed(vec![]),
        ),
    ]
}

/// A field of a later version.
fn a_later_field() -> Later {
    vec![Item { number: 250, content: b"later".to_vec() }]
}

fn greetings() -> Vec<Example> {
    let pins = Item { number: later::NEXT_PINS, content: [[7; 32], [8; 32]].concat() };
    let largest = Greeting {
        version: u32::MAX,
        request_bytes_max_before_login: u64::MAX,
        request_bytes_max: u64::MAX,
        later: vec![pins, Item { number: u32::MAX, content: Vec::new() }],
    };
    let factors = [(250, vec![1, 2]), (251, Vec::new())];
    let factors = factors.map(|(number, content)| Open::Unknown(Item { number, content }));
    vec![
        reply(
            "user/reply-greeting",
            "What comes before the first reply, with the number 0.",
            0,
            UserReply::Greeting(Greeting::of_this_version()),
        ),
        reply(
            "user/reply-greeting-later",
            "Another version, with a reserved field and one that nobody knows.",
            0,
            UserReply::Greeting(largest),
        ),
        reply(
            "user/reply-login-continues",
            "Two factors that this version does not know.",
            4,
            UserReply::LoginContinues { factors: factors.to_vec() },
        ),
    ]
}

/// What some codes say beside their number.
fn details() -> Vec<Example> {
    let refused = |name, shows, code, detail: Detail| {
        reply(name, shows, 2, UserReply::Refused(Refusal::new(code, "no").with(&detail)))
    };
    let unknown = || Item { number: 250, content: vec![7] };
    vec![
        refused(
            "user/reply-refused-field",
            "Which field it is.",
            RefusalCode::BadField,
            Detail::Field(Field::Gender.into()),
        ),
        refused(
            "user/reply-refused-field-later",
            "A field that nobody knows yet.",
            RefusalCode::BadField,
            Detail::Field(Open::Unknown(unknown())),
        ),
        refused(
            "user/reply-refused-session-ended",
            "A session that ended; why is not said.",
            RefusalCode::SessionEnded,
            Detail::Ended(None),
        ),
        refused(
            "user/reply-refused-session-ended-reason",
            "A session that a new password ended.",
            RefusalCode::SessionEnded,
            Detail::Ended(Some(SessionEnd::PasswordChanged.into())),
        ),
        refused(
            "user/reply-refused-session-ended-later",
            "A session that ended for a reason that nobody knows yet.",
            RefusalCode::SessionEnded,
            Detail::Ended(Some(Open::Unknown(unknown()))),
        ),
        refused(
            "user/reply-refused-suspended",
            "Until when, and why.",
            RefusalCode::Suspended,
            Detail::Suspended { until: Some(NOW.plus(DAY)), reason: Some("Gebühr offen".to_owned()) },
        ),
        refused(
            "user/reply-refused-code-used",
            "A code that set a password a minute ago.",
            RefusalCode::CodeUsed,
            Detail::UsedAt(NOW.minus(60)),
        ),
    ]
}

/// Each code, each field, and each reason why a session ended.
fn every_code() -> Vec<Example> {
    let refused = |kind: &str, case: &dyn std::fmt::Debug, refusal: Refusal| {
        let name = format!("user/reply-refused-{kind}-{case:?}").to_lowercase();
        reply(&name, &format!("{case:?}, by its number."), 3, UserReply::Refused(refusal))
    };
    let codes = RefusalCode::ALL.into_iter().map(|code| {
        let refusal = Refusal::new(code, "no");
        let refusal = match code {
            RefusalCode::BadField => refusal.with(&Detail::Field(Field::Name.into())),
            RefusalCode::SessionEnded => refusal.with(&Detail::Ended(None)),
            RefusalCode::Suspended => refusal.with(&Detail::Suspended { until: None, reason: None }),
            RefusalCode::CodeUsed => refusal.with(&Detail::UsedAt(NOW)),
            _ => refusal,
        };
        refused("code", &code, refusal)
    });
    let fields = Field::ALL.into_iter().map(|field| {
        refused("of", &field, Refusal::new(RefusalCode::BadField, "no").with(&Detail::Field(field.into())))
    });
    let ends = SessionEnd::ALL.into_iter().map(|end| {
        let detail = Detail::Ended(Some(end.into()));
        refused("ended", &end, Refusal::new(RefusalCode::SessionEnded, "no").with(&detail))
    });
    codes.chain(fields).chain(ends).collect()
}

/// A field that were narrower in some reader would not hold these.
fn largest_numbers() -> Vec<Example> {
    let token = || SessionToken::from_bytes([0xff; 32]);
    let (at, many) = (UnixSeconds::MAX, u64::MAX);
    let session = NewSession {
        token: token(),
        name: String::new(),
        last_login: Some(at),
        expires: at,
        idle_secs_max: many,
        device_known: true,
        move_record: true,
        witness: Vec::new(),
        later: Later::new(),
    };
    let listed = Session {
        id: many,
        device: String::new(),
        source: String::new(),
        created: at,
        last_used: at,
        expires: at,
        current: true,
        later: Later::new(),
    };
    let device = RememberedDevice { id: many, device: String::new(), created: at, last_used: at };
    let issued = CodeIssued { by: String::new(), at };
    let notices = Notices {
        failures_since_last_login: many,
        password_is_weak: true,
        password_set_with_code: Some(SetWithCode { issued: issued.clone(), redeemed: at }),
        record_moved: Some(at),
    };
    let server = ServerDescription {
        version: String::new(),
        registration_open: false,
        password_chars_min: many,
        now: at,
    };
    let largest = |name: &str, body| reply(name, "The largest number in each of its fields.", many, body);
    vec![
        largest("user/reply-logged-in-largest", UserReply::LoggedIn(session)),
        largest("user/reply-sessions-listed-largest", UserReply::SessionsListed(vec![listed])),
        largest("user/reply-devices-listed-largest", UserReply::DevicesListed(vec![device])),
        largest("user/reply-record-moved-largest", UserReply::RecordMoved { sessions_ended: many }),
        largest("user/reply-notices-shown-largest", UserReply::NoticesShown(notices)),
        largest("user/reply-server-described-largest", UserReply::ServerDescribed(server)),
        largest("user/reply-account-deleted-largest", UserReply::AccountDeleted { restorable_until: at }),
        largest("user/reply-logged-out-largest", UserReply::LoggedOut { sessions_ended: many }),
        largest(
            "user/reply-password-reset-largest",
            UserReply::PasswordReset { name: String::new(), code: issued },
        ),
    ]
}

fn refusals() -> Vec<Example> {
    let mut retry = Refusal::new(RefusalCode::Busy, "the server is busy; try again in 250 ms");
    retry.retry_after_ms = Some(250);
    let code = Item { number: u32::MAX, content: vec![0, 0xff] };
    let newer = Refusal { code, message: String::new(), retry_after_ms: Some(u64::MAX) };
    vec![
        reply(
            "user/reply-refused",
            "A refusal that waiting does not help.",
            2,
            UserReply::Refused(Refusal::new(
                RefusalCode::WrongCredentials,
                "the name or the password is wrong",
            )),
        ),
        reply(
            "user/reply-refused-busy",
            "A refusal that says how long to wait.",
            2,
            UserReply::Refused(retry),
        ),
        reply(
            "user/reply-refused-unknown-code",
            "A code that no client knows yet is still a message, with whatever it says beside.",
            2,
            UserReply::Refused(newer),
        ),
        reply(
            "user/reply-refused-malformed",
            "The last reply to a peer that broke the protocol has the number 0.",
            0,
            UserReply::Refused(Refusal::new(
                RefusalCode::Malformed,
                "an empty frame was sent; the connection ends here",
            )),
        ),
    ]
}

fn new_sessions() -> Vec<Example> {
    let opened = |descending: bool, last_login: Option<UnixSeconds>, device_known: bool| NewSession {
        token: token(descending),
        name: "naman".to_owned(),
        last_login,
        expires: NOW.plus(DAY),
        idle_secs_max: 3_600,
        device_known,
        move_record: false,
        witness: Vec::new(),
        later: Later::new(),
    };
    let of_a_later_server = NewSession {
        witness: (0..128).collect(),
        later: a_later_field(),
        ..opened(false, Some(NOW.minus(DAY)), true)
    };
    vec![
        reply(
            "user/reply-logged-in",
            "The first login of an account, from a device that is not remembered.",
            2,
            UserReply::LoggedIn(opened(false, None, false)),
        ),
        reply(
            "user/reply-logged-in-again",
            "A later login, from a device that is, says when the one before was.",
            2,
            UserReply::LoggedIn(opened(false, Some(NOW.minus(DAY)), true)),
        ),
        reply(
            "user/reply-logged-in-move-record",
            "A login by a record of a key that the server is replacing.",
            2,
            UserReply::LoggedIn(NewSession {
                move_record: true,
                ..opened(false, Some(NOW.minus(DAY)), true)
            }),
        ),
        reply(
            "user/reply-record-moved",
            "Two other sessions ended.",
            4,
            UserReply::RecordMoved { sessions_ended: 2 },
        ),
        reply(
            "user/reply-logged-in-later",
            "The longest witness, and a field of a later version.",
            2,
            UserReply::LoggedIn(of_a_later_server),
        ),
        reply(
            "user/reply-password-changed",
            "A new password brings a new token.",
            6,
            UserReply::PasswordChanged(opened(true, Some(NOW.minus(HOUR)), false)),
        ),
    ]
}

fn accounts() -> Vec<Example> {
    let full = Profile {
        email: Some("naman@example.org".to_owned()),
        age: Some(40),
        gender: Some("männlich".to_owned()),
    };
    let naman = |profile: Profile| Account {
        name: "naman".to_owned(),
        profile,
        created: NOW,
        last_login: Some(NOW.plus(60)),
        later: Later::new(),
    };
    let edge = Account {
        name: "naman".to_owned(),
        profile: Profile { age: Some(0), ..Profile::default() },
        created: UnixSeconds::from_seconds(i64::MIN),
        last_login: Some(UnixSeconds::MAX),
        later: a_later_field(),
    };
    let before_1970 =
        Account { created: UnixSeconds::from_seconds(-1), last_login: None, ..naman(Profile::default()) };
    let updated = Profile { age: Some(35), ..full.clone() };
    vec![
        reply(
            "user/reply-account-shown",
            "An account with a full profile.",
            3,
            UserReply::AccountShown(naman(full)),
        ),
        reply(
            "user/reply-account-shown-before-1970",
            "Times are signed: the second before 1970 is -1, the varint 1.",
            3,
            UserReply::AccountShown(before_1970),
        ),
        reply(
            "user/reply-account-shown-extreme-times",
            "The lowest and the highest time that there is, and a field of a later version.",
            3,
            UserReply::AccountShown(edge),
        ),
        reply(
            "user/reply-account-updated",
            "The account as it is after the update.",
            4,
            UserReply::AccountUpdated(naman(updated)),
        ),
    ]
}

fn session_lists() -> Vec<Example> {
    let laptop = Session {
        id: 0x0123_4567_89ab_cdef,
        device: "laptop".to_owned(),
        source: "192.0.2.7".to_owned(),
        created: NOW,
        last_used: NOW.plus(60),
        expires: NOW.plus(DAY),
        current: true,
        later: a_later_field(),
    };
    let phone = Session {
        id: u64::MAX >> 1,
        device: "Zoës Telefon".to_owned(),
        source: "2001:db8::7".to_owned(),
        created: NOW.minus(HOUR),
        last_used: NOW.minus(HOUR),
        expires: NOW.minus(HOUR).plus(DAY),
        current: false,
        later: Later::new(),
    };
    vec![
        reply(
            "user/reply-sessions-listed",
            "Two sessions, the newest first; one has a field of a later version.",
            5,
            UserReply::SessionsListed(vec![laptop, phone]),
        ),
        reply(
            "user/reply-sessions-listed-none",
            "An empty list is one zero.",
            5,
            UserReply::SessionsListed(vec![]),
        ),
    ]
}
